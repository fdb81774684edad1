package dev.tenfold.query.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.FindingKind;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.pool.PoolHealth.Finding;
import dev.tenfold.query.pool.PoolHealth.Level;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class PoolWatchTest {
    private static final Duration LONG = Duration.ofMillis(50);
    private static String database;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch gate = new CountDownLatch(1);
    private final List<HikariDataSource> pools = new ArrayList<>();
    private HikariDataSource hikari = open(h2Config(), 1);
    private QueryGuard guard = QueryGuard.watch(hikari);
    private PoolWatch watch = Pools.watch(guard).heldFor(LONG);

    @BeforeAll
    static void create() {
        database = PostgresServer.shared().createDatabase();
    }

    @AfterEach
    void close() {
        gate.countDown();
        threads.shutdownNow();
        pools.forEach(HikariDataSource::close);
    }

    private void postgres(int size) {
        PostgresServer server = PostgresServer.shared();
        HikariConfig config = new HikariConfig();
        config.setDataSource(server.dataSource(database));
        pool(config, size);
    }

    private void h2(int size) {
        pool(h2Config(), size);
    }

    private void h2(int size, Duration timeout) {
        HikariConfig config = h2Config();
        config.setConnectionTimeout(timeout.toMillis());
        pool(config, size);
    }

    private static HikariConfig h2Config() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:watch;DB_CLOSE_DELAY=-1");
        HikariConfig config = new HikariConfig();
        config.setDataSource(h2);
        return config;
    }

    private HikariDataSource open(HikariConfig config, int size) {
        HikariDataSource pool = Pools.hikari(config, Pools.size(o -> o.maxConnections(size)));
        pools.add(pool);
        return pool;
    }

    private void pool(HikariConfig config, int size) {
        hikari = open(config, size);
        guard = QueryGuard.watch(hikari);
        watch = Pools.watch(guard).heldFor(LONG);
    }

    private List<Finding> findings() {
        return watch.health().findings().stream()
                .filter(each -> !each.check().equals("virtual-threads"))
                .toList();
    }

    private Optional<Finding> finding(String check) {
        return findings().stream().filter(each -> each.check().equals(check)).findFirst();
    }

    /** One that says all of that, whatever was found before. */
    private Finding awaitFinding(String check, String... says) {
        List<Finding> found = new ArrayList<>();
        Await.until(
                () -> check + " with " + List.of(says) + ", but "
                        + watch.health().text(),
                () -> {
                    findings().stream()
                            .filter(each -> each.check().equals(check))
                            .filter(each -> Stream.of(says).allMatch(each.toString()::contains))
                            .forEach(found::add);
                    return !found.isEmpty();
                });
        return found.get(0);
    }

    private void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Many threads, some borrows each. */
    private void load(int many, int each, Callable<?> borrow) throws Exception {
        List<Future<?>> all = new ArrayList<>();
        for (int t = 0; t < many; t++) {
            all.add(threads.submit(() -> {
                for (int i = 0; i < each; i++) borrow.call();
                return null;
            }));
        }
        for (Future<?> one : all) one.get();
    }

    /** Many threads, that borrow until the gate is open. */
    private List<Future<?>> keepLoading(int many, Callable<?> borrow) {
        List<Future<?>> all = new ArrayList<>();
        for (int t = 0; t < many; t++) {
            all.add(threads.submit(() -> {
                while (gate.getCount() > 0) borrow.call();
                return null;
            }));
        }
        return all;
    }

    private void endLoad(List<Future<?>> all) throws Exception {
        gate.countDown();
        for (Future<?> one : all) one.get();
    }

    /** The application's own work. */
    private static void compute(Duration time) {
        long from = System.nanoTime();
        while (System.nanoTime() - from < time.toNanos()) Thread.onSpinWait();
    }

    // ---- figures

    @Test
    void what_is_out_and_who_waits_is_told_at_once() throws Exception {
        h2(2);
        Future<?> third;
        try (Connection one = guard.getConnection();
                Connection other = guard.getConnection()) {
            assertThat(one).isNotSameAs(other);
            third = threads.submit(() -> {
                guard.getConnection().close();
                return null;
            });
            Await.until("one waits", () -> watch.waiting() == 1);
            assertThat(watch.busy()).isEqualTo(2);
            assertThat(watch.size()).isEqualTo(2);
        }
        third.get();
        Await.until("all are back", () -> watch.busy() == 0);
    }

    @Test
    void a_pool_that_suffices_is_well() throws Exception {
        postgres(4);
        load(1, 100, () -> {
            try (Connection connection = guard.getConnection()) {
                execute(connection, "select 1");
            }
            return null;
        });

        PoolHealth health = watch.health();
        assertThat(findings()).allMatch(each -> each.level() == Level.INFO);
        assertThat(health.isHealthy()).isTrue();
        assertThat(health.figures().borrowsPerSecond()).isPositive();
        assertThat(health.figures().meanHold()).isPositive();
        assertThat(health.figures().utilisation()).isBetween(0.0, 0.3);
        assertThat(health.text()).contains("0 of 4 busy, 0 waiting");
    }

    @Test
    void nothing_was_borrowed_yet() {
        h2(2);

        PoolHealth.Figures figures = watch.figures();
        assertThat(figures.waitOverHold()).isNaN();
        assertThat(figures.heldOverWorked()).isNaN();
        assertThat(figures.load()).isZero();
        assertThat(figures.headroom()).isEqualTo(1);
        assertThat(findings()).isEmpty();
    }

    @Test
    void figures_are_of_the_window() throws Exception {
        h2(2);
        watch = watch.window(Duration.ofMillis(50));
        load(2, 50, () -> {
            guard.getConnection().close();
            return null;
        });
        assertThat(watch.figures().borrowsPerSecond()).isPositive();

        Await.until("they are forgotten", () -> watch.figures().borrowsPerSecond() == 0);
    }

    @Test
    void one_that_never_comes_back_uses_the_pool_too() throws Exception {
        h2(2);
        watch = watch.window(Duration.ofMillis(50));
        try (Connection out = guard.getConnection()) {
            assertThat(out).isNotNull();
            Await.until("half is used", () -> Math.abs(watch.figures().utilisation() - 0.5) < 0.02);
            assertThat(watch.load()).isBetween(1.2, 2.5); // two bear 0.6 busy on average
            assertThat(watch.figures().headroom()).isZero();
        }
    }

    // ---- saturation

    @Test
    void a_pool_that_is_too_small_is_known_by_its_waits() throws Exception {
        postgres(2);
        List<Future<?>> load = keepLoading(8, () -> {
            try (Connection connection = guard.getConnection()) {
                execute(connection, "select pg_sleep(0.004)");
            }
            return null;
        });

        Finding wait = awaitFinding("wait", "ERROR", "the pool is too small for the load");
        assertThat(wait.level()).isEqualTo(Level.ERROR);
        assertThat(wait.what()).startsWith("a borrow waits ").contains("the pool is busy to");
        assertThat(wait.remedy()).startsWith("the pool is too small for the load: at least ");
        assertThat(finding("held-idle")).isEmpty();
        assertThat(watch.waitOverHold()).isGreaterThan(1);
        assertThat(watch.figures().expectedWaitOverHold()).isGreaterThan(0.1);
        endLoad(load);
    }

    @Test
    void work_inside_of_transactions_is_not_a_small_pool() throws Exception {
        h2(1);
        List<Future<?>> load = keepLoading(4, () -> {
            try (Connection connection = guard.getConnection()) {
                execute(connection, "select 1");
                compute(Duration.ofMillis(4));
            }
            return null;
        });

        Finding idle = awaitFinding("held-idle", "WARNING");
        assertThat(idle.level()).isEqualTo(Level.WARNING);
        assertThat(idle.what()).startsWith("connections are held for ").contains(" and work for ");
        assertThat(idle.remedy()).startsWith("no larger pool: ");
        awaitFinding("wait", "times as long as they work: take other work out of transactions");
        Await.until("they hold for long", () -> watch.figures().heldOverWorked() > 3);
        endLoad(load);
    }

    @Test
    void a_borrow_that_times_out_for_a_full_pool_is_an_error() throws Exception {
        h2(1, Duration.ofMillis(250));
        try (Connection only = guard.getConnection()) {
            assertThat(only).isNotNull();
            Future<?> refused = threads.submit(() -> guard.getConnection());
            assertThatExceptionOfType(ExecutionException.class)
                    .isThrownBy(refused::get)
                    .withCauseInstanceOf(SQLException.class);
        }

        Finding timeouts = awaitFinding("timeouts");
        assertThat(timeouts.level()).isEqualTo(Level.ERROR);
        assertThat(timeouts.what()).startsWith("1 borrow was refused").endsWith("with all of 1 connections out");
        assertThat(watch.health().isHealthy()).isFalse();
    }

    @Test
    void a_database_that_is_away_is_told_from_a_full_pool() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://localhost:1/nothing");
        config.setInitializationFailTimeout(-1);
        config.setConnectionTimeout(250);
        pool(config, 2);
        assertThatExceptionOfType(SQLException.class).isThrownBy(guard::getConnection);

        Finding timeouts = awaitFinding("timeouts");
        assertThat(timeouts.what()).endsWith("with 0 of 2 connections there");
        assertThat(timeouts.remedy()).startsWith("the database is away");
    }

    // ---- long holds

    private void leaky() throws SQLException {
        guard.getConnection();
    }

    @Test
    void a_connection_that_its_code_has_left_leaks() throws Exception {
        h2(2);
        threads.submit(() -> {
                    leaky();
                    return null;
                })
                .get();

        Finding leak = awaitFinding("leak");
        assertThat(leak.level()).isEqualTo(Level.ERROR);
        assertThat(leak.what())
                .startsWith("a connection has been out for ")
                .contains("borrowed in dev.tenfold.query.pool.PoolWatchTest.leaky(PoolWatchTest.java:")
                .contains("the code that borrowed it has returned");
        assertThat(leak.remedy()).contains("try-with-resources");
        assertThat(watch.leaks()).isEqualTo(1);
        assertThat(watch.health().isHealthy()).isFalse();
    }

    @Test
    void a_connection_of_a_thread_that_has_ended_leaks() throws Exception {
        h2(2);
        Thread thread = new Thread(
                () -> {
                    try {
                        leaky();
                    } catch (SQLException e) {
                        throw new AssertionError(e);
                    }
                },
                "mortal");
        thread.start();
        thread.join();

        assertThat(awaitFinding("leak").what()).contains("its thread mortal has ended");
    }

    @Test
    void leaks_of_one_place_are_one_finding() throws Exception {
        h2(3);
        for (int i = 0; i < 3; i++) {
            threads.submit(() -> {
                        leaky();
                        return null;
                    })
                    .get();
        }

        // Their threads have all come to rest by then, so that it is one kind of leak.
        awaitFinding("leak", "3 connections have been out for up to ");
        assertThat(watch.leaks()).isEqualTo(3);
        assertThat(findings()).filteredOn(each -> each.check().equals("leak")).hasSize(1);
        assertThat(awaitFinding("leak").what()).startsWith("3 connections have been out for up to ");
    }

    @Test
    void a_slow_statement_is_no_leak() throws Exception {
        postgres(2);
        BlockingQueue<Statement> slow = new ArrayBlockingQueue<>(1);
        Future<?> done = threads.submit(() -> {
            try (Connection connection = guard.getConnection();
                    Statement statement = connection.createStatement()) {
                slow.add(statement);
                statement.execute("select pg_sleep(60)");
            }
            return null;
        });

        Finding finding = awaitFinding("slow-statement");
        assertThat(finding.level()).isEqualTo(Level.WARNING);
        assertThat(finding.what()).contains("executes select pg_sleep(?)").contains("borrowed in dev.tenfold");
        assertThat(finding.remedy()).startsWith("no leak: ");
        assertThat(watch.leaks()).isZero();
        Await.until("the server executes it, else it would not be cancelled", this::isServerAtWork);
        slow.take().cancel();
        assertThat(done).failsWithin(Await.LIMIT);
    }

    private boolean isServerAtWork() throws SQLException {
        try (Connection other = PostgresServer.shared().dataSource(database).getConnection();
                Statement statement = other.createStatement();
                ResultSet rows = statement.executeQuery("select 1 from pg_stat_activity where state = 'active'"
                        + " and datname = current_database() and query like '%pg_sleep(60)'")) {
            return rows.next();
        }
    }

    @Test
    void code_that_waits_for_something_else_holds_and_does_not_leak() throws Exception {
        h2(2);
        Future<?> done = threads.submit(() -> {
            try (Connection connection = guard.getConnection()) {
                execute(connection, "select 1");
                callOtherService();
            }
            return null;
        });

        Finding finding =
                awaitFinding("held-idle", "the code that borrowed it is in ", "its last statement was select ?");
        assertThat(finding.remedy()).startsWith("no leak: call other services");
        assertThat(watch.leaks()).isZero();
        gate.countDown();
        done.get();
    }

    private void callOtherService() {
        Await.latch(gate);
    }

    private Connection helper() throws SQLException {
        return guard.getConnection();
    }

    @Test
    void a_helper_that_borrows_for_its_caller_may_or_may_not_leak() throws Exception {
        h2(2);
        Future<?> done = threads.submit(() -> {
            try (Connection connection = helper()) {
                assertThat(connection).isNotNull();
                callOtherService();
            }
            return null;
        });

        Finding finding = awaitFinding("leak");
        assertThat(finding.level()).isEqualTo(Level.WARNING);
        assertThat(finding.what()).contains("the method that borrowed it has returned, its caller still runs");
        gate.countDown();
        done.get();
    }

    @Test
    void a_leak_whose_place_was_not_kept_says_so() throws Exception {
        h2(2);
        for (int i = 0; i < 1_000; i++)
            guard.getConnection().close(); // beyond the first borrows, whose places are kept
        threads.submit(() -> {
                    leaky();
                    return null;
                })
                .get();

        Finding leak = awaitFinding("leak");
        assertThat(leak.level()).isEqualTo(Level.WARNING);
        assertThat(leak.what()).contains("borrowed in a place that was not kept");
        assertThat(leak.remedy()).contains("from now on places are kept");
    }

    @Test
    void a_connection_that_another_thread_took_over_cannot_be_told() throws Exception {
        h2(2);
        Connection connection = guard.getConnection();
        threads.submit(() -> {
                    connection.prepareStatement("select 1").execute();
                    return null;
                })
                .get();

        assertThat(awaitFinding("leak").what()).contains("another thread has taken it over");
        connection.close();
    }

    @Test
    void one_that_works_on_and_on_is_no_leak() throws Exception {
        h2(2);
        Future<?> done = threads.submit(() -> {
            try (Connection connection = guard.getConnection()) {
                while (gate.getCount() > 0) execute(connection, "select 1");
            }
            return null;
        });

        Finding finding = awaitFinding("long-hold", "executes one statement after the other");
        assertThat(finding.level()).isEqualTo(Level.INFO);
        gate.countDown();
        done.get();
    }

    // ---- nested borrows

    @Test
    void a_nested_borrow_that_deadlocks_is_reported_before_the_time_out_with_both_places() throws Exception {
        h2(1, Duration.ofMinutes(2));
        Future<?> stuck = threads.submit(() -> {
            try (Connection outer = guard.getConnection()) {
                return inner(outer);
            }
        });

        Finding nested = awaitFinding("nested-borrow");
        assertThat(stuck).isNotDone();
        assertThat(nested.what())
                .contains("asks for another one in dev.tenfold.query.pool.PoolWatchTest.inner(")
                .contains("the first one borrowed in dev.tenfold.query.pool.PoolWatchTest.");
        assertThat(nested.remedy()).startsWith("with 1 such threads at once, all wait for ever");
        assertThat(guard.findings())
                .filteredOn(each -> each.kind() == FindingKind.NESTED_BORROW)
                .hasSize(1)
                .allMatch(each -> each.site() != null && each.source() != null);
    }

    private boolean inner(Connection outer) throws SQLException {
        try (Connection inner = guard.getConnection()) {
            return inner != outer;
        }
    }

    // ---- input

    @Test
    void what_makes_no_sense_is_refused() {
        h2(1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> watch.heldFor(Duration.ZERO))
                .withMessageContaining("heldFor PT0S must be more than zero");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> watch.window(Duration.ofMillis(-1)))
                .withMessageContaining("window PT-0.001S must be more than zero");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> watch.window(Duration.ofDays(2)))
                .withMessageContaining("at most a day");
        QueryGuard bare = QueryGuard.watch(new JdbcDataSource());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Pools.watch(bare))
                .withMessageContaining("watch the pool: QueryGuard.watch(hikari)");
    }

    @Test
    void a_pool_that_is_closed_has_nothing_out() {
        h2(1);
        hikari.close();

        assertThat(watch.busy()).isZero();
        assertThat(watch.waiting()).isZero();
        assertThat(watch).asString().contains("0 of 1 busy");
    }
}
