package dev.tenfold.query.replica;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Hands out connections that decide where they lead when they are first used. */
final class RoutedDataSource implements DataSource {
    private final Database database;
    private final BooleanSupplier readOnly;
    private final Supplier<@Nullable Session> session;

    RoutedDataSource(Database database, BooleanSupplier readOnly, Supplier<@Nullable Session> session) {
        this.database = database;
        this.readOnly = readOnly;
        this.session = session;
    }

    @Override
    public Connection getConnection() {
        return RoutedConnection.of(database, readOnly, session);
    }

    @Override
    public Connection getConnection(String username, String password) throws SQLException {
        throw new SQLFeatureNotSupportedException("each pool has its user; call getConnection()");
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        if (type.isInstance(this)) return type.cast(this);
        throw new SQLException("a routed data source wraps several pools, so it unwraps no " + type.getName());
    }

    @Override
    public boolean isWrapperFor(Class<?> type) {
        return type.isInstance(this);
    }

    @Override
    public @Nullable PrintWriter getLogWriter() {
        return null;
    }

    @Override
    public void setLogWriter(@Nullable PrintWriter out) throws SQLException {
        throw new SQLFeatureNotSupportedException("a routed data source logs by slf4j");
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        throw new SQLFeatureNotSupportedException("set the login timeout of each pool");
    }

    @Override
    public int getLoginTimeout() {
        return 0;
    }

    @Override
    public Logger getParentLogger() {
        return Logger.getLogger("dev.tenfold.query");
    }
}
