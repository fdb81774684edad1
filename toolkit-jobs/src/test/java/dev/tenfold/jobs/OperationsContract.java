package dev.tenfold.jobs;

import static dev.tenfold.jobs.OpsDatabase.SECOND;
import static dev.tenfold.jobs.OpsDatabase.with;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.jobs.JobHealth.Finding;
import dev.tenfold.jobs.JobHealth.Level;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What figures, findings and looks at single jobs promise, on each database. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class OperationsContract {
    record Receipt(long number) {}

    OpsDatabase database;

    abstract OpsDatabase open();

    @BeforeAll
    void start() {
        database = open();
    }

    @BeforeEach
    void empty() throws SQLException {
        database.clear();
    }

    @AfterAll
    void stop() {
        database.close();
    }

    // ---- one job ----------------------------------------------------------------------------------------------------

    private JobInfo found(long id) {
        return new JobLookup(database.db, database.kinds).find(id).orElseThrow();
    }

    @Test
    void a_job_is_found_in_each_state() throws SQLException {
        long now = database.now();
        long ready = database.job("mail", "send-receipt");
        long scheduled = database.job("mail", "send-receipt", "run_at", now + 3_600 * SECOND);
        long running = database.job("mail", "send-receipt", "lease_until", now + 3_600 * SECOND, "attempt", 1);
        long expired = database.job("mail", "send-receipt", "lease_until", now - SECOND, "attempt", 1);
        long parked = database.job("mail", "send-receipt", "run_at", Times.PARKED);
        long waiting = database.job("mail", "send-receipt", "run_at", Times.WAITING);
        long dead = database.dead("mail", "send-receipt");
        long done = history("DONE");
        long cancelled = history("CANCELLED");

        assertThat(found(ready).state()).isEqualTo(JobState.READY);
        assertThat(found(scheduled).state()).isEqualTo(JobState.SCHEDULED);
        assertThat(found(running).state()).isEqualTo(JobState.RUNNING);
        assertThat(found(expired).state()).isEqualTo(JobState.READY);
        assertThat(found(parked).state()).isEqualTo(JobState.PARKED);
        assertThat(found(waiting).state()).isEqualTo(JobState.WAITING);
        assertThat(found(dead).state()).isEqualTo(JobState.DEAD);
        assertThat(found(done).state()).isEqualTo(JobState.DONE);
        assertThat(found(cancelled).state()).isEqualTo(JobState.CANCELLED);
        assertThat(found(ready).runAt()).contains(Instant.ofEpochSecond(1_000));
        assertThat(List.of(found(parked), found(waiting), found(dead), found(done)))
                .allSatisfy(job -> assertThat(job.runAt()).isEmpty());
    }

    private long history(String outcome) throws SQLException {
        long id = outcome.hashCode();
        database.insert(
                "tenfold_job_history",
                List.of(with(
                        "id",
                        id,
                        "finished_at",
                        3_000 * SECOND,
                        "created_at",
                        1_000 * SECOND,
                        "run_micros",
                        10L,
                        "worker",
                        1L,
                        "queue_id",
                        database.kinds.queueId("mail"),
                        "kind_id",
                        database.kinds.kindId("send-receipt"),
                        "attempt",
                        2,
                        "failures",
                        1,
                        "outcome",
                        outcome)));
        return id;
    }

    @Test
    void what_is_known_of_a_job_is_told() throws SQLException {
        long id = database.job(
                "mail", "send-receipt", "priority", 3, "attempt", 2, "failures", 1, "headers", "trace=00-1");
        database.store.progress(id, 40, "page 4 of 10", null);

        assertThat(found(id))
                .isEqualTo(new JobInfo(
                        id,
                        "send-receipt",
                        "mail",
                        JobState.READY,
                        Optional.of(Priority.LOW),
                        Instant.ofEpochSecond(1_000),
                        Optional.of(Instant.ofEpochSecond(1_000)),
                        2,
                        1,
                        Optional.of(25),
                        Map.of("trace", "00-1"),
                        Optional.of(40),
                        Optional.of("page 4 of 10")));
        assertThat(found(history("DONE")).attempts()).isEqualTo(2);
    }

    @Test
    void an_unknown_job_is_not_found() {
        assertThat(new JobLookup(database.db, database.kinds).find(4_711)).isEmpty();
    }

    @Test
    void a_result_is_read_until_it_expires() throws SQLException {
        JobLookup lookup = new JobLookup(database.db, database.kinds);
        long id = database.job("mail", "send-receipt");
        assertThat(lookup.result(id, Receipt.class, PayloadCodec.json())).isEmpty();

        database.store.progress(id, 50, null, null);
        assertThat(lookup.result(id, Receipt.class, PayloadCodec.json())).isEmpty();
        database.store.progress(id, 100, null, "{\"number\":12}".getBytes(UTF_8));
        assertThat(lookup.result(id, Receipt.class, PayloadCodec.json())).contains(new Receipt(12));
        assertThatThrownBy(() -> lookup.result(id, Boolean.class, PayloadCodec.json()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cannot be read as a java.lang.Boolean");

        update("update tenfold_job_progress set expires_at = 1");
        assertThat(lookup.result(id, Receipt.class, PayloadCodec.json())).isEmpty();
    }

    private void update(String sql) throws SQLException {
        database.db.autocommit(connection -> {
            try (Statement statement = connection.createStatement()) {
                return statement.executeUpdate(sql);
            }
        });
    }

    // ---- figures ----------------------------------------------------------------------------------------------------

    private JobStats stats() throws SQLException {
        return new JobSurvey(database.db, database.store).stats();
    }

    @Test
    void jobs_are_counted_by_queue_and_state() throws SQLException {
        long now = database.now();
        for (int priority = 0; priority < 4; priority++) {
            database.job("mail", "send-receipt", "priority", priority, "run_at", now - 60 * SECOND);
        }
        database.job("mail", "send-receipt", "run_at", now - 90 * SECOND, "lease_until", now + 600 * SECOND);
        database.job("mail", "send-receipt", "run_at", now + 600 * SECOND);
        database.job("mail", "send-receipt", "run_at", now + 600 * SECOND, "priority", 0);
        database.job("mail", "send-receipt", "run_at", Times.PARKED);
        database.job("mail", "send-receipt", "run_at", Times.WAITING);
        database.dead("mail", "send-receipt");
        database.dead("mail", "send-receipt");
        database.kinds.queueId("archive");
        database.store.pauseQueue("archive", true);
        database.worker(1, now, "mail", "send-receipt");
        database.worker(2, now - 60 * SECOND, "mail", "send-receipt");

        JobStats stats = stats();

        BoundedCount one = new BoundedCount(1, true);
        BoundedCount two = new BoundedCount(2, true);
        assertThat(stats.workers()).isEqualTo(1);
        assertThat(stats.at()).isBetween(Times.instant(now), Times.instant(database.now()));
        assertThat(stats.queues()).extracting(QueueStats::name).containsExactly("archive", "mail");
        QueueStats mail = stats.queues().get(1);
        assertThat(mail.ready()).isEqualTo(new BoundedCount(4, true));
        assertThat(mail.running()).isEqualTo(one);
        assertThat(mail.scheduled()).isEqualTo(two);
        assertThat(mail.parked()).isEqualTo(one);
        assertThat(mail.waiting()).isEqualTo(one);
        assertThat(mail.dead()).isEqualTo(two);
        assertThat(mail.paused()).isFalse();
        assertThat(mail.oldestReady().orElseThrow())
                .as("the leased one is older, but not ready")
                .isBetween(Duration.ofSeconds(60), Duration.ofSeconds(85));
        QueueStats archive = stats.queues().get(0);
        assertThat(archive.paused()).isTrue();
        assertThat(archive.ready()).isEqualTo(BoundedCount.ZERO);
        assertThat(archive.oldestReady()).isEmpty();
    }

    @Test
    void counting_ends_at_10000() throws SQLException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 10_500; i++) {
            rows.add(database.jobRow("mail", "send-receipt", with("run_at", (1_000 + i) * SECOND)));
        }
        database.insert("tenfold_job", rows);
        database.job("files", "send-receipt");

        JobStats stats = stats();

        QueueStats mail = stats.queues().get(1);
        assertThat(mail.ready()).isEqualTo(new BoundedCount(10_000, false)).hasToString("10000+");
        assertThat(mail.oldestReady().orElseThrow()).isGreaterThan(Duration.ofDays(365));
        assertThat(stats.queues().get(0).ready()).hasToString("1");
    }

    @Test
    void sixty_queues_cost_as_many_statements_as_they_have_25s_and_four() throws SQLException {
        for (int i = 0; i < 60; i++) {
            database.job("queue-" + i, "send-receipt");
        }
        database.counted.reset();

        assertThat(stats().queues())
                .hasSize(60)
                .allSatisfy(queue -> assertThat(queue.ready().value()).isEqualTo(1));
        assertThat(database.counted.statements()).isLessThanOrEqualTo(7);
    }

    @Test
    void nothing_is_counted_in_an_empty_database() throws SQLException {
        assertThat(stats().queues()).isEmpty();
        assertThat(stats().workers()).isZero();
    }

    // ---- health -----------------------------------------------------------------------------------------------------

    JobHealth health(UnaryOperator<HealthOptions> change) {
        return new HealthCheck(database.db, database.store, change.apply(HealthOptions.DEFAULT)).run();
    }

    Finding finding(JobHealth health, String check) {
        List<Finding> found = health.findings().stream()
                .filter(each -> each.check().equals(check))
                .toList();
        assertThat(found).as("%s in %s", check, health).hasSize(1);
        return found.get(0);
    }

    @Test
    void queues_that_do_their_work_have_no_findings() throws SQLException {
        long now = database.now();
        database.worker(1, now, "mail\nfiles", "send-receipt\nresize");
        database.job("mail", "send-receipt", "run_at", now);
        database.job("files", "resize", "run_at", now);
        database.job("files", "unheard", "run_at", now + 600 * SECOND);

        JobHealth health = health(o -> o);

        assertThat(health.findings()).isEmpty();
        assertThat(health.isHealthy()).isTrue();
    }

    @Test
    void no_worker_is_a_warning_and_an_error_once_jobs_are_ready() throws SQLException {
        database.worker(1, database.now() - 60 * SECOND, "mail", "send-receipt");

        assertThat(finding(health(o -> o), "workers").level()).isEqualTo(Level.WARNING);
        assertThat(health(o -> o).isHealthy()).isTrue();

        database.job("mail", "send-receipt", "run_at", database.now());
        Finding finding = finding(health(o -> o), "workers");
        assertThat(finding.level()).isEqualTo(Level.ERROR);
        assertThat(finding.what()).contains("30 s");
        assertThat(health(o -> o).isHealthy()).isFalse();
    }

    @Test
    void a_kind_that_no_live_worker_takes_is_found_with_its_age() throws SQLException {
        long now = database.now();
        database.worker(1, now, "mail", "send-receipt");
        database.worker(2, now - 60 * SECOND, "mail", "send-invoice");
        database.job("mail", "send-receipt", "run_at", now);
        database.job("mail", "send-invoice", "run_at", now - 600 * SECOND);
        database.job("mail", "send-invoice", "run_at", now - 500 * SECOND, "priority", 0);

        Finding finding = finding(health(o -> o), "unhandled-kind");

        assertThat(finding.level()).isEqualTo(Level.WARNING);
        assertThat(finding.what())
                .contains("send-invoice")
                .contains("mail")
                .contains("2 are ready")
                .contains("10 min");
        assertThat(finding.remedy()).contains("handler");
    }

    @Test
    void a_kind_whose_queue_no_worker_takes_is_found_too() throws SQLException {
        long now = database.now();
        database.worker(1, now, "mail", "send-receipt");
        database.job("files", "send-receipt", "run_at", now);

        assertThat(finding(health(o -> o), "unhandled-kind").what()).contains("files");
    }

    @Test
    void an_old_ready_job_is_found() throws SQLException {
        long now = database.now();
        database.worker(1, now, "mail", "send-receipt");
        database.job("mail", "send-receipt", "run_at", now - 400 * SECOND);

        assertThat(finding(health(o -> o), "ready-age").what()).contains("mail").contains("6 min");
        assertThat(health(o -> o.readyAge(Duration.ofMinutes(10))).findings()).isEmpty();
    }

    @Test
    void what_is_paused_is_told_and_is_no_fault() throws SQLException {
        long now = database.now();
        database.worker(1, now, "mail", "send-receipt");
        database.job("mail", "send-receipt", "run_at", now - 4_000 * SECOND);
        database.store.pauseQueue("mail", true);

        JobHealth health = health(o -> o);

        assertThat(health.isHealthy()).isTrue();
        assertThat(health.findings()).hasSize(1);
        assertThat(finding(health, "paused").level()).isEqualTo(Level.INFO);
        assertThat(finding(health, "paused").remedy()).contains("jobs.resume(\"mail\")");

        database.store.pauseQueue("mail", false);
        database.store.pauseKind("send-receipt", true);
        assertThat(finding(health(o -> o), "paused").remedy())
                .contains("jobs.resumeKind")
                .contains("send-receipt");
    }

    @Test
    void a_database_that_is_away_is_an_error_and_no_exception() {
        Db gone = new Db(new GoneDataSource(), database.db.dialect, null, null);

        JobHealth health = new HealthCheck(gone, JobStore.of(gone), HealthOptions.DEFAULT).run();

        assertThat(health.isHealthy()).isFalse();
        assertThat(finding(health, "database").what()).contains("connection refused");
    }

    @Test
    void the_gravest_finding_comes_first() throws SQLException {
        database.job("mail", "send-receipt", "run_at", database.now() - 4_000 * SECOND);

        assertThat(health(o -> o).findings()).extracting(Finding::level).containsExactly(Level.ERROR, Level.WARNING);
    }

    @Test
    void thresholds_that_make_no_sense_are_refused() {
        assertThatThrownBy(() -> health(o -> o.readyAge(Duration.ZERO)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("readyAge PT0S");
        assertThatThrownBy(() -> health(o -> o.transactionAge(Duration.ofDays(500))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> health(o -> o.deadRows(0))).isInstanceOf(IllegalArgumentException.class);
    }

    /** A transaction that has written, and stays open. */
    Connection openTransaction() throws SQLException {
        Connection connection = database.pool.getConnection();
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("insert into tenfold_job_chore (name, next_at) values ('open', 0)");
        }
        return connection;
    }
}
