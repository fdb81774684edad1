package dev.tenfold.query.keyset;

import dev.tenfold.query.keyset.Column.Nulls;
import java.math.BigInteger;
import java.sql.Time;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jooq.Condition;
import org.jooq.Configuration;
import org.jooq.Converter;
import org.jooq.Field;
import org.jooq.OrderField;
import org.jooq.QueryPart;
import org.jooq.Record;
import org.jooq.RecordMapper;
import org.jooq.SQLDialect;
import org.jooq.SelectConnectByStep;
import org.jooq.SelectQuery;
import org.jooq.SortField;
import org.jooq.SortOrder;
import org.jooq.Table;
import org.jooq.TableField;
import org.jooq.UniqueKey;
import org.jooq.impl.CustomCondition;
import org.jooq.impl.DSL;
import org.jooq.impl.DefaultConverterProvider;
import org.jooq.impl.QOM.NullOrdering;
import org.jooq.types.UNumber;
import org.jspecify.annotations.Nullable;

/**
 * A sort whose pages are read by key, over jOOQ: what {@link Keyset} is, with the same promises and limits. jOOQ is an optional
 * dependency; only this class needs it.
 *
 * <pre>{@code
 * static final JooqKeyset BY_AGE = Keyset.by(POST.CREATED.desc(), POST.ID.desc()).signedWith(secret);
 *
 * Page<Post> page = BY_AGE.after(cursor).limit(20)
 *         .fetch(dsl.selectFrom(POST).where(POST.AUTHOR.eq(author)), Records.mapping(Post::new));
 * }</pre>
 *
 * <p>A {@code LocalDateTime} and a {@code Timestamp} jOOQ reads and binds by way of the JVM's time zone: in the hour that its
 * clocks skip in spring, times are moved, and pages lose rows. Where such times may be stored, as those of UTC are, let the JVM's
 * zone be UTC, or the column a {@code timestamptz} and the field an {@code Instant} or {@code OffsetDateTime}. {@link Keyset} reads
 * them as they are.
 *
 * <p>Settings, converters and listeners of the query's configuration apply. A query that has an order or a limit of its own is
 * refused by the compiler.
 *
 * <p>Immutable and thread-safe. Each method returns a changed keyset.
 */
public final class JooqKeyset extends KeysetOptions<JooqKeyset> {
    private final List<Field<?>> fields;

    private JooqKeyset(List<Field<?>> fields, List<Column> columns, Settings settings) {
        super(columns, settings);
        this.fields = fields;
    }

    static JooqKeyset of(SortField<?>[] sort, boolean unique) {
        if (sort.length == 0) throw new IllegalArgumentException("a sort needs fields, as POST.ID.desc()");
        List<Field<?>> fields = new ArrayList<>();
        List<Column> columns = new ArrayList<>();
        for (int i = 0; i < sort.length; i++) {
            boolean last = i == sort.length - 1;
            Field<?> field = sort[i].$field();
            requireCarried(field);
            fields.add(field);
            columns.add(new Column(
                    field.toString(), sort[i].$sortOrder() == SortOrder.DESC, nulls(sort[i], last && unique)));
        }
        if (new HashSet<>(fields).size() < fields.size()) {
            throw new IllegalArgumentException("a field is there twice in " + fields + "; the second decides nothing");
        }
        if (!unique) requireKey(fields);
        return new JooqKeyset(List.copyOf(fields), List.copyOf(columns), DEFAULTS);
    }

    private static Nulls nulls(SortField<?> sort, boolean unique) {
        boolean never = unique || !sort.$field().getDataType().nullable();
        NullOrdering said = sort.$nullOrdering();
        if (unique && said != null) {
            throw new IllegalArgumentException("the last field, " + sort.$field()
                    + ", tells equal rows apart, so it is never null; leave out nullsFirst() and nullsLast()");
        }
        if (never) return Nulls.NONE;
        if (said == null) {
            throw new IllegalArgumentException(
                    "field " + sort.$field() + " may be null by its type; say where its nulls go by"
                            + " nullsFirst() or nullsLast(), or that it has none by its data type's notNull()");
        }
        return said == NullOrdering.NULLS_FIRST ? Nulls.FIRST : Nulls.LAST;
    }

    private static void requireCarried(Field<?> field) {
        Class<?> type = databaseType(field);
        if (type == LocalTime.class || type == Time.class) {
            throw new IllegalArgumentException(
                    "field " + field + " is a time of day, which jOOQ reads without its fractions"
                            + " of a second; sort by a cast of it to a text");
        }
        boolean isCarried = type == Object.class
                || KeyValues.carries(type)
                || type.isEnum()
                || UNumber.class.isAssignableFrom(type);
        if (!isCarried) throw new IllegalArgumentException(KeyValues.unsupported(field.toString(), type));
    }

    /** A unique key that is among the fields, none of it nullable: nulls are not equal, so they would not be unique. */
    private static void requireKey(List<Field<?>> fields) {
        Set<Table<?>> tables = fields.stream()
                .filter(TableField.class::isInstance)
                .<@Nullable Table<?>>map(field -> ((TableField<?, ?>) field).getTable())
                .filter(table -> table != null)
                .collect(Collectors.toSet());
        List<UniqueKey<?>> known = new ArrayList<>();
        for (Table<?> table : tables) {
            Set<String> there = fields.stream()
                    .filter(field -> field instanceof TableField<?, ?> of
                            && table.equals(of.getTable())
                            && !field.getDataType().nullable())
                    .map(Field::getName)
                    .collect(Collectors.toSet());
            for (UniqueKey<?> key : table.getKeys()) {
                if (there.containsAll(
                        key.getFields().stream().map(Field::getName).toList())) return;
                known.add(key);
            }
        }
        if (known.isEmpty()) {
            throw new IllegalArgumentException("no unique key is known of the tables of " + fields
                    + ", and without one pages lose rows; end with a field that is unique and never null, and say that you"
                    + " know it by Keyset.byUnique");
        }
        throw new IllegalArgumentException("none of the unique keys "
                + known.stream()
                        .map(key -> key.getFields().toString())
                        .distinct()
                        .toList()
                + " is among " + fields
                + ", so equal rows could not be told apart; add the fields of one at the end, or if you know that these are"
                + " unique within your query, use Keyset.byUnique");
    }

    /**
     * Reads the page as records. Blocks for a statement, seldom two.
     *
     * @param query made for this call, as it gets a condition, an order and a limit; it selects the fields of the sort
     * @param <R> the records' type
     * @return the page
     * @throws IllegalArgumentException if the query has no configuration, was used before, or does not select a field of the sort
     * @throws IllegalStateException if nothing was said of signing, or a field of the sort is null in a row though its type says that it
     *     never is, or is of a type that a cursor cannot carry
     * @throws org.jooq.exception.DataAccessException of the database
     */
    public <R extends Record> Page<R> fetch(SelectConnectByStep<R> query) {
        return fetch(query, row -> row);
    }

    /**
     * Reads the page. Blocks for a statement, seldom two.
     *
     * @param query made for this call, as it gets a condition, an order and a limit; it selects the fields of the sort
     * @param mapper makes an item of a record
     * @param <R> the records' type
     * @param <T> the items' type
     * @return the page
     * @throws IllegalArgumentException if the query has no configuration, was used before, or does not select a field of the sort
     * @throws IllegalStateException if nothing was said of signing, or a field of the sort is null in a row though its type says that it
     *     never is, or is of a type that a cursor cannot carry
     * @throws org.jooq.exception.DataAccessException of the database
     */
    public <R extends Record, T> Page<T> fetch(
            SelectConnectByStep<R> query, RecordMapper<? super R, ? extends T> mapper) {
        requireSigner();
        SelectQuery<R> select = query.getQuery();
        Dialect dialect = dialect(configuration(select));
        requireSelected(select);
        requireComparable(dialect);
        List<Column> directed = directed();
        List<Condition> parts = Seek.parts(dialect, directed, settings.from()).stream()
                .map(this::condition)
                .toList();
        Condition[] part = {DSL.noCondition()};
        select.addConditions(CustomCondition.of(context -> context.visit(part[0])));
        select.addOrderBy(order(dialect, directed));
        select.addLimit(DSL.inline(settings.limit() + 1));

        List<T> items = new ArrayList<>();
        List<List<@Nullable Object>> keys = new ArrayList<>();
        for (Condition next : parts) {
            part[0] = next;
            for (R row : select.fetch()) {
                if (items.size() == settings.limit()) return page(items, keys, true);
                keys.add(key(row)); // first, as a mapper may change the record
                items.add(mapper.map(row));
            }
        }
        return page(items, keys, false);
    }

    private static Configuration configuration(SelectQuery<?> select) {
        Configuration configuration = select.configuration();
        if (configuration == null || configuration.family() == SQLDialect.DEFAULT) {
            throw new IllegalArgumentException(
                    "the query knows no database; make it by a DSLContext that has a connection and a dialect");
        }
        if (!select.$orderBy().isEmpty() || select.$limit() != null) {
            throw new IllegalArgumentException(
                    "the query has an order or a limit, perhaps of a page read before; make a new one for each page");
        }
        return configuration;
    }

    private static Dialect dialect(Configuration configuration) {
        return switch (configuration.family()) {
            case POSTGRES, YUGABYTEDB -> Dialect.POSTGRES;
            case MYSQL, MARIADB -> Dialect.MYSQL;
            default -> Dialect.STANDARD;
        };
    }

    /** A query of all columns of a table without known ones has no fields yet; it shows when they come. */
    private void requireSelected(SelectQuery<?> select) {
        if (select.fields().length == 0) return;
        for (Field<?> field : fields) {
            if (select.field(field) == null) {
                throw new IllegalArgumentException(
                        "the query does not select " + field + ", which the cursors are made of; add it");
            }
        }
    }

    private void requireComparable(Dialect dialect) {
        if (dialect != Dialect.MYSQL) return;
        for (Field<?> field : fields) {
            Class<?> type = databaseType(field);
            if (type == Float.class) {
                throw new IllegalArgumentException(
                        "field " + field + " is a float, which this database does not compare with"
                                + " the value that it gives; sort by field.cast(SQLDataType.DOUBLE)");
            }
            if (type.isEnum()) {
                throw new IllegalArgumentException(
                        "field " + field + " is an enum, which this database sorts by its number and"
                                + " compares by its text; sort by field.cast(SQLDataType.INTEGER)");
            }
        }
    }

    private Condition condition(String part) {
        if (part.isEmpty()) return DSL.noCondition();
        List<QueryPart> parts = new ArrayList<>(fields);
        Position from = settings.from();
        if (from != null) {
            for (int i = 0; i < fields.size(); i++)
                parts.add(value(fields.get(i), from.key().get(i)));
        }
        return DSL.condition(part, parts.toArray(QueryPart[]::new));
    }

    private List<OrderField<?>> order(Dialect dialect, List<Column> directed) {
        List<OrderField<?>> order = new ArrayList<>();
        List<Column> wanted = Seek.order(directed);
        for (int i = 0; i < wanted.size(); i++) {
            Column column = wanted.get(i);
            SortField<?> sort = fields.get(i).sort(column.descending() ? SortOrder.DESC : SortOrder.ASC);
            if (!dialect.ranksNulls(column)) {
                order.add(sort);
            } else {
                order.add(column.nulls() == Nulls.FIRST ? sort.nullsFirst() : sort.nullsLast());
            }
        }
        return order;
    }

    private static <U> Field<U> value(Field<U> field, @Nullable Object value) {
        return DSL.val(fromDatabase(field, value), field);
    }

    private List<@Nullable Object> key(Record row) {
        List<@Nullable Object> key = new ArrayList<>(fields.size());
        for (int i = 0; i < fields.size(); i++) {
            Field<?> field = fields.get(i);
            int at = row.indexOf(field);
            if (at < 0) {
                throw new IllegalStateException(
                        "the query does not select " + field + ", which the cursors are made of; add it");
            }
            Object value = row.get(at);
            // What comes of a table whose columns are not known has the driver's type.
            if (!field.getType().isInstance(value)) value = row.get(at, field.getType());
            key.add(keyValue(i, toDatabase(field, value)));
        }
        return key;
    }

    private static Class<?> databaseType(Field<?> field) {
        return field.getConverter().fromType();
    }

    /** What a cursor carries of a field's value. */
    private static <U> @Nullable Object toDatabase(Field<U> field, @Nullable Object value) {
        Object converted = field.getConverter().to(field.getType().cast(value));
        if (converted instanceof Enum<?> constant) return constant.name();
        return converted instanceof UNumber number ? number.toBigInteger() : converted;
    }

    private static <U> @Nullable U fromDatabase(Field<U> field, @Nullable Object value) {
        return value == null ? null : converted(field.getConverter(), value);
    }

    private static <D, U> @Nullable U converted(Converter<D, U> converter, Object value) {
        return converter.from(constant(converter.fromType(), value));
    }

    private static <D> @Nullable D constant(Class<D> type, Object value) {
        if (type.isEnum() && value instanceof String name) {
            for (D constant : type.getEnumConstants()) {
                if (((Enum<?>) constant).name().equals(name)) return constant;
            }
            throw new IllegalArgumentException(name + " is none of " + type.getName());
        }
        if (UNumber.class.isAssignableFrom(type) && value instanceof BigInteger number) {
            return new DefaultConverterProvider()
                    .provide(BigInteger.class, type)
                    .from(number);
        }
        return type.cast(value);
    }

    @Override
    void check(List<@Nullable Object> key) {
        for (int i = 0; i < fields.size(); i++) {
            try {
                Object unused = fromDatabase(fields.get(i), key.get(i));
            } catch (RuntimeException e) {
                throw new InvalidCursorException(
                        "the cursor's value of " + fields.get(i) + " is none that it can have", e);
            }
        }
    }

    @Override
    JooqKeyset with(Settings changed) {
        return new JooqKeyset(fields, columns, changed);
    }
}
