package dev.tenfold.jobs;

/** What is kept of jobs that are done. */
public enum History {
    /** Nothing: a finished job is deleted. The default, and the fastest. */
    OFF,
    /** One row a job: kind, queue, outcome, times, attempts. */
    SUMMARY,
    /** The same with payload and headers. */
    FULL
}
