package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.management.ThreadMXBean;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Who is told of findings and who is not, on a driver that does nothing. */
class FindingsTest {
    private static final long MINUTE = Duration.ofMinutes(1).toNanos();

    private final AtomicLong clock = new AtomicLong();
    private final List<Finding> told = new ArrayList<>();

    private QueryGuard watch(UnaryOperator<GuardOptions> options) {
        return QueryGuard.watch(
                Driver.dataSource(),
                defaults -> options.apply(defaults.nanoClock(clock::get).listener(told::add)));
    }

    /** A driver whose statements do nothing, and leave no garbage. */
    private static final class Driver {
        static DataSource dataSource() {
            ResultSet rows = proxy(ResultSet.class, (self, method, args) -> nothing(method.getReturnType()));
            PreparedStatement statement = proxy(PreparedStatement.class, (self, method, args) -> {
                if (method.getName().equals("executeQuery")) return rows;
                return nothing(method.getReturnType());
            });
            Connection connection = proxy(Connection.class, (self, method, args) -> {
                if (method.getName().equals("prepareStatement")) return statement;
                return nothing(method.getReturnType());
            });
            return proxy(DataSource.class, (self, method, args) -> {
                if (method.getName().equals("getConnection")) return connection;
                return nothing(method.getReturnType());
            });
        }

        private static @Nullable Object nothing(Class<?> type) {
            if (type == boolean.class) return false;
            if (type == int.class) return 0;
            if (type == long.class) return 0L;
            return null;
        }

        private static <T> T proxy(Class<T> type, InvocationHandler handler) {
            return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
        }
    }

    private static void loop(QueryGuard guard, int executions) {
        loop(guard, "select name from author where id = ?", executions);
    }

    private static void loop(QueryGuard guard, String sql, int executions) {
        try (QueryScope scope = QueryScope.open("GET /page");
                Connection connection = guard.getConnection()) {
            for (int i = 0; i < executions; i++) {
                try (PreparedStatement statement = connection.prepareStatement(sql)) {
                    statement.setInt(1, i);
                    statement.executeQuery();
                }
            }
            assertThat(scope.statements()).isEqualTo(executions);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @IgnoreQueries(reason = "to be tested")
    private static void ignoredLoop(QueryGuard guard) {
        loop(guard, 20);
    }

    @IgnoreQueries(reason = "to be tested", kinds = FindingKind.WRITE_LOOP)
    private static void loopThatMayWrite(QueryGuard guard) {
        loop(guard, 20);
    }

    @IgnoreQueries(reason = "to be tested")
    private static void ignoredLambda(QueryGuard guard) {
        onAnotherThread(() -> loop(guard, 20));
    }

    private static void onAnotherThread(Runnable task) {
        Thread thread = new Thread(task);
        thread.start();
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @IgnoreQueries(reason = "to be tested")
    private static final class Ignored {
        static void loop(QueryGuard guard) {
            FindingsTest.loop(guard, 20);
        }

        static Runnable anonymous(QueryGuard guard) {
            return new Runnable() {
                @Override
                public void run() {
                    FindingsTest.loop(guard, 20);
                }
            };
        }
    }

    @Test
    void an_annotated_method_is_left_out_with_all_that_it_calls() {
        QueryGuard guard = watch(options -> options);

        ignoredLoop(guard);
        ignoredLambda(guard);
        Ignored.loop(guard);
        onAnotherThread(Ignored.anonymous(guard));
        assertThat(guard.findings()).isEmpty();

        loopThatMayWrite(guard);
        assertThat(guard.findings()).extracting(Finding::kind).containsExactly(FindingKind.LOOP);
    }

    @Test
    void a_comment_in_the_statement_leaves_it_out() {
        QueryGuard guard = watch(options -> options);

        loop(guard, "/* tenfold:ignore */ select name from author where id = ?", 20);

        assertThat(guard.findings()).isEmpty();
    }

    @Test
    void patterns_of_sites_leave_their_methods_out() {
        QueryGuard guard = watch(options -> options.ignoreSites("*.FindingsTest.patterns_*"));
        loop(guard, 20);
        assertThat(guard.findings()).isEmpty();

        QueryGuard other = watch(options -> options.ignoreSites("com.acme.*"));
        loop(other, 20);
        assertThat(other.findings()).hasSize(1);
    }

    @Test
    void patterns_of_statements_leave_them_out() {
        QueryGuard guard = watch(options -> options.ignoreStatements("*from author*"));

        loop(guard, 20);
        loop(guard, "select name from reader where id = ?", 20);

        assertThat(guard.findings())
                .extracting(Finding::statement)
                .containsExactly("select name from reader where id = ?");
    }

    @Test
    void packages_that_are_libraries_have_no_call_sites() {
        QueryGuard guard = watch(options -> options.libraries("dev.tenfold"));

        loop(guard, 20);

        assertThat(guard.findings())
                .singleElement()
                .satisfies(it -> assertThat(it.callers()).hasSize(1));
    }

    @Test
    void blank_patterns_and_wrong_numbers_are_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GuardOptions.DEFAULTS.ignoreSites("a", " "))
                .withMessageContaining("ignoreSites [a,  ]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GuardOptions.DEFAULTS.manyStatements(0))
                .withMessageContaining("manyStatements 0 must be at least 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GuardOptions.DEFAULTS.threshold(17))
                .withMessageContaining("threshold 17 must be from 2 to 16");
    }

    @Test
    void the_listener_is_told_once_and_then_of_totals_once_a_minute() {
        QueryGuard guard = watch(options -> options);

        for (int i = 0; i < 10; i++) {
            if (i == 5) clock.addAndGet(MINUTE);
            loop(guard, 20);
        }

        assertThat(told).extracting(Finding::count).containsExactly(10L, 110L);
        assertThat(guard.findings()).extracting(Finding::count).containsExactly(200L);
    }

    @Test
    void what_a_listener_throws_does_not_reach_the_application() {
        String log = logged(() -> {
            QueryGuard guard = QueryGuard.watch(
                    Driver.dataSource(),
                    options -> options.nanoClock(clock::get).listener(finding -> {
                        throw new IllegalStateException("full");
                    }));
            loop(guard, 20);
            assertThat(guard.findings()).extracting(Finding::count).containsExactly(20L);
        });

        assertThat(log).contains("a listener of the query guard threw").contains("full");
    }

    @Test
    void an_error_of_a_listener_does_not_reach_the_application_either() {
        String log = logged(() -> {
            QueryGuard guard = QueryGuard.watch(
                    Driver.dataSource(),
                    options -> options.nanoClock(clock::get).listener(finding -> {
                        throw new AssertionError("no findings here");
                    }));
            loop(guard, 20);
            assertThat(guard.findings()).extracting(Finding::count).containsExactly(20L);
        });

        assertThat(log).contains("a listener of the query guard threw").contains("no findings here");
    }

    @Test
    void a_mistake_of_ours_does_not_reach_the_application_and_is_logged_once() {
        QueryGuard guard = QueryGuard.watch(
                Driver.dataSource(),
                options -> options.nanoClock(() -> {
                    if (isCalledBy("Verdicts.isWorthALook")) throw new IllegalStateException("broken clock");
                    return clock.get();
                }));

        String log = logged(() -> {
            for (int i = 0; i < 5; i++) loop(guard, 90);
        });

        assertThat(log).containsOnlyOnce("the query guard failed to judge").containsOnlyOnce("broken clock");
        assertThat(guard.findings()).isEmpty();
    }

    private static boolean isCalledBy(String method) {
        return StackWalker.getInstance()
                .walk(frames ->
                        frames.anyMatch(it -> (it.getClassName() + '.' + it.getMethodName()).endsWith("." + method)));
    }

    @Test
    void a_finding_is_logged_once_an_hour() {
        QueryGuard guard = watch(options -> options);

        String log = logged(() -> {
            for (int i = 0; i < 5; i++) loop(guard, 20);
        });
        assertThat(log).containsOnlyOnce("LOOP: ").contains("select name from author where id = ?");

        clock.addAndGet(60 * MINUTE);
        assertThat(logged(() -> loop(guard, 20))).containsOnlyOnce("LOOP: ");
    }

    /** What slf4j-simple writes to the standard error meanwhile. */
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

    @Test
    void ten_thousand_different_findings_are_bounded_and_so_are_their_warnings() {
        QueryGuard guard = watch(options -> options);

        String log = logged(() -> {
            for (int i = 0; i < 10_000; i++) {
                // So that stacks may be looked at again.
                clock.addAndGet(10_000_000);
                loop(guard, "select c" + i + " from t where id = ?", 20);
            }
        });

        assertThat(told).hasSize(10_000);
        assertThat(guard.findings()).hasSize(Findings.MOST);
        assertThat(guard.findings().get(0).statement()).contains("c9999 ");
        assertThat(log.lines().filter(line -> line.contains("LOOP: "))).hasSizeBetween(30, 90);
    }

    @Test
    void the_last_warning_of_a_minute_says_that_more_are_left_out() {
        QueryGuard guard = watch(options -> options);

        String log = logged(() -> {
            for (int i = 0; i < 40; i++) loop(guard, "select c" + i + " from t where id = ?", 20);
        });

        assertThat(log.lines().filter(line -> line.contains("LOOP: "))).hasSize(30);
        assertThat(log).containsOnlyOnce("further findings are left out of the log for the rest of the minute");
        assertThat(log.substring(log.indexOf("select c29 "))).contains("further findings");
    }

    @Test
    void a_line_break_in_a_name_makes_no_line_of_the_log() {
        Finding finding =
                finding("select \"a\nb\" from t", 1, 1, Duration.ZERO, "20 queries, in GET /\r\nWARN x\u001b[0m\u2028");

        assertThat(finding.text())
                .isEqualTo(
                        "LOOP: 20 queries, in GET /\\r\\nWARN x\\u001b[0m\\u2028\n  statement  select \"a\\nb\" from t"
                                + "\n  remedy     mend it");
    }

    @Test
    void totals_are_told_if_they_say_more() {
        assertThat(finding("s", 1_000, 20, Duration.ofNanos(11_700_000), "d").text())
                .contains("\n  in all     seen in 20 scopes, 1,000 executions, 11.7 ms lost\n");
        assertThat(finding("s", 1, 1, Duration.ofMillis(250), "d").text())
                .contains("\n  in all     seen in 1 scope, 1 execution, 250 ms lost\n");
        assertThat(finding("s", 1, 1, Duration.ZERO, "d").text()).doesNotContain("in all");
    }

    private static Finding finding(String statement, long count, long scopes, Duration lost, String detail) {
        return new Finding(
                FindingKind.LOOP, "00", statement, null, List.of(), null, "", count, scopes, lost, detail, "mend it");
    }

    @Test
    void at_most_a_thousand_stacks_a_second_are_looked_at() {
        QueryGuard guard = watch(options -> options);

        for (int i = 0; i < 1_000; i++) loop(guard, "select c" + i + " from t where id = ?", 12);

        // Each takes five.
        assertThat(guard.findings()).hasSize(200);
    }

    @Test
    void a_known_place_takes_two_looks() {
        QueryGuard guard = watch(options -> options);

        for (int i = 0; i < 495; i++) loop(guard, 12);

        assertThat(guard.findings()).extracting(Finding::scopes).containsExactly(495L);
    }

    @Test
    void another_place_of_a_known_statement_is_found_as_well() {
        QueryGuard guard = watch(options -> options);

        loop(guard, 10);
        loop(guard, 10);

        assertThat(guard.findings()).hasSize(2);
    }

    @Test
    void what_was_often_looked_at_in_vain_is_looked_at_less_and_still_found() {
        QueryGuard guard = watch(options -> options);

        for (int i = 0; i < 1_000; i++) loop(guard, 9);
        assertThat(guard.findings()).isEmpty();

        loop(guard, 99);
        assertThat(guard.findings()).extracting(Finding::count).containsExactly(99L);
    }

    @Test
    void meters_show_statements_findings_and_requests() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        QueryGuard guard = watch(options -> options);
        new GuardMetrics(guard, "orders").bindTo(registry);

        loop(guard, 20);
        loop(guard, 5);

        assertThat(registry.get("toolkit.query.statements")
                        .tag("database", "orders")
                        .functionCounter()
                        .count())
                .isEqualTo(25);
        assertThat(registry.get("toolkit.query.findings")
                        .tag("kind", "loop")
                        .functionCounter()
                        .count())
                .isEqualTo(1);
        assertThat(registry.get("toolkit.query.texts").functionCounter().count())
                .isEqualTo(1);
        assertThat(registry.get("toolkit.query.per_request").summary().count()).isEqualTo(2);
        assertThat(registry.get("toolkit.query.per_request").summary().totalAmount())
                .isEqualTo(25);
    }

    @Test
    void a_meter_needs_the_databases_name() {
        QueryGuard guard = watch(options -> options);
        assertThatIllegalArgumentException().isThrownBy(() -> new GuardMetrics(guard, " "));
    }

    @Test
    void statements_after_a_verdict_leave_no_garbage() throws SQLException {
        // Without the proxies' argument arrays: a statement that is there before, and a method without arguments.
        QueryGuard guard = watch(options -> options);
        ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        int executions = 100_000;
        long allocated = 0;
        try (QueryScope scope = QueryScope.open("GET /page");
                Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select name from author where name = ?")) {
            statement.setString(1, "same");
            for (int round = 0; round < 3; round++) {
                long before = memory.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < executions; i++) statement.executeQuery();
                allocated = memory.getCurrentThreadAllocatedBytes() - before;
            }
            assertThat(scope.findings()).extracting(Finding::kind).containsExactly(FindingKind.REPEATED_READ);
        }

        assertThat(allocated).isLessThan(executions);
    }
}
