package dev.tenfold.query.replica;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.PostgresServer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class DatabaseTest {
    private static final String PORT = "select inet_server_port()";

    private static Cluster cluster;
    private final Deque<AutoCloseable> open = new ArrayDeque<>();

    @BeforeAll
    static void start() {
        cluster = Cluster.shared();
    }

    @AfterEach
    void close() throws Exception {
        while (!open.isEmpty()) open.pop().close();
    }

    private <T extends AutoCloseable> T closing(T each) {
        open.push(each);
        return each;
    }

    private HikariDataSource pool(PostgresServer server) {
        return closing(cluster.pool(server));
    }

    private DatabaseOptions options() {
        return Database.primary(pool(cluster.primary)).replica("first", pool(cluster.first));
    }

    /** Makes it, and waits until its servers have said where they are. */
    private Database ready(DatabaseOptions options) {
        Database db = closing(options.build());
        Await.until(
                "all replicas have answered",
                () -> db.stats().replicas().stream()
                        .allMatch(replica -> replica.lag().isPresent()));
        return db;
    }

    private static int port(Database db) throws SQLException {
        return Integer.parseInt(db.read(connection -> Cluster.ask(connection, PORT)));
    }

    private static int port(Session session) throws SQLException {
        return Integer.parseInt(session.read(connection -> Cluster.ask(connection, PORT)));
    }

    private static int read(Session session, int id) throws SQLException {
        return session.read(connection -> read(connection, id));
    }

    private static int read(Connection connection, int id) throws SQLException {
        return Integer.parseInt(Cluster.ask(connection, "select n from note where id = " + id));
    }

    private static int write(Connection connection, int id) throws SQLException {
        return Integer.parseInt(Cluster.ask(connection, "update note set n = n + 1 where id = " + id + " returning n"));
    }

    private static int write(Session session, int id) throws SQLException {
        return session.write(connection -> write(connection, id));
    }

    private static long onPrimary(Database db, String reason) {
        return db.stats().readsOnPrimary().getOrDefault(reason, 0L);
    }

    private static Token place(Session session) {
        return Objects.requireNonNull(Token.parse(session.token()), "no token");
    }

    private static void awaitOnReplica(Session session) {
        Await.until("the replica is read", () -> port(session) == cluster.first.port());
    }

    @Test
    void reads_run_on_a_replica_and_writes_on_the_primary() throws SQLException {
        Database db = ready(options());

        assertThat(port(db)).isEqualTo(cluster.first.port());
        assertThat(db.<String>write(connection -> Cluster.ask(connection, PORT)))
                .isEqualTo("" + cluster.primary.port());
        assertThat(db.stats().replicas().get(0).reads()).isEqualTo(1);
    }

    @Test
    void without_replicas_all_runs_on_the_primary_by_the_same_calls() throws SQLException {
        Database db = closing(Database.primary(pool(cluster.primary)).build());

        int n = db.write(connection -> write(connection, 1));
        assertThat(db.<Integer>read(connection -> read(connection, 1))).isEqualTo(n);
        assertThat(db.stats().readsOnPrimary()).containsEntry("none", 1L);
    }

    @Test
    void what_reads_cannot_write_on_whatever_server() {
        for (DatabaseOptions options : new DatabaseOptions[] {options(), Database.primary(pool(cluster.primary))}) {
            Database db = closing(options.build());
            assertThatThrownBy(() -> db.read(connection -> write(connection, 2)))
                    .isInstanceOf(SQLException.class)
                    .hasMessageContaining("read-only transaction");
        }
    }

    @Test
    void a_session_sees_its_write_while_the_replica_lags_and_comes_back_to_the_replica() throws SQLException {
        Database db = ready(options());
        Session session = db.session(null);
        assertThat(session.token()).isEmpty();
        cluster.first.pauseReplay();
        try {
            int n = write(session, 3);
            assertThat(read(session, 3)).isEqualTo(n);
            assertThat(port(session)).isEqualTo(cluster.primary.port());
            assertThat(db.stats().readsOnPrimary()).containsEntry("lag", 2L);
            assertThat(port(db.session(null))).isEqualTo(cluster.first.port()); // others are not concerned
        } finally {
            cluster.first.resumeReplay();
        }
        awaitOnReplica(session);
    }

    @Test
    void a_token_carries_the_session_to_another_instance() throws SQLException {
        Database one = ready(options());
        Database other = ready(options());
        Session session = one.session("");
        cluster.first.pauseReplay();
        try {
            int n = write(session, 4);
            assertThat(read(other.session(session.token()), 4)).isEqualTo(n);
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void read_your_writes_holds_outside_of_sessions_too() throws SQLException {
        Database db = ready(options().readYourWrites());
        cluster.first.pauseReplay();
        try {
            int n = db.write(connection -> write(connection, 5));
            assertThat(db.<Integer>read(connection -> read(connection, 5))).isEqualTo(n);
        } finally {
            cluster.first.resumeReplay();
        }
        Await.until("the replica is read again", () -> port(db) == cluster.first.port());
    }

    @Test
    void a_read_waits_for_the_replica_as_long_as_it_may() throws Exception {
        Database db = ready(options().maxWait(Duration.ofSeconds(20)));
        Session session = db.session(null);
        cluster.first.pauseReplay();
        int n = write(session, 6);
        Thread resumes = new Thread(cluster.first::resumeReplay);
        resumes.start();
        assertThat(session.<Integer>read(connection -> {
                    assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + cluster.first.port());
                    return read(connection, 6);
                }))
                .isEqualTo(n);
        resumes.join();
    }

    @Test
    void an_idle_primary_is_no_lag_and_a_replica_that_stands_still_is() throws SQLException {
        Database db = ready(options().maxLag(Duration.ofMillis(400)));
        Await.until("reads on the replica", () -> port(db) == cluster.first.port());
        long start = System.nanoTime();
        Await.until("a second without writes", () -> System.nanoTime() - start > 1_000_000_000L);
        Await.until("still on the replica", () -> port(db) == cluster.first.port());
        cluster.first.pauseReplay();
        try {
            long before = onPrimary(db, "lag");
            db.write(connection -> write(connection, 7));
            Await.until(
                    "reads on the primary, as the replica lags",
                    () -> port(db) == cluster.primary.port() && onPrimary(db, "lag") > before);
        } finally {
            cluster.first.resumeReplay();
        }
        Await.until("reads on the replica again", () -> port(db) == cluster.first.port());
    }

    @Test
    void a_replica_that_has_all_is_not_behind_a_primary_that_went_on_to_the_next_file() throws SQLException {
        try (Connection primary = cluster.primary.dataSource(cluster.database).getConnection()) {
            boolean isSame = false;
            for (int i = 0; i < 3 && !isSame; i++) { // the server itself may write in between, but seldom does
                write(primary, 22);
                Cluster.ask(primary, "select pg_switch_wal()");
                long at = Wal.primary(primary).lsn();
                isSame = at == Token.lsn(Cluster.ask(primary, "select pg_current_wal_flush_lsn()"));
            }
            assertThat(isSame).isTrue();
        }
    }

    @Test
    void a_session_costs_no_statement_on_the_usual_path_and_one_after_a_commit() throws SQLException {
        CountingDataSource writes = CountingDataSource.of(cluster.primary.dataSource(cluster.database));
        CountingDataSource reads = CountingDataSource.of(cluster.first.dataSource(cluster.database));
        HikariDataSource one = closing(Cluster.pool(reads));
        one.setMaximumPoolSize(1); // the first read on each other one would ask it
        Database db = closing(Database.primary(closing(Cluster.pool(writes)))
                .replica(one)
                .maxLag(Duration.ofDays(1))
                .build());
        Session session = db.session(null);
        int n = write(session, 8);
        awaitOnReplica(session);
        long start = System.nanoTime();
        reads.reset();
        writes.reset();
        for (int i = 0; i < 50; i++) assertThat(read(session, 8)).isEqualTo(n);
        int later = write(session, 8);
        // The prober asks once a second, whatever is read.
        long looks = 2 + (System.nanoTime() - start) / 1_000_000_000L;

        assertThat(later).isEqualTo(n + 1);
        assertThat(reads.sql()).filteredOn(sql -> sql.contains("from note")).hasSize(50);
        assertThat(reads.statements()).isBetween(50L, 50 + looks);
        assertThat(writes.sql()).noneMatch(sql -> sql.contains("from note"));
        assertThat(writes.sql()).filteredOn(sql -> sql.startsWith("update")).hasSize(1);
        assertThat(writes.statements()).isBetween(2L, 2 + looks);
    }

    @Test
    void inside_of_a_write_all_runs_on_its_connection_and_is_rolled_back_with_it() throws SQLException {
        Database db = ready(options());
        Session session = db.session(null);
        int before = read(session, 9);
        assertThatThrownBy(() -> session.write(connection -> {
                    int n = write(connection, 9);
                    assertThat(read(session, 9)).isEqualTo(n).isEqualTo(before + 1);
                    assertThat(db.<Integer>write(same -> write(same, 9))).isEqualTo(n + 1);
                    throw new IllegalStateException("no");
                }))
                .hasMessage("no");
        assertThat(session.token()).isEmpty();
        assertThat(cluster.ask(cluster.primary, "select n from note where id = 9"))
                .isEqualTo("" + before);
    }

    @Test
    void other_threads_of_a_session_read_on_the_primary_while_it_writes() throws Exception {
        Database db = ready(options());
        Session session = db.session(null);
        session.write(connection -> {
            int[] port = new int[1];
            Thread other = new Thread(() -> {
                try {
                    port[0] = port(session);
                } catch (SQLException e) {
                    throw new AssertionError(e);
                }
            });
            other.start();
            Await.until("the other has read", () -> !other.isAlive());
            assertThat(port[0]).isEqualTo(cluster.primary.port());
            return 0;
        });
        assertThat(db.stats().readsOnPrimary()).containsEntry("writing", 1L);
    }

    @Test
    void a_write_inside_of_a_read_is_refused() {
        Database db = ready(options());
        assertThatIllegalStateException()
                .isThrownBy(() -> db.read(connection -> db.write(again -> 1)))
                .withMessageContaining("begin with write");
    }

    @Test
    void a_write_that_goes_on_after_a_part_of_it_failed_is_rolled_back() throws SQLException {
        Database db = ready(options());
        assertThatIllegalStateException()
                .isThrownBy(() -> db.write(connection -> {
                    write(connection, 10);
                    try {
                        db.write(again -> {
                            throw new IllegalArgumentException("a part");
                        });
                    } catch (IllegalArgumentException swallowed) {
                        return 1;
                    }
                    return 2;
                }))
                .withMessageContaining("rolled back");
        assertThat(cluster.ask(cluster.primary, "select n from note where id = 10"))
                .isEqualTo("0");
    }

    @Test
    void a_token_that_cannot_be_read_or_is_of_another_cluster_sees_everything_up_to_now() throws SQLException {
        for (String odd : new String[] {"uncertain", "garbage; drop table", new Token(42, 1, -1).text()}) {
            Database db = ready(options());
            cluster.first.pauseReplay();
            Session session;
            int n;
            try {
                n = db.write(connection -> write(connection, 11));
                session = db.session(odd);
                assertThat(read(session, 11)).isEqualTo(n);
            } finally {
                cluster.first.resumeReplay();
            }
            awaitOnReplica(session);
            assertThat(read(session, 11)).isEqualTo(n);
        }
    }

    @Test
    void a_token_beyond_the_log_reads_on_the_primary() throws SQLException {
        Database db = ready(options());
        Session session = db.session(null);
        write(session, 12);
        Token now = place(session);
        Session ahead = db.session(new Token(now.cluster(), now.timeline(), now.lsn() + (1L << 40)).text());
        assertThat(port(ahead)).isEqualTo(cluster.primary.port());
    }

    @Test
    void a_token_of_a_later_timeline_than_the_primarys_is_refused() throws SQLException {
        Database db = ready(options());
        Session session = db.session(null);
        write(session, 12);
        Token now = place(session);
        Session later = db.session(new Token(now.cluster(), now.timeline() + 1, now.lsn()).text());
        assertThatThrownBy(() -> read(later, 12))
                .isInstanceOf(SQLTransientConnectionException.class)
                .hasMessageContaining("point it at the new primary");
    }

    @Test
    void a_token_of_a_timeline_that_the_primary_has_left_sees_what_the_primary_has_now() throws SQLException {
        Database db = ready(options());
        Session session = db.session(null);
        write(session, 12);
        Token now = place(session);
        Session older = db.session(new Token(now.cluster(), now.timeline() - 1, now.lsn() + (1L << 40)).text());
        awaitOnReplica(older);
    }

    @Test
    void a_killed_replica_is_left_out_at_once_and_comes_back() throws SQLException {
        HikariDataSource pool = closing(cluster.pool(cluster.second, Duration.ofSeconds(3)));
        Database db = ready(
                Database.primary(pool(cluster.primary)).replica("second", pool).maxLag(Duration.ofSeconds(2)));
        Await.until("it is read", () -> port(db) == cluster.second.port());
        cluster.second.kill();
        Await.until("it is out", () -> !db.stats().replicas().get(0).isUp());
        long before = onPrimary(db, "down");
        assertThat(port(db)).isEqualTo(cluster.primary.port());
        Await.until("as it is down", () -> port(db) == cluster.primary.port() && onPrimary(db, "down") > before);
        assertThat(db.stats().replicas().get(0).problem()).isNotEmpty();
        cluster.second.restart();
        Await.until(
                "it is back",
                () -> portIfAny(db) == cluster.second.port()
                        && db.stats().replicas().get(0).problem().isEmpty());
    }

    @Test
    void a_sessions_read_inside_of_a_read_that_may_lack_its_writes_does_not_join_it() throws SQLException {
        Database db = ready(options());
        Session session = db.session(null);
        cluster.first.pauseReplay();
        try {
            int n = write(session, 14);
            db.read(outer -> {
                assertThat(Cluster.ask(outer, PORT)).isEqualTo("" + cluster.first.port());
                assertThat(read(session, 14)).isEqualTo(n);
                assertThat(port(db.session(null))).isEqualTo(cluster.first.port());
                assertThat(Cluster.ask(outer, PORT)).isEqualTo("" + cluster.first.port());
                return 0;
            });
        } finally {
            cluster.first.resumeReplay();
        }
        awaitOnReplica(session);
        session.read(outer -> {
            session.read(inner -> assertThat(inner).isSameAs(outer));
            return 0;
        });
    }

    @Test
    void a_token_taken_in_the_middle_of_a_write_does_not_hide_it() throws SQLException {
        Database db = ready(options());
        Session session = db.session(null);
        write(session, 15);
        String inside = session.write(connection -> {
            write(connection, 15);
            return session.token();
        });
        assertThat(inside).isEqualTo("uncertain");
        assertThat(session.token()).hasSize(28);
    }

    @Test
    void a_token_that_says_nothing_is_replaced_by_the_first_read() throws SQLException {
        Database db = ready(options());
        long here = place(sessionThatWrote(db)).cluster();
        for (String odd : new String[] {"uncertain", "garbage", new Token(here + 1, 1, 1).text()}) {
            cluster.first.pauseReplay();
            String token;
            try {
                // What the primary says meanwhile is not on the replica either.
                write(db.session(null), 16);
                Session session = db.session(odd);
                assertThat(port(session)).isEqualTo(cluster.primary.port());
                assertThat(place(session).cluster()).isEqualTo(here);
                token = session.token();
            } finally {
                cluster.first.resumeReplay();
            }
            awaitOnReplica(db.session(token));
        }
    }

    private static Session sessionThatWrote(Database db) throws SQLException {
        Session session = db.session(null);
        write(session, 16);
        return session;
    }

    @Test
    void a_commit_whose_answer_was_lost_is_seen_by_whom_it_belongs_to() throws SQLException {
        for (Exception lost :
                List.of(new SQLException("the answer is lost"), new IllegalStateException("a wrapper's"))) {
            DataSource losing = losingAnswers(cluster.primary.dataSource(cluster.database), lost);
            Database db = ready(Database.primary(closing(Cluster.pool(losing))).replica(pool(cluster.first)));
            Session session = db.session(null);
            int before = read(session, 17);
            cluster.first.pauseReplay();
            try {
                assertThatThrownBy(() -> write(session, 17)).isSameAs(lost);
                assertThat(read(session, 17)).isEqualTo(before + 1);
                assertThat(read(db.session(session.token()), 17)).isEqualTo(before + 1);
            } finally {
                cluster.first.resumeReplay();
            }
            cluster.awaitReplay(cluster.first);
        }
    }

    /** Commits of transactions that wrote, and says that it failed. */
    private static DataSource losingAnswers(DataSource of, Exception lost) {
        return (DataSource) Proxy.newProxyInstance(
                DatabaseTest.class.getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, args) -> {
                    Object result = method.invoke(of, args);
                    return result instanceof Connection connection ? losingAnswers(connection, lost) : result;
                });
    }

    private static Connection losingAnswers(Connection of, Exception lost) {
        return (Connection) Proxy.newProxyInstance(
                DatabaseTest.class.getClassLoader(), new Class<?>[] {Connection.class}, (self, method, args) -> {
                    Object result = method.invoke(of, args);
                    if (!method.getName().equals("commit") || of.isReadOnly()) return result;
                    throw lost;
                });
    }

    @Test
    void a_commit_whose_place_cannot_be_asked_for_stands_and_is_seen() throws SQLException {
        AtomicBoolean isBroken = new AtomicBoolean();
        DataSource primary = intercepted(DataSource.class, cluster.primary.dataSource(cluster.database), answer -> {
            if (!(answer instanceof Connection connection)) return answer;
            return intercepted(Connection.class, connection, made -> {
                if (made instanceof Statement && isBroken.get()) throw new IllegalStateException("a wrapper's");
                return made;
            });
        });
        Database db = ready(Database.primary(closing(Cluster.pool(primary))).replica(pool(cluster.first)));
        Session session = db.session(null);
        int before = read(session, 22);
        cluster.first.pauseReplay();
        try {
            int written = session.write(connection -> {
                int n = write(connection, 22);
                isBroken.set(true);
                return n;
            });
            assertThat(session.token()).isEqualTo("uncertain");
            isBroken.set(false);
            assertThat(read(session, 22)).isEqualTo(written).isEqualTo(before + 1);
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void a_reader_that_is_interrupted_while_a_replicas_pool_has_it_wait_does_not_take_the_replica_out()
            throws SQLException {
        Thread reader = Thread.currentThread();
        AtomicBoolean waits = new AtomicBoolean();
        DataSource reads = pool(cluster.first);
        DataSource interrupted = (DataSource) Proxy.newProxyInstance(
                DatabaseTest.class.getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, args) -> {
                    if (Thread.currentThread() != reader || !waits.get()) return method.invoke(reads, args);
                    reader.interrupt(); // as HikariCP leaves it
                    throw new SQLException("interrupted during connection acquisition");
                });
        Database db = ready(Database.primary(pool(cluster.primary)).replica("first", interrupted));
        assertThat(port(db)).isEqualTo(cluster.first.port());
        waits.set(true);
        try {
            assertThat(portIfAny(db)).isNotEqualTo(cluster.first.port());
            assertThat(db.stats().replicas().get(0).isUp()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void a_read_that_is_interrupted_while_it_waits_goes_to_the_primary() throws Exception {
        HikariDataSource writes = pool(cluster.primary);
        Database db = ready(
                Database.primary(writes).replica("first", pool(cluster.first)).maxWait(Duration.ofMinutes(10)));
        Session session = db.session(null);
        // Who is interrupted waits for no connection; beside the prober's there has to be one.
        try (Connection one = writes.getConnection();
                Connection other = writes.getConnection()) {
            assertThat(one).isNotSameAs(other);
        }
        cluster.first.pauseReplay();
        try {
            write(session, 18);
            AtomicReference<Object> seen = new AtomicReference<>();
            Thread reader = new Thread(() -> {
                try {
                    int port = port(session);
                    seen.set(Thread.currentThread().isInterrupted() ? port : "no longer interrupted");
                } catch (SQLException e) {
                    seen.set(e);
                }
            });
            reader.start();
            Await.until("it waits", () -> LockSupport.getBlocker(reader) instanceof Router);
            reader.interrupt();
            reader.join();
            assertThat(seen).hasValue(cluster.primary.port());
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void how_old_a_read_may_be_is_told_once_it_has_a_connection_however_long_its_pool_had_it_wait() throws Exception {
        AtomicLong clock = new AtomicLong();
        HikariDataSource reads = pool(cluster.first);
        CountDownLatch waits = new CountDownLatch(1);
        CountDownLatch goesOn = new CountDownLatch(1);
        AtomicReference<Thread> reader = new AtomicReference<>();
        DataSource shortOfConnections = before(reads, () -> {
            if (Thread.currentThread().equals(reader.get())) {
                waits.countDown();
                Await.latch(goesOn);
            }
        });
        Database db = ready(Database.primary(pool(cluster.primary))
                .replica("first", shortOfConnections)
                .with(clock::get, new Random(8)));
        cluster.first.pauseReplay();
        try {
            CompletableFuture<Integer> seen = new CompletableFuture<>();
            Thread thread = new Thread(() -> {
                try {
                    seen.complete(db.<Integer>read(connection -> read(connection, 23)));
                } catch (SQLException | RuntimeException e) {
                    seen.completeExceptionally(e);
                }
            });
            reader.set(thread);
            thread.start();
            Await.latch(waits);
            int n = write(db.session(null), 23);
            clock.addAndGet(Duration.ofSeconds(11).toNanos());
            Await.until("the primary is asked again", () -> db.primaryAfter(0) != null);
            goesOn.countDown();
            assertThat(seen.get(30, TimeUnit.SECONDS)).isEqualTo(n);
        } finally {
            goesOn.countDown();
            cluster.first.resumeReplay();
        }
    }

    /** Does something first, whenever a connection is taken. */
    private static DataSource before(DataSource pool, Runnable first) {
        return (DataSource) Proxy.newProxyInstance(
                DatabaseTest.class.getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, args) -> {
                    if (method.getName().equals("getConnection")) first.run();
                    try {
                        return method.invoke(pool, args);
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                });
    }

    @Test
    void as_soon_as_the_primary_is_down_reads_that_may_be_stale_are_served() throws SQLException {
        AtomicLong clock = new AtomicLong();
        try (FaultProxy link = FaultProxy.to(cluster.primary.host(), cluster.primary.port())) {
            String url = cluster.primary.jdbcUrl(cluster.database, link);
            AtomicReference<DataSource> primary = new AtomicReference<>(closing(Cluster.pool(url)));
            Database db = ready(Database.primary(moving(primary))
                    .replica("first", pool(cluster.first))
                    .staleWhilePrimaryDown()
                    .with(clock::get, new Random(8)));
            cluster.first.pauseReplay();
            try {
                Session session = db.session(null);
                write(session, 19);
                clock.addAndGet(Duration.ofSeconds(9).toNanos());
                write(session, 19);
                clock.addAndGet(
                        Duration.ofSeconds(9).toNanos()); // the first is too old to miss, the clock stands still now
                assertThat(port(db)).isEqualTo(cluster.primary.port());
                primary.set(closing(Cluster.impatient(url)));
                link.cut();
                Await.until("it is read", () -> portIfAny(db) == cluster.first.port());
                assertThatThrownBy(() -> port(session)).isInstanceOf(SQLException.class);
            } finally {
                cluster.first.resumeReplay();
            }
        }
    }

    /** Leads where it is told to lead. */
    private static DataSource moving(AtomicReference<DataSource> to) {
        return (DataSource) Proxy.newProxyInstance(
                DatabaseTest.class.getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, args) -> {
                    try {
                        return method.invoke(to.get(), args);
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                });
    }

    private static int portIfAny(Session session) {
        try {
            return port(session);
        } catch (SQLException e) {
            return 0;
        }
    }

    private static int portIfAny(Database db) {
        try {
            return port(db);
        } catch (SQLException e) {
            return 0;
        }
    }

    @Test
    void a_replica_that_starts_again_behind_its_former_place_hides_nothing() throws SQLException {
        Database db = ready(Database.primary(pool(cluster.primary)).replica("second", pool(cluster.second)));
        Session session = db.session(null);
        for (boolean isServerRestarted : new boolean[] {false, true}) {
            int n = write(session, 20);
            Await.until("it is read", () -> portIfAny(session) == cluster.second.port());
            String place = cluster.ask(cluster.second, "select pg_last_wal_replay_lsn()");
            // From now on it applies no commit of the last hour, once it is consistent.
            cluster.run(cluster.second, "alter system set recovery_min_apply_delay = '1h'");
            cluster.run(cluster.second, "select pg_reload_conf()");
            try {
                if (isServerRestarted) cluster.second.restart();
                else crashOneBackend();
                Await.until("it is behind", () -> isBehind(place));
                long start = System.nanoTime();
                Await.until("it is asked again", () -> {
                    assertThat(readUnlessBroken(session, 20, n)).isEqualTo(n);
                    return System.nanoTime() - start > 1_200_000_000L;
                });
            } finally {
                cluster.run(cluster.second, "alter system reset recovery_min_apply_delay");
                cluster.run(cluster.second, "select pg_reload_conf()");
            }
            Await.until("it is read again", () -> portIfAny(session) == cluster.second.port());
            assertThat(read(session, 20)).isEqualTo(n);
        }
    }

    @Test
    void a_first_answer_of_a_former_life_that_comes_late_says_nothing_of_the_next_life() throws Exception {
        Primary primary = new Primary(Database.primary(pool(cluster.primary)));
        CountDownLatch isTold = new CountDownLatch(1);
        CountDownLatch goesOn = new CountDownLatch(1);
        DataSource second = cluster.second.dataSource(cluster.database);
        Replica replica = new Replica(
                new DatabaseOptions.Named("second", second), primary, Database.primary(pool(cluster.primary)));
        Token place;
        try (Connection connection = primary.borrow()) {
            write(connection, 24);
            place = primary.ask(connection);
        }
        cluster.awaitReplay(cluster.second);
        CompletableFuture<Boolean> late = new CompletableFuture<>();
        Thread asks = new Thread(() -> {
            try (Connection connection = second.getConnection()) {
                late.complete(replica.covers(
                        told(connection, () -> {
                            isTold.countDown();
                            Await.latch(goesOn);
                        }),
                        place));
            } catch (SQLException | RuntimeException e) {
                late.completeExceptionally(e);
            }
        });
        asks.start();
        Await.latch(isTold);
        String replayed = cluster.ask(cluster.second, "select pg_last_wal_replay_lsn()");
        cluster.run(cluster.second, "alter system set recovery_min_apply_delay = '1h'");
        cluster.run(cluster.second, "select pg_reload_conf()");
        try {
            crashOneBackend();
            Await.until("it is behind", () -> isBehind(replayed));
            try (Connection next = second.getConnection()) {
                assertThat(replica.covers(next, place)).isFalse();
                goesOn.countDown();
                assertThat(late.get(30, TimeUnit.SECONDS)).isTrue();
                assertThat(replica.covers(next, place)).isFalse();
            }
        } finally {
            goesOn.countDown();
            cluster.run(cluster.second, "alter system reset recovery_min_apply_delay");
            cluster.run(cluster.second, "select pg_reload_conf()");
        }
        cluster.awaitReplay(cluster.second);
    }

    /** Does something once a query was answered, before the answer is read. */
    private static Connection told(Connection connection, Runnable then) {
        return intercepted(
                Connection.class,
                connection,
                result -> result instanceof Statement statement
                        ? intercepted(Statement.class, statement, answer -> {
                            if (answer instanceof ResultSet) then.run();
                            return answer;
                        })
                        : result);
    }

    private static <T> T intercepted(Class<T> type, T target, UnaryOperator<@Nullable Object> result) {
        return type.cast(Proxy.newProxyInstance(
                DatabaseTest.class.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> {
                    try {
                        return result.apply(method.invoke(target, args));
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                }));
    }

    /** What a pool lent to it may be a connection that broke a moment ago. */
    private static int readUnlessBroken(Session session, int id, int otherwise) throws SQLException {
        try {
            return read(session, id);
        } catch (SQLException e) {
            if (!Health.isBroken(e)) throw e;
            return otherwise;
        }
    }

    private static boolean isBehind(String place) {
        try {
            return cluster.ask(cluster.second, "select pg_last_wal_replay_lsn() < '" + place + "'")
                    .equals("t");
        } catch (SQLException stillDown) {
            return false;
        }
    }

    /** All its others break with it, and it starts again from an older place, under the same main process. */
    private static void crashOneBackend() throws SQLException {
        try (Connection victim = cluster.second.dataSource(cluster.database).getConnection()) {
            long pid = Long.parseLong(Cluster.ask(victim, "select pg_backend_pid()"));
            assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
            Await.until("it is dead", () -> !victim.isValid(1));
        }
    }

    @Test
    void a_promoted_replica_is_none_any_longer_and_what_its_failover_lost_is_shown_to_nobody() throws SQLException {
        try (FaultProxy link = FaultProxy.to(cluster.primary.host(), cluster.primary.port());
                PostgresServer third = cluster.primary.startReplica(link);
                HikariDataSource before = cluster.pool(cluster.primary);
                HikariDataSource after = cluster.pool(third);
                HikariDataSource pool = cluster.pool(third);
                HikariDataSource first = cluster.pool(cluster.first)) {
            AtomicReference<DataSource> primary = new AtomicReference<>(before);
            try (Database single =
                            Database.primary(before).replica("third", pool).build();
                    Database db = Database.primary(moving(primary))
                            .replica("first", first)
                            .build()) {
                Await.until("it is read", () -> port(single) == third.port());
                Session session = db.session(null);
                cluster.awaitReplay(third);
                int kept = read(session, 21);
                link.cut();
                int lost = write(session, 21);
                awaitOnReplica(session);
                assertThat(read(session, 21)).isEqualTo(lost).isEqualTo(kept + 1);

                third.promote();
                Await.until("it is out", () -> !single.stats().replicas().get(0).isUp());
                assertThat(port(single)).isEqualTo(cluster.primary.port());
                assertThat(single.stats().replicas().get(0).problem()).contains("a primary of its own");

                primary.set(after);
                Session later = db.session(null);
                int timeline =
                        later.write(connection -> Cluster.ask(connection, PORT)).equals("" + third.port())
                                ? place(later).timeline()
                                : 0;
                assertThat(timeline).isGreaterThan(place(session).timeline());
                for (Session each : List.of(session, later, db.session(session.token()))) {
                    assertThat(read(each, 21)).isEqualTo(kept);
                    assertThat(port(each)).isEqualTo(third.port());
                }
                assertThat(cluster.ask(cluster.first, "select n from note where id = 21"))
                        .isEqualTo("" + lost); // it followed the former primary, and nobody reads it
                assertThat(port(db)).isEqualTo(third.port());
            }
        }
    }

    @Test
    void who_asks_a_former_primary_late_does_not_bring_its_timeline_back_and_a_restore_does() throws SQLException {
        try (PostgresServer third = cluster.primary.startReplica();
                HikariDataSource before = cluster.pool(cluster.primary);
                HikariDataSource after = cluster.pool(third);
                HikariDataSource restored = cluster.pool(cluster.primary)) {
            AtomicReference<DataSource> pool = new AtomicReference<>(before);
            Primary primary = new Primary(Database.primary(moving(pool)));
            try (Connection old = primary.borrow()) {
                Token former = primary.ask(old);
                third.promote();
                pool.set(after);
                primary.probe();
                Primary.Sample promoted = Objects.requireNonNull(primary.newest());
                assertThat(promoted.at().timeline()).isGreaterThan(former.timeline());
                assertThat(primary.ask(old).timeline()).isEqualTo(former.timeline());
                assertThat(primary.newest()).isEqualTo(promoted);
                assertThat(primary.recentEnough(System.nanoTime())).isEqualTo(promoted);
            }
            pool.set(restored);
            primary.probe();
            assertThat(Objects.requireNonNull(primary.newest()).at().timeline()).isOne();
        }
    }

    @Test
    void a_former_primary_that_is_asked_for_the_first_time_does_not_keep_the_later_timeline_out() throws SQLException {
        try (PostgresServer third = cluster.primary.startReplica();
                HikariDataSource before = cluster.pool(cluster.primary);
                HikariDataSource after = cluster.pool(third)) {
            AtomicReference<DataSource> pool = new AtomicReference<>(before);
            Primary primary = new Primary(Database.primary(moving(pool)));
            try (Connection old = primary.borrow()) {
                third.promote();
                pool.set(after);
                try (Connection promoted = primary.borrow()) {
                    Token later = primary.ask(promoted);
                    assertThat(primary.ask(old).timeline()).isLessThan(later.timeline());
                    Token again = primary.ask(promoted);
                    assertThat(Objects.requireNonNull(primary.newest()).at()).isEqualTo(again);
                    assertThat(primary.ask(old).timeline()).isLessThan(later.timeline());
                    assertThat(Objects.requireNonNull(primary.newest()).at()).isEqualTo(again);
                }
            }
        }
    }

    @Test
    void a_primarys_pool_that_leads_to_a_replica_is_refused() {
        Database db = closing(Database.primary(pool(cluster.first)).build());
        assertThatThrownBy(() -> db.read(connection -> 1))
                .isInstanceOf(SQLTransientConnectionException.class)
                .hasMessageContaining("point it at the new primary");
    }

    @Test
    void a_replica_of_another_cluster_is_left_out() throws SQLException {
        PostgresServer shared = PostgresServer.shared();
        Database db = closing(Database.primary(pool(cluster.primary))
                .replica(closing(Cluster.pool(shared.jdbcUrl(shared.createDatabase()))))
                .build());
        Await.until("it is out", () -> !db.stats().replicas().get(0).isUp());
        assertThat(port(db)).isEqualTo(cluster.primary.port());
    }

    @Test
    void beyond_the_limit_reads_are_refused_when_no_replica_is_up() throws SQLException {
        DatabaseOptions down =
                Database.primary(pool(cluster.primary)).replica("gone", closing(Cluster.poolToNowhere()));
        Database none = closing(down.fallbackLimit(0).build());
        assertThatThrownBy(() -> port(none))
                .isInstanceOf(SQLTransientConnectionException.class)
                .hasMessageContaining("fallbackLimit 0")
                .hasMessageContaining("gone");
        assertThat(none.stats().refused()).isEqualTo(1);
        assertThat(none.<Integer>write(connection -> write(connection, 13))).isPositive();

        Database one = closing(down.fallbackLimit(1).build());
        one.read(connection -> {
            Await.until("another is refused", () -> {
                int[] refused = new int[1];
                Thread other = new Thread(() -> {
                    try {
                        port(one);
                    } catch (SQLException e) {
                        refused[0]++;
                    }
                });
                other.start();
                other.join();
                return refused[0] == 1;
            });
            return 0;
        });
        assertThat(port(one)).isEqualTo(cluster.primary.port());
    }

    @Test
    void while_the_primary_is_down_reads_go_on_if_they_may_be_stale_and_else_fail() throws SQLException {
        HikariDataSource gone = closing(Cluster.poolToNowhere());
        DatabaseOptions down = Database.primary(gone).replica("first", pool(cluster.first));
        Database stale = closing(down.staleWhilePrimaryDown().build());
        Database strict = closing(down.build());

        assertThat(port(stale)).isEqualTo(cluster.first.port());
        assertThatThrownBy(() -> port(strict)).isInstanceOf(SQLException.class);
        assertThatThrownBy(() -> stale.write(connection -> 1)).isInstanceOf(SQLException.class);
    }

    @Test
    void of_two_replicas_the_one_with_fewer_reads_in_flight_is_taken() throws SQLException {
        Database db = ready(options().replica("second", pool(cluster.second)));
        Await.until(
                "both are known",
                () -> db.stats().replicas().stream()
                        .allMatch(replica -> replica.lag().isPresent()));
        db.read(connection -> {
            String outer = Cluster.ask(connection, PORT);
            Thread other = new Thread(() -> {
                try {
                    for (int i = 0; i < 20; i++) assertThat("" + port(db)).isNotEqualTo(outer);
                } catch (SQLException e) {
                    throw new AssertionError(e);
                }
            });
            Throwable[] thrown = new Throwable[1];
            other.setUncaughtExceptionHandler((thread, e) -> thrown[0] = e);
            other.start();
            Await.until("twenty reads", () -> !other.isAlive());
            assertThat(thrown[0]).isNull();
            return 0;
        });
    }

    @Test
    void a_user_who_may_not_see_the_timeline_reads_on_the_primary() throws SQLException {
        cluster.run(cluster.primary, "create role plain login; grant select on note to plain");
        cluster.awaitReplay(cluster.first);
        String as = cluster.first.jdbcUrl(cluster.database).replace("user=postgres", "user=plain");
        Database db = closing(Database.primary(pool(cluster.primary))
                .replica(closing(Cluster.pool(as)))
                .build());
        assertThat(port(db)).isEqualTo(cluster.primary.port());
        cluster.run(cluster.primary, "grant pg_read_all_stats to plain");
        Await.until("the replica is read", () -> port(db) == cluster.first.port());
    }

    @Test
    void a_check_at_each_read_asks_each_time() throws SQLException {
        CountingDataSource reads = CountingDataSource.of(cluster.first.dataSource(cluster.database));
        Database db = ready(Database.primary(pool(cluster.primary))
                .replica(closing(Cluster.pool(reads)))
                .checkEachRead());
        assertThat(port(db)).isEqualTo(cluster.first.port());
        reads.reset();
        for (int i = 0; i < 20; i++) assertThat(port(db)).isEqualTo(cluster.first.port());
        assertThat(reads.statements()).isGreaterThanOrEqualTo(40);
    }

    @Test
    void a_server_is_asked_again_whatever_its_pool_has_thrown() {
        AtomicReference<Error> thrown = new AtomicReference<>(new NoClassDefFoundError("of a driver"));
        DataSource sick = before(pool(cluster.first), () -> {
            Error once = thrown.getAndSet(null);
            if (once != null) throw once;
        });
        ready(Database.primary(pool(cluster.primary)).replica("first", sick));
    }

    @Test
    void a_closed_database_leaves_no_thread_and_connections_are_as_they_were() throws SQLException {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        try (HikariDataSource writes = cluster.pool(cluster.primary);
                HikariDataSource reads = cluster.pool(cluster.first)) {
            Database db = Database.primary(writes).replica(reads).build();
            int unused = port(db);
            db.close();
            db.close(); // once is enough
            assertThat(Thread.getAllStackTraces().keySet())
                    .noneMatch(thread -> thread.getName().startsWith("tenfold-probe"));
            assertThat(writes.getHikariPoolMXBean().getActiveConnections()).isZero();
            assertThat(reads.getHikariPoolMXBean().getActiveConnections()).isZero();
        }
        before.assertNothingLeaked();
    }

    @Test
    void after_close_what_has_begun_ends_and_nothing_else_begins() throws SQLException {
        Database db = ready(options());
        DataSource routed = db.dataSource();
        int written = db.write(connection -> {
            db.close();
            return write(connection, db.write(joined -> 1));
        });
        assertThat(written).isPositive();

        assertThatThrownBy(() -> port(db))
                .isInstanceOf(SQLNonTransientConnectionException.class)
                .hasMessage("this Database is closed; build another one");
        assertThatThrownBy(() -> db.write(connection -> write(connection, 1)))
                .isInstanceOf(SQLNonTransientConnectionException.class);
        try (Connection unused = routed.getConnection()) {
            assertThatThrownBy(unused::createStatement).isInstanceOf(SQLNonTransientConnectionException.class);
        }
    }

    @Test
    void metrics_tell_what_the_stats_tell() throws SQLException {
        Database db = ready(options());
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        new DatabaseMetrics(db, "notes").bindTo(registry);
        int unused = port(db);

        assertThat(registry.get("toolkit.replica.reads")
                        .tags("database", "notes", "replica", "first")
                        .functionCounter()
                        .count())
                .isEqualTo(1);
        assertThat(registry.get("toolkit.replica.up").gauge().value()).isEqualTo(1);
        assertThat(registry.get("toolkit.replica.inflight").gauge().value()).isZero();
        assertThat(registry.get("toolkit.replica.lag").gauge().value()).isBetween(0.0, 10.0);
        assertThat(registry.get("toolkit.replica.fallbacks")
                        .tag("reason", "lag")
                        .functionCounter()
                        .count())
                .isZero();
        assertThatIllegalArgumentException().isThrownBy(() -> new DatabaseMetrics(db, " "));
    }

    @Test
    void servers_are_asked_eight_times_within_the_lag_from_once_to_two_hundred_times_a_second() {
        assertThat(Database.lookEvery(Duration.ofMillis(20).toNanos()))
                .isEqualTo(Duration.ofMillis(5).toNanos());
        assertThat(Database.lookEvery(Duration.ofMillis(800).toNanos()))
                .isEqualTo(Duration.ofMillis(100).toNanos());
        assertThat(Database.lookEvery(Duration.ofDays(1).toNanos()))
                .isEqualTo(Duration.ofSeconds(1).toNanos());
    }

    @Test
    void bad_input_is_refused_before_anything_is_asked() {
        HikariDataSource a = pool(cluster.primary);
        HikariDataSource b = pool(cluster.first);
        DatabaseOptions options = Database.primary(a);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.replica(a))
                .withMessageContaining("primary's pool");
        assertThatIllegalArgumentException().isThrownBy(() -> options.replica(" ", b));
        assertThatIllegalArgumentException().isThrownBy(() -> options.replica("primary", b));
        assertThatIllegalArgumentException().isThrownBy(() -> options.replica(b).replica("other", b));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options.maxLag(Duration.ofMillis(1)))
                .withMessageContaining("20 milliseconds");
        assertThatIllegalArgumentException().isThrownBy(() -> options.maxLag(Duration.ofDays(2)));
        assertThatIllegalArgumentException().isThrownBy(() -> options.maxWait(Duration.ofMillis(-1)));
        assertThatIllegalArgumentException().isThrownBy(() -> options.fallbackLimit(-1));
    }
}
