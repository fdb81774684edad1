package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.jobs.JobQueue;
import dev.tenfold.jobs.JobSchema;
import dev.tenfold.jobs.Worker;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** Ours: a queue with all its defaults, leases, heartbeats and fences among them; JSON by Jackson. */
final class JobOurs implements JobPeer {
    private static final int HANDLERS = 20;
    private static final int CONNECTIONS = 12;

    private final JobQueue jobs;
    /** The same, or another one that knows nothing of the worker, as in another process. */
    private final JobQueue enqueuing;

    private @Nullable Worker worker;

    private JobOurs(HikariDataSource pool, boolean apart) {
        JobSchema.install(pool);
        jobs = JobQueue.on(pool);
        enqueuing = apart ? JobQueue.on(pool) : jobs;
    }

    /** @param apart whether it enqueues as another process would */
    static JobContender contender(boolean apart) {
        return new JobContender(
                JobsTopic.OURS,
                "defaults: concurrency " + HANDLERS + ", lease 30 s, heartbeat 10 s, JSON by Jackson; pool of "
                        + CONNECTIONS + (apart ? "; enqueues through another JobQueue than the worker's" : ""),
                CONNECTIONS,
                "",
                200_000,
                false,
                pool -> new JobOurs(pool, apart));
    }

    @Override
    public void enqueue(JobPayload payload) {
        Object unused = enqueuing.enqueue(payload);
    }

    @Override
    public void enqueueAll(List<JobPayload> payloads) {
        long unused = enqueuing.enqueueAll(payloads);
    }

    @Override
    public void start(LongConsumer handler) {
        worker = jobs.worker()
                .handle(JobPayload.class, (job, ctx) -> handler.accept(job.id()))
                .concurrency(HANDLERS)
                .start();
    }

    @Override
    public void stop() {
        if (worker != null) worker.close();
        worker = null;
    }

    @Override
    public String tables() {
        return "tenfold_job";
    }

    @Override
    public String unfinished() {
        return "select 1 from tenfold_job limit 1";
    }

    @Override
    public void close() {
        stop();
        enqueuing.close();
        jobs.close();
    }
}
