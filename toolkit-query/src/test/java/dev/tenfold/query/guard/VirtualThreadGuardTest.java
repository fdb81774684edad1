package dev.tenfold.query.guard;

import static dev.tenfold.query.guard.QueryAssertions.assertQueries;
import static dev.tenfold.query.guard.QueryAssertions.exactly;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** To what the statements of virtual threads count. */
@EnabledForJreRange(min = JRE.JAVA_21)
class VirtualThreadGuardTest {
    private final Posts posts = new Posts();

    @AfterEach
    void close() throws SQLException {
        posts.close();
    }

    /** The compiler for Java 17 does not know them. */
    private static Thread start(Runnable task) {
        try {
            return (Thread)
                    Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("virtual threads are public from Java 21 on", e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join(10_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertThat(thread.isAlive()).isFalse();
    }

    private void author(long id) {
        assertThat(posts.author(id)).isNotNull();
    }

    @Test
    void those_that_are_started_inside_count_to_the_scope() throws SQLException {
        posts.seed(50);
        QueryScope scope = QueryScope.open("GET /page");
        try (scope) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 1; i <= 50; i++) {
                long id = i;
                threads.add(start(() -> author(id)));
            }
            threads.forEach(VirtualThreadGuardTest::join);
        }

        assertThat(scope.statements()).isEqualTo(50);
        assertThat(scope.findings())
                .singleElement()
                .satisfies(it -> assertThat(it.count()).isEqualTo(50));
    }

    @Test
    void the_life_of_one_is_a_scope_where_none_is_open() throws SQLException {
        posts.seed(20);
        join(start(() -> {
            for (int i = 1; i <= 20; i++) author(i);
        }));

        assertThat(posts.guard.findings()).singleElement().satisfies(it -> {
            assertThat(it.kind()).isEqualTo(FindingKind.LOOP);
            assertThat(it.count()).isEqualTo(20);
        });
    }

    @Test
    void what_they_execute_on_a_connection_of_another_thread_is_counted() throws SQLException {
        try (Connection connection = posts.guard.getConnection()) {
            for (int i = 0; i < 20; i++) {
                long id = i;
                join(start(() -> read(connection, id)));
            }
        }
        assertThat(posts.guard.executions()).isEqualTo(20);
    }

    private static void read(Connection connection, long id) {
        try (PreparedStatement statement = connection.prepareStatement("select name from author where id = ?")) {
            statement.setLong(1, id);
            statement.executeQuery().close();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void those_that_are_started_inside_of_an_assertion_count() throws Exception {
        ExecutorService executor = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try {
            assertQueries(exactly(21), () -> {
                join(start(() -> author(1)));
                List<Callable<String>> tasks = new ArrayList<>();
                for (int i = 0; i < 20; i++) {
                    tasks.add(() -> posts.author(1));
                }
                executor.invokeAll(tasks);
            });
        } finally {
            executor.shutdown();
        }
    }
}
