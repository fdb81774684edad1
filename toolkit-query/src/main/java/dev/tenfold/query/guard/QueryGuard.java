package dev.tenfold.query.guard;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * A data source that watches another one, and tells of N+1 queries, repeated reads, slow statements and their like.
 *
 * <p>It changes nothing: statements reach the driver as they are, and its exceptions reach the caller as they are. Statements
 * that go through objects got by {@code unwrap} are not seen.
 *
 * <p>Weakness: a statement is known by its wrapper, and a connection that has prepared 64 statements takes the wrappers that
 * were closed first again. So code that closes a statement a second time, 64 statements later on the same borrowed
 * connection, could close another one.
 *
 * <p>Thread-safe.
 */
public final class QueryGuard implements DataSource {
    private static final org.slf4j.Logger LOG = LoggerFactory.getLogger(QueryGuard.class);

    private final DataSource target;
    private final GuardOptions options;
    private final Fingerprints fingerprints = new Fingerprints();
    private final Verdicts verdicts = new Verdicts(this);

    private QueryGuard(DataSource target, GuardOptions options) {
        this.target = target;
        this.options = options;
    }

    /**
     * Watches a data source, with default options.
     *
     * @param dataSource a pool, usually; if it is a guard already it is returned as it is
     * @return a data source to use instead
     * @throws IllegalArgumentException if a guard is hidden beneath it, as everything would count twice
     */
    public static QueryGuard watch(DataSource dataSource) {
        if (dataSource instanceof QueryGuard guard) return guard;
        return watch(dataSource, options -> options);
    }

    /**
     * Watches a data source.
     *
     * @param dataSource a pool, usually
     * @param options changes the defaults
     * @return a data source to use instead
     * @throws IllegalArgumentException if it is a guard, or one is hidden beneath it, as everything would count twice
     */
    public static QueryGuard watch(DataSource dataSource, UnaryOperator<GuardOptions> options) {
        Objects.requireNonNull(dataSource, "dataSource");
        if (isWatched(dataSource)) {
            throw new IllegalArgumentException(
                    dataSource + " is watched already, and would count everything twice; watch it in one place");
        }
        return new QueryGuard(dataSource, options.apply(GuardOptions.DEFAULTS));
    }

    private static boolean isWatched(DataSource dataSource) {
        try {
            return dataSource.isWrapperFor(QueryGuard.class);
        } catch (SQLException e) {
            LOG.debug("{} does not say what it wraps", dataSource, e);
            return false;
        }
    }

    @Override
    public Connection getConnection() throws SQLException {
        ThreadState thread = ThreadState.current();
        return new WatchedConnection(this, target.getConnection(), thread);
    }

    @Override
    public Connection getConnection(String username, String password) throws SQLException {
        ThreadState thread = ThreadState.current();
        return new WatchedConnection(this, target.getConnection(username, password), thread);
    }

    GuardOptions options() {
        return options;
    }

    Fingerprints fingerprints() {
        return fingerprints;
    }

    Verdicts verdicts() {
        return verdicts;
    }

    /** Called when a connection goes back. */
    void returned(WatchedConnection connection, long now) {
        QueryScope implicit = connection.scopeOfItsOwn();
        if (implicit != null) implicit.end();
    }

    /** The rows as they are, or watched. */
    ResultSet rows(ResultSet rows, WatchedStatement statement, Text text, @Nullable Entry entry, long now) {
        if (now - text.fingerprint.executions.lookAtRowsFrom < 0) return rows;
        return WatchedRows.watch(this, rows, statement, text, entry);
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        if (type.isInstance(this)) return type.cast(this);
        return type.isInstance(target) ? type.cast(target) : target.unwrap(type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) throws SQLException {
        return type.isInstance(this) || type.isInstance(target) || target.isWrapperFor(type);
    }

    @Override
    public @Nullable PrintWriter getLogWriter() throws SQLException {
        return target.getLogWriter();
    }

    @Override
    public void setLogWriter(@Nullable PrintWriter out) throws SQLException {
        target.setLogWriter(out);
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        target.setLoginTimeout(seconds);
    }

    @Override
    public int getLoginTimeout() throws SQLException {
        return target.getLoginTimeout();
    }

    @Override
    public Logger getParentLogger() {
        return Logger.getLogger("dev.tenfold.query");
    }

    @Override
    public String toString() {
        return "query guard of " + target;
    }
}
