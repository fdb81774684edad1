package dev.tenfold.query.replica;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection that takes one of a pool at its first use, by whether {@code setReadOnly(true)} came before, or else by asking,
 * and keeps to it. One that may write keeps reads that have to see that on the primary until it is closed and its place is
 * known.
 */
final class RoutedConnection implements InvocationHandler {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);

    private final Database database;
    private final BooleanSupplier readOnly;
    private final Supplier<@Nullable Session> session;
    private boolean isReadOnly;
    private boolean closed;
    private Router.@Nullable Lease lease;
    private boolean isReader;
    private boolean madeReadOnly;
    private boolean madeSessionReadOnly;
    /** Whose reads have to see what is written here; empty for a reader. */
    private Set<Written> told = Set.of();

    private final Set<Written> begun = new LinkedHashSet<>();

    private RoutedConnection(Database database, BooleanSupplier readOnly, Supplier<@Nullable Session> session) {
        this.database = database;
        this.readOnly = readOnly;
        this.session = session;
    }

    static Connection of(Database database, BooleanSupplier readOnly, Supplier<@Nullable Session> session) {
        return (Connection) Proxy.newProxyInstance(
                RoutedConnection.class.getClassLoader(),
                new Class<?>[] {Connection.class},
                new RoutedConnection(database, readOnly, session));
    }

    @Override
    public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] args) throws Throwable {
        Object first = args == null ? null : args[0];
        return switch (method.getName()) {
            case "equals" -> isSame(proxy, first);
            case "hashCode" -> System.identityHashCode(proxy);
            case "toString" -> "routed connection, " + (lease == null ? "not used yet" : "to " + lease.connection);
            case "isClosed" -> closed || (lease != null && lease.connection.isClosed());
            case "close" -> {
                close();
                yield null;
            }
            case "unwrap" -> isOfProxy(proxy, first) ? proxy : use(method, args);
            case "isWrapperFor" -> isOfProxy(proxy, first) ? (Object) true : use(method, args);
            case "isReadOnly" -> lease == null && !closed ? isReadOnly : use(method, args);
            case "setReadOnly" -> {
                if (closed || (lease != null && !isReader)) yield use(method, args);
                if (lease == null) isReadOnly = Boolean.TRUE.equals(first);
                yield null; // a reader stays one
            }
            default -> use(method, args);
        };
    }

    @SuppressWarnings("ReferenceEquality") // a proxy equals itself alone
    private static boolean isSame(Object proxy, @Nullable Object other) {
        return proxy == other;
    }

    private static boolean isOfProxy(Object proxy, @Nullable Object type) {
        return type instanceof Class<?> wanted && wanted.isInstance(proxy);
    }

    private @Nullable Object use(Method method, Object @Nullable [] args) throws Throwable {
        if (closed) throw new SQLException("this connection is closed", "08003");
        Connection target = target();
        if (!told.isEmpty() && mayCommit(method.getName(), target)) begin(told);
        Object result = call(method, target, args);
        if (isReader && mayCommit(method.getName(), target)) makeSessionReadOnly(target);
        return result;
    }

    /** On the primary, statements that commit by themselves must be kept from writing, too: drivers see to transactions alone. */
    private void makeSessionReadOnly(Connection target) throws SQLException {
        Router.Lease taken = lease;
        if (taken == null || taken.isOnReplica() || madeSessionReadOnly || !target.getAutoCommit()) return;
        madeSessionReadOnly = true;
        execute(target, "set session characteristics as transaction read only");
    }

    private static void execute(Connection target, String sql) throws SQLException {
        try (Statement statement = target.createStatement()) {
            boolean unused = statement.execute(sql);
        }
    }

    private static @Nullable Object call(Method method, Connection target, Object @Nullable [] args) throws Throwable {
        try {
            return method.invoke(target, args);
        } catch (InvocationTargetException e) {
            throw e.getTargetException();
        }
    }

    private Connection target() throws SQLException {
        Router.Lease taken = lease;
        if (taken == null) {
            taken = route();
            lease = taken;
        }
        return taken.connection;
    }

    private Router.Lease route() throws SQLException {
        Session whose = session.get();
        if (!isReadOnly && !readOnly.getAsBoolean()) {
            Router.Lease writer = database.leaseToWrite();
            told = database.tellOf(whose);
            if (whose != null) begin(Set.of(whose.written()));
            return writer;
        }
        Router.Lease reader = database.lease(whose);
        isReader = true;
        try {
            if (!reader.connection.isReadOnly()) {
                reader.connection.setReadOnly(true);
                madeReadOnly = true;
            }
            return reader;
        } catch (SQLException e) {
            reader.close();
            throw e;
        }
    }

    /** Whether after this call others may see what was written. */
    private static boolean mayCommit(String method, Connection target) throws SQLException {
        if (method.equals("commit") || method.equals("setAutoCommit") || method.equals("unwrap")) return true;
        return (method.startsWith("prepare") || method.equals("createStatement")) && target.getAutoCommit();
    }

    private void begin(Set<Written> all) {
        for (Written written : all) {
            if (begun.add(written)) written.begin();
        }
    }

    private void close() {
        if (closed) return;
        closed = true;
        Router.Lease taken = lease;
        if (taken == null) return;
        try (taken) {
            rollBackRest(taken);
            if (!begun.isEmpty()) database.committed(taken.connection, begun);
        } finally {
            begun.forEach(Written::end);
        }
    }

    /** What was not committed must not be by what follows. */
    private void rollBackRest(Router.Lease taken) {
        Connection connection = taken.connection;
        try {
            if (connection.isClosed()) return;
            if (!connection.getAutoCommit()) connection.rollback();
            if (madeReadOnly) connection.setReadOnly(false);
            if (madeSessionReadOnly) {
                boolean autoCommit = connection.getAutoCommit();
                connection.setAutoCommit(true); // else its pool would roll this back
                execute(connection, "reset default_transaction_read_only");
                connection.setAutoCommit(autoCommit);
            }
            taken.succeeded(); // pools close what broke
        } catch (SQLException e) {
            LOG.debug("a connection is not given back as it was; its pool should find it broken", e);
            if (madeSessionReadOnly) abort(connection); // writers would get it next
        }
    }

    private static void abort(Connection connection) {
        try {
            connection.abort(Runnable::run);
        } catch (SQLException e) {
            LOG.debug("a connection cannot be aborted", e);
        }
    }
}
