package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.Await;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

/** Operations by the front door. */
final class JobQueueOperationsTest {
    record SendReceipt(long orderId) {}

    record Publish(long page) {}

    private static JdbcDataSource h2(String name) {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL("jdbc:h2:mem:" + name + ";DB_CLOSE_DELAY=-1");
        return dataSource;
    }

    @Test
    void a_job_is_found_counted_and_buried_through_the_queue() throws Exception {
        try (JobQueue jobs = JobQueue.on(h2("front-door"))) {
            long id = jobs.enqueue(new SendReceipt(7), o -> o.queue("mail")).id();
            assertThat(jobs.find(id).orElseThrow().state()).isEqualTo(JobState.READY);
            assertThat(jobs.result(id, Publish.class)).isEmpty();
            assertThat(jobs.stats().queues()).extracting(QueueStats::name).containsExactly("mail");
            assertThat(jobs.health().isHealthy()).as("no worker").isFalse();

            Claimed claimed = jobs.store
                    .claim(
                            new Lane(jobs.kinds.queueId("mail"), 2),
                            Lane.Cursor.START,
                            new int[] {jobs.kinds.kindId("send-receipt")},
                            1,
                            99,
                            30_000_000)
                    .get(0);
            assertThat(jobs.find(id).orElseThrow().state()).isEqualTo(JobState.RUNNING);
            jobs.store.progress(id, 90, "nearly", PayloadCodec.json().encode(new Publish(3)));
            assertThat(jobs.result(id, Publish.class)).isEqualTo(Optional.of(new Publish(3)));
            JobError error = JobError.of(1, new IllegalStateException("no such order"));
            jobs.store.bury(List.of(new JobStore.Ending(claimed, 0, 0, error)), 99, DeadReason.REJECTED);

            assertThat(jobs.find(id).orElseThrow().state()).isEqualTo(JobState.DEAD);
            DeadLetter letter = jobs.deadLetters().find(id).orElseThrow();
            assertThat(letter.payload()).contains("{\"orderId\":7}");
            assertThat(letter.errors()).hasSize(1);
            assertThat(jobs.deadLetters()
                            .groups(f -> f.kind("send-receipt"), 10)
                            .get(0)
                            .type())
                    .isEqualTo("java.lang.IllegalStateException");
            assertThat(jobs.deadLetters().edit(id, new SendReceipt(8))).isTrue();
            assertThat(jobs.deadLetters().replay(id)).isEqualTo(DeadLetters.Replay.REPLAYED);
            assertThat(jobs.find(id).orElseThrow().state()).isEqualTo(JobState.READY);
        }
    }

    @Test
    void a_closed_queue_refuses_to_look() {
        JobQueue jobs = JobQueue.on(h2("closed"));
        jobs.close();

        assertThatThrownBy(() -> jobs.find(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(jobs::stats).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(jobs::health).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void what_is_enqueued_is_counted_however_it_is_enqueued() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (JobQueue jobs = JobQueue.on(h2("counted"), o -> o.listener(JobMetrics.listener(registry)))) {
            jobs.enqueue(new SendReceipt(1), o -> o.unique());
            jobs.enqueue(new SendReceipt(1), o -> o.unique());
            jobs.enqueueAll(List.of(new SendReceipt(2), new SendReceipt(3), new Publish(1)));
            jobs.chain(new SendReceipt(4), new Publish(2));
            jobs.batch(List.of(new SendReceipt(5), new SendReceipt(6)), new Publish(3));

            assertThat(registry.get("toolkit.jobs.enqueued")
                            .tag("kind", "send-receipt")
                            .counter()
                            .count())
                    .as("the duplicate is not counted")
                    .isEqualTo(6);
            assertThat(registry.get("toolkit.jobs.enqueued")
                            .tag("kind", "publish")
                            .counter()
                            .count())
                    .isEqualTo(3);
            new JobMetrics(jobs).bindTo(registry);
            assertThat(registry.get("toolkit.jobs.ready").gauge().value())
                    .as("all but those that wait")
                    .isEqualTo(7);
        }
    }

    @Test
    void what_a_worker_does_is_counted_and_timed_and_seen() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (JobQueue jobs = JobQueue.on(h2("worked"), o -> o.listener(JobMetrics.listener(registry)));
                Worker worker = jobs.worker()
                        .handle(
                                SendReceipt.class,
                                (job, context) -> {
                                    if (job.orderId() == 2) {
                                        throw new IllegalArgumentException("no such order");
                                    }
                                },
                                h -> h.retry(RetryPolicy.fixed(Duration.ofMillis(1))))
                        .start()) {
            jobs.enqueue(new SendReceipt(1));
            long fails = jobs.enqueue(new SendReceipt(2), o -> o.maxAttempts(2)).id();
            Await.until("the job is given up", () -> worker.stats().dead() == 1);
            Await.until("the other is done", () -> worker.stats().done() == 1);

            assertThat(executions(registry, "done")).isEqualTo(1);
            assertThat(executions(registry, "retried")).isEqualTo(1);
            assertThat(executions(registry, "dead")).isEqualTo(1);
            assertThat(registry.get("toolkit.jobs.wait")
                            .tag("kind", "send-receipt")
                            .timer()
                            .count())
                    .isEqualTo(3);
            assertThat(registry.get("toolkit.jobs.run")
                            .tag("outcome", "done")
                            .timer()
                            .count())
                    .isEqualTo(1);
            assertThat(worker.isRunning()).isTrue();
            assertThat(jobs.health().findings()).isEmpty();
            assertThat(jobs.stats().workers()).isEqualTo(1);
            assertThat(jobs.deadLetters().find(fails).orElseThrow().errors()).hasSize(2);
        }
    }

    private static double executions(SimpleMeterRegistry registry, String outcome) {
        Counter counter =
                registry.find("toolkit.jobs.executions").tag("outcome", outcome).counter();
        return counter == null ? 0 : counter.count();
    }

    @Test
    void a_worker_that_knows_a_kind_by_its_former_name_takes_it() throws Exception {
        try (JobQueue jobs = JobQueue.on(h2("former"));
                Worker worker = jobs.worker()
                        .handle(Kind.of(Publish.class).alias("print"), (job, context) -> {})
                        .start()) {
            assertThat(worker.isRunning()).isTrue();
            List<JobSurvey.LiveWorker> live = jobs.db.autocommit(
                    with -> new JobSurvey(jobs.db, jobs.store).workers(with, jobs.db.currentMicros(with)));

            assertThat(live).hasSize(1);
            assertThat(live.get(0).takes("default", "print")).isTrue();
            assertThat(live.get(0).takes("default", "publish")).isTrue();
            assertThat(live.get(0).takes("mail", "publish")).isFalse();
        }
    }

    @Test
    void a_listener_that_fails_after_the_insert_does_not_hide_it() {
        JobListener broken = new JobListener() {
            @Override
            public void enqueued(String kind, String queue, long jobs) {
                throw new IllegalStateException("out of ink");
            }
        };
        try (JobQueue jobs = JobQueue.on(h2("broken-listener"), o -> o.listener(broken))) {
            Enqueued enqueued = jobs.enqueue(new SendReceipt(1));

            assertThat(jobs.find(enqueued.id())).isPresent();
        }
    }
}
