package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Each method of JDBC's interfaces, those with a default and those of later versions too, reaches the same method of what is
 * watched, once, with the same arguments, and gives its result.
 */
class ForwardingTest {
    /** What wrappers answer themselves, or ask in other words; and builders, whose connections would not be watched. */
    private static final Set<String> THEIR_OWN = Set.of(
            "unwrap",
            "isWrapperFor",
            "getConnection",
            "getParentLogger",
            "createConnectionBuilder",
            "createShardingKeyBuilder",
            "equals",
            "hashCode",
            "toString");

    /** Called by wrappers for themselves: how many rows a result set fetches at once, and who the driver is. */
    private static final Set<String> ASKED_BESIDES = Set.of("getFetchSize", "getMetaData", "getDriverName");

    private final List<Call> calls = new ArrayList<>();
    private int values;

    private static final class Call {
        final Method method;
        final Object[] arguments;
        final @Nullable Object result;

        Call(Method method, Object[] arguments, @Nullable Object result) {
            this.method = method;
            this.arguments = arguments;
            this.result = result;
        }
    }

    @TestFactory
    Stream<DynamicTest> each_method_of_a_connection() {
        return each(Connection.class, () -> connection(target(Connection.class)));
    }

    @TestFactory
    Stream<DynamicTest> each_method_of_a_statement() {
        return each(Statement.class, () -> new WatchedStatement(connection(), target(Statement.class)));
    }

    @TestFactory
    Stream<DynamicTest> each_method_of_a_prepared_statement() {
        return each(PreparedStatement.class, () -> {
            WatchedConnection connection = connection();
            Text text = connection.text("select name from author where id = ?");
            return new WatchedPreparedStatement(connection, target(PreparedStatement.class), text);
        });
    }

    @TestFactory
    Stream<DynamicTest> each_method_of_a_call() {
        return each(
                CallableStatement.class,
                () -> WatchedCall.watch(connection(), target(CallableStatement.class), "call f(?)"));
    }

    @TestFactory
    Stream<DynamicTest> each_method_of_a_watched_result_set() {
        return each(ResultSet.class, () -> {
            WatchedConnection connection = connection();
            WatchedStatement statement = new WatchedStatement(connection, target(Statement.class));
            return WatchedRows.watch(
                    connection.guard(),
                    target(ResultSet.class),
                    statement,
                    connection.text("select name from author"),
                    null);
        });
    }

    @TestFactory
    Stream<DynamicTest> each_method_of_a_data_source() {
        return each(DataSource.class, () -> QueryGuard.watch(target(DataSource.class), options -> options));
    }

    private interface Wrapping {
        Object wrap() throws Exception;
    }

    private Stream<DynamicTest> each(Class<?> type, Wrapping wrapping) {
        List<Method> methods = Arrays.stream(type.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .filter(method -> !THEIR_OWN.contains(method.getName()))
                .filter(method -> type != ResultSet.class || !method.getName().equals("getStatement"))
                .toList();
        assertThat(methods).isNotEmpty();
        return methods.stream()
                .map(method -> dynamicTest(method.toString(), () -> reachesTheTarget(wrapping.wrap(), method)));
    }

    private void reachesTheTarget(Object wrapper, Method method) throws Exception {
        Object[] arguments =
                Arrays.stream(method.getParameterTypes()).map(this::value).toArray();
        calls.clear();
        Object result;
        try {
            result = method.invoke(wrapper, arguments);
        } catch (InvocationTargetException e) {
            throw new AssertionError(e.getTargetException());
        } finally {
            // Nobody closes these connections.
            ThreadState.current().open = null;
        }
        List<Call> reached = calls.stream()
                .filter(call -> call.method.getName().equals(method.getName())
                        || !ASKED_BESIDES.contains(call.method.getName()))
                .toList();
        // A watched result set asks for the names of its columns.
        if (wrapper instanceof ResultSet) {
            reached =
                    reached.stream().filter(call -> call.method.equals(method)).toList();
        }
        assertThat(reached).hasSize(1);
        Call call = reached.get(0);
        assertThat(call.method.getName()).isEqualTo(method.getName());
        assertThat(call.method.getParameterTypes()).isEqualTo(method.getParameterTypes());
        assertThat(call.arguments).isEqualTo(arguments);
        assertThat(unwatched(result)).isEqualTo(unwatched(call.result));
    }

    /** What a wrapper is around; of a result set, the number that its target gives for its row. */
    private static @Nullable Object unwatched(@Nullable Object result) throws Exception {
        if (result instanceof ForwardingStatement statement) return statement.target;
        if (result instanceof CallableStatement call) return call.toString();
        return result instanceof ResultSet rows ? rows.getRow() : result;
    }

    private WatchedConnection connection() {
        return connection(target(Connection.class));
    }

    private WatchedConnection connection(Connection target) {
        QueryGuard guard = QueryGuard.watch(target(DataSource.class), options -> options);
        return new WatchedConnection(guard, target, ThreadState.current(), null);
    }

    private <T> T target(Class<T> type) {
        return type.cast(
                Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {type}, new Recorder(type)));
    }

    @Test
    void the_connection_of_a_statement_is_the_watched_one_unless_the_driver_refuses() throws Exception {
        WatchedConnection connection = connection();
        try (Statement statement = connection.createStatement();
                CallableStatement call = connection.prepareCall("call f(?)")) {
            calls.clear();

            assertThat(statement.getConnection()).isSameAs(connection);
            assertThat(call.getConnection()).isSameAs(connection);
            assertThat(calls).hasSize(2).allMatch(each -> each.method.getName().equals("getConnection"));
            assertThat(call.unwrap(CallableStatement.class)).isSameAs(call);
        } finally {
            connection.close();
        }
    }

    @Test
    void rows_that_a_negative_fetch_size_streams_may_be_fetched_while_they_are_read() throws Exception {
        AtomicLong clock = new AtomicLong();
        QueryGuard guard = QueryGuard.watch(target(DataSource.class), options -> options.nanoClock(clock::get));
        WatchedConnection connection =
                new WatchedConnection(guard, target(Connection.class), ThreadState.current(), null);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(Integer.MIN_VALUE);
            ResultSet rows = statement.executeQuery("select name from author");
            clock.addAndGet(100);

            assertThat(rows).isNotNull();
            assertThat(connection.workedAtMost(clock.get())).isEqualTo(100);
        } finally {
            connection.close();
        }
    }

    /** Records what it is told, and gives a different answer each time; of one instance, always the same row. */
    private final class Recorder implements java.lang.reflect.InvocationHandler {
        private final String name;
        private final int row = ++values;

        Recorder(Class<?> type) {
            name = type.getSimpleName() + " " + row;
        }

        @Override
        public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments) {
            switch (method.getName()) {
                case "equals" -> {
                    return arguments != null && proxy == arguments[0];
                }
                case "hashCode" -> {
                    return row;
                }
                case "toString" -> {
                    return name;
                }
                case "getRow" -> {
                    calls.add(new Call(method, new Object[0], row));
                    return row;
                }
                case "isWrapperFor" -> {
                    return false;
                }
                default -> {
                    Object result = method.getReturnType() == void.class ? null : value(method.getReturnType());
                    calls.add(new Call(method, arguments == null ? new Object[0] : arguments, result));
                    return result;
                }
            }
        }
    }

    private Object value(Class<?> type) {
        int value = ++values;
        if (type == int.class || type == Integer.class) return value;
        if (type == long.class) return (long) value;
        if (type == short.class) return (short) value;
        if (type == byte.class) return (byte) value;
        if (type == float.class) return (float) value;
        if (type == double.class) return (double) value;
        if (type == boolean.class) return value % 2 == 0;
        if (type == String.class || type == Object.class) return "value " + value;
        if (type == java.math.BigDecimal.class) return java.math.BigDecimal.valueOf(value);
        if (type == java.sql.Date.class) return new java.sql.Date(value);
        if (type == java.sql.Time.class) return new java.sql.Time(value);
        if (type == java.sql.Timestamp.class) return new java.sql.Timestamp(value);
        if (type == Calendar.class) return Calendar.getInstance();
        if (type == Properties.class) return new Properties();
        if (type == java.io.InputStream.class) return java.io.InputStream.nullInputStream();
        if (type == java.io.Reader.class) return java.io.Reader.nullReader();
        if (type == java.io.PrintWriter.class) return new java.io.PrintWriter(java.io.Writer.nullWriter());
        if (type == java.net.URL.class) return getClass().getResource("ForwardingTest.class");
        if (type == Class.class) return String.class;
        if (type == java.sql.SQLWarning.class) return new java.sql.SQLWarning("value " + value);
        if (type.isArray()) return Array.newInstance(type.getComponentType(), 1);
        if (type.isInterface()) return target(type);
        throw new AssertionError("a value of " + type + " is to be made here");
    }
}
