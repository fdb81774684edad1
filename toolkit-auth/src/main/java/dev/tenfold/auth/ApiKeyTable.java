package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;

import dev.tenfold.auth.ApiKeys.Info;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.StringTokenizer;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The table of API keys: every statement there is, in the order of a key's life. Rows are changed by primary key only, and
 * several of them in the order of their keys, so that no two nodes wait for each other.
 */
final class ApiKeyTable {
    private static final String DEFAULT_NAME = "tenfold_api_keys";
    private static final int TIMEOUT_SECONDS = 2;
    private static final int BATCH_TIMEOUT_SECONDS = 10;
    private static final int ROWS_AT_ONCE = 500;
    private static final int H2_ATTEMPTS = 5;

    /** A table or an index is there, another transaction is about to make it, or H2 is surprised that it is there. */
    private static final Set<Integer> H2_ALREADY_THERE = Set.of(42_101, 42_111, 90_131, 50_000);

    private static final String INFO =
            "id, owner, name, scopes, created_at, expires_at, revoked_at, replaced_by, last_used_at";

    private final DataSource dataSource;
    private final String name;

    private final String insert;
    private final String find;
    private final String replace;
    private final String revoke;
    private final String list;
    private final String count;
    private final String use;
    private final String rehash;

    ApiKeyTable(DataSource dataSource, String name) {
        this.dataSource = dataSource;
        this.name = name;
        insert = "insert into " + name + " (id, owner, name, hash, pepper, scopes, created_at, expires_at)"
                + " values (?, ?, ?, ?, ?, ?, ?, ?)";
        find = "select " + INFO + ", hash, pepper from " + name + " where id = ?";
        replace = "update " + name + " set replaced_by = ?, expires_at = ?"
                + " where id = ? and replaced_by is null and revoked_at is null";
        revoke = "update " + name + " set revoked_at = coalesce(revoked_at, ?) where id = ?";
        list = "select " + INFO + " from " + name
                + " where owner = ? and (created_at > ? or (created_at = ? and id > ?))"
                + " order by created_at, id fetch first ? rows only";
        count = "select count(*) from " + name
                + " where pepper = ? and revoked_at is null and (expires_at is null or expires_at > ?)";
        use = "update " + name + " set last_used_at = ? where id = ? and (last_used_at is null or last_used_at < ?)";
        rehash = "update " + name + " set hash = ?, pepper = ? where id = ? and hash = ?";
    }

    /** What a row has. */
    static final class Row {
        final Info info;
        final byte[] hash;
        final int pepper;

        Row(Info info, byte[] hash, int pepper) {
            this.info = info;
            this.hash = hash;
            this.pepper = pepper;
        }
    }

    /** A hash by a newer pepper, and that which it takes the place of. */
    static final class Rehash {
        final byte[] before;
        final byte[] after;
        final int pepper;

        Rehash(byte[] before, byte[] after, int pepper) {
            this.before = before;
            this.after = after;
            this.pepper = pepper;
        }
    }

    // ---- creating ---------------------------------------------------------------------------------------------------

    void create() throws SQLException {
        for (int attempt = 1; ; attempt++) {
            try {
                inTransaction(this::create);
                return;
            } catch (SQLException e) {
                // H2 may fail where two create the same at once, "if not exists" or not; by then it is there.
                if (attempt == H2_ATTEMPTS || !H2_ALREADY_THERE.contains(e.getErrorCode())) throw e;
            }
        }
    }

    private boolean create(Connection connection) throws SQLException {
        String product = connection.getMetaData().getDatabaseProductName();
        boolean postgres = product.equals("PostgreSQL");
        if (!postgres && !product.equals("H2")) {
            throw new IllegalStateException(
                    "API keys are kept in PostgreSQL or H2, and this is " + product + "; give another DataSource");
        }
        try (Statement statement = connection.createStatement()) {
            // Two nodes that start at the same time would both find no table, and one fail.
            if (postgres) statement.execute("select pg_advisory_xact_lock(7160573211048)");
            for (String one : ddl()) statement.execute(one);
        }
        return true;
    }

    private List<String> ddl() {
        String index = name.substring(name.indexOf('.') + 1) + "_owner";
        String text = resource()
                .lines()
                .map(line -> line.replaceAll("--.*", ""))
                .collect(Collectors.joining("\n"))
                .replace(DEFAULT_NAME + "_owner", "${index}")
                .replace(DEFAULT_NAME, name)
                .replace("${index}", index);
        List<String> statements = new ArrayList<>();
        for (String one : text.split(";", -1)) if (!one.isBlank()) statements.add(one.strip());
        return statements;
    }

    private static String resource() {
        try (InputStream in =
                Objects.requireNonNull(ApiKeyTable.class.getResourceAsStream("api-keys.sql"), "api-keys.sql")) {
            return new String(in.readAllBytes(), UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- one key's life ---------------------------------------------------------------------------------------------

    void insert(Row row) throws SQLException {
        inTransaction(connection -> {
            insert(connection, row);
            return true;
        });
    }

    private void insert(Connection connection, Row row) throws SQLException {
        Info info = row.info;
        try (PreparedStatement statement = prepare(connection, insert)) {
            statement.setString(1, info.id());
            statement.setString(2, info.owner());
            statement.setString(3, info.name());
            statement.setBytes(4, row.hash);
            statement.setInt(5, row.pepper);
            statement.setString(6, String.join(" ", info.scopes()));
            set(statement, 7, info.createdAt());
            set(statement, 8, info.expiresAt());
            statement.executeUpdate();
        }
    }

    /** One statement by primary key. */
    @Nullable
    Row find(String id) throws SQLException {
        return reading(connection -> Optional.ofNullable(find(connection, find, id)))
                .orElse(null);
    }

    private @Nullable Row find(Connection connection, String sql, String id) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql)) {
            statement.setString(1, id);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? new Row(info(rows), rows.getBytes("hash"), rows.getInt("pepper")) : null;
            }
        }
    }

    /** What a key is replaced by, decided while nobody else can change that key. */
    interface Replacement {
        /** The new row. */
        Row of(Info old);

        /** When the old one ends. */
        @Nullable
        Instant end(Info old);
    }

    /** In one transaction. False if there is no such key; whatever the replacement throws leaves everything as it was. */
    boolean replace(String id, Replacement replacement) throws SQLException {
        return inTransaction(connection -> {
            Row old = find(connection, find + " for update", id);
            if (old == null) return false;
            Row successor = replacement.of(old.info);
            insert(connection, successor);
            try (PreparedStatement statement = prepare(connection, replace)) {
                statement.setString(1, successor.info.id());
                set(statement, 2, replacement.end(old.info));
                statement.setString(3, id);
                if (statement.executeUpdate() != 1) {
                    throw new IllegalStateException("API key " + id + " was rotated or revoked a moment ago");
                }
            }
            return true;
        });
    }

    /** True if there is such a key, revoked before or not. */
    boolean revoke(String id, Instant now) throws SQLException {
        return inTransaction(connection -> {
            try (PreparedStatement statement = prepare(connection, revoke)) {
                set(statement, 1, now);
                statement.setString(2, id);
                return statement.executeUpdate() == 1;
            }
        });
    }

    // ---- looking ----------------------------------------------------------------------------------------------------

    List<Info> list(String owner, Instant afterTime, String afterId, int limit) throws SQLException {
        return reading(connection -> {
            try (PreparedStatement statement = prepare(connection, list)) {
                statement.setString(1, owner);
                set(statement, 2, afterTime);
                set(statement, 3, afterTime);
                statement.setString(4, afterId);
                statement.setInt(5, limit);
                List<Info> found = new ArrayList<>();
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) found.add(info(rows));
                }
                return List.copyOf(found);
            }
        });
    }

    long count(int pepper, Instant now) throws SQLException {
        return reading(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(count)) {
                statement.setQueryTimeout(BATCH_TIMEOUT_SECONDS);
                statement.setInt(1, pepper);
                set(statement, 2, now);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    return rows.getLong(1);
                }
            }
        });
    }

    // ---- behind the requests ----------------------------------------------------------------------------------------

    /** In pieces, each a transaction; doing it again changes nothing. Never sets a time back, nor a hash that has changed. */
    void write(SortedMap<String, Instant> uses, SortedMap<String, Rehash> rehashes) throws SQLException {
        inPieces(rehash, rehashes, (statement, id, change) -> {
            statement.setBytes(1, change.after);
            statement.setInt(2, change.pepper);
            statement.setString(3, id);
            statement.setBytes(4, change.before);
        });
        inPieces(use, uses, (statement, id, time) -> {
            set(statement, 1, time);
            statement.setString(2, id);
            set(statement, 3, time);
        });
    }

    private interface Setter<V> {
        void set(PreparedStatement statement, String id, V value) throws SQLException;
    }

    private <V> void inPieces(String sql, SortedMap<String, V> all, Setter<V> setter) throws SQLException {
        List<Map.Entry<String, V>> entries = new ArrayList<>(all.entrySet());
        for (int from = 0; from < entries.size(); from += ROWS_AT_ONCE) {
            List<Map.Entry<String, V>> piece = entries.subList(from, Math.min(entries.size(), from + ROWS_AT_ONCE));
            inTransaction(connection -> {
                try (PreparedStatement statement = connection.prepareStatement(sql)) {
                    statement.setQueryTimeout(BATCH_TIMEOUT_SECONDS);
                    for (Map.Entry<String, V> entry : piece) {
                        setter.set(statement, entry.getKey(), entry.getValue());
                        statement.addBatch();
                    }
                    return statement.executeBatch().length;
                }
            });
        }
    }

    // ---- JDBC -------------------------------------------------------------------------------------------------------

    private interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    /** For one statement: costs no commit where the connection commits by itself. */
    private <T> T reading(Work<T> work) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            T result = work.on(connection);
            if (!connection.getAutoCommit()) connection.commit();
            return result;
        }
    }

    private <T> T inTransaction(Work<T> work) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            boolean autoCommit = connection.getAutoCommit();
            if (autoCommit) connection.setAutoCommit(false);
            try {
                T result = work.on(connection);
                connection.commit();
                if (autoCommit) connection.setAutoCommit(true);
                return result;
            } catch (SQLException | RuntimeException e) {
                try {
                    connection.rollback();
                    if (autoCommit) connection.setAutoCommit(true);
                } catch (SQLException lost) {
                    e.addSuppressed(lost);
                }
                throw e;
            }
        }
    }

    private static PreparedStatement prepare(Connection connection, String sql) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        try {
            statement.setQueryTimeout(TIMEOUT_SECONDS);
            return statement;
        } catch (SQLException e) {
            statement.close();
            throw e;
        }
    }

    private static void set(PreparedStatement statement, int index, @Nullable Instant time) throws SQLException {
        if (time == null) {
            statement.setNull(index, Types.TIMESTAMP_WITH_TIMEZONE);
        } else {
            statement.setObject(index, time.atOffset(UTC));
        }
    }

    private static Info info(ResultSet row) throws SQLException {
        Set<String> scopes = new LinkedHashSet<>();
        StringTokenizer words = new StringTokenizer(row.getString("scopes"), " ");
        while (words.hasMoreTokens()) scopes.add(words.nextToken());
        return new Info(
                row.getString("id"),
                row.getString("owner"),
                row.getString("name"),
                Collections.unmodifiableSet(scopes),
                Objects.requireNonNull(time(row, "created_at"), "created_at"),
                time(row, "expires_at"),
                time(row, "revoked_at"),
                row.getString("replaced_by"),
                time(row, "last_used_at"));
    }

    private static @Nullable Instant time(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }
}
