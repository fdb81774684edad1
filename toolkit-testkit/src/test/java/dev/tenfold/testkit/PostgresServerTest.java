package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

class PostgresServerTest {
    private final PostgresServer server = PostgresServer.shared();

    @Test
    void each_database_is_new_and_empty() throws SQLException {
        DataSource one = server.dataSource(server.createDatabase());
        DataSource two = server.dataSource(server.createDatabase());
        try (Connection a = one.getConnection();
                Connection b = two.getConnection()) {
            a.createStatement().execute("CREATE TABLE only_here (id int)");
            try (ResultSet tables = b.getMetaData().getTables(null, "public", "%", null)) {
                assertThat(tables.next()).isFalse();
            }
        }
    }

    @Test
    void a_url_through_a_proxy_leads_to_the_same_database() throws SQLException {
        String database = server.createDatabase();
        try (FaultProxy proxy = FaultProxy.to(server.host(), server.port());
                Connection connection = java.sql.DriverManager.getConnection(server.jdbcUrl(database, proxy))) {
            assertThat(connection.getCatalog()).isEqualTo(database);
            assertThat(proxy.connections()).isEqualTo(1);
        }
    }

    @Test
    void the_version_is_the_servers_own() {
        assertThat(server.version()).matches("\\d+\\.\\d+.*");
    }

    @Test
    void the_server_takes_two_hundred_connections() {
        assertThat(server.ask("SHOW max_connections")).isEqualTo("200");
    }

    @Test
    void the_shared_server_can_be_neither_killed_nor_closed() {
        assertThatIllegalStateException().isThrownBy(server::kill).withMessageContaining("PostgresServer.start()");
        assertThatIllegalStateException().isThrownBy(server::restart).withMessageContaining("PostgresServer.start()");
        server.close();
        assertThat(server.ask("SELECT 1")).isEqualTo("1");
    }

    @Test
    void a_setting_without_a_value_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PostgresServer.start("fsync"))
                .withMessage("setting fsync is no name=value");
    }

    @Test
    void a_server_of_ones_own_is_durable_and_takes_settings() {
        try (PostgresServer mine = PostgresServer.start("autovacuum_naptime=7s")) {
            assertThat(mine.port()).isNotEqualTo(server.port());
            assertThat(mine.ask("SHOW fsync")).isEqualTo("on");
            assertThat(mine.ask("SHOW full_page_writes")).isEqualTo("on");
            assertThat(mine.ask("SHOW synchronous_commit")).isEqualTo("on");
            assertThat(mine.ask("SHOW max_connections")).isEqualTo("200");
            assertThat(mine.ask("SHOW autovacuum_naptime")).isEqualTo("7s");
        }
    }

    @Test
    void a_killed_server_refuses_connections_and_has_what_it_committed_after_a_restart() throws SQLException {
        try (PostgresServer mine = PostgresServer.start()) {
            DataSource data = mine.dataSource(mine.createDatabase());
            int port = mine.port();
            try (Connection before = data.getConnection()) {
                before.createStatement().execute("CREATE TABLE kept AS SELECT 42 AS answer");
                mine.kill();
                assertThatThrownBy(() -> before.createStatement().execute("SELECT 1"))
                        .isInstanceOf(SQLException.class);
                assertThatThrownBy(data::getConnection).isInstanceOf(SQLException.class);
                mine.kill(); // once is enough
            }
            mine.restart();
            mine.restart(); // of one that runs
            assertThat(mine.port()).isEqualTo(port);
            try (Connection after = data.getConnection();
                    ResultSet rows = after.createStatement().executeQuery("SELECT answer FROM kept")) {
                assertThat(rows.next()).isTrue();
                assertThat(rows.getInt(1)).isEqualTo(42);
            }
        }
    }

    @Test
    void a_server_killed_while_clients_connect_and_work_starts_again() throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(2);
        try (PostgresServer mine = PostgresServer.start()) {
            AtomicBoolean isOver = new AtomicBoolean();
            AtomicInteger asked = new AtomicInteger();
            for (int i = 0; i < 2; i++) clients.execute(() -> connectAndWork(mine, asked, isOver));
            for (int round = 0; round < 3; round++) {
                int before = asked.get();
                Await.until("clients work", () -> asked.get() > before + 2);
                mine.kill();
                mine.restart();
            }
            isOver.set(true);
            assertThat(mine.ask("SELECT 1")).isEqualTo("1");
        } finally {
            clients.shutdownNow();
        }
    }

    private static void connectAndWork(PostgresServer server, AtomicInteger asked, AtomicBoolean isOver) {
        while (!isOver.get()) {
            asked.incrementAndGet();
            try (Connection connection = server.dataSource("postgres").getConnection()) {
                // Looks neither for its client nor for its server as long as it counts.
                connection.createStatement().execute("SELECT count(*) FROM generate_series(1, 200000)");
            } catch (SQLException killed) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void a_closed_server_is_gone_with_its_directory() {
        PostgresServer mine = PostgresServer.start();
        java.nio.file.Path dir =
                java.nio.file.Path.of(mine.ask("SHOW data_directory")).getParent();
        mine.close();
        mine.close(); // once is enough
        assertThat(dir).doesNotExist();
        assertThatIllegalStateException().isThrownBy(mine::restart).withMessageContaining("start() a new one");
    }
}
