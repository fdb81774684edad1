package dev.tenfold.query.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.MariaDbServer;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

class MeasuredSizeTest {
    /** Its first start can take as long as a test may. */
    private static final MariaDbServer MARIADB = MariaDbServer.shared();

    private static final Duration HOLD = Duration.ofNanos(296_000);
    private static final Duration DRIVER = Duration.ofNanos(290_000);
    private static final Duration ROUND_TRIP = Duration.ofMillis(2);
    /** More than any pool serves, so that the other limits decide. */
    private static final double FLOOD = 100_000;
    /** Of two cores and a disk. */
    private static final int AT_ONCE = 5;

    private static final int TRANSACTIONS = 1_200;

    private static PoolWatch.Measured measured(@Nullable Duration worked, double statements) {
        return new PoolWatch.Measured(1_000, HOLD, 2, worked, statements);
    }

    private static SizeOptions of(PoolWatch.Measured load) {
        return SizeOptions.NONE.cores(2).maxConnections(1_000).measured(load).complete();
    }

    private static String processors(SizeOptions options) {
        return processors(new PoolSize(options));
    }

    private static String processors(PoolSize size) {
        return size.explain()
                .lines()
                .filter(line -> line.startsWith("  processors "))
                .map(String::strip)
                .findFirst()
                .orElseThrow();
    }

    // ---- what is explained

    @Test
    void what_the_server_counts_is_explained_line_by_line() {
        SizeOptions options = of(measured(DRIVER, 1));

        assertThat(new PoolSize(options.with(ServerWork.counted(options, 329.864, 41_233))).explain())
                .isEqualTo("""
                        2 connections: what the load needs
                          load             2  1000 borrows a second × 296 µs held = 0.3 busy on average; with 2 the mean wait is \
                        16.6 µs, 5.6 % of that (at most 10 %), × 2.5 for how they vary
                          processors     185  (2 × 2 cores + 1 disk) × 37 held ÷ worked: the server works 8 µs of 296 µs held \
                        (pg_stat_database, 41,233 transactions)
                          server        1000  1000 connections − 0 reserved
                          threads          –  not given: threads(…)""");
    }

    @Test
    void statements_of_a_borrow_are_its_transactions_at_most() {
        SizeOptions options = of(measured(DRIVER, 2.5));

        assertThat(processors(options.with(ServerWork.counted(options, 16_000, 2_000_000))))
                .isEqualTo(
                        "processors      74  (2 × 2 cores + 1 disk) × 14.8 held ÷ worked: the server works 20 µs of 296 µs held"
                                + " (pg_stat_database, 2,000,000 transactions of 8 µs, 2.5 a borrow at most)");
    }

    @Test
    void a_borrow_without_a_statement_is_one_transaction_at_most() {
        SizeOptions options = of(measured(DRIVER, 0.2));

        assertThat(processors(options.with(ServerWork.counted(options, 16_000, 2_000_000))))
                .endsWith("works 8 µs of 296 µs held (pg_stat_database, 2,000,000 transactions)");
    }

    @Test
    void what_is_not_measured_is_taken_for_one_transaction() {
        SizeOptions options = SizeOptions.NONE.cores(2).arrivals(300).hold(HOLD).complete();

        assertThat(processors(options.with(ServerWork.counted(options, 16_000, 2_000_000))))
                .endsWith(
                        "works 8 µs of 296 µs held (pg_stat_database, 2,000,000 transactions; a borrow is taken for one)");
    }

    @Test
    void the_server_cannot_work_longer_than_the_driver_waits() {
        SizeOptions options = of(measured(DRIVER, 40));

        assertThat(processors(options.with(ServerWork.counted(options, 16_000, 2_000_000))))
                .isEqualTo(
                        "processors       5  (2 × 2 cores + 1 disk) × 1.02 held ÷ worked: the server works 290 µs of 296 µs"
                                + " held (at most: the driver's time, network and all; pg_stat_database, 2,000,000 transactions: no"
                                + " less)");
    }

    @Test
    void the_server_cannot_work_longer_than_a_connection_is_held() {
        SizeOptions options = SizeOptions.NONE.cores(2).arrivals(300).hold(HOLD).complete();

        assertThat(processors(options.with(ServerWork.counted(options, 16_000, 2_000))))
                .isEqualTo(
                        "processors       5  2 × 2 cores + 1 disk: all of hold counts as work; pg_stat_database, 2,000"
                                + " transactions: no less");
    }

    @Test
    void few_transactions_say_nothing() {
        SizeOptions options = of(measured(DRIVER, 1));

        assertThat(processors(options.with(ServerWork.counted(options, 1, 999))))
                .endsWith(
                        "works 290 µs of 296 µs held (at most: the driver's time, network and all; pg_stat_database counts 999"
                                + " transactions, and it takes 1,000)");
    }

    @Test
    void the_network_is_taken_from_the_drivers_time_where_the_server_does_not_count() {
        SizeOptions options = of(measured(DRIVER, 2));

        assertThat(processors(options.with(ServerWork.withoutNetwork(options, DRIVER, 2, Duration.ofNanos(105_000)))))
                .isEqualTo(
                        "processors      18  (2 × 2 cores + 1 disk) × 3.7 held ÷ worked: the server works 80 µs of 296 µs held"
                                + " (the driver's 290 µs − 2 statements × 105 µs of network)");
    }

    @Test
    void the_network_takes_nine_tenths_at_most() {
        SizeOptions options = of(measured(DRIVER, 1));

        assertThat(processors(options.with(ServerWork.withoutNetwork(options, DRIVER, 1, Duration.ofMillis(2)))))
                .endsWith(
                        "works 29 µs of 296 µs held (the driver's 290 µs − 1 statement × 2 ms of network, no less than a tenth)");
    }

    @Test
    void a_network_that_takes_no_time_leaves_the_drivers() {
        SizeOptions options = of(measured(DRIVER, 1));

        assertThat(processors(options.with(ServerWork.withoutNetwork(options, DRIVER, 1, Duration.ZERO))))
                .endsWith("(at most: the driver's time, network and all; the network takes no time)");
    }

    @Test
    void without_the_database_the_drivers_time_counts_and_it_is_said_who_knows_more() {
        assertThat(processors(Pools.size(o -> o.cores(2).measured(measured(DRIVER, 1)))))
                .isEqualTo(
                        "processors       5  (2 × 2 cores + 1 disk) × 1.02 held ÷ worked: the server works 290 µs of 296 µs"
                                + " held (at most: the driver's time, network and all; size(dataSource, …) asks the server)");
    }

    @Test
    void a_driver_that_was_used_directly_leaves_all_of_the_time_held() {
        assertThat(processors(Pools.size(o -> o.cores(2).measured(measured(null, 1)))))
                .isEqualTo(
                        "processors       5  2 × 2 cores + 1 disk: all of hold counts as work; the watch cannot tell, as the"
                                + " driver was used directly");
    }

    @Test
    void instances_share_the_processors() {
        assertThat(processors(Pools.size(o -> o.cores(8)
                        .instances(2)
                        .arrivals(300)
                        .hold(Duration.ofMillis(12))
                        .worked(Duration.ofMillis(6)))))
                .isEqualTo(
                        "processors      17  (2 × 8 cores + 1 disk) × 2 held ÷ worked, over 2 instances: the server works 6 ms"
                                + " of 12 ms held (as given)");
    }

    /** Ten connections, of which each was held for ten milliseconds, a thousand times a second. */
    private static SizeOptions overloaded(int instances) {
        Duration hold = Duration.ofMillis(10);
        PoolWatch.Measured load = new PoolWatch.Measured(1_000, hold, 1, Duration.ofMillis(9), 1);
        return SizeOptions.NONE.cores(2).instances(instances).measured(load).complete();
    }

    @Test
    void time_that_is_waited_for_processors_does_not_count() {
        SizeOptions options = overloaded(1);
        ServerWork work = ServerWork.counted(options, 20_000, 10_000);

        assertThat(work.isFull(options)).isTrue();
        assertThat(processors(options.with(work.withoutQueue(options, ROUND_TRIP))))
                .isEqualTo(
                        "processors      12  (2 × 2 cores + 1 disk) × 2.5 held ÷ worked: the server works 2 ms of 5 ms held"
                                + " (pg_stat_database, 10,000 transactions; 5 ms more were waited for its processors, which are full)");
    }

    @Test
    void a_network_that_explains_the_time_held_leaves_no_queue() {
        SizeOptions options = overloaded(1);
        ServerWork work = ServerWork.counted(options, 20_000, 10_000);

        assertThat(work.withoutQueue(options, Duration.ofMillis(8))).isEqualTo(work);
    }

    @Test
    void processors_are_full_if_all_instances_together_keep_them_busy() {
        SizeOptions options = overloaded(1);
        assertThat(ServerWork.counted(options, 13_900, 10_000).isFull(options)).isFalse();
        assertThat(ServerWork.counted(options, 14_100, 10_000).isFull(options)).isTrue();

        SizeOptions both = overloaded(2);
        assertThat(ServerWork.counted(both, 7_100, 10_000).isFull(both)).isTrue();
    }

    // ---- what is given wins

    @Test
    void what_is_given_wins_before_and_after() {
        UnaryOperator<SizeOptions> given = o ->
                o.arrivals(300).hold(Duration.ofMillis(12)).holdVariation(1).worked(Duration.ofMillis(6));
        String before = Pools.size(o -> given.apply(o.cores(8)).measured(measured(DRIVER, 1)))
                .explain();
        String after = Pools.size(o -> given.apply(o.cores(8).measured(measured(DRIVER, 1))))
                .explain();

        assertThat(before)
                .isEqualTo(after)
                .isEqualTo(Pools.size(o -> given.apply(o.cores(8))).explain());
        assertThat(before).contains("300 borrows a second × 12 ms held").contains("6 ms of 12 ms held (as given)");
    }

    @Test
    void a_hold_that_is_given_bounds_what_the_driver_worked() {
        assertThat(processors(
                        Pools.size(o -> o.cores(2).measured(measured(DRIVER, 1)).hold(Duration.ofNanos(100_000)))))
                .contains("× 1 held ÷ worked: the server works 100 µs of 100 µs held (at most: ");
    }

    @Test
    void nobody_is_asked_for_work_that_is_given_or_of_no_use() {
        PostgresServer server = PostgresServer.shared();
        CountingDataSource counting = CountingDataSource.of(server.dataSource(server.createDatabase()));

        assertThat(processors(Pools.size(
                        counting, o -> o.cores(2).measured(measured(DRIVER, 1)).worked(HOLD.dividedBy(2)))))
                .endsWith("works 148 µs of 296 µs held (as given)");
        assertThat(counting.statements()).isEqualTo(1);

        assertThat(processors(Pools.size(counting, o -> o.cores(2)))).endsWith("2 × 2 cores + 1 disk");
        assertThat(counting.statements()).isEqualTo(2);
    }

    // ---- servers

    /** A pool, those who use it, and the watch. */
    private static final class Pool implements AutoCloseable {
        final QueryGuard guard;
        final PoolWatch watch;
        private final HikariDataSource hikari;

        Pool(String url, int size) {
            HikariConfig config = new HikariConfig();
            config.setJdbcUrl(url);
            config.setMaximumPoolSize(size);
            hikari = new HikariDataSource(config);
            guard = QueryGuard.watch(hikari);
            watch = Pools.watch(guard);
        }

        /** Each borrow is a transaction of its own. */
        Pool execute(String sql, int times) throws Exception {
            int threads = hikari.getMaximumPoolSize();
            ExecutorService executor = Executors.newFixedThreadPool(threads);
            try {
                List<Future<?>> all = new ArrayList<>();
                for (int t = 0; t < threads; t++) {
                    all.add(executor.submit(() -> {
                        for (int i = 0; i < times / threads; i++) run(guard, sql);
                        return null;
                    }));
                }
                for (Future<?> each : all) each.get();
            } finally {
                executor.shutdownNow();
            }
            return this;
        }

        @Override
        public void close() {
            hikari.close();
        }
    }

    private static void run(DataSource dataSource, String sql) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** The server adds up when a connection ends; asked by way of another database, so as not to count. */
    private static void awaitCounted(PostgresServer server, String database) {
        Await.until("the transactions are counted", () -> {
            try (Connection connection = server.dataSource("postgres").getConnection();
                    PreparedStatement select = connection.prepareStatement(
                            "select numbackends, xact_commit from pg_stat_database where datname = ?")) {
                select.setString(1, database);
                try (ResultSet rows = select.executeQuery()) {
                    return rows.next() && rows.getInt(1) == 0 && rows.getLong(2) >= TRANSACTIONS;
                }
            }
        });
    }

    private static PoolSize sizeOf(PostgresServer server, String database, PoolWatch watch) {
        return Pools.size(
                server.dataSource(database),
                o -> o.measured(watch).cores(2).maxConnections(10_000).arrivals(FLOOD));
    }

    @Test
    void a_connection_that_waits_for_the_network_takes_no_processor() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        PoolWatch watch;
        try (FaultProxy network = FaultProxy.to(server.host(), server.port())) {
            network.delay(ROUND_TRIP);
            try (Pool pool = new Pool(server.jdbcUrl(database, network), 8)) {
                watch = pool.execute("select 1", TRANSACTIONS).watch;
            }
        }
        awaitCounted(server, database);

        PoolSize size = sizeOf(server, database, watch);

        assertThat(size.connections()).as(size.explain()).isGreaterThan(3 * AT_ONCE);
        assertThat(processors(size)).matches(".* held \\(pg_stat_database, 1,\\d{3} transactions\\)");
        assertThat(watch.figures().heldOverWorked()).isLessThan(3); // the driver does not know
    }

    /** That sleeps, as other load of this machine does not change then how long it takes; to the server it is all the same. */
    @Test
    void a_statement_that_keeps_the_server_busy_gets_no_more_than_the_processors_serve() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        PoolWatch watch;
        try (Pool pool = new Pool(server.jdbcUrl(database), 16)) {
            watch = pool.execute("select pg_sleep(0.03)", TRANSACTIONS).watch;
        }
        awaitCounted(server, database);

        PoolSize size = sizeOf(server, database, watch);

        assertThat(size.connections()).as(size.explain()).isBetween(AT_ONCE, AT_ONCE + 2);
        assertThat(size.explain()).contains("pg_stat_database, 1,");
    }

    @Test
    void a_server_that_does_not_time_its_activity_leaves_the_drivers_time() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        // By way of another database, whose connection was timed.
        run(server.dataSource("postgres"), "alter database " + database + " set track_activities = off");
        PoolWatch watch;
        try (Pool pool = new Pool(server.jdbcUrl(database), 4)) {
            watch = pool.execute("select 1", TRANSACTIONS).watch;
        }
        awaitCounted(server, database);

        assertThat(processors(sizeOf(server, database, watch)))
                .endsWith("(at most: the driver's time, network and all; pg_stat_database counts no active_time; is"
                        + " track_activities off?)");
    }

    @Test
    void a_new_database_has_not_counted_enough() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        try (Pool pool = new Pool(server.jdbcUrl(database), 2)) {
            PoolWatch watch = pool.execute("select 1", 60).watch;

            PoolSize size = Pools.size(pool.guard, o -> o.measured(watch).cores(2));

            assertThat(processors(size))
                    .contains("(at most: the driver's time, network and all; pg_stat_database counts ")
                    .endsWith(" transactions, and it takes 1,000)");
        }
    }

    @Test
    void a_role_that_may_not_read_statistics_gets_a_size_too() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String name = server.createDatabase();
        String role = "blind_in_" + name;
        DataSource admin = server.dataSource(name);
        run(admin, "revoke select on pg_catalog.pg_stat_database from public");
        run(admin, "create role " + role + " login password 'x'");
        try {
            PGSimpleDataSource blind = new PGSimpleDataSource();
            blind.setUrl("jdbc:postgresql://" + server.host() + ":" + server.port() + "/" + name);
            blind.setUser(role);
            blind.setPassword("x");

            assertThat(processors(Pools.size(blind, o -> o.cores(2).arrivals(1).hold(HOLD))))
                    .isEqualTo(
                            "processors       5  2 × 2 cores + 1 disk: all of hold counts as work; the server does not tell:"
                                    + " ERROR: permission denied for view pg_stat_database");
        } finally {
            run(admin, "drop role " + role);
        }
    }

    @Test
    void mariadb_is_pinged_for_the_networks_time() throws Exception {
        String database = MARIADB.createDatabase();
        try (FaultProxy network = FaultProxy.to(MARIADB.host(), MARIADB.port())) {
            // Long, so that the test's own pauses are little next to it.
            network.delay(ROUND_TRIP.multipliedBy(50));
            try (Pool pool = new Pool(MARIADB.jdbcUrl(database, network), 2)) {
                PoolWatch watch = pool.execute("select 1", 60).watch;

                PoolSize size = Pools.size(
                        pool.guard,
                        o -> o.measured(watch).cores(2).maxConnections(10_000).arrivals(FLOOD));

                assertThat(processors(size))
                        .matches(".* held \\(the driver's .* ms − 1 statement × .* ms of network.*");
                assertThat(size.connections()).as(size.explain()).isGreaterThan(2 * AT_ONCE);
                assertThat(processors(Pools.size(
                                pool.guard, o -> o.cores(2).arrivals(1).hold(HOLD))))
                        .endsWith("2 × 2 cores + 1 disk");
            }
        }
    }

    // ---- the watch

    @Test
    void the_load_is_the_watchs() throws Exception {
        try (Pool pool = new Pool("jdbc:h2:mem:measured;DB_CLOSE_DELAY=-1", 1)) {
            pool.execute("select 1", 50);
            try (Connection connection = pool.guard.getConnection();
                    Statement statement = connection.createStatement()) {
                for (int i = 0; i < 25; i++) statement.execute("select 2");
            }

            PoolWatch.Measured load = pool.watch.measured();

            assertThat(load.statements()).isEqualTo(75.0 / 51);
            assertThat(load.hold()).isEqualTo(pool.watch.figures().meanHold());
            assertThat(load.worked()).isBetween(Duration.ofNanos(1), load.hold());
            assertThat(load.holdVariation()).isPositive();
            assertThat(load.perSecond()).isPositive();
            assertThat(Pools.size(o -> o.cores(2).measured(pool.watch)).needed())
                    .isPresent();
        }
    }

    @Test
    void few_borrows_are_refused_with_the_remedy() throws Exception {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:few");
        CountingDataSource counting = CountingDataSource.of(h2);
        try (Pool pool = new Pool("jdbc:h2:mem:few;DB_CLOSE_DELAY=-1", 1)) {
            pool.execute("select 1", 29);

            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Pools.size(counting, o -> o.cores(2).measured(pool.watch)))
                    .withMessageContaining("needs 30 connections that came back")
                    .withMessageContaining("saw 29 within ")
                    .withMessageContaining("let the application work for longer");
            assertThat(counting.connections()).isZero();
        }
    }
}
