package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** A contender with its database, its pool, and a connection beside the pool to look at what it does. */
final class JobSite implements AutoCloseable {
    /** No statement of anybody takes so long unless it hangs. */
    private static final String TIMEOUT = "&socketTimeout=120";

    private final JobContender contender;
    private final HikariDataSource pool;
    private final Connection beside;
    private final JobPeer peer;

    private JobSite(JobContender contender, HikariDataSource pool, Connection beside, JobPeer peer) {
        this.contender = contender;
        this.pool = pool;
        this.beside = beside;
        this.peer = peer;
    }

    static JobSite open(JobContender contender, PostgresServer server) throws Exception {
        String database = server.createDatabase();
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(server.jdbcUrl(database) + TIMEOUT + contender.urlSuffix());
        config.setMaximumPoolSize(contender.connections());
        config.setPoolName(contender.name());
        HikariDataSource pool = new HikariDataSource(config);
        Connection beside = null;
        try {
            beside = server.dataSource(database).getConnection();
            return new JobSite(contender, pool, beside, contender.opener().open(pool));
        } catch (Exception | LinkageError e) {
            if (beside != null) beside.close();
            pool.close();
            throw e;
        }
    }

    String name() {
        return contender.name();
    }

    JobContender contender() {
        return contender;
    }

    JobPeer peer() {
        return peer;
    }

    /** Removes all jobs, and with them what others left in the tables. */
    void clear() throws SQLException {
        execute("truncate " + peer.tables());
    }

    /** Leaves nothing to do for autovacuum and for the checkpointer. */
    void settle() throws SQLException {
        execute("vacuum analyze " + peer.tables());
        execute("checkpoint");
    }

    void execute(String sql) throws SQLException {
        try (Statement statement = beside.createStatement()) {
            statement.execute(sql);
        }
    }

    boolean isEmpty(String query) throws SQLException {
        try (Statement statement = beside.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            return !rows.next();
        }
    }

    /** The only figure that a query answers. */
    long ask(String query) throws SQLException {
        try (Statement statement = beside.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    /** Another connection to the same database. */
    Connection connect() throws SQLException {
        return pool.getConnection();
    }

    @Override
    public void close() throws SQLException {
        try {
            peer.close();
        } finally {
            beside.close();
            pool.close();
        }
    }
}
