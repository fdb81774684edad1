package dev.tenfold.benchmarks;

import dev.tenfold.ratelimit.Decision;
import dev.tenfold.ratelimit.Limit;
import dev.tenfold.ratelimit.Policy;
import dev.tenfold.ratelimit.RateLimiter;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisOptions;
import java.time.Duration;
import java.util.function.UnaryOperator;

/** A node with a {@link RateLimiter}, one policy, one limit. */
final class RateLimitOurs implements RateLimitNode {
    /** As patient as the peers' clients are: a pause of a busy machine is not what is measured. */
    static final Duration PATIENCE = Duration.ofSeconds(3);

    static final String SETTINGS = "RateLimiter.redis, the default options, acquire(policy, key); one RedisLink"
            + " with a command timeout of " + PATIENCE.toSeconds() + " s";

    final RedisLink link;
    final RateLimiter limiter;
    final Policy policy;

    RateLimitOurs(Place place) {
        this(place, UnaryOperator.identity());
    }

    private RateLimitOurs(Place place, UnaryOperator<Limit> changed) {
        this(place, changed, RateLimitOurs::patient);
    }

    private RateLimitOurs(Place place, UnaryOperator<Limit> changed, UnaryOperator<RedisOptions> patience) {
        link = link(place.uri(), patience);
        limiter = RateLimiter.redis(link, options -> options.prefix(place.name() + ":"));
        policy = Policy.of(place.name(), changed.apply(Limit.limit("limit", place.permits(), place.period())));
    }

    static RateLimitOurs leased(Place place, Duration lease) {
        return new RateLimitOurs(place, limit -> limit.leased(lease));
    }

    /** With the default timeout, after which it decides without Redis. */
    static RateLimitOurs impatient(Place place) {
        return new RateLimitOurs(place, UnaryOperator.identity(), UnaryOperator.identity());
    }

    static RedisOptions patient(RedisOptions options) {
        return options.commandTimeout(PATIENCE);
    }

    static RedisLink link(String uri, UnaryOperator<RedisOptions> options) {
        RedisLink link = RedisLink.connect(uri, options);
        if (!link.awaitUp(Duration.ofSeconds(20))) {
            link.close();
            throw new IllegalStateException("Redis at " + uri + " does not answer within 20 s");
        }
        return link;
    }

    @Override
    public boolean admits(String key) {
        Decision decision = limiter.acquire(policy, key);
        if (decision instanceof Decision.Degraded) {
            throw new IllegalStateException("ours has decided without Redis, which the peers cannot");
        }
        return decision.allowed();
    }

    @Override
    public void close() {
        limiter.close();
        link.close();
    }
}
