package dev.tenfold.ratelimit;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/**
 * Publishes {@link RateLimiterStats} to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new RateLimiterMetrics("api", limiter, API, LOGIN).bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code limiter}: {@code toolkit.ratelimit.requests} (counter, by {@code policy} and {@code
 * outcome}: allowed, denied, infeasible, degraded_allowed, degraded_denied), {@code toolkit.ratelimit.scripts}, {@code
 * .coalesced}, {@code .leased}, {@code .remembered}, {@code .failures}, {@code .outages}, {@code .clock.jumps} (counters),
 * {@code .nodes} and {@code .keys} (gauges), and {@code toolkit.degraded} (gauge, with {@code module=ratelimit}: 1 while Redis
 * is not asked). Keys never show. Reading is lock-free, and binding twice is harmless.
 */
public final class RateLimiterMetrics implements MeterBinder {
    private final String name;
    private final RateLimiter limiter;
    private final List<Policy> policies;

    /**
     * Metrics of a limiter.
     *
     * @param name the value of the tag {@code limiter}
     * @param limiter held strongly, as the meters need it
     * @param policies those whose decisions are counted
     */
    public RateLimiterMetrics(String name, RateLimiter limiter, Policy... policies) {
        this.name = name;
        this.limiter = limiter;
        this.policies = List.of(policies);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        new Binding(registry, limiter, Tags.of("limiter", name)).bind(policies);
    }

    private record Binding(MeterRegistry registry, RateLimiter limiter, Tags tags) {
        void bind(List<Policy> policies) {
            for (Policy policy : policies) {
                String of = policy.name();
                requests(of, "allowed", s -> s.of(of).allowed());
                requests(of, "denied", s -> s.of(of).denied());
                requests(of, "infeasible", s -> s.of(of).infeasible());
                requests(of, "degraded_allowed", s -> s.of(of).degradedAllowed());
                requests(of, "degraded_denied", s -> s.of(of).degradedDenied());
            }
            own("scripts", "Scripts that Redis was asked to run", RateLimiterStats::scripts);
            own("coalesced", "Decisions that shared a script with another", RateLimiterStats::coalesced);
            own("leased", "Decisions by tokens taken ahead", RateLimiterStats::leased);
            own("remembered", "Refusals that were remembered", RateLimiterStats::remembered);
            own("failures", "Scripts without an answer", RateLimiterStats::failures);
            own("outages", "Times that Redis was no longer asked", RateLimiterStats::outages);
            own("clock.jumps", "Times that the clock of Redis had gone back far", RateLimiterStats::clockJumps);
            gauge("toolkit.ratelimit.nodes", "Limiters that share the limits", tags, RateLimiterStats::nodes);
            gauge("toolkit.ratelimit.keys", "Keys in this node's memory, about", tags, RateLimiterStats::keys);
            gauge(
                    "toolkit.degraded",
                    "1 while decisions are made without Redis",
                    tags.and("module", "ratelimit"),
                    s -> s.away() ? 1 : 0);
        }

        private void requests(String policy, String outcome, ToLongFunction<RateLimiterStats> figure) {
            count("requests", "Decisions", tags.and("policy", policy, "outcome", outcome), figure);
        }

        private void own(String meter, String description, ToLongFunction<RateLimiterStats> figure) {
            count(meter, description, tags, figure);
        }

        private void count(String meter, String description, Tags all, ToLongFunction<RateLimiterStats> figure) {
            FunctionCounter.builder("toolkit.ratelimit." + meter, limiter, l -> figure.applyAsLong(l.stats()))
                    .description(description)
                    .tags(all)
                    .register(registry);
        }

        private void gauge(String meter, String description, Tags all, ToDoubleFunction<RateLimiterStats> figure) {
            Gauge.builder(meter, limiter, l -> figure.applyAsDouble(l.stats()))
                    .description(description)
                    .tags(all)
                    .strongReference(true)
                    .register(registry);
        }
    }
}
