package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Looks tokens up in a table of yours. Put a {@code TokenCache} before it.
 *
 * <pre>{@code
 * Introspector table = SqlIntrospector.of(
 *     dataSource,
 *     "SELECT user_id, scope, expires_at FROM tokens WHERE hash = ? AND revoked_at IS NULL",
 *     SqlIntrospector::sha256Hex,
 *     row -> TokenFacts.of("https://shop.example", row.getString("user_id"))
 *         .scope(row.getString("scope"))
 *         .expiresAt(row.getTimestamp("expires_at").toInstant())
 *         .build());
 * }</pre>
 *
 * <p>Store tokens hashed, as who reads a backup can use them otherwise. A plain SHA-256 is right for tokens of 128 random bits or
 * more, and only for these.
 *
 * <p>Cost: a connection, and one query. The caller is blocked until the pool has a connection, by the pool's own timeout, and
 * then for {@link #queryTimeout}, as far as the driver keeps it. Immutable, and safe for use by many threads.
 */
public final class SqlIntrospector implements Introspector {
    private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(2);

    /** The class of SQLSTATEs that complain of a value, and quote it. */
    private static final String DATA_EXCEPTION = "22";

    private final DataSource dataSource;
    private final String query;
    private final Function<String, ?> parameter;
    private final RowMapper mapper;
    private final int timeoutSeconds;

    /** Tells what a row says of a token. */
    @FunctionalInterface
    public interface RowMapper {
        /**
         * Reads one row, and nothing but that row. Called by many threads.
         *
         * @param row stands on the row; must be neither moved nor closed
         * @return what it says; null if that is no valid token
         * @throws SQLException if it cannot be read
         */
        @Nullable
        TokenFacts map(ResultSet row) throws SQLException;
    }

    private SqlIntrospector(
            DataSource dataSource, String query, Function<String, ?> parameter, RowMapper mapper, int timeoutSeconds) {
        this.dataSource = dataSource;
        this.query = query;
        this.parameter = parameter;
        this.mapper = mapper;
        this.timeoutSeconds = timeoutSeconds;
    }

    /**
     * Looks tokens up as they come in. Prefer a table that has only hashes, and {@link #of(DataSource, String, Function,
     * RowMapper)}.
     *
     * @param dataSource a pool; not closed
     * @param query finds at most one row by one parameter
     * @param mapper reads the row
     * @return an introspector
     * @throws IllegalArgumentException if the query has no parameter
     */
    public static SqlIntrospector of(DataSource dataSource, String query, RowMapper mapper) {
        return of(dataSource, query, Function.identity(), mapper);
    }

    /**
     * Looks tokens up by what is stored of them. No connection is taken yet.
     *
     * @param dataSource a pool; not closed. Its connections are asked to be read-only, which some send to a replica: a new token
     *     is then not known until it has arrived there
     * @param query finds at most one row by one parameter; the column should have a unique index
     * @param parameter makes of the token what {@link PreparedStatement#setObject(int, Object)} is given: {@link #sha256Hex},
     *     {@link #sha256Bytes}, or a function of yours; null if that cannot be a token, which is then not looked up
     * @param mapper reads the row
     * @return an introspector
     * @throws IllegalArgumentException if the query has no parameter
     */
    public static SqlIntrospector of(
            DataSource dataSource, String query, Function<String, ?> parameter, RowMapper mapper) {
        if (query.indexOf('?') < 0) {
            throw new IllegalArgumentException(
                    "the query has no parameter; write a ? where the token, or its hash, belongs");
        }
        return new SqlIntrospector(dataSource, query, parameter, mapper, (int) DEFAULT_TIMEOUT.toSeconds());
    }

    /**
     * How long the query may take.
     *
     * @param timeout whole seconds, 1 s to 60 s, as JDBC knows no less; default 2 s
     * @return a changed introspector
     * @throws IllegalArgumentException for anything else
     */
    public SqlIntrospector queryTimeout(Duration timeout) {
        if (timeout.compareTo(Duration.ofSeconds(1)) < 0
                || timeout.compareTo(Duration.ofSeconds(60)) > 0
                || timeout.toMillis() % 1_000 != 0) {
            throw new IllegalArgumentException("queryTimeout " + timeout + " must be whole seconds, from 1 s to 60 s");
        }
        return new SqlIntrospector(dataSource, query, parameter, mapper, (int) timeout.toSeconds());
    }

    /**
     * The SHA-256 of a token, as 64 lower-case hexadecimal digits.
     *
     * @param token the token
     * @return the digest of its UTF-8 bytes
     */
    public static String sha256Hex(String token) {
        return HexFormat.of().formatHex(sha256Bytes(token));
    }

    /**
     * The SHA-256 of a token, as 32 bytes.
     *
     * @param token the token
     * @return the digest of its UTF-8 bytes
     */
    public static byte[] sha256Bytes(String token) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(token.getBytes(UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JVM has no SHA-256, which every JVM must have", e);
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws SQLException if the database does not answer, with its SQLSTATE; the token is not in it, nor what was made of it
     * @throws IllegalStateException if there is more than one row
     */
    @Override
    public @Nullable TokenFacts introspect(String token) throws SQLException {
        Object value = parameter.apply(token);
        if (value == null) return null;
        try (Connection connection = dataSource.getConnection()) {
            return inReadOnly(connection, value);
        } catch (SQLException e) {
            throw withoutSecrets(e, token, value);
        }
    }

    private @Nullable TokenFacts inReadOnly(Connection connection, Object value) throws SQLException {
        boolean wasReadOnly = connection.isReadOnly();
        boolean transaction = !connection.getAutoCommit();
        if (!wasReadOnly) connection.setReadOnly(true);
        TokenFacts facts;
        try {
            facts = find(connection, value);
        } catch (SQLException | RuntimeException e) {
            try {
                restore(connection, transaction, wasReadOnly);
            } catch (SQLException after) {
                e.addSuppressed(after);
            }
            throw e;
        }
        restore(connection, transaction, wasReadOnly);
        return facts;
    }

    /** A pool gets its connection back as it was, without an open transaction. */
    private static void restore(Connection connection, boolean transaction, boolean wasReadOnly) throws SQLException {
        if (transaction) connection.rollback();
        if (!wasReadOnly) connection.setReadOnly(false);
    }

    private @Nullable TokenFacts find(Connection connection, Object value) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            statement.setQueryTimeout(timeoutSeconds);
            statement.setMaxRows(2);
            statement.setObject(1, value);
            try (ResultSet rows = statement.executeQuery()) {
                if (!rows.next()) return null;
                TokenFacts facts = mapper.map(rows);
                if (rows.next()) {
                    throw new IllegalStateException(
                            "the query for a token found more than one row, so it is not known whose"
                                    + " it is; give the column a unique index: " + query);
                }
                return facts;
            }
        }
    }

    private SQLException withoutSecrets(SQLException e, String token, Object value) {
        String state = e.getSQLState();
        boolean timedOut = e instanceof SQLTimeoutException || "57014".equals(state);
        String message = timedOut
                ? "the query for a token was not answered within " + timeoutSeconds
                        + " s; see its plan, or raise queryTimeout(…)"
                : "the query for a token failed with SQLSTATE " + state + ", vendor code " + e.getErrorCode()
                        + "; see that the statement and the database fit: ";
        SQLException told = new SQLException(timedOut ? message : message + query, state, e.getErrorCode());
        boolean quotes = state != null && state.startsWith(DATA_EXCEPTION);
        if (!quotes && !tells(e, token) && !tells(e, String.valueOf(value))) told.initCause(e);
        return told;
    }

    private static boolean tells(SQLException e, String secret) {
        // All that this one leads to: its chain of causes, and the driver's own chain.
        for (Throwable one : e) {
            if (String.valueOf(one.getMessage()).contains(secret)) return true;
            for (Throwable suppressed : one.getSuppressed()) {
                if (String.valueOf(suppressed.getMessage()).contains(secret)) return true;
            }
        }
        return false;
    }

    /** The query. */
    @Override
    public String id() {
        return "sql " + query;
    }

    /** The query. */
    @Override
    public String toString() {
        return id();
    }
}
