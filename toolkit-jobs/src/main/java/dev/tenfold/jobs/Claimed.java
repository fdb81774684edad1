package dev.tenfold.jobs;

import org.jspecify.annotations.Nullable;

/** A job as a claim returns it: this process has it until its lease ends. */
final class Claimed {
    final long id;
    final long lease;
    final long runAt;
    final long createdAt;
    final int queue;
    final int kind;
    final int priority;
    final int attempt;
    final int failures;
    final int maxAttempts;
    final int payloadVersion;
    final byte[] payload;
    final @Nullable String headers;
    final @Nullable String concurrencyKey;
    final int concurrencyLimit;
    final boolean admitted;
    /** 0 if nothing waits for it. */
    final long batch;
    /** Somebody asked the worker that had it before to stop it. */
    final boolean cancelled;

    @SuppressWarnings("TooManyParameters")
    Claimed(
            long id,
            long lease,
            long runAt,
            long createdAt,
            int queue,
            int kind,
            int priority,
            int attempt,
            int failures,
            int maxAttempts,
            int payloadVersion,
            byte[] payload,
            @Nullable String headers,
            @Nullable String concurrencyKey,
            int concurrencyLimit,
            boolean admitted,
            long batch,
            boolean cancelled) {
        this.id = id;
        this.lease = lease;
        this.runAt = runAt;
        this.createdAt = createdAt;
        this.queue = queue;
        this.kind = kind;
        this.priority = priority;
        this.attempt = attempt;
        this.failures = failures;
        this.maxAttempts = maxAttempts;
        this.payloadVersion = payloadVersion;
        this.payload = payload;
        this.headers = headers;
        this.concurrencyKey = concurrencyKey;
        this.concurrencyLimit = concurrencyLimit;
        this.admitted = admitted;
        this.batch = batch;
        this.cancelled = cancelled;
    }

    /** Whether something else changes when it is finished: its batch, or whoever waits for its place; or it left errors. */
    boolean isLinked() {
        return batch != 0 || concurrencyKey != null || failures > 0;
    }

    /** Whether it may run only if there is a place under its concurrency key; one that is cancelled does not run. */
    boolean needsPlace() {
        return concurrencyKey != null && !admitted && !cancelled;
    }

    /** The same, with a place under its concurrency key. */
    Claimed withPlace() {
        return new Claimed(
                id,
                lease,
                runAt,
                createdAt,
                queue,
                kind,
                priority,
                attempt,
                failures,
                maxAttempts,
                payloadVersion,
                payload,
                headers,
                concurrencyKey,
                concurrencyLimit,
                true,
                batch,
                cancelled);
    }
}
