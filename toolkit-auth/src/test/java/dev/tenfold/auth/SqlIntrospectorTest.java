package dev.tenfold.auth;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenfold.auth.SqlIntrospector.RowMapper;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class SqlIntrospectorTest {
    private static final String TOKEN = "s3cr3t-token";
    private static final Instant EXPIRY = Instant.parse("2030-01-02T03:04:05Z");
    private static final RowMapper ROW = row -> TokenFacts.of("https://shop.example", row.getString("subject"))
            .scope(row.getString("scope"))
            .expiresAt(row.getTimestamp("expires_at").toInstant())
            .build();
    private static final TokenFacts FACTS = TokenFacts.of("https://shop.example", "42")
            .scope("orders:read")
            .expiresAt(EXPIRY)
            .build();
    private static final String BY_HEX = "SELECT subject, scope, expires_at FROM tokens WHERE hex = ?";

    @Nested
    class OnPostgres extends Contract {
        @Override
        DataSource database() {
            PostgresServer server = PostgresServer.shared();
            return server.dataSource(server.createDatabase());
        }

        @Override
        String bytes() {
            return "BYTEA";
        }

        @Override
        String slow() {
            return "SELECT pg_sleep(50) WHERE CAST(? AS TEXT) <> ''";
        }
    }

    @Nested
    class OnH2 extends Contract {
        @Override
        DataSource database() {
            JdbcDataSource h2 = new JdbcDataSource();
            h2.setUrl("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
            return h2;
        }

        @Override
        String bytes() {
            return "VARBINARY(32)";
        }

        @Override
        String slow() {
            return "SELECT COUNT(a.x + b.x) FROM system_range(1, 1000000) a, system_range(1, 1000000) b"
                    + " WHERE CAST(a.x * b.x AS VARCHAR) <> ?";
        }
    }

    abstract static class Contract {
        private DataSource database;
        private final List<String> givenBack = new ArrayList<>();
        private int open;

        abstract DataSource database();

        abstract String bytes();

        abstract String slow();

        @BeforeEach
        void createTable() throws SQLException {
            database = database();
            try (Connection connection = database.getConnection();
                    Statement statement = connection.createStatement()) {
                statement.execute("CREATE TABLE tokens (token VARCHAR(99), hex VARCHAR(64), bin " + bytes()
                        + ", subject VARCHAR(99), scope VARCHAR(99), expires_at TIMESTAMP WITH TIME ZONE)");
            }
            insert(TOKEN, "42");
            insert("another", "43");
        }

        private void insert(String token, String subject) throws SQLException {
            try (Connection connection = database.getConnection();
                    PreparedStatement insert =
                            connection.prepareStatement("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?)")) {
                insert.setString(1, token);
                insert.setString(2, SqlIntrospector.sha256Hex(token));
                insert.setBytes(3, SqlIntrospector.sha256Bytes(token));
                insert.setString(4, subject);
                insert.setString(5, "orders:read");
                insert.setTimestamp(6, Timestamp.from(EXPIRY));
                insert.executeUpdate();
            }
        }

        /** Notes in what state connections are given back. */
        private DataSource watched(boolean autoCommit) {
            return (DataSource) Proxy.newProxyInstance(
                    getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, arguments) -> {
                        Connection connection = database.getConnection();
                        connection.setAutoCommit(autoCommit);
                        open++;
                        return Proxy.newProxyInstance(
                                getClass().getClassLoader(), new Class<?>[] {Connection.class}, (own, call, values) -> {
                                    if (call.getName().equals("close")) {
                                        givenBack.add((connection.isReadOnly() ? "read-only" : "read-write")
                                                + (connection.getAutoCommit() ? ", auto" : ", manual"));
                                        open--;
                                    }
                                    try {
                                        return call.invoke(connection, values);
                                    } catch (InvocationTargetException e) {
                                        throw e.getCause() == null ? e : e.getCause();
                                    }
                                });
                    });
        }

        private Throwable failure(SqlIntrospector introspector) {
            Throwable thrown = catchThrowable(() -> introspector.introspect(TOKEN));
            assertThat(thrown).isInstanceOf(SQLException.class);
            StringWriter text = new StringWriter();
            thrown.printStackTrace(new PrintWriter(text));
            assertThat(text.toString()).doesNotContain(TOKEN).doesNotContain(SqlIntrospector.sha256Hex(TOKEN));
            return thrown;
        }

        @Test
        void a_token_is_found_by_its_digest_as_text_as_bytes_and_by_itself() throws Exception {
            assertThat(SqlIntrospector.of(database, BY_HEX, SqlIntrospector::sha256Hex, ROW)
                            .introspect(TOKEN))
                    .isEqualTo(FACTS);
            assertThat(SqlIntrospector.of(database, BY_HEX.replace("hex", "bin"), SqlIntrospector::sha256Bytes, ROW)
                            .introspect(TOKEN))
                    .isEqualTo(FACTS);
            assertThat(SqlIntrospector.of(database, BY_HEX.replace("hex", "token"), ROW)
                            .introspect(TOKEN))
                    .isEqualTo(FACTS);
        }

        @Test
        void one_query_on_one_connection_is_what_it_costs() throws Exception {
            CountingDataSource counting = CountingDataSource.of(database);
            SqlIntrospector introspector = SqlIntrospector.of(counting, BY_HEX, SqlIntrospector::sha256Hex, ROW);
            assertThat(introspector.introspect(TOKEN)).isEqualTo(FACTS);
            assertThat(counting.statements()).isEqualTo(1);
            assertThat(counting.connections()).isEqualTo(1);
        }

        @Test
        void a_token_that_is_not_there_is_none() throws Exception {
            SqlIntrospector introspector = SqlIntrospector.of(database, BY_HEX, SqlIntrospector::sha256Hex, ROW);
            for (String unknown : List.of("unknown", "", "' OR '1'='1", SqlIntrospector.sha256Hex(TOKEN))) {
                assertThat(introspector.introspect(unknown)).isNull();
            }
        }

        @Test
        void a_row_that_is_no_valid_token_is_none() throws Exception {
            assertThat(SqlIntrospector.of(database, BY_HEX, SqlIntrospector::sha256Hex, row -> null)
                            .introspect(TOKEN))
                    .isNull();
        }

        @Test
        void what_cannot_be_a_token_costs_no_connection() throws Exception {
            Function<String, Object> uuidOnly = token -> token.length() == 36 ? UUID.fromString(token) : null;
            SqlIntrospector introspector = SqlIntrospector.of(watched(true), BY_HEX, uuidOnly, ROW);
            assertThat(introspector.introspect(TOKEN)).isNull();
            assertThat(givenBack).isEmpty();
        }

        @Test
        void two_rows_are_an_error_as_it_is_not_known_whose_token_it_is() throws Exception {
            insert(TOKEN, "666");
            SqlIntrospector introspector = SqlIntrospector.of(watched(true), BY_HEX, SqlIntrospector::sha256Hex, ROW);
            assertThatThrownBy(() -> introspector.introspect(TOKEN))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("found more than one row")
                    .hasMessageContaining(BY_HEX)
                    .hasMessageNotContaining(TOKEN);
            assertThat(open).isZero();
        }

        @Test
        void connections_are_given_back_as_they_came_whatever_happens() throws Exception {
            RowMapper failing = row -> {
                throw new IllegalStateException("cannot map");
            };
            for (boolean auto : new boolean[] {true, false}) {
                givenBack.clear();
                DataSource pool = watched(auto);
                assertThat(SqlIntrospector.of(pool, BY_HEX, SqlIntrospector::sha256Hex, ROW)
                                .introspect(TOKEN))
                        .isEqualTo(FACTS);
                assertThat(SqlIntrospector.of(pool, BY_HEX, SqlIntrospector::sha256Hex, ROW)
                                .introspect("unknown"))
                        .isNull();
                assertThatThrownBy(() -> SqlIntrospector.of(pool, BY_HEX, SqlIntrospector::sha256Hex, failing)
                                .introspect(TOKEN))
                        .hasMessage("cannot map");
                Throwable unused = failure(SqlIntrospector.of(pool, "SELECT * FROM nowhere WHERE hex = ?", ROW));
                assertThat(givenBack).hasSize(4).containsOnly(auto ? "read-write, auto" : "read-write, manual");
                assertThat(open).isZero();
            }
        }

        @Test
        void a_wrong_statement_is_an_error_with_its_cause() {
            Throwable failure = failure(SqlIntrospector.of(database, "SELECT * FROM nowhere WHERE hex = ?", ROW));
            assertThat(failure)
                    .hasMessageContaining("failed with SQLSTATE 42")
                    .hasMessageContaining("SELECT * FROM nowhere")
                    .hasCauseInstanceOf(SQLException.class);
            assertThat(((SQLException) failure).getSQLState()).startsWith("42");
        }

        @Test
        void an_error_that_quotes_the_token_does_not_get_out() {
            String cast = "SELECT subject, scope, expires_at FROM tokens WHERE CAST(? AS INT) = 1";
            assertThat(failure(SqlIntrospector.of(database, cast, ROW)))
                    .hasMessageContaining("failed with SQLSTATE 22")
                    .hasNoCause();
            assertThat(failure(SqlIntrospector.of(database, cast, SqlIntrospector::sha256Hex, ROW)))
                    .hasNoCause();
            RowMapper misreads =
                    row -> TokenFacts.of(null, "" + row.getInt("token")).build();
            assertThat(failure(SqlIntrospector.of(database, "SELECT token FROM tokens WHERE token = ?", misreads)))
                    .hasNoCause();
        }

        @Test
        void a_pool_that_quotes_the_token_does_not_get_through_either() {
            DataSource chatty = (DataSource) Proxy.newProxyInstance(
                    getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, arguments) -> {
                        SQLException failure = new SQLException("no connection", "08001", 7);
                        failure.setNextException(new SQLException("while asked for " + TOKEN));
                        throw failure;
                    });
            assertThat(failure(SqlIntrospector.of(chatty, BY_HEX, ROW)))
                    .hasMessageContaining("SQLSTATE 08001, vendor code 7")
                    .hasNoCause();
        }

        @Test
        void a_slow_query_is_given_up() {
            SqlIntrospector introspector =
                    SqlIntrospector.of(watched(true), slow(), ROW).queryTimeout(ofSeconds(1));
            assertThat(failure(introspector)).hasMessageContaining("was not answered within 1 s");
            assertThat(open).isZero();
        }
    }

    @Test
    void digests_are_those_of_sha_256() {
        assertThat(SqlIntrospector.sha256Hex("abc"))
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assertThat(SqlIntrospector.sha256Bytes("abc")).hasSize(32).startsWith(0xba, 0x78, 0x16);
    }

    @Test
    void bad_settings_are_refused_and_the_id_is_the_query() {
        JdbcDataSource unused = new JdbcDataSource();
        assertThatThrownBy(() -> SqlIntrospector.of(unused, "SELECT 1", ROW))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("the query has no parameter");
        SqlIntrospector introspector = SqlIntrospector.of(unused, BY_HEX, ROW);
        for (Duration bad : List.of(ofMillis(0), ofMillis(999), ofMillis(1_500), ofSeconds(61))) {
            assertThatThrownBy(() -> introspector.queryTimeout(bad))
                    .hasMessageStartingWith("queryTimeout " + bad + " must be whole seconds");
        }
        assertThat(introspector.id()).isEqualTo("sql " + BY_HEX);
        assertThat(introspector).hasToString("sql " + BY_HEX);
    }
}
