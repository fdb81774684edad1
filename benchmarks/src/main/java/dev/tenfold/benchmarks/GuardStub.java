package dev.tenfold.benchmarks;

import java.io.PrintWriter;
import java.lang.invoke.MethodHandles;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.util.logging.Logger;
import javax.sql.DataSource;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.dynamic.loading.ClassLoadingStrategy;
import net.bytebuddy.implementation.StubMethod;
import net.bytebuddy.matcher.ElementMatchers;
import org.jspecify.annotations.Nullable;

/**
 * A driver that does nothing and allocates nothing: one connection, one statement and one result set of one row, handed out
 * again and again. What a proxy around it costs is the proxy's own.
 *
 * <p>The classes here have the methods that the work calls. All others are filled in once, as bytecode, and answer null, 0
 * or false.
 */
final class GuardStub implements DataSource {
    private final Connection connection = Filled.of(StubConnection.class);

    @Override
    public Connection getConnection() {
        return connection;
    }

    @Override
    public Connection getConnection(String user, String password) {
        return connection;
    }

    @Override
    public @Nullable PrintWriter getLogWriter() {
        return null;
    }

    @Override
    public void setLogWriter(PrintWriter out) {}

    @Override
    public void setLoginTimeout(int seconds) {}

    @Override
    public int getLoginTimeout() {
        return 0;
    }

    @Override
    public Logger getParentLogger() throws SQLFeatureNotSupportedException {
        throw new SQLFeatureNotSupportedException("the stub logs nothing");
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        throw new SQLException("the stub wraps nothing");
    }

    @Override
    public boolean isWrapperFor(Class<?> type) {
        return false;
    }

    /** Hands out its statement, whatever the text. */
    abstract static class StubConnection implements Connection {
        private final PreparedStatement statement = Filled.of(StubStatement.class);

        StubConnection() {}

        @Override
        public PreparedStatement prepareStatement(String sql) {
            return statement;
        }

        @Override
        public boolean getAutoCommit() {
            return true;
        }

        @Override
        public void close() {}
    }

    /** Hands out its result set, which answers with what was bound. */
    abstract static class StubStatement implements PreparedStatement {
        private final StubRows rows = Filled.of(StubRows.class);

        StubStatement() {}

        @Override
        public void setLong(int parameter, long value) {
            rows.value = value;
        }

        @Override
        public ResultSet executeQuery() {
            rows.left = 1;
            return rows;
        }

        @Override
        public void close() {}
    }

    /** One row of one column. */
    abstract static class StubRows implements ResultSet {
        private long value;
        private int left;

        StubRows() {}

        @Override
        public boolean next() {
            return left-- > 0;
        }

        @Override
        public long getLong(int column) {
            return value;
        }

        @Override
        public void close() {}
    }

    /** Makes classes of the abstract ones. */
    private static final class Filled {
        private static final ClassLoadingStrategy<ClassLoader> HERE =
                ClassLoadingStrategy.UsingLookup.of(MethodHandles.lookup());

        private Filled() {}

        static <T> T of(Class<T> type) {
            try {
                return new ByteBuddy()
                        .subclass(type)
                        .method(ElementMatchers.isAbstract())
                        .intercept(StubMethod.INSTANCE)
                        .make()
                        .load(type.getClassLoader(), HERE)
                        .getLoaded()
                        .getDeclaredConstructor()
                        .newInstance();
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot make a " + type.getSimpleName(), e);
            }
        }
    }
}
