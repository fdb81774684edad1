package dev.tenfold.benchmarks;

import dev.tenfold.ratelimit.Limit;
import dev.tenfold.ratelimit.Policy;
import dev.tenfold.ratelimit.RateLimiter;
import dev.tenfold.redis.RedisLink;
import java.time.Duration;
import java.util.function.UnaryOperator;

/** A node with a {@link RateLimiter}, one policy, one limit. */
final class RateLimitOurs implements RateLimitNode {
    static final String SETTINGS = "RateLimiter.redis, the default options, acquire(policy, key); one RedisLink";

    final RedisLink link;
    final RateLimiter limiter;
    final Policy policy;

    RateLimitOurs(Place place) {
        this(place, UnaryOperator.identity());
    }

    private RateLimitOurs(Place place, UnaryOperator<Limit> changed) {
        link = link(place.uri());
        limiter = RateLimiter.redis(link, options -> options.prefix(place.name() + ":"));
        policy = Policy.of(place.name(), changed.apply(Limit.limit("limit", place.permits(), place.period())));
    }

    static RateLimitOurs leased(Place place, Duration lease) {
        return new RateLimitOurs(place, limit -> limit.leased(lease));
    }

    static RedisLink link(String uri) {
        RedisLink link = RedisLink.connect(uri);
        if (!link.awaitUp(Duration.ofSeconds(20))) {
            link.close();
            throw new IllegalStateException("Redis at " + uri + " does not answer within 20 s");
        }
        return link;
    }

    @Override
    public boolean admits(String key) {
        return limiter.acquire(policy, key).allowed();
    }

    @Override
    public void close() {
        limiter.close();
        link.close();
    }
}
