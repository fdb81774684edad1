package dev.tenfold.jobs;

import java.time.Duration;

/** The settings of a worker. */
public final class WorkerBuilder {
    WorkerBuilder() {}

    /** Not yet. */
    public WorkerBuilder ageing(Duration interval) {
        return this;
    }
}
