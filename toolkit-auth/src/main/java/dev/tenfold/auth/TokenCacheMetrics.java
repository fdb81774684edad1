package dev.tenfold.auth;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Locale;
import java.util.function.ToLongFunction;

/**
 * Publishes {@link TokenCacheStats} to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new TokenCacheMetrics(tokens).bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code cache}: {@code toolkit.auth.verifications} (counter, by {@code outcome}: verified, or a
 * reason or cause in lower case), {@code toolkit.auth.lookups}, {@code .lookup.failures}, {@code .grace}, {@code .revocations},
 * {@code .logouts}, {@code .tampered} (counters), {@code .undelivered} and {@code .tokens} (gauges). Tokens and subjects never
 * show. Reading is lock-free, and binding twice is harmless.
 */
public final class TokenCacheMetrics implements MeterBinder {
    private final TokenCache cache;

    /**
     * Metrics of a cache.
     *
     * @param cache held strongly, as the meters need it; its name is the value of the tag {@code cache}
     */
    public TokenCacheMetrics(TokenCache cache) {
        this.cache = cache;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        Tags tags = Tags.of("cache", cache.name());
        outcome(registry, tags, "verified", TokenCacheStats::verified);
        for (Verification.Reason reason : Verification.Reason.values()) {
            outcome(registry, tags, lower(reason), s -> s.refused().getOrDefault(reason, 0L));
        }
        for (Verification.Cause cause : Verification.Cause.values()) {
            outcome(registry, tags, lower(cause), s -> s.unavailable().getOrDefault(cause, 0L));
        }
        count(registry, tags, "lookups", "Times the introspector was asked", TokenCacheStats::lookups);
        count(registry, tags, "lookup.failures", "Times it failed", TokenCacheStats::lookupFailures);
        count(registry, tags, "grace", "Requests accepted without a look-up in time", TokenCacheStats::acceptedInGrace);
        count(registry, tags, "revocations", "Tokens revoked", TokenCacheStats::revoked);
        count(registry, tags, "logouts", "Sessions and subjects logged out", TokenCacheStats::loggedOut);
        count(registry, tags, "tampered", "Entries that no node had written", TokenCacheStats::tampered);
        gauge(registry, tags, "undelivered", "Revocations that Redis has yet to take", TokenCacheStats::undelivered);
        gauge(registry, tags, "tokens", "Tokens in this node's memory, about", TokenCacheStats::tokens);
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private void outcome(MeterRegistry registry, Tags tags, String outcome, ToLongFunction<TokenCacheStats> figure) {
        count(registry, tags.and("outcome", outcome), "verifications", "Credentials looked at", figure);
    }

    private void count(
            MeterRegistry registry, Tags tags, String meter, String text, ToLongFunction<TokenCacheStats> figure) {
        FunctionCounter.builder("toolkit.auth." + meter, cache, c -> figure.applyAsLong(c.stats()))
                .description(text)
                .tags(tags)
                .register(registry);
    }

    private void gauge(
            MeterRegistry registry, Tags tags, String meter, String text, ToLongFunction<TokenCacheStats> figure) {
        Gauge.builder("toolkit.auth." + meter, cache, c -> figure.applyAsLong(c.stats()))
                .description(text)
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }
}
