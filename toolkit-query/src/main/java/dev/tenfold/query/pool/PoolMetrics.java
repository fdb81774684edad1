package dev.tenfold.query.pool;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.metrics.micrometer.MicrometerMetricsTrackerFactory;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * Publishes a pool to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new PoolMetrics(pool).bindTo(registry);
 * }</pre>
 *
 * <p>HikariCP's own meters, {@code hikaricp.connections} and those below it, unless the pool has metrics of its own already, as
 * those that Spring Boot binds. And gauges: {@code toolkit.headroom} with {@code resource="pool"} (from 1 to 0: {@link
 * PoolHealth.Figures#headroom}), and by {@code pool}, its name (or {@code resource}, if it has none yet): {@code toolkit.pool.wait.ratio} (wait ÷ hold; alarm above 0.1),
 * {@code toolkit.pool.held.ratio} (held ÷ worked), {@code toolkit.pool.leaks}. All over the watch's window; the ratios are NaN while
 * nothing came back.
 *
 * <p>Reading takes some microseconds, and for leaks the stacks of threads whose connections are out for long.
 */
public final class PoolMetrics implements MeterBinder {
    private final PoolWatch watch;
    private final String resource;

    /**
     * Metrics of the application's only pool.
     *
     * @param watch held strongly, as the meters need it
     */
    public PoolMetrics(PoolWatch watch) {
        this(watch, "pool");
    }

    /**
     * Metrics of one of several pools.
     *
     * @param watch held strongly, as the meters need it
     * @param resource the tag of {@code toolkit.headroom} that tells it from others, as {@code pool.reports}
     * @throws IllegalArgumentException if that is blank
     */
    public PoolMetrics(PoolWatch watch, String resource) {
        this.watch = Objects.requireNonNull(watch, "watch");
        if (resource.isBlank()) {
            throw new IllegalArgumentException("resource must not be blank: it is the tag that tells pools apart");
        }
        this.resource = resource;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        HikariDataSource hikari = watch.hikari();
        if (hikari.getMetricsTrackerFactory() == null && hikari.getMetricRegistry() == null) {
            hikari.setMetricsTrackerFactory(new MicrometerMetricsTrackerFactory(registry));
        }
        gauge(
                registry,
                "toolkit.headroom",
                Tags.of("resource", resource),
                "Share of the load that is left",
                it -> it.figures().headroom());
        // A pool that begins with the first borrow has no name of its own until then.
        Tags pool = Tags.of("pool", Objects.requireNonNullElse(hikari.getPoolName(), resource));
        gauge(registry, "toolkit.pool.wait.ratio", pool, "Wait for a connection ÷ time held", PoolWatch::waitOverHold);
        gauge(
                registry,
                "toolkit.pool.held.ratio",
                pool,
                "Time held ÷ time worked",
                it -> it.figures().heldOverWorked());
        gauge(registry, "toolkit.pool.leaks", pool, "Connections that seem to leak", PoolWatch::leaks);
    }

    private void gauge(
            MeterRegistry registry, String name, Tags tags, String text, ToDoubleFunction<PoolWatch> figure) {
        Gauge.builder(name, watch, figure)
                .description(text)
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }
}
