package dev.tenfold.query;

import static dev.tenfold.query.guard.QueryAssertions.assertQueries;
import static dev.tenfold.query.guard.QueryAssertions.exactly;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.testkit.Await;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

/** What members of a load scope execute counts to the query scope of who opened it, whichever thread executes it. */
class QueryScopeMembersTest {
    private static final List<Integer> ITEMS = IntStream.range(0, 40).boxed().toList();

    private final QueryGuard guard = QueryGuard.watch(h2());
    private final Loader<Integer, Integer> loader = Loader.of(this::batch);

    private static JdbcDataSource h2() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:");
        return h2;
    }

    @Test
    void members_on_the_default_threads_count() {
        assertQueries(exactly(40), () -> LoadScope.each(ITEMS, this::read));
    }

    @Test
    void members_on_platform_threads_count() {
        // So that the pool has threads that were started outside.
        LoadScope.each(ITEMS, this::read, ScopeOptions::onPlatformThreads);

        assertQueries(exactly(40), () -> LoadScope.each(ITEMS, this::read, ScopeOptions::onPlatformThreads));
    }

    @Test
    void threads_of_the_pool_count_to_nobody_afterwards() {
        assertQueries(exactly(40), () -> LoadScope.each(ITEMS, this::read, ScopeOptions::onPlatformThreads));
        assertQueries(exactly(40), () -> LoadScope.each(ITEMS, this::read, ScopeOptions::onPlatformThreads));
    }

    @Test
    void forked_subtasks_count() {
        assertQueries(
                exactly(2),
                () -> LoadScope.run(scope -> scope.fork(() -> read(1)).join() + read(2)));
    }

    @Test
    void a_batch_counts_once() {
        assertQueries(exactly(1), () -> LoadScope.each(ITEMS, loader::load));
    }

    @Test
    void batches_on_an_executor_count() {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            read(0);
            UnaryOperator<ScopeOptions> options = o -> o.batchesOn(executor);
            LoadScope.each(ITEMS, loader::load, options);

            assertQueries(exactly(1), () -> LoadScope.each(ITEMS, loader::load, options));
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void a_batch_that_the_timer_sends_counts() {
        for (UnaryOperator<ScopeOptions> options :
                List.<UnaryOperator<ScopeOptions>>of(o -> o, ScopeOptions::onPlatformThreads)) {
            CountDownLatch loaded = new CountDownLatch(1);
            assertQueries(
                    exactly(1),
                    () -> LoadScope.run(
                            scope -> {
                                Subtask<Integer> subtask = scope.fork(() -> {
                                    int value = loader.load(1);
                                    loaded.countDown();
                                    return value;
                                });
                                Await.latch(loaded); // the opener is blocked elsewhere, so the scope is never quiet
                                return subtask.join();
                            },
                            options));
        }
        assertThat(loader.stats().totalBatches()).isEqualTo(2);
        assertThat(loader.stats().share(Trigger.TIMER)).isEqualTo(1.0);
    }

    private int read(int value) {
        return batch(List.of(value)).getOrDefault(value, -1);
    }

    /** One statement. */
    private Map<Integer, Integer> batch(List<Integer> keys) {
        Map<Integer, Integer> values = new HashMap<>();
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select 1")) {
            statement.executeQuery().close();
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
        keys.forEach(key -> values.put(key, key));
        return values;
    }
}
