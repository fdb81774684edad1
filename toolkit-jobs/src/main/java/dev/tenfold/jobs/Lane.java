package dev.tenfold.jobs;

/** The jobs of one queue and one priority, in the order in which they are due: what one claim takes from. */
record Lane(int queue, int priority) {
    /** Behind the last row that a claim has looked at: the next claim of the lane need not wade through what is before. */
    record Cursor(long runAt, long id) {
        static final Cursor START = new Cursor(Long.MIN_VALUE, 0);
    }

    /** The lane's first job behind the cursor. */
    record Head(Lane lane, long runAt, long id) {}
}
