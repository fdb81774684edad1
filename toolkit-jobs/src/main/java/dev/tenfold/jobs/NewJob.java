package dev.tenfold.jobs;

import org.jspecify.annotations.Nullable;

/** A job, or many that differ in their payloads alone, as they are put into the table. */
final class NewJob {
    final int queue;
    final int kind;
    final int priority;
    /** Microseconds: from now if {@link #fromNow}, else since 1970, or {@link Times#WAITING}. */
    final long due;

    final boolean fromNow;
    final int maxAttempts;
    final int payloadVersion;
    final @Nullable String headers;
    final byte @Nullable [] uniqueKey;
    /** Microseconds in which the key counts, from now; 0 for as long as the job is unfinished. */
    final long uniqueFor;

    final @Nullable String concurrencyKey;
    final int concurrencyLimit;
    final @Nullable Long batch;

    @SuppressWarnings("TooManyParameters")
    NewJob(
            int queue,
            int kind,
            int priority,
            long due,
            boolean fromNow,
            int maxAttempts,
            int payloadVersion,
            @Nullable String headers,
            byte @Nullable [] uniqueKey,
            long uniqueFor,
            @Nullable String concurrencyKey,
            int concurrencyLimit,
            @Nullable Long batch) {
        this.queue = queue;
        this.kind = kind;
        this.priority = priority;
        this.due = due;
        this.fromNow = fromNow;
        this.maxAttempts = maxAttempts;
        this.payloadVersion = payloadVersion;
        this.headers = headers;
        this.uniqueKey = uniqueKey;
        this.uniqueFor = uniqueFor;
        this.concurrencyKey = concurrencyKey;
        this.concurrencyLimit = concurrencyLimit;
        this.batch = batch;
    }
}
