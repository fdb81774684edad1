package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
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
}
