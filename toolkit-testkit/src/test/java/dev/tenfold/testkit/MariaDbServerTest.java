package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;

class MariaDbServerTest {
    private final MariaDbServer server = MariaDbServer.shared();

    @Test
    void it_answers_a_query_and_is_one_a_jvm() throws SQLException {
        try (Connection connection = server.dataSource(server.createDatabase()).getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT 6 * 7")) {
            assertThat(row.next()).isTrue();
            assertThat(row.getInt(1)).isEqualTo(42);
        }
        assertThat(server).isSameAs(MariaDbServer.shared());
    }

    @Test
    void two_databases_are_separate() throws SQLException {
        try (Connection one = server.dataSource(server.createDatabase()).getConnection();
                Connection two = server.dataSource(server.createDatabase()).getConnection()) {
            one.createStatement().execute("CREATE TABLE only_here (id int)");
            try (ResultSet tables = two.getMetaData().getTables(two.getCatalog(), null, "%", null)) {
                assertThat(tables.next()).isFalse();
            }
        }
    }

    @Test
    void a_url_through_a_proxy_leads_to_the_same_database() throws SQLException {
        String database = server.createDatabase();
        try (FaultProxy proxy = FaultProxy.to(server.host(), server.port());
                Connection connection = DriverManager.getConnection(server.jdbcUrl(database, proxy))) {
            assertThat(connection.getCatalog()).isEqualTo(database);
            assertThat(proxy.connections()).isEqualTo(1);
        }
    }

    @Test
    void the_version_is_the_servers_own() {
        assertThat(server.version()).matches("\\d+\\.\\d+\\.\\d+.*");
    }

    @Test
    void the_server_takes_two_hundred_connections() {
        assertThat(server.ask("SELECT @@max_connections")).isEqualTo("200");
    }
}
