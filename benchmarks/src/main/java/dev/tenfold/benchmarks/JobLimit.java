package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.postgresql.PGConnection;

/**
 * What can be had with JDBC by hand, and nothing but speed in mind: no retries, no priorities, no metrics, and a process that
 * loses its claims is not missed by anybody.
 */
final class JobLimit implements JobPeer {
    private static final int THREADS = 4;
    private static final int BATCH = 500;

    private static final String TABLE = """
            create table job (
              id bigint generated always as identity primary key,
              queue integer not null default 1,
              payload text not null,
              run_at timestamptz not null default now(),
              state smallint not null default 0,
              attempts smallint not null default 0,
              lease bigint not null default 0,
              worker bigint not null default 0,
              lease_until timestamptz);
            create index job_due on job (queue, run_at, id) where state = 0
            """;
    private static final String INSERT = "insert into job (payload) values (?)";
    private static final String INSERT_AND_NOTIFY =
            "with j as (insert into job (payload) values (?) returning id) select pg_notify('job', '') from j";
    private static final String INSERT_ALL = "insert into job (payload) select unnest(?)";
    private static final String CLAIM = """
            with c as materialized (
              select id from job where queue = 1 and state = 0 and run_at <= now() order by run_at, id limit ?
              for update skip locked)
            update job j set state = 1, attempts = attempts + 1, lease = lease + 1, worker = 7,
              lease_until = now() + interval '30 seconds'
            from c where j.id = c.id returning j.id, j.lease, j.payload
            """;
    private static final String FINISH = """
            delete from job j using unnest(?, ?) as d(id, lease)
            where j.id = d.id and j.lease = d.lease and j.worker = 7
            """;

    private final HikariDataSource pool;
    private final boolean notifies;
    private final Semaphore wakeups = new Semaphore(0);
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean stopped;

    private JobLimit(HikariDataSource pool, boolean notifies) throws SQLException {
        this.pool = pool;
        this.notifies = notifies;
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(TABLE);
        }
    }

    /** @param notifies whether the insert notifies another connection, as if it were another process, or signals a thread */
    static JobContender contender(boolean notifies) {
        return new JobContender(
                "limit",
                "JDBC by hand: " + THREADS + " threads claim " + BATCH + " with UPDATE … SKIP LOCKED and delete "
                        + BATCH
                        + " by arrays of ids and leases; inserts of many by unnest; woken "
                        + (notifies ? "by NOTIFY in the insert's transaction" : "in the process"),
                2 * THREADS + 2,
                "",
                200_000,
                false,
                pool -> new JobLimit(pool, notifies));
    }

    @Override
    public void enqueue(JobPayload payload) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement insert = connection.prepareStatement(notifies ? INSERT_AND_NOTIFY : INSERT)) {
            insert.setString(1, payload.json());
            insert.execute();
        }
        if (!notifies) wakeups.release();
    }

    @Override
    public void enqueueAll(List<JobPayload> payloads) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement insert = connection.prepareStatement(INSERT_ALL)) {
            Array texts = connection.createArrayOf(
                    "text", payloads.stream().map(JobPayload::json).toArray());
            insert.setArray(1, texts);
            insert.executeUpdate();
        }
    }

    @Override
    public void start(LongConsumer handler) {
        stopped = false;
        for (int i = 0; i < THREADS; i++) {
            run("limit-" + i, connection -> work(connection, handler));
        }
        if (notifies) run("limit-listener", this::listen);
    }

    private interface Loop {
        void run(Connection connection) throws Exception;
    }

    private void run(String name, Loop loop) {
        Thread thread = new Thread(
                () -> {
                    try (Connection connection = pool.getConnection()) {
                        loop.run(connection);
                    } catch (Exception e) {
                        throw new IllegalStateException("a thread of the limit fails", e); // the drain times out
                    }
                },
                name);
        threads.add(thread);
        thread.start();
    }

    private void work(Connection connection, LongConsumer handler) throws SQLException, InterruptedException {
        List<Long> ids = new ArrayList<>();
        List<Long> leases = new ArrayList<>();
        try (PreparedStatement claim = connection.prepareStatement(CLAIM);
                PreparedStatement finish = connection.prepareStatement(FINISH)) {
            claim.setInt(1, BATCH);
            while (!stopped) {
                ids.clear();
                leases.clear();
                try (ResultSet rows = claim.executeQuery()) {
                    while (rows.next()) {
                        ids.add(rows.getLong(1));
                        leases.add(rows.getLong(2));
                        handler.accept(JobPayload.id(rows.getString(3)));
                    }
                }
                if (ids.isEmpty()) {
                    boolean unused = wakeups.tryAcquire(100, TimeUnit.MILLISECONDS);
                    continue;
                }
                finish.setArray(1, connection.createArrayOf("bigint", ids.toArray()));
                finish.setArray(2, connection.createArrayOf("bigint", leases.toArray()));
                finish.executeUpdate();
            }
        }
    }

    private void listen(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("listen job");
            PGConnection postgres = connection.unwrap(PGConnection.class);
            while (!stopped) {
                int heard = postgres.getNotifications(100).length;
                wakeups.release(heard);
            }
            statement.execute("unlisten job");
        }
    }

    @Override
    public void stop() throws InterruptedException {
        stopped = true;
        for (Thread thread : threads) {
            thread.join(TimeUnit.SECONDS.toMillis(30));
        }
        threads.clear();
        int unused = wakeups.drainPermits();
    }

    @Override
    public String tables() {
        return "job";
    }

    @Override
    public String unfinished() {
        return "select 1 from job limit 1";
    }

    @Override
    public void close() {}
}
