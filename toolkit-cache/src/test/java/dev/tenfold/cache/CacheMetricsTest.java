package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class CacheMetricsTest {
    @Test
    void a_caches_figures_are_meters_with_its_name() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (TieredCache<Long, String> users =
                        TieredCache.<Long, String>builder("users").build();
                TieredCache<Long, String> orders =
                        TieredCache.<Long, String>builder("orders").build()) {
            new CacheMetrics(users, orders).bindTo(registry);
            new CacheMetrics(users).bindTo(registry);
            for (int i = 0; i < 3; i++) {
                assertThat(users.get(1L, key -> "Ada")).isEqualTo("Ada");
            }
            Stamp unused = users.invalidate(2L);

            assertThat(counter(registry, "cache.gets", "result", "hit")).isEqualTo(2);
            assertThat(counter(registry, "cache.gets", "result", "miss")).isEqualTo(1);
            assertThat(registry.get("cache.size").tag("cache", "users").gauge().value())
                    .isEqualTo(1);
            assertThat(registry.get("toolkit.cache.tier.gets")
                            .tags("cache", "users", "tier", "local", "result", "miss")
                            .functionCounter()
                            .count())
                    .isEqualTo(1);
            assertThat(counter(registry, "toolkit.cache.invalidations", "direction", "sent"))
                    .isEqualTo(1);
            assertThat(registry.get("toolkit.cache.load")
                            .tag("cache", "users")
                            .functionTimer()
                            .totalTime(TimeUnit.NANOSECONDS))
                    .isPositive();
            assertThat(registry.getMeters())
                    .extracting(Meter::getId)
                    .allMatch(id -> id.getTag("cache") != null)
                    .allMatch(id -> id.getDescription() != null);
        }
    }

    private static double counter(SimpleMeterRegistry registry, String meter, String tag, String value) {
        return registry.get(meter)
                .tags("cache", "users", tag, value)
                .functionCounter()
                .count();
    }
}
