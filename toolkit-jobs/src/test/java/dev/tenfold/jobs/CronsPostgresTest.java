package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import java.time.ZoneOffset;
import java.util.concurrent.CountDownLatch;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

class CronsPostgresTest extends CronsContract {
    private static final DataSource DATABASE = database();

    CronsPostgresTest() {
        super(DATABASE);
    }

    private static DataSource database() {
        PostgresServer server = PostgresServer.shared();
        DataSource dataSource = server.dataSource(server.createDatabase());
        JobSchema.install(dataSource);
        return dataSource;
    }

    @Test
    void without_a_test_clock_the_clock_of_the_database_counts() {
        try (JobQueue jobs = JobQueue.on(DATABASE)) {
            jobs.cron("often", "* * * * * *", ZoneOffset.UTC, new Rollup("sales"));

            Await.until("the cron fires", () -> {
                long wait = jobs.crons().fireDue();
                assertThat(wait).isLessThanOrEqualTo(1_000_000);
                return jobs.crons().list().get(0).last().isPresent();
            });
        }
    }

    @Test
    void a_worker_fires_crons_and_runs_their_jobs() throws Exception {
        CountDownLatch ran = new CountDownLatch(2);
        try (JobQueue jobs = JobQueue.on(DATABASE);
                Worker worker = jobs.worker()
                        .handle(Rollup.class, (job, ctx) -> {
                            assertThat(ctx.headers()).containsEntry("cron", "often");
                            ran.countDown();
                        })
                        .start()) {
            jobs.cron("often", "* * * * * *", ZoneOffset.UTC, new Rollup("sales"));

            Await.latch(ran);
            assertThat(worker.isRunning()).isTrue();
        }
    }
}
