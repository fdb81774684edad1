package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.tenfold.testkit.CountingDataSource;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a sort over plain JDBC refuses, and what its statements are. */
class KeysetTest {
    private static final byte[] SECRET = "0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.UTF_8);
    private static final String SQL = "select id, a, n from item where {keyset}";

    private final JdbcDataSource database = new JdbcDataSource();
    private final CountingDataSource counted = CountingDataSource.of(database);

    @SuppressWarnings("NullAway.Init")
    private Connection kept;

    @BeforeEach
    void fill() throws SQLException {
        database.setURL("jdbc:h2:mem:keyset-statements");
        kept = database.getConnection();
        try (Statement statement = kept.createStatement()) {
            statement.execute("create table item (id bigint primary key, a int not null, n int)");
            statement.execute("insert into item select x, x / 2, case when x > 4 then x end from system_range(1, 9)");
        }
    }

    @AfterEach
    void close() throws SQLException {
        kept.close();
    }

    private static void refusesColumns(String message, String... columns) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Keyset.columns(columns))
                .withMessageContaining(message);
    }

    @Test
    void a_sort_without_a_unique_last_column_is_refused() {
        refusesColumns("\"id desc\" is the last column", "created not null", "id desc");
        refusesColumns("say so: \"id unique\"", "created not null");
        refusesColumns("make it the last one", "id unique", "created desc unique");
        refusesColumns("needs columns");
    }

    @Test
    void a_sort_that_says_nothing_of_nulls_is_refused() {
        refusesColumns("\"created desc\" says nothing of nulls", "created desc", "id unique");
    }

    @Test
    void what_is_no_column_is_refused() {
        for (String text :
                List.of("", "lower(a) desc unique", "id unique; drop table item", "id, a", "1 unique", "id up")) {
            refusesColumns("is no column of a sort", text);
        }
        refusesColumns("there twice", "a not null", "a desc not null", "id unique");
    }

    @Test
    void columns_are_read_however_they_are_written() {
        Keyset keyset =
                Keyset.columns("p.created DESC  Not Null", "\"odd \"\"name\"\"\" nulls  last", "`k`.`id` unique");

        assertThat(keyset.sort()).isEqualTo("p.created desc, \"odd \"\"name\"\"\" asc nulls last, `k`.`id` asc");
    }

    @Test
    void who_signs_has_to_be_said() {
        Keyset keyset = Keyset.columns("id unique");

        assertThatIllegalStateException()
                .isThrownBy(() -> keyset.after(null))
                .withMessageContaining("signedWith(secret), or unsigned()");
        assertThatIllegalStateException().isThrownBy(() -> keyset.fetch(counted, SQL, row -> 1));
        assertThat(counted.connections()).isZero();
    }

    @Test
    void a_page_has_a_largest_size() {
        Keyset keyset = Keyset.columns("id unique").maxLimit(50);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> keyset.limit(51))
                .withMessageContaining("limit 51 must be from 1 to 50");
        assertThatIllegalArgumentException().isThrownBy(() -> keyset.limit(0));
        assertThatIllegalArgumentException().isThrownBy(() -> keyset.maxLimit(0));
        assertThatIllegalArgumentException().isThrownBy(() -> keyset.maxLimit(Integer.MAX_VALUE));
        assertThat(keyset.limit(50).maxLimit(10).settings.limit()).isEqualTo(10);
    }

    @Test
    void a_statement_with_a_parameter_after_the_place_is_refused_before_it_is_sent() {
        Keyset keyset = Keyset.columns("id unique").unsigned();

        for (String sql :
                List.of("select id from item", "select id from item where {keyset} and {keyset}", SQL + " and a = ?")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> keyset.fetch(counted, sql, row -> 1, 1))
                    .withMessageContaining("{keyset}")
                    .withMessageContaining(sql);
        }
        assertThat(counted.connections()).isZero();
    }

    private Page<Long> read(Keyset keyset) throws SQLException {
        return keyset.fetch(counted, SQL, row -> row.getLong("id"));
    }

    @Test
    void a_cursor_of_another_sort_name_or_direction_is_refused() throws SQLException {
        Keyset byA =
                Keyset.columns("a not null", "id unique").signedWith(SECRET).limit(2);
        String cursor = read(byA).next().orElseThrow();

        for (Keyset other : List.of(
                Keyset.columns("a desc not null", "id unique").signedWith(SECRET),
                Keyset.columns("a nulls last", "id unique").signedWith(SECRET),
                Keyset.columns("id unique").signedWith(SECRET),
                byA.named("tenant 7"))) {
            assertThatExceptionOfType(InvalidCursorException.class)
                    .isThrownBy(() -> other.after(cursor))
                    .withMessageContaining("another sort");
        }
        assertThat(read(byA.after(cursor)).items()).containsExactly(3L, 4L);
    }

    @Test
    void a_forged_null_is_refused() {
        Keyset keyset = Keyset.columns("id unique").unsigned();
        List<@Nullable Object> key = new ArrayList<>();
        key.add(null);
        String forged = Cursors.unsigned().write("id asc", new Position(key, false));

        assertThatExceptionOfType(InvalidCursorException.class)
                .isThrownBy(() -> keyset.after(forged))
                .withMessageContaining("no value for column id");
    }

    @Test
    void an_empty_cursor_is_the_first_or_the_last_page() throws SQLException {
        Keyset keyset = Keyset.columns("id unique").signedWith(SECRET).limit(2);

        assertThat(read(keyset.after("")).items()).containsExactly(1L, 2L);
        assertThat(read(keyset.before("")).items()).containsExactly(8L, 9L);
        assertThat(read(keyset.before(null)).items()).containsExactly(8L, 9L);
    }

    @Test
    void a_page_takes_one_statement_and_two_where_values_and_nulls_meet() throws SQLException {
        Keyset keyset =
                Keyset.columns("n nulls last", "id unique").signedWith(SECRET).limit(3);

        Page<Long> values = read(keyset);
        assertThat(values.items()).containsExactly(5L, 6L, 7L);
        assertThat(counted.statements()).isEqualTo(1);
        counted.reset();
        Page<Long> both = read(keyset.after(values.next().orElseThrow()));
        assertThat(both.items()).containsExactly(8L, 9L, 1L);
        assertThat(counted.statements()).isEqualTo(2);
        assertThat(counted.connections()).isEqualTo(1);
        counted.reset();
        Page<Long> nulls = read(keyset.after(both.next().orElseThrow()));
        assertThat(nulls.items()).containsExactly(2L, 3L, 4L);
        assertThat(counted.statements()).isEqualTo(1);
    }

    @Test
    void a_failing_statement_gives_its_connection_back_and_reaches_the_caller() {
        Keyset keyset = Keyset.columns("nothing not null", "id unique").signedWith(SECRET);

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> keyset.fetch(counted, SQL, row -> 1))
                .withMessageContaining("NOTHING");
    }

    @Test
    void a_page_maps_to_other_items_with_the_same_cursors() {
        Page<Integer> page = new Page<>(List.of(1, 2), Optional.of("n"), Optional.empty());

        assertThat(page.map(i -> "item " + i))
                .isEqualTo(new Page<>(List.of("item 1", "item 2"), Optional.of("n"), Optional.empty()));
    }

    private static List<String> parts(Dialect dialect, Keyset keyset, @Nullable Object... key) {
        return Seek.parts(dialect, keyset.columns, new Position(Arrays.asList(key), false));
    }

    @Test
    void conditions_have_the_form_that_reads_a_range_of_the_index() {
        Keyset oneWay = Keyset.columns("a desc not null", "id desc unique");
        Keyset mixed = Keyset.columns("a desc not null", "id unique");
        Keyset nullable = Keyset.columns("a desc nulls last", "id desc unique");

        assertThat(parts(Dialect.POSTGRES, oneWay, 1, 2)).containsExactly("({0}, {1}) < ({2}, {3})");
        assertThat(parts(Dialect.MYSQL, oneWay, 1, 2))
                .containsExactly("({0} <= {2} and ({0} < {2} or ({0} = {2} and {1} < {3})))");
        assertThat(parts(Dialect.POSTGRES, mixed, 1, 2))
                .containsExactly("({0} <= {2} and ({0} < {2} or ({0} = {2} and {1} > {3})))");
        assertThat(parts(Dialect.POSTGRES, nullable, 1, 2)).containsExactly("({0}, {1}) < ({2}, {3})", "{0} is null");
        assertThat(parts(Dialect.POSTGRES, nullable, null, 2)).containsExactly("({0} is null and {1} < {3})");
    }
}
