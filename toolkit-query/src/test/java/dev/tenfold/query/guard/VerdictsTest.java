package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.h2.jdbcx.JdbcConnectionPool;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Each verdict, and next to it what looks alike and must not be reported. */
class VerdictsTest {
    private static final AtomicLong DATABASES = new AtomicLong();

    private final AtomicLong clock = new AtomicLong();
    private JdbcConnectionPool pool;
    private QueryGuard guard;

    @BeforeEach
    void open() throws SQLException {
        pool = JdbcConnectionPool.create("jdbc:h2:mem:verdicts" + DATABASES.incrementAndGet(), "sa", "");
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table author(id int primary key, parent int, name varchar(20))");
            statement.execute("create table post(id int primary key, author int, title varchar(20))");
            statement.execute("create index on post(author)");
            statement.execute("insert into author select x, x / 2, 'author ' || x from system_range(1, 100)");
            statement.execute("insert into post select x, x, 'post ' || x from system_range(1, 100)");
        }
        guard = watch();
    }

    @AfterEach
    void close() {
        pool.dispose();
    }

    private QueryGuard watch() {
        return watch(options -> options);
    }

    private QueryGuard watch(UnaryOperator<GuardOptions> more) {
        return QueryGuard.watch(pool, options -> more.apply(options.nanoClock(() -> clock.addAndGet(1_000))));
    }

    /** Runs something in a scope of its own, with one connection, and gives what was found. */
    private List<Finding> found(Work work) throws SQLException {
        QueryScope scope = QueryScope.open("GET /page");
        try (scope;
                Connection connection = guard.getConnection()) {
            work.run(connection);
        }
        return scope.findings();
    }

    private interface Work {
        void run(Connection connection) throws SQLException;
    }

    private static String author(Connection connection, int id) throws SQLException {
        return read(connection, "select name from author where id = ?", id);
    }

    private static String read(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? rows.getString(1) : "";
            }
        }
    }

    private static List<Integer> page(Connection connection, int size) throws SQLException {
        List<Integer> authors = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement("select author from post order by id limit ?")) {
            statement.setInt(1, size);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) authors.add(rows.getInt(1));
            }
        }
        return authors;
    }

    private static void write(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            statement.executeUpdate();
        }
    }

    @Test
    void a_query_for_each_row_of_a_page_is_an_n_plus_one() throws SQLException {
        List<Finding> found = found(connection -> {
            for (int author : page(connection, 50)) author(connection, author);
        });

        assertThat(found).hasSize(1);
        Finding finding = found.get(0);
        assertThat(finding.kind()).isEqualTo(FindingKind.N_PLUS_ONE);
        assertThat(finding.count()).isEqualTo(50);
        assertThat(finding.scopes()).isEqualTo(1);
        assertThat(finding.scope()).isEqualTo("GET /page");
        assertThat(finding.statement()).isEqualTo("select name from author where id = ?");
        assertThat(finding.source()).contains("from post order by id");
        assertThat(finding.lost()).isPositive();
        assertThat(finding.site()).isEqualTo(finding.callers().get(0));
        assertThat(finding.callers())
                .extracting(StackTraceElement::getMethodName)
                .startsWith("read", "author");
        assertThat(finding.remedy()).contains("Loader");
        assertThat(guard.findings()).containsExactly(guard.findings().get(0));
        assertThat(guard.findings().get(0).count()).isEqualTo(50);
    }

    @Test
    void without_a_page_before_it_is_a_loop() throws SQLException {
        List<Finding> found = found(connection -> {
            for (int i = 1; i <= 20; i++) author(connection, i);
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.LOOP);
        assertThat(found.get(0).count()).isEqualTo(20);
    }

    @Test
    void nine_executions_are_less_than_the_threshold() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 1; i <= 9; i++) author(connection, i);
                }))
                .isEmpty();
    }

    @Test
    void the_last_earlier_query_with_enough_rows_is_the_source() throws SQLException {
        List<Finding> found = found(connection -> {
            read(connection, "select name from author where id < 50");
            page(connection, 50);
            read(connection, "select title from post where id = 7");
            for (int i = 1; i <= 50; i++) author(connection, i);
        });

        assertThat(found)
                .singleElement()
                .satisfies(it -> assertThat(it.source()).contains("from post order by id"));
    }

    @Test
    void the_page_may_have_been_read_in_the_scope_around() throws SQLException {
        QueryScope outer = QueryScope.open("GET /page");
        QueryScope inner;
        try (outer;
                Connection connection = guard.getConnection()) {
            page(connection, 50);
            inner = QueryScope.open("render");
            try (inner) {
                for (int i = 1; i <= 50; i++) author(connection, i);
            }
        }

        assertThat(inner.findings()).extracting(Finding::kind).containsExactly(FindingKind.N_PLUS_ONE);
        assertThat(outer.findings()).isEqualTo(inner.findings());
    }

    @Test
    void literals_vary_as_parameters_do() throws SQLException {
        List<Finding> found = found(connection -> {
            for (int i = 1; i <= 20; i++) read(connection, "select name from author where id = " + i);
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.LOOP);
        assertThat(found.get(0).count()).isEqualTo(20);
    }

    @Test
    void the_same_values_again_and_again_are_a_repeated_read() throws SQLException {
        List<Finding> found = found(connection -> {
            for (int i = 0; i < 20; i++) author(connection, 7);
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.REPEATED_READ);
        assertThat(found.get(0).remedy()).contains("TieredCache");
        assertThat(found.get(0).count()).isEqualTo(20);
    }

    @Test
    void fifty_children_of_five_parents_are_a_repeated_read() throws SQLException {
        List<Finding> found = found(connection -> {
            page(connection, 50);
            for (int i = 0; i < 55; i++) author(connection, i % 5);
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.REPEATED_READ);
        assertThat(found.get(0).detail()).contains("5 different");
    }

    @Test
    void a_poll_is_no_repeated_read() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        author(connection, 7);
                        clock.addAndGet(20_000_000);
                    }
                }))
                .isEmpty();
    }

    @Test
    void a_read_after_each_write_to_its_table_is_no_repeated_read() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 30; i++) {
                        author(connection, 7);
                        write(connection, "update author set name = ? where id = 7", "name " + i);
                    }
                }))
                .isEmpty();
    }

    @Test
    void a_read_between_writes_to_another_table_is_a_repeated_read() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 30; i++) {
                        author(connection, 7);
                        write(connection, "update post set title = ? where id = 7", "title " + i);
                    }
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.REPEATED_READ);
    }

    @Test
    void the_next_value_of_a_sequence_is_no_repeated_read() throws SQLException {
        assertThat(found(connection -> {
                    try (Statement statement = connection.createStatement()) {
                        statement.execute("create sequence ids");
                    }
                    for (int i = 0; i < 30; i++) read(connection, "select next value for ids");
                }))
                .isEmpty();
    }

    @Test
    void single_inserts_are_a_write_loop() throws SQLException {
        List<Finding> found = found(connection -> {
            for (int i = 1_000; i < 1_020; i++) {
                write(connection, "insert into author(id, name) values (?, ?)", i, "name " + i);
            }
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(found.get(0).count()).isEqualTo(20);
        assertThat(found.get(0).remedy()).contains("addBatch");
    }

    @Test
    void single_updates_and_deletes_are_write_loops() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 1; i <= 20; i++) {
                        write(connection, "update author set name = ? where id = ?", "name " + i, i);
                    }
                    for (int i = 1; i <= 20; i++) write(connection, "delete from post where id = ?", i);
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.WRITE_LOOP, FindingKind.WRITE_LOOP);
    }

    @Test
    void progress_written_to_one_row_is_no_write_loop() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 1; i <= 20; i++) {
                        write(connection, "update author set parent = ? where id = ?", i, 7);
                    }
                }))
                .isEmpty();
    }

    @Test
    void batches_are_no_write_loop() throws SQLException {
        assertThat(found(connection -> {
                    try (PreparedStatement statement =
                            connection.prepareStatement("insert into author(id, name) values (?, ?)")) {
                        for (int i = 1_000; i < 3_000; i++) {
                            statement.setInt(1, i);
                            statement.setString(2, "name " + i);
                            statement.addBatch();
                            if (i % 100 == 99) statement.executeBatch();
                        }
                    }
                }))
                .isEmpty();
    }

    @Test
    void inserts_of_many_rows_each_are_no_write_loop() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        write(
                                connection,
                                "insert into post values (?, 1, 'a'), (?, 1, 'b'), (?, 1, 'c')",
                                200 + 3 * i,
                                201 + 3 * i,
                                202 + 3 * i);
                    }
                }))
                .isEmpty();
    }

    @Test
    void a_list_that_is_the_same_each_time_does_not_hide_a_loop_over_another_key() throws SQLException {
        assertThat(found(connection -> {
                    for (int author : page(connection, 20)) {
                        read(connection, "select id from post where author = ? and title in (?, ?)", author, "a", "b");
                    }
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.N_PLUS_ONE);
    }

    @Test
    void lists_of_several_lengths_before_a_tenant_are_no_loop_over_tenants() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        boolean shorter = i % 3 == 0;
                        String sql = "select name from author where id in (?, ?" + (shorter ? "" : ", ?")
                                + ") and parent = ?";
                        if (shorter) read(connection, sql, 3 * i, 3 * i + 1, 7);
                        else read(connection, sql, 3 * i, 3 * i + 1, 3 * i + 2, 7);
                    }
                }))
                .isEmpty();
    }

    @Test
    void keys_written_into_the_text_are_an_n_plus_one_and_pages_are_not() throws SQLException {
        assertThat(found(connection -> {
                    for (int author : page(connection, 20)) {
                        read(connection, "select name from author where id = " + author);
                    }
                    for (int i = 0; i < 20; i++) {
                        read(connection, "select id from post where id > " + i * 5 + " order by id limit 5");
                    }
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.N_PLUS_ONE);
    }

    @Test
    void sorted_keys_of_which_the_first_are_the_same_are_an_n_plus_one() throws SQLException {
        assertThat(found(connection -> {
                    page(connection, 50);
                    for (int i = 0; i < 120; i++) author(connection, 1 + i / 12);
                }))
                .extracting(Finding::kind)
                .contains(FindingKind.N_PLUS_ONE)
                .doesNotContain(FindingKind.REPEATED_READ);
    }

    @Test
    void calls_for_what_a_function_does_are_no_loop() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) read(connection, "select abs(?)", i);
                }))
                .isEmpty();
    }

    @Test
    void periods_of_rows_are_an_n_plus_one_and_a_search_is_not() throws SQLException {
        int[] jumps = {40, 7, 93, 11, 64, 2, 55, 31, 78, 19, 88, 5, 42, 71, 13};
        String within = "select count(*) from post where id between ? and ?";
        assertThat(found(connection -> {
                    page(connection, 15);
                    for (int from : jumps) read(connection, within, from, from + 9);
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.N_PLUS_ONE);
        assertThat(found(connection -> {
                    for (int from : jumps) read(connection, within, from, from + 9);
                }))
                .isEmpty();
    }

    @Test
    void the_latest_row_before_each_of_many_moments_is_an_n_plus_one() throws SQLException {
        int[] jumps = {40, 7, 93, 11, 64, 2, 55, 31, 78, 19, 88, 5, 42, 71, 13};
        assertThat(found(connection -> {
                    page(connection, 15);
                    for (int moment : jumps) {
                        read(connection, "select id from post where id <= ? order by id desc limit 1", moment);
                    }
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.N_PLUS_ONE);
    }

    @Test
    void rows_read_and_written_each_in_a_transaction_of_its_own_are_units_of_work() throws SQLException {
        assertThat(found(connection -> {
                    List<Integer> due = page(connection, 30);
                    connection.setAutoCommit(false);
                    for (int id : due) {
                        read(connection, "select title from post where id = ?", id);
                        write(connection, "update post set title = ? where id = ?", "done", id);
                        connection.commit();
                    }
                }))
                .extracting(Finding::kind)
                .doesNotContain(FindingKind.N_PLUS_ONE, FindingKind.LOOP);
    }

    @Test
    void a_schema_after_the_other_is_no_loop_over_keys() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        connection.setSchema("PUBLIC");
                        author(connection, i);
                    }
                }))
                .isEmpty();
    }

    @Test
    void a_query_that_gave_no_rows_here_is_no_source_though_it_usually_gives_many() throws SQLException {
        for (int i = 0; i < 10; i++) found(connection -> page(connection, 40));

        List<Finding> found = found(connection -> {
            page(connection, 0);
            for (int id = 1; id <= 12; id++) author(connection, id);
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.LOOP);
    }

    @Test
    void values_beyond_those_that_are_compared_are_not_taken_for_the_same() throws SQLException {
        StringBuilder sql = new StringBuilder("select id from post where author = ?");
        for (int i = 0; i < 70; i++) sql.append(" and id <> ?");
        assertThat(found(connection -> {
                    for (int run = 0; run < 30; run++) {
                        Object[] values = new Object[71];
                        Arrays.fill(values, 1);
                        values[70] = run;
                        read(connection, sql.toString(), values);
                    }
                }))
                .isEmpty();
    }

    @Test
    void statements_beyond_those_that_are_judged_are_counted() throws SQLException {
        found(connection -> {
            for (int i = 0; i < 1_500; i++) read(connection, "select 1 as column" + i);
        });
        assertThat(guard.executions()).isEqualTo(1_500);
        assertThat(guard.statements()).hasSize(1_500);
    }

    @Test
    void a_clock_below_zero_counts_time_as_well() throws SQLException {
        clock.set(-(1L << 60));
        guard = watch();
        try (QueryScope scope = QueryScope.open("long");
                Connection connection = guard.getConnection()) {
            for (int i = 0; i < 10; i++) {
                clock.addAndGet(Duration.ofSeconds(1).toNanos());
                author(connection, 1);
            }
            assertThat(scope.statements()).isEqualTo(10);
            assertThat(guard.executions()).isGreaterThanOrEqualTo(8);
        }
    }

    @Test
    void a_text_that_is_null_is_refused_by_the_driver() throws SQLException {
        try (Connection connection = guard.getConnection();
                Statement statement = connection.createStatement()) {
            assertThatThrownBy(() -> statement.executeQuery(null)).isInstanceOf(SQLException.class);
            assertThatThrownBy(() -> connection.prepareStatement(null)).isInstanceOf(SQLException.class);
        }
    }

    @Test
    void a_value_of_the_applications_own_class_is_not_asked_for_its_hash() throws SQLException {
        class Money implements Comparable<Money>, java.io.Serializable {
            private static final long serialVersionUID = 1;

            @Override
            public int compareTo(Money other) {
                throw new UnsupportedOperationException("of no use here");
            }

            @Override
            public boolean equals(Object other) {
                return other instanceof Money;
            }

            @Override
            public int hashCode() {
                throw new UnsupportedOperationException("of no use here");
            }
        }
        assertThat(Values.isHash(Values.of(new Money()))).isTrue();
        assertThat(Values.of(new byte[10_000_000])).isEqualTo(Values.of(new byte[10_000_000]));
        assertThat(Values.of(new BigDecimal("12.5"))).isEqualTo(Values.of(12.5));
        assertThat(Values.isHash(Values.of(new BigDecimal("12345678901234567890"))))
                .isTrue();
    }

    @Test
    @SuppressWarnings("NullAway") // as callers without the checker may write
    void wrong_arguments_are_named() {
        assertThatThrownBy(() -> QueryGuard.watch(pool, null)).hasMessageContaining("options");
        assertThatThrownBy(() -> QueryGuard.watch(pool, options -> null)).hasMessageContaining("options gave null");
        assertThatThrownBy(() -> QueryScope.open("  ")).hasMessageContaining("must not be blank");
    }

    @Test
    void deleting_in_chunks_is_no_write_loop() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 1; i <= 20; i++) {
                        write(connection, "delete from post where id > ? and id <= ?", i * 5 - 5, i * 5);
                    }
                }))
                .isEmpty();
    }

    @Test
    void pages_by_keyset_are_not_reported() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        read(connection, "select id from post where id > ? order by id limit 5", i * 5);
                    }
                }))
                .isEmpty();
    }

    @Test
    void pages_by_a_keyset_of_two_columns_written_out_are_not_reported() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        read(
                                connection,
                                "select id from post where author <= ? and (author < ? or author = ? and id > ?) limit 5",
                                100 - i,
                                100 - i,
                                100 - i,
                                i * 7 % 20);
                    }
                }))
                .isEmpty();
    }

    @Test
    void a_limited_query_for_each_key_is_reported() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 1; i <= 20; i++) {
                        read(connection, "select id from post where author = ? and id > ? limit 5", i, i * 3 + 1_000);
                    }
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.LOOP);
    }

    @Test
    void pages_by_offset_are_not_reported() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        read(connection, "select id from post order by id limit ? offset ?", 5, i * 5);
                    }
                }))
                .isEmpty();
    }

    @Test
    void chunks_of_a_large_table_are_not_reported() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        read(connection, "select count(*) from post where id between ? and ?", i * 5, i * 5 + 4);
                    }
                }))
                .isEmpty();
    }

    @Test
    void lists_and_arrays_are_not_reported() throws SQLException {
        assertThat(found(connection -> {
                    for (int i = 0; i < 20; i++) {
                        read(connection, "select name from author where id in (?, ?, ?)", i, i + 1, i + 2);
                        read(connection, "select name from author where id = any(?)", (Object)
                                new Integer[] {i, i + 1});
                    }
                }))
                .isEmpty();
    }

    @Test
    void two_scopes_below_the_threshold_are_not_added_up() throws SQLException {
        for (int scope = 0; scope < 2; scope++) {
            assertThat(found(connection -> {
                        for (int i = 1; i <= 8; i++) author(connection, i);
                    }))
                    .isEmpty();
        }
        assertThat(guard.findings()).isEmpty();
    }

    @Test
    void calls_from_different_places_are_not_reported() throws SQLException {
        assertThat(found(connection -> {
                    author(connection, 1);
                    author(connection, 2);
                    author(connection, 3);
                    author(connection, 4);
                    author(connection, 5);
                    author(connection, 6);
                    author(connection, 7);
                    author(connection, 8);
                    author(connection, 9);
                    author(connection, 10);
                    author(connection, 11);
                    author(connection, 12);
                }))
                .isEmpty();
    }

    @Test
    void of_three_calls_in_a_test_all_have_to_come_from_one_place() throws SQLException {
        guard = watch(options -> options.threshold(3));

        assertThat(found(connection -> {
                    author(connection, 1);
                    for (int i = 2; i <= 3; i++) author(connection, i);
                }))
                .isEmpty();
        assertThat(found(connection -> {
                    for (int i = 1; i <= 3; i++) author(connection, i);
                }))
                .extracting(Finding::kind)
                .containsExactly(FindingKind.LOOP);
    }

    @Test
    void a_walk_down_a_tree_is_one_place() throws SQLException {
        List<Finding> found = found(connection -> descend(connection, 1, 0));

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.LOOP);
        assertThat(found.get(0).count()).isEqualTo(31);
        assertThat(found.get(0).callers())
                .extracting(StackTraceElement::getMethodName)
                .contains("descend");
    }

    private static void descend(Connection connection, int id, int depth) throws SQLException {
        author(connection, id);
        if (depth == 4) return;
        for (int child = id * 2; child <= id * 2 + 1; child++) {
            descend(connection, child, depth + 1);
        }
    }

    @Test
    void streams_and_lambdas_have_their_place_in_the_code() throws SQLException {
        List<Finding> found = found(connection -> IntStream.rangeClosed(1, 20).forEach(i -> {
            try {
                author(connection, i);
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }));

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.LOOP);
        assertThat(found.get(0).callers())
                .allSatisfy(
                        frame -> assertThat(frame.getClassName()).startsWith("dev.tenfold.query.guard.VerdictsTest"));
    }

    @Test
    void many_statements_are_reported_when_the_scope_ends() throws SQLException {
        guard = watch(options -> options.manyStatements(30));
        QueryScope scope = QueryScope.open("GET /page");
        try (scope;
                Connection connection = guard.getConnection()) {
            for (int i = 0; i < 25; i++) {
                read(connection, "select id from post order by id limit ? offset ?", 5, i * 5);
            }
            for (int i = 0; i < 5; i++) author(connection, i);
        }

        assertThat(guard.findings()).singleElement().satisfies(it -> {
            assertThat(it.kind()).isEqualTo(FindingKind.MANY_STATEMENTS);
            assertThat(it.statement()).contains("offset");
            assertThat(it.detail()).contains("30 statements in GET /page").contains("25 of them");
            assertThat(it.site()).isNotNull();
        });
        assertThat(scope.findings()).isEqualTo(guard.findings());
    }

    @Test
    void twenty_nine_statements_are_not_many_and_those_of_scopes_inside_count_there() throws SQLException {
        guard = watch(options -> options.manyStatements(30));
        QueryScope outer = QueryScope.open("job");
        try (outer;
                Connection connection = guard.getConnection()) {
            for (int part = 0; part < 3; part++) {
                try (QueryScope inner = QueryScope.open("part")) {
                    for (int i = 0; i < 29; i++) {
                        read(connection, "select id from post order by id limit ? offset ?", 5, i * 5);
                    }
                    assertThat(inner.statements()).isEqualTo(29);
                }
            }
        }

        assertThat(outer.statements()).isEqualTo(87);
        assertThat(guard.findings()).isEmpty();
    }

    @Test
    void totals_are_added_up_over_scopes() throws SQLException {
        for (int scope = 0; scope < 3; scope++) {
            found(connection -> {
                for (int author : page(connection, 50)) author(connection, author);
            });
        }

        assertThat(guard.findings()).singleElement().satisfies(it -> {
            assertThat(it.count()).isEqualTo(150);
            assertThat(it.scopes()).isEqualTo(3);
        });
        guard.forget();
        assertThat(guard.findings()).isEmpty();
    }
}
