package dev.tenfold.benchmarks;

/** One module's comparisons. A new one is a class and a line in {@link Compare#TOPICS}. */
interface Topic {
    /** The word on the command line, and the first part of the names of its rows. */
    String name();

    /** Starts what it needs, verifies and measures the contenders, reports to the session, and stops what it started. */
    void run(Session session) throws Exception;
}
