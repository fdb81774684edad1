package dev.tenfold.jobs;

import static dev.tenfold.jobs.DeadReason.EXHAUSTED;
import static dev.tenfold.jobs.Priority.HIGH;
import static dev.tenfold.jobs.Priority.LOW;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CodeBlocks;
import dev.tenfold.testkit.PostgresServer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

/** The Java blocks on jobs, of the README and of the module's page, are regions of this class, and they run. */
class ReadmeTest {
    private static final PostgresServer POSTGRES = PostgresServer.shared();

    private final DataSource dataSource = POSTGRES.dataSource(POSTGRES.createDatabase());
    private final Set<Long> mailed = ConcurrentHashMap.newKeySet();
    private volatile boolean mailServerIsUp = true;

    // region: kind
    record SendReceipt(long orderId) {}
    // endregion

    record Rollup(int days) {}

    private void mail(SendReceipt job) {
        if (!mailServerIsUp) {
            throw new IllegalStateException("the mail server is down");
        }
        mailed.add(job.orderId());
    }

    @Test
    void a_job_from_the_callers_transaction_to_its_end() throws Exception {
        long id = 7;
        // region: open
        JobSchema.install(dataSource); // or by Flyway; H2 needs neither
        JobQueue jobs = JobQueue.on(dataSource);
        // endregion
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            // region: enqueue
            jobs.in(connection).enqueue(new SendReceipt(id)); // there if your transaction commits, and only then
            // endregion
            connection.commit();
        }
        // region: options
        jobs.enqueue(
                new SendReceipt(8),
                o -> o.queue("mail").priority(HIGH).delay(ofMinutes(5)).unique());
        // endregion
        // region: work
        Worker worker = jobs.worker() // in this process or in another
                .handle(SendReceipt.class, (job, ctx) -> mail(job))
                .concurrency(50)
                .start();
        // endregion
        Await.until("the receipt is mailed", () -> mailed.contains(id));
        assertThat(jobs.stats().queues()).extracting(QueueStats::name).contains("mail");
        // region: close
        worker.close(); // drains: gives back what has not begun, waits for what runs
        jobs.close();
        // endregion
    }

    @Test
    void effects_once() throws Exception {
        JobSchema.install(dataSource);
        try (Connection connection = dataSource.getConnection();
                var statement = connection.createStatement()) {
            statement.execute("create table sent (order_id bigint)");
        }
        try (JobQueue jobs = JobQueue.on(dataSource)) {
            WorkerBuilder builder = jobs.worker();
            // region: once
            builder.handle(
                    SendReceipt.class,
                    (job, ctx) -> ctx.transaction(tx -> {
                        insertReceipt(tx.connection(), job.orderId()); // or tx.dsl(), with jOOQ
                        tx.jobs().enqueue(new Rollup(1)); // what follows from it, in the same commit
                    }));
            // endregion
            try (Worker worker = builder.start()) {
                assertThat(worker.isRunning()).isTrue();
                long id = jobs.enqueue(new SendReceipt(7)).id();
                Await.until("the job is done", () -> jobs.find(id).isEmpty());
                assertThat(jobs.stats().queues())
                        .as("the follow-up is there")
                        .anyMatch(queue -> queue.ready().value() == 1);
            }
        }
    }

    private static void insertReceipt(Connection connection, long orderId) throws SQLException {
        try (var statement = connection.prepareStatement("insert into sent values (?)")) {
            statement.setLong(1, orderId);
            statement.executeUpdate();
        }
    }

    @Test
    void failures_and_dead_letters() {
        JobSchema.install(dataSource);
        mailServerIsUp = false;
        try (JobQueue jobs = JobQueue.on(dataSource)) {
            WorkerBuilder builder = jobs.worker();
            // region: retry
            builder.handle(
                    SendReceipt.class,
                    (job, ctx) -> mail(job),
                    h -> h.timeout(ofSeconds(30))
                            .retry(RetryPolicy.fullJitter(ofMillis(50), ofHours(1))
                                    .rejectOn(IllegalArgumentException.class)));
            // endregion
            try (Worker worker = builder.start()) {
                assertThat(worker.isRunning()).isTrue();
                long id =
                        jobs.enqueue(new SendReceipt(7), o -> o.maxAttempts(2)).id();
                Await.until("it is given up", () -> jobs.deadLetters().find(id).isPresent());
                mailServerIsUp = true;
                // region: dead
                for (DeadLetters.Group group : jobs.deadLetters().groups(f -> f.reason(EXHAUSTED), 10)) {
                    System.out.println(group.count() + " × " + group.type() + ": " + group.message());
                    jobs.deadLetters().replayAll(f -> f.fingerprint(group.fingerprint()));
                }
                // endregion
                Await.until("it is mailed", () -> mailed.contains(7L));
            }
        }
    }

    @Test
    void chains_batches_and_crons() {
        JobSchema.install(dataSource);
        try (JobQueue jobs = JobQueue.on(dataSource)) {
            // region: batch
            jobs.chain(new SendReceipt(1), new SendReceipt(2)); // the second when the first is done
            jobs.batch(List.of(new SendReceipt(3), new SendReceipt(4)), new Rollup(1)); // Rollup when both are
            // endregion
            // region: cron
            jobs.cron("nightly", "0 2 * * *", ZoneId.of("Europe/Paris"), new Rollup(1), o -> o.priority(LOW));
            // endregion
            assertThat(jobs.crons().list()).hasSize(1);
        }
    }

    @Test
    void in_tests() {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL("jdbc:h2:mem:readme-jobs;DB_CLOSE_DELAY=-1");
        // region: tester
        JobTester.Time time = JobTester.startAt(Instant.parse("2030-01-01T00:00:00Z"));
        JobQueue jobs = JobQueue.on(dataSource, o -> o.clock(time)); // H2 in memory will do
        JobTester tester = JobTester.on(jobs, jobs.worker().handle(SendReceipt.class, (job, ctx) -> mail(job)));

        jobs.enqueue(new SendReceipt(7), o -> o.delay(Duration.ofDays(1)));

        tester.assertEnqueued(SendReceipt.class, receipt -> receipt.orderId() == 7);
        tester.advance(Duration.ofDays(1)); // no waiting
        tester.runDue(); // on this thread
        // endregion
        assertThat(mailed).containsExactly(7L);
        jobs.close();
    }

    @Test
    void the_blocks_of_this_module_are_regions_of_this_class() {
        assertThat(CodeBlocks.of(Path.of("../README.md"), Path.of("../docs/jobs.md")))
                .filteredOn(block -> block.module().equals("toolkit-jobs"))
                .hasSize(7)
                .allSatisfy(block -> assertThat(block.code())
                        .as("%s, %s", block.page(), block.regions())
                        .isEqualTo(CodeBlocks.regions(getClass(), block.regions())));
    }
}
