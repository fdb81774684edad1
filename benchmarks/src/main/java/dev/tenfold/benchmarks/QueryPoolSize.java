package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.pool.PoolHealth.Figures;
import dev.tenfold.query.pool.PoolSize;
import dev.tenfold.query.pool.PoolWatch;
import dev.tenfold.query.pool.Pools;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;

/**
 * Whether the computed size of a pool serves as much as the best of a sweep, for kinds of work that keep connections busy with
 * different things.
 *
 * <p>So many threads as a server has, each of which asks again as soon as it has its answer: the load is always more than is
 * served, and the throughput tells what a size can do. The size is computed as a user would: from what the pool's watch has
 * measured at HikariCP's default size under that load, and from the cores. Of arrivals one fact is known, that each thread asks
 * again at once: all of them together would borrow {@code threads ÷ hold} times a second if none had to wait.
 *
 * <p>The best of a sweep is the luckiest too, so that an equal size comes out a little below 1.
 */
final class QueryPoolSize {
    private static final int THREADS = 64;
    private static final int[] SIZES = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48};
    private static final int DEFAULT_SIZE = 10;
    private static final int ROWS = 100_000;
    private static final Duration ROUND_TRIP = Duration.ofMillis(2);
    private static final Duration THINKING = Duration.ofMillis(4);

    private QueryPoolSize() {}

    /** What a thread does with a connection that it has borrowed. */
    interface Use {
        void with(Connection connection, int id) throws SQLException;
    }

    /** A kind of work. */
    record Workload(String name, String what, boolean isFar, Use use) {}

    private static final List<Workload> WORKLOADS = List.of(
            new Workload("reads", "one row by its key", false, QueryPoolSize::read),
            new Workload("cpu", "a sum over 10,000 rows", false, QueryPoolSize::sum),
            new Workload(
                    "network",
                    "a transaction of two statements, through a network of " + ROUND_TRIP.toMillis() + " ms",
                    true,
                    QueryPoolSize::transfer),
            new Workload(
                    "idle",
                    "a transaction of two statements, with " + THINKING.toMillis() + " ms of other work between them",
                    false,
                    QueryPoolSize::thinkingTransfer));

    static void run(Session session) throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        create(server.dataSource(database));
        session.say("");
        session.say("query.poolsize.sweep: " + THREADS + " threads that ask again at once; ours computed from what was measured at "
                + DEFAULT_SIZE + " connections");
        try (FaultProxy network = FaultProxy.to(server.host(), server.port())) {
            network.delay(ROUND_TRIP);
            for (Workload workload : WORKLOADS) {
                String url = workload.isFar() ? server.jdbcUrl(database, network) : server.jdbcUrl(database);
                sweep(session, workload, url);
            }
        }
    }

    static void create(DataSource dataSource) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table account (id integer primary key, amount bigint not null, name text not null)");
            statement.execute("insert into account select i, 100, 'account ' || i from generate_series(0, " + (ROWS - 1) + ") i");
            statement.execute("vacuum analyze account");
        }
    }

    private static void sweep(Session session, Workload workload, String url) throws Exception {
        session.say(workload.name() + ": " + workload.what());
        try (RateLimitThreads threads = new RateLimitThreads(THREADS)) {
            PoolSize size = computed(session, workload, url, threads);
            session.say(size.explain().indent(2).stripTrailing());
            List<HikariDataSource> pools = new ArrayList<>();
            List<Contender> contenders = new ArrayList<>();
            try {
                contenders.add(contender("ours", size.connections(), workload, url, pools));
                for (int each : SIZES) {
                    contenders.add(contender(Integer.toString(each), each, workload, url, pools));
                }
                Samples rates = threads.compare(
                                "query.poolsize." + workload.name(),
                                contenders,
                                ROWS,
                                1,
                                effort(session.quick(), contenders.size()),
                                session.progress())
                        .rates();
                emit(session, workload, size, rates);
            } finally {
                pools.forEach(HikariDataSource::close);
            }
        }
    }

    private static Effort effort(boolean quick, int contenders) {
        return quick
                ? new Effort(Duration.ofMillis(150), Duration.ofMillis(4L * 150 * contenders), Duration.ofMillis(150))
                : new Effort(Duration.ofMillis(500), Duration.ofMillis(12L * 500 * contenders), Duration.ofMillis(500));
    }

    /** What the formula makes of what is measured. */
    private static PoolSize computed(Session session, Workload workload, String url, RateLimitThreads threads)
            throws Exception {
        try (HikariDataSource hikari = pool(url, DEFAULT_SIZE)) {
            QueryGuard guard = QueryGuard.watch(hikari);
            Contender contender = new Contender("measured", "", page -> use(guard, workload.use(), page));
            Effort effort = new Effort(Duration.ofMillis(300), Duration.ofMillis(700), Duration.ofMillis(700));
            PoolWatch watch = Pools.watch(guard);
            RateLimitThreads.Outcome unused =
                    threads.compare(workload.name() + ", measured", List.of(contender), ROWS, 1, effort, session.progress());
            Figures figures = watch.figures();
            session.say("  " + figures);
            Duration hold = figures.meanHold();
            Duration worked = Duration.ofNanos((long) (hold.toNanos() / Math.max(1, figures.heldOverWorked())));
            return Pools.size(hikari, options -> options.cores(Runtime.getRuntime().availableProcessors())
                    .threads(THREADS)
                    .arrivals(THREADS * 1e9 / hold.toNanos())
                    .hold(hold)
                    .worked(worked));
        }
    }

    private static Contender contender(
            String name, int size, Workload workload, String url, List<HikariDataSource> pools) {
        HikariDataSource pool = pool(url, size);
        pools.add(pool);
        return new Contender(name, size + " connections", page -> use(pool, workload.use(), page));
    }

    private static HikariDataSource pool(String url, int size) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(size);
        return new HikariDataSource(config);
    }

    private static long use(DataSource dataSource, Use use, int id) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            use.with(connection, id);
            return 1;
        }
    }

    private static void emit(Session session, Workload workload, PoolSize size, Samples rates) {
        StringBuilder line = new StringBuilder();
        String best = Integer.toString(SIZES[0]);
        for (int each : SIZES) {
            String name = Integer.toString(each);
            line.append(String.format(Locale.ROOT, "  %d: %.0f", each, rates.median(name)));
            if (rates.median(name) > rates.median(best)) best = name;
        }
        session.say("  borrows/s by size" + line);
        session.say(String.format(
                Locale.ROOT, "  ours %d: %.0f, best %s", size.connections(), rates.median("ours"), best));
        session.emit(new Row(
                "query.poolsize.sweep." + workload.name(),
                "best",
                "borrows/s",
                rates.median("ours"),
                rates.median(best),
                rates.paired("ours", best, Better.HIGHER::ratio),
                Better.HIGHER));
    }

    // The workloads.

    private static void read(Connection connection, int id) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("select name from account where id = ?")) {
            select.setInt(1, id);
            fetch(select);
        }
    }

    private static void sum(Connection connection, int id) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(
                "select sum(hashtext(name || amount)::bigint) from account where id between ? and ?")) {
            int from = id % (ROWS - 10_000);
            select.setInt(1, from);
            select.setInt(2, from + 9_999);
            fetch(select);
        }
    }

    private static void transfer(Connection connection, int id) throws SQLException {
        connection.setAutoCommit(false);
        read(connection, id);
        add(connection, id);
        connection.commit();
    }

    private static void thinkingTransfer(Connection connection, int id) throws SQLException {
        connection.setAutoCommit(false);
        read(connection, id);
        long end = System.nanoTime() + THINKING.toNanos();
        for (long left = THINKING.toNanos(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
        add(connection, id);
        connection.commit();
    }

    private static void add(Connection connection, int id) throws SQLException {
        try (PreparedStatement update =
                connection.prepareStatement("update account set amount = amount + 1 where id = ?")) {
            update.setInt(1, id);
            if (update.executeUpdate() != 1) throw new IllegalStateException("no account " + id);
        }
    }

    private static void fetch(PreparedStatement select) throws SQLException {
        try (ResultSet rows = select.executeQuery()) {
            if (!rows.next()) throw new IllegalStateException("no row");
            rows.getString(1);
        }
    }
}
