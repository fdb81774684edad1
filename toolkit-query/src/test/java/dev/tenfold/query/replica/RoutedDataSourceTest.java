package dev.tenfold.query.replica;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.jooq.DSLContext;
import org.jooq.SQLDialect;
import org.jooq.impl.DSL;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.support.TransactionTemplate;

/** The database as a data source, under plain JDBC, Spring's transactions and jOOQ. */
@Timeout(120)
class RoutedDataSourceTest {
    private static final String PORT = "select inet_server_port()";

    private static Cluster cluster;
    private HikariDataSource writes;
    private HikariDataSource reads;
    private Database db;
    private int primary;
    private int replica;

    @BeforeAll
    static void start() {
        cluster = Cluster.shared();
    }

    @BeforeEach
    void open() {
        writes = cluster.pool(cluster.primary);
        reads = cluster.pool(cluster.first);
        db = Database.primary(writes).replica(reads).build();
        Await.until(
                "the replica has answered",
                () -> db.stats().replicas().get(0).lag().isPresent());
        primary = cluster.primary.port();
        replica = cluster.first.port();
    }

    @AfterEach
    void close() {
        assertThat(writes.getHikariPoolMXBean().getActiveConnections()).isLessThanOrEqualTo(1); // the prober's
        assertThat(reads.getHikariPoolMXBean().getActiveConnections()).isLessThanOrEqualTo(1);
        assertThat(db.stats().replicas().get(0).inFlight()).isZero();
        db.close();
        writes.close();
        reads.close();
    }

    private static TransactionTemplate transactions(DataSource dataSource, boolean readOnly) {
        TransactionTemplate template = new TransactionTemplate(new DataSourceTransactionManager(dataSource));
        template.setReadOnly(readOnly);
        return template;
    }

    private static int port(JdbcTemplate jdbc) {
        Integer port = jdbc.queryForObject(PORT, Integer.class);
        return port == null ? 0 : port;
    }

    @Test
    void springs_read_only_transactions_run_on_a_replica_and_others_on_the_primary() {
        DataSource routed = db.dataSource();
        JdbcTemplate jdbc = new JdbcTemplate(routed);

        transactions(routed, true).executeWithoutResult(status -> {
            for (int i = 0; i < 5; i++) assertThat(port(jdbc)).isEqualTo(replica);
        });
        transactions(routed, false).executeWithoutResult(status -> {
            for (int i = 0; i < 5; i++) assertThat(port(jdbc)).isEqualTo(primary);
        });
        assertThat(port(jdbc)).isEqualTo(primary); // outside of a transaction nobody says that it reads
    }

    @Test
    void a_write_in_springs_read_only_transaction_fails_and_never_moves_to_the_primary() {
        DataSource routed = db.dataSource();
        JdbcTemplate jdbc = new JdbcTemplate(routed);

        assertThatThrownBy(() -> transactions(routed, true)
                        .executeWithoutResult(status -> jdbc.update("update note set n = -1 where id = 20")))
                .isInstanceOf(DataAccessException.class)
                .rootCause()
                .hasMessageContaining("read-only transaction");
    }

    @Test
    void a_nested_read_only_call_joins_springs_outer_write_on_the_primary() {
        DataSource routed = db.dataSource();
        JdbcTemplate jdbc = new JdbcTemplate(routed);
        transactions(routed, false).executeWithoutResult(status -> {
            jdbc.update("update note set n = 77 where id = 21");
            transactions(routed, true).executeWithoutResult(inner -> {
                assertThat(port(jdbc)).isEqualTo(primary);
                assertThat(jdbc.queryForObject("select n from note where id = 21", Integer.class))
                        .isEqualTo(77);
            });
        });
    }

    @Test
    void a_session_sees_what_springs_transaction_wrote_before() {
        Session session = db.session(null);
        DataSource routed = db.dataSource(() -> false, () -> session);
        JdbcTemplate jdbc = new JdbcTemplate(routed);
        cluster.first.pauseReplay();
        try {
            transactions(routed, false)
                    .executeWithoutResult(status -> jdbc.update("update note set n = 5 where id = 22"));
            assertThat(session.token()).hasSize(28);
            transactions(routed, true).executeWithoutResult(status -> {
                assertThat(port(jdbc)).isEqualTo(primary);
                assertThat(jdbc.queryForObject("select n from note where id = 22", Integer.class))
                        .isEqualTo(5);
            });
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void reads_on_the_primary_for_want_of_a_replica_may_not_write_either() {
        Session session = db.session(null);
        DataSource routed = db.dataSource(() -> false, () -> session);
        JdbcTemplate jdbc = new JdbcTemplate(routed);
        cluster.first.pauseReplay();
        try {
            jdbc.update("update note set n = 6 where id = 23"); // commits by itself
            assertThatThrownBy(() -> transactions(routed, true)
                            .executeWithoutResult(status -> jdbc.update("update note set n = -1 where id = 23")))
                    .rootCause()
                    .hasMessageContaining("read-only transaction");
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void jooq_asks_once_a_transaction_and_stays_where_it_began() {
        AtomicBoolean readOnly = new AtomicBoolean();
        AtomicInteger asked = new AtomicInteger();
        DSLContext jooq = DSL.using(
                db.dataSource(() -> {
                    asked.incrementAndGet();
                    return readOnly.get();
                }),
                SQLDialect.POSTGRES);
        for (boolean isRead : new boolean[] {true, false}) {
            readOnly.set(isRead);
            asked.set(0);
            jooq.transaction(configuration -> {
                for (int i = 0; i < 5; i++) {
                    assertThat(configuration.dsl().fetchValue(PORT)).isEqualTo(isRead ? replica : primary);
                    readOnly.set(!readOnly.get());
                }
            });
            assertThat(asked).hasValue(1);
        }
    }

    @Test
    void no_connection_is_taken_before_it_is_used() throws SQLException {
        try (Connection unused = db.dataSource(() -> {
                    throw new AssertionError("nobody asks");
                })
                .getConnection()) {
            unused.setReadOnly(true);
            assertThat(unused.isReadOnly()).isTrue();
            assertThat(unused.isClosed()).isFalse();
        }
        assertThat(db.stats().replicas().get(0).reads()).isZero();
    }

    @Test
    void a_connection_keeps_its_role_whatever_is_set() throws SQLException {
        try (Connection connection = db.dataSource().getConnection()) {
            connection.setReadOnly(true);
            assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + replica);
            connection.setReadOnly(false);
            assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + replica);
        }
        try (Connection connection = db.dataSource().getConnection()) {
            assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + primary);
            connection.setReadOnly(true);
            assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + primary);
        }
    }

    @Test
    void what_is_not_committed_is_rolled_back_by_close_and_the_rest_stays() throws SQLException {
        Session session = db.session(null);
        try (Connection connection = db.dataSource(() -> false, () -> session).getConnection()) {
            connection.setAutoCommit(false);
            connection.createStatement().execute("update note set n = 1 where id = 24");
            connection.commit();
            connection.createStatement().execute("update note set n = 2 where id = 24");
        }
        assertThat(cluster.ask(cluster.primary, "select n from note where id = 24"))
                .isEqualTo("1");
        assertThat(session.<String>read(it -> Cluster.ask(it, "select n from note where id = 24")))
                .isEqualTo("1");
    }

    @Test
    void what_commits_by_itself_cannot_write_either_where_it_only_reads() throws SQLException {
        Session session = db.session(null);
        cluster.first.pauseReplay();
        try {
            session.write(connection -> Cluster.ask(connection, "update note set n = 7 where id = 25 returning n"));
            try (Connection connection =
                    db.dataSource(() -> true, () -> session).getConnection()) {
                assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + primary);
                assertThat(Cluster.ask(connection, "select n from note where id = 25"))
                        .isEqualTo("7");
                connection.setReadOnly(false);
                assertThatThrownBy(() -> Cluster.ask(connection, "update note set n = -1 where id = 25 returning n"))
                        .hasMessageContaining("read-only transaction");
                connection.setAutoCommit(false);
                assertThatThrownBy(() -> Cluster.ask(connection, "update note set n = -1 where id = 25 returning n"))
                        .hasMessageContaining("read-only transaction");
            }
            for (int i = 0; i < 10; i++) {
                assertThat(db.<String>write(it -> Cluster.ask(it, "update note set n = 8 where id = 25 returning n")))
                        .isEqualTo("8");
            }
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void springs_new_transactions_inside_of_another_have_a_route_each() {
        Session session = db.session(null);
        DataSource routed = db.dataSource(() -> false, () -> session);
        JdbcTemplate jdbc = new JdbcTemplate(routed);
        TransactionTemplate newRead = transactions(routed, true);
        TransactionTemplate newWrite = transactions(routed, false);
        newRead.setPropagationBehavior(TransactionDefinition.PROPAGATION_REQUIRES_NEW);
        newWrite.setPropagationBehavior(TransactionDefinition.PROPAGATION_REQUIRES_NEW);
        cluster.first.pauseReplay();
        try {
            transactions(routed, true).executeWithoutResult(outer -> {
                assertThat(port(jdbc)).isEqualTo(replica);
                newWrite.executeWithoutResult(inner -> jdbc.update("update note set n = 9 where id = 26"));
                assertThat(port(jdbc)).isEqualTo(replica);
                newRead.executeWithoutResult(inner -> {
                    assertThat(port(jdbc)).isEqualTo(primary);
                    assertThat(jdbc.queryForObject("select n from note where id = 26", Integer.class))
                            .isEqualTo(9);
                });
            });
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void a_token_taken_before_the_connection_is_closed_does_not_hide_what_was_written() throws SQLException {
        Session session = db.session(null);
        cluster.first.pauseReplay();
        try (Connection connection = db.dataSource(() -> false, () -> session).getConnection()) {
            assertThat(Cluster.ask(connection, "update note set n = 10 where id = 27 returning n"))
                    .isEqualTo("10");
            assertThat(db.session(session.token())
                            .<String>read(it -> Cluster.ask(it, "select n from note where id = 27")))
                    .isEqualTo("10");
        } finally {
            cluster.first.resumeReplay();
        }
    }

    @Test
    void a_replica_refuses_serializable_transactions() throws SQLException {
        try (Connection connection = db.dataSource(() -> true).getConnection()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            connection.setAutoCommit(false);
            assertThatThrownBy(() -> Cluster.ask(connection, PORT)).hasMessageContaining("hot standby");
        }
    }

    @Test
    void what_is_asked_of_a_connection_first_decides_its_route() throws SQLException {
        try (Connection connection = db.dataSource().getConnection()) {
            assertThat(connection.getMetaData().getURL()).contains(":" + primary);
            connection.setReadOnly(true);
            assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + primary);
        }
        try (Connection connection = db.dataSource(() -> true).getConnection()) {
            assertThat(connection.getMetaData().getURL()).contains(":" + replica);
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            assertThat(Cluster.ask(connection, PORT)).isEqualTo("" + replica);
        }
    }

    @Test
    void a_replica_whose_reads_end_well_is_not_out_because_one_got_no_connection() throws SQLException {
        AtomicReference<Connection> closes = new AtomicReference<>();
        Thread test = Thread.currentThread();
        DataSource exhausted = (DataSource) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, args) -> {
                    Connection open = Thread.currentThread().equals(test) ? closes.getAndSet(null) : null;
                    if (open == null) return method.invoke(reads, args);
                    open.close();
                    throw new SQLTransientConnectionException("timeout");
                });
        try (Database other = Database.primary(writes)
                .replica(exhausted)
                .maxLag(Duration.ofDays(1))
                .build()) {
            Await.until(
                    "its replica has answered",
                    () -> other.stats().replicas().get(0).lag().isPresent());
            Connection busy = other.dataSource(() -> true).getConnection();
            assertThat(Cluster.ask(busy, PORT)).isEqualTo("" + replica);
            closes.set(busy);
            assertThat(other.<String>read(it -> Cluster.ask(it, PORT))).isEqualTo("" + primary);
            assertThat(other.stats().replicas().get(0).problem()).isEmpty();
        }
    }

    @Test
    void a_closed_connection_is_closed_and_is_the_same_as_itself_alone() throws SQLException {
        Connection connection = db.dataSource().getConnection();
        assertThat(connection.unwrap(Connection.class)).isSameAs(connection);
        assertThat(connection.isWrapperFor(org.postgresql.PGConnection.class)).isTrue();
        assertThat(connection.equals(db.dataSource().getConnection())).isFalse();
        connection.close();
        connection.close();
        assertThat(connection.isClosed()).isTrue();
        assertThatThrownBy(connection::createStatement).isInstanceOf(SQLException.class);
        assertThatThrownBy(() -> db.dataSource().getConnection("user", "secret"))
                .isInstanceOf(SQLFeatureNotSupportedException.class);
    }
}
