package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import javax.sql.DataSource;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.SortField;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What pages by key promise on every database. */
abstract class KeysetContract {
    static final byte[] SECRET = "0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.UTF_8);
    private static final int ROWS = 150;

    private static final Table<Record> ITEM = DSL.table(DSL.unquotedName("item"));
    private static final Field<Long> ID = DSL.field(DSL.unquotedName("id"), SQLDataType.BIGINT);

    /** A column to sort by. */
    private record Sortable(String name, boolean nullable, Field<?> field) {}

    private static final List<Sortable> SORTABLE = List.of(
            new Sortable("a", true, DSL.field(DSL.unquotedName("a"), SQLDataType.INTEGER)),
            new Sortable("b", false, DSL.field(DSL.unquotedName("b"), SQLDataType.VARCHAR.notNull())),
            new Sortable("c", true, DSL.field(DSL.unquotedName("c"), SQLDataType.VARCHAR)),
            new Sortable(
                    "d",
                    false,
                    DSL.field(
                            DSL.unquotedName("d"), SQLDataType.LOCALDATETIME(6).notNull())),
            new Sortable(
                    "e",
                    false,
                    DSL.field(DSL.unquotedName("e"), SQLDataType.NUMERIC(20, 6).notNull())),
            new Sortable("f", true, DSL.field(DSL.unquotedName("f"), SQLDataType.LOCALDATE)),
            new Sortable("g", false, DSL.field(DSL.unquotedName("g"), SQLDataType.BOOLEAN.notNull())));

    private final DataSource database = database();
    /** One a class: a connection takes some milliseconds to make. */
    @SuppressWarnings("NullAway.Init")
    Connection connection;

    /** A database of the class's own, empty. */
    abstract DataSource database();

    abstract SQLDialect dialect();

    /** The type of a time with microseconds. */
    String timestamp() {
        return "timestamp(6)";
    }

    @BeforeEach
    void open() throws SQLException {
        connection = database.getConnection();
        run("drop table if exists item");
    }

    @AfterEach
    void close() throws SQLException {
        connection.close();
    }

    final void run(String... sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String one : sql) statement.execute(one);
        }
    }

    private void fill(Random random) throws SQLException {
        run("create table item (id bigint primary key, a int, b varchar(20) not null, c varchar(20), d " + timestamp()
                + " not null, e numeric(20, 6) not null, f date, g boolean not null)");
        List<Long> ids = new ArrayList<>();
        for (long id = 1; id <= ROWS; id++) ids.add(id);
        Collections.shuffle(ids, random);
        LocalDateTime start = LocalDateTime.of(2026, 3, 29, 1, 59, 59, 999_998_000);
        try (PreparedStatement insert =
                connection.prepareStatement("insert into item values (?, ?, ?, ?, ?, ?, ?, ?)")) {
            for (long id : ids) {
                insert.setLong(1, id);
                insert.setObject(2, random.nextInt(4) == 0 ? null : random.nextInt(3) - 1);
                insert.setString(
                        3, List.of("", "a", "A", "ä", "it's {0} ?", "z").get(random.nextInt(6)));
                insert.setString(4, random.nextInt(3) == 0 ? null : "c" + random.nextInt(3));
                insert.setObject(5, start.plusNanos(random.nextInt(4) * 1_000L));
                insert.setBigDecimal(6, BigDecimal.valueOf(random.nextInt(5) - 2, 6));
                insert.setObject(7, random.nextInt(4) == 0 ? null : LocalDate.of(2024, 2, 28 + random.nextInt(2)));
                insert.setBoolean(8, random.nextBoolean());
                insert.addBatch();
            }
            insert.executeBatch();
        }
    }

    /** A random sort in its three forms. */
    private record Sort(List<String> columns, List<SortField<?>> fields, String oracle) {
        static Sort random(Random random) {
            List<Sortable> chosen = new ArrayList<>(SORTABLE);
            Collections.shuffle(chosen, random);
            List<String> columns = new ArrayList<>();
            List<SortField<?>> fields = new ArrayList<>();
            List<String> oracle = new ArrayList<>();
            boolean oneWay = random.nextBoolean();
            boolean descending = random.nextBoolean();
            for (Sortable one : chosen.subList(0, random.nextInt(4))) {
                if (!oneWay) descending = random.nextBoolean();
                boolean first = random.nextBoolean();
                String plain = one.name + (descending ? " desc" : " asc");
                SortField<?> field = descending ? one.field.desc() : one.field.asc();
                if (one.nullable) {
                    columns.add(plain + (first ? " nulls first" : " nulls last"));
                    fields.add(first ? field.nullsFirst() : field.nullsLast());
                    oracle.add("case when " + one.name + " is null then 0 else 1 end" + (first ? "" : " desc"));
                } else {
                    columns.add(plain + " not null");
                    fields.add(field);
                }
                oracle.add(plain);
            }
            if (!oneWay) descending = random.nextBoolean();
            columns.add("id" + (descending ? " desc unique" : " unique"));
            fields.add(descending ? ID.desc() : ID.asc());
            oracle.add("id" + (descending ? " desc" : ""));
            return new Sort(columns, fields, String.join(", ", oracle));
        }
    }

    /** Reads a page: forward after a cursor, or back before one. */
    private interface Pages {
        Page<Long> read(boolean backwards, Optional<String> cursor, int limit) throws SQLException;
    }

    private Pages overJdbc(Sort sort) {
        Keyset keyset = Keyset.columns(sort.columns.toArray(String[]::new)).signedWith(SECRET);
        return (backwards, cursor, limit) -> {
            Keyset at = backwards ? keyset.before(cursor.orElse(null)) : keyset.after(cursor.orElse(null));
            return at.limit(limit)
                    .fetch(connection, "select * from item where id <> ? and {keyset}", row -> row.getLong("id"), -1L);
        };
    }

    private Pages overJooq(Sort sort) {
        JooqKeyset keyset =
                Keyset.byUnique(sort.fields.toArray(SortField<?>[]::new)).signedWith(SECRET);
        DSLContext dsl = DSL.using(connection, dialect());
        List<Field<?>> fields = new ArrayList<>(List.of(ID));
        for (Sortable one : SORTABLE) fields.add(one.field);
        return (backwards, cursor, limit) -> {
            JooqKeyset at = backwards ? keyset.before(cursor.orElse(null)) : keyset.after(cursor.orElse(null));
            return at.limit(limit).fetch(dsl.select(fields).from(ITEM).where(ID.ne(-1L)), row -> row.get(ID));
        };
    }

    private List<Long> ordered(String order) throws SQLException {
        List<Long> ids = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select id from item order by " + order)) {
            while (rows.next()) ids.add(rows.getLong(1));
        }
        return ids;
    }

    private static void compare(String what, Pages pages, List<Long> expected, int limit) throws SQLException {
        List<Long> forward = new ArrayList<>();
        Page<Long> page = pages.read(false, Optional.empty(), limit);
        assertThat(page.hasPrevious()).as(what).isFalse();
        forward.addAll(page.items());
        while (page.hasNext()) {
            assertThat(page.items()).as(what).hasSize(limit);
            Page<Long> next = pages.read(false, page.next(), limit);
            Page<Long> again = pages.read(true, next.previous(), limit);
            assertThat(again.items()).as("%s, back by one", what).isEqualTo(page.items());
            assertThat(again.hasPrevious()).as(what).isEqualTo(page.hasPrevious());
            page = next;
            forward.addAll(page.items());
            assertThat(forward).as(what).hasSizeLessThanOrEqualTo(expected.size());
        }
        assertThat(forward).as("%s, forward", what).isEqualTo(expected);

        List<Long> back = new ArrayList<>();
        page = pages.read(true, Optional.empty(), limit);
        assertThat(page.hasNext()).as(what).isFalse();
        back.addAll(0, page.items());
        while (page.hasPrevious()) {
            page = pages.read(true, page.previous(), limit);
            back.addAll(0, page.items());
            assertThat(back).as(what).hasSizeLessThanOrEqualTo(expected.size());
        }
        assertThat(back).as("%s, backwards", what).isEqualTo(expected);
    }

    @Test
    void pages_of_random_sorts_are_the_whole_ordered_read() throws SQLException {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        fill(random);
        for (int round = 0; round < 12; round++) {
            Sort sort = Sort.random(random);
            int limit = 7 + random.nextInt(40);
            String what = "seed " + seed + ", limit " + limit + ", " + String.join(", ", sort.columns);
            List<Long> expected = ordered(sort.oracle);
            compare("jdbc, " + what, overJdbc(sort), expected, limit);
            compare("jooq, " + what, overJooq(sort), expected, limit);
        }
    }

    /** Where values and nulls meet within a page, at its end, and beyond it. */
    @Test
    void small_pages_of_few_rows_are_the_whole_ordered_read() throws SQLException {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        fill(random);
        for (int rows = 9; rows >= 0; rows--) {
            run("delete from item where id > " + rows);
            Sort sort = Sort.random(random);
            List<Long> expected = ordered(sort.oracle);
            for (int limit = 1; limit <= 4; limit++) {
                String what = "seed " + seed + ", rows " + rows + ", limit " + limit + ", " + sort.columns;
                compare("jdbc, " + what, overJdbc(sort), expected, limit);
                compare("jooq, " + what, overJooq(sort), expected, limit);
            }
        }
    }

    @Test
    void a_page_as_large_as_the_rest_is_the_last_one() throws SQLException {
        run("create table item (id bigint primary key)", "insert into item values (1), (2), (3), (4)");
        Keyset keyset = Keyset.columns("id unique").signedWith(SECRET).limit(2);

        Page<Long> first = ids(keyset);
        Page<Long> second = ids(keyset.after(first.next().orElseThrow()));

        assertThat(first.items()).containsExactly(1L, 2L);
        assertThat(second.items()).containsExactly(3L, 4L);
        assertThat(second.hasNext()).isFalse();
    }

    @Test
    void nothing_is_an_empty_page_without_cursors() throws SQLException {
        run("create table item (id bigint primary key)");

        assertThat(ids(Keyset.columns("id unique").signedWith(SECRET)))
                .isEqualTo(new Page<>(List.of(), Optional.empty(), Optional.empty()));
    }

    @Test
    void from_an_empty_page_one_comes_back_to_the_row_that_the_cursor_was_of() throws SQLException {
        run("create table item (id bigint primary key)", "insert into item values (1), (2), (3), (4)");
        Keyset keyset = Keyset.columns("id unique").signedWith(SECRET).limit(2);
        String after2 = ids(keyset).next().orElseThrow();
        String before3 = ids(keyset.after(after2)).previous().orElseThrow();

        run("delete from item where id > 2");
        Page<Long> empty = ids(keyset.after(after2));
        assertThat(empty.items()).isEmpty();
        assertThat(empty.hasNext()).isFalse();
        assertThat(ids(keyset.before(empty.previous().orElseThrow())).items()).containsExactly(1L, 2L);

        run("insert into item values (3)", "delete from item where id < 3");
        Page<Long> emptyBefore = ids(keyset.before(before3));
        assertThat(emptyBefore.items()).isEmpty();
        assertThat(emptyBefore.hasPrevious()).isFalse();
        assertThat(ids(keyset.after(emptyBefore.next().orElseThrow())).items()).containsExactly(3L);
    }

    private Page<Long> ids(Keyset keyset) throws SQLException {
        return keyset.fetch(connection, "select id from item where {keyset}", row -> row.getLong(1));
    }

    @Test
    void a_null_where_none_was_declared_is_refused_not_lost() throws SQLException {
        run("create table item (id bigint primary key, a int)", "insert into item values (1, null), (2, 1), (3, 2)");
        Keyset keyset =
                Keyset.columns("a not null", "id unique").signedWith(SECRET).limit(5);

        assertThatThrownBy(() -> keyset.fetch(connection, "select id, a from item where {keyset}", row -> 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("column a is null in a row")
                .hasMessageContaining("nulls first, or nulls last");
    }

    @Test
    void a_column_that_is_not_selected_is_named() throws SQLException {
        run("create table item (id bigint primary key, a int not null)");
        Keyset keyset = Keyset.columns("a not null", "id unique").signedWith(SECRET);

        assertThatThrownBy(() -> keyset.fetch(connection, "select id from item where {keyset}", row -> 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("does not select a,");
    }

    @Test
    void a_column_whose_name_another_one_has_too_is_refused_not_mistaken() throws SQLException {
        run("create table item (id bigint primary key, a bigint)", "insert into item values (1, 2), (2, 1)");
        Keyset keyset = Keyset.columns("i.id unique").signedWith(SECRET).limit(1);

        assertThatThrownBy(
                        () -> keyset.fetch(connection, "select i.a as id, i.id from item i where {keyset}", row -> 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("two columns named id");
    }

    /** Sorts by a column of the type, whose values differ as little as the type can, each twice. */
    final void exact(String type, String... literals) throws SQLException {
        run("drop table if exists item", "create table item (id bigint primary key, v " + type + ")");
        long id = 0;
        for (String literal : literals) {
            run("insert into item values (" + ++id + ", " + literal + ")");
            run("insert into item values (" + ++id + ", " + literal + ")");
        }
        run("insert into item values (" + ++id + ", null)");
        for (String direction : List.of("asc", "desc")) {
            List<Long> expected =
                    ordered("case when v is null then 1 else 0 end, v " + direction + ", id " + direction);
            Keyset keyset = Keyset.columns("v " + direction + " nulls last", "id " + direction + " unique")
                    .signedWith(SECRET);
            compare(
                    type + " " + direction,
                    (backwards, cursor, limit) -> (backwards
                                    ? keyset.before(cursor.orElse(null))
                                    : keyset.after(cursor.orElse(null)))
                            .limit(limit)
                            .fetch(connection, "select id, v from item where {keyset}", row -> row.getLong(1)),
                    expected,
                    1);
        }
    }

    @Test
    void values_of_common_types_keep_their_last_digit() throws SQLException {
        exact("bigint", "-9223372036854775807", "9007199254740992", "9007199254740993", "9223372036854775807");
        exact("int", "-2147483648", "0", "2147483647");
        exact("smallint", "-32768", "32767");
        exact("numeric(38, 10)", "0.0000000001", "1234567890123456789012345678.0123456789", "-1");
        exact("double precision", "0.1", "0.30000000000000004", "0.3", "1e300", "-1e-300");
        exact("varchar(40)", "''", "'a'", "'b?'", "'it''s'", "'{0}'", "'\u00e4\u00f6'");
        exact("char(5)", "'a'", "'b'");
        exact("date", "'0100-01-01'", "'2024-02-29'", "'2024-03-01'");
        exact("time", "'00:00:00'", "'02:30:00'", "'23:59:59'");
        exact(
                timestamp(),
                "'2026-03-29 02:30:00.000001'", // skipped by the clocks of Central Europe
                "'2026-03-29 02:30:00.000002'",
                "'2026-10-25 02:30:00.999999'", // there twice
                "'1890-01-01 00:00:00'");
        exact("boolean", "false", "true");
    }
}
