package dev.tenfold.query.guard;

import static dev.tenfold.query.guard.QueryAssertions.assertNoFindings;
import static dev.tenfold.query.guard.QueryAssertions.assertQueries;
import static dev.tenfold.query.guard.QueryAssertions.constant;
import static dev.tenfold.query.guard.QueryAssertions.exactly;
import static dev.tenfold.query.guard.QueryAssertions.max;
import static dev.tenfold.query.guard.QueryAssertions.none;
import static org.assertj.core.api.Assertions.assertThat;
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
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
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
    void code_without_statements_passes_where_some_data_source_is_watched() {
        assertQueries(none(), () -> {});
        assertQueries(max(2), () -> {});
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
    @EnabledForJreRange(min = JRE.JAVA_21)
    void virtual_threads_that_are_started_inside_count() throws Exception {
        Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
        ExecutorService executor = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try {
            assertQueries(exactly(21), () -> {
                join((Thread) start.invoke(null, (Runnable) () -> posts.author(1)));
                List<Callable<String>> tasks = new ArrayList<>();
                for (int i = 0; i < 20; i++) {
                    int id = i;
                    tasks.add(() -> posts.author(id));
                }
                executor.invokeAll(tasks);
            });
        } finally {
            executor.shutdown();
        }
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
