package dev.tenfold.jobs;

/** How a job is enqueued. Immutable. */
public final class EnqueueOptions {
    private EnqueueOptions() {}

    /** Not yet. */
    public EnqueueOptions unique(String key) {
        return this;
    }
}
