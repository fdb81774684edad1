package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import java.time.ZoneOffset;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

class CronsPostgresTest extends CronsContract {
    @Override
    DataSource database() {
        PostgresServer server = PostgresServer.shared();
        return server.dataSource(server.createDatabase());
    }

    @Test
    void without_a_test_clock_the_clock_of_the_database_counts() {
        DataSource dataSource = database();
        JobSchema.install(dataSource);
        try (JobQueue jobs = JobQueue.on(dataSource)) {
            jobs.cron("often", "* * * * * *", ZoneOffset.UTC, new Rollup("sales"));

            Await.until("the cron fires", () -> {
                long wait = jobs.crons().fireDue();
                assertThat(wait).isLessThanOrEqualTo(1_000_000);
                return jobs.crons().list().get(0).last().isPresent();
            });
        }
    }
}
