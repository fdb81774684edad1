package dev.tenfold.benchmarks;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.task.TaskInstance;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/** db-scheduler: one-time tasks with a string for data, in the table that its documentation gives, with all its indexes. */
final class JobDbScheduler implements JobPeer {
    private static final String TABLE = """
            create table scheduled_tasks (
              task_name text not null,
              task_instance text not null,
              task_data bytea,
              execution_time timestamp with time zone,
              picked boolean not null,
              picked_by text,
              last_success timestamp with time zone,
              last_failure timestamp with time zone,
              consecutive_failures int,
              last_heartbeat timestamp with time zone,
              version bigint not null,
              priority smallint,
              state text,
              primary key (task_name, task_instance));
            create index execution_time_idx on scheduled_tasks (execution_time);
            create index last_heartbeat_idx on scheduled_tasks (last_heartbeat);
            create index priority_execution_time_idx on scheduled_tasks (priority desc, execution_time asc)
            """;

    private final HikariDataSource pool;
    private final int threads;
    private final double lower;
    private final double upper;
    private final InstantSource clock = InstantSource.system();
    private volatile LongConsumer handler = id -> {};
    private final OneTimeTask<String> task = Tasks.oneTime("mail", String.class)
            .execute((instance, context) -> handler.accept(JobPayload.id(instance.getData())));
    private volatile Scheduler scheduler;

    private JobDbScheduler(HikariDataSource pool, int threads, double lower, double upper) throws SQLException {
        this.pool = pool;
        this.threads = threads;
        this.lower = lower;
        this.upper = upper;
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(TABLE);
        }
        this.scheduler = build();
    }

    static JobContender contender(int threads, double lower, double upper) {
        return new JobContender(
                "db-scheduler",
                Versions.of("db-scheduler") + ": pollUsingLockAndFetch(" + lower + ", " + upper + "), " + threads
                        + " threads, pollingInterval 100 ms, enableImmediateExecution, scheduleBatch,"
                        + " reWriteBatchedInserts, pool of " + (threads + 10),
                threads + 10,
                "&reWriteBatchedInserts=true",
                20_000,
                false,
                pool -> new JobDbScheduler(pool, threads, lower, upper));
    }

    private Scheduler build() {
        return Scheduler.create(pool, task)
                .threads(threads)
                .pollUsingLockAndFetch(lower, upper)
                .pollingInterval(Duration.ofMillis(100))
                .enableImmediateExecution()
                .build();
    }

    private TaskInstance<String> instance(JobPayload payload) {
        return task.instance(Long.toString(payload.id()), payload.json());
    }

    @Override
    public void enqueue(JobPayload payload) {
        scheduler.schedule(instance(payload), clock.instant());
    }

    @Override
    public void enqueueAll(List<JobPayload> payloads) {
        List<TaskInstance<?>> instances = new ArrayList<>(payloads.size());
        for (JobPayload payload : payloads) {
            instances.add(instance(payload));
        }
        scheduler.scheduleBatch(instances, clock.instant());
    }

    @Override
    public void start(LongConsumer handler) {
        this.handler = handler;
        scheduler.start();
    }

    /** A scheduler that was stopped does not start again. */
    @Override
    public void stop() {
        scheduler.stop();
        scheduler = build();
    }

    @Override
    public String tables() {
        return "scheduled_tasks";
    }

    @Override
    public String unfinished() {
        return "select 1 from scheduled_tasks limit 1";
    }

    @Override
    public void close() {}
}
