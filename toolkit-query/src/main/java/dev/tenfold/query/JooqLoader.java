package dev.tenfold.query;

import java.sql.Connection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.OrderField;
import org.jooq.Record;
import org.jooq.RecordMapper;
import org.jooq.ResultQuery;
import org.jooq.SQLDialect;
import org.jooq.Table;
import org.jooq.impl.DSL;

/**
 * Loaders over jOOQ tables. jOOQ is an optional dependency; only this class needs it.
 *
 * <pre>{@code
 * Loader<Long, AuthorRecord> authors = JooqLoader.one(dsl, AUTHOR, AUTHOR.ID, r -> r);
 * Loader<Long, List<Post>> posts = JooqLoader.many(dsl, POST, POST.AUTHOR_ID, Records.mapping(Post::new), POST.ID.asc());
 * Loader<Long, List<Post>> latest = JooqLoader.top(dsl, 3, POST, POST.AUTHOR_ID, mapper, POST.CREATED.desc());
 * }</pre>
 *
 * <p>The statements are those of {@link Loader#jdbc}: on PostgreSQL {@code = any(?)} with one array bind that keeps its
 * element type (jOOQ's own {@code field.eq(any(array))} binds text under a cast, which the server evaluates for each row
 * of a scan), elsewhere a padded {@code in} list, and {@code = ?} for a single key. Settings, record mapping and listeners
 * of {@code dsl} apply. Inside a {@link LoadContext#transaction} the statement runs on that connection.
 *
 * <p>Safe for use by many threads if the configuration behind {@code dsl} is, as jOOQ's is by default.
 */
public final class JooqLoader {
    private JooqLoader() {}

    /**
     * One row a key.
     *
     * @param dsl runs the statements
     * @param table selected from, all columns
     * @param key the unique column compared with the keys
     * @param mapper makes a value of a row
     * @param <R> the table's record type
     * @param <K> the keys' type
     * @param <V> the values' type
     * @return a new loader; two rows of the same key are an error
     */
    public static <R extends Record, K, V> Loader<K, V> one(
            DSLContext dsl, Table<R> table, Field<K> key, RecordMapper<? super R, ? extends V> mapper) {
        return Loader.from((keys, running) -> {
            Map<K, V> byKey = new HashMap<>(keys.size() * 2);
            for (R row : run(dsl, running, using -> using.selectFrom(table).where(matches(dsl, key, keys)))) {
                K rowKey = row.get(key);
                if (byKey.put(rowKey, mapper.map(row)) != null) {
                    throw new IllegalStateException("two rows of " + table.getName() + " for key " + rowKey
                            + "; a one-to-many loader is made by JooqLoader.many");
                }
            }
            return Fetched.of(byKey);
        });
    }

    /**
     * Any number of rows a key.
     *
     * @param dsl runs the statements
     * @param table selected from, all columns
     * @param key the column compared with the keys, usually a foreign key
     * @param mapper makes a value of a row
     * @param orderBy the order of the rows of one key; none if left out
     * @param <R> the table's record type
     * @param <K> the keys' type
     * @param <V> the type of the lists' elements
     * @return a new loader; a key without rows has an empty list
     */
    public static <R extends Record, K, V> Loader<K, List<V>> many(
            DSLContext dsl,
            Table<R> table,
            Field<K> key,
            RecordMapper<? super R, ? extends V> mapper,
            OrderField<?>... orderBy) {
        List<OrderField<?>> order = List.of(orderBy);
        return Loader.<K, List<V>>from((keys, running) -> grouped(
                        run(
                                dsl,
                                running,
                                using -> using.selectFrom(table)
                                        .where(matches(dsl, key, keys))
                                        .orderBy(order)),
                        key,
                        mapper))
                .whenAbsent(k -> List.of());
    }

    /**
     * The first rows of each key.
     *
     * @param dsl runs the statements
     * @param perKey how many rows a key has at most, 1 or more
     * @param table selected from, all columns
     * @param key the column compared with the keys, usually a foreign key
     * @param mapper makes a value of a row
     * @param orderBy which rows come first; at least one field
     * @param <R> the table's record type
     * @param <K> the keys' type
     * @param <V> the type of the lists' elements
     * @return a new loader; a key without rows has an empty list
     */
    public static <R extends Record, K, V> Loader<K, List<V>> top(
            DSLContext dsl,
            int perKey,
            Table<R> table,
            Field<K> key,
            RecordMapper<? super R, ? extends V> mapper,
            OrderField<?>... orderBy) {
        if (perKey < 1) {
            throw new IllegalArgumentException("perKey " + perKey + " must be at least 1");
        }
        if (orderBy.length == 0) {
            throw new IllegalArgumentException("top needs an order: say which rows come first by orderBy");
        }
        List<OrderField<?>> order = List.of(orderBy);
        return Loader.<K, List<V>>from((keys, running) ->
                        grouped(run(dsl, running, using -> topOf(using, perKey, table, key, order, keys)), key, mapper))
                .maxBatch(dsl.family() == SQLDialect.POSTGRES ? Loader.DEFAULT_MAX_BATCH : KeyQuery.UNION_KEYS)
                .whenAbsent(k -> List.of());
    }

    private static <R extends Record, K> ResultQuery<R> topOf(
            DSLContext dsl, int perKey, Table<R> table, Field<K> key, List<OrderField<?>> order, List<K> keys) {
        if (keys.size() == 1 || !isArray(dsl, keys)) {
            var query = dsl.selectFrom(table)
                    .where(key.eq(keys.get(0)))
                    .orderBy(order)
                    .limit(perKey);
            org.jooq.Select<R> all = query;
            for (K next : keys.subList(1, keys.size())) {
                all = all.unionAll(
                        dsl.selectFrom(table).where(key.eq(next)).orderBy(order).limit(perKey));
            }
            return all;
        }
        Field<K> wanted = DSL.field(DSL.name("tenfold_key", "k0"), key.getDataType());
        var limited = dsl.select(table.fields())
                .from(table)
                .where(key.eq(wanted))
                .orderBy(order)
                .limit(perKey);
        ResultQuery<Record> joined = dsl.select(
                        DSL.table(DSL.name("tenfold_row")).asterisk())
                .from(
                        "unnest({0}) as tenfold_key(k0) cross join lateral ({1}) as tenfold_row",
                        ArrayBinding.of(keys), limited);
        if (table.fields().length > 0) {
            return joined.coerce(table);
        }
        @SuppressWarnings("unchecked") // a table without known columns has records of the general type
        ResultQuery<R> general = (ResultQuery<R>) joined;
        return general;
    }

    private static <R extends Record, K, V> Fetched<K, List<V>> grouped(
            List<R> rows, Field<K> key, RecordMapper<? super R, ? extends V> mapper) {
        Map<K, List<V>> byKey = new HashMap<>();
        for (R row : rows) {
            byKey.computeIfAbsent(row.get(key), k -> new ArrayList<>()).add(mapper.map(row));
        }
        byKey.replaceAll((k, list) -> Collections.unmodifiableList(list));
        return Fetched.of(byKey);
    }

    private static <K> Condition matches(DSLContext dsl, Field<K> key, List<K> keys) {
        if (keys.size() == 1) {
            return key.eq(keys.get(0));
        }
        if (isArray(dsl, keys)) {
            return DSL.condition("{0} = any({1})", key, ArrayBinding.of(keys));
        }
        int padded = Integer.highestOneBit(keys.size() - 1) << 1;
        List<K> list = new ArrayList<>(keys);
        list.addAll(Collections.nCopies(padded - keys.size(), keys.get(keys.size() - 1)));
        return key.in(list);
    }

    private static boolean isArray(DSLContext dsl, List<?> keys) {
        return dsl.family() == SQLDialect.POSTGRES
                && JdbcBatch.ARRAY_TYPES.containsKey(keys.get(0).getClass());
    }

    private interface Query<R extends Record> {
        ResultQuery<R> on(DSLContext dsl);
    }

    private static <R extends Record> List<R> run(DSLContext dsl, RunningBatch running, Query<R> query) {
        Connection transaction = LoadContext.current().transaction().orElse(null);
        DSLContext using = transaction == null
                ? dsl
                : dsl.configuration().derive(transaction).dsl();
        ResultQuery<R> ready = query.on(using);
        running.onCancel(ready::cancel);
        return ready.fetch();
    }
}
