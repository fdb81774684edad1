package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import dev.tenfold.testkit.SettableClock;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The clock stands still, but when a test moves it: inside of the driver by {@code pass(millis)}. */
@Timeout(60)
class SymptomsTest {
    private static final SettableClock CLOCK = SettableClock.at(Instant.EPOCH);

    private final JdbcDataSource database = new JdbcDataSource();
    private QueryGuard guard;
    private Connection keeper;

    /** What H2 calls. */
    public static final class Time {
        private Time() {}

        public static int pass(int millis) {
            CLOCK.advance(Duration.ofMillis(millis));
            return millis;
        }
    }

    SymptomsTest() throws SQLException {
        database.setURL("jdbc:h2:mem:symptoms");
        guard = QueryGuard.watch(database, o -> o.nanoClock(CLOCK.nanoClock()));
        keeper = database.getConnection();
    }

    @BeforeEach
    void create() throws SQLException {
        try (Statement statement = keeper.createStatement()) {
            statement.execute("create alias if not exists pass for \"" + Time.class.getName() + ".pass\"");
        }
    }

    @AfterEach
    void close() throws SQLException {
        keeper.close();
    }

    private void watch(UnaryOperator<GuardOptions> options) {
        guard = QueryGuard.watch(database, o -> options.apply(o.nanoClock(CLOCK.nanoClock())));
    }

    private List<Finding> found(FindingKind kind) {
        return guard.findings().stream()
                .filter(finding -> finding.kind() == kind)
                .toList();
    }

    private void take(Connection connection, int millis) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("select pass(?)")) {
            statement.setInt(1, millis);
            statement.executeQuery();
        }
    }

    private void take(int millis) throws SQLException {
        try (Connection connection = guard.getConnection()) {
            take(connection, millis);
        }
    }

    @Test
    void options_that_make_no_sense_are_refused() {
        GuardOptions options = GuardOptions.DEFAULTS;
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.slowerThan(Duration.ZERO))
                .withMessageContaining("slowerThan PT0S must be more than zero");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.heldFor(Duration.ofMillis(-1)))
                .withMessageContaining("heldFor PT-0.001S must be more than zero");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.samples(0))
                .withMessageContaining("samples 0 must be at least 1");
        assertThat(options.heldFor(Duration.ofDays(1_000_000)).heldFor()).isPositive();
    }

    @Test
    void a_statement_that_takes_long_is_slow() throws SQLException {
        take(500);

        Finding finding = found(FindingKind.SLOW).get(0);
        assertThat(finding.statement()).isEqualTo("select pass(?)");
        assertThat(finding.detail()).isEqualTo("took 500 ms");
        assertThat(finding.callers()).anyMatch(frame -> frame.getMethodName().startsWith("a_statement_that"));
    }

    @Test
    void a_statement_that_takes_less_is_not() throws SQLException {
        take(499);

        assertThat(found(FindingKind.SLOW)).isEmpty();
    }

    @Test
    void a_statement_that_fails_after_long_is_slow_too() throws SQLException {
        try (Connection connection = guard.getConnection();
                Statement statement = connection.createStatement()) {
            assertThatThrownBy(() -> statement.executeQuery("select pass(700) / 0"))
                    .isInstanceOf(SQLException.class)
                    .hasMessageContaining("Division by zero");
        }

        assertThat(found(FindingKind.SLOW)).hasSize(1);
    }

    @Test
    void a_large_batch_is_as_slow_as_each_of_its_sets() throws SQLException {
        watch(o -> o.slowerThan(Duration.ofMillis(300)));
        try (Connection connection = guard.getConnection()) {
            try (Statement statement = connection.createStatement()) {
                statement.execute("create table if not exists written (v int)");
            }
            try (PreparedStatement statement = connection.prepareStatement("insert into written values (pass(?))")) {
                for (int i = 0; i < 10; i++) {
                    statement.setInt(1, 100);
                    statement.addBatch();
                }
                statement.executeBatch();
                assertThat(found(FindingKind.SLOW)).isEmpty();
                for (int i = 0; i < 10; i++) {
                    statement.setInt(1, 400);
                    statement.addBatch();
                }
                statement.executeBatch();
            }
        }

        assertThat(found(FindingKind.SLOW))
                .singleElement()
                .satisfies(f -> assertThat(f.detail()).isEqualTo("took 400 ms for each of 10 sets of values"));
    }

    @Test
    void a_statement_that_becomes_slower_is_reported_though_each_execution_is_short() throws SQLException {
        for (int window = 0; window < 5; window++) {
            for (int i = 0; i < 60; i++) take(100);
            CLOCK.advance(Duration.ofMinutes(5));
        }
        assertThat(found(FindingKind.SLOW)).isEmpty();

        for (int i = 0; i < 60; i++) take(230);
        CLOCK.advance(Duration.ofMinutes(5));
        take(230);
        take(230);

        assertThat(found(FindingKind.SLOW))
                .first()
                .satisfies(f -> assertThat(f.detail())
                        .startsWith("it takes 2.3 times as long as within the hour before, and "));
        assertThat(guard.statements().get(0).trend()).isPresent();
    }

    @Test
    void a_slower_statement_that_takes_little_of_the_time_is_not_reported() throws SQLException {
        for (int window = 0; window < 7; window++) {
            for (int i = 0; i < 30; i++) take(window < 5 ? 1 : 3);
            CLOCK.advance(Duration.ofMinutes(5));
        }
        take(3);
        take(3);

        assertThat(guard.statements().get(0).trend().orElse(0)).isGreaterThan(2);
        assertThat(found(FindingKind.SLOW)).isEmpty();
    }

    @Test
    void statements_are_listed_by_their_total_time() throws SQLException {
        take(10);
        take(40);
        try (Connection connection = guard.getConnection();
                Statement statement = connection.createStatement()) {
            statement.executeQuery("select 1 + pass(20)").next();
        }

        List<StatementStats> all = guard.statements();
        assertThat(all).hasSize(2);
        StatementStats first = all.get(0);
        assertThat(first.sample()).isEqualTo("select pass(?)");
        assertThat(first.count()).isEqualTo(2);
        assertThat(first.total()).isEqualTo(Duration.ofMillis(50));
        assertThat(first.max()).isEqualTo(Duration.ofMillis(40));
        assertThat(first.reads()).isTrue();
        assertThat(first.rows()).hasValue(0);
        assertThat(all.get(1).sample()).isEqualTo("select 1 + pass(20)");
        assertThat(first.trend()).isEmpty();
    }

    @Test
    void a_connection_that_is_held_and_does_nothing_is_reported() throws SQLException {
        try (Connection connection = guard.getConnection()) {
            take(connection, 100);
            Time.pass(500);
        }

        assertThat(found(FindingKind.HELD_CONNECTION)).singleElement().satisfies(f -> {
            assertThat(f.detail()).isEqualTo("a connection was held for 600 ms and worked for 100 ms");
            assertThat(f.lost()).isEqualTo(Duration.ofMillis(500));
            assertThat(f.callers()).anyMatch(frame -> frame.getMethodName().startsWith("a_connection_that_is_held"));
        });
    }

    @Test
    void a_connection_that_is_held_shortly_is_not() throws SQLException {
        try (Connection connection = guard.getConnection()) {
            take(connection, 1);
            Time.pass(498);
        }

        assertThat(found(FindingKind.HELD_CONNECTION)).isEmpty();
    }

    @Test
    void a_connection_that_works_as_long_as_it_is_held_is_not() throws SQLException {
        try (Connection connection = guard.getConnection()) {
            take(connection, 400);
            Time.pass(600);
        }

        assertThat(found(FindingKind.HELD_CONNECTION)).isEmpty();
    }

    @Test
    void reading_rows_that_are_fetched_meanwhile_may_be_work() throws SQLException {
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select x from system_range(1, 3)")) {
            statement.setFetchSize(1);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    Time.pass(300);
                    take(connection, 10);
                }
            }
        }
        assertThat(found(FindingKind.HELD_CONNECTION)).isEmpty();

        try (Connection connection = guard.getConnection()) {
            try (PreparedStatement statement = connection.prepareStatement("select x from system_range(1, 3)")) {
                statement.setFetchSize(1);
                statement.executeQuery().next();
                Time.pass(100);
            }
            Time.pass(800);
        }
        assertThat(found(FindingKind.HELD_CONNECTION))
                .singleElement()
                .satisfies(f ->
                        assertThat(f.detail()).isEqualTo("a connection was held for 900 ms and worked for 100 ms"));
    }

    @Test
    void reading_rows_of_a_driver_that_may_compute_them_meanwhile_may_be_work() throws SQLException {
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select x from system_range(1, 3)")) {
            statement.setFetchSize(0);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    Time.pass(300);
                }
            }
        }

        assertThat(found(FindingKind.HELD_CONNECTION)).isEmpty();
    }

    @Test
    void a_connection_whose_driver_is_used_directly_is_not_judged() throws SQLException {
        try (Connection connection = guard.getConnection()) {
            connection.unwrap(org.h2.jdbc.JdbcConnection.class);
            Time.pass(900);
        }

        assertThat(found(FindingKind.HELD_CONNECTION)).isEmpty();
    }

    @Test
    void a_thread_that_borrows_a_second_connection_is_reported_with_both_places() throws SQLException {
        for (int i = 0; i < 2; i++) {
            try (Connection outer = guard.getConnection()) {
                assertThat(outer).isNotNull();
                CLOCK.advance(Duration.ofMillis(20));
                try (Connection inner = guard.getConnection()) {
                    assertThat(inner).isNotNull();
                }
            }
        }

        List<Finding> nested = found(FindingKind.NESTED_BORROW);
        assertThat(nested.get(0).site()).isNotNull();
        assertThat(nested).hasSize(1);
        assertThat(nested.get(0).detail())
                .isEqualTo("asks for a second connection while the thread has held one for 20 ms");
        assertThat(nested.get(0).source()).contains("a_thread_that_borrows_a_second_connection");
    }

    @Test
    void a_nested_borrow_is_logged_again_once_the_first_place_is_known_and_no_more() throws SQLException {
        // Beyond the first borrows, whose places are kept.
        for (int i = 0; i < 1_000; i++) guard.getConnection().close();
        CLOCK.advance(Duration.ofSeconds(1));
        String log = logged(() -> {
            for (int i = 0; i < 5; i++) nest();
        });

        assertThat(log.lines().filter(line -> line.contains("NESTED_BORROW: ")))
                .hasSize(2)
                .allMatch(line -> line.endsWith("has held one for 0 ms, in POST /order"));
        assertThat(log).containsOnlyOnce("  first one  dev.tenfold.query.guard.SymptomsTest.nest(SymptomsTest.java:");
    }

    private void nest() {
        try (QueryScope scope = QueryScope.open("POST /order");
                Connection outer = guard.getConnection();
                Connection inner = guard.getConnection()) {
            assertThat(outer).isNotSameAs(inner);
            assertThat(scope.statements()).isZero();
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void nested_borrows_leave_stacks_for_slow_statements_and_for_verdicts() throws SQLException {
        for (int i = 0; i < 2_000; i++) nest();
        take(500);
        try (Connection connection = guard.getConnection()) {
            for (int i = 0; i < 20; i++) {
                try (PreparedStatement statement =
                        connection.prepareStatement("select x from system_range(1, 9) where x = ?")) {
                    statement.setInt(1, i);
                    statement.executeQuery();
                }
            }
        }

        assertThat(found(FindingKind.LOOP)).hasSize(1);
        assertThat(found(FindingKind.SLOW)).hasSize(1);
        // The other half of the stacks are those of borrows.
        assertThat(found(FindingKind.NESTED_BORROW).get(0).count()).isBetween(25L, 50L);
    }

    @Test
    void a_guard_beneath_a_pool_says_so_once_and_tells_nothing_of_borrows() {
        saysThatItIsBeneathAPool();
    }

    private void saysThatItIsBeneathAPool() {
        String log = logged(() -> {
            HikariConfig config = new HikariConfig();
            config.setDataSource(guard);
            config.setMaximumPoolSize(5);
            try (HikariDataSource pool = new HikariDataSource(config)) {
                Await.until("the pool is full", () -> pool.getHikariPoolMXBean().getTotalConnections() == 5);
                CLOCK.advance(Duration.ofMinutes(1));
            }
        });

        assertThat(log).containsOnlyOnce("this query guard is beneath a pool");
        assertThat(guard.findings()).isEmpty();
    }

    @Test
    void a_pool_that_comes_after_other_borrowers_is_known_by_its_first_nested_borrow() throws SQLException {
        for (int i = 0; i < 5; i++) take(1);
        saysThatItIsBeneathAPool();
    }

    @Test
    void a_guard_above_a_pool_says_nothing_of_that() {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database);
        config.setMaximumPoolSize(2);
        String log = logged(() -> {
            try (HikariDataSource pool = new HikariDataSource(config)) {
                guard = QueryGuard.watch(pool);
                nest();
            }
        });

        assertThat(log).doesNotContain("beneath a pool");
        assertThat(found(FindingKind.NESTED_BORROW)).hasSize(1);
    }

    /** What slf4j-simple writes to the standard error meanwhile. */
    private static String logged(Runnable action) {
        PrintStream before = System.err;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            action.run();
        } finally {
            System.setErr(before);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private void takeOften(String scope) {
        for (int i = 0; i < 120; i++) {
            try (QueryScope open = scope.isEmpty() ? null : QueryScope.open(scope)) {
                take(1);
                if (open != null) assertThat(open.statements()).isEqualTo(1);
            } catch (SQLException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Test
    void one_who_opens_no_scope_is_told_once_that_loops_cannot_be_seen() {
        assertThat(logged(() -> takeOften(""))).containsOnlyOnce("no QueryScope was open");
        guard = QueryGuard.watch(database);
        assertThat(logged(() -> takeOften("GET /page"))).doesNotContain("no QueryScope was open");
    }

    @Test
    void connections_one_after_the_other_are_not_nested() throws SQLException {
        for (int i = 0; i < 3; i++) take(1);

        assertThat(found(FindingKind.NESTED_BORROW)).isEmpty();
    }

    @Test
    void connections_of_two_data_sources_are_not_nested() throws SQLException {
        QueryGuard other = QueryGuard.watch(database);
        try (Connection one = guard.getConnection();
                Connection two = other.getConnection()) {
            assertThat(one).isNotSameAs(two);
        }

        assertThat(found(FindingKind.NESTED_BORROW)).isEmpty();
    }

    @Test
    void a_connection_closed_on_another_thread_is_held_no_longer() throws Exception {
        Connection first = guard.getConnection();
        onAnotherThread(first::close);
        take(1);

        assertThat(found(FindingKind.NESTED_BORROW)).isEmpty();
    }

    @Test
    void a_connection_that_another_thread_works_with_is_not_held_by_its_borrower() throws Exception {
        try (Connection first = guard.getConnection()) {
            onAnotherThread(() -> take(first, 1));
            take(1);
        }

        assertThat(found(FindingKind.NESTED_BORROW)).isEmpty();
    }

    @Test
    void connections_may_go_back_in_any_order() throws Exception {
        Connection first = guard.getConnection();
        Connection second = guard.getConnection();
        first.close();
        Connection third = guard.getConnection();
        onAnotherThread(second::close);
        third.close();
        int before = found(FindingKind.NESTED_BORROW).size();
        assertThat(before).isPositive();

        take(1);
        assertThat(found(FindingKind.NESTED_BORROW)).hasSize(before);
        assertThat(ThreadState.current().open).isNull();
    }

    @Test
    void hand_over_hand_keeps_no_connection_that_is_back() throws Exception {
        Connection last = guard.getConnection();
        for (int i = 0; i < 1_000; i++) {
            Connection next = guard.getConnection();
            if (i % 2 == 0) last.close();
            else onAnotherThread(last::close);
            last = next;
        }

        assertThat(remembered()).isLessThanOrEqualTo(2);
        last.close();
    }

    @Test
    void connections_that_leak_are_remembered_up_to_a_bound() throws SQLException {
        List<Connection> leaked = new ArrayList<>();
        for (int i = 0; i < 100; i++) leaked.add(guard.getConnection());

        assertThat(remembered()).isLessThanOrEqualTo(17);
        for (Connection connection : leaked) connection.close();
        assertThat(ThreadState.current().open).isNull();
    }

    private static int remembered() {
        int count = 0;
        for (WatchedConnection one = ThreadState.current().open; one != null; one = one.outer()) count++;
        return count;
    }

    @Test
    void two_threads_that_wait_for_each_other_are_reported_before_the_pool_gives_up() throws Exception {
        PostgresServer server = PostgresServer.shared();
        HikariConfig config = new HikariConfig();
        config.setDataSource(server.dataSource(server.createDatabase()));
        config.setMaximumPoolSize(2);
        config.setConnectionTimeout(30_000);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            guard = QueryGuard.watch(pool);
            CountDownLatch bothHoldOne = new CountDownLatch(2);
            List<Connection> outer = new ArrayList<>();
            List<Thread> threads = new ArrayList<>();
            List<SQLException> failures = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Thread thread = new Thread(() -> {
                    try {
                        Connection first = guard.getConnection();
                        synchronized (outer) {
                            outer.add(first);
                        }
                        bothHoldOne.countDown();
                        Await.latch(bothHoldOne);
                        guard.getConnection().close();
                    } catch (SQLException e) {
                        synchronized (outer) {
                            failures.add(e);
                        }
                    }
                });
                thread.start();
                threads.add(thread);
            }

            Await.until(
                    "both wait, and are reported",
                    () -> pool.getHikariPoolMXBean().getThreadsAwaitingConnection() == 2
                            && found(FindingKind.NESTED_BORROW).stream()
                                            .mapToLong(Finding::count)
                                            .sum()
                                    == 2);
            synchronized (outer) {
                for (Connection connection : outer) connection.close();
            }
            for (Thread thread : threads) thread.join();
            assertThat(failures).isEmpty();
        }
    }

    /** Runs something that may throw. */
    private interface Action {
        void run() throws SQLException;
    }

    private static void onAnotherThread(Action action) throws InterruptedException {
        List<SQLException> failures = new ArrayList<>();
        Thread thread = new Thread(() -> {
            try {
                action.run();
            } catch (SQLException e) {
                failures.add(e);
            }
        });
        thread.start();
        thread.join();
        assertThat(failures).isEmpty();
    }
}
