package dev.tenfold.testkit;

import java.io.PrintWriter;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Counts what reaches the database: executions, their texts, the time inside them, and the connections borrowed.
 *
 * <p>One call of {@code execute…} is one statement, and so is one {@code executeBatch}, however many rows it carries. Calls
 * that fail count as well. Connections and statements are wrapped; {@code unwrap} leads to the driver's own, on which
 * nothing is counted.
 *
 * <p>Thread-safe. {@link #reset()} while statements run may leave one of them half counted.
 */
public final class CountingDataSource implements DataSource {
    private static final int KEPT_TEXTS = 10_000;

    private final DataSource target;
    private final LongAdder statements = new LongAdder();
    private final LongAdder connections = new LongAdder();
    private final LongAdder busyNanos = new LongAdder();
    private final ArrayDeque<String> texts = new ArrayDeque<>();

    private CountingDataSource(DataSource target) {
        this.target = target;
    }

    /**
     * Wraps a data source.
     *
     * @param target the data source that gives the connections
     * @return a data source that counts, all counts at zero
     */
    public static CountingDataSource of(DataSource target) {
        return new CountingDataSource(Objects.requireNonNull(target, "target"));
    }

    /**
     * Returns the number of executions since the last reset.
     *
     * @return a count
     */
    public long statements() {
        return statements.sum();
    }

    /**
     * Returns the number of connections borrowed since the last reset, given back or not.
     *
     * @return a count
     */
    public long connections() {
        return connections.sum();
    }

    /**
     * Returns the texts executed since the last reset, oldest first. Only the last 10,000 are kept; a batch of plain
     * statements is one text, its parts joined by {@code "; "}.
     *
     * @return a copy
     */
    public List<String> sql() {
        synchronized (texts) {
            return List.copyOf(texts);
        }
    }

    /**
     * Returns the time spent inside {@code execute…} calls since the last reset, added up over all threads. Reading the
     * rows is not in it.
     *
     * @return a sum, to the nanosecond
     */
    public Duration busy() {
        return Duration.ofNanos(busyNanos.sum());
    }

    /** Sets every count to zero and forgets the texts. */
    public void reset() {
        statements.reset();
        connections.reset();
        busyNanos.reset();
        synchronized (texts) {
            texts.clear();
        }
    }

    @Override
    public Connection getConnection() throws SQLException {
        return counted(target.getConnection());
    }

    @Override
    public Connection getConnection(String username, String password) throws SQLException {
        return counted(target.getConnection(username, password));
    }

    private Connection counted(Connection connection) {
        connections.increment();
        return wrap(Connection.class, new ConnectionHandler(connection));
    }

    private void executed(String text, long nanos) {
        statements.increment();
        busyNanos.add(nanos);
        synchronized (texts) {
            if (texts.size() == KEPT_TEXTS) texts.removeFirst();
            texts.addLast(text);
        }
    }

    private static <T> T wrap(Class<T> type, InvocationHandler handler) {
        return type.cast(
                Proxy.newProxyInstance(CountingDataSource.class.getClassLoader(), new Class<?>[] {type}, handler));
    }

    /** What the two proxies share: identity, unwrapping, and exceptions that pass as they are. */
    private abstract static class Handler implements InvocationHandler {
        final Object target;

        Handler(Object target) {
            this.target = target;
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // a proxy equals itself alone
        public final @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] args) throws Throwable {
            String name = method.getName();
            if (args != null && args.length == 1) {
                if (name.equals("equals")) return proxy == args[0];
                if (name.equals("unwrap") && ((Class<?>) args[0]).isInstance(proxy)) return proxy;
                if (name.equals("unwrap") && ((Class<?>) args[0]).isInstance(target)) return target;
                if (name.equals("isWrapperFor") && ((Class<?>) args[0]).isInstance(target)) return true;
            }
            if (name.equals("hashCode") && args == null) return System.identityHashCode(proxy);
            return around(proxy, method, args);
        }

        abstract @Nullable Object around(Object proxy, Method method, Object @Nullable [] args) throws Throwable;

        final @Nullable Object call(Method method, Object @Nullable [] args) throws Throwable {
            try {
                return method.invoke(target, args);
            } catch (InvocationTargetException e) {
                throw e.getTargetException();
            }
        }
    }

    private final class ConnectionHandler extends Handler {
        ConnectionHandler(Connection target) {
            super(target);
        }

        @Override
        @Nullable
        Object around(Object proxy, Method method, Object @Nullable [] args) throws Throwable {
            Object result = call(method, args);
            if (!(result instanceof Statement statement)) return result;
            String text = args != null && args.length > 0 && args[0] instanceof String sql ? sql : "";
            StatementHandler handler = new StatementHandler(statement, (Connection) proxy, text);
            if (statement instanceof CallableStatement) return wrap(CallableStatement.class, handler);
            if (statement instanceof PreparedStatement) return wrap(PreparedStatement.class, handler);
            return wrap(Statement.class, handler);
        }
    }

    private final class StatementHandler extends Handler {
        private final Connection owner;
        private final String prepared;
        private final List<String> batch = new ArrayList<>(0);

        StatementHandler(Statement target, Connection owner, String prepared) {
            super(target);
            this.owner = owner;
            this.prepared = prepared;
        }

        @Override
        @Nullable
        Object around(Object proxy, Method method, Object @Nullable [] args) throws Throwable {
            String name = method.getName();
            boolean hasText = args != null && args.length > 0 && args[0] instanceof String;
            switch (name) {
                case "getConnection" -> {
                    return owner;
                }
                case "addBatch" -> {
                    if (hasText) batch.add((String) Objects.requireNonNull(args)[0]);
                }
                case "clearBatch" -> batch.clear();
                default -> {}
            }
            if (!name.startsWith("execute")) return call(method, args);
            String text = hasText ? (String) Objects.requireNonNull(args)[0] : prepared;
            if (name.endsWith("Batch") && !batch.isEmpty()) {
                text = String.join("; ", batch);
                batch.clear();
            }
            long start = System.nanoTime();
            try {
                return call(method, args);
            } finally {
                executed(text, System.nanoTime() - start);
            }
        }
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
        return Logger.getLogger("dev.tenfold.testkit");
    }
}
