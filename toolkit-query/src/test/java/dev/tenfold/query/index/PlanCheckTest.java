package dev.tenfold.query.index;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.tenfold.query.guard.StatementStats;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which statements get an index proposed, and which; on PostgreSQL, both in the new way of asking and in the old one. */
@Timeout(60)
class PlanCheckTest {
    private static final long MIN_ROWS = 10_000;
    private static final PostgresServer SERVER = PostgresServer.shared();
    private static final String DATABASE = SERVER.createDatabase();
    private static Connection connection;

    private final List<String> notes = new ArrayList<>();

    @BeforeAll
    static void fill() throws SQLException {
        connection = SERVER.dataSource(DATABASE).getConnection();
        run(
                "create table customer (id bigint primary key, name text)",
                "insert into customer select i, 'name ' || i from generate_series(1, 2000) i",
                """
                create table orders (id bigint primary key, customer_id bigint, status text, code varchar(20),
                  total numeric(10, 2), created timestamptz, eighth int, doc jsonb, raw json, name text collate "C")""",
                """
                insert into orders select i, i % 10000, 's' || i % 5, 'c' || i % 5000, i % 977,
                  timestamptz '2026-01-01' + i * interval '1 minute', i % 25, '{}', '{}', 'n' || i % 20000
                from generate_series(1, 200000) i""",
                """
                create table event (id bigint, at date, account int, kind int) partition by range (at)""",
                "create table event_1 partition of event for values from ('2026-01-01') to ('2026-02-01')",
                "create table event_2 partition of event for values from ('2026-02-01') to ('2026-03-01')",
                """
                insert into event select i, date '2026-01-01' + i % 59, i % 5000, i % 3
                from generate_series(1, 60000) i""",
                "create schema \"Shop.x\"",
                "create table \"Shop.x\".\"Line Item\" (id int, \"Order\"\"Id\" int, filler text)",
                """
                insert into "Shop.x"."Line Item" select i, i % 5000, repeat('x', 50)
                from generate_series(1, 30000) i""",
                "create table fresh (id int, a int) with (autovacuum_enabled = off)",
                "insert into fresh select i, i from generate_series(1, 30000) i",
                "analyze customer, orders, event, \"Shop.x\".\"Line Item\"");
    }

    @AfterAll
    static void close() throws SQLException {
        connection.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void the_index_that_is_proposed_is_used_once_it_is_there(boolean oldWay) throws SQLException {
        List<IndexAdvice> advice = look(oldWay, reads("select * from orders where customer_id = ?"));

        assertThat(advice).hasSize(1);
        IndexAdvice first = advice.get(0);
        assertThat(first.kind()).isEqualTo(IndexAdvice.Kind.SEQUENTIAL_SCAN);
        assertThat(first.table()).isEqualTo("orders");
        assertThat(first.ddl()).isEqualTo("create index concurrently orders_customer_id_idx on orders (customer_id)");
        assertThat(first.detail())
                .isEqualTo(
                        "statement  select * from orders where customer_id = ?\nreads all 200,000 rows of orders for about 20, in 100 % of the time of all statements");
        assertThat(first.gain()).isGreaterThan(20);
        assertThat(first.verified()).isFalse();

        run(requireNonNull(first.ddl()));
        try {
            assertThat(look(oldWay, reads("select * from orders where customer_id = ?")))
                    .isEmpty();
            assertThat(ask("explain select * from orders where customer_id = 7"))
                    .contains("orders_customer_id_idx");
        } finally {
            run("drop index orders_customer_id_idx");
        }
    }

    @Test
    void a_missing_hypopg_is_not_created() throws SQLException {
        look(false, reads("select * from orders where customer_id = ?"));

        assertThat(ask("select count(*) from pg_extension where extname = 'hypopg'"))
                .isEqualTo("0");
    }

    @Test
    void a_scan_that_workers_share_counts_all_their_rows() throws SQLException {
        run("set min_parallel_table_scan_size = 0", "set parallel_setup_cost = 0", "set parallel_tuple_cost = 0");
        try {
            assertThat(ask("explain select * from orders where customer_id = 7"))
                    .contains("Parallel Seq Scan");
            assertThat(look(false, reads("select * from orders where customer_id = ?")))
                    .singleElement()
                    .satisfies(each -> assertThat(each.detail()).containsPattern("for about (19|20|21),"));
        } finally {
            run("reset min_parallel_table_scan_size", "reset parallel_setup_cost", "reset parallel_tuple_cost");
        }
    }

    @Test
    void the_most_selective_equality_comes_first_then_a_range() throws SQLException {
        assertThat(ddl("select * from orders where created > ? and status = ? and customer_id = ?"))
                .endsWith("(customer_id, status, created)");
    }

    @Test
    void what_a_limit_sorts_by_comes_last() throws SQLException {
        assertThat(ddl("select * from orders where customer_id = ? order by created desc, id desc limit 10"))
                .endsWith("(customer_id, created)");
        assertThat(ddl("select * from orders where customer_id = ? order by created desc nulls last limit 10"))
                .endsWith("(customer_id, created desc nulls last)");
        assertThat(ddl("select * from orders where customer_id = ? order by created"))
                .endsWith("(customer_id)");
    }

    @Test
    void at_most_three_equalities_and_a_range_are_taken() throws SQLException {
        assertThat(ddl("select * from orders where status = ? and eighth = ? and code = ? and customer_id = ?"
                        + " and total > ? and created > ?"))
                .endsWith("(customer_id, code, eighth, total)");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "select * from orders where customer_id in (?, ?)",
                "select * from orders where customer_id = any(?)",
                "select * from orders where ? = customer_id",
                "select * from orders where customer_id = 4711",
                "select o.id from orders o where o.customer_id = ? for update",
                "select * from customer c where c.id < 9 and exists"
                        + " (select 1 from orders o where o.customer_id = c.id and o.total = 3 offset 0)",
                "with o as materialized (select * from orders where customer_id = ?) select * from o join o p using (id)",
                "select customer_id, count(*) from orders where customer_id = (select max(id) from customer) group by 1",
                "select * from orders where {fn abs(1)} = 1 and customer_id = ?;",
                "-- who\nselect * from orders /* ? */ where customer_id = ? and doc ?? 'x' -- ?",
            })
    void an_equality_is_seen_in_many_forms(String sql) throws SQLException {
        assertThat(ddl(sql)).contains(" on orders (customer_id");
    }

    @Test
    void a_varchar_is_compared_as_text_and_served() throws SQLException {
        assertThat(ddl("select * from orders where code = ?")).endsWith("(code)");
        assertThat(ddl("select * from orders where code in ('c1', 'c2')")).endsWith("(code)");
    }

    @Test
    void a_row_of_a_keyset_page_is_a_range_of_its_first_column() throws SQLException {
        assertThat(
                        ddl(
                                "select * from orders where customer_id = ? and (created, id) > (?, ?) order by created, id limit 9"))
                .endsWith("(customer_id, created)");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "select * from orders where id = ?",
                "select * from orders where status = ?",
                "select * from customer where name = ?",
                "select * from orders",
                "select count(*) from orders o join customer c on c.id = o.customer_id",
            })
    void what_an_index_would_not_help_is_left_alone(String sql) throws SQLException {
        assertThat(look(false, reads(sql))).isEmpty();
        assertThat(notes).noneMatch(each -> each.contains("reads all"));
    }

    @Test
    void where_no_plain_index_serves_the_note_says_why() throws SQLException {
        assertThat(why("customer_id = ? or code = ?")).contains("of a condition: it is an \"or\"");
        assertThat(why("lower(code) = ?")).contains("of code: it is about an expression");
        assertThat(why("customer_id = ?::numeric"))
                .contains("of customer_id: it is compared as numeric, and the column is bigint");
        assertThat(why("code like 'c77%'")).contains("of code: it is a pattern");
        assertThat(why("code collate \"C\" = ?")).contains("of code: the statement names a collation");
        assertThat(why("total = customer_id")).contains("not compared with a value that stays the same");
        assertThat(why("customer_id = (random() * 1000)::bigint")).contains("not compared with a value");
        assertThat(why("doc @> ?")).contains("of doc: it is no comparison");
    }

    @Test
    void an_index_that_is_there_in_vain_is_named() throws SQLException {
        run("create index in_vain on orders (customer_id)");
        try {
            assertThat(why("customer_id = ?::numeric"))
                    .contains("in_vain is there, and not used because of customer_id: it is compared as numeric");
        } finally {
            run("drop index in_vain");
        }
    }

    @Test
    void an_index_of_another_collation_is_named() throws SQLException {
        run("create index other_collation on orders (code collate \"C\")");
        try {
            assertThat(why("code = ?")).contains("other_collation has these columns, but another collation");
        } finally {
            run("drop index other_collation");
        }
    }

    @Test
    void an_index_that_the_planner_passes_over_is_named() throws SQLException {
        run("create index dear on orders (customer_id)", "set random_page_cost = 100000");
        try {
            assertThat(why("customer_id = ?")).contains("the planner has dear and holds reading the table for cheaper");
        } finally {
            run("drop index dear", "reset random_page_cost");
        }
    }

    @Test
    void rows_that_are_all_over_the_table_get_no_index() throws SQLException {
        assertThat(why("eighth = ?")).contains("would find 8,000 rows, too many to be much cheaper");
    }

    @Test
    void a_limit_that_ends_the_scan_early_does_not_inflate_the_gain() throws SQLException {
        List<IndexAdvice> all = look(false, reads("select * from orders where customer_id = ?"));
        List<IndexAdvice> first = look(false, reads("select * from orders where customer_id = ? limit 1"));

        assertThat(first.get(0).gain()).isLessThan(2 * requireNonNull(all.get(0).gain()));
    }

    @Test
    void a_partial_index_does_not_count() throws SQLException {
        run("create index partly on orders (customer_id) where total > 10");
        try {
            assertThat(ddl("select * from orders where customer_id = ?")).endsWith("(customer_id)");
        } finally {
            run("drop index partly");
        }
    }

    @Test
    void odd_names_are_quoted_and_taken_ones_avoided() throws SQLException {
        run("create table \"Shop.x\".\"Line Item_Order\"\"Id_idx\" ()");
        try {
            String ddl = ddl("select * from \"Shop.x\".\"Line Item\" where \"Order\"\"Id\" = ?");

            assertThat(ddl)
                    .isEqualTo("create index concurrently \"Line Item_Order\"\"Id_idx1\" on \"Shop.x\".\"Line Item\""
                            + " (\"Order\"\"Id\")");
            run(ddl, "drop index \"Shop.x\".\"Line Item_Order\"\"Id_idx1\"");
        } finally {
            run("drop table \"Shop.x\".\"Line Item_Order\"\"Id_idx\"");
        }
    }

    @Test
    void long_names_are_cut_between_characters() {
        assertThat(ScannedTable.indexName("ä".repeat(40), 0)).isEqualTo("ä".repeat(29) + "_idx");
        assertThat(ScannedTable.indexName("a".repeat(80), 12)).hasSize(63).endsWith("a_idx12");
    }

    @Test
    void partitions_are_indexed_one_by_one_then_the_table() throws SQLException {
        String ddl = ddl("select * from event where account = ?");

        assertThat(ddl).isEqualTo("""
                        create index concurrently on event_1 (account);
                        create index concurrently on event_2 (account);
                        create index event_account_idx on event (account)""");
        run(ddl.split(";\n", -1));
        try {
            assertThat(ask("select count(*) from pg_index where indisvalid and indrelid::regclass::text like 'event%'"))
                    .isEqualTo("3");
            assertThat(look(false, reads("select * from event where account = ?")))
                    .isEmpty();
        } finally {
            run("drop index event_account_idx");
        }
    }

    @Test
    void partitions_that_a_value_rules_out_are_seen_in_the_new_way_and_noted_in_the_old() throws SQLException {
        String sql = "select * from event where account = ? and at = ?";

        boolean old = Integer.parseInt(SERVER.version().substring(0, 2)) < 16;
        assertThat(look(false, reads(sql))).hasSize(old ? 0 : 1);
        assertThat(look(true, reads(sql))).isEmpty();
        assertThat(notes).anyMatch(each -> each.contains("without the partitions that a null rules out"));
    }

    @Test
    void a_table_that_was_never_analysed_is_noted() throws SQLException {
        assertThat(look(false, reads("select * from fresh where a = ?"))).isEmpty();
        assertThat(notes).anyMatch(each -> each.contains("whose size is not known: run analyze fresh"));
    }

    @Test
    void a_long_statement_is_cut_and_in_one_line() throws SQLException {
        String sql = "select *\n  from orders where customer_id = ? and name <> '" + "x".repeat(300) + "'";
        String detail = look(false, reads(sql)).get(0).detail();

        assertThat(detail)
                .startsWith("statement  select * from orders where customer_id = ? and name <> 'xxx")
                .contains("x…\nreads all");
        assertThat(detail.indexOf('\n')).isEqualTo("statement  ".length() + 200);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void an_index_that_makes_it_little_cheaper_is_a_note(boolean oldWay) throws SQLException {
        String sql = "select total from orders where customer_id = ?"
                + " union all select sum(total) from orders where total > 0"
                + " union all select sum(total) from orders where total > 1";

        assertThat(look(oldWay, reads(sql))).isEmpty();
        assertThat(notes)
                .anyMatch(each -> each.contains("one on [customer_id] would make the statement 1.")
                        && each.contains(" times cheaper, not 2"));
    }

    @Test
    void one_index_for_several_statements_is_the_same_statement_to_run() throws SQLException {
        List<IndexAdvice> advice = look(
                false,
                stats("a", "select id from orders where customer_id = ?", true, 9),
                stats("b", "select * from orders where customer_id = ? and status = ?", true, 8),
                stats("c", "select * from orders where status = ? and customer_id = ?", true, 7),
                stats("d", "select * from orders where customer_id = ? and status = ? and created > ?", true, 6));

        assertThat(advice).extracting(IndexAdvice::subject).containsExactly("a", "b", "c", "d");
        assertThat(advice)
                .extracting(IndexAdvice::ddl)
                .containsOnly("create index concurrently orders_customer_id_status_created_idx on orders"
                        + " (customer_id, status, created)");
        assertThat(advice.get(0).detail()).endsWith("; the same index serves statement d");
        assertThat(advice.get(3).detail()).doesNotContain("the same index");
    }

    @Test
    void only_reads_with_a_share_of_the_time_are_looked_at() throws SQLException {
        String sql = "select * from orders where customer_id = ?";

        assertThat(look(false, stats("a", "update x", false, 1_000), stats("b", sql, true, 9)))
                .isEmpty();
        assertThat(look(false, stats("a", sql, false, 9))).isEmpty();
        assertThat(look(false, stats("a", "update x", false, 900), stats("b", sql, true, 10)))
                .hasSize(1);
        assertThat(look(false)).isEmpty();
    }

    @Test
    void at_most_fifty_are_looked_at() throws SQLException {
        List<StatementStats> many = new ArrayList<>();
        for (int i = 0; i < 60; i++) many.add(stats("f" + i, "select " + i, true, 10));

        look(false, many.toArray(StatementStats[]::new));

        assertThat(notes).containsExactly("10 statements not looked at: the first 50 by time were");
    }

    @Test
    void generic_plans_are_noted_once() throws SQLException {
        look(
                false,
                stats("a", "select * from orders where id = ?", true, 9),
                stats("b", "select * from orders where id > ?", true, 9));

        assertThat(notes).hasSize(1).first().asString().startsWith("plans are generic");
    }

    @Test
    void a_statement_that_cannot_be_planned_is_noted_and_the_next_one_looked_at() throws SQLException {
        for (boolean oldWay : List.of(false, true)) {
            notes.clear();
            List<IndexAdvice> advice = look(
                    oldWay,
                    stats("a", "select * from nowhere", true, 9),
                    stats("b", "select * from orders where customer_id = ?", true, 8));

            assertThat(advice).hasSize(1);
            assertThat(notes.get(0)).startsWith("a (").contains("not looked at: ERROR: relation \"nowhere\"");
        }
    }

    @Test
    void a_character_that_xml_cannot_hold_is_a_note() throws SQLException {
        assertThat(look(false, reads("select * from orders where name = E'\\x01'")))
                .isEmpty();
        assertThat(notes).anyMatch(each -> each.contains("no well-formed XML"));
    }

    @Test
    void other_databases_are_not_asked() throws SQLException {
        try (Connection h2 = DriverManager.getConnection("jdbc:h2:mem:plans;MODE=PostgreSQL")) {
            assertThat(PlanCheck.look(h2, List.of(reads("select 1")), MIN_ROWS, notes::add))
                    .isEmpty();
        }
        assertThat(notes)
                .containsExactly("statements not looked at: only PostgreSQL is asked for its plans, and this is H2");
    }

    @Test
    void a_negative_limit_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PlanCheck.look(connection, List.of(), -1, notes::add))
                .withMessage("minRows is -1; it must be 0 or more");
    }

    // ---- helpers ----------------------------------------------------------------------------------------------------

    static StatementStats stats(String fingerprint, String sql, boolean reads, long seconds) {
        Duration total = Duration.ofSeconds(seconds);
        return new StatementStats(
                fingerprint,
                sql,
                sql,
                reads,
                10,
                OptionalDouble.empty(),
                total,
                Duration.ZERO,
                total,
                OptionalDouble.empty());
    }

    private static StatementStats reads(String sql) {
        return stats("f", sql, true, 60);
    }

    private List<IndexAdvice> look(boolean oldWay, StatementStats... statements) throws SQLException {
        return patiently(connection, oldWay, notes, List.of(statements));
    }

    /** Again, where a busy machine took longer for a plan than the check waits. */
    static List<IndexAdvice> patiently(
            Connection on, boolean oldWay, List<String> notes, List<StatementStats> statements) throws SQLException {
        while (true) {
            List<String> news = new ArrayList<>();
            List<IndexAdvice> advice = PlanCheck.look(on, statements, MIN_ROWS, oldWay, news::add);
            if (news.stream().noneMatch(each -> each.contains("planning took longer"))) {
                notes.addAll(news);
                return advice;
            }
        }
    }

    /** The only index that is proposed for it, the same in both ways. */
    private String ddl(String sql) throws SQLException {
        List<IndexAdvice> advice = look(false, reads(sql));
        assertThat(advice).as("%s, %s", sql, notes).hasSize(1);
        assertThat(look(true, reads(sql))).as("%s, %s", sql, notes).isEqualTo(advice);
        return requireNonNull(advice.get(0).ddl());
    }

    /** The note of a statement with this condition, for which no index is proposed. */
    private String why(String condition) throws SQLException {
        notes.clear();
        assertThat(look(false, reads("select * from orders where " + condition)))
                .isEmpty();
        return notes.stream()
                .filter(each -> each.contains("no index proposed"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no note for " + condition + " but " + notes));
    }

    private static void run(String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String each : statements) statement.execute(each);
        }
    }

    private static String ask(String sql) throws SQLException {
        StringBuilder answer = new StringBuilder();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) answer.append(rows.getString(1));
        }
        return answer.toString();
    }
}
