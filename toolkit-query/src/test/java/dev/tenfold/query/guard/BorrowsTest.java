package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.offset;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.SettableClock;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.h2.jdbcx.JdbcConnectionPool;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BorrowsTest {
    private static final SettableClock CLOCK = SettableClock.at(Instant.EPOCH);
    private static volatile CountDownLatch gate = new CountDownLatch(0);

    private final JdbcDataSource database = new JdbcDataSource();
    private final QueryGuard guard = QueryGuard.watch(database, o -> o.nanoClock(CLOCK.nanoClock()));
    private Connection keeper;

    /** What H2 calls. */
    public static final class Time {
        private Time() {}

        public static int pass(int millis) {
            CLOCK.advance(Duration.ofMillis(millis));
            Await.latch(gate);
            return millis;
        }
    }

    @BeforeEach
    void create() throws SQLException {
        database.setURL("jdbc:h2:mem:borrows");
        keeper = database.getConnection();
        keeper.createStatement().execute("create alias if not exists pass for \"" + Time.class.getName() + ".pass\"");
    }

    @AfterEach
    void close() throws SQLException {
        keeper.close();
    }

    private static void pass(Connection connection, int millis) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("select pass(?)")) {
            statement.setInt(1, millis);
            statement.executeQuery();
        }
    }

    @Test
    void what_comes_back_is_added_up() throws SQLException {
        for (int millis : new int[] {10, 30}) {
            try (Connection connection = guard.getConnection()) {
                pass(connection, millis);
                CLOCK.advance(Duration.ofMillis(60));
            }
        }

        Borrows borrows = guard.borrows();
        assertThat(borrows.borrowed()).isEqualTo(2);
        assertThat(borrows.returned()).isEqualTo(2);
        assertThat(borrows.held()).isEqualTo(Duration.ofMillis(160));
        assertThat(borrows.heldSquared()).isCloseTo(0.07 * 0.07 + 0.09 * 0.09, offset(1e-9));
        assertThat(borrows.judged()).isEqualTo(borrows.held());
        assertThat(borrows.worked()).isEqualTo(Duration.ofMillis(40));
        assertThat(borrows.refused()).isZero();
        assertThat(borrows.out()).isEmpty();
    }

    @Test
    void time_on_a_connection_whose_driver_is_used_directly_is_not_judged() throws SQLException {
        try (Connection connection = guard.getConnection()) {
            connection.unwrap(org.h2.jdbc.JdbcConnection.class);
            CLOCK.advance(Duration.ofMillis(5));
        }

        assertThat(guard.borrows().held()).isEqualTo(Duration.ofMillis(5));
        assertThat(guard.borrows().judged()).isZero();
    }

    @Test
    void one_that_is_out_tells_its_place_and_what_it_did_last() throws SQLException {
        try (Connection connection = guard.getConnection()) {
            pass(connection, 10);
            CLOCK.advance(Duration.ofSeconds(3));

            BorrowedConnection out = guard.borrows().out().get(0);
            assertThat(out.state()).isEqualTo(BorrowedConnection.State.IDLE);
            assertThat(out.held()).isEqualTo(Duration.ofMillis(3_010));
            assertThat(out.since()).isEqualTo(Duration.ofSeconds(3));
            assertThat(out.statement()).isEqualTo("select pass(?)");
            assertThat(out.thread()).isSameAs(Thread.currentThread());
            assertThat(out.borrowedIn().get(0).getMethodName()).startsWith("one_that_is_out");
        }
        assertThat(guard.borrows().out()).isEmpty();
    }

    @Test
    void one_that_works_is_seen_to_work() throws Exception {
        gate = new CountDownLatch(1);
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            Future<?> done = other.submit(() -> {
                try (Connection connection = guard.getConnection()) {
                    pass(connection, 7);
                }
                return null;
            });
            Await.until(
                    "it works",
                    () -> guard.borrows().out().stream()
                            .anyMatch(each -> each.state() == BorrowedConnection.State.EXECUTING
                                    && each.since().toMillis() == 7));
            assertThat(guard.borrows().out().get(0).statement()).isEqualTo("select pass(?)");
            gate.countDown();
            done.get();
        } finally {
            gate.countDown();
            other.shutdown();
        }
        assertThat(guard.borrows().worked()).isEqualTo(Duration.ofMillis(7));
    }

    @Test
    void one_whose_driver_is_used_directly_is_not_known_to_be_idle() throws SQLException {
        try (Connection connection = guard.getConnection()) {
            connection.unwrap(org.h2.jdbc.JdbcConnection.class);
            assertThat(guard.borrows().out().get(0).state()).isEqualTo(BorrowedConnection.State.UNKNOWN);
        }
    }

    @Test
    void one_that_another_thread_makes_statements_on_is_handed_over() throws Exception {
        ExecutorService other = Executors.newSingleThreadExecutor();
        try (Connection connection = guard.getConnection()) {
            connection.createStatement().close();
            assertThat(guard.borrows().out().get(0).handedOver()).isFalse();

            other.submit(() -> {
                        connection.createStatement().close();
                        return null;
                    })
                    .get();

            assertThat(guard.borrows().out().get(0).handedOver()).isTrue();
        } finally {
            other.shutdown();
        }
    }

    @Test
    void an_empty_batch_is_no_work() throws SQLException {
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select 1")) {
            statement.executeBatch();
            assertThat(guard.borrows().out().get(0).state()).isEqualTo(BorrowedConnection.State.IDLE);
        }
    }

    @Test
    void a_refusal_is_counted() {
        JdbcConnectionPool pool = JdbcConnectionPool.create(database);
        pool.setMaxConnections(1);
        pool.setLoginTimeout(1);
        QueryGuard small = QueryGuard.watch(pool);
        try (Connection only = small.getConnection()) {
            assertThat(only).isNotNull();
            assertThatExceptionOfType(SQLException.class).isThrownBy(small::getConnection);
            assertThatExceptionOfType(UnsupportedOperationException.class)
                    .isThrownBy(() -> small.getConnection("sa", "")); // which H2's pool does not do
        } catch (SQLException e) {
            throw new AssertionError(e);
        } finally {
            pool.dispose();
        }
        assertThat(small.borrows().refused()).isEqualTo(2);
        assertThat(small.borrows().waitedInVain()).isPositive();
        assertThat(small.borrows().borrowed()).isEqualTo(1);
    }

    @Test
    void more_connections_than_slots_are_all_seen() throws SQLException {
        List<Connection> many = new ArrayList<>();
        try {
            for (int i = 0; i < 200; i++) many.add(guard.getConnection());
            assertThat(guard.borrows().out()).hasSize(200);
        } finally {
            for (Connection each : many) each.close();
        }
        assertThat(guard.borrows().out()).isEmpty();
        assertThat(guard.borrows().returned()).isEqualTo(200);
    }

    @Test
    void threads_that_borrow_at_once_are_all_counted() throws Exception {
        int threads = 8;
        int each = 5_000;
        JdbcConnectionPool pool = JdbcConnectionPool.create(database);
        QueryGuard shared = QueryGuard.watch(pool);
        ExecutorService all = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> work = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                work.add(all.submit(() -> {
                    for (int i = 0; i < each; i++) shared.getConnection().close();
                    return null;
                }));
            }
            for (Future<?> one : work) one.get();
        } finally {
            all.shutdown();
            pool.dispose();
        }
        assertThat(shared.borrows().borrowed()).isEqualTo((long) threads * each);
        assertThat(shared.borrows().returned()).isEqualTo((long) threads * each);
        assertThat(shared.borrows().out()).isEmpty();
    }

    @Test
    void places_are_kept_when_they_are_asked_for() throws SQLException {
        for (int i = 0; i < 1_000; i++) guard.getConnection().close(); // beyond the first, which are kept
        CLOCK.advance(Duration.ofSeconds(2));
        try (Connection connection = guard.getConnection()) {
            assertThat(connection).isNotNull();
            assertThat(guard.borrows().out().get(0).borrowedIn()).isEmpty();
        }

        guard.keepPlaces();

        try (Connection connection = guard.getConnection()) {
            assertThat(connection).isNotNull();
            assertThat(guard.borrows().out().get(0).borrowedIn()).isNotEmpty();
        }
    }
}
