package dev.tenfold.query.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.metrics.micrometer.MicrometerMetricsTrackerFactory;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.testkit.Await;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PoolMetricsTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final HikariDataSource hikari;
    private final QueryGuard guard;
    private final PoolWatch watch;

    PoolMetricsTest() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:metrics");
        HikariConfig config = new HikariConfig();
        config.setDataSource(h2);
        config.setPoolName("orders");
        hikari = Pools.hikari(config, Pools.size(o -> o.maxConnections(2)));
        guard = QueryGuard.watch(hikari);
        watch = Pools.watch(guard).heldFor(Duration.ofMillis(50)).window(Duration.ofMillis(100));
    }

    @AfterEach
    void close() {
        hikari.close();
    }

    private double gauge(String name) {
        return registry.get(name).tag("pool", "orders").gauge().value();
    }

    private double headroom() {
        return registry.get("toolkit.headroom").tag("resource", "pool").gauge().value();
    }

    @Test
    void hikaris_own_meters_are_there_under_their_names() throws SQLException {
        new PoolMetrics(watch).bindTo(registry);

        try (Connection connection = guard.getConnection()) {
            assertThat(connection).isNotNull();
            Await.until("it is counted", () -> gauge("hikaricp.connections.active") == 1);
            assertThat(gauge("hikaricp.connections.max")).isEqualTo(2);
        }
        Await.until(
                "it was timed",
                () -> registry.get("hikaricp.connections.usage").timer().count() == 1);
        assertThat(registry.get("hikaricp.connections.acquire").timer().count()).isPositive();
    }

    @Test
    void headroom_falls_to_nothing_when_all_are_out_and_leaks_are_counted() throws SQLException {
        new PoolMetrics(watch).bindTo(registry);
        assertThat(headroom()).isEqualTo(1);
        assertThat(gauge("toolkit.pool.wait.ratio")).isNaN();
        assertThat(gauge("toolkit.pool.leaks")).isZero();

        try (Connection one = guard.getConnection();
                Connection other = guard.getConnection()) {
            assertThat(one).isNotSameAs(other);
            Await.until("there is no headroom", () -> headroom() == 0);
        }
        Await.until("there is again", () -> headroom() == 1);
    }

    @Test
    void ratios_are_those_of_the_watch() throws SQLException {
        PoolWatch longer = watch.window(Duration.ofMinutes(1));
        new PoolMetrics(longer).bindTo(registry);
        try (Connection connection = guard.getConnection()) {
            connection.createStatement().execute("select 1");
        }

        assertThat(gauge("toolkit.pool.wait.ratio")).isPositive().isEqualTo(longer.waitOverHold());
        assertThat(gauge("toolkit.pool.held.ratio")).isGreaterThanOrEqualTo(1);
    }

    @Test
    void metrics_that_the_pool_has_already_are_left_alone() {
        MicrometerMetricsTrackerFactory own = new MicrometerMetricsTrackerFactory(new SimpleMeterRegistry());
        hikari.setMetricsTrackerFactory(own);

        new PoolMetrics(watch).bindTo(registry);

        assertThat(hikari.getMetricsTrackerFactory()).isSameAs(own);
        assertThat(registry.find("hikaricp.connections").meters()).isEmpty();
        assertThat(headroom()).isEqualTo(1);
    }

    @Test
    void a_pool_that_has_not_begun_and_has_no_name_yet_is_published_too() throws SQLException {
        try (HikariDataSource lazy = new HikariDataSource()) {
            lazy.setJdbcUrl("jdbc:h2:mem:lazy");
            QueryGuard late = QueryGuard.watch(lazy);

            new PoolMetrics(Pools.watch(late), "pool.late").bindTo(registry);

            late.getConnection().close();
            assertThat(registry.get("toolkit.pool.wait.ratio")
                            .tag("pool", "pool.late")
                            .gauge()
                            .value())
                    .isNotNaN();
            assertThat(registry.find("hikaricp.connections").gauge()).isNotNull();
        }
    }

    @Test
    void several_pools_are_told_apart() {
        new PoolMetrics(watch, "pool.reports").bindTo(registry);

        assertThat(registry.find("toolkit.headroom")
                        .tag("resource", "pool.reports")
                        .gauge())
                .isNotNull();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PoolMetrics(watch, " "))
                .withMessageContaining("resource must not be blank");
    }
}
