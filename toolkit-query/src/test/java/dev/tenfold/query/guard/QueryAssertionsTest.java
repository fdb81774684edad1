package dev.tenfold.query.guard;

import static dev.tenfold.query.guard.QueryAssertions.assertNoFindings;
import static dev.tenfold.query.guard.QueryAssertions.assertQueries;
import static dev.tenfold.query.guard.QueryAssertions.constant;
import static dev.tenfold.query.guard.QueryAssertions.exactly;
import static dev.tenfold.query.guard.QueryAssertions.max;
import static dev.tenfold.query.guard.QueryAssertions.none;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.tenfold.testkit.Await;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.h2.jdbc.JdbcResultSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

@SuppressWarnings("try") // a scope is opened for what runs in it
class QueryAssertionsTest {
    private final Posts posts = new Posts();
    private final ExecutorService pool = Executors.newFixedThreadPool(2, task -> new Thread(task, "mailer-1"));

    @AfterEach
    void close() throws SQLException {
        pool.shutdownNow();
        posts.close();
        assertThat(Tally.all).as("assertions left open").isNull();
        assertThat(ThreadState.current().scope()).as("scope left open").isNull();
    }

    // ---- limits -----------------------------------------------------------------------------------------------------

    @Test
    void as_many_as_allowed_pass_and_the_value_is_returned() throws SQLException {
        List<String> page = assertQueries(max(1), () -> posts.page());
        assertQueries(max(2), posts::page);
        assertQueries(exactly(6), () -> posts.pageOneByOne());

        assertThat(page).containsExactly("author 1", "author 2", "author 3", "author 4", "author 5");
    }

    @Test
    void code_without_statements_passes_where_none_is_expected() {
        assertQueries(none(), () -> {});
        assertQueries(max(0).selects(), () -> {});
    }

    @Test
    void code_whose_data_source_is_not_watched_fails_as_no_statement_is_seen() {
        assertThatThrownBy(() -> assertQueries(max(2), this::readUnwatched))
                .isExactlyInstanceOf(AssertionError.class)
                .hasMessage(
                        "no statement was executed, on any thread: does the code run one, and is its data source the one"
                                + " that QueryGuard.watch returned? If none is right, say none()");
        assertThatThrownBy(() -> assertQueries(max(2).selects().onAllThreads(), this::readUnwatched))
                .hasMessageStartingWith("no statement was executed, on any thread: ");
        assertThatThrownBy(() -> assertQueries(max(2).ignoringOtherThreads(), this::readUnwatched))
                .hasMessageStartingWith("no statement was executed, on any thread: ");
        assertThatThrownBy(() -> assertNoFindings(this::readUnwatched))
                .isExactlyInstanceOf(AssertionError.class)
                .message()
                .startsWith("no statement was executed, on any thread: ")
                .endsWith("say assertQueries(none(), …)");
    }

    @Test
    void a_statement_of_another_kind_or_thread_shows_that_the_data_source_is_watched() throws Exception {
        assertQueries(max(2).selects(), () -> {
            try (Connection connection = posts.guard.getConnection();
                    Statement statement = connection.createStatement()) {
                statement.executeUpdate("update author set name = 'x'");
            }
        });
        assertQueries(max(2).ignoringOtherThreads(), () -> onPool(() -> posts.author(1)));
    }

    @Test
    void too_many_fail_with_a_table_of_the_statements_and_where_they_came_from() {
        assertThatThrownBy(() -> assertQueries(max(2), () -> posts.pageOneByOne()))
                .isExactlyInstanceOf(AssertionError.class)
                .message()
                .startsWith("expected at most 2 statements, but there were 6")
                .containsPattern("5 × select name from author where id = \\?  \\(\\d+\\.\\d ms\\)"
                        + "\\R +at .*Posts\\.author\\(Posts\\.java:\\d+\\)"
                        + "\\R +1 × select author_id from post order by id  \\(\\d+\\.\\d ms\\)"
                        + "\\R +at .*Posts\\.authorIds\\(Posts\\.java:\\d+\\)");
    }

    @Test
    void a_failure_tells_what_the_guard_found() {
        assertThatThrownBy(() -> assertQueries(max(2), () -> posts.authors(5)))
                .message()
                .contains("LOOP: ")
                .contains("remedy ");
    }

    @Test
    void too_few_fail_where_a_number_is_exact() {
        assertThatThrownBy(() -> assertQueries(exactly(2), () -> posts.page()))
                .hasMessageStartingWith("expected exactly 2 statements, but there was 1");
        assertThatThrownBy(() -> assertQueries(exactly(1), () -> {}))
                .hasMessage("expected exactly 1 statement, but there were none");
    }

    @Test
    void one_where_none_is_allowed_fails() {
        assertThatThrownBy(() -> assertQueries(none(), () -> posts.page()))
                .hasMessageStartingWith("expected no statement, but there was 1");
    }

    @Test
    void numbers_below_zero_are_refused() {
        assertThatThrownBy(() -> max(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("max(-1) must be 0 or more");
        assertThatThrownBy(() -> exactly(-2)).hasMessage("exactly(-2) must be 0 or more");
    }

    @Test
    void what_the_action_throws_is_thrown_as_it_is() {
        IOException checked = new IOException("disk");
        assertThatThrownBy(() -> assertQueries(none(), () -> {
                    posts.page();
                    throw checked;
                }))
                .isSameAs(checked);

        AssertionError unchecked = new AssertionError("other");
        assertThatThrownBy(() -> assertNoFindings(() -> {
                    throw unchecked;
                }))
                .isSameAs(unchecked)
                .hasNoSuppressedExceptions();
    }

    @Test
    void an_assertion_inside_of_another_counts_to_both() throws SQLException {
        assertQueries(exactly(3), () -> {
            posts.page();
            assertQueries(exactly(1), () -> posts.page());
            posts.page();
        });
    }

    @Test
    void a_scope_that_the_code_opens_itself_counts() throws SQLException {
        assertQueries(exactly(2), () -> {
            try (QueryScope unused = QueryScope.open("GET /feed")) {
                posts.page();
            }
            posts.page();
        });
    }

    @Test
    void an_assertion_in_a_scope_counts_what_is_inside_of_itself() throws SQLException {
        try (QueryScope scope = QueryScope.open("outer")) {
            posts.page();
            assertQueries(exactly(1), () -> posts.page());
            posts.page();

            assertThat(scope.statements()).isEqualTo(3);
        }
    }

    @Test
    void a_connection_that_was_borrowed_before_counts() throws SQLException {
        try (Connection connection = posts.guard.getConnection()) {
            Posts.author(connection, 1);
            assertQueries(exactly(2), () -> {
                Posts.author(connection, 1);
                Posts.author(connection, 2);
            });
        }
    }

    @Test
    void a_batch_is_one_statement_and_one_that_fails_counts() throws SQLException {
        assertQueries(exactly(2), () -> {
            try (Connection connection = posts.guard.getConnection()) {
                try (PreparedStatement insert = connection.prepareStatement("insert into author values (?, 'x')")) {
                    for (int i = 10; i < 20; i++) {
                        insert.setInt(1, i);
                        insert.addBatch();
                    }
                    insert.executeBatch();
                }
                try (PreparedStatement insert = connection.prepareStatement("insert into author values (?, 'x')")) {
                    insert.setInt(1, 10);
                    assertThatThrownBy(insert::executeUpdate).isInstanceOf(SQLException.class);
                }
            }
        });
    }

    @Test
    void statements_of_two_data_sources_count() throws SQLException {
        try (Posts others = new Posts()) {
            assertThatThrownBy(() -> assertQueries(max(1), () -> {
                        posts.page();
                        others.page();
                    }))
                    .hasMessageContaining("\n     2 × select a.name");
        }
    }

    @Test
    void only_queries_count_if_asked_for() throws SQLException {
        QueryAssertions.Action<SQLException> readAndWrite = () -> {
            posts.page();
            try (Connection connection = posts.guard.getConnection();
                    Statement statement = connection.createStatement()) {
                statement.executeUpdate("update author set name = 'x'");
            }
        };
        assertQueries(exactly(1).selects(), readAndWrite);
        assertQueries(exactly(2), readAndWrite);
        assertThatThrownBy(() -> assertQueries(none().selects(), readAndWrite))
                .hasMessageStartingWith("expected no query, but there was 1");
    }

    // ---- threads ----------------------------------------------------------------------------------------------------

    @Test
    void threads_that_are_started_inside_count() {
        assertQueries(exactly(3), () -> {
            posts.author(1);
            Thread child = new Thread(() -> {
                posts.author(2);
                Thread grandchild = new Thread(() -> posts.author(3));
                grandchild.start();
                join(grandchild);
            });
            child.start();
            join(child);
        });
    }

    @Test
    void a_thread_counts_to_the_scopes_that_are_still_open() throws Exception {
        CountDownLatch closed = new CountDownLatch(1);
        assertQueries(exactly(1), () -> {
            Thread child = new Thread(() -> {
                Await.latch(closed);
                posts.author(1);
            });
            try (QueryScope unused = QueryScope.open("inner")) {
                child.start();
            }
            closed.countDown();
            join(child);
        });
    }

    @Test
    void statements_of_a_pools_thread_make_an_assertion_inconclusive() throws Exception {
        onPool(() -> posts.author(1));
        assertThatThrownBy(() -> assertQueries(max(2), () -> onPool(() -> posts.authors(3))))
                .isExactlyInstanceOf(AssertionError.class)
                .hasMessage(
                        "inconclusive: 3 statements ran on mailer-1, which is in no scope: wrap the tasks of that pool"
                                + " by QueryScope.wrap, or count all threads by max(…).onAllThreads(), or, if they are of no"
                                + " interest, say ignoringOtherThreads()");
        assertThatThrownBy(() -> assertNoFindings(() -> onPool(() -> posts.author(1))))
                .hasMessageStartingWith("inconclusive: 1 statement ran on mailer-1");
        assertThatThrownBy(() -> assertQueries(constant(rows -> posts.seed(rows)), () -> {
                    posts.page();
                    onPool(() -> posts.authorIds());
                }))
                .hasMessageStartingWith("inconclusive: 1 statement ran on mailer-1");
    }

    @Test
    void a_pools_thread_that_is_made_inside_does_not_belong_to_the_assertion() {
        assertThatThrownBy(() -> assertQueries(max(2), () -> onPool(() -> posts.author(1))))
                .hasMessageStartingWith("inconclusive: 1 statement ran on mailer-1");
    }

    @Test
    void a_failure_says_which_statements_did_not_count() {
        assertThatThrownBy(() -> assertQueries(exactly(2), () -> onPool(() -> posts.authors(2))))
                .hasMessage(
                        String.format(
                                "expected exactly 2 statements, but there were none%n%nnot counted: 2 statements"
                                        + " ran on mailer-1, which is in no scope; to count them, wrap their tasks by QueryScope.wrap"));
    }

    @Test
    void tasks_that_are_wrapped_count() throws Exception {
        assertQueries(exactly(2), () -> {
            Runnable task = QueryScope.wrap(() -> posts.authors(2));
            onPool(task::run);
        });
    }

    @Test
    void all_threads_count_if_asked_for() throws Exception {
        assertQueries(exactly(3).onAllThreads(), () -> {
            posts.author(1);
            onPool(() -> posts.authors(2));
        });
        assertThatThrownBy(() -> assertQueries(max(1).onAllThreads(), () -> onPool(() -> posts.authors(2))))
                .hasMessageStartingWith("expected at most 1 statement, but there were 2");
    }

    @Test
    void other_threads_can_be_ignored() throws Exception {
        assertQueries(none().ignoringOtherThreads(), () -> onPool(() -> posts.author(1)));
        assertQueries(constant(rows -> posts.seed(rows)).ignoringOtherThreads(), () -> {
            posts.page();
            onPool(() -> posts.pageOneByOne());
        });
    }

    @Test
    void a_request_that_another_thread_serves_in_a_scope_of_its_own_makes_an_assertion_inconclusive() {
        assertThatThrownBy(() -> assertQueries(
                        max(2),
                        () -> onPool(() -> {
                            try (QueryScope unused = QueryScope.open("GET /feed")) {
                                posts.authors(3);
                            }
                        })))
                .hasMessageStartingWith("inconclusive: 3 statements ran on mailer-1, in scope 'GET /feed' of its own:");
    }

    @Test
    void statements_that_may_be_of_a_scope_open_elsewhere_do_not_fail_an_assertion() throws Exception {
        CountDownLatch open = new CountDownLatch(1);
        CountDownLatch asserted = new CountDownLatch(1);
        Thread other = new Thread(() -> {
            try (QueryScope unused = QueryScope.open("another test's")) {
                open.countDown();
                Await.latch(asserted);
            }
        });
        other.start();
        Await.latch(open);
        try {
            assertQueries(none(), () -> onPool(() -> posts.author(1)));
        } finally {
            asserted.countDown();
            join(other);
        }
    }

    @Test
    void statements_that_may_be_of_a_parallel_assertions_pool_do_not_fail_an_assertion() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch asserted = new CountDownLatch(1);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread other = new Thread(() -> thrown.set(catchThrowable(() -> assertQueries(exactly(1), () -> {
            posts.author(1);
            began.countDown();
            Await.latch(asserted);
        }))));
        assertQueries(none(), () -> {
            onPool(other::start);
            Await.latch(began);
            onPool(() -> posts.author(1));
        });
        asserted.countDown();
        join(other);

        assertThat(thrown.get()).isNull();
    }

    @Test
    void what_runs_under_a_preemptive_timeout_counts() {
        assertQueries(exactly(2), () -> assertTimeoutPreemptively(Duration.ofSeconds(20), () -> posts.authors(2)));
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertQueries(exactly(2), () -> posts.authors(2)));
    }

    // ---- growth -----------------------------------------------------------------------------------------------------

    @Test
    void statements_that_do_not_grow_with_the_data_pass() throws SQLException {
        List<String> page = assertQueries(constant(rows -> posts.seed(rows)), () -> posts.page());

        assertThat(page).hasSize(5);
    }

    @Test
    void statements_that_grow_with_the_data_fail_and_are_named() {
        assertThatThrownBy(() -> assertQueries(constant(rows -> posts.seed(rows)), () -> posts.pageOneByOne()))
                .isExactlyInstanceOf(AssertionError.class)
                .message()
                .startsWith("expected no more statements for 5 rows than for 2, but there were 3 → 6; these grew:\n"
                        + "  2 → 5 × select name from author where id = ?\n         at ")
                .containsPattern("these did not:\n  1 → 1 × select author_id from post order by id\n         at ");
    }

    @Test
    void growth_is_seen_between_any_two_sizes() {
        assertThatThrownBy(() ->
                        assertQueries(constant(rows -> posts.seed(rows)).sizes(10, 30), () -> posts.pageOneByOne()))
                .hasMessageContaining("10 → 30 × select name");
        assertThatThrownBy(() -> constant(rows -> {}).sizes(5, 5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("sizes(5, 5): 1 or more rows first, then more of them");
    }

    @Test
    void a_statement_that_is_executed_the_first_time_only_is_no_growth() throws SQLException {
        AtomicReference<String> cached = new AtomicReference<>();
        assertQueries(constant(rows -> posts.seed(rows)), () -> {
            if (cached.get() == null) cached.set(posts.author(1));
            return posts.page();
        });
    }

    @Test
    void statements_of_the_seed_do_not_count() throws SQLException {
        assertQueries(
                constant(rows -> {
                    posts.seed(rows);
                    posts.authors(rows);
                }),
                () -> posts.page());
    }

    @Test
    void what_the_seed_throws_is_thrown_as_it_is() {
        SQLException broken = new SQLException("no table");
        assertThatThrownBy(() -> assertQueries(
                        constant(rows -> {
                            throw broken;
                        }),
                        () -> posts.page()))
                .isSameAs(broken);
    }

    @Test
    void a_growth_test_that_sees_no_statement_fails() {
        assertThatThrownBy(() -> assertQueries(constant(rows -> posts.seed(rows)), () -> {}))
                .hasMessageStartingWith("no statement was executed, neither for 2 rows nor for 5:");
    }

    @Test
    void a_seed_that_does_nothing_makes_a_growth_test_inconclusive() {
        assertThatThrownBy(() -> assertQueries(constant(rows -> {}), () -> posts.pageOneByOne()))
                .isExactlyInstanceOf(AssertionError.class)
                .message()
                .startsWith(
                        "inconclusive: the action read no more rows after seed(5) than after seed(2): does seed commit,"
                                + " does the action read what it seeds, and not from a cache? If it reads as many rows whatever there are,"
                                + " as count(*) does, say constant(…).readingFixedRows()")
                .contains("5 × select name from author where id = ?")
                .contains("1 × select author_id from post");
        assertThatThrownBy(() -> assertQueries(constant(rows -> {}).sizes(3, 9), () -> posts.page()))
                .hasMessageStartingWith(
                        "inconclusive: the action read no more rows after seed(9) than after seed(3): ");
    }

    @Test
    void a_seed_that_is_not_committed_makes_a_growth_test_inconclusive() throws SQLException {
        try (Connection seeding = posts.guard.target().getConnection();
                Statement statement = seeding.createStatement()) {
            seeding.setAutoCommit(false);
            assertThatThrownBy(() -> assertQueries(
                            constant(rows -> {
                                for (int i = 0; i < rows; i++) {
                                    statement.execute("insert into author values (" + (100 * rows + i) + ", 'x')");
                                }
                            }),
                            () -> posts.page()))
                    .hasMessageStartingWith("inconclusive: the action read no more rows");
            seeding.rollback();
        }
    }

    @Test
    void an_action_that_reads_from_a_cache_the_second_time_makes_a_growth_test_inconclusive() {
        List<String> cached = new ArrayList<>();
        assertThatThrownBy(() -> assertQueries(constant(rows -> posts.seed(rows)), () -> {
                    if (cached.isEmpty()) cached.addAll(posts.page());
                }))
                .hasMessageStartingWith("inconclusive: the action read no more rows");
    }

    @Test
    void an_action_that_reads_a_fixed_number_of_rows_passes_if_it_is_said() throws SQLException {
        QueryAssertions.Action<SQLException> count = () -> read("select count(*) from post");

        assertThatThrownBy(() -> assertQueries(constant(rows -> posts.seed(rows)), count))
                .hasMessageStartingWith("inconclusive: the action read no more rows")
                .hasMessageContaining("readingFixedRows()");
        assertQueries(constant(rows -> posts.seed(rows)).readingFixedRows(), count);
        assertQueries(constant(rows -> posts.seed(rows)).readingFixedRows().sizes(1, 3), count);
        assertQueries(
                constant(rows -> posts.seed(rows))
                        .readingFixedRows()
                        .onAllThreads()
                        .ignoringOtherThreads(),
                count);
        assertThatThrownBy(() -> assertQueries(
                        constant(rows -> posts.seed(rows)).readingFixedRows(), () -> posts.pageOneByOne()))
                .hasMessageStartingWith("expected no more statements");
    }

    @Test
    void a_fixed_query_beside_one_that_gives_more_rows_is_no_matter() throws SQLException {
        assertQueries(constant(rows -> posts.seed(rows)), () -> {
            read("select count(*) from post");
            posts.page();
        });
    }

    @Test
    void rows_that_are_read_in_scopes_and_threads_inside_are_seen() throws SQLException {
        assertQueries(constant(rows -> posts.seed(rows)), () -> {
            try (QueryScope unused = QueryScope.open("GET /feed")) {
                posts.page();
            }
        });
        assertThatThrownBy(() -> assertQueries(constant(rows -> {}), () -> {
                    try (QueryScope unused = QueryScope.open("GET /feed")) {
                        posts.page();
                    }
                }))
                .hasMessageStartingWith("inconclusive: the action read no more rows");
        assertQueries(
                constant(rows -> posts.seed(rows)),
                () -> assertQueries(
                        max(1),
                        () -> join(started(() -> assertThatCode(posts::page).doesNotThrowAnyException()))));
    }

    @Test
    void a_growth_test_does_not_fail_for_rows_that_cannot_be_seen() throws Exception {
        assertQueries(constant(rows -> {}), () -> {
            try (Connection connection = posts.guard.getConnection();
                    Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery("select * from post")) {
                ResultSet own = rows.unwrap(JdbcResultSet.class);
                while (own.next()) assertThat(own.getLong(1)).isPositive();
            }
        });
        assertQueries(constant(rows -> {}).onAllThreads(), () -> onPool(() -> posts.page()));
        assertQueries(constant(rows -> {}), () -> {
            try (Connection connection = posts.guard.getConnection();
                    Statement statement = connection.createStatement()) {
                statement.executeUpdate("update author set name = 'x'");
            }
        });
    }

    // ---- findings ---------------------------------------------------------------------------------------------------

    @Test
    void code_without_findings_passes_and_its_value_is_returned() throws SQLException {
        List<String> page = assertNoFindings(() -> posts.page());

        assertThat(page).hasSize(5);
    }

    @Test
    void two_executions_are_no_finding_and_three_are() {
        assertNoFindings(() -> posts.authors(2));
        assertThatThrownBy(() -> assertNoFindings(() -> posts.authors(3)))
                .isExactlyInstanceOf(AssertionError.class)
                .message()
                .startsWith("1 finding:\n\nLOOP: ")
                .contains("statement  select name from author where id = ?")
                .containsPattern("at .*Posts\\.author\\(Posts\\.java:");
    }

    @Test
    void what_is_found_in_a_scope_that_the_code_opens_fails() {
        assertThatThrownBy(() -> assertNoFindings(() -> {
                    try (QueryScope unused = QueryScope.open("GET /feed")) {
                        posts.authors(3);
                    }
                }))
                .hasMessageStartingWith("1 finding:\n\nLOOP: ");
    }

    @Test
    void what_is_found_on_a_thread_that_is_started_inside_fails() {
        assertThatThrownBy(() -> assertNoFindings(() -> {
                    Thread child = new Thread(() -> posts.authors(3));
                    child.start();
                    join(child);
                }))
                .hasMessageStartingWith("1 finding:\n\nLOOP: ");
    }

    // ---- bad input --------------------------------------------------------------------------------------------------

    @Test
    @SuppressWarnings("NullAway") // gives nulls on purpose
    void null_is_refused_by_name() {
        QueryAssertions.Action<RuntimeException> action = () -> {};
        QueryAssertions.Question<String, RuntimeException> question = () -> "";
        assertRefused("seed", () -> constant(null));
        assertRefused("expected", () -> assertQueries((QueryAssertions.Limit) null, action));
        assertRefused("expected", () -> assertQueries((QueryAssertions.Limit) null, question));
        assertRefused("expected", () -> assertQueries((QueryAssertions.Growth) null, action));
        assertRefused("expected", () -> assertQueries((QueryAssertions.Growth) null, question));
        assertRefused("action", () -> assertQueries(none(), (QueryAssertions.Action<RuntimeException>) null));
        assertRefused("action", () -> assertQueries(none(), (QueryAssertions.Question<String, RuntimeException>) null));
        QueryAssertions.Growth growth = constant(rows -> {});
        assertRefused("action", () -> assertQueries(growth, (QueryAssertions.Action<RuntimeException>) null));
        assertRefused("action", () -> assertQueries(growth, (QueryAssertions.Question<String, RuntimeException>) null));
        assertRefused("action", () -> assertNoFindings((QueryAssertions.Action<RuntimeException>) null));
        assertRefused("action", () -> assertNoFindings((QueryAssertions.Question<String, RuntimeException>) null));
    }

    private static void assertRefused(String parameter, ThrowingCallable call) {
        assertThatThrownBy(call).isExactlyInstanceOf(NullPointerException.class).hasMessage(parameter);
    }

    // ---- without JUnit, and without a guard -------------------------------------------------------------------------

    @Test
    void it_works_without_junit_and_says_if_no_data_source_is_watched() throws Exception {
        URL[] alone = {
            QueryAssertions.class.getProtectionDomain().getCodeSource().getLocation(),
            Logger.class.getProtectionDomain().getCodeSource().getLocation()
        };
        try (URLClassLoader loader = new URLClassLoader(alone, ClassLoader.getPlatformClassLoader())) {
            assertThatThrownBy(() -> loader.loadClass("org.junit.jupiter.api.Test"))
                    .isInstanceOf(ClassNotFoundException.class);
            Class<?> assertions = loader.loadClass(QueryAssertions.class.getName());
            Class<?> action = loader.loadClass(QueryAssertions.Action.class.getName());
            Object limit = assertions.getMethod("max", int.class).invoke(null, 2);
            Object nothing = Proxy.newProxyInstance(loader, new Class<?>[] {action}, (proxy, method, args) -> null);
            Method assertQueries = assertions.getMethod("assertQueries", limit.getClass(), action);
            Object baseline = loader.loadClass(Baseline.class.getName())
                    .getMethod("at", String.class)
                    .invoke(null, "target/no.baseline");

            assertThatThrownBy(() -> assertQueries.invoke(null, limit, nothing))
                    .cause()
                    .isExactlyInstanceOf(AssertionError.class)
                    .hasMessage(
                            "no data source is watched, so no statement can be seen: wrap it by QueryGuard.watch(…)");
            assertThat(baseline).hasToString(Baseline.at("target/no.baseline").toString());
        }
    }

    private void readUnwatched() throws SQLException {
        try (Connection connection = posts.guard.target().getConnection()) {
            Posts.author(connection, 1);
        }
    }

    private void read(String query) throws SQLException {
        try (Connection connection = posts.guard.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            while (rows.next()) assertThat(rows.getLong(1)).isPositive();
        }
    }

    private static Thread started(Runnable task) {
        Thread thread = new Thread(task);
        thread.start();
        return thread;
    }

    private void onPool(QueryAssertions.Action<? extends Exception> task) throws Exception {
        pool.submit(() -> {
                    task.run();
                    return true;
                })
                .get();
    }

    private static void join(Thread thread) {
        try {
            thread.join(Await.LIMIT.toMillis());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertThat(thread.isAlive()).isFalse();
    }
}
