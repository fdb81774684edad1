package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.auth.ApiKeys.Issued;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** API keys whose PostgreSQL is away, slow or silent for a while. */
class ApiKeysOutageTest {
    private static final PostgresServer SERVER = PostgresServer.shared();
    private static final byte[] PEPPER = "a pepper of the tests, of 32 bytes".getBytes(UTF_8);

    private final String database = SERVER.createDatabase();
    private final FaultProxy proxy = FaultProxy.to(SERVER.host(), SERVER.port());
    private final ApiKeys keys = ApiKeys.on(throughProxy(), Map.of(1, PEPPER), o -> o);

    private DataSource throughProxy() {
        PGSimpleDataSource postgres = new PGSimpleDataSource();
        postgres.setUrl(SERVER.jdbcUrl(database, proxy));
        postgres.setSocketTimeout((int) Await.LIMIT.toSeconds());
        postgres.setConnectTimeout((int) Await.LIMIT.toSeconds());
        return postgres;
    }

    @BeforeEach
    void create() throws SQLException {
        keys.createTables();
    }

    @AfterEach
    void close() {
        proxy.resume();
        keys.close();
        proxy.close();
    }

    @Test
    void while_the_database_is_away_nothing_is_told_of_any_key() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        proxy.cut();
        assertThatThrownBy(() -> keys.introspect(issued.key()))
                .isInstanceOf(SQLException.class)
                .satisfies(e -> assertNoSecret(e, issued.key()));
        assertThatThrownBy(() -> keys.revoke(issued.id())).isInstanceOf(SQLException.class);
        assertThat(keys.introspect(issued.key() + "x"))
                .as("no question for the database")
                .isNull();
        proxy.resume();
        assertThat(keys.introspect(issued.key())).isNotNull();
    }

    private static void assertNoSecret(Throwable failure, String key) {
        for (Throwable e = failure; e != null; e = e.getCause()) {
            assertThat(String.valueOf(e)).doesNotContain(key.substring(16));
        }
    }

    @Test
    void uses_outlast_an_outage() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        keys.used(issued.id());
        proxy.cut();
        String log = ApiKeyWritesTest.logOf(() -> {
            keys.flush();
            keys.used(issued.id());
            keys.flush();
        });
        assertThat(log).contains("cannot write when 1 API keys were used last").contains("again at the next flush");
        proxy.resume();
        keys.flush();
        assertThat(lastUsed(issued)).isNotNull();
    }

    @Test
    void neither_the_use_nor_the_hash_shows_in_a_batch_that_postgres_refuses() throws SQLException {
        byte[] newer = "a newer pepper of the tests, of 32 bytes".getBytes(UTF_8);
        Issued issued = keys.issue("42", k -> k);
        try (ApiKeys both = ApiKeys.on(throughProxy(), Map.of(1, PEPPER, 2, newer), o -> o)) {
            both.introspect(issued.key());
            execute("alter table tenfold_api_keys rename to away");
            String log = ApiKeyWritesTest.logOf(both::flush);
            String hash = HexFormat.of()
                    .formatHex(new ApiKeyPeppers(Map.of(2, newer), 0)
                            .hash(issued.key().substring(0, 48)));
            assertThat(log)
                    .contains("cannot write", "relation \"tenfold_api_keys\" does not exist")
                    .doesNotContain("update ", "Batch entry")
                    .doesNotContainIgnoringCase(hash.substring(0, 16));
            execute("alter table away rename to tenfold_api_keys");
        }
        assertThat(keys.countHashedWith(2)).isEqualTo(1);
        assertThat(lastUsed(issued)).isNotNull();
    }

    @Test
    void a_select_that_waits_ends_after_two_seconds() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        try (Connection other = SERVER.dataSource(database).getConnection();
                Statement statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("lock table tenfold_api_keys in access exclusive mode");
            long start = System.nanoTime();
            assertThatThrownBy(() -> keys.introspect(issued.key()))
                    .isInstanceOfSatisfying(
                            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("57014"));
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .isBetween(Duration.ofMillis(1_900), Duration.ofSeconds(20));
            other.rollback();
        }
        assertThat(keys.introspect(issued.key())).isNotNull();
    }

    @Test
    void closing_takes_five_seconds_at_most_when_the_network_is_silent() throws SQLException {
        PGSimpleDataSource patient = new PGSimpleDataSource();
        patient.setUrl(SERVER.jdbcUrl(database, proxy));
        patient.setLoginTimeout(0);
        patient.setConnectTimeout(0);
        ApiKeys silent = ApiKeys.on(patient, Map.of(1, PEPPER), o -> o);
        silent.used(keys.issue("42", k -> k).id());
        proxy.halfOpen();
        long start = System.nanoTime();
        String log = ApiKeyWritesTest.logOf(silent::close);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(15));
        assertThat(log).contains("closed without having written");
        proxy.resume();
        Await.until(
                "the thread ends with its connection",
                () -> Thread.getAllStackTraces().keySet().stream()
                                .filter(thread -> thread.getName().equals("tenfold-api-keys"))
                                .count()
                        == 1);
    }

    private Instant lastUsed(Issued issued) throws SQLException {
        return Objects.requireNonNull(
                Objects.requireNonNull(keys.find(issued.id())).lastUsedAt());
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = SERVER.dataSource(database).getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
