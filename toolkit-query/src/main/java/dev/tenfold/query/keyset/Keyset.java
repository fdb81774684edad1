package dev.tenfold.query.keyset;

import dev.tenfold.query.RowMapper;
import dev.tenfold.query.keyset.Column.Nulls;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jooq.SortField;
import org.jspecify.annotations.Nullable;

/**
 * A sort whose pages are read by key: a page goes on after the last row of the one before, instead of counting rows from the
 * start. With an index of the sort's columns the thousandth page costs what the first one does, and rows that come and go
 * meanwhile move no other row from page to page.
 *
 * <pre>{@code
 * static final Keyset BY_AGE = Keyset.columns("created desc not null", "id desc unique").signedWith(secret);
 *
 * Page<Post> page = BY_AGE.after(request.param("after")).limit(20).fetch(
 *         dataSource, "select id, created, title from post where author = ? and {keyset}", Post::map, author);
 * page.items();
 * page.next();         // an opaque text for the link to the next page, empty on the last one
 * }</pre>
 *
 * <p>It cannot jump to a page by its number. A row that changes a column of the sort while somebody turns the pages moves, and
 * may be seen twice or not at all. Equal values of the first column are read past one by one where the columns' directions
 * differ, or the database is not PostgreSQL: do not sort by a column of a few values first.
 *
 * <p>A page takes one statement. If the first column may have nulls, it takes another one where its values and its nulls meet.
 *
 * <p>Positions are compared by the database, a text by its column's collation. An {@code enum} or {@code set} of MariaDB and
 * MySQL is sorted by its number and compared by its text, which their drivers do not tell: sort by {@code v + 0}, named in a
 * subselect. Their {@code float}, {@code year}, and {@code bit} of more than one are refused, and PostgreSQL's {@code timetz}.
 *
 * <p>Immutable and thread-safe. Each method returns a changed keyset.
 *
 * @see JooqKeyset
 */
public final class Keyset extends KeysetOptions<Keyset> {
    private static final String PLACE = "{keyset}";
    private static final String NAME = "(?:[\\p{L}_][\\p{L}\\d_$]*|\"(?:[^\"]|\"\")+\"|`(?:[^`]|``)+`|\\[[^\\]]+\\])";
    private static final Pattern COLUMN = Pattern.compile(
            "\\s*(?<name>(?:" + NAME + "\\.)*(?<label>" + NAME + "))(?:\\s+(?<direction>asc|desc))?"
                    + "(?:\\s+(?<nulls>not\\s+null|nulls\\s+first|nulls\\s+last|unique))?\\s*",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern PART = Pattern.compile("\\{(\\d+)\\}");

    /** The columns' names in the result. */
    private final List<String> labels;

    private Keyset(List<Column> columns, List<String> labels, Settings settings) {
        super(columns, settings);
        this.labels = labels;
    }

    /**
     * A sort by columns, for statements over plain JDBC. Each is {@code name [asc|desc] [not null|nulls first|nulls last|unique]}:
     *
     * <ul>
     *   <li>the name is as in the statement's {@code where}, so {@code p.created} if it has to be. The statement has to select it,
     *       under its own name, {@code created}. An expression is to be named in a subselect first
     *   <li>{@code asc} is the default
     *   <li>each column says that it is not null, or where its nulls go. There is no default, since databases differ in it, and
     *       a null that nobody thought of is a row that no page shows
     *   <li>the last one is {@code unique}: alone or together with those before it, and not null. It decides between equal rows,
     *       without which pages lose some. Whether it is true cannot be seen here
     * </ul>
     *
     * @param columns the sort; text of the program, never of a request
     * @return a keyset; say {@link #signedWith} or {@link #unsigned} next
     * @throws IllegalArgumentException if there is none, one is no such text, is there twice, or says nothing of nulls, or the last one is
     *     not unique
     */
    public static Keyset columns(String... columns) {
        if (columns.length == 0) throw new IllegalArgumentException("a sort needs columns, as \"id desc unique\"");
        List<Column> parsed = new ArrayList<>();
        List<String> labels = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < columns.length; i++) {
            Matcher matcher = COLUMN.matcher(columns[i]);
            if (!matcher.matches()) {
                throw new IllegalArgumentException(
                        "\"" + columns[i] + "\" is no column of a sort; write name [asc|desc]"
                                + " [not null|nulls first|nulls last|unique], and name an expression in a subselect");
            }
            Column column = column(columns[i], matcher, i == columns.length - 1);
            if (!seen.add(column.name())) {
                throw new IllegalArgumentException(
                        "column " + column.name() + " is there twice; the second decides nothing");
            }
            parsed.add(column);
            labels.add(unquoted(matcher.group("label")));
        }
        return new Keyset(List.copyOf(parsed), List.copyOf(labels), DEFAULTS);
    }

    private static Column column(String text, Matcher matcher, boolean last) {
        String said = Objects.requireNonNullElse(matcher.group("nulls"), "")
                .toLowerCase(Locale.ROOT)
                .replaceAll("\\s+", " ");
        if (last && !said.equals("unique")) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is the last column, so it has to tell equal rows apart; add one"
                            + " that is unique and never null, and say so: \"id unique\"");
        }
        if (!last && said.equals("unique")) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is unique, so columns after it decide nothing; make it the last one");
        }
        Nulls nulls = switch (said) {
            case "unique", "not null" -> Nulls.NONE;
            case "nulls first" -> Nulls.FIRST;
            case "nulls last" -> Nulls.LAST;
            default ->
                throw new IllegalArgumentException("\"" + text + "\" says nothing of nulls; add \"not null\" if it has"
                        + " none, or say where they go: \"nulls first\", \"nulls last\"");
        };
        return new Column(matcher.group("name"), "desc".equalsIgnoreCase(matcher.group("direction")), nulls);
    }

    private static String unquoted(String name) {
        return switch (name.charAt(0)) {
            case '"' -> name.substring(1, name.length() - 1).replace("\"\"", "\"");
            case '`' -> name.substring(1, name.length() - 1).replace("``", "`");
            case '[' -> name.substring(1, name.length() - 1);
            default -> name;
        };
    }

    /**
     * A sort by jOOQ's fields whose tables know their keys, as generated ones do. It is checked that a key is among them.
     *
     * @param sort {@code POST.CREATED.desc(), POST.ID.desc()}; a field that may be null says {@code nullsFirst()} or
     *     {@code nullsLast()}
     * @return a keyset; say {@code signedWith} or {@code unsigned} next
     * @throws IllegalArgumentException if there is none, one is there twice, may be null and does not say where its nulls go, or is of a
     *     type that a cursor cannot carry, or if no unique key is among them, or none is known
     */
    public static JooqKeyset by(SortField<?>... sort) {
        return JooqKeyset.of(sort, false);
    }

    /**
     * A sort by jOOQ's fields of which the caller knows that they are unique together and that the last one is never null:
     * for fields of plain names, of views, and for keys within what the query selects.
     *
     * @param sort as for {@link #by}, with no check for a key; the last field is taken not to be null, whatever its type says
     * @return a keyset; say {@code signedWith} or {@code unsigned} next
     * @throws IllegalArgumentException if there is none, one is there twice, may be null and does not say where its nulls go, or is of a
     *     type that a cursor cannot carry
     */
    public static JooqKeyset byUnique(SortField<?>... sort) {
        return JooqKeyset.of(sort, true);
    }

    /**
     * Reads the page. Blocks for a statement, seldom two, on a connection that is borrowed and given back.
     *
     * @param dataSource gives the connection
     * @param sql a select without {@code order by} and {@code limit}, which are added at its end, with {@code {keyset}} as a condition
     *     where rows are chosen: {@code … where author = ? and {keyset}}. It selects the columns of the sort
     * @param mapper makes an item of a row
     * @param binds the values of the parameters, which all stand before {@code {keyset}}; set by {@code setObject}
     * @param <T> the items' type
     * @return the page
     * @throws IllegalArgumentException if the statement has no {@code {keyset}} or two, or a parameter after it
     * @throws IllegalStateException if nothing was said of signing, or a column of the sort is not selected, shares its name with
     *     another one, is null in a row though it was declared not to be, or is of a type that a cursor cannot carry
     * @throws SQLException of the driver
     */
    public <T> Page<T> fetch(
            DataSource dataSource, String sql, RowMapper<? extends T> mapper, @Nullable Object... binds)
            throws SQLException {
        Template template = template(sql);
        try (Connection connection = dataSource.getConnection()) {
            return fetch(connection, template, mapper, binds);
        }
    }

    /**
     * Reads the page on a connection, so inside its transaction if there is one. Blocks for a statement, seldom two. The connection stays
     * open.
     *
     * @param connection used on this thread only
     * @param sql as for the other {@code fetch}
     * @param mapper makes an item of a row
     * @param binds as for the other {@code fetch}
     * @param <T> the items' type
     * @return the page
     * @throws IllegalArgumentException as by the other {@code fetch}
     * @throws IllegalStateException as by the other {@code fetch}
     * @throws SQLException of the driver
     */
    public <T> Page<T> fetch(
            Connection connection, String sql, RowMapper<? extends T> mapper, @Nullable Object... binds)
            throws SQLException {
        return fetch(connection, template(sql), mapper, binds);
    }

    private record Template(String before, String after) {}

    private Template template(String sql) {
        requireSigner();
        int place = sql.indexOf(PLACE);
        if (place < 0 || sql.indexOf(PLACE, place + 1) >= 0) {
            throw new IllegalArgumentException("the statement must have " + PLACE
                    + " once, as a condition: … where author = ? and " + PLACE + "; it is: " + sql);
        }
        Template template = new Template(sql.substring(0, place), sql.substring(place + PLACE.length()));
        if (template.after.contains("?")) {
            throw new IllegalArgumentException(
                    "the statement has a parameter after " + PLACE + "; put the condition last: " + sql);
        }
        return template;
    }

    private <T> Page<T> fetch(
            Connection connection, Template template, RowMapper<? extends T> mapper, @Nullable Object... binds)
            throws SQLException {
        Dialect dialect = Dialect.of(connection);
        List<Column> directed = directed();
        List<T> items = new ArrayList<>();
        List<List<@Nullable Object>> keys = new ArrayList<>();
        for (String part : Seek.parts(dialect, directed, settings.from())) {
            List<Integer> positions = new ArrayList<>();
            String sql = template.before + condition(part, positions) + template.after + "\n" + end(dialect, directed);
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                bind(dialect, statement, positions, binds);
                try (ResultSet rows = statement.executeQuery()) {
                    KeyReader reader = new KeyReader(dialect, rows);
                    while (rows.next()) {
                        if (items.size() == settings.limit()) return page(items, keys, true);
                        keys.add(reader.read()); // first, as a mapper may read on
                        items.add(mapper.map(rows));
                    }
                }
            }
        }
        return page(items, keys, false);
    }

    /** Names for {i}, parameters for {n+i}; which value each parameter takes goes to {@code positions}. */
    private String condition(String part, List<Integer> positions) {
        if (part.isEmpty()) return "1 = 1";
        return PART.matcher(part).replaceAll(found -> Matcher.quoteReplacement(named(found, positions)));
    }

    private String named(MatchResult found, List<Integer> positions) {
        int i = Integer.parseInt(found.group(1));
        if (i < columns.size()) return columns.get(i).name();
        positions.add(i - columns.size());
        return "?";
    }

    private String end(Dialect dialect, List<Column> directed) {
        List<String> order = Seek.order(directed).stream().map(dialect::order).toList();
        return "order by " + String.join(", ", order) + " " + dialect.limit(settings.limit() + 1);
    }

    private void bind(Dialect dialect, PreparedStatement statement, List<Integer> positions, @Nullable Object[] binds)
            throws SQLException {
        int parameter = 0;
        for (Object bind : binds) statement.setObject(++parameter, bind);
        Position from = settings.from();
        if (from == null) return;
        for (int position : positions) {
            Object value = from.key().get(position);
            // Of type "unknown", so that the server takes the column's, be it text, citext or an enum.
            boolean isUntyped = dialect == Dialect.POSTGRES && value instanceof String;
            if (isUntyped) {
                statement.setObject(++parameter, value, Types.OTHER);
            } else {
                statement.setObject(++parameter, value);
            }
        }
    }

    /** Reads the key of the row that a result is at. */
    private final class KeyReader {
        private final ResultSet rows;
        private final int[] at = new int[columns.size()];
        /** What to ask the driver for; null is what it gives by itself. */
        private final List<@Nullable Class<?>> types = new ArrayList<>();

        KeyReader(Dialect dialect, ResultSet rows) throws SQLException {
            this.rows = rows;
            ResultSetMetaData described = rows.getMetaData();
            for (int i = 0; i < at.length; i++) {
                at[i] = find(labels.get(i), described);
                types.add(type(dialect, described, at[i]));
            }
        }

        private int find(String label, ResultSetMetaData described) throws SQLException {
            int found = 0;
            for (int i = 1; i <= described.getColumnCount(); i++) {
                if (!described.getColumnLabel(i).equalsIgnoreCase(label)) continue;
                if (found > 0) {
                    throw new IllegalStateException("the statement selects two columns named " + label
                            + ", and the cursors are made of one; give the other one another name");
                }
                found = i;
            }
            if (found > 0) return found;
            throw new IllegalStateException(
                    "the statement does not select " + label + ", which the cursors are made of; add it");
        }

        /** The types that have exactly what the column has: java.sql.Timestamp depends on the JVM's time zone. */
        private static @Nullable Class<?> type(Dialect dialect, ResultSetMetaData described, int column)
                throws SQLException {
            if (dialect == Dialect.MYSQL) requireComparable(described, column);
            return switch (described.getColumnType(column)) {
                // MySQL's tinyint(1), whose numbers above 1 its drivers call true.
                case Types.BIT, Types.BOOLEAN -> dialect == Dialect.MYSQL ? Integer.class : null;
                case Types.TIMESTAMP ->
                    name(described, column).equals("timestamptz") ? OffsetDateTime.class : LocalDateTime.class;
                case Types.TIMESTAMP_WITH_TIMEZONE -> OffsetDateTime.class;
                case Types.DATE -> LocalDate.class;
                case Types.TIME -> timeOfDay(dialect, described, column);
                default -> null;
            };
        }

        /** MySQL's goes below zero and beyond a day. The order of PostgreSQL's timetz is none of what its driver gives. */
        private static Class<?> timeOfDay(Dialect dialect, ResultSetMetaData described, int column)
                throws SQLException {
            if (dialect == Dialect.MYSQL) return String.class;
            if (!name(described, column).equals("timetz")) return LocalTime.class;
            throw new IllegalStateException(KeyValues.unsupported(described.getColumnLabel(column), OffsetTime.class));
        }

        private static void requireComparable(ResultSetMetaData described, int column) throws SQLException {
            String name = name(described, column);
            boolean isBits = name.startsWith("bit") && described.getPrecision(column) > 1;
            if (isBits || name.startsWith("float") || name.startsWith("year")) {
                throw new IllegalStateException("column " + described.getColumnLabel(column) + " is a " + name
                        + ", which this database does not compare with the value that it gives; sort by a cast of it, named in a"
                        + " subselect: to double, or to unsigned");
            }
        }

        /** PostgreSQL's driver asks the server for it, once a connection and column: not to be called without need. */
        private static String name(ResultSetMetaData described, int column) throws SQLException {
            return described.getColumnTypeName(column).toLowerCase(Locale.ROOT);
        }

        List<@Nullable Object> read() throws SQLException {
            List<@Nullable Object> key = new ArrayList<>(at.length);
            for (int i = 0; i < at.length; i++) {
                key.add(keyValue(i, value(at[i], types.get(i))));
            }
            return key;
        }

        private @Nullable Object value(int column, @Nullable Class<?> type) throws SQLException {
            if (type == null) return rows.getObject(column);
            return type == String.class ? rows.getString(column) : rows.getObject(column, type);
        }
    }

    @Override
    Keyset with(Settings changed) {
        return new Keyset(columns, labels, changed);
    }

    /** Which types the columns have is known to the database only. */
    @Override
    void check(List<@Nullable Object> key) {}
}
