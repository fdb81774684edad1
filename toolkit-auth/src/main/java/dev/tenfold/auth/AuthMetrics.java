package dev.tenfold.auth;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * Publishes what the parts of this module did to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * AuthMetrics.of(tokens).bindTo(registry);
 * AuthMetrics.of("web", sessions).bindTo(registry);
 * AuthMetrics.of("id.example", jwt).bindTo(registry);
 * }</pre>
 *
 * <p>Of a {@link TokenCache}, with the tag {@code cache}: {@code toolkit.auth.verifications} (counter, by {@code outcome}:
 * verified, or a reason or cause in lower case), {@code toolkit.auth.lookups}, {@code .lookup.failures}, {@code .grace}, {@code
 * .revocations}, {@code .logouts}, {@code .tampered} (counters), {@code .undelivered} and {@code .tokens} (gauges).
 *
 * <p>Of {@link Sessions}, with the tag {@code sessions}: {@code toolkit.auth.sessions.created}, {@code .found}, {@code .missed},
 * {@code .touches}, {@code .rotated}, {@code .ended}, {@code .refused} (counters).
 *
 * <p>Of a {@link JwtIntrospector}, with the tag {@code issuer}: {@code toolkit.auth.jwks.fetches}, {@code .failures}, {@code
 * .unknown.kid.fetches}, {@code .suppressed} (counters), {@code .keys} (gauge).
 *
 * <p>Tokens and subjects never show. Reading is lock-free, and binding twice is harmless.
 */
public final class AuthMetrics implements MeterBinder {
    private final Tags tags;
    private final Consumer<Binding> meters;

    private AuthMetrics(Tags tags, Consumer<Binding> meters) {
        this.tags = tags;
        this.meters = meters;
    }

    /**
     * Metrics of a cache.
     *
     * @param cache keep it for as long as the meters are read; its name is the value of the tag {@code cache}
     * @return a binder
     */
    public static AuthMetrics of(TokenCache cache) {
        return new AuthMetrics(Tags.of("cache", cache.name()), binding -> {
            var of = binding.of("toolkit.auth.", cache, TokenCache::stats);
            of.verifications("verified", TokenCacheStats::verified);
            for (Verification.Reason reason : Verification.Reason.values()) {
                of.verifications(lower(reason), s -> s.refused().getOrDefault(reason, 0L));
            }
            for (Verification.Cause cause : Verification.Cause.values()) {
                of.verifications(lower(cause), s -> s.unavailable().getOrDefault(cause, 0L));
            }
            of.count("lookups", "Times the introspector was asked", TokenCacheStats::lookups);
            of.count("lookup.failures", "Times it failed", TokenCacheStats::lookupFailures);
            of.count("grace", "Requests accepted without a look-up in time", TokenCacheStats::acceptedInGrace);
            of.count("revocations", "Tokens revoked", TokenCacheStats::revoked);
            of.count("logouts", "Sessions and subjects logged out", TokenCacheStats::loggedOut);
            of.count("tampered", "Entries that no node had written", TokenCacheStats::tampered);
            of.gauge("undelivered", "Revocations that Redis has yet to take", TokenCacheStats::undelivered);
            of.gauge("tokens", "Tokens in this node's memory, about", TokenCacheStats::tokens);
        });
    }

    /**
     * Metrics of sessions.
     *
     * @param name the value of the tag {@code sessions}
     * @param sessions keep them for as long as the meters are read
     * @return a binder
     */
    public static AuthMetrics of(String name, Sessions sessions) {
        return new AuthMetrics(Tags.of("sessions", name), binding -> {
            var of = binding.of("toolkit.auth.sessions.", sessions, Sessions::stats);
            of.count("created", "Sessions begun", SessionsStats::created);
            of.count("found", "Look-ups that found one", SessionsStats::found);
            of.count("missed", "Look-ups that found none", SessionsStats::missed);
            of.count("touches", "Look-ups that wrote", SessionsStats::touches);
            of.count("rotated", "Ids replaced", SessionsStats::rotated);
            of.count("ended", "Sessions ended", SessionsStats::ended);
            of.count("refused", "Log-ins too many", SessionsStats::refused);
        });
    }

    /**
     * Metrics of the keys that JWTs are verified with.
     *
     * @param name the value of the tag {@code issuer}
     * @param jwt keep it for as long as the meters are read
     * @return a binder
     */
    public static AuthMetrics of(String name, JwtIntrospector jwt) {
        return new AuthMetrics(Tags.of("issuer", name), binding -> {
            var of = binding.of("toolkit.auth.jwks.", jwt, JwtIntrospector::stats);
            of.count("fetches", "Key sets asked for", JwtStats::fetches);
            of.count("failures", "Times none came", JwtStats::failures);
            of.count("unknown.kid.fetches", "Key sets asked for on account of a token", JwtStats::unknownKidRefetches);
            of.count("suppressed", "Tokens refused without asking again", JwtStats::suppressed);
            of.gauge("keys", "Keys that can verify", JwtStats::keys);
        });
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        meters.accept(new Binding(registry, tags));
    }

    private record Binding(MeterRegistry registry, Tags tags) {
        <T, S> Source<T, S> of(String prefix, T thing, Function<T, S> stats) {
            return new Source<>(registry, tags, prefix, thing, stats);
        }
    }

    /** Function counters hold the thing weakly, so it has to be one that the application holds. */
    private record Source<T, S>(MeterRegistry registry, Tags tags, String prefix, T thing, Function<T, S> stats) {
        void verifications(String outcome, ToLongFunction<S> figure) {
            count("verifications", "Credentials looked at", tags.and("outcome", outcome), figure);
        }

        void count(String meter, String text, ToLongFunction<S> figure) {
            count(meter, text, tags, figure);
        }

        private void count(String meter, String text, Tags all, ToLongFunction<S> figure) {
            FunctionCounter.builder(prefix + meter, thing, t -> figure.applyAsLong(stats.apply(t)))
                    .description(text)
                    .tags(all)
                    .register(registry);
        }

        void gauge(String meter, String text, ToLongFunction<S> figure) {
            Gauge.builder(prefix + meter, thing, t -> figure.applyAsLong(stats.apply(t)))
                    .description(text)
                    .tags(tags)
                    .strongReference(true)
                    .register(registry);
        }
    }
}
