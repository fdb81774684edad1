package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.postgresql.PGConnection;

/** What becomes of jobs, on PostgreSQL, while nothing is cut. */
final class WorkerTest {
    private static final PostgresServer SERVER = PostgresServer.shared();
    private static final RetryPolicy SOON = RetryPolicy.fixed(Duration.ofMillis(1));

    record Task(int number) {}

    record Other(int number) {}

    private static HikariDataSource pool;
    private static JobQueue jobs;
    private String queue = "";

    @BeforeAll
    static void open() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(SERVER.jdbcUrl(SERVER.createDatabase()));
        config.setMaximumPoolSize(20);
        pool = new HikariDataSource(config);
        JobSchema.install(pool);
        jobs = JobQueue.on(pool, o -> o.notifies(false));
    }

    @AfterAll
    static void close() {
        jobs.close();
        pool.close();
    }

    @BeforeEach
    void name(TestInfo test) {
        queue = test.getTestMethod().orElseThrow().getName();
    }

    private WorkerBuilder worker(JobHandler<Task> handler) {
        return worker(handler, h -> h.retry(SOON));
    }

    private WorkerBuilder worker(JobHandler<Task> handler, UnaryOperator<HandlerOptions> options) {
        return jobs.worker()
                .queue(queue, 1)
                .handle(Task.class, handler, options)
                .concurrency(8)
                .drainTimeout(Duration.ofSeconds(5));
    }

    private long enqueue(int number) {
        return enqueue(number, o -> o);
    }

    private long enqueue(int number, UnaryOperator<EnqueueOptions> options) {
        return jobs.enqueue(new Task(number), o -> options.apply(o.queue(queue)))
                .id();
    }

    private static <T> @Nullable T ask(String sql, Class<T> type) {
        try {
            return jobs.db.autocommit(
                    connection -> jobs.db.dsl(connection).fetchOne(sql).get(0, type));
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean isGone(long id) {
        return Integer.valueOf(0).equals(ask("select count(*) from tenfold_job where id = " + id, Integer.class));
    }

    private static @Nullable String deadReason(long id) {
        return ask("select max(reason) from tenfold_job_dead where id = " + id, String.class);
    }

    private static int column(String name, long id) {
        Integer value = ask("select " + name + " from tenfold_job where id = " + id, Integer.class);
        return value == null ? -1 : value;
    }

    @Test
    void two_workers_run_each_of_2000_jobs_exactly_once() {
        Map<Integer, AtomicInteger> runs = new ConcurrentHashMap<>();
        jobs.enqueueAll(IntStream.range(0, 2_000).mapToObj(Task::new).toList(), o -> o.queue(queue));
        JobHandler<Task> handler = (job, ctx) -> runs.computeIfAbsent(job.number(), unused -> new AtomicInteger())
                .incrementAndGet();
        try (Worker one = worker(handler).start();
                Worker two = worker(handler).start()) {
            Await.until("all are done", () -> one.stats().done() + two.stats().done() == 2_000);
        }
        assertThat(runs)
                .hasSize(2_000)
                .allSatisfy((number, count) -> assertThat(count).hasValue(1));
    }

    @Test
    void a_failure_is_retried_and_kept_until_it_succeeds() {
        Queue<Integer> attempts = new ConcurrentLinkedQueue<>();
        long id;
        try (Worker worker = worker((job, ctx) -> {
                    attempts.add(ctx.attempt());
                    if (ctx.failures() < 2) {
                        throw new IllegalStateException("not yet");
                    }
                })
                .start()) {
            id = enqueue(1);
            Await.until("done", () -> worker.stats().done() == 1);
            assertThat(worker.stats().retried()).isEqualTo(2);
        }
        assertThat(attempts).containsExactly(1, 2, 3);
        assertThat(isGone(id)).isTrue();
        assertThat(ask("select count(*) from tenfold_job_error where job_id = " + id, Integer.class))
                .isZero();
    }

    @Test
    void the_last_failure_buries_the_job_errors_included() {
        try (Worker worker = worker((job, ctx) -> {
                    throw new StackOverflowError("deep");
                })
                .start()) {
            long id = enqueue(1, o -> o.maxAttempts(2));
            Await.until("dead", () -> worker.stats().dead() == 1);
            assertThat(deadReason(id)).isEqualTo("EXHAUSTED");
            assertThat(ask("select count(*) from tenfold_job_error where job_id = " + id, Integer.class))
                    .isEqualTo(2);
        }
    }

    @Test
    void a_snooze_puts_off_and_does_not_count() {
        Queue<Integer> attempts = new ConcurrentLinkedQueue<>();
        try (Worker worker = worker((job, ctx) -> {
                    attempts.add(ctx.attempt());
                    if (attempts.size() < 4) {
                        throw ctx.snooze(Duration.ofMillis(5));
                    }
                })
                .start()) {
            enqueue(1, o -> o.maxAttempts(2));
            Await.until("done", () -> worker.stats().done() == 1);
            assertThat(worker.stats().snoozed()).isEqualTo(3);
        }
        assertThat(attempts).containsExactly(1, 1, 1, 1);
    }

    @Test
    void a_rejected_job_is_dead_at_once_by_the_handler_or_by_the_policy() {
        try (Worker worker = worker(
                        (job, ctx) -> {
                            if (job.number() == 1) {
                                throw ctx.reject("no such order");
                            }
                            throw new IllegalArgumentException("never");
                        },
                        h -> h.retry(SOON.rejectOn(IllegalArgumentException.class)))
                .start()) {
            long one = enqueue(1);
            long two = enqueue(2);
            Await.until("dead", () -> worker.stats().dead() == 2);
            assertThat(List.of(String.valueOf(deadReason(one)), String.valueOf(deadReason(two))))
                    .containsExactly("REJECTED", "REJECTED");
        }
    }

    @Test
    void an_unreadable_payload_is_dead_after_three_attempts() {
        AtomicBoolean ran = new AtomicBoolean();
        long id = enqueue(1);
        ask(
                "with x as (update tenfold_job set payload = '\\x7b' where id = " + id
                        + " returning 1) select 1 from x",
                Integer.class);
        try (Worker worker = worker((job, ctx) -> ran.set(true)).start()) {
            Await.until("dead", () -> worker.stats().dead() == 1);
            assertThat(worker.stats().retried()).isEqualTo(2);
        }
        assertThat(deadReason(id)).isEqualTo("UNREADABLE");
        assertThat(ran).isFalse();
    }

    @Test
    void a_running_job_that_is_cancelled_is_interrupted_at_once() {
        CountDownLatch running = new CountDownLatch(1);
        AtomicBoolean told = new AtomicBoolean();
        try (Worker worker = worker((job, ctx) -> {
                    running.countDown();
                    try {
                        new CountDownLatch(1).await();
                    } finally {
                        told.set(ctx.isCancelled());
                    }
                })
                .start()) {
            long id = enqueue(1);
            Await.latch(running);
            jobs.cancel(id);
            Await.until("cancelled", () -> worker.stats().cancelled() == 1);
            assertThat(isGone(id)).isTrue();
        }
        assertThat(told).isTrue();
    }

    @Test
    void a_cancellation_that_nobody_told_of_comes_with_the_heartbeat() {
        CountDownLatch running = new CountDownLatch(1);
        try (Worker worker = worker((job, ctx) -> {
                    running.countDown();
                    new CountDownLatch(1).await();
                })
                .lease(Duration.ofSeconds(10))
                .heartbeat(Duration.ofMillis(50))
                .start()) {
            long id = enqueue(1);
            Await.latch(running);
            ask(
                    "with x as (update tenfold_job set cancelled = true where id = " + id
                            + " returning 1) select 1 from x",
                    Integer.class);
            Await.until("cancelled", () -> worker.stats().cancelled() == 1);
        }
    }

    @Test
    void a_cancellation_that_the_worker_that_was_asked_did_not_live_to_see_counts_for_the_next() throws SQLException {
        AtomicInteger runs = new AtomicInteger();
        long id = enqueue(1);
        Lane lane = new Lane(jobs.kinds.queueId(queue), Priority.NORMAL.level());
        int[] kinds = {jobs.kinds.kindId(jobs.kinds.of(Task.class).name)};
        assertThat(jobs.store.claim(lane, Lane.Cursor.START, kinds, 1, 4_711, 60_000_000))
                .hasSize(1);
        assertThat(jobs.cancel(id)).isEqualTo(JobQueue.Cancelled.ASKED);
        ask(
                "with x as (update tenfold_job set lease_until = 1 where id = " + id + " returning 1) select 1 from x",
                Integer.class);
        try (Worker worker = worker((job, ctx) -> runs.incrementAndGet()).start()) {
            Await.until("it is gone", () -> isGone(id));
            Await.until("cancelled", () -> worker.stats().cancelled() == 1);
        }
        assertThat(runs).hasValue(0);
    }

    @Test
    void a_lease_that_is_not_renewed_as_its_row_is_locked_is_not_believed_in_for_longer() throws SQLException {
        CountDownLatch running = new CountDownLatch(1);
        AtomicBoolean told = new AtomicBoolean();
        try (Connection other = pool.getConnection();
                Worker worker = worker((job, ctx) -> {
                            running.countDown();
                            if (!told.get()) {
                                try {
                                    new CountDownLatch(1).await();
                                } finally {
                                    told.set(ctx.leaseLost());
                                }
                            }
                        })
                        .lease(Duration.ofSeconds(1))
                        .heartbeat(Duration.ofMillis(50))
                        .start()) {
            long id = enqueue(1);
            Await.latch(running);
            other.setAutoCommit(false);
            try (var statement = other.createStatement()) {
                statement.execute("select 1 from tenfold_job where id = " + id + " for update");
            }
            Await.until("its handler is stopped", told::get);
            other.rollback();
            Await.until("it runs again", () -> worker.stats().done() == 1);
        }
    }

    @Test
    void a_handler_may_cancel_its_own_job() {
        try (Worker worker = worker((job, ctx) -> {
                    throw ctx.cancel();
                })
                .start()) {
            long id = enqueue(1);
            Await.until("cancelled", () -> worker.stats().cancelled() == 1);
            assertThat(isGone(id)).isTrue();
        }
    }

    @Test
    void a_handler_beyond_its_timeout_is_interrupted_and_has_failed_even_if_it_swallows_that() {
        try (Worker worker = worker(
                        (job, ctx) -> {
                            try {
                                new CountDownLatch(1).await();
                            } catch (InterruptedException swallowed) {
                                assertThat(ctx.remaining()).isZero();
                            }
                        },
                        h -> h.timeout(Duration.ofMillis(50)).retry(SOON))
                .start()) {
            long id = enqueue(1, o -> o.maxAttempts(1));
            Await.until("dead", () -> worker.stats().dead() == 1);
            assertThat(ask("select message from tenfold_job_dead where id = " + id, String.class))
                    .contains("timeout of PT0.05S");
        }
    }

    @Test
    void a_handler_that_ignores_its_timeout_keeps_its_lease() {
        CountDownLatch interrupted = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger runs = new AtomicInteger();
        try (Worker worker = worker(
                        (job, ctx) -> {
                            runs.incrementAndGet();
                            while (end.getCount() > 0) {
                                try {
                                    end.await();
                                } catch (InterruptedException ignored) {
                                    interrupted.countDown();
                                }
                            }
                        },
                        h -> h.timeout(Duration.ofMillis(20)).retry(SOON))
                .heartbeat(Duration.ofMillis(100))
                .start()) {
            long id = enqueue(1, o -> o.maxAttempts(1));
            Await.latch(interrupted);
            Long first = ask("select lease_until from tenfold_job where id = " + id, Long.class);
            // Twenty heartbeats later it is still renewed.
            Await.until("renewed two seconds on", () -> {
                Long now = ask("select lease_until from tenfold_job where id = " + id, Long.class);
                return first != null && now != null && now > first + 2_000_000;
            });
            assertThat(runs).hasValue(1);
            end.countDown();
            Await.until("dead", () -> worker.stats().dead() == 1);
        }
    }

    @Test
    void an_interrupt_does_not_leak_into_the_next_job() {
        AtomicInteger interrupted = new AtomicInteger();
        try (Worker worker = worker((job, ctx) -> {
                    if (Thread.currentThread().isInterrupted()) {
                        interrupted.incrementAndGet();
                    }
                    Thread.currentThread().interrupt();
                })
                .concurrency(1)
                .start()) {
            for (int i = 0; i < 20; i++) {
                enqueue(i);
            }
            Await.until("done", () -> worker.stats().done() == 20);
        }
        assertThat(interrupted).hasValue(0);
    }

    @Test
    void a_transaction_ends_the_job_with_its_effects_once() {
        ask("with x as (select 1) select 1 from x", Integer.class);
        AtomicReference<Throwable> second = new AtomicReference<>();
        try (Worker worker = worker((job, ctx) -> {
                    ctx.transaction(tx -> tx.jobs().enqueue(new Other(job.number()), o -> o.queue(queue)));
                    try {
                        ctx.transaction(tx -> {});
                    } catch (IllegalStateException e) {
                        second.set(e);
                    }
                })
                .start()) {
            long id = enqueue(7);
            Await.until("done", () -> worker.stats().done() == 1);
            assertThat(isGone(id)).isTrue();
        }
        assertThat(second.get()).hasMessageContaining("one transaction");
        assertThat(ask(
                        "select count(*) from tenfold_job j join tenfold_job_queue q on q.id = j.queue_id where q.name = '"
                                + queue + "'",
                        Integer.class))
                .isEqualTo(1);
    }

    @Test
    void an_exception_in_the_transaction_rolls_back_and_is_the_attempts_failure() {
        try (Worker worker = worker((job, ctx) -> ctx.transaction(tx -> {
                    tx.jobs().enqueue(new Other(1), o -> o.queue(queue));
                    throw new IllegalStateException("no");
                }))
                .start()) {
            long id = enqueue(1, o -> o.maxAttempts(1));
            Await.until("dead", () -> worker.stats().dead() == 1);
            assertThat(deadReason(id)).isEqualTo("EXHAUSTED");
        }
        assertThat(ask(
                        "select count(*) from tenfold_job j join tenfold_job_queue q on q.id = j.queue_id where q.name = '"
                                + queue + "'",
                        Integer.class))
                .isZero();
    }

    @Test
    void a_transaction_longer_than_the_lease_keeps_the_job_and_does_not_hold_up_other_renewals() {
        CountDownLatch within = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        try (Worker worker = worker((job, ctx) -> {
                    if (job.number() == 1) {
                        ctx.transaction(tx -> {
                            within.countDown();
                            while (end.getCount() > 0) {
                                tx.dsl().fetch("select pg_sleep(0.05)"); // works, and is not cut off
                            }
                        });
                    } else {
                        Await.latch(end);
                    }
                })
                .lease(Duration.ofSeconds(3))
                .heartbeat(Duration.ofMillis(100))
                .start()) {
            enqueue(1);
            Await.latch(within);
            long other = enqueue(2);
            Await.until("claimed", () -> column("attempt", other) == 1);
            Long first = ask("select lease_until from tenfold_job where id = " + other, Long.class);
            Await.until("the other's lease is renewed", () -> {
                Long now = ask("select lease_until from tenfold_job where id = " + other, Long.class);
                return first != null && now != null && now > first + 4_000_000;
            });
            end.countDown();
            Await.until("both are done", () -> worker.stats().done() == 2);
            assertThat(worker.stats().lost()).isZero();
        }
    }

    @Test
    void a_transaction_that_is_silent_for_longer_than_the_lease_is_ended_and_the_job_tried_again() {
        CountDownLatch ended = new CountDownLatch(1);
        try (Worker worker = worker((job, ctx) -> ctx.transaction(tx -> {
                    if (ctx.attempt() == 1) {
                        Await.until("PostgreSQL ends it", () -> isClosed(tx.connection()));
                    }
                    tx.dsl().fetch("select 1");
                    ended.countDown();
                }))
                .lease(Duration.ofMillis(400))
                .heartbeat(Duration.ofMillis(100))
                .retry(RetryPolicy.fixed(Duration.ofMillis(1)))
                .start()) {
            enqueue(1);
            Await.latch(ended);
            Await.until("done", () -> worker.stats().done() == 1);
        }
    }

    private static boolean isClosed(Connection connection) {
        try {
            return connection.unwrap(PGConnection.class).getNotifications(1) == null && connection.isClosed();
        } catch (SQLException ended) {
            return true;
        }
    }

    @Test
    void progress_and_result_are_kept() {
        try (Worker worker = worker((job, ctx) -> {
                    ctx.progress(40, "almost");
                    ctx.result(new Other(3));
                })
                .start()) {
            long id = enqueue(1);
            Await.until("done", () -> worker.stats().done() == 1);
            assertThat(ask("select message from tenfold_job_progress where job_id = " + id, String.class))
                    .isEqualTo("almost");
            assertThat(ask("select percent from tenfold_job_progress where job_id = " + id, Integer.class))
                    .isEqualTo(40);
            assertThat(ask("select expires_at from tenfold_job_progress where job_id = " + id, Long.class))
                    .isNotNull();
        }
    }

    @Test
    void concurrency_keys_are_kept_to_their_limit_and_all_jobs_run() {
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        try (Worker worker = worker((job, ctx) -> {
                    most.accumulateAndGet(running.incrementAndGet(), Math::max);
                    new CountDownLatch(1).await(2, TimeUnit.MILLISECONDS);
                    running.decrementAndGet();
                })
                .start()) {
            for (int i = 0; i < 40; i++) {
                enqueue(i, o -> o.concurrencyKey("tenant", 2));
            }
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 40);
        }
        assertThat(most.get()).isBetween(1, 2);
    }

    @Test
    void a_chain_runs_in_order_without_waiting_for_polls() {
        Queue<Integer> order = new ConcurrentLinkedQueue<>();
        try (Worker worker = jobs.worker()
                .handle(Task.class, (job, ctx) -> order.add(job.number()))
                .pollInterval(Duration.ofMinutes(1), Duration.ofMinutes(1))
                .start()) {
            jobs.chain(new Task(1), new Task(2), new Task(3));
            Await.until("done", () -> worker.stats().done() == 3);
        }
        assertThat(order).containsExactly(1, 2, 3);
    }

    @Test
    void a_version_above_the_workers_is_left_to_others() {
        long id = enqueue(1, o -> o.delay(Duration.ofMinutes(1)));
        try (Worker worker = worker((job, ctx) -> {}).start()) {
            ask(
                    "with x as (update tenfold_job set payload_version = 2, run_at = 0 where id = " + id
                            + " returning 1) select 1 from x",
                    Integer.class);
            Await.until("released", () -> worker.stats().released() >= 1); // again each 5 seconds
        }
        assertThat(column("attempt", id)).isZero();
    }

    @Test
    void a_breaker_stops_claims_of_its_kind_and_a_probe_resumes_them() {
        AtomicBoolean broken = new AtomicBoolean(true);
        AtomicInteger runs = new AtomicInteger();
        jobs.enqueueAll(IntStream.range(0, 300).mapToObj(Task::new).toList(), o -> o.queue(queue));
        try (Worker worker = worker(
                        (job, ctx) -> {
                            runs.incrementAndGet();
                            if (broken.get()) {
                                throw new IllegalStateException("down");
                            }
                        },
                        h -> h.breaker(0.5, Duration.ofSeconds(1)).retry(RetryPolicy.fixed(Duration.ofMillis(20))))
                .start()) {
            Await.until("a hundred failed", () -> runs.get() >= 100);
            Await.until(
                    "only probes run",
                    () -> worker.stats().buffered() == 0 && worker.stats().running() == 0);
            int before = runs.get();
            assertThat(before).isLessThan(130);
            broken.set(false);
            Await.until(
                    () -> "all are done: " + worker.stats(),
                    () -> worker.stats().done() == 300);
        }
    }

    @Test
    void beyond_the_budget_retries_come_after_the_longest_delay() {
        jobs.enqueueAll(IntStream.range(0, 50).mapToObj(Task::new).toList(), o -> o.queue(queue));
        try (Worker worker = worker(
                        (job, ctx) -> {
                            throw new IllegalStateException("down");
                        },
                        h -> h.retry(RetryPolicy.exponential(Duration.ofMinutes(10), Duration.ofHours(2))))
                .retryBudget(0, 0.2)
                .start()) {
            Await.until("each failed once", () -> worker.stats().retried() == 50);
        }
        Integer late = ask(
                "select count(*) from tenfold_job j join tenfold_job_queue q on q.id = j.queue_id where q.name = '"
                        + queue
                        + "' and run_at > (extract(epoch from clock_timestamp()) * 1000000)::bigint + 3000000000",
                Integer.class);
        // All but a burst of two, and one each five seconds.
        assertThat(late).isBetween(42, 48);
    }

    @Test
    void a_low_job_runs_although_urgent_ones_keep_coming() {
        CountDownLatch low = new CountDownLatch(1);
        AtomicInteger urgent = new AtomicInteger();
        try (Worker worker = worker((job, ctx) -> {
                    if (job.number() < 0) {
                        low.countDown();
                    } else {
                        urgent.incrementAndGet();
                        if (low.getCount() > 0) {
                            enqueue(1, o -> o.priority(Priority.URGENT)); // there is always one more
                        }
                    }
                })
                .concurrency(2)
                .ageing(Duration.ofSeconds(1))
                .start()) {
            for (int i = 0; i < 50; i++) {
                enqueue(1, o -> o.priority(Priority.URGENT));
            }
            enqueue(-1, o -> o.priority(Priority.LOW));
            Await.latch(low);
            assertThat(urgent.get()).isGreaterThan(50);
            Await.until(
                    "the rest",
                    () -> worker.stats().running() == 0 && worker.stats().buffered() == 0);
        }
    }

    @Test
    void queues_share_the_worker_by_their_weights() {
        jobs.enqueueAll(IntStream.range(0, 8_000).mapToObj(Task::new).toList(), o -> o.queue(queue));
        jobs.enqueueAll(IntStream.range(0, 8_000).mapToObj(Other::new).toList(), o -> o.queue(queue + "-other"));
        AtomicInteger heavy = new AtomicInteger();
        AtomicInteger light = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger(-1);
        try (Worker worker = jobs.worker()
                .queue(queue, 3)
                .queue(queue + "-other", 1)
                .handle(Task.class, (job, ctx) -> {
                    if (heavy.incrementAndGet() == 6_000) {
                        seen.set(light.get());
                    }
                })
                .handle(Other.class, (job, ctx) -> light.incrementAndGet())
                .concurrency(4)
                .start()) {
            Await.until("6,000 of the one", () -> seen.get() >= 0);
            assertThat(worker.isRunning()).isTrue();
        }
        // 3:1, give or take the claims that are under way.
        assertThat(seen.get()).isBetween(1_400, 2_600);
    }

    @Test
    void an_idle_worker_picks_each_of_10000_jobs_up_without_polling() {
        AtomicInteger ran = new AtomicInteger();
        try (Worker worker = worker((job, ctx) -> ran.incrementAndGet())
                .pollInterval(Duration.ofMinutes(1), Duration.ofMinutes(1))
                .start()) {
            for (int i = 0; i < 10_000; i++) {
                enqueue(i);
                if (i % 4 == 0) {
                    int expected = i + 1;
                    Await.until(() -> "picked up " + expected, () -> ran.get() == expected);
                }
            }
            Await.until("all", () -> worker.stats().done() == 10_000);
        }
    }

    @Test
    void a_paused_queue_is_left_alone_until_it_is_resumed() {
        long paused = enqueue(1);
        jobs.pause(queue);
        try (Worker worker = worker((job, ctx) -> {}).queue(queue + "-open", 1).start()) {
            jobs.enqueue(new Task(2), o -> o.queue(queue + "-open"));
            Await.until("the other queue's job is done", () -> worker.stats().done() == 1);
            assertThat(column("attempt", paused)).isZero();
            jobs.resume(queue);
            Await.until("done", () -> worker.stats().done() == 2);
        }
        assertThat(isGone(paused)).isTrue();
    }

    @Test
    void a_listener_hears_of_each_attempt_and_cannot_harm_it() {
        List<String> heard = new ArrayList<>();
        try (JobQueue own = JobQueue.on(
                        pool,
                        o -> o.notifies(false).listener(new JobListener() {
                            @Override
                            public Scope starting(JobContext context) {
                                throw new IllegalStateException("bad listener");
                            }

                            @Override
                            public void ended(
                                    JobContext context, Outcome outcome, Duration ran, @Nullable Throwable thrown) {
                                heard.add(context.kind() + ' ' + context.queue() + ' ' + outcome);
                                throw new IllegalStateException("bad listener");
                            }
                        }));
                Worker worker = own.worker()
                        .queue(queue, 1)
                        .handle(Task.class, (job, ctx) -> {})
                        .start()) {
            own.enqueue(new Task(1), o -> o.queue(queue));
            Await.until("done", () -> worker.stats().done() == 1);
        }
        assertThat(heard).containsExactly("task " + queue + " DONE");
    }

    @Test
    void settings_that_cannot_work_are_refused_by_name() {
        assertThatThrownBy(() -> jobs.worker().start())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no handler");
        assertThatThrownBy(() -> worker((job, ctx) -> {})
                        .lease(Duration.ofSeconds(5))
                        .heartbeat(Duration.ofSeconds(3))
                        .start())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("heartbeat PT3S must be at most half of lease PT5S; raise lease(…) or lower heartbeat(…)");
        assertThatThrownBy(() -> worker((job, ctx) -> {}).handle(Task.class, (job, ctx) -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"task\" has two handlers");
        assertThatThrownBy(() -> worker((job, ctx) -> {}).queue(queue, 2)).hasMessageContaining("named twice");
        assertThatThrownBy(() -> worker((job, ctx) -> {}).concurrency(0)).hasMessageContaining("concurrency 0");
        assertThatThrownBy(() -> worker((job, ctx) -> {}).lease(Duration.ZERO)).hasMessageContaining("lease PT0S");
        assertThatThrownBy(() -> worker((job, ctx) -> {}, h -> h.timeout(Duration.ZERO)))
                .hasMessageContaining("timeout PT0S");
    }
}
