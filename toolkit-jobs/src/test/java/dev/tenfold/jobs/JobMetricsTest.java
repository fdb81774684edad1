package dev.tenfold.jobs;

import static dev.tenfold.jobs.OpsDatabase.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.SettableClock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class JobMetricsTest {
    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private OpsDatabase database;
    private MeterRegistry registry;
    private boolean isAway;

    @BeforeAll
    void start() {
        database = OpsDatabase.postgres();
    }

    @BeforeEach
    void empty() throws Exception {
        database.clear();
        registry = new SimpleMeterRegistry();
        isAway = false;
    }

    @AfterAll
    void stop() {
        database.close();
    }

    private JobMetrics metrics() {
        return new JobMetrics(
                () -> JobException.unless("count the jobs", () -> {
                    if (isAway) {
                        throw new SQLException("connection refused");
                    }
                    return new JobSurvey(database.db, database.store).stats();
                }),
                clock.nanoClock());
    }

    private double gauge(String name, String queue) {
        return registry.get("toolkit.jobs." + name).tag("queue", queue).gauge().value();
    }

    @Test
    void gauges_show_what_is_in_each_queue() throws Exception {
        long now = database.now();
        database.job("mail", "send-receipt", "run_at", now - 90 * SECOND);
        database.job("mail", "send-receipt", "lease_until", now + 600 * SECOND);
        database.job("mail", "send-receipt", "run_at", now + 600 * SECOND);
        database.dead("mail", "send-receipt");
        database.job("files", "resize", "run_at", now + 600 * SECOND);
        database.worker(1, now, "mail", "send-receipt");

        metrics().bindTo(registry);

        assertThat(gauge("ready", "mail")).isEqualTo(1);
        assertThat(gauge("leases", "mail")).isEqualTo(1);
        assertThat(gauge("scheduled", "mail")).isEqualTo(1);
        assertThat(gauge("dead", "mail")).isEqualTo(1);
        assertThat(gauge("oldest.age", "mail")).isBetween(90.0, 120.0);
        assertThat(gauge("oldest.age", "files")).isZero();
        assertThat(registry.get("toolkit.jobs.workers").gauge().value()).isEqualTo(1);
    }

    @Test
    void a_scrape_of_100_gauges_costs_one_look_at_the_database() throws Exception {
        for (int i = 0; i < 20; i++) {
            database.job("queue-" + i, "send-receipt");
        }
        metrics().bindTo(registry);
        clock.advance(Duration.ofSeconds(11));
        database.counted.reset();

        assertThat(scrape()).isEqualTo(101);
        assertThat(database.counted.statements()).as("one look").isLessThanOrEqualTo(5);

        database.counted.reset();
        clock.advance(Duration.ofSeconds(9));
        scrape();
        assertThat(database.counted.statements()).as("none, 9 s later").isZero();

        clock.advance(Duration.ofSeconds(2));
        scrape();
        assertThat(database.counted.statements()).isBetween(1L, 5L);
    }

    private int scrape() {
        int read = 0;
        for (Gauge gauge : registry.find("toolkit.jobs.workers").gauges()) {
            assertThat(gauge.value()).isNotNaN();
            read++;
        }
        for (String name : new String[] {"ready", "leases", "scheduled", "dead", "oldest.age"}) {
            for (Gauge gauge : registry.find("toolkit.jobs." + name).gauges()) {
                assertThat(gauge.value()).isNotNaN();
                read++;
            }
        }
        return read;
    }

    @Test
    void a_queue_that_comes_later_gets_its_gauges() throws Exception {
        JobMetrics metrics = metrics();
        metrics.bindTo(registry);
        MeterRegistry other = new SimpleMeterRegistry();
        metrics.bindTo(other);
        assertThat(registry.find("toolkit.jobs.ready").gauges()).isEmpty();

        database.job("mail", "send-receipt");
        clock.advance(Duration.ofSeconds(11));
        scrape();

        assertThat(gauge("ready", "mail")).isEqualTo(1);
        assertThat(other.get("toolkit.jobs.ready").tag("queue", "mail").gauge().value())
                .isEqualTo(1);
    }

    @Test
    void gauges_are_nan_while_the_database_is_away_and_it_is_asked_every_10_seconds() throws Exception {
        database.job("mail", "send-receipt");
        metrics().bindTo(registry);
        assertThat(gauge("ready", "mail")).isEqualTo(1);

        isAway = true;
        clock.advance(Duration.ofSeconds(11));
        assertThat(gauge("ready", "mail")).isNaN();
        assertThat(registry.get("toolkit.jobs.workers").gauge().value()).isNaN();

        isAway = false;
        assertThat(gauge("ready", "mail")).as("not asked again yet").isNaN();
        clock.advance(Duration.ofSeconds(11));
        assertThat(gauge("ready", "mail")).isEqualTo(1);
    }

    @Test
    void enqueued_jobs_are_counted_by_queue_and_kind() {
        JobListener listener = JobMetrics.listener(registry);

        listener.enqueued("send-receipt", "mail", 3);
        listener.enqueued("send-receipt", "mail", 4);
        listener.enqueued("send-receipt", "files", 1);

        assertThat(registry.get("toolkit.jobs.enqueued")
                        .tag("queue", "mail")
                        .tag("kind", "send-receipt")
                        .counter()
                        .count())
                .isEqualTo(7);
    }
}
