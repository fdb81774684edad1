package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
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
}
