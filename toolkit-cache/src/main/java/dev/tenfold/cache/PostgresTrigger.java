package dev.tenfold.cache;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import javax.sql.DataSource;

/** Installs the triggers that {@link PostgresInvalidations} listens to. Every name is quoted, so it may be any name. */
final class PostgresTrigger {
    private static final int MOST_NAME_BYTES = 63;
    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{(\\w+)}");

    private final String table;
    private final List<String> keyColumns;
    private final String channel;

    /** A name that is the same for the same table and channel, and fits. */
    private final String name;

    PostgresTrigger(String table, List<String> keyColumns, String channel) {
        this.channel = checkName("channel", channel);
        this.keyColumns = List.copyOf(keyColumns);
        if (keyColumns.isEmpty()) {
            throw new IllegalArgumentException("no key columns of " + table + "; name those that make the cache's key");
        }
        keyColumns.forEach(column -> checkName("key column", column));
        List<String> parts = List.of(table.split("\\.", -1));
        if (parts.size() > 2) {
            throw new IllegalArgumentException("table " + table + " must be a name, or schema.name");
        }
        parts.forEach(part -> checkName("table", part));
        this.table = parts.stream().map(PostgresTrigger::identifier).collect(Collectors.joining("."));
        CRC32 crc = new CRC32();
        crc.update((this.table + ' ' + channel).getBytes(StandardCharsets.UTF_8));
        this.name = String.format("tenfold_invalidation_%08x", crc.getValue());
    }

    /** In one transaction; does not touch a trigger that is there, which would lock out readers. */
    void install(DataSource dataSource) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            boolean autoCommit = connection.getAutoCommit();
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                // Backslashes in literals are plain characters from here on.
                statement.execute("set local standard_conforming_strings = on");
                // Two nodes that start at the same time would both find nothing.
                statement.execute("select pg_advisory_xact_lock(7160573211047)");
                String function = identifier(schema(connection)) + "." + identifier(name);
                statement.execute("create or replace function " + function
                        + "() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as "
                        + literal(body()));
                if (!exists(connection, name)) {
                    statement.execute("create trigger " + identifier(name) + " after insert or update or delete on "
                            + table + " for each row execute function " + function + "()");
                }
                if (!exists(connection, name + "_t")) {
                    statement.execute("create trigger " + identifier(name + "_t") + " after truncate on " + table
                            + " for each statement execute function " + function + "()");
                }
                connection.commit();
            } catch (SQLException | RuntimeException e) {
                connection.rollback();
                throw e;
            } finally {
                connection.setAutoCommit(autoCommit);
            }
        }
    }

    /** In one pass and without comments: a name may look like a placeholder, or hold the end of a line. */
    private String body() {
        Map<String, String> values = Map.of("channel", literal(channel), "old", columns("old"), "new", columns("new"));
        String template =
                resource().lines().filter(line -> !line.startsWith("--")).collect(Collectors.joining("\n"));
        return PLACEHOLDER
                .matcher(template)
                .replaceAll(found -> Matcher.quoteReplacement(values.getOrDefault(found.group(1), "")));
    }

    private String columns(String row) {
        return keyColumns.stream()
                .map(column -> row + "." + identifier(column) + "::text")
                .collect(Collectors.joining(", "));
    }

    /** The schema that the table is in, where the function goes, too. */
    private String schema(Connection connection) throws SQLException {
        String sql = "select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                + " where c.oid = ?::regclass";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, table);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getString(1);
            }
        }
    }

    private boolean exists(Connection connection, String trigger) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "select 1 from pg_trigger where tgrelid = ?::regclass and tgname = ? and not tgisinternal")) {
            statement.setString(1, table);
            statement.setString(2, trigger);
            try (ResultSet row = statement.executeQuery()) {
                return row.next();
            }
        }
    }

    static String checkName(String what, String name) {
        int bytes = name.getBytes(StandardCharsets.UTF_8).length;
        if (name.isEmpty() || bytes > MOST_NAME_BYTES || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(what + " \"" + name + "\" has " + bytes
                    + " bytes; PostgreSQL's names have 1 to 63, none of them zero");
        }
        return name;
    }

    static String identifier(String name) {
        return '"' + name.replace("\"", "\"\"") + '"';
    }

    private static String literal(String text) {
        return "'" + text.replace("'", "''") + "'";
    }

    private static String resource() {
        try (InputStream in = Objects.requireNonNull(
                PostgresTrigger.class.getResourceAsStream("invalidations.sql"), "invalidations.sql")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
