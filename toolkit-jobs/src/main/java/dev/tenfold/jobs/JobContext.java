package dev.tenfold.jobs;

import java.time.Instant;

/** What a handler knows of the job that it runs. */
public final class JobContext {
    JobContext() {}

    String queue() {
        return "";
    }

    String kind() {
        return "";
    }

    Instant dueAt() {
        return Instant.EPOCH;
    }
}
