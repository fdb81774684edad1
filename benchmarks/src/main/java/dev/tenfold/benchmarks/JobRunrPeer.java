package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import java.util.List;
import java.util.function.LongConsumer;
import org.jobrunr.jobs.lambdas.JobRequest;
import org.jobrunr.jobs.lambdas.JobRequestHandler;
import org.jobrunr.jobs.mappers.JobMapper;
import org.jobrunr.scheduling.JobRequestScheduler;
import org.jobrunr.server.BackgroundJobServer;
import org.jobrunr.server.BackgroundJobServerConfiguration;
import org.jobrunr.server.JobActivator;
import org.jobrunr.storage.StorageProvider;
import org.jobrunr.storage.sql.postgres.PostgresStorageProvider;
import org.jobrunr.utils.mapper.JsonMapper;
import org.jobrunr.utils.mapper.jackson.JacksonJsonMapper;
import org.jspecify.annotations.Nullable;

/** JobRunr: job requests, in the tables that its own migrations make. It keeps finished jobs, as it always does. */
final class JobRunrPeer implements JobPeer {
    private final int workers;
    private final JsonMapper json = new JacksonJsonMapper();
    private final StorageProvider storage;
    private final JobRequestScheduler client;
    private @Nullable BackgroundJobServer server;

    /** One job. Public, as JobRunr calls it by reflection. */
    public static final class Request implements JobRequest {
        private static final long serialVersionUID = 1L;

        private final String json;

        /** For Jackson. */
        Request() {
            this("");
        }

        Request(String json) {
            this.json = json;
        }

        @Override
        public Class<Handler> getJobRequestHandler() {
            return Handler.class;
        }
    }

    /** Made by the server's activator, one a job. */
    public static final class Handler implements JobRequestHandler<Request> {
        private final LongConsumer handler;

        Handler(LongConsumer handler) {
            this.handler = handler;
        }

        @Override
        public void run(Request request) {
            handler.accept(JobPayload.id(request.json));
        }
    }

    private JobRunrPeer(HikariDataSource pool, int workers) {
        this.workers = workers;
        this.storage = new PostgresStorageProvider(pool);
        storage.setJobMapper(new JobMapper(json));
        this.client = new JobRequestScheduler(storage);
    }

    static JobContender contender(int workers) {
        return new JobContender(
                "jobrunr",
                Versions.of("jobrunr") + ": JobRequests, JSON by Jackson, " + workers
                        + " workers, poll interval 5 s (the shortest that it takes), enqueue(stream),"
                        + " reWriteBatchedInserts, pool of " + (workers + 4)
                        + "; drains count from its first handler call",
                workers + 4,
                "&reWriteBatchedInserts=true",
                20_000,
                true,
                pool -> new JobRunrPeer(pool, workers));
    }

    @Override
    public void enqueue(JobPayload payload) {
        Object unused = client.enqueue(new Request(payload.json()));
    }

    @Override
    public void enqueueAll(List<JobPayload> payloads) {
        client.enqueue(payloads.stream().map(payload -> new Request(payload.json())));
    }

    @Override
    public void start(LongConsumer handler) {
        BackgroundJobServerConfiguration settings =
                BackgroundJobServerConfiguration.usingStandardBackgroundJobServerConfiguration()
                        .andPollIntervalInSeconds(5)
                        .andWorkerCount(workers);
        JobActivator activator = new JobActivator() {
            @Override
            public <T> T activateJob(Class<T> type) {
                return type.cast(new Handler(handler));
            }
        };
        server = new BackgroundJobServer(storage, json, activator, settings);
        server.start();
    }

    @Override
    public void stop() {
        if (server != null) server.stop();
        server = null;
    }

    @Override
    public String tables() {
        return "jobrunr_jobs";
    }

    @Override
    public String unfinished() {
        return "select 1 from jobrunr_jobs where state <> 'SUCCEEDED' limit 1";
    }

    @Override
    public void close() {
        stop();
        client.shutdown();
        storage.close();
    }
}
