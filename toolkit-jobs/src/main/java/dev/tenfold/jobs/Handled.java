package dev.tenfold.jobs;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A kind of job, what does its work, and how. */
final class Handled<T> {
    final Kind<T> kind;
    final JobHandler<T> handler;
    final RetryPolicy retry;
    /** 0 for none. */
    final long timeoutNanos;

    final @Nullable Breaker breaker;

    Handled(Kind<T> kind, JobHandler<T> handler, HandlerOptions options, RetryPolicy workers) {
        this.kind = kind;
        this.handler = handler;
        retry = options.retry == null ? workers : options.retry;
        timeoutNanos = options.timeout == null ? 0 : options.timeout.toNanos();
        breaker = options.breakerRate == 0 ? null : new Breaker(kind.name, options.breakerRate, options.breakerOpen);
    }

    T read(Claimed job, PayloadCodec codec) throws Exception {
        return kind.read(job.payload, job.payloadVersion, codec);
    }

    boolean isBreakerClosed() {
        return breaker == null || breaker.isClosed();
    }

    /** What a job of it is called in the log. */
    String named(Claimed job) {
        return kind.name + " #" + job.id;
    }

    Duration timeout() {
        return Duration.ofNanos(timeoutNanos);
    }
}
