package dev.tenfold.demo;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** When each statement of a request was executed, for a picture of it. For one thread. */
final class Timeline {
    private final List<Bar> bars = new ArrayList<>();
    private long began;

    /**
     * One statement.
     *
     * @param sql its text
     * @param fromMillis when it was sent, after the request began
     * @param toMillis when it was answered
     */
    record Bar(String sql, double fromMillis, double toMillis) {}

    /** The same data source, with its prepared statements on this timeline. */
    DataSource over(DataSource dataSource) {
        return wrap(DataSource.class, dataSource, "");
    }

    /** A request begins. */
    void begin() {
        bars.clear();
        began = System.nanoTime();
    }

    /** The statements since then, in their order. */
    List<Bar> bars() {
        return List.copyOf(bars);
    }

    /** How long a request took, up to the answer to its last statement. */
    static double millis(List<Bar> bars) {
        return bars.isEmpty() ? 0 : bars.get(bars.size() - 1).toMillis();
    }

    private <T> T wrap(Class<T> type, T target, String sql) {
        InvocationHandler handler = (proxy, method, args) -> {
            boolean executes = method.getName().startsWith("execute");
            long from = System.nanoTime();
            try {
                Object result = method.invoke(target, args);
                return wrapped(result, args);
            } catch (InvocationTargetException e) {
                throw e.getTargetException();
            } finally {
                if (executes) bars.add(new Bar(sql, sinceBegin(from), sinceBegin(System.nanoTime())));
            }
        };
        return type.cast(Proxy.newProxyInstance(Timeline.class.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private @Nullable Object wrapped(@Nullable Object result, Object @Nullable [] args) {
        if (result instanceof Connection connection) return wrap(Connection.class, connection, "");
        if (result instanceof PreparedStatement statement && args != null) {
            return wrap(PreparedStatement.class, statement, (String) args[0]);
        }
        return result;
    }

    private double sinceBegin(long nanos) {
        return (nanos - began) / 1e6;
    }
}
