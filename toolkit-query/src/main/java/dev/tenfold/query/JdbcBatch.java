package dev.tenfold.query;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a {@link KeyQuery} for a batch of keys: chooses its form by the database, binds the keys, reads the rows.
 *
 * <p>On PostgreSQL the array bind keeps its element type, taken from the keys' Java type. A text-typed bind under a cast
 * would have the server convert the array once for each row of a sequential scan.
 */
final class JdbcBatch<K> {
    private static final Logger LOG = LoggerFactory.getLogger(JdbcBatch.class);

    /** The element types of array binds. Keys of other types go as a list of single binds, also on PostgreSQL. */
    static final Map<Class<?>, String> ARRAY_TYPES = Map.of(
            Long.class, "int8",
            Integer.class, "int4",
            Short.class, "int2",
            String.class, "text",
            UUID.class, "uuid",
            BigDecimal.class, "numeric",
            Boolean.class, "bool",
            LocalDate.class, "date");

    /** What the databases that we know of differ in. */
    private enum Dialect {
        POSTGRESQL(65_535),
        MYSQL(65_535),
        ORACLE(1_000),
        SQL_SERVER(2_000),
        OTHER(1_000);

        private final int mostBinds;

        Dialect(int mostBinds) {
            this.mostBinds = mostBinds;
        }

        static Dialect of(Connection connection) throws SQLException {
            String product = connection.getMetaData().getDatabaseProductName().toLowerCase(Locale.ROOT);
            if (product.contains("postgres")) {
                return POSTGRESQL;
            }
            if (product.equals("mysql")) {
                return MYSQL;
            }
            return product.contains("oracle") ? ORACLE : product.contains("microsoft sql server") ? SQL_SERVER : OTHER;
        }
    }

    private final DataSource dataSource;
    private final KeyQuery query;
    private volatile @Nullable Dialect dialect;

    private JdbcBatch(DataSource dataSource, KeyQuery query) {
        this.dataSource = dataSource;
        this.query = query;
    }

    static <K> JdbcBatch<K> of(DataSource dataSource, String sql, int perKey) {
        return new JdbcBatch<>(dataSource, KeyQuery.parse(sql, perKey));
    }

    <V> List<V> query(List<K> keys, RowMapper<? extends V> row, RunningBatch running) throws SQLException {
        Object[][] binds = columnsOf(keys);
        Connection transaction = LoadContext.current().transaction().orElse(null);
        if (transaction != null) {
            return query(transaction, binds, row, running);
        }
        running.waitingForConnection(true);
        try (Connection connection = dataSource.getConnection()) {
            running.waitingForConnection(false);
            return query(connection, binds, row, running);
        } finally {
            running.waitingForConnection(false);
        }
    }

    private <V> List<V> query(Connection connection, Object[][] binds, RowMapper<? extends V> row, RunningBatch running)
            throws SQLException {
        Dialect known = dialect;
        if (known == null) {
            dialect = known = Dialect.of(connection);
        }
        List<V> rows = new ArrayList<>(binds[0].length);
        if (binds[0].length == 1) {
            list(connection, query.forOne(), binds, 0, 1, row, running, rows);
        } else if (known == Dialect.POSTGRESQL && areArrays(binds)) {
            arrays(connection, binds, row, running, rows);
        } else {
            lists(connection, known, binds, row, running, rows);
        }
        return rows;
    }

    private static boolean areArrays(Object[][] binds) {
        for (Object[] column : binds) {
            if (!ARRAY_TYPES.containsKey(column[0].getClass())) {
                return false;
            }
        }
        return true;
    }

    private <V> void arrays(
            Connection connection, Object[][] binds, RowMapper<? extends V> row, RunningBatch running, List<V> rows)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(query.forArrays())) {
            for (int i = 0; i < binds.length; i++) {
                String type = ARRAY_TYPES.get(binds[i][0].getClass());
                statement.setArray(i + 1, connection.createArrayOf(type, binds[i]));
            }
            read(statement, row, running, rows);
        }
    }

    /** Single binds, in as many statements as the database's limit asks for, each padded to a power of two. */
    private <V> void lists(
            Connection connection,
            Dialect known,
            Object[][] binds,
            RowMapper<? extends V> row,
            RunningBatch running,
            List<V> rows)
            throws SQLException {
        int most = query.isTop()
                ? KeyQuery.UNION_KEYS
                : Integer.highestOneBit(Math.max(1, known.mostBinds / query.columns()));
        for (int from = 0; from < binds[0].length; from += most) {
            int to = Math.min(binds[0].length, from + most);
            int count = to - from;
            String sql;
            int padded = count;
            if (count == 1) {
                sql = query.forOne();
            } else if (query.isTop()) {
                sql = known == Dialect.MYSQL || known == Dialect.POSTGRESQL
                        ? query.forLateralRows(count)
                        : query.forUnion(count);
            } else {
                padded = Math.min(most, Integer.highestOneBit(count - 1) << 1);
                sql = query.forList(padded);
            }
            list(connection, sql, binds, from, padded, row, running, rows);
        }
    }

    private <V> void list(
            Connection connection,
            String sql,
            Object[][] binds,
            int from,
            int padded,
            RowMapper<? extends V> row,
            RunningBatch running,
            List<V> rows)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            int parameter = 1;
            int last = binds[0].length - 1;
            for (int key = from; key < from + padded; key++) {
                for (Object[] column : binds) {
                    statement.setObject(parameter++, column[Math.min(key, last)]);
                }
            }
            read(statement, row, running, rows);
        }
    }

    private static <V> void read(
            PreparedStatement statement, RowMapper<? extends V> row, RunningBatch running, List<V> rows)
            throws SQLException {
        running.onCancel(() -> cancel(statement));
        try (ResultSet result = statement.executeQuery()) {
            while (result.next()) {
                rows.add(row.map(result));
            }
        }
    }

    private static void cancel(PreparedStatement statement) {
        try {
            statement.cancel();
        } catch (SQLException e) {
            LOG.warn("could not cancel a batch query that nobody waits for; it runs until it ends by itself", e);
        }
    }

    /** The keys by column, each of the exact type of its first element, as array binds need it. */
    private Object[][] columnsOf(List<K> keys) {
        Object first = keys.get(0);
        RecordComponent[] components = first.getClass().getRecordComponents();
        int width = components == null ? 1 : components.length;
        if (width != query.columns()) {
            throw new IllegalArgumentException("a key is a " + first.getClass().getSimpleName() + " of " + width
                    + (width == 1 ? " column" : " columns") + ", the query compares " + query.columns()
                    + "; make the key a record with one component a column");
        }
        Object[][] columns = new Object[width][];
        for (int column = 0; column < width; column++) {
            Object sample = components == null ? first : component(components[column], first);
            Object[] values = (Object[]) Array.newInstance(sample.getClass(), keys.size());
            for (int i = 0; i < values.length; i++) {
                values[i] = components == null ? keys.get(i) : component(components[column], keys.get(i));
            }
            columns[column] = values;
        }
        return columns;
    }

    private static Object component(RecordComponent component, Object key) {
        try {
            component.getAccessor().setAccessible(true); // a record may be private to its class
            Object value = component.getAccessor().invoke(key);
            if (value == null) {
                throw new IllegalArgumentException(
                        "component " + component.getName() + " of key " + key + " is null; a null matches no row");
            }
            return value;
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("cannot read component " + component.getName() + " of a key", e);
        }
    }
}
