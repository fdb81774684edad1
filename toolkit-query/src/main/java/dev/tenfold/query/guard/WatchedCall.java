package dev.tenfold.query.guard;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import org.jspecify.annotations.Nullable;

/** A call of a procedure. It is watched through a proxy, as calls are rare and their interface is long. */
final class WatchedCall implements InvocationHandler {
    private final WatchedConnection connection;
    private final CallableStatement target;
    private final Text text;
    private int inBatch;

    private WatchedCall(WatchedConnection connection, CallableStatement target, Text text) {
        this.connection = connection;
        this.target = target;
        this.text = text;
    }

    static CallableStatement watch(WatchedConnection connection, CallableStatement target, String sql) {
        WatchedCall call = new WatchedCall(connection, target, connection.text(sql));
        return (CallableStatement) Proxy.newProxyInstance(
                WatchedCall.class.getClassLoader(), new Class<?>[] {CallableStatement.class}, call);
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // a proxy equals itself alone
    public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] args) throws Throwable {
        String name = method.getName();
        if (args != null && args.length == 1) {
            if (name.equals("equals")) return proxy == args[0];
            if (name.equals("unwrap") && ((Class<?>) args[0]).isInstance(proxy)) return proxy;
            if (name.equals("unwrap") && ((Class<?>) args[0]).isInstance(target)) return target;
        }
        if (name.equals("hashCode")) return System.identityHashCode(proxy);
        if (name.equals("getConnection")) return pass(method, args) == null ? null : connection;
        if (name.equals("addBatch")) inBatch++;
        if (name.equals("clearBatch")) inBatch = 0;
        if (!name.startsWith("execute")) return pass(method, args);
        int batch = name.endsWith("Batch") ? inBatch : 1;
        if (name.endsWith("Batch")) inBatch = 0;
        if (batch == 0) return pass(method, args);
        Text executed = args != null && args.length > 0 ? connection.text((String) args[0]) : text;
        long start = connection.begin(executed);
        try {
            return pass(method, args);
        } finally {
            connection.executed(executed, WatchedStatement.NO_VALUES, 0, start, connection.now(), batch);
        }
    }

    private @Nullable Object pass(Method method, Object @Nullable [] args) throws Throwable {
        try {
            return method.invoke(target, args);
        } catch (InvocationTargetException e) {
            throw e.getTargetException();
        }
    }
}
