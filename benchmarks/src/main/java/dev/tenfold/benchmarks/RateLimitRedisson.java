package dev.tenfold.benchmarks;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.redisson.api.RRateLimiter;
import org.redisson.api.RateType;
import org.redisson.api.RedissonClient;

/** A node with Redisson's limiter, whose rate is set once a key, before the first decision. */
final class RateLimitRedisson implements RateLimitNode {
    static final String SETTINGS = "Redisson " + Versions.of("redisson")
            + " RRateLimiter, OVERALL, tryAcquire(); objects are kept, rates set once; its pool of up to 64 connections";

    private final RedissonClient client;
    private final String prefix;
    private final long permits;
    private final Duration period;
    private final Map<String, RRateLimiter> limiters = new ConcurrentHashMap<>();

    RateLimitRedisson(Place place) {
        client = RedissonNode.client(place.uri());
        prefix = place.name() + ":";
        permits = place.permits();
        period = place.period();
    }

    @Override
    public boolean admits(String key) {
        RRateLimiter limiter = limiters.get(key);
        if (limiter == null) {
            limiter = limiters.computeIfAbsent(key, this::limiter);
        }
        return limiter.tryAcquire();
    }

    private RRateLimiter limiter(String key) {
        RRateLimiter limiter = client.getRateLimiter(prefix + key);
        boolean unused = limiter.trySetRate(RateType.OVERALL, permits, period);
        return limiter;
    }

    @Override
    public void close() {
        client.shutdown();
    }
}
