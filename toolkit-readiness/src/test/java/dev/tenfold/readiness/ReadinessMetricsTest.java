package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.SettableClock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReadinessMetricsTest {
    private static final LocalDate DAY = LocalDate.of(2026, 3, 2);

    private final SettableClock clock = SettableClock.at(Instant.parse("2026-03-02T10:00:00Z"));
    private final JdbcDataSource h2 = new JdbcDataSource();
    private final AtomicInteger used = new AtomicInteger(25);
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private Connection keeps;
    private Readiness readiness;

    @BeforeEach
    void install() throws SQLException {
        h2.setURL("jdbc:h2:mem:metrics-test");
        keeps = h2.getConnection();
        ReadinessSchema.install(h2);
        readiness = Readiness.on(h2)
                .gauge("heap", used::get, 100)
                .clock(clock, clock.nanoClock())
                .build();
        new ReadinessMetrics(readiness).bindTo(registry);
    }

    @AfterEach
    void drop() throws SQLException {
        registry.close();
        keeps.close();
    }

    private double headroom() {
        return Objects.requireNonNull(registry.find("toolkit.headroom")
                        .tag("resource", "heap")
                        .gauge())
                .value();
    }

    private @Nullable Gauge days() {
        return registry.find("toolkit.headroom.days").tag("resource", "heap").gauge();
    }

    @Test
    void headroom_is_not_a_number_before_the_first_sample() {
        assertThat(headroom()).isNaN();
    }

    @Test
    void headroom_is_what_is_free_now_or_at_the_peak_whichever_is_less() {
        readiness.sample();
        assertThat(headroom()).isEqualTo(0.75);
        readiness.record("heap", DAY.minusDays(1), 60, 100);
        clock.advance(Duration.ofHours(1));
        readiness.sample();
        assertThat(headroom()).isEqualTo(0.4);
    }

    @Test
    void days_are_absent_without_enough_data() {
        readiness.sample();
        assertThat(days()).isNull();
    }

    @Test
    void days_are_there_with_enough_data_and_go_with_it() {
        for (int i = 1; i <= 150; i++) {
            double noise = 1 + 0.02 * Math.sin(i * 12.9898);
            readiness.record("heap", DAY.minusDays(i), 80 * Math.exp(-0.008 * i) * noise, 100);
        }
        used.set(80);
        readiness.sample();
        assertThat(Objects.requireNonNull(days()).value()).isBetween(5.0, 90.0);
        for (int i = 1; i <= 150; i++) readiness.record("heap", DAY.minusDays(i), 10, 100);
        clock.advance(Duration.ofHours(1));
        readiness.sample();
        assertThat(days()).isNull();
    }

    @Test
    void a_resource_that_is_full_has_no_days_left() {
        for (int i = 1; i <= 90; i++) readiness.record("heap", DAY.minusDays(i), 120, 100);
        readiness.sample();
        assertThat(Objects.requireNonNull(days()).value()).isZero();
    }
}
