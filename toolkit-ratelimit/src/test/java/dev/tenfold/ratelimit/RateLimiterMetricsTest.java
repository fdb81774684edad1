package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RateLimiterMetricsTest {
    @Test
    void a_limiters_figures_are_meters_without_keys() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        Policy policy = Policy.of("api", limit("user", 2, perHour()));
        List<String> refused = new ArrayList<>();
        try (RateLimiter limiter = RateLimiter.local(o -> o.listener(
                (decision, key) -> refused.add(decision.policy().name() + " " + key.equals(Key.of("ada")))))) {
            new RateLimiterMetrics("main", limiter, policy).bindTo(registry);
            new RateLimiterMetrics("main", limiter, policy).bindTo(registry);
            for (int i = 0; i < 5; i++) limiter.acquire(policy, "ada");
            limiter.acquire(policy, "ada", 3);

            assertThat(requests(registry, "allowed")).isEqualTo(2);
            assertThat(requests(registry, "denied")).isEqualTo(3);
            assertThat(requests(registry, "infeasible")).isEqualTo(1);
            assertThat(registry.get("toolkit.ratelimit.keys").gauge().value()).isEqualTo(1);
            assertThat(registry.get("toolkit.degraded")
                            .tag("module", "ratelimit")
                            .gauge()
                            .value())
                    .isZero();
            assertThat(registry.getMeters())
                    .extracting(Meter::getId)
                    .allMatch(id -> id.getDescription() != null)
                    .flatExtracting(Meter.Id::getTags)
                    .extracting(Tag::getValue)
                    .doesNotContain("ada");
        }
        assertThat(refused).containsOnly("api true").hasSize(4);
    }

    @Test
    void what_runs_at_once_is_meters_too() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (ConcurrencyLimiter checkout = ConcurrencyLimiter.fixed("checkout", 1);
                Permit held = checkout.acquire()) {
            new ConcurrencyMetrics(checkout).bindTo(registry);
            assertThat(held.granted()).isTrue();
            assertThat(checkout.acquire(Priority.NORMAL).granted()).isFalse();

            String prefix = "toolkit.ratelimit.concurrency.";
            assertThat(registry.get(prefix + "limit")
                            .tag("limiter", "checkout")
                            .gauge()
                            .value())
                    .isEqualTo(1);
            assertThat(registry.get(prefix + "inflight").gauge().value()).isEqualTo(1);
            assertThat(registry.get(prefix + "rejected")
                            .tag("priority", "normal")
                            .functionCounter()
                            .count())
                    .isEqualTo(1);
        }
    }

    @Test
    void a_listener_that_throws_changes_no_decision() {
        Policy policy = Policy.of("api", limit("user", 1, perHour()));
        try (RateLimiter limiter = RateLimiter.local(o -> o.listener((decision, key) -> {
            throw new IllegalStateException("the listener's own fault");
        }))) {
            assertThat(limiter.acquire(policy, "ada").allowed()).isTrue();
            assertThat(limiter.acquire(policy, "ada").allowed()).isFalse();
        }
    }

    private static double requests(SimpleMeterRegistry registry, String outcome) {
        return registry.get("toolkit.ratelimit.requests")
                .tags("limiter", "main", "policy", "api", "outcome", outcome)
                .functionCounter()
                .count();
    }
}
