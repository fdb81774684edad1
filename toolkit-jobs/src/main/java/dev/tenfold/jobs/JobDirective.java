package dev.tenfold.jobs;

/**
 * What a handler throws to say that its job has neither succeeded nor failed: made by {@link JobContext#snooze}, {@link
 * JobContext#reject} and {@link JobContext#cancel}. It has no stack trace, since nothing went wrong.
 */
public final class JobDirective extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What becomes of the job. */
    enum Wish {
        SNOOZE,
        REJECT,
        CANCEL
    }

    /** What the handler wants. */
    final Wish wish;

    /** After how many microseconds; of a snooze. */
    final long delayMicros;

    JobDirective(Wish wish, long delayMicros, String message) {
        super(message, null, false, false);
        this.wish = wish;
        this.delayMicros = delayMicros;
    }
}
