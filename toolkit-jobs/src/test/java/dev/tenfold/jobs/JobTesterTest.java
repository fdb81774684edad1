package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class JobTesterTest {
    private static final Instant NOON = Instant.parse("2030-05-06T12:00:00Z");

    record SendReceipt(long orderId) {}

    record Rollup(String table) {}

    private final JobTester.Time time = JobTester.startAt(NOON);
    private final DataSource dataSource = database();
    private final JobQueue jobs = JobQueue.on(dataSource, o -> o.clock(time));
    private final List<String> done = new ArrayList<>();

    private static DataSource database() {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
        return dataSource;
    }

    @AfterEach
    void close() {
        jobs.close();
    }

    private JobTester tester() {
        return JobTester.on(
                jobs,
                jobs.worker()
                        .handle(SendReceipt.class, (job, ctx) -> {
                            if (job.orderId() < 0) {
                                throw new IllegalStateException("no order " + job.orderId());
                            }
                            done.add("receipt " + job.orderId());
                        })
                        .handle(Rollup.class, (job, ctx) -> {
                            done.add("rollup " + job.table() + " "
                                    + ctx.headers().get("cron-at"));
                            jobs.enqueue(new SendReceipt(100));
                        }));
    }

    @Test
    void due_jobs_run_on_this_thread_in_order_until_there_are_none() {
        JobTester tester = tester();
        jobs.enqueue(new SendReceipt(1));
        jobs.enqueue(new SendReceipt(2), o -> o.priority(Priority.URGENT));
        jobs.enqueue(new Rollup("sales"));

        assertThat(tester.runDue()).isEqualTo(4);

        assertThat(done).containsExactly("receipt 2", "receipt 1", "rollup sales null", "receipt 100");
        assertThat(tester.lastErrors()).isEmpty();
        assertThat(tester.runDue()).isZero();
    }

    @Test
    void a_delayed_job_runs_after_its_time_has_come() {
        JobTester tester = tester();
        jobs.enqueue(new SendReceipt(1), o -> o.delay(Duration.ofHours(1)));

        assertThat(tester.runDue()).isZero();
        tester.advance(Duration.ofHours(1).minusMillis(1));
        assertThat(tester.runDue()).isZero();
        tester.advance(Duration.ofMillis(1));

        assertThat(tester.runDue()).isEqualTo(1);
    }

    @Test
    void a_failure_is_retried_later_and_shown() {
        JobTester tester = tester();
        jobs.enqueue(new SendReceipt(-1), o -> o.maxAttempts(2));

        assertThat(tester.runDue()).isEqualTo(1);

        assertThat(tester.lastErrors())
                .singleElement()
                .satisfies(thrown -> assertThat(thrown)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("no order -1"));
        assertThat(tester.enqueued(SendReceipt.class)).containsExactly(new SendReceipt(-1));
        tester.advance(Duration.ofHours(2));
        assertThat(tester.runDue()).isEqualTo(1);
        assertThat(tester.enqueued(SendReceipt.class)).isEmpty(); // dead
    }

    @Test
    void crons_fire_each_at_its_time_while_time_passes() {
        JobTester tester = tester();
        jobs.cron("hourly", "30 * * * *", ZoneOffset.UTC, new Rollup("sales"));

        tester.advance(Duration.ofHours(3));

        assertThat(tester.enqueued(Rollup.class)).hasSize(3);
        assertThat(tester.runDue()).isEqualTo(6);
        assertThat(done)
                .contains(
                        "rollup sales 2030-05-06T12:30:00Z",
                        "rollup sales 2030-05-06T13:30:00Z",
                        "rollup sales 2030-05-06T14:30:00Z");
        assertThat(time.instant()).isEqualTo(NOON.plus(Duration.ofHours(3)));
    }

    @Test
    void what_is_enqueued_is_shown_decoded_in_order() {
        JobTester tester = tester();
        jobs.enqueue(new SendReceipt(7), o -> o.priority(Priority.LOW));
        jobs.enqueue(new SendReceipt(8), o -> o.delay(Duration.ofDays(1)));

        assertThat(tester.enqueued(SendReceipt.class)).containsExactly(new SendReceipt(7), new SendReceipt(8));
        assertThat(tester.enqueued(Rollup.class)).isEmpty();
    }

    @Test
    void a_missing_job_is_an_assertion_error_that_says_what_is_there() {
        JobTester tester = tester();
        jobs.enqueue(new SendReceipt(7));

        assertThatCode(() -> tester.assertEnqueued(SendReceipt.class, r -> r.orderId() == 7))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> tester.assertEnqueued(SendReceipt.class, r -> r.orderId() == 8))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("SendReceipt[orderId=7]");
        assertThatThrownBy(() -> tester.assertEnqueued(Rollup.class, r -> true))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("none at all");
    }

    @Test
    void jobs_with_one_place_under_a_key_run_one_after_another() {
        JobTester tester = tester();
        for (int i = 0; i < 3; i++) {
            int order = i;
            jobs.enqueue(new SendReceipt(order), o -> o.concurrencyKey("tenant", 1));
        }

        assertThat(tester.runDue()).isEqualTo(3);
        assertThat(done).containsExactly("receipt 0", "receipt 1", "receipt 2");
    }

    @Test
    void a_chain_and_a_transaction_run_as_in_production() {
        JobTester tester = JobTester.on(
                jobs,
                jobs.worker()
                        .handle(
                                SendReceipt.class,
                                (job, ctx) -> ctx.transaction(tx -> done.add("receipt " + job.orderId())))
                        .handle(Rollup.class, (job, ctx) -> {
                            throw ctx.snooze(Duration.ofMinutes(5));
                        }));
        jobs.chain(new SendReceipt(1), new SendReceipt(2), new Rollup("sales"));

        assertThat(tester.runDue()).isEqualTo(3);
        assertThat(done).containsExactly("receipt 1", "receipt 2");
        tester.advance(Duration.ofMinutes(5));
        assertThat(tester.runDue()).isEqualTo(1);
    }

    @Test
    void only_the_clock_of_the_tester_can_be_moved() {
        try (JobQueue real = JobQueue.on(dataSource)) {
            JobTester tester =
                    JobTester.on(real, real.worker().handle(SendReceipt.class, (job, ctx) -> done.add("receipt")));

            assertThatThrownBy(() -> tester.advance(Duration.ofDays(1)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("JobTester.startAt");
        }
        assertThatThrownBy(() -> tester().advance(Duration.ofDays(-1))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_worker_without_handlers_is_refused() {
        assertThatThrownBy(() -> JobTester.on(jobs, jobs.worker()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no handler");
    }
}
