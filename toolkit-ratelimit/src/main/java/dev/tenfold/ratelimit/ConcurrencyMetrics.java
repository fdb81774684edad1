package dev.tenfold.ratelimit;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/**
 * Publishes {@link ConcurrencyStats} to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new ConcurrencyMetrics(checkout, search).bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code limiter}: {@code toolkit.ratelimit.concurrency.limit} and {@code .inflight} (gauges),
 * {@code .granted}, {@code .rejected} (by {@code priority}), {@code .dropped}, {@code .leaked} and {@code .degraded} (counters).
 * Binding twice is harmless.
 */
public final class ConcurrencyMetrics implements MeterBinder {
    private static final String PREFIX = "toolkit.ratelimit.concurrency.";

    private final List<ConcurrencyLimiter> limiters;

    /**
     * Metrics of these limiters.
     *
     * @param limiters held strongly, as the meters need them; with distinct names
     */
    public ConcurrencyMetrics(ConcurrencyLimiter... limiters) {
        this.limiters = List.of(limiters);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        for (ConcurrencyLimiter limiter : limiters) {
            Tags tags = Tags.of("limiter", limiter.name());
            gauge(registry, limiter, "limit", "How much may run at once", tags, ConcurrencyStats::limit);
            gauge(registry, limiter, "inflight", "Permits of this node", tags, ConcurrencyStats::inFlight);
            count(registry, limiter, "granted", "Permits granted", tags, ConcurrencyStats::granted);
            for (Priority priority : Priority.values()) {
                Tags shed = tags.and("priority", priority.name().toLowerCase(Locale.ROOT));
                count(registry, limiter, "rejected", "Permits refused", shed, stats -> stats.rejected(priority));
            }
            count(registry, limiter, "dropped", "Permits that ended as dropped", tags, ConcurrencyStats::dropped);
            count(registry, limiter, "leaked", "Permits taken back, never closed", tags, ConcurrencyStats::leaked);
            count(registry, limiter, "degraded", "Decisions without Redis", tags, ConcurrencyStats::degraded);
        }
    }

    private static void count(
            MeterRegistry registry,
            ConcurrencyLimiter limiter,
            String meter,
            String description,
            Tags tags,
            ToLongFunction<ConcurrencyStats> figure) {
        FunctionCounter.builder(PREFIX + meter, limiter, l -> figure.applyAsLong(l.stats()))
                .description(description)
                .tags(tags)
                .register(registry);
    }

    private static void gauge(
            MeterRegistry registry,
            ConcurrencyLimiter limiter,
            String meter,
            String description,
            Tags tags,
            ToDoubleFunction<ConcurrencyStats> figure) {
        Gauge.builder(PREFIX + meter, limiter, l -> figure.applyAsDouble(l.stats()))
                .description(description)
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }
}
