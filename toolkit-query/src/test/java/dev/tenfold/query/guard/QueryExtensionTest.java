package dev.tenfold.query.guard;

import static dev.tenfold.query.guard.QueryAssertions.assertQueries;
import static dev.tenfold.query.guard.QueryAssertions.exactly;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import dev.tenfold.testkit.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

/** Runs classes of tests in JUnit itself, and looks at what became of them. */
class QueryExtensionTest {
    private static final Posts POSTS = new Posts();

    @AfterAll
    static void close() throws SQLException {
        POSTS.close();
        assertThat(Tally.all).as("assertions left open").isNull();
    }

    // ---- @ExpectQueries ---------------------------------------------------------------------------------------------

    static class OnMethods {
        @Test
        @ExpectQueries(max = 2)
        void few_enough() {
            POSTS.authors(2);
        }

        @Test
        @ExpectQueries(max = 2)
        void too_many() {
            POSTS.authors(3);
        }

        @Test
        @ExpectQueries(exactly = 2)
        void too_few() {
            POSTS.authors(1);
        }

        @Test
        @ExpectQueries(max = 0, selects = true)
        void no_reads() {
            POSTS.authors(1);
        }

        @Test
        @ExpectQueries(max = 1, exactly = 1)
        void contradictory() {
            throw new AssertionError("must not run");
        }

        @Test
        @ExpectQueries(max = -5)
        void below_zero() {
            throw new AssertionError("must not run");
        }

        @Test
        @ExpectQueries(exactly = -2, selects = true)
        void exactly_below_zero() {
            throw new AssertionError("must not run");
        }

        @Test
        @ExpectQueries(onAllThreads = true)
        void no_number() {
            throw new AssertionError("must not run");
        }

        @Test
        @ExpectQueries(max = 2)
        void unwatched() throws SQLException {
            readUnwatched();
        }

        @Test
        @ExpectQueries(max = 0)
        void unwatched_where_none_is_expected() throws SQLException {
            readUnwatched();
        }

        @Test
        @ExpectQueries(max = 0)
        void fails_by_itself() {
            POSTS.authors(1);
            throw new IllegalStateException("mine");
        }

        @Test
        @ExpectQueries(max = 1)
        @Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
        void on_a_thread_of_its_own() {
            POSTS.authors(2);
        }

        @Test
        @ExpectQueries(max = 1)
        void on_another_thread() throws InterruptedException {
            Thread pool = otherThread(() -> POSTS.authors(2));
            pool.join();
        }

        @Test
        @ExpectQueries(max = 1, ignoringOtherThreads = true)
        void on_another_thread_that_is_ignored() throws InterruptedException {
            otherThread(() -> POSTS.authors(2)).join();
        }

        @Test
        @ExpectQueries(max = 1, onAllThreads = true)
        void on_another_thread_that_counts() throws InterruptedException {
            otherThread(() -> POSTS.authors(2)).join();
        }

        @Test
        void not_asked_for() {
            POSTS.authors(20);
        }
    }

    @Test
    void a_method_is_held_to_its_number() {
        Map<String, String> results = results(run(OnMethods.class, false));

        assertThat(results).containsEntry("few enough", "passed").containsEntry("not asked for", "passed");
        assertThat(results.get("too many")).startsWith("expected at most 2 statements, but there were 3\n");
        assertThat(results.get("too few")).startsWith("expected exactly 2 statements, but there was 1\n");
        assertThat(results.get("no reads")).startsWith("expected no query, but there was 1\n");
        assertThat(results)
                .containsEntry("contradictory", "@ExpectQueries on OnMethods.contradictory() says both max and exactly")
                .containsEntry("below zero", "@ExpectQueries on OnMethods.below_zero(): max = -5 must be 0 or more")
                .containsEntry(
                        "exactly below zero",
                        "@ExpectQueries on OnMethods.exactly_below_zero(): exactly = -2 must be 0 or more")
                .containsEntry("no number", "@ExpectQueries on OnMethods.no_number() has to say max or exactly")
                .containsEntry(
                        "unwatched",
                        "no statement was executed, on any thread: does the code run one, and is its data source the one"
                                + " that QueryGuard.watch returned? If none is right, say @ExpectQueries(max = 0)")
                .containsEntry("unwatched where none is expected", "passed");
        assertThat(results).containsEntry("fails by itself", "mine");
        assertThat(results.get("on a thread of its own"))
                .startsWith("expected at most 1 statement, but there were 2\n");
        assertThat(results.get("on another thread")).startsWith("inconclusive: 2 statements ran on stranger, ");
        assertThat(results).containsEntry("on another thread that is ignored", "passed");
        assertThat(results.get("on another thread that counts"))
                .startsWith("expected at most 1 statement, but there were 2\n");
    }

    /** Counts nothing to what is around the test. */
    static final class Around implements BeforeTestExecutionCallback, AfterTestExecutionCallback {
        @Override
        public void beforeTestExecution(ExtensionContext context) {
            POSTS.authors(7);
        }

        @Override
        public void afterTestExecution(ExtensionContext context) {
            POSTS.authors(7);
        }
    }

    @ExpectQueries(exactly = 1)
    @ExtendWith(Around.class)
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    static class OnClass {
        @BeforeEach
        void before() {
            POSTS.authors(5);
        }

        @AfterEach
        void after() {
            POSTS.authors(5);
        }

        @Test
        void as_the_class_says() {
            POSTS.authors(1);
        }

        @Test
        @ExpectQueries(exactly = 2)
        void as_the_method_says() {
            POSTS.authors(2);
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        void of_parameters(int statements) {
            POSTS.authors(statements);
        }

        @RepeatedTest(2)
        void repeated(RepetitionInfo repetition) {
            POSTS.authors(repetition.getCurrentRepetition());
        }

        @TestFactory
        Stream<DynamicTest> dynamic() {
            POSTS.authors(4);
            return Stream.of(1, 2).map(n -> dynamicTest("dynamic " + n, () -> POSTS.authors(n)));
        }

        @Nested
        class Inner {
            @Test
            void nested_too_many() {
                POSTS.authors(2);
            }

            @Nested
            @ExpectQueries(exactly = 2)
            class Innermost {
                @Test
                void nested_as_its_class_says() {
                    POSTS.authors(2);
                }
            }
        }
    }

    static class Inherited extends OnClass {}

    @Test
    void a_class_holds_each_of_its_tests_to_its_number_and_nothing_around_them() {
        for (Class<?> type : new Class<?>[] {OnClass.class, Inherited.class}) {
            Map<String, String> results = results(run(type, false));

            String two = "expected exactly 1 statement, but there were 2";
            assertThat(results)
                    .containsEntry("as the class says", "passed")
                    .containsEntry("as the method says", "passed")
                    .containsEntry("dynamic 1", "passed")
                    .containsEntry("repetition 1 of 2", "passed")
                    .containsEntry("nested as its class says", "passed");
            assertThat(results.get("dynamic 2")).startsWith(two);
            assertThat(results.get("repetition 2 of 2")).startsWith(two);
            assertThat(results.get("nested too many")).startsWith(two);
            assertThat(results).hasSize(10);
            assertThat(results.values().stream().filter("passed"::equals)).hasSize(6);
        }
    }

    // ---- parallel ---------------------------------------------------------------------------------------------------

    static class Parallel {
        static IntStream numbers() {
            return IntStream.rangeClosed(0, 30);
        }

        @ParameterizedTest
        @MethodSource("numbers")
        void counts_its_own(int statements) {
            assertQueries(exactly(statements), () -> POSTS.authors(statements));
        }

        @ParameterizedTest
        @MethodSource("numbers")
        void counts_its_threads(int statements) {
            assertQueries(exactly(statements), () -> {
                Thread child = new Thread(() -> POSTS.authors(statements));
                child.start();
                try {
                    child.join(Await.LIMIT.toMillis());
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
        }

        @RepeatedTest(30)
        @ExpectQueries(exactly = 9)
        void nine() {
            POSTS.authors(4);
            assertQueries(exactly(5), () -> POSTS.authors(5));
        }

        @RepeatedTest(30)
        @ExpectQueries(exactly = 8)
        void nine_again() {
            POSTS.authors(9);
        }

        @RepeatedTest(2)
        @ExpectQueries(max = 0)
        void others_pools_are_not_mine() throws InterruptedException {
            otherThread(() -> POSTS.authors(1)).join();
        }

        @RepeatedTest(30)
        void unwatched() {
            POSTS.authors(3);
        }
    }

    @Test
    void parallel_tests_count_their_own_statements_only() {
        Events tests = run(Parallel.class, true);

        tests.assertStatistics(counts -> counts.started(31 * 2 + 30 * 3 + 2).failed(30));
        assertThat(tests.failed().stream()
                        .map(event -> event.getRequiredPayload(TestExecutionResult.class)
                                .getThrowable()
                                .orElseThrow()
                                .getMessage()))
                .allMatch(message -> message.startsWith("expected exactly 8 statements, but there were 9\n"));
    }

    // ---- @WatchQueries ----------------------------------------------------------------------------------------------

    private static final String FILE = "target/query-extension-test.baseline";

    @WatchQueries(baseline = FILE)
    static class Watched {
        @BeforeEach
        void before() {
            POSTS.authors(5);
        }

        @Test
        void well() throws SQLException {
            POSTS.page();
        }

        @Test
        void loop() {
            POSTS.authors(3);
        }

        @Test
        @WatchQueries(kinds = FindingKind.WRITE_LOOP)
        void loop_of_another_kind() {
            POSTS.authors(3);
        }

        @Test
        @WatchQueries
        @ExpectQueries(max = 3)
        void loop_with_a_number() {
            POSTS.authors(3);
        }
    }

    @Test
    void a_watched_class_fails_with_new_findings_until_they_are_in_the_baseline() throws IOException {
        Path file = Path.of(Baseline.at(FILE).toString());
        Files.deleteIfExists(file);
        Map<String, String> before = results(run(Watched.class, false));
        Map<String, String> written;
        System.setProperty("tenfold.baseline", "write");
        try {
            written = results(run(Watched.class, true));
        } finally {
            System.clearProperty("tenfold.baseline");
        }
        Map<String, String> after = results(run(Watched.class, false));

        assertThat(before)
                .containsEntry("well", "passed")
                .containsEntry("loop of another kind", "passed")
                .hasSize(4);
        assertThat(before.get("loop")).startsWith("1 finding that is not in " + file + "\n\nLOOP: ");
        assertThat(before.get("loop with a number")).startsWith("1 finding:\n\nLOOP: ");
        assertThat(written).containsEntry("loop", "passed");
        assertThat(after).containsEntry("loop", "passed");
        assertThat(Files.readAllLines(file)).hasSize(1);
        Files.delete(file);
    }

    @WatchQueries
    static class Unwatched {
        @Test
        void reads() throws SQLException {
            readUnwatched();
        }

        @RepeatedTest(2)
        void reads_nothing() {}
    }

    @Test
    void tests_without_statements_pass_and_a_run_without_any_is_warned_of() {
        Map<String, String> results = new TreeMap<>();
        String log = logged(() -> results.putAll(results(run(Unwatched.class, false))));

        assertThat(results)
                .hasSize(3)
                .allSatisfy((test, result) -> assertThat(result).isEqualTo("passed"));
        assertThat(log)
                .containsOnlyOnce(
                        "no statement was seen in any of 3 tests with @WatchQueries: is their data source the one"
                                + " that QueryGuard.watch returned?");
        assertThat(logged(() -> run(Watched.class, false))).doesNotContain("no statement was seen");
        assertThat(logged(() -> run(OnClass.class, false))).doesNotContain("no statement was seen");
    }

    static class NoKinds {
        @Test
        @WatchQueries(kinds = {})
        void page() {
            throw new AssertionError("must not run");
        }
    }

    @Test
    void a_watch_for_no_kind_of_finding_is_refused() {
        assertThat(results(run(NoKinds.class, false)))
                .containsEntry(
                        "page",
                        "@WatchQueries on NoKinds.page(): kinds is empty, so no finding would fail it: name one or more, or"
                                + " leave it out for the usual ones");
    }

    private static final String GARBAGE = "target/query-extension-test-garbage.baseline";

    @WatchQueries(baseline = GARBAGE)
    static class OfGarbage {
        @Test
        void page() {
            throw new AssertionError("must not run");
        }
    }

    @Test
    void a_baseline_of_garbage_fails_the_test_and_nothing_after_it() throws IOException {
        Path file = Path.of(Baseline.at(GARBAGE).toString());
        Files.writeString(file, "what is this\n");
        Events all = execute(OfGarbage.class, false).allEvents();
        Files.delete(file);

        assertThat(all.failed().stream()
                        .map(event -> event.getRequiredPayload(TestExecutionResult.class)
                                .getThrowable()
                                .orElseThrow()
                                .getMessage()))
                .singleElement()
                .asString()
                .startsWith(file + ":1: 'what' is no kind of finding: ");
    }

    // ---- names ------------------------------------------------------------------------------------------------------

    private static final Set<String> NAMES = ConcurrentHashMap.newKeySet();

    @WatchQueries
    static class Named {
        private static void note() {
            QueryScope scope = ThreadState.current().scope();
            NAMES.add(scope == null ? "none" : scope.name());
        }

        @Test
        @DisplayName("a page of posts")
        void page() {
            note();
        }

        @RepeatedTest(1)
        void repeated() {
            note();
        }

        @ParameterizedTest(name = "of {0}")
        @ValueSource(ints = 7)
        void parameters(int number) {
            assertThat(number).isEqualTo(7);
            note();
        }

        @TestFactory
        Stream<DynamicNode> dynamic() {
            return Stream.of(
                    dynamicTest("one", Named::note),
                    dynamicContainer("container", Stream.of(dynamicTest("two", Named::note))));
        }

        @Nested
        class Empty {
            @Test
            void page() {
                note();
            }
        }
    }

    @Test
    void scopes_have_the_names_of_class_and_method_and_of_what_differs_between_its_runs() {
        NAMES.clear();
        run(Named.class, false).assertStatistics(counts -> counts.succeeded(6));

        assertThat(NAMES)
                .containsExactlyInAnyOrder(
                        "Named.page()",
                        "Named.repeated() (repetition 1 of 1)",
                        "Named.parameters() (of 7)",
                        "Named.dynamic() (one)",
                        "Named.dynamic() (two)",
                        "Empty.page()");
    }

    private static void readUnwatched() throws SQLException {
        try (Connection connection = POSTS.guard.target().getConnection()) {
            assertThat(Posts.author(connection, 1)).isEqualTo("author 1");
        }
    }

    private static String logged(Runnable action) {
        PrintStream before = System.err;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            action.run();
        } finally {
            System.setErr(before);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static Events run(Class<?> type, boolean parallel) {
        return execute(type, parallel).testEvents();
    }

    private static EngineExecutionResults execute(Class<?> type, boolean parallel) {
        return EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(type))
                .configurationParameter("junit.jupiter.execution.parallel.enabled", Boolean.toString(parallel))
                .configurationParameter("junit.jupiter.execution.parallel.mode.default", "concurrent")
                .configurationParameter("junit.jupiter.execution.parallel.config.strategy", "fixed")
                .configurationParameter("junit.jupiter.execution.parallel.config.fixed.parallelism", "8")
                .configurationParameter(
                        "junit.jupiter.displayname.generator.default",
                        "org.junit.jupiter.api.DisplayNameGenerator$ReplaceUnderscores")
                .execute();
    }

    /** By the test's name: that it passed, or the message that it failed with. */
    private static Map<String, String> results(Events tests) {
        Map<String, String> results = new TreeMap<>();
        tests.finished().stream().forEach(event -> {
            TestExecutionResult result = event.getRequiredPayload(TestExecutionResult.class);
            results.put(
                    event.getTestDescriptor().getDisplayName(),
                    result.getThrowable().map(Throwable::getMessage).orElse("passed"));
        });
        return results;
    }

    /** A thread as a pool has them, which was not started by the test. */
    private static Thread otherThread(Runnable task) {
        Thread thread = new Thread(null, task, "stranger", 0, false);
        thread.start();
        return thread;
    }
}
