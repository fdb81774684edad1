package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.h2.jdbcx.JdbcConnectionPool;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** To which scope statements of several threads count, as their verdicts show. */
class VerdictThreadsTest {
    private static final AtomicLong DATABASES = new AtomicLong();

    private JdbcConnectionPool pool;
    private QueryGuard guard;

    @BeforeEach
    void open() throws SQLException {
        pool = JdbcConnectionPool.create("jdbc:h2:mem:threads" + DATABASES.incrementAndGet(), "sa", "");
        pool.setMaxConnections(64);
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table author(id int primary key, name varchar(20))");
        }
        guard = QueryGuard.watch(pool, Patient::guard);
    }

    @AfterEach
    void close() {
        pool.dispose();
    }

    /** One query, on a connection of its own, as each call of a repository does without a transaction. */
    private void author(int id) {
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select name from author where id = ?")) {
            statement.setInt(1, id);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) rows.getString(1);
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private void authors(int count) {
        for (int i = 0; i < count; i++) author(i);
    }

    private static void all(ExecutorService threads, List<Callable<Object>> tasks) {
        try {
            for (Future<Object> each : threads.invokeAll(tasks)) each.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join(Await.LIMIT.toMillis());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertThat(thread.isAlive()).isFalse();
    }

    @Test
    void one_use_of_a_connection_is_a_scope_where_none_is_open() throws SQLException {
        Thread platform = new Thread(() -> authors(20));
        platform.start();
        join(platform);
        assertThat(guard.findings()).isEmpty();

        try (Connection connection = guard.getConnection()) {
            for (int i = 0; i < 20; i++) {
                try (Statement statement = connection.createStatement()) {
                    statement
                            .executeQuery("select name from author where id = " + i)
                            .close();
                }
            }
        }
        assertThat(guard.findings()).singleElement().satisfies(it -> {
            assertThat(it.kind()).isEqualTo(FindingKind.LOOP);
            assertThat(it.count()).isEqualTo(20);
            assertThat(it.scope()).isEmpty();
        });
    }

    @Test
    void a_scope_reaches_over_connections() {
        try (QueryScope scope = QueryScope.open("GET /page")) {
            authors(20);
            assertThat(scope.findings()).extracting(Finding::count).containsExactly(20L);
        }
        assertThat(guard.findings()).extracting(Finding::count).containsExactly(20L);
    }

    @Test
    void threads_started_inside_count_to_the_scope() {
        QueryScope scope = QueryScope.open("GET /page");
        try (scope) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                int id = i;
                Thread thread = new Thread(() -> author(id));
                threads.add(thread);
                thread.start();
            }
            threads.forEach(VerdictThreadsTest::join);
        }

        assertThat(scope.statements()).isEqualTo(20);
        assertThat(scope.findings()).extracting(Finding::count).containsExactly(20L);
    }

    @Test
    void threads_of_a_pool_do_not_unless_their_tasks_are_wrapped() {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        QueryScope scope = QueryScope.open("GET /page");
        try (scope) {
            List<Callable<Object>> tasks = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                int id = i;
                tasks.add(Executors.callable(() -> author(id)));
            }
            all(threads, tasks);
            assertThat(scope.statements()).isZero();

            List<Callable<Object>> wrapped = new ArrayList<>();
            for (Callable<Object> task : tasks) wrapped.add(QueryScope.wrap(task));
            all(threads, wrapped);
        } finally {
            threads.shutdownNow();
        }

        assertThat(scope.statements()).isEqualTo(40);
        assertThat(scope.findings()).singleElement().satisfies(it -> {
            assertThat(it.kind()).isEqualTo(FindingKind.LOOP);
            assertThat(it.count()).isEqualTo(40);
        });
    }

    @Test
    void scopes_side_by_side_do_not_mix() {
        int scopes = 8;
        ExecutorService threads = Executors.newFixedThreadPool(scopes);
        CyclicBarrier together = new CyclicBarrier(scopes);
        List<QueryScope> all = new ArrayList<>();
        List<Callable<Object>> tasks = new ArrayList<>();
        for (int i = 0; i < scopes; i++) {
            int each = i;
            tasks.add(Executors.callable(() -> {
                QueryScope scope = QueryScope.open("GET /" + each);
                try (scope) {
                    Await.barrier(together);
                    // Half of them stay below the threshold.
                    authors(each % 2 == 0 ? 9 : 20 + each);
                    Await.barrier(together);
                }
                synchronized (all) {
                    all.add(scope);
                }
            }));
        }
        try {
            all(threads, tasks);
        } finally {
            threads.shutdownNow();
        }

        for (QueryScope scope : all) {
            int each = Integer.parseInt(scope.name().substring(5));
            assertThat(scope.statements()).isEqualTo(each % 2 == 0 ? 9 : 20 + each);
            assertThat(scope.findings()).hasSize(each % 2);
        }
        assertThat(guard.findings()).singleElement().satisfies(it -> {
            assertThat(it.count()).isEqualTo(21 + 23 + 25 + 27);
            assertThat(it.scopes()).isEqualTo(4);
        });
    }

    @Test
    void no_execution_is_lost_if_many_threads_share_a_scope() {
        int workers = 4;
        ExecutorService threads = Executors.newFixedThreadPool(workers);
        QueryScope scope = QueryScope.open("GET /page");
        try (scope) {
            List<Callable<Object>> tasks = new ArrayList<>();
            for (int i = 0; i < workers; i++) {
                tasks.add(QueryScope.wrap(Executors.callable(() -> authors(500))));
            }
            all(threads, tasks);
        } finally {
            threads.shutdownNow();
        }

        assertThat(scope.statements()).isEqualTo(2_000);
        assertThat(guard.findings())
                .filteredOn(it -> it.kind() == FindingKind.LOOP)
                .extracting(Finding::count)
                .containsExactly(2_000L);
    }

    @Test
    void scopes_that_overlap_do_not_keep_each_other() {
        QueryScope last = QueryScope.open("job 0");
        for (int i = 1; i <= 1_000; i++) {
            QueryScope next = QueryScope.open("job " + i); // begun by the one before, which ends first
            last.close();
            last = next;
        }
        assertThat(last.parent()).isNull();
        last.close();
    }

    @Test
    void what_a_scope_had_goes_to_the_next_open_one_if_that_around_it_has_ended() {
        try (QueryScope outermost = QueryScope.open("outermost")) {
            QueryScope around = QueryScope.open("around");
            try (QueryScope inner = QueryScope.open("inner")) {
                authors(20);
                around.close();
                assertThat(inner.statements()).isEqualTo(20);
            }
            assertThat(outermost.statements()).isEqualTo(20);
            assertThat(outermost.findings()).extracting(Finding::kind).containsExactly(FindingKind.LOOP);
        }
    }

    @Test
    void a_thread_forgets_its_state_when_its_last_scope_ends() {
        ThreadState before = ThreadState.current();
        try (QueryScope scope = QueryScope.open("job")) {
            author(1);
            assertThat(scope.statements()).isEqualTo(1);
        }
        assertThat(ThreadState.current()).isNotSameAs(before);
    }
}
