package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jooq.Catalog;
import org.jooq.DSLContext;
import org.jooq.DataType;
import org.jooq.EnumType;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.Schema;
import org.jooq.SortField;
import org.jooq.TableField;
import org.jooq.UniqueKey;
import org.jooq.impl.DSL;
import org.jooq.impl.EnumConverter;
import org.jooq.impl.Internal;
import org.jooq.impl.SQLDataType;
import org.jooq.impl.TableImpl;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What is particular to sorts by jOOQ's fields; the contract tests what they share with plain JDBC. */
class JooqKeysetTest {
    private static final byte[] SECRET = "0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.UTF_8);
    private static final CountingDataSource DATABASE = CountingDataSource.of(
            PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase()));
    private static final DSLContext DSL_CONTEXT = DSL.using(DATABASE, SQLDialect.POSTGRES);

    /** A table as generated code has it. */
    private static final class Post extends TableImpl<Record> {
        private static final long serialVersionUID = 1L;

        final TableField<Record, Long> id = createField(DSL.name("id"), SQLDataType.BIGINT.notNull(), this);
        final TableField<Record, Integer> shop = createField(DSL.name("shop"), SQLDataType.INTEGER.notNull(), this);
        final TableField<Record, Integer> number = createField(DSL.name("number"), SQLDataType.INTEGER.notNull(), this);
        final TableField<Record, String> slug = createField(DSL.name("slug"), SQLDataType.VARCHAR, this);
        final TableField<Record, LocalDateTime> created =
                createField(DSL.name("created"), SQLDataType.LOCALDATETIME(6).notNull(), this);

        Post() {
            super(DSL.name("post"));
        }

        private Post(Post aliased, String alias) {
            super(DSL.name(alias), null, aliased);
        }

        Post aliased(String alias) {
            return new Post(this, alias);
        }

        @Override
        public UniqueKey<Record> getPrimaryKey() {
            return Internal.createUniqueKey(this, DSL.name("post_pkey"), id);
        }

        @Override
        public List<UniqueKey<Record>> getUniqueKeys() {
            return List.of(
                    Internal.createUniqueKey(this, DSL.name("post_number"), shop, number),
                    Internal.createUniqueKey(this, DSL.name("post_slug"), slug));
        }
    }

    private static final Post POST = new Post();

    private static void refuses(String message, SortField<?>... sort) {
        assertThatIllegalArgumentException().isThrownBy(() -> Keyset.by(sort)).withMessageContaining(message);
    }

    @Test
    void a_sort_with_a_unique_key_of_its_table_is_accepted() {
        assertThat(Keyset.by(POST.created.desc(), POST.id.desc()).columns).hasSize(2);
        assertThat(Keyset.by(POST.number.asc(), POST.created.desc(), POST.shop.asc()).columns)
                .hasSize(3);
        Post p = POST.aliased("p");
        assertThat(Keyset.by(p.created.desc(), p.id.desc()).columns).hasSize(2);
    }

    @Test
    void a_sort_without_one_is_refused_with_the_keys_there_are() {
        refuses("none of the unique keys [[\"post\".\"id\"]", POST.created.desc());
        refuses("none of the unique keys", POST.created.desc(), POST.number.asc());
        refuses("none of the unique keys", POST.slug.asc().nullsLast());
        refuses("use Keyset.byUnique", POST.created.desc());
        refuses(
                "no unique key is known",
                DSL.field(DSL.name("id"), SQLDataType.BIGINT.notNull()).asc());
        refuses("needs fields");
    }

    @Test
    void a_field_that_may_be_null_says_where_its_nulls_go() {
        refuses("\"post\".\"slug\" may be null by its type", POST.slug.asc(), POST.id.asc());

        assertThat(Keyset.by(POST.slug.desc().nullsLast(), POST.id.asc()).sort())
                .isEqualTo("\"post\".\"slug\" desc nulls last, \"post\".\"id\" asc");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Keyset.byUnique(POST.slug.asc().nullsFirst()))
                .withMessageContaining("leave out nullsFirst()");
    }

    @Test
    void a_type_that_no_cursor_carries_is_refused_at_once() {
        Field<JSONB> json = DSL.field(DSL.name("json"), SQLDataType.JSONB.notNull());

        assertThatIllegalArgumentException()
                .isThrownBy(() -> Keyset.byUnique(json.asc(), POST.id.asc()))
                .withMessageContaining("org.jooq.JSONB, which a cursor cannot carry");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Keyset.byUnique(
                        DSL.field(DSL.name("t"), SQLDataType.LOCALTIME.notNull())
                                .asc(),
                        POST.id.asc()))
                .withMessageContaining("without its fractions");
        refuses("is there twice", POST.id.asc(), POST.id.desc());
    }

    @Test
    void a_query_that_cannot_be_paged_is_refused_before_it_is_sent() throws SQLException {
        create(
                "create table post (id bigint primary key, created timestamp not null)",
                "insert into post values (1, now())");
        JooqKeyset keyset = Keyset.by(POST.created.desc(), POST.id.desc()).signedWith(SECRET);
        var used = DSL_CONTEXT.select(POST.id, POST.created).from(POST);
        assertThat(keyset.fetch(used).items()).hasSize(1);
        DATABASE.reset();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> keyset.fetch(used))
                .withMessageContaining("make a new one for each page");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> keyset.fetch(DSL_CONTEXT.select(POST.id).from(POST)))
                .withMessageContaining("does not select \"post\".\"created\"");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> keyset.fetch(DSL.select(POST.id, POST.created).from(POST)))
                .withMessageContaining("knows no database");
        assertThatIllegalStateException()
                .isThrownBy(() -> Keyset.by(POST.id.asc())
                        .fetch(DSL_CONTEXT.select(POST.id).from(POST)))
                .withMessageContaining("signedWith(secret)");
        assertThat(DATABASE.connections()).isZero();
    }

    @Test
    void a_float_is_refused_on_mariadb_which_does_not_compare_it_with_what_it_gives() {
        Field<Float> score = DSL.field(DSL.name("score"), SQLDataType.REAL.notNull());
        JooqKeyset keyset = Keyset.byUnique(score.asc(), POST.id.asc()).signedWith(SECRET);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> keyset.fetch(
                        DSL.using(SQLDialect.MARIADB).select(score, POST.id).from(POST)))
                .withMessageContaining("cast(SQLDataType.DOUBLE)");
    }

    @Test
    void an_enum_is_refused_on_mariadb_which_sorts_it_by_number_and_compares_it_by_text() {
        Field<Mood> mood = DSL.field(
                DSL.name("mood"), SQLDataType.VARCHAR.asEnumDataType(Mood.class).notNull());
        JooqKeyset keyset = Keyset.byUnique(mood.asc(), POST.id.asc()).signedWith(SECRET);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> keyset.fetch(
                        DSL.using(SQLDialect.MARIADB).select(mood, POST.id).from(POST)))
                .withMessageContaining("cast(SQLDataType.INTEGER)");
    }

    @Test
    void a_forged_value_of_another_type_is_refused_before_it_reaches_sql() {
        JooqKeyset keyset = Keyset.by(POST.id.asc()).unsigned();
        Field<Mood> mood = DSL.field(
                DSL.name("mood"), SQLDataType.VARCHAR.asEnumDataType(Mood.class).notNull());
        JooqKeyset byMood = Keyset.byUnique(mood.asc()).unsigned();

        assertThatExceptionOfType(InvalidCursorException.class)
                .isThrownBy(() -> keyset.after(forged(keyset, "1")))
                .withMessageContaining("\"post\".\"id\"");
        assertThatExceptionOfType(InvalidCursorException.class)
                .isThrownBy(() -> byMood.after(forged(byMood, "furious")))
                .withMessageContaining("mood");
    }

    private static String forged(JooqKeyset keyset, Object value) {
        return Cursors.unsigned().write(keyset.sort(), new Position(List.of(value), false));
    }

    /** As generated code has a type of PostgreSQL. */
    private enum Mood implements EnumType {
        SAD,
        OK,
        HAPPY;

        @Override
        public String getLiteral() {
            return name().toLowerCase(Locale.ROOT);
        }

        @Override
        public String getName() {
            return "mood";
        }

        @Override
        public @Nullable Schema getSchema() {
            return null;
        }

        @Override
        public @Nullable Catalog getCatalog() {
            return null;
        }
    }

    private static void create(String... sql) throws SQLException {
        try (Connection connection = DATABASE.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("drop table if exists post");
            for (String one : sql) statement.execute(one);
        }
    }

    /** Pages of one row through values that each are there twice, both ways. */
    private static <T> void exact(String type, DataType<T> dataType, String... literals) throws SQLException {
        create("create table post (id bigint primary key, v " + type + " not null)");
        long id = 0;
        List<Long> expected = new ArrayList<>();
        try (Connection connection = DATABASE.getConnection();
                Statement statement = connection.createStatement()) {
            for (String literal : literals) {
                for (int twice = 0; twice < 2; twice++) {
                    statement.execute("insert into post values (" + ++id + ", " + literal + ")");
                    expected.add(id);
                }
            }
        }
        Field<T> v = DSL.field(DSL.name("v"), dataType.notNull());
        Field<Long> key = DSL.field(DSL.name("id"), SQLDataType.BIGINT);
        for (SortField<?> last : List.of(key.asc())) {
            JooqKeyset keyset =
                    Keyset.byUnique(v.asc(), last).signedWith(SECRET).limit(1);
            List<Long> seen = new ArrayList<>();
            Optional<String> cursor = Optional.empty();
            do {
                Page<Long> page = keyset.after(cursor.orElse(null))
                        .fetch(DSL_CONTEXT.select(v, key).from(POST), row -> row.get(key));
                seen.addAll(page.items());
                cursor = page.next();
                assertThat(seen).as(type).hasSizeLessThanOrEqualTo(expected.size());
            } while (cursor.isPresent());
            assertThat(seen).as(type).isEqualTo(expected);
        }
    }

    @Test
    void values_of_jooqs_types_keep_their_last_digit() throws SQLException {
        create("drop type if exists mood", "create type mood as enum ('sad', 'ok', 'happy')");
        exact("mood", SQLDataType.VARCHAR.asEnumDataType(Mood.class), "'sad'", "'ok'", "'happy'");
        exact("timestamptz", SQLDataType.INSTANT, "'2026-03-29 02:30:00.000001+05'", "'2026-03-29 02:30:00.000002+05'");
        exact(
                "timestamptz",
                SQLDataType.TIMESTAMPWITHTIMEZONE,
                "'2026-03-29 02:30:00.000001+05'",
                "'2026-03-29 02:30:00.000002+05'");
        exact("timestamp", SQLDataType.LOCALDATETIME, "'2026-03-29 02:30:00.000001'", "'2026-03-29 02:30:00.000002'");
        exact("timestamp", SQLDataType.TIMESTAMP, "'2026-03-29 12:30:00.000001'", "'2026-03-29 12:30:00.000002'");
        exact("date", SQLDataType.LOCALDATE, "'2024-02-29'", "'2024-03-01'");
        exact(
                "uuid",
                SQLDataType.UUID,
                "'00000000-0000-0000-0000-000000000001'",
                "'00000000-0000-0000-0000-000000000002'");
        exact("numeric", SQLDataType.NUMERIC, "1.0000000000000000000001", "1.0000000000000000000002");
        exact("bytea", SQLDataType.VARBINARY, "'\\x00'", "'\\x00ff'");
        exact("real", SQLDataType.REAL, "0.1", "0.3");
        exact("double precision", SQLDataType.DOUBLE, "0.3", "0.30000000000000004");
        exact("smallint", SQLDataType.SMALLINT, "-1", "1");
        exact("bigint", SQLDataType.BIGINTUNSIGNED, "1", "9007199254740993");
        exact("boolean", SQLDataType.BOOLEAN, "false", "true");
        exact(
                "varchar(9)",
                SQLDataType.VARCHAR.asConvertedDataType(new EnumConverter<>(String.class, DayOfWeek.class)),
                "'FRIDAY'",
                "'MONDAY'");
    }

    @Test
    void one_comes_back_from_an_empty_page_to_a_row_whose_last_field_is_null() throws SQLException {
        create(
                "create table post (id bigint primary key, slug text)",
                "insert into post values (1, null), (2, null), (3, null)");
        for (SortField<?> last :
                List.of(POST.slug.asc().nullsLast(), POST.slug.desc().nullsFirst())) {
            JooqKeyset keyset =
                    Keyset.by(POST.id.asc(), last).signedWith(SECRET).limit(2);
            String after2 = slugs(keyset).next().orElseThrow();
            DSL_CONTEXT.execute("delete from post where id = 3");

            Page<Long> empty = slugs(keyset.after(after2));

            assertThat(empty.items()).isEmpty();
            assertThat(slugs(keyset.before(empty.previous().orElseThrow())).items())
                    .containsExactly(1L, 2L);
            DSL_CONTEXT.execute("insert into post values (3, null)");
            assertThat(slugs(keyset.after(after2)).items()).containsExactly(3L);
        }
    }

    @Test
    void a_mapper_may_change_the_record() throws SQLException {
        create("create table post (id bigint primary key)", "insert into post values (1), (2), (3)");
        JooqKeyset keyset = Keyset.by(POST.id.asc()).signedWith(SECRET).limit(2);

        String after2 = changed(keyset).next().orElseThrow();

        assertThat(changed(keyset.after(after2)).items()).containsExactly(3L);
    }

    private static Page<Long> changed(JooqKeyset keyset) {
        return keyset.fetch(DSL_CONTEXT.select(POST.id).from(POST), row -> {
            long id = row.get(POST.id);
            row.set(POST.id, -1L);
            return id;
        });
    }

    private static Page<Long> slugs(JooqKeyset keyset) {
        return keyset.fetch(DSL_CONTEXT.select(POST.id, POST.slug).from(POST), row -> row.get(POST.id));
    }

    @Test
    void a_value_that_loses_digits_is_an_error_and_no_endless_loop() throws SQLException {
        create(
                "create table post (id bigint primary key, v timestamp not null)",
                "insert into post values (1, '2026-01-01 00:00:00.5'), (2, '2026-01-01 00:00:00.6')");
        Field<LocalDateTime> v = DSL.field(
                DSL.name("v"),
                SQLDataType.LOCALDATETIME
                        .notNull()
                        .asConvertedDataType(
                                LocalDateTime.class, time -> time.truncatedTo(ChronoUnit.SECONDS), time -> time));
        Field<Long> id = DSL.field(DSL.name("id"), SQLDataType.BIGINT);
        JooqKeyset keyset =
                Keyset.byUnique(v.asc(), id.asc()).signedWith(SECRET).limit(1);
        String cursor =
                keyset.fetch(DSL_CONTEXT.select(v, id).from(POST)).next().orElseThrow();

        assertThatIllegalStateException()
                .isThrownBy(() ->
                        keyset.after(cursor).fetch(DSL_CONTEXT.select(v, id).from(POST)))
                .withMessageContaining("less digits");
    }

    @Test
    void rows_of_a_table_without_known_columns_are_converted() throws SQLException {
        create(
                "create table post (id bigint primary key, v timestamptz not null)",
                "insert into post values (1, '2026-01-01 00:00:00.000001Z'), (2, '2026-01-01 00:00:00.000002Z')");
        Field<Instant> v = DSL.field(DSL.name("v"), SQLDataType.INSTANT.notNull());
        JooqKeyset keyset = Keyset.byUnique(
                        v.asc(), DSL.field(DSL.name("id"), SQLDataType.BIGINT).asc())
                .signedWith(SECRET)
                .limit(1);

        Page<Record> first = keyset.fetch(DSL_CONTEXT.selectFrom(DSL.table(DSL.name("post"))));
        Page<Record> second =
                keyset.after(first.next().orElseThrow()).fetch(DSL_CONTEXT.selectFrom(DSL.table(DSL.name("post"))));

        assertThat(first.items().get(0).get("id")).isEqualTo(1L);
        assertThat(second.items().get(0).get("id")).isEqualTo(2L);
    }

    @Test
    void a_query_of_two_tables_goes_on_in_each_of_its_pages() throws SQLException {
        create(
                "create table post (id bigint primary key, shop int not null, created timestamp not null)",
                "insert into post select i, i % 3, timestamp '2026-01-01' from generate_series(1, 9) i");
        Post p = POST.aliased("p");
        Post q = POST.aliased("q");
        JooqKeyset keyset =
                Keyset.by(p.shop.desc(), p.id.asc()).signedWith(SECRET).limit(4);

        List<Long> seen = new ArrayList<>();
        Optional<String> cursor = Optional.empty();
        do {
            Page<Long> page = keyset.after(cursor.orElse(null))
                    .fetch(
                            DSL_CONTEXT
                                    .select(p.shop, p.id, q.id)
                                    .from(p)
                                    .join(q)
                                    .on(q.id.eq(p.id))
                                    .where(p.id.gt(1L).or(p.id.lt(0L))),
                            row -> row.value2());
            seen.addAll(page.items());
            cursor = page.next();
        } while (cursor.isPresent());

        assertThat(seen).isEqualTo(Arrays.asList(2L, 5L, 8L, 4L, 7L, 3L, 6L, 9L));
    }
}
