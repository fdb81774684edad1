package dev.tenfold.query.replica;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import javax.sql.DataSource;

/** A primary and two replicas, the second of which follows the first; one table; and pools. */
final class Cluster implements AutoCloseable {
    private static final class Shared {
        static final Cluster ONE = new Cluster();
    }

    final PostgresServer primary = PostgresServer.start("fsync=off");
    final String database = primary.createDatabase();
    final PostgresServer first = primary.startReplica();
    final PostgresServer second = first.startReplica();

    Cluster() {
        try {
            run(primary, "create table note (id int primary key, n int not null)");
            run(primary, "insert into note select id, 0 from generate_series(0, 99) id");
            awaitReplay(first);
            awaitReplay(second);
        } catch (SQLException e) {
            throw new IllegalStateException("the cluster does not start", e);
        }
    }

    /** One a JVM, which ends it. Who uses it leaves it as it was, but for the numbers of his own rows. */
    static Cluster shared() {
        return Shared.ONE;
    }

    /** Leads nowhere, and says so at once. */
    static HikariDataSource poolToNowhere() {
        return impatient("jdbc:postgresql://127.0.0.1:1/none?user=x");
    }

    static HikariDataSource impatient(String url) {
        return pool(config -> {
            config.setJdbcUrl(url);
            config.setConnectionTimeout(250);
        });
    }

    /** Waits for connections no longer than that, for servers that are killed. */
    HikariDataSource pool(PostgresServer server, Duration patience) {
        return pool(config -> {
            config.setJdbcUrl(server.jdbcUrl(database));
            config.setConnectionTimeout(patience.toMillis());
        });
    }

    HikariDataSource pool(PostgresServer server) {
        return pool(server.jdbcUrl(database));
    }

    static HikariDataSource pool(String url) {
        return pool(config -> config.setJdbcUrl(url));
    }

    static HikariDataSource pool(DataSource beneath) {
        return pool(config -> config.setDataSource(beneath));
    }

    private static HikariDataSource pool(java.util.function.Consumer<HikariConfig> target) {
        HikariConfig config = new HikariConfig();
        config.setMaximumPoolSize(6);
        config.setMinimumIdle(1);
        config.setInitializationFailTimeout(-1);
        config.setConnectionTimeout(Duration.ofSeconds(10).toMillis());
        target.accept(config);
        return new HikariDataSource(config);
    }

    void run(PostgresServer server, String sql) throws SQLException {
        try (Connection connection = server.dataSource(database).getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    String ask(PostgresServer server, String sql) throws SQLException {
        try (Connection connection = server.dataSource(database).getConnection()) {
            return ask(connection, sql);
        }
    }

    static String ask(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    void awaitReplay(PostgresServer replica) throws SQLException {
        String at = ask(primary, "select pg_current_wal_flush_lsn()");
        Await.until(
                "the replica has replayed " + at,
                () -> ask(replica, "select pg_last_wal_replay_lsn() >= '" + at + "'")
                        .equals("t"));
    }

    @Override
    public void close() {
        List.of(second, first, primary).forEach(PostgresServer::close);
    }
}
