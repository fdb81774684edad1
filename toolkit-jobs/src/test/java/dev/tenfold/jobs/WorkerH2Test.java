package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The essentials of a worker on H2, whose statements are the portable ones. */
final class WorkerH2Test {
    record Task(int number) {}

    record Other(int number) {}

    private HikariDataSource pool;
    private JobQueue jobs;

    @BeforeEach
    void open() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
        pool = new HikariDataSource(config);
        jobs = JobQueue.on(pool);
    }

    @AfterEach
    void close() {
        jobs.close();
        pool.close();
    }

    private WorkerBuilder worker(JobHandler<Task> handler) {
        return jobs.worker()
                .handle(Task.class, handler, h -> h.retry(RetryPolicy.fixed(Duration.ofMillis(1))))
                .concurrency(4);
    }

    @Test
    void jobs_run_once() {
        AtomicInteger ran = new AtomicInteger();
        try (Worker worker = worker((job, ctx) -> ran.incrementAndGet()).start()) {
            jobs.enqueueAll(IntStream.range(0, 1_000).mapToObj(Task::new).toList());
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 1_000);
        }
        assertThat(ran).hasValue(1_000);
    }

    @Test
    void failures_are_retried_and_snoozes_put_off() {
        AtomicInteger ran = new AtomicInteger();
        try (Worker worker = worker((job, ctx) -> {
                    switch (ran.incrementAndGet()) {
                        case 1 -> throw new IllegalStateException("once");
                        case 2 -> throw ctx.snooze(Duration.ofMillis(1));
                        default -> assertThat(ctx.attempt()).isEqualTo(2);
                    }
                })
                .start()) {
            jobs.enqueue(new Task(1));
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 1);
            assertThat(worker.stats().retried()).isEqualTo(1);
            assertThat(worker.stats().snoozed()).isEqualTo(1);
        }
    }

    @Test
    void a_transaction_ends_the_job() {
        AtomicInteger other = new AtomicInteger();
        try (Worker worker = worker(
                        (job, ctx) -> ctx.transaction(tx -> tx.jobs().enqueue(new Other(job.number()))))
                .handle(Other.class, (job, ctx) -> other.addAndGet(job.number()))
                .start()) {
            jobs.enqueue(new Task(7));
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 2);
        }
        assertThat(other).hasValue(7);
    }

    // ---- what fails once --------------------------------------------------------------------------------------------

    private interface Fault {
        void strike() throws SQLException;
    }

    /** The pool, but for what this throws to who asks for a connection. */
    private DataSource faulty(Fault fault) {
        return (DataSource) Proxy.newProxyInstance(
                DataSource.class.getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, given) -> {
                    fault.strike();
                    try {
                        return method.invoke(pool, given);
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                });
    }

    private static boolean isAskedBy(Class<?> type, String method) {
        return StackWalker.getInstance()
                .walk(frames -> frames.anyMatch(each -> each.getClassName().equals(type.getName())
                        && each.getMethodName().equals(method)));
    }

    @Test
    void a_probe_that_the_database_did_not_answer_is_followed_by_another() {
        AtomicBoolean cut = new AtomicBoolean();
        AtomicBoolean down = new AtomicBoolean(true);
        try (JobQueue cutOff = JobQueue.on(faulty(() -> {
                    if (isAskedBy(Claimer.class, "probe") && cut.compareAndSet(false, true)) {
                        throw new SQLException("connection refused", "08001");
                    }
                }));
                Worker worker = failing(cutOff, down).start()) {
            jobs.enqueueAll(IntStream.range(0, 110).mapToObj(Task::new).toList());
            Await.until("a probe was cut off", cut::get);
            down.set(false);
            Await.until(
                    () -> "all are done: " + worker.stats(),
                    () -> worker.stats().done() == 110);
        }
    }

    private static WorkerBuilder failing(JobQueue on, AtomicBoolean down) {
        return on.worker()
                .handle(
                        Task.class,
                        (job, ctx) -> {
                            if (down.get()) {
                                throw new IllegalStateException("down");
                            }
                        },
                        h -> h.breaker(0.5, Duration.ofMillis(100)).retry(RetryPolicy.fixed(Duration.ofMillis(20))))
                .concurrency(4);
    }

    @Test
    void a_probe_that_is_parked_is_followed_by_another() throws SQLException {
        AtomicBoolean down = new AtomicBoolean(true);
        int kind = jobs.kinds.kindId(jobs.kinds.of(Task.class).name);
        Lane lane = new Lane(jobs.kinds.queueId("default"), Priority.NORMAL.level());
        jobs.enqueue(new Task(-1), o -> o.concurrencyKey("tenant", 1));
        List<Claimed> elsewhere = jobs.store.claim(lane, Lane.Cursor.START, new int[] {kind}, 1, 4_711, 600_000_000);
        assertThat(jobs.store.admit(elsewhere, 4_711)).hasSize(1);
        try (Worker worker = failing(jobs, down).start()) {
            jobs.enqueueAll(IntStream.range(0, 110).mapToObj(Task::new).toList());
            Await.until("the breaker is open", () -> !worker.handled.get(0).isBreakerClosed());
            jobs.enqueue(new Task(-2), o -> o.concurrencyKey("tenant", 1).priority(Priority.URGENT));
            Await.until(
                    "the probe has no place",
                    () -> number("select count(*) from tenfold_job where run_at = " + Times.PARKED) == 1);
            down.set(false);
            Await.until(
                    () -> "all others are done: " + worker.stats(),
                    () -> worker.stats().done() == 110);
        }
    }

    private long number(String sql) {
        try (Connection connection = pool.getConnection();
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void an_error_while_ends_are_written_costs_no_end() {
        AtomicBoolean struck = new AtomicBoolean();
        try (JobQueue scarce = JobQueue.on(faulty(() -> {
                    if (isAskedBy(Finisher.class, "statement") && struck.compareAndSet(false, true)) {
                        throw new OutOfMemoryError("on purpose");
                    }
                }));
                Worker worker = scarce.worker()
                        .handle(Task.class, (job, ctx) -> {})
                        .concurrency(4)
                        .start()) {
            jobs.enqueue(new Task(1));
            Await.until("an error", struck::get);
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 1);
        }
    }

    @Test
    void an_error_while_leases_are_renewed_costs_none() {
        AtomicBoolean struck = new AtomicBoolean();
        AtomicInteger renewals = new AtomicInteger();
        CountDownLatch end = new CountDownLatch(1);
        try (JobQueue scarce = JobQueue.on(faulty(() -> {
                    if (isAskedBy(Heart.class, "renew")) {
                        if (struck.compareAndSet(false, true)) {
                            throw new OutOfMemoryError("on purpose");
                        }
                        renewals.incrementAndGet();
                    }
                }));
                Worker worker = scarce.worker()
                        .handle(Task.class, (job, ctx) -> Await.latch(end))
                        .heartbeat(Duration.ofMillis(50))
                        .start()) {
            jobs.enqueue(new Task(1));
            Await.until("an error", struck::get);
            Await.until("it goes on", () -> renewals.get() > 1);
            end.countDown();
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 1);
        } finally {
            end.countDown();
        }
    }

    @Test
    void a_handler_that_waits_for_a_connection_for_its_transaction_keeps_its_lease() {
        CountDownLatch free = new CountDownLatch(1);
        AtomicInteger waits = new AtomicInteger();
        try (JobQueue busy = JobQueue.on(faulty(() -> {
                    if (isAskedBy(JobTransaction.class, "once")) {
                        waits.incrementAndGet();
                        Await.latch(free);
                    }
                }));
                Worker worker = busy.worker()
                        .handle(Task.class, (job, ctx) -> ctx.transaction(tx -> {}))
                        .heartbeat(Duration.ofMillis(50))
                        .start()) {
            jobs.enqueue(new Task(1));
            Await.until("it waits", () -> waits.get() == 1);
            long until = number("select max(lease_until) from tenfold_job");
            Await.until(
                    "its lease is renewed",
                    () -> number("select count(*) from tenfold_job where lease = 1 and lease_until > "
                                    + (until + 100_000))
                            == 1);
            free.countDown();
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 1);
            assertThat(worker.stats().claimed()).isEqualTo(1);
        } finally {
            free.countDown();
        }
    }

    @Test
    void what_a_handler_notes_after_its_transaction_is_forgotten_like_the_rest() {
        try (Worker worker = worker((job, ctx) -> {
                    ctx.transaction(tx -> {});
                    ctx.result("it is done");
                })
                .start()) {
            long id = jobs.enqueue(new Task(7)).id();
            Await.until(() -> "done: " + worker.stats(), () -> worker.stats().done() == 1);
            assertThat(jobs.result(id, String.class)).contains("it is done");
        }
        assertThat(number("select count(*) from tenfold_job_progress where expires_at is null"))
                .isZero();
    }
}
