package dev.tenfold.jobs;

import static dev.tenfold.jobs.OpsDatabase.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.jobs.JobHealth.Finding;
import dev.tenfold.jobs.JobHealth.Level;
import dev.tenfold.testkit.Await;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class PostgresOperationsTest extends OperationsContract {
    @Override
    OpsDatabase open() {
        return OpsDatabase.postgres();
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = database.pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Test
    void an_old_transaction_is_found_with_its_pid_and_name() throws Exception {
        try (Connection open = openTransaction();
                Statement statement = open.createStatement()) {
            statement.execute("set local application_name = 'nightly-report'");
            int pid;
            try (ResultSet rows = statement.executeQuery("select pg_backend_pid()")) {
                rows.next();
                pid = rows.getInt(1);
            }

            Finding finding = finding(health(o -> o.transactionAge(Duration.ofMillis(1))), "old-transaction");

            assertThat(finding.level()).isEqualTo(Level.WARNING);
            assertThat(finding.what())
                    .contains("pid " + pid)
                    .contains("nightly-report")
                    .contains("idle in transaction");
            assertThat(finding.remedy()).contains("pg_terminate_backend(" + pid + ")");
            assertThat(health(o -> o).findings()).noneMatch(each -> each.check().equals("old-transaction"));
            open.rollback();
        }
        assertThat(health(o -> o.transactionAge(Duration.ofMillis(1))).findings())
                .noneMatch(each -> each.check().equals("old-transaction"));
    }

    @Test
    void a_transaction_without_a_snapshot_is_not_found() throws Exception {
        try (Connection open = database.pool.getConnection();
                Statement statement = open.createStatement()) {
            open.setAutoCommit(false);
            statement.execute("set local lock_timeout = 1000");

            assertThat(health(o -> o.transactionAge(Duration.ofMillis(1))).findings())
                    .noneMatch(each -> each.check().equals("old-transaction"));
            open.rollback();
        }
    }

    @Test
    void dead_rows_that_nobody_removes_are_found() throws Exception {
        execute("alter table tenfold_job set (autovacuum_enabled = false)");
        try {
            long id = database.job("mail", "send-receipt", "run_at", 1_000 * SECOND);
            for (int i = 0; i < 40; i++) {
                // An index has it: what it was before stays until there is a vacuum, however full the page is.
                execute("update tenfold_job set run_at = run_at + 1 where id = " + id);
            }
            AtomicReference<JobHealth> seen = new AtomicReference<>();
            Await.until("the statistics arrive", () -> {
                execute("select pg_stat_clear_snapshot()");
                JobHealth now = health(o -> o.deadRows(10));
                seen.set(now);
                return now.findings().stream().anyMatch(each -> each.check().equals("dead-rows"));
            });

            Finding rows = finding(Objects.requireNonNull(seen.get()), "dead-rows");
            assertThat(rows.what()).contains("dead rows to");
            assertThat(rows.remedy()).contains("vacuum tenfold_job");
            Finding vacuum = finding(health(o -> o), "autovacuum");
            assertThat(vacuum.remedy()).isEqualTo("alter table tenfold_job reset (autovacuum_enabled)");
        } finally {
            execute("alter table tenfold_job reset (autovacuum_enabled)");
            execute("vacuum tenfold_job");
        }
    }

    @Test
    void missing_tables_are_an_error_that_says_what_to_run() throws Exception {
        OpsDatabase other = OpsDatabase.postgres();
        try (other;
                Connection connection = other.pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("drop table tenfold_job cascade");
            statement.execute("drop table if exists tenfold_job_schema cascade");

            JobHealth health = new HealthCheck(other.db, other.store, HealthOptions.DEFAULT).run();

            assertThat(health.isHealthy()).isFalse();
            assertThat(finding(health, "schema").what()).contains("JobSchema.install");
        }
    }
}
