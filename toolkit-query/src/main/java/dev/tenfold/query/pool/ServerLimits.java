package dev.tenfold.query.pool;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;

/**
 * How many connections a database grants.
 *
 * @param connections to all together; 0 if it does not say
 * @param reserved of these, kept for others
 * @param from where that was read, in words
 */
record ServerLimits(int connections, int reserved, String from) {
    private static final ServerLimits UNKNOWN = new ServerLimits(0, 0, "");
    private static final int SECONDS = 10;

    /** Whoever is the tightest: the server, the database, or the role (-1: no limit of its own). */
    private static final String POSTGRES = """
            select current_setting('max_connections')::int,
                   current_setting('superuser_reserved_connections')::int
                     + coalesce(current_setting('reserved_connections', true)::int, 0),
                   (select datconnlimit from pg_database where datname = current_database()),
                   (select rolconnlimit from pg_roles where rolname = current_user)
            """;

    /** One more than max_connections is kept for an administrator. 0: no limit of its own. */
    private static final String MARIADB = "select @@global.max_connections, @@session.max_user_connections";

    /** Asks it: one query. */
    static ServerLimits of(Connection connection) throws SQLException {
        String product = connection.getMetaData().getDatabaseProductName();
        return switch (product.toLowerCase(Locale.ROOT)) {
            case "postgresql" -> read(connection, POSTGRES, ServerLimits::postgres);
            case "mariadb", "mysql" -> read(connection, MARIADB, ServerLimits::mariaDb);
            default -> UNKNOWN;
        };
    }

    /** What one row says. */
    private interface Reader {
        ServerLimits read(ResultSet row) throws SQLException;
    }

    private static ServerLimits read(Connection connection, String sql, Reader reader) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(SECONDS);
            try (ResultSet rows = statement.executeQuery(sql)) {
                rows.next();
                return reader.read(rows);
            }
        }
    }

    private static ServerLimits postgres(ResultSet row) throws SQLException {
        int most = row.getInt(1);
        int reserved = row.getInt(2);
        ServerLimits tightest = new ServerLimits(most, reserved, "max_connections");
        tightest = tightest.or(row.getInt(3), "the database's connection limit");
        return tightest.or(row.getInt(4), "the role's connection limit");
    }

    private static ServerLimits mariaDb(ResultSet row) throws SQLException {
        ServerLimits server = new ServerLimits(row.getInt(1), 0, "max_connections");
        int ofUser = row.getInt(2);
        return ofUser == 0 ? server : server.or(ofUser, "max_user_connections");
    }

    /** Superusers' connections are not taken from a limit of a database or a role. */
    private ServerLimits or(int limit, String name) {
        return limit < 0 || limit >= connections - reserved ? this : new ServerLimits(limit, 0, name);
    }
}
