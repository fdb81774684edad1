package dev.tenfold.benchmarks;

import java.util.List;
import java.util.function.LongConsumer;

/** A job queue in a database of its own. */
interface JobPeer extends AutoCloseable {
    /** Enqueues a job that is due now; by many threads at once. */
    void enqueue(JobPayload payload) throws Exception;

    /** Enqueues as many with one call, in the fastest way there is. */
    void enqueueAll(List<JobPayload> payloads) throws Exception;

    /** Begins to work: each job hands its payload's id to the handler. */
    void start(LongConsumer handler) throws Exception;

    /** Works no more; returns when nothing runs. What was started may be started again. */
    void stop() throws Exception;

    /** Its tables with a job in them, with commas between. */
    String tables();

    /** A query with a row in its answer as long as a job is unfinished. */
    String unfinished();

    @Override
    void close();
}
