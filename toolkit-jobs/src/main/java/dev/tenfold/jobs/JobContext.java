package dev.tenfold.jobs;

/** What a handler knows of the job that it runs. */
public final class JobContext {
    JobContext() {}
}
