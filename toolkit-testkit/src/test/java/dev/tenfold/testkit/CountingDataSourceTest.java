package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.util.PSQLException;

class CountingDataSourceTest {
    private final DataSource plain = PostgresServer.shared().dataSource("postgres");
    private final CountingDataSource counted = CountingDataSource.of(plain);

    @Test
    void every_execution_is_a_statement_with_its_text() throws SQLException {
        try (Connection connection = counted.getConnection();
                Statement statement = connection.createStatement();
                PreparedStatement prepared = connection.prepareStatement("SELECT ?::int");
                CallableStatement callable = connection.prepareCall("{call pg_backend_pid()}")) {
            assertThat(counted.statements()).isZero();
            statement.execute("SELECT 1");
            statement.executeQuery("SELECT 2").close();
            for (int i = 0; i < 2; i++) {
                prepared.setInt(1, i);
                prepared.executeQuery().close();
            }
            callable.execute();
        }
        assertThat(counted.statements()).isEqualTo(5);
        assertThat(counted.sql())
                .containsExactly("SELECT 1", "SELECT 2", "SELECT ?::int", "SELECT ?::int", "{call pg_backend_pid()}");
    }

    @Test
    void a_batch_is_one_statement_however_many_rows_it_carries() throws SQLException {
        try (Connection connection = counted.getConnection()) {
            connection.createStatement().execute("CREATE TEMP TABLE t (id int)");
            counted.reset();
            try (PreparedStatement insert = connection.prepareStatement("INSERT INTO t VALUES (?)")) {
                for (int i = 0; i < 100; i++) {
                    insert.setInt(1, i);
                    insert.addBatch();
                }
                assertThat(insert.executeBatch()).hasSize(100);
            }
            try (Statement statement = connection.createStatement()) {
                statement.addBatch("DELETE FROM t WHERE id = 0");
                statement.clearBatch();
                statement.addBatch("DELETE FROM t WHERE id = 1");
                statement.addBatch("DELETE FROM t WHERE id = 2");
                statement.executeBatch();
            }
        }
        assertThat(counted.statements()).isEqualTo(2);
        assertThat(counted.sql())
                .containsExactly("INSERT INTO t VALUES (?)", "DELETE FROM t WHERE id = 1; DELETE FROM t WHERE id = 2");
    }

    @Test
    void connections_are_counted_when_borrowed() throws SQLException {
        counted.getConnection().close();
        try (Connection connection = counted.getConnection("postgres", "any")) {
            assertThat(connection.isValid(30)).isTrue();
        }
        assertThat(counted.connections()).isEqualTo(2);
        counted.reset();
        assertThat(counted.connections()).isZero();
    }

    @Test
    void the_drivers_sql_exception_passes_unchanged_and_the_call_counts() throws SQLException {
        try (Connection connection = counted.getConnection();
                Statement statement = connection.createStatement()) {
            PSQLException thrown = catchThrowableOfType(PSQLException.class, () -> statement.execute("SELECT 1 / 0"));
            assertThat(thrown.getSQLState()).isEqualTo("22012");
        }
        assertThat(counted.sql()).containsExactly("SELECT 1 / 0");
    }

    @Test
    void a_connection_that_cannot_be_had_is_not_counted() {
        CountingDataSource nowhere =
                CountingDataSource.of(PostgresServer.shared().dataSource("no_such_database"));
        assertThatThrownBy(nowhere::getConnection).isInstanceOf(PSQLException.class);
        assertThat(nowhere.connections()).isZero();
    }

    @Test
    void only_the_last_ten_thousand_texts_are_kept() throws SQLException {
        try (Connection connection = counted.getConnection();
                Statement statement = connection.createStatement()) {
            // An empty statement: PostgreSQL answers it without planning anything.
            for (int i = 0; i < 10_005; i++) statement.execute("-- " + i);
        }
        assertThat(counted.statements()).isEqualTo(10_005);
        assertThat(counted.sql()).hasSize(10_000).startsWith("-- 5").endsWith("-- 10004");
    }

    @Test
    void busy_is_the_time_inside_executions() throws SQLException {
        try (Connection connection = counted.getConnection();
                Statement statement = connection.createStatement()) {
            long start = System.nanoTime();
            statement.execute("SELECT pg_sleep(0.05)");
            assertThat(counted.busy()).isBetween(Duration.ofMillis(50), Duration.ofNanos(System.nanoTime() - start));
            counted.reset();
            assertThat(counted.busy()).isZero();
            assertThat(counted.sql()).isEmpty();
        }
    }

    @Test
    void unwrap_leads_to_the_target_on_which_nothing_is_counted() throws SQLException {
        assertThat(counted.unwrap(CountingDataSource.class)).isSameAs(counted);
        assertThat(counted.unwrap(plain.getClass())).isSameAs(plain);
        assertThat(counted.isWrapperFor(plain.getClass())).isTrue();
        try (Connection connection = counted.getConnection();
                Statement statement = connection.createStatement()) {
            assertThat(connection.isWrapperFor(PGConnection.class)).isTrue();
            PGConnection driver = connection.unwrap(PGConnection.class);
            ((Connection) driver).createStatement().execute("SELECT 1");
            assertThat(statement.unwrap(PGStatement.class)).isNotSameAs(statement);
            assertThatThrownBy(() -> connection.unwrap(Runnable.class)).isInstanceOf(SQLException.class);
        }
        assertThat(counted.statements()).isZero();
    }

    @Test
    void a_statements_connection_is_the_one_that_counts() throws SQLException {
        try (Connection connection = counted.getConnection();
                Statement statement = connection.createStatement()) {
            assertThat(statement.getConnection()).isSameAs(connection).isEqualTo(connection);
            statement.getConnection().createStatement().execute("SELECT 1");
        }
        assertThat(counted.statements()).isEqualTo(1);
    }
}
