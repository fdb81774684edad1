package dev.tenfold.query.guard;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A result set whose rows, and the columns read of them, are counted: a proxy, as few are looked at and the interface is
 * long.
 *
 * <p>It asks the driver for what the application did not ask for in three places, where all that it can meet is in memory: the
 * columns' names and types; the text or bytes of columns of the first row that nobody reads, to know their size; and, when the
 * result set of a driver that holds all rows is closed early, up to 1,000 of those that are left.
 */
final class WatchedRows implements InvocationHandler {
    private static final Logger LOG = LoggerFactory.getLogger(WatchedRows.class);
    /** As many of the rows left unread are counted. */
    private static final int MOST_UNREAD = 1_000;

    private final QueryGuard guard;
    private final ResultSet target;
    private final WatchedStatement statement;
    private final Text text;
    private final @Nullable Entry entry;
    private final ResultSet proxy;

    private final BitSet read = new BitSet();
    private final Map<String, Integer> labels = new HashMap<>();
    private long rows;
    private long calls;
    /** Whether rows are read one after the other, and nothing but through here. */
    private boolean plain = true;

    private boolean all;
    private boolean measured;
    private boolean ended;

    private WatchedRows(
            QueryGuard guard, ResultSet target, WatchedStatement statement, Text text, @Nullable Entry entry) {
        this.guard = guard;
        this.target = target;
        this.statement = statement;
        this.text = text;
        this.entry = entry;
        this.proxy = (ResultSet)
                Proxy.newProxyInstance(WatchedRows.class.getClassLoader(), new Class<?>[] {ResultSet.class}, this);
    }

    /**
     * Watches a result set.
     *
     * @param entry whose rows they are; null if the scope does not follow the statement
     */
    static ResultSet watch(
            QueryGuard guard, ResultSet rows, WatchedStatement statement, Text text, @Nullable Entry entry) {
        WatchedRows watched = new WatchedRows(guard, rows, statement, text, entry);
        statement.looked(watched);
        return watched.proxy;
    }

    /** What the application has got for a result set, if it is the one that is watched here. */
    @SuppressWarnings("ReferenceEquality")
    @Nullable
    ResultSet proxyOf(ResultSet rows) {
        return rows == target && !ended ? proxy : null;
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // a proxy equals itself alone
    public @Nullable Object invoke(Object self, Method method, Object @Nullable [] args) throws Throwable {
        calls++;
        String name = method.getName();
        switch (name) {
            case "next" -> {
                if (rows == 1) measure();
                boolean there = (boolean) call(method, args);
                if (there) moved(rows + 1);
                else exhausted();
                return there;
            }
            case "close" -> {
                end();
                return pass(method, args);
            }
            case "absolute", "relative", "previous", "first", "last", "beforeFirst", "afterLast" -> {
                plain = false;
                Object there = pass(method, args);
                if (Boolean.TRUE.equals(there)) jumped();
                return there;
            }
            case "getStatement" -> {
                pass(method, args);
                return statement;
            }
            case "unwrap" -> {
                if (args != null && ((Class<?>) args[0]).isInstance(self)) return self;
                plain = false;
                return args != null && ((Class<?>) args[0]).isInstance(target) ? target : pass(method, args);
            }
            case "isWrapperFor" -> {
                return (args != null && ((Class<?>) args[0]).isInstance(target)) || (boolean) call(method, args);
            }
            case "equals" -> {
                return args != null && self == args[0];
            }
            case "hashCode" -> {
                return System.identityHashCode(self);
            }
            default -> {
                Object value = pass(method, args);
                if (args != null && (name.startsWith("get") || name.startsWith("update"))) used(args[0]);
                return value;
            }
        }
    }

    private @Nullable Object pass(Method method, Object @Nullable [] args) throws Throwable {
        try {
            return method.invoke(target, args);
        } catch (InvocationTargetException e) {
            throw e.getTargetException();
        }
    }

    private Object call(Method method, Object @Nullable [] args) throws Throwable {
        Object result = pass(method, args);
        if (result == null) throw new SQLException(target + " gives null for " + method);
        return result;
    }

    private void exhausted() {
        all = true;
        end();
    }

    /** At once, as an N+1 happens while the rows are read. */
    private void moved(long to) {
        if (rows == 0) learnColumns();
        rows = to;
        Entry its = entry;
        if (its != null && to > its.rows) its.rows = to;
    }

    private void jumped() {
        plain = false;
        try {
            moved(Math.max(rows, target.getRow()));
        } catch (SQLException e) {
            giveUp(e);
        }
    }

    private void used(@Nullable Object column) {
        if (column instanceof Integer index) {
            if (index > 0) read.set(index - 1);
        } else if (column instanceof String label) {
            int index = labels.computeIfAbsent(label, this::indexOf);
            if (index > 0) read.set(index - 1);
        }
    }

    private int indexOf(String label) {
        try {
            return target.findColumn(label);
        } catch (SQLException e) {
            giveUp(e);
            return 0;
        }
    }

    private void learnColumns() {
        try {
            ResultSetMetaData meta = target.getMetaData();
            int count = meta.getColumnCount();
            if (executions().knowsColumns(count)) return;
            String[] names = new String[count];
            int[] types = new int[count];
            for (int i = 0; i < count; i++) {
                names[i] = meta.getColumnLabel(i + 1);
                types[i] = meta.getColumnType(i + 1);
            }
            executions().columns(names, types);
        } catch (SQLException | RuntimeException e) {
            giveUp(e);
        }
    }

    /** Asks for the size of the present row's columns that nobody reads. */
    private void measure() {
        if (!plain || measured || read.isEmpty()) return;
        measured = true;
        try {
            int count = executions().columnCount();
            for (int i = read.nextClearBit(0); i < count; i = read.nextClearBit(i + 1)) {
                long size = executions().wantsSize(i) ? size(i) : -1;
                if (size >= 0) executions().measured(i, size);
            }
        } catch (SQLException | RuntimeException e) {
            giveUp(e);
        }
    }

    /** As text or bytes; -1 for what may be a stream, or of the server's own types. */
    private long size(int column) throws SQLException {
        switch (executions().type(column)) {
            case Types.BINARY, Types.VARBINARY -> {
                byte[] bytes = target.getBytes(column + 1);
                return bytes == null ? 0 : bytes.length;
            }
            case Types.BIT,
                    Types.BOOLEAN,
                    Types.TINYINT,
                    Types.SMALLINT,
                    Types.INTEGER,
                    Types.BIGINT,
                    Types.REAL,
                    Types.FLOAT,
                    Types.DOUBLE,
                    Types.NUMERIC,
                    Types.DECIMAL,
                    Types.CHAR,
                    Types.VARCHAR,
                    Types.NCHAR,
                    Types.NVARCHAR,
                    Types.DATE,
                    Types.TIME,
                    Types.TIMESTAMP,
                    Types.TIME_WITH_TIMEZONE,
                    Types.TIMESTAMP_WITH_TIMEZONE -> {
                String value = target.getString(column + 1);
                return value == null ? 0 : value.length();
            }
            default -> {
                return -1;
            }
        }
    }

    /** Adds what was seen, once: when all rows are read, or before the result set or its statement is closed. */
    void end() {
        if (ended) return;
        ended = true;
        guard.verdicts().safely(this::judge);
    }

    private void judge() {
        Entry its = entry;
        // Of what is read past this proxy, nothing is known.
        if (its != null && its.rows < 0 && (plain || rows > 0)) its.rows = rows;
        executions().looked(rows, calls, guard.now());
        if (rows == 0) return;
        if (!all && rows == 1) measure();
        if (plain && !read.isEmpty()) {
            guard.symptoms().columnsRead(text.fingerprint, executions().readColumns(read));
        }
        // After the columns: it moves off the row that they are of.
        int left = all ? 0 : rowsLeft();
        if (plain && left >= 0) guard.symptoms().rowsLeft(text.fingerprint, left);
    }

    /** -1 unless the driver is known to hold all rows: others would compute them, or ask the server for more. */
    private int rowsLeft() {
        if (!plain) return -1;
        try {
            boolean holdsAll = guard.symptoms().fetchesAll(statement)
                    && statement.getFetchSize() == 0
                    && target.getFetchSize() == 0
                    && target.getConcurrency() == ResultSet.CONCUR_READ_ONLY;
            if (!holdsAll) return -1;
            int left = 0;
            while (left < MOST_UNREAD && target.next()) {
                left++;
            }
            return left;
        } catch (SQLException | RuntimeException e) {
            giveUp(e);
            return -1;
        }
    }

    private Executions executions() {
        return text.fingerprint.executions;
    }

    /** The application has got its rows all the same. */
    private void giveUp(Exception e) {
        plain = false;
        LOG.debug("cannot tell what is not read of {}", text.fingerprint, e);
    }
}
