package dev.tenfold.cache;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;

/**
 * Publishes {@link CacheStats} to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new CacheMetrics(users, orders).bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code cache}. Those that dashboards for any cache know: {@code cache.gets} (counter, by
 * {@code result}: hit, miss; a read of Redis that found the value is a hit) and {@code cache.size} (gauge: local entries).
 * This one's own: {@code toolkit.cache.tier.gets} (counter, by {@code tier}: local, remote, and {@code result}),
 * {@code toolkit.cache.load} (timer), {@code .load.failures}, {@code .coalesced}, {@code .stale}, {@code .refreshes},
 * {@code .late} (fills refused), {@code .invalidations} (by {@code direction}: sent, received, missed, resent), {@code
 * .invalidations.waiting} (gauge), {@code .gaps}, {@code .clears}, {@code .remote.failures}, {@code .heartbeat.failures} and
 * {@code .codec.failures} (counters). Keys never show. Reading is lock-free, and binding twice is harmless.
 */
public final class CacheMetrics implements MeterBinder {
    private final List<TieredCache<?, ?>> caches;

    /**
     * Metrics of these caches.
     *
     * @param caches held strongly, as the meters need them; with distinct names
     */
    public CacheMetrics(TieredCache<?, ?>... caches) {
        this.caches = List.of(caches);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        for (TieredCache<?, ?> cache : caches) {
            new Binding(registry, cache, Tags.of("cache", cache.name())).bind();
        }
    }

    private record Binding(MeterRegistry registry, TieredCache<?, ?> cache, Tags tags) {
        void bind() {
            String gets = "Reads of the cache: from either tier or a load of somebody else, or by a load";
            count("cache.gets", gets, tags.and("result", "hit"), s -> s.hits() + s.remoteHits() + s.coalesced());
            count("cache.gets", gets, tags.and("result", "miss"), Binding::misses);
            gauge("cache.size", "Local entries, about", CacheStats::localSize);

            tier("local", "hit", CacheStats::hits);
            tier("local", "miss", s -> s.remoteHits() + s.coalesced() + misses(s));
            if (cache.remote != null) {
                tier("remote", "hit", CacheStats::remoteHits);
                tier("remote", "miss", Binding::misses);
            }
            FunctionTimer.builder(
                            "toolkit.cache.load",
                            cache,
                            c -> c.stats().loads(),
                            c -> c.stats().loadNanos(),
                            TimeUnit.NANOSECONDS)
                    .description("Calls of loaders that returned")
                    .tags(tags)
                    .register(registry);
            own("load.failures", "Calls of loaders that threw", CacheStats::loadFailures);
            own("coalesced", "Reads that shared a load", CacheStats::coalesced);
            own("stale", "Values past their time that were returned for want of others", CacheStats::staleServed);
            own("refreshes", "Loads begun before a value's time was over", CacheStats::refreshes);
            own("late", "Values not stored, as their key was invalidated meanwhile", CacheStats::lateFillsRefused);
            direction("sent", CacheStats::invalidations);
            direction("received", CacheStats::invalidationsReceived);
            direction("missed", CacheStats::missed);
            direction("resent", CacheStats::resent);
            gauge(
                    "toolkit.cache.invalidations.waiting",
                    "Invalidations that Redis has not heard of",
                    CacheStats::waiting);
            own("gaps", "Times that messages were found missing", CacheStats::gaps);
            own("clears", "Times that everything local was forgotten", CacheStats::localClears);
            own("remote.failures", "Reads and writes of Redis that failed", CacheStats::remoteFailures);
            own("heartbeat.failures", "Heartbeats without an answer", CacheStats::heartbeatFailures);
            own("codec.failures", "Values not encoded, bytes not decoded", CacheStats::codecFailures);
        }

        private static long misses(CacheStats stats) {
            return stats.loads() + stats.loadFailures();
        }

        private void tier(String tier, String result, ToLongFunction<CacheStats> figure) {
            count("toolkit.cache.tier.gets", "Reads of a tier", tags.and("tier", tier, "result", result), figure);
        }

        private void direction(String direction, ToLongFunction<CacheStats> figure) {
            count("toolkit.cache.invalidations", "Invalidations", tags.and("direction", direction), figure);
        }

        private void own(String meter, String description, ToLongFunction<CacheStats> figure) {
            count("toolkit.cache." + meter, description, tags, figure);
        }

        private void count(String meter, String description, Tags all, ToLongFunction<CacheStats> figure) {
            FunctionCounter.builder(meter, cache, c -> figure.applyAsLong(c.stats()))
                    .description(description)
                    .tags(all)
                    .register(registry);
        }

        private void gauge(String meter, String description, ToLongFunction<CacheStats> figure) {
            Gauge.builder(meter, cache, c -> figure.applyAsLong(c.stats()))
                    .description(description)
                    .tags(tags)
                    .strongReference(true)
                    .register(registry);
        }
    }
}
