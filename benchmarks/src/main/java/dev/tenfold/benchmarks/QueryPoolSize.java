package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.pool.PoolHealth.Figures;
import dev.tenfold.query.pool.PoolSize;
import dev.tenfold.query.pool.PoolWatch;
import dev.tenfold.query.pool.Pools;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.sql.DataSource;

/**
 * Whether the computed size of a pool serves as much as the best of a sweep, for kinds of work that keep connections busy with
 * different things.
 *
 * <p>So many threads as a service has, each of which asks again as soon as it has its answer: the load is always more than is
 * served, and the throughput tells what a size can do. The size is what a user gets: computed from the cores, from what the
 * toolkit's watch measures at HikariCP's default size under that load, and from what the server counts. One fact is told,
 * since a pool that is full hides it: each thread asks again at once, so that all of them together would borrow {@code
 * threads ÷ hold} times a second if none had to wait.
 *
 * <p>The best of a sweep is in part the luckiest: it is chosen by one half of the rounds, and compared by the other, in turn.
 * The computed size is one of the sweep's, and measured once; where it is the best, the ratio is 1.
 */
final class QueryPoolSize {
    private static final int THREADS = 64;
    private static final List<Integer> SIZES = List.of(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64);
    private static final List<Integer> FEWER_SIZES = List.of(3, 6, 10, 16, 32, 64);
    private static final int QUICK_WORKLOADS = 3;
    private static final String OURS = "ours";
    private static final int DEFAULT_SIZE = 10;
    private static final int ROUNDS = 100;
    private static final int QUICK_ROUNDS = 14;
    private static final Duration SLICE = Duration.ofMillis(100);
    private static final Effort MEASURING =
            new Effort(Duration.ofMillis(300), Duration.ofMillis(1_200), Duration.ofMillis(300));
    private static final int ROWS = 100_000;
    private static final int SUMMED = 3_000;
    private static final Duration ROUND_TRIP = Duration.ofMillis(2);
    private static final Duration THINKING = Duration.ofMillis(4);

    private QueryPoolSize() {}

    /** What a thread does with a connection that it has borrowed. */
    interface Use {
        void with(Connection connection, int id) throws SQLException;
    }

    /** A kind of work. */
    record Workload(String name, String what, boolean isFar, Use use) {}

    /** Where the work is done. */
    private record Place(PostgresServer server, String database, FaultProxy network) {
        private static final String CONNECTIONS = "select numbackends from pg_stat_database where datname = ?";

        String url(Workload workload) {
            return workload.isFar() ? server.jdbcUrl(database, network) : server.jdbcUrl(database);
        }

        DataSource dataSource() {
            return server.dataSource(database);
        }

        /** So that what was done before does not count. */
        void forgetStatistics() throws SQLException {
            awaitNoConnections();
            try (Connection connection = dataSource().getConnection();
                    Statement statement = connection.createStatement()) {
                statement.execute("select pg_stat_reset()");
            }
            awaitNoConnections();
        }

        /** The server adds a connection's times up when it ends. Asked by way of another database. */
        void awaitNoConnections() {
            Await.until("no connection to " + database, () -> {
                try (Connection connection = server.dataSource("postgres").getConnection();
                        PreparedStatement select = connection.prepareStatement(CONNECTIONS)) {
                    select.setString(1, database);
                    try (ResultSet rows = select.executeQuery()) {
                        return rows.next() && rows.getInt(1) == 0;
                    }
                }
            });
        }
    }

    static final List<Workload> WORKLOADS = List.of(
            new Workload("reads", "one row by its key", false, QueryPoolSize::read),
            new Workload("cpu", "a sum over " + SUMMED + " rows", false, QueryPoolSize::sum),
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
        session.say("");
        session.say("query.poolsize.sweep: " + THREADS
                + " threads that ask again at once; ours computed from what was measured at " + DEFAULT_SIZE
                + " connections");
        try (PostgresServer server = PostgresServer.start("max_connections=500", "synchronous_commit=off");
                FaultProxy network = FaultProxy.to(server.host(), server.port())) {
            network.delay(ROUND_TRIP);
            String database = server.createDatabase();
            create(server.dataSource(database));
            Place place = new Place(server, database, network);
            for (Workload workload : session.quick() ? WORKLOADS.subList(0, QUICK_WORKLOADS) : WORKLOADS) {
                sweep(session, workload, place);
            }
        }
    }

    static void create(DataSource dataSource) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(
                    "create table account (id integer primary key, amount bigint not null, name text not null)");
            statement.execute(
                    "insert into account select i, 100, 'account ' || i from generate_series(0, " + (ROWS - 1) + ") i");
            statement.execute("vacuum analyze account");
        }
    }

    private static void sweep(Session session, Workload workload, Place place) throws Exception {
        session.say(workload.name() + ": " + workload.what());
        List<Integer> sizes = session.quick() ? FEWER_SIZES : SIZES;
        try (RateLimitThreads threads = new RateLimitThreads(THREADS);
                Pooled pooled = new Pooled(workload, place.url(workload))) {
            int ours = computed(session, workload, place, threads);
            Stream.concat(sizes.stream(), Stream.of(ours))
                    .distinct()
                    .sorted()
                    .forEach(each -> pooled.add(each == ours ? OURS : Integer.toString(each), each));
            pooled.awaitFull();
            Samples rates = threads.compare(
                            "query.poolsize." + workload.name(),
                            pooled.contenders,
                            ROWS,
                            1,
                            effort(session.quick(), pooled.contenders.size()),
                            session.progress())
                    .rates();
            emit(session, workload, pooled.contenders, rates);
        }
    }

    /** A pool of each size, and those who use them. */
    private static final class Pooled implements AutoCloseable {
        final List<Contender> contenders = new ArrayList<>();
        private final List<HikariDataSource> pools = new ArrayList<>();
        private final Workload workload;
        private final String url;

        Pooled(Workload workload, String url) {
            this.workload = workload;
            this.url = url;
        }

        void add(String name, int size) {
            HikariDataSource pool = pool(url, size);
            pools.add(pool);
            contenders.add(new Contender(name, size + " connections", page -> use(pool, workload.use(), page)));
        }

        /** Pools fill in the background. */
        void awaitFull() {
            Await.until(
                    "the pools are full",
                    () -> pools.stream()
                            .allMatch(each ->
                                    each.getHikariPoolMXBean().getTotalConnections() == each.getMaximumPoolSize()));
        }

        @Override
        public void close() {
            pools.forEach(HikariDataSource::close);
        }
    }

    /** Short rounds, and many, as what disturbs the machine often takes longer than a round. */
    private static Effort effort(boolean quick, int contenders) {
        int rounds = quick ? QUICK_ROUNDS : ROUNDS;
        return new Effort(SLICE, SLICE.multipliedBy((long) rounds * contenders), SLICE);
    }

    /** The size that a user gets, whose pool has had the default size until now. */
    private static int computed(Session session, Workload workload, Place place, RateLimitThreads threads)
            throws Exception {
        place.forgetStatistics();
        PoolWatch watch;
        try (HikariDataSource hikari = pool(place.url(workload), DEFAULT_SIZE)) {
            QueryGuard guard = QueryGuard.watch(hikari);
            watch = Pools.watch(guard);
            Contender contender = new Contender("measured", "", page -> use(guard, workload.use(), page));
            RateLimitThreads.Outcome unused = threads.compare(
                    workload.name() + ", measured", List.of(contender), ROWS, 1, MEASURING, session.progress());
        }
        Figures figures = watch.figures();
        session.say("  " + figures);
        place.awaitNoConnections();
        PoolSize size = Pools.size(
                place.dataSource(),
                options -> options.measured(watch)
                        .cores(Runtime.getRuntime().availableProcessors())
                        .threads(THREADS)
                        .arrivals(THREADS * 1e9 / figures.meanHold().toNanos()));
        session.say(size.explain().indent(2).stripTrailing());
        return size.connections();
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

    private static void emit(Session session, Workload workload, List<Contender> sizes, Samples rates) {
        session.say(sizes.stream()
                .map(each -> String.format(
                        Locale.ROOT,
                        "%s%s: %.0f",
                        each.name().equals(OURS) ? OURS + ", " : "",
                        each.settings(),
                        rates.median(each.name())))
                .collect(Collectors.joining("; ", "  borrows/s with ", "")));
        Compared one = compared(sizes, rates.everySecond(0), rates.everySecond(1));
        Compared other = compared(sizes, rates.everySecond(1), rates.everySecond(0));
        session.say("  the best by one half of the rounds: " + one.best + ", by the other: " + other.best);
        session.emit(new Row(
                "query.poolsize.sweep." + workload.name(),
                "best",
                "borrows/s",
                Math.sqrt(one.ours * other.ours),
                Math.sqrt(one.theirs * other.theirs),
                Math.sqrt(one.ratio * other.ratio),
                Better.HIGHER));
    }

    /** The best of a sweep by some rounds, and what ours and it serve in others. */
    private record Compared(String best, double ours, double theirs, double ratio) {}

    private static Compared compared(List<Contender> sizes, Samples choosing, Samples comparing) {
        String best = sizes.stream()
                .map(Contender::name)
                .max(Comparator.comparingDouble(choosing::median))
                .orElseThrow();
        return new Compared(
                best,
                comparing.median(OURS),
                comparing.median(best),
                comparing.paired(OURS, best, Better.HIGHER::ratio));
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
            int from = id % (ROWS - SUMMED);
            select.setInt(1, from);
            select.setInt(2, from + SUMMED - 1);
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
