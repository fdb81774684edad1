package dev.tenfold.query.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.StatementStats;
import dev.tenfold.query.index.IndexAdvice.Kind;
import dev.tenfold.testkit.PostgresServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Duplicates, unused and invalid indexes on PostgreSQL, and how the check treats the database. */
class PostgresIndexesTest {
    private static final PostgresServer SERVER = PostgresServer.shared();

    private final DataSource database = SERVER.dataSource(SERVER.createDatabase());

    @SuppressWarnings("NullAway.Init")
    private Connection connection;

    @BeforeEach
    void open() throws SQLException {
        connection = database.getConnection();
    }

    @AfterEach
    void close() throws SQLException {
        connection.close();
    }

    private void run(String... sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String one : sql) statement.execute(one);
        }
    }

    private String ask(String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            assertThat(rows.next()).isTrue();
            return rows.getString(1);
        }
    }

    private IndexCheck check() {
        return IndexCheck.of(database);
    }

    private List<String> found(Kind kind, IndexCheck check) {
        return check.report().advice().stream()
                .filter(one -> one.kind() == kind)
                .map(IndexAdvice::subject)
                .toList();
    }

    private List<String> duplicates() {
        return found(Kind.DUPLICATE_INDEX, check());
    }

    // ---- duplicates -------------------------------------------------------------------------------------------------

    @Test
    void of_two_equal_indexes_one_goes() throws SQLException {
        run("create table t (a int, b int)", "create index t_1 on t (a, b)", "create index t_2 on t (a, b)");
        assertThat(duplicates()).containsExactly("t_2");
    }

    @Test
    void a_prefix_of_another_index_goes() throws SQLException {
        run("create table t (a int, b int)", "create index t_ab on t (a, b)", "create index t_a on t (a)");
        assertThat(duplicates()).containsExactly("t_a");
    }

    @Test
    void of_a_chain_of_prefixes_the_longest_stays() throws SQLException {
        run("create table t (a int, b int, c int)", "create index t_a on t (a)", "create index t_ab on t (a, b)");
        run("create index t_abc on t (a, b, c)", "create index t_abc2 on t (a, b, c)");
        assertThat(duplicates()).containsExactlyInAnyOrder("t_a", "t_ab", "t_abc2");
    }

    @Test
    void a_prefix_of_the_primary_key_goes_and_the_key_stays() throws SQLException {
        run("create table t (a int, b int, primary key (a, b))", "create index t_a on t (a)");
        run("create unique index t_ab on t (a, b)");
        assertThat(duplicates()).containsExactlyInAnyOrder("t_a", "t_ab");
    }

    @Test
    void a_unique_prefix_stays() throws SQLException {
        run("create table t (a int, b int)", "create index t_ab on t (a, b)", "create unique index t_a on t (a)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void of_two_equal_indexes_the_unique_one_stays() throws SQLException {
        run("create table t (a int)", "create unique index t_2 on t (a)", "create index t_1 on t (a)");
        assertThat(duplicates()).containsExactly("t_1");
    }

    @Test
    void a_unique_constraint_equal_to_the_primary_key_goes_as_a_constraint() throws SQLException {
        run("create table t (a int primary key)", "alter table t add constraint t_again unique (a)");
        IndexReport report = check().report();
        assertThat(report.advice())
                .extracting(IndexAdvice::ddl)
                .containsExactly("alter table t drop constraint t_again");
    }

    @Test
    void a_unique_constraint_that_a_foreign_key_refers_to_stays() throws SQLException {
        run("create table t (a int, constraint t_again unique (a))");
        run("create table child (a int primary key references t (a))", "alter table t add primary key (a)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void a_constraint_is_not_given_up_for_an_index() throws SQLException {
        run("create table t (a int, b int, constraint t_key unique (a))");
        run("create unique index t_a on t (a) include (b)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void uniqueness_of_another_kind_stays() throws SQLException {
        run("create table t (a int, constraint t_late unique (a) deferrable)", "create unique index t_now on t (a)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void the_index_that_tells_rows_apart_for_replication_stays() throws SQLException {
        run("create table t (a int not null)", "create unique index t_1 on t (a)", "create unique index t_2 on t (a)");
        run("alter table t replica identity using index t_2");
        assertThat(duplicates()).containsExactly("t_1");
    }

    @Test
    void indexes_that_differ_in_order_class_collation_or_predicate_stay() throws SQLException {
        run("create table t (a text, b int)", "create index on t (a)", "create index on t (a desc, b)");
        run("create index on t (a text_pattern_ops, b)", "create index on t (a collate \"C\", b)");
        run("create index on t (a, b) where b > 0", "create index on t using hash (a)", "create index on t (b)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void equal_partial_and_expression_indexes_are_found() throws SQLException {
        run("create table t (a text, b int)");
        run("create index p_1 on t (a) where b > 0", "create index p_2 on t (a) where b > 0");
        run(
                "create index e_1 on t (lower(a))",
                "create index e_2 on t (lower(a), b)",
                "create index e_3 on t (upper(a))");
        assertThat(duplicates()).containsExactlyInAnyOrder("p_2", "e_1");
    }

    @Test
    void included_columns_have_to_be_in_the_other_index() throws SQLException {
        run("create table t (a int, b int, c int)", "create index t_1 on t (a) include (c)");
        run("create index t_2 on t (a, b)", "create index t_3 on t (a) include (b)");
        assertThat(duplicates()).containsExactly("t_3");
    }

    @Test
    void a_prefix_of_a_hash_gin_or_brin_index_is_none() throws SQLException {
        run(
                "create table t (a int[], b int[], c int, d int)",
                "create index on t using gin (a)",
                "create index on t using gin (a, b)");
        run("create index on t using brin (c)", "create index on t using brin (c, d)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void an_index_of_a_partition_goes_with_its_parents() throws SQLException {
        run("create table t (a int, b int) partition by range (a)");
        run("create table t_1 partition of t for values from (0) to (10)");
        run("create index t_a on t (a)", "create index t_ab on t (a, b)");
        IndexReport report = check().report();
        assertThat(report.advice()).extracting(IndexAdvice::ddl).containsExactly("drop index t_a");
    }

    @Test
    void an_invalid_index_is_found_and_covers_none() throws SQLException {
        run("create table t (a int)", "create index t_1 on t (a)", "create index t_2 on t (a)");
        run("update pg_index set indisvalid = false where indexrelid = 't_1'::regclass");
        IndexReport report = check().report();
        assertThat(report.advice()).extracting(IndexAdvice::kind).containsExactly(Kind.INVALID_INDEX);
        assertThat(report.advice()).extracting(IndexAdvice::ddl).containsExactly("drop index concurrently t_1");
    }

    @Test
    void what_is_proposed_can_be_run_until_nothing_is_left() throws SQLException {
        run("create table \"T.\"\"1\" (\"A b\" int, b int)", "create schema other", "create table other.u (a int)");
        run(
                "create index \"I.\"\"1\" on \"T.\"\"1\" (\"A b\")",
                "create index \"I.\"\"2\" on \"T.\"\"1\" (\"A b\", b)");
        run("create index on other.u (a)", "create index on other.u (a)", "create table v (a int primary key)");
        run("alter table v add unique (a)");
        IndexReport report = check().report();
        assertThat(report.advice()).hasSize(3);
        for (IndexAdvice advice : report.advice()) run(String.valueOf(advice.ddl()));
        check().report().assertClean();
    }

    // ---- unused -----------------------------------------------------------------------------------------------------

    private void orders() throws SQLException {
        run("create table customers (id int primary key)");
        run("create table orders (id int primary key, customer_id int references customers, state int, total int,"
                + " at int unique, name text)");
        run("create index orders_customer on orders (customer_id)", "create index orders_state on orders (state)");
        run("create index orders_total on orders (total)", "create index orders_name on orders (lower(name))");
        run("insert into customers select generate_series(1, 100)");
        run("insert into orders select g, g % 100 + 1, g, g, g, 'n' || g from generate_series(1, 1000) g", "analyze");
        read("orders", "state");
    }

    private void read(String table, String column) throws SQLException {
        run("set enable_seqscan = off", "select count(*) from " + table + " where " + column + " = 7");
        flush();
    }

    private void flush() throws SQLException {
        run("select pg_stat_force_next_flush()", "select 1");
    }

    private IndexCheck now() {
        return check().unusedFor(Duration.ZERO).minRows(500);
    }

    @Test
    void an_index_that_nothing_has_read_is_unused_unless_it_serves_something_else() throws SQLException {
        orders();
        assertThat(found(Kind.UNUSED_INDEX, now())).containsExactly("orders_total");
        run("drop index concurrently orders_total");
        assertThat(now().report().advice()).isEmpty();
    }

    @Test
    void on_a_small_table_none_is_unused() throws SQLException {
        orders();
        assertThat(found(Kind.UNUSED_INDEX, now().minRows(1_001))).isEmpty();
    }

    @Test
    void while_statistics_are_young_none_is_unused_and_a_note_says_so() throws SQLException {
        orders();
        run("select pg_stat_reset()");
        IndexReport report = now().unusedFor(Duration.ofDays(1)).report();
        assertThat(report.advice()).isEmpty();
        assertThat(report.notes()).singleElement().asString().contains("this server counts their use since", "1 day");
    }

    @Test
    void one_that_a_replica_reads_is_used() throws SQLException {
        orders();
        DataSource other = SERVER.dataSource(SERVER.createDatabase());
        try (Connection replica = other.getConnection();
                Statement statement = replica.createStatement()) {
            statement.execute("create table orders (total int); create index orders_total on orders (total)");
            IndexCheck both = now().replicas(other);
            assertThat(found(Kind.UNUSED_INDEX, both)).containsExactly("orders_total");
            statement.execute("set enable_seqscan = off");
            statement.execute("select count(*) from orders where total = 7");
            statement.execute("select pg_stat_force_next_flush()");
            statement.execute("select 1");
            assertThat(found(Kind.UNUSED_INDEX, both)).isEmpty();
        }
    }

    @Test
    void while_a_replica_is_away_none_is_unused_and_a_note_says_so() throws SQLException {
        orders();
        IndexReport report = now().replicas(SERVER.dataSource("not_there")).report();
        assertThat(report.advice()).isEmpty();
        assertThat(report.notes()).singleElement().asString().contains("replica 1", "not_there");
    }

    @Test
    void a_partitioned_index_is_used_if_one_of_its_parts_is() throws SQLException {
        run("create table t (a int, b int, c int) partition by range (a)");
        run("create table t_1 partition of t for values from (0) to (500)");
        run("create table t_2 partition of t for values from (500) to (1000)");
        run("create index t_b on t (b)", "create index t_c on t (c)");
        run("insert into t select g, g, g from generate_series(1, 999) g", "analyze");
        read("t_1", "b");
        IndexReport report = now().report();
        assertThat(report.advice()).extracting(IndexAdvice::ddl).containsExactly("drop index t_c");
    }

    // ---- the report -------------------------------------------------------------------------------------------------

    @Test
    void the_key_with_the_most_work_comes_first_and_small_tables_last() throws SQLException {
        run("create table p (id int primary key)", "create table q (id int primary key)");
        run("create table small (q_id int constraint small_fk references q)");
        run("create table big (p_id int constraint big_fk references p)");
        run("create table busy (q_id int constraint busy_fk references q)");
        run("create index big_1 on big (p_id) where p_id > 1", "create index big_2 on big (p_id) where p_id > 1");
        run("insert into p select generate_series(1, 1000)", "insert into q select generate_series(1, 1000)");
        run("insert into big select g % 1000 + 1 from generate_series(1, 3000) g");
        run("insert into busy select g % 500 + 1 from generate_series(1, 2000) g", "analyze");
        run("delete from q where id > 990");
        flush();
        IndexReport report = check().minRows(1_000).report();
        assertThat(report.advice())
                .extracting(IndexAdvice::subject)
                .containsExactly("busy_fk", "big_fk", "big_2", "small_fk");
        IndexAdvice busy = report.advice().get(0);
        assertThat(busy.detail()).contains("10 deletes", "2,000 rows");
        assertThat(busy.gain()).isBetween(1.0, 100.0);
        assertThat(report.advice().get(3).gain()).isNull();
    }

    @Test
    void the_text_is_aligned_and_says_what_to_run() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        run("create table longer (a int)", "create index i_1 on longer (a)", "create index i_2 on longer (a)");
        IndexReport report = check().report();
        assertThat(report.text())
                .startsWith("PostgreSQL " + SERVER.version())
                .contains(
                        ": 2 to do",
                        "duplicate index            longer  i_2\n    i_1 has the same columns and does all that it does",
                        "    drop index concurrently i_2\n",
                        "missing foreign key index  t       t_fk\n    each delete of a row of parent",
                        "    create index concurrently t_a_idx on t (a)");
    }

    @Test
    void an_assertion_fails_with_the_text_and_lets_known_advice_pass() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        IndexReport report = check().report();
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(report::assertClean)
                .withMessageContainingAll("create index concurrently", "MISSING_FOREIGN_KEY_INDEX t t_fk");
        report.assertNothingNew(Set.of("MISSING_FOREIGN_KEY_INDEX t t_fk"));
    }

    @Test
    void what_is_ignored_is_left_out() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        run("create table legacy_x (a int constraint x_fk references parent)");
        assertThat(found(Kind.MISSING_FOREIGN_KEY_INDEX, check().ignore("legacy_.*")))
                .containsExactly("t_fk");
        IndexReport clean = check().ignore("legacy_.*").ignore("t_f.").report();
        clean.assertClean();
        assertThat(clean.notes()).noneMatch(note -> note.contains("left nothing out"));
    }

    @Test
    void a_key_of_advice_can_be_ignored_whatever_characters_it_has() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        run("create table \"old (1)\" (a int constraint \"x_fk\" references parent)");
        IndexCheck check = check();
        for (IndexAdvice advice : check.report().advice()) check = check.ignore(advice.key());
        check.report().assertClean();
        check().ignore("MISSING_FOREIGN_KEY_INDEX .*").report().assertClean();
    }

    @Test
    void what_is_ignored_in_vain_is_a_note_for_each() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        IndexReport report =
                check().ignore("t_fk").ignore("gone_.*").ignore("t").report();
        report.assertClean();
        assertThat(report.notes().stream().filter(note -> note.contains("ignore")))
                .containsExactly("ignore(\"gone_.*\") left nothing out");
    }

    @Test
    void known_advice_that_is_found_no_more_is_named_and_no_failure_by_itself() throws SQLException {
        check().report().assertNothingNew(Set.of("UNUSED_INDEX t gone_2"));
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        run("create table u (a int constraint u_fk references parent)");
        IndexReport report = check().report();
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> report.assertNothingNew(
                        Set.of("UNUSED_INDEX t gone_2", "MISSING_FOREIGN_KEY_INDEX t t_fk", "UNUSED_INDEX t gone_1")))
                .satisfies(e -> assertThat(e.getMessage())
                        .endsWith("found no more, take from what is known:\n    UNUSED_INDEX t gone_1"
                                + "\n    UNUSED_INDEX t gone_2"));
    }

    @Test
    void only_the_schemas_named_are_looked_at() throws SQLException {
        run("create schema a", "create schema \"B\"", "create table parent (id int primary key)");
        run("create table a.t (a int constraint a_fk references parent)");
        run("create table \"B\".t (a int constraint b_fk references parent)");
        assertThat(found(Kind.MISSING_FOREIGN_KEY_INDEX, check().schemas("public", "B")))
                .containsExactly("b_fk");
    }

    @Test
    void a_schema_that_is_not_there_is_refused_and_the_connection_goes_back_as_it_was() throws SQLException {
        run("create schema a", "create schema \"B\"");
        AtomicInteger left = new AtomicInteger();
        DataSource kept = proxy(connection, left);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> IndexCheck.of(kept).schemas("public", "b").report())
                .withMessageContainingAll("no schema \"b\"; there are B, a, ", ", public;", "without quotes");
        assertThat(left).hasValue(1);
        assertThat(connection.getAutoCommit()).isTrue();
        assertThat(connection.isReadOnly()).isFalse();
    }

    @Test
    void of_many_schemas_twenty_are_named() throws SQLException {
        for (int i = 0; i < 20; i++) run("create schema a" + i);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> check().schemas("pubic").report())
                .withMessageContaining("there are a0, a1, ")
                .withMessageContaining(", a9 and 3 more;");
    }

    @Test
    void names_of_indexes_are_new_and_not_too_long() throws SQLException {
        String ones = "ä".repeat(31);
        run(
                "create table parent (id int primary key)",
                "create table t_a_idx (a int)",
                "create table t_a_idx1 (a int)");
        run("create table t (a int references parent, \"" + ones + "\" int references parent)");
        IndexReport report = check().report();
        assertThat(report.advice())
                .extracting(IndexAdvice::ddl)
                .containsExactlyInAnyOrder(
                        "create index concurrently t_a_idx2 on t (a)",
                        "create index concurrently \"t_" + "ä".repeat(28) + "_idx\" on t (\"" + ones + "\")");
        for (IndexAdvice advice : report.advice()) run(String.valueOf(advice.ddl()));
        check().report().assertClean();
    }

    @Test
    void partitions_get_their_indexes_one_by_one_and_what_is_there_is_kept() throws SQLException {
        run("create table parent (id int primary key)");
        run("create table t (k int, a int constraint t_fk references parent) partition by range (k)");
        run("create table t_1 partition of t for values from (0) to (5)", "create index t_1_own on t_1 (a)");
        run("create table t_2 partition of t for values from (5) to (9)");
        IndexReport report = check().report();
        assertThat(report.advice())
                .extracting(IndexAdvice::ddl)
                .containsExactly("create index concurrently on t_2 (a);\ncreate index t_a_idx on t (a)");
        for (String one : String.valueOf(report.advice().get(0).ddl()).split(";\n", -1)) run(one);
        assertThat(ask("select count(*) from pg_inherits where inhparent = 't_a_idx'::regclass"))
                .isEqualTo("2");
        check().report().assertClean();
    }

    @Test
    void one_index_is_proposed_for_two_keys_that_begin_alike() throws SQLException {
        run("create table a (id int primary key)", "create table b (id int, x int, primary key (id, x))");
        run(
                "create table t (id int constraint a_fk references a, x int, constraint b_fk foreign key (id, x) references b)");
        IndexReport report = check().report();
        assertThat(report.advice()).extracting(IndexAdvice::subject).containsExactlyInAnyOrder("a_fk", "b_fk");
        assertThat(report.advice())
                .extracting(IndexAdvice::ddl)
                .containsExactly(
                        "create index concurrently t_id_x_idx on t (id, x)",
                        "create index concurrently t_id_x_idx on t (id, x)");
        assertThat(report.text())
                .contains("the same index serves foreign key b_fk")
                .containsOnlyOnce("create index")
                .containsOnlyOnce("to run: the same as for a_fk");
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> report.assertNothingNew(Set.of("MISSING_FOREIGN_KEY_INDEX t a_fk")))
                .withMessageContaining("create index concurrently t_id_x_idx");
    }

    private void shop() throws SQLException {
        run("create table customer (id int primary key)", "insert into customer select generate_series(1, 1000)");
        run(
                "create table sale (id int primary key, customer_id int constraint sale_fk references customer, note text)");
        run("insert into sale select g, g % 1000 + 1, repeat('x', 50) from generate_series(1, 20000) g", "analyze");
    }

    private static StatementStats watched(String sql) {
        return new StatementStats(
                "0123456789abcdef",
                sql,
                sql,
                true,
                1_000,
                OptionalDouble.empty(),
                Duration.ofSeconds(10),
                Duration.ZERO,
                Duration.ofSeconds(1),
                OptionalDouble.empty());
    }

    /** Again, where a busy machine took longer for a plan than the check waits. */
    private static IndexReport patiently(IndexCheck check) {
        while (true) {
            IndexReport report = check.report();
            if (report.notes().stream().noneMatch(each -> each.contains("planning took longer"))) return report;
        }
    }

    @Test
    void one_index_is_proposed_for_a_statement_and_a_foreign_key() throws SQLException {
        shop();
        StatementStats slow = watched("select note from sale where customer_id = ?");
        IndexReport report = patiently(check().statements(List.of(slow)));
        assertThat(report.advice())
                .as(report.text())
                .extracting(IndexAdvice::kind)
                .containsExactly(Kind.MISSING_FOREIGN_KEY_INDEX, Kind.SEQUENTIAL_SCAN);
        assertThat(report.advice().get(0).detail()).contains("the same index serves statement 0123456789abcdef");
        assertThat(report.advice())
                .extracting(IndexAdvice::ddl)
                .containsOnly("create index concurrently sale_customer_id_idx on sale (customer_id)");
        assertThat(report.text())
                .contains(
                        "    statement  select note from sale where customer_id = ?\n    reads all 20,000 rows of sale")
                .containsOnlyOnce("create index");
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> patiently(check().statements(List.of(slow)).ignore("0123456789abcdef"))
                        .assertClean())
                .withMessageContaining("create index");
        run(String.valueOf(report.advice().get(1).ddl()));
        patiently(check().statements(List.of(slow))).assertClean();
    }

    @Test
    void a_statement_is_served_by_the_longer_index_of_a_foreign_key() throws SQLException {
        shop();
        run("create table place (customer_id int, id int, primary key (customer_id, id))");
        run("alter table sale drop constraint sale_fk, add column place_id int, add constraint place_fk"
                + " foreign key (customer_id, place_id) references place");
        StatementStats slow = watched("select note from sale where customer_id = ?");
        IndexReport report = patiently(check().statements(List.of(slow)));
        assertThat(report.advice()).hasSize(2);
        assertThat(report.advice())
                .extracting(IndexAdvice::ddl)
                .containsOnly(
                        "create index concurrently sale_customer_id_place_id_idx on sale (customer_id, place_id)");
        assertThat(report.advice().get(1).detail()).endsWith("; the same index serves foreign key place_fk");
        run(String.valueOf(report.advice().get(1).ddl()));
        patiently(check().statements(List.of(slow))).assertClean();
    }

    @Test
    void a_statement_that_cannot_be_planned_is_a_note_and_the_rest_stays() throws SQLException {
        shop();
        IndexReport report = patiently(check().statements(List.of(watched("select no_such from sale"))));
        assertThat(report.advice()).extracting(IndexAdvice::subject).containsExactly("sale_fk");
        assertThat(report.notes()).anyMatch(note -> note.contains("no_such"));
    }

    // ---- manners ----------------------------------------------------------------------------------------------------

    @Test
    void an_empty_database_is_clean() {
        IndexReport report = check().report();
        report.assertClean();
        assertThat(report.text()).contains("nothing to do");
    }

    /** A pool of one connection, of a user who may do nothing. */
    private HikariDataSource poor(String role) throws SQLException {
        run("create role " + role + " login password 'x'", "revoke all on schema public from public");
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + SERVER.host() + ":" + SERVER.port() + "/" + connection.getCatalog());
        config.setUsername(role);
        config.setPassword("x");
        config.setMaximumPoolSize(1);
        return new HikariDataSource(config);
    }

    @Test
    void a_user_without_rights_gets_the_same_answer() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        String role = "poor_" + connection.getCatalog();
        try (HikariDataSource pool = poor(role)) {
            IndexReport report = IndexCheck.of(pool).report();
            assertThat(report.advice()).extracting(IndexAdvice::subject).containsExactly("t_fk");
            assertThat(report.notes()).noneMatch(note -> note.contains("grant"));
        } finally {
            run("drop role " + role);
        }
    }

    @Test
    void a_view_that_may_not_be_read_becomes_a_note_that_says_what_to_grant() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        run("revoke select on pg_stat_bgwriter from public");
        String role = "poor_" + connection.getCatalog();
        try (HikariDataSource pool = poor(role)) {
            IndexReport report = IndexCheck.of(pool).report();
            assertThat(report.advice()).extracting(IndexAdvice::subject).containsExactly("t_fk");
            assertThat(report.notes())
                    .singleElement()
                    .asString()
                    .contains("unused indexes were not looked for", "pg_stat_bgwriter", "grant select on it");
        } finally {
            run("drop role " + role);
        }
    }

    @Test
    void it_cannot_write() {
        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> IndexCheck.readOnly(database, reading -> {
                    try (Statement statement = reading.createStatement()) {
                        return statement.execute("create table written (a int)");
                    }
                }))
                .withMessageContaining("read-only transaction");
    }

    @Test
    void the_connection_goes_back_as_it_was() throws SQLException {
        AtomicInteger left = new AtomicInteger();
        DataSource kept = proxy(connection, left);
        String before = ask("show statement_timeout") + ask("show transaction_read_only");
        IndexCheck.of(kept).report();
        assertThat(left).hasValue(1);
        assertThat(connection.getAutoCommit()).isTrue();
        assertThat(connection.isReadOnly()).isFalse();
        assertThat(ask("show statement_timeout") + ask("show transaction_read_only"))
                .isEqualTo(before);
        connection.setAutoCommit(false);
        IndexCheck.of(kept).report();
        assertThat(connection.getAutoCommit()).isFalse();
        assertThat(connection.isReadOnly()).isFalse();
        connection.rollback();
    }

    @Test
    void a_connection_inside_of_a_transaction_is_refused_and_its_work_stays() throws SQLException {
        run("create table t (a int)");
        connection.setAutoCommit(false);
        run("insert into t values (1)");
        DataSource kept = proxy(connection, new AtomicInteger());
        assertThatIllegalStateException()
                .isThrownBy(() -> IndexCheck.of(kept).report())
                .withMessageContaining("outside of a transaction");
        assertThat(ask("select count(*) from t")).isEqualTo("1");
        connection.rollback();
    }

    /** Always the same connection, which is not closed but counted. */
    private static DataSource proxy(Connection connection, AtomicInteger closed) {
        ClassLoader loader = PostgresIndexesTest.class.getClassLoader();
        Object kept = Proxy.newProxyInstance(loader, new Class<?>[] {Connection.class}, (self, method, arguments) -> {
            if (method.getName().equals("close")) return Integer.valueOf(closed.incrementAndGet()) == null;
            try {
                return method.invoke(connection, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
        return (DataSource)
                Proxy.newProxyInstance(loader, new Class<?>[] {DataSource.class}, (self, method, arguments) -> {
                    return method.getName().equals("getConnection") ? kept : "the same connection always";
                });
    }

    @Test
    void a_table_that_is_being_altered_does_not_hold_it_up() throws SQLException {
        run("create table parent (id int primary key)", "create table t (a int constraint t_fk references parent)");
        run("create index t_b on t (a) where a > 1", "begin", "lock table t in access exclusive mode");
        long started = System.nanoTime();
        IndexReport report = check().report();
        assertThat(Duration.ofNanos(System.nanoTime() - started)).isLessThan(Duration.ofSeconds(30));
        assertThat(report.notes().toString() + report.advice())
                .as("either it sees past the lock, or says why not")
                .containsAnyOf("t_fk", "a table is being altered");
        run("rollback");
    }

    @Test
    void a_database_that_is_away_is_said_to_be() {
        assertThatIllegalStateException()
                .isThrownBy(() -> IndexCheck.of(SERVER.dataSource("not_there")).report())
                .withMessageContainingAll("not_there", "has to be up");
    }

    @Test
    void bad_options_are_refused() {
        assertThatIllegalArgumentException().isThrownBy(() -> check().schemas()).withMessageContaining("schemas");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> check().schemas(" "))
                .withMessageContaining("blank");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> check().minRows(-1))
                .withMessageContaining("minRows -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> check().unusedFor(Duration.ofDays(-1)))
                .withMessageContaining("unusedFor minus 1 day must not be negative");
        assertThatIllegalArgumentException().isThrownBy(() -> check().ignore("("));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> check().ignore(" "))
                .withMessageContaining("ignore \" \" must not be blank");
    }

    @Test
    void nulls_are_refused_by_the_option_s_name() {
        refusesNull("dataSource", () -> IndexCheck.of(none()));
        refusesNull("schemas", () -> check().schemas(PostgresIndexesTest.<String[]>none()));
        refusesNull("one of schemas", () -> check().schemas("a", none()));
        refusesNull("statements", () -> check().statements(none()));
        refusesNull("one of statements", () -> check().statements(Arrays.asList(watched("select 1"), none())));
        refusesNull("unusedFor", () -> check().unusedFor(none()));
        refusesNull("replicas", () -> check().replicas(PostgresIndexesTest.<DataSource[]>none()));
        refusesNull("one of replicas", () -> check().replicas(database, none()));
        refusesNull("ignore", () -> check().ignore(none()));
        refusesNull("known", () -> new IndexReport("", List.of(), List.of()).assertNothingNew(none()));
    }

    private static void refusesNull(String name, ThrowingCallable call) {
        assertThatNullPointerException().isThrownBy(call).withMessage(name);
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
    private static <T> T none() {
        return null;
    }

    @Test
    void durations_are_in_words() {
        assertThat(IndexCheck.words(Duration.ZERO)).isEqualTo("0 seconds");
        assertThat(IndexCheck.words(Duration.ofDays(30))).isEqualTo("30 days");
        assertThat(IndexCheck.words(Duration.ofMinutes(1501))).isEqualTo("1 day 1 hour 1 minute");
        assertThat(IndexCheck.words(Duration.ofMillis(-2_500))).isEqualTo("minus 2 seconds 500 milliseconds");
        assertThat(IndexCheck.words(Duration.ofNanos(1))).isEqualTo("1 nanosecond");
    }
}
