package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** What becomes of jobs, on PostgreSQL, when workers stop or are cut off. */
final class WorkerFailureTest {
    private static final PostgresServer SERVER = PostgresServer.shared();
    private static final Duration LEASE = Duration.ofSeconds(3);

    record Task(int number) {}

    private final String database = SERVER.createDatabase();
    private FaultProxy proxy;
    private HikariDataSource direct;
    private HikariDataSource proxied;
    private JobQueue jobs;
    private JobQueue cutOff;
    private LeakCheck.Snapshot before;

    @BeforeEach
    void open() {
        before = LeakCheck.snapshot();
        proxy = FaultProxy.to(SERVER.host(), SERVER.port());
        HikariConfig config = new HikariConfig();
        config.setDataSource(SERVER.dataSource(database));
        config.setMinimumIdle(1); // a pool that is closed while it fills leaves connections open
        direct = new HikariDataSource(config);
        proxied = impatient(SERVER.jdbcUrl(database, proxy));
        JobSchema.install(direct);
        jobs = JobQueue.on(direct, o -> o.notifies(false));
        cutOff = JobQueue.on(proxied, o -> o.notifies(false));
    }

    @AfterEach
    void close() {
        proxy.resume();
        cutOff.close();
        jobs.close();
        proxied.close();
        direct.close();
        proxy.close();
        // A pool's thread that adds connections sleeps for some seconds after a failure; a worker's may wait for one.
        Await.until(
                "the pools and the workers are gone",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(each -> each.getName().startsWith("HikariPool-")
                                || each.getName().startsWith("tenfold-jobs-")));
        before.assertNothingLeaked();
    }

    /** Not by its URL: the pool would set the time-out of the driver manager, which all tests share. */
    private static HikariDataSource impatient(String url) {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setUrl(url + "&socketTimeout=20");
        HikariConfig config = new HikariConfig();
        config.setDataSource(dataSource);
        config.setMinimumIdle(1);
        config.setConnectionTimeout(2_000);
        config.setInitializationFailTimeout(Await.LIMIT.toMillis());
        return new HikariDataSource(config);
    }

    private static WorkerBuilder worker(JobQueue on, JobHandler<Task> handler) {
        return on.worker()
                .handle(Task.class, handler, h -> h.retry(RetryPolicy.fixed(Duration.ofMillis(1))))
                .concurrency(4)
                .virtualThreads(false)
                .lease(LEASE)
                .heartbeat(Duration.ofMillis(200))
                .drainTimeout(Duration.ofSeconds(1));
    }

    private @Nullable Integer ask(String sql) {
        try {
            return jobs.db.autocommit(
                    connection -> jobs.db.dsl(connection).fetchOne(sql).get(0, Integer.class));
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void a_worker_that_is_cut_off_loses_its_job_and_its_late_end_is_refused() {
        CountDownLatch zombieRuns = new CountDownLatch(1);
        CountDownLatch zombieEnds = new CountDownLatch(1);
        AtomicBoolean told = new AtomicBoolean();
        AtomicReference<Throwable> refused = new AtomicReference<>();
        AtomicReference<Throwable> lastFailure = new AtomicReference<>();
        CountDownLatch live = new CountDownLatch(1);
        try (Worker zombie = worker(cutOff, (job, ctx) -> {
                    zombieRuns.countDown();
                    try {
                        new CountDownLatch(1).await();
                    } catch (InterruptedException e) {
                        told.set(ctx.leaseLost());
                    }
                    awaitUninterruptibly(zombieEnds);
                    // The pool takes some seconds to find that the server is back, and the worker interrupts meanwhile.
                    while (refused.get() == null) {
                        try {
                            ctx.transaction(tx -> tx.dsl().execute("create table tenfold_zombie (id int)"));
                            return;
                        } catch (JobContext.LeaseLostException e) {
                            refused.set(e);
                        } catch (JobException | InterruptedException noConnection) {
                            lastFailure.set(noConnection);
                            // A pool that was interrupted leaves the mark, and then gives nobody anything.
                            boolean unused = Thread.interrupted();
                        }
                    }
                })
                .start()) {
            jobs.enqueue(new Task(1));
            Await.latch(zombieRuns);
            proxy.cut();
            CountDownLatch done = new CountDownLatch(1);
            try (Worker other = worker(jobs, (job, ctx) -> {
                        live.countDown();
                        Await.latch(done);
                    })
                    .lease(Duration.ofMinutes(5))
                    .start()) {
                Await.latch(live);
                assertThat(ask("select attempt from tenfold_job")).isEqualTo(2);
                Await.until("the zombie knows", told::get);
                proxy.resume();
                zombieEnds.countDown();
                Await.until(
                        () -> "its transaction is refused, after " + lastFailure.get(), () -> refused.get() != null);
                Await.until("its end is refused", () -> zombie.stats().lost() == 1);
                assertThat(ask("select count(*) from tenfold_job")).isEqualTo(1);
                assertThat(ask("select count(*) from pg_class where relname = 'tenfold_zombie'"))
                        .isZero();
                done.countDown();
                Await.until("done", () -> other.stats().done() == 1);
            }
            assertThat(zombie.stats().done()).isZero();
        }
        assertThat(refused.get()).hasMessageContaining("no longer this worker's");
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        while (latch.getCount() > 0) {
            try {
                latch.await();
            } catch (InterruptedException again) {
                // the worker closes
            }
        }
    }

    @Test
    void a_silent_database_makes_handlers_stop_before_their_leases_end() {
        // A lease at most after the last renewal that was answered, and some time to notice.
        Await.inTime(LEASE.plusSeconds(2), this::timeUntilAHandlerStops);
    }

    /** After the database has fallen silent. */
    private Duration timeUntilAHandlerStops() {
        CountDownLatch runs = new CountDownLatch(1);
        AtomicBoolean told = new AtomicBoolean();
        AtomicLong stopped = new AtomicLong();
        try (Worker worker = worker(cutOff, (job, ctx) -> {
                    runs.countDown();
                    try {
                        new CountDownLatch(1).await();
                    } finally {
                        told.set(ctx.leaseLost());
                        stopped.set(System.nanoTime());
                    }
                })
                .start()) {
            jobs.enqueue(new Task(1));
            Await.latch(runs);
            long silentAt = System.nanoTime();
            proxy.halfOpen();
            Await.until("stopped", () -> stopped.get() != 0);
            assertThat(told).as("no statement has failed by then").isTrue();
            proxy.resume();
            Await.until(
                    "given back",
                    () -> worker.stats().released() + worker.stats().lost() >= 1);
            return Duration.ofNanos(stopped.get() - silentAt);
        }
    }

    @Test
    void ends_survive_a_cut_of_two_seconds() {
        AtomicInteger ran = new AtomicInteger();
        CountDownLatch end = new CountDownLatch(1);
        try (Worker worker = worker(cutOff, (job, ctx) -> {
                    ran.incrementAndGet();
                    Await.latch(end);
                })
                .lease(Duration.ofMinutes(5))
                .start()) {
            jobs.enqueueAll(IntStream.range(0, 4).mapToObj(Task::new).toList());
            Await.until("they run", () -> ran.get() == 4);
            proxy.cut();
            end.countDown();
            long cutAt = System.nanoTime();
            Await.until("two seconds", () -> System.nanoTime() - cutAt > TimeUnit.SECONDS.toNanos(2));
            assertThat(worker.stats().done()).isZero();
            proxy.resume();
            Await.until("recorded", () -> worker.stats().done() == 4);
        }
        assertThat(ask("select count(*) from tenfold_job")).isZero();
        assertThat(ran).hasValue(4);
    }

    @Test
    void a_drain_gives_prefetched_jobs_back_uncharged_and_another_worker_runs_them_at_once() {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        AtomicBoolean slow = new AtomicBoolean();
        jobs.enqueueAll(IntStream.range(0, 5_000).mapToObj(Task::new).toList());
        Worker worker = worker(jobs, (job, ctx) -> {
                    if (job.number() >= 2_000 || slow.get()) {
                        slow.set(true);
                        running.countDown();
                        Await.latch(end);
                    }
                })
                .lease(Duration.ofMinutes(5))
                .drainTimeout(Duration.ofSeconds(10))
                .start();
        try {
            Await.latch(running);
            Await.until("all slots are taken", () -> worker.stats().running() == 4);
            Thread closer = new Thread(worker::close);
            closer.start();
            Await.until(
                    "it gives back", () -> !worker.isRunning() && worker.stats().buffered() == 0);
            end.countDown();
            Await.until("closed", () -> !closer.isAlive());
        } finally {
            end.countDown();
            worker.close();
        }
        assertThat(ask("select count(*) from tenfold_job where lease_until > 0 or attempt > 0"))
                .isZero();
        // It waits a second at most for the thread that says so.
        Await.until(
                "others see it gone", () -> Integer.valueOf(0).equals(ask("select count(*) from tenfold_job_worker")));
        try (Worker second = worker(jobs, (job, ctx) -> {}).start()) {
            Await.until(
                    "the rest is done",
                    () -> worker.stats().done() + second.stats().done() == 5_000);
        }
    }

    @Test
    void a_claim_that_is_answered_late_in_a_drain_is_given_back() throws SQLException {
        jobs.enqueueAll(IntStream.range(0, 10).mapToObj(Task::new).toList());
        try (Connection other = direct.getConnection()) {
            other.setAutoCommit(false);
            execute(other, "lock table tenfold_job in exclusive mode"); // lets others look, not claim
            Worker worker =
                    worker(jobs, (job, ctx) -> {}).lease(Duration.ofMinutes(5)).start();
            Await.until("it claims", () -> isBlocked("%skip locked) update%"));
            Thread closer = new Thread(worker::close);
            closer.start();
            Await.until("it closes", () -> !worker.isRunning());
            long closingAt = System.nanoTime();
            Await.until("more than it waits at first", () -> System.nanoTime() - closingAt > 1_200_000_000);
            other.rollback();
            Await.until("closed", () -> !closer.isAlive());
            assertThat(worker.stats().released()).isEqualTo(worker.stats().claimed());
            assertThat(worker.stats().claimed()).isPositive();
        }
        assertThat(ask("select count(*) from tenfold_job where lease_until = 0 and attempt = 0"))
                .isEqualTo(10);
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private boolean isBlocked(String statement) {
        return !Integer.valueOf(0)
                .equals(ask("select count(*) from pg_stat_activity where datname = current_database()"
                        + " and wait_event_type = 'Lock' and query like '" + statement + "'"));
    }

    @Test
    void a_heartbeat_that_is_answered_late_leaves_no_row_of_a_worker_that_is_closed() throws SQLException {
        Worker worker = worker(jobs, (job, ctx) -> {}).start();
        try (Connection other = direct.getConnection()) {
            other.setAutoCommit(false);
            execute(other, "delete from tenfold_job_worker");
            Await.until("it wants to show up", () -> isBlocked("update tenfold_job_worker%"));
            worker.close();
            other.commit();
        }
        Await.until(
                "it has",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(each -> each.getName().endsWith("-heartbeat")));
        assertThat(ask("select count(*) from tenfold_job_worker")).isZero();
    }

    @Test
    void a_handler_that_is_interrupted_by_the_drain_is_released_uncharged() {
        CountDownLatch running = new CountDownLatch(1);
        Worker worker = worker(jobs, (job, ctx) -> {
                    running.countDown();
                    new CountDownLatch(1).await();
                })
                .lease(Duration.ofMinutes(5))
                .drainTimeout(Duration.ofMillis(50))
                .start();
        jobs.enqueue(new Task(1));
        Await.latch(running);
        worker.close();
        assertThat(worker.stats().released()).isEqualTo(1);
        assertThat(ask("select attempt + failures from tenfold_job where lease_until = 0"))
                .isZero();
    }

    @Test
    void a_handler_that_ignores_the_drain_does_not_keep_it_and_is_given_back() {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        Worker worker = worker(jobs, (job, ctx) -> {
                    running.countDown();
                    awaitUninterruptibly(end);
                })
                .lease(Duration.ofMinutes(5))
                .drainTimeout(Duration.ofMillis(50))
                .start();
        jobs.enqueue(new Task(1));
        Await.latch(running);
        worker.close();
        assertThat(ask("select attempt from tenfold_job where lease_until = 0")).isZero();
        end.countDown();
    }

    @Test
    void close_is_bounded_while_the_database_is_away_and_idempotent() {
        CountDownLatch running = new CountDownLatch(1);
        Worker worker = worker(cutOff, (job, ctx) -> {
                    running.countDown();
                    new CountDownLatch(1).await();
                })
                .drainTimeout(Duration.ofMillis(50))
                .start();
        jobs.enqueue(new Task(1));
        Await.latch(running);
        proxy.cut();
        long start = System.nanoTime();
        worker.close();
        worker.close();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(14));
        assertThat(worker.isRunning()).isFalse();
    }

    @Test
    void a_crash_loop_is_buried() {
        jobs.enqueue(new Task(1), o -> o.maxAttempts(3));
        // Three processes died while they ran it.
        ask("with x as (update tenfold_job set attempt = 3, lease = 3, lease_until = 1 returning 1) select 1 from x");
        try (Worker worker = worker(jobs, (job, ctx) -> {}).start()) {
            Await.until(
                    "buried",
                    () -> Integer.valueOf(1)
                            .equals(ask("select count(*) from tenfold_job_dead where reason = 'CRASH_LOOP'")));
            assertThat(worker.stats().claimed()).isZero();
        }
    }

    @Test
    void a_worker_does_not_start_without_its_database_or_on_a_closed_queue() {
        proxy.cut();
        assertThatThrownBy(() -> worker(cutOff, (job, ctx) -> {}).start()).isInstanceOf(JobException.class);
        JobQueue closed = JobQueue.on(direct, o -> o.notifies(false));
        WorkerBuilder builder = worker(closed, (job, ctx) -> {});
        closed.close();
        assertThatThrownBy(builder::start).isInstanceOf(IllegalStateException.class);
    }
}
