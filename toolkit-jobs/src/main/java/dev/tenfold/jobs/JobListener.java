package dev.tenfold.jobs;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Hears of each job: for traces, logs, and metrics of your own.
 *
 * <pre>{@code
 * new JobListener() {
 *     public void enqueuing(String kind, String queue, Map<String, String> headers) {
 *         propagator.inject(Context.current(), headers, Map::put);        // the traceparent goes with the job
 *     }
 *     public Scope starting(JobContext ctx) {
 *         Span span = tracer.spanBuilder(ctx.kind()).addLink(linkOf(ctx.headers())).startSpan();
 *         return span.makeCurrent()::close;
 *     }
 * }
 * }</pre>
 *
 * <p>Called on the threads that enqueue and run jobs, so it is thread-safe and does not block. What it throws while a job is
 * enqueued goes to who enqueues it; elsewhere it is logged, and the job goes on.
 */
public interface JobListener {
    /** What is to be closed on the same thread when the handler has returned. */
    @FunctionalInterface
    interface Scope {
        /** Nothing to close. */
        Scope NONE = () -> {};

        /** Closes it. */
        void close();
    }

    /** How an attempt ended. */
    enum Outcome {
        /** The handler returned. Whether the end was recorded in time shows {@link #LOST}, which may follow. */
        DONE,
        /** It threw; the job runs again later. */
        RETRIED,
        /** It asked to run again later. */
        SNOOZED,
        /** It was given up. */
        DEAD,
        /** It was cancelled. */
        CANCELLED,
        /** The worker stopped before it was done; it runs elsewhere. */
        RELEASED,
        /** The lease was lost: what the handler did may be done again by somebody else, its end is not recorded. */
        LOST
    }

    /**
     * A job, or many alike, is about to be enqueued.
     *
     * @param kind its kind's name
     * @param queue its queue's name
     * @param headers to be added to
     */
    default void enqueuing(String kind, String queue, Map<String, String> headers) {}

    /**
     * Jobs of a kind have been inserted; in a caller's transaction, which may yet be rolled back.
     *
     * @param kind their kind's name
     * @param queue their queue's name
     * @param jobs how many; duplicates are not counted
     */
    default void enqueued(String kind, String queue, long jobs) {}

    /**
     * A handler is about to run, on this thread.
     *
     * @param context the job's
     * @return closed when the handler has returned
     */
    default Scope starting(JobContext context) {
        return Scope.NONE;
    }

    /**
     * An attempt has ended.
     *
     * @param context the job's
     * @param outcome how
     * @param ran how long the handler ran; zero if it did not
     * @param thrown what it threw, if anything
     */
    default void ended(JobContext context, Outcome outcome, Duration ran, @Nullable Throwable thrown) {}
}
