package dev.tenfold.demo;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perSecond;

import com.sun.net.httpserver.HttpExchange;
import dev.tenfold.ratelimit.Decision;
import dev.tenfold.ratelimit.Limit;
import dev.tenfold.ratelimit.Policy;
import dev.tenfold.ratelimit.RateLimiter;
import dev.tenfold.ratelimit.RateLimiterStats;
import dev.tenfold.redis.RedisLink;
import java.io.IOException;

/** One node's toolkit-ratelimit: how much a client may ask for, of all nodes together. */
final class ClientLimit implements FeedServer.Gate, AutoCloseable {
    // snippet
    /** A user asks once in 20 seconds, so this is generous to people and their browsers. */
    static final Limit LIMIT = limit("client", 1, perSecond()).burst(6);

    static final Policy POLICY = Policy.of("site", LIMIT);

    private final RateLimiter limiter;

    ClientLimit(RedisLink redis) {
        this.limiter = RateLimiter.redis(redis);
    }

    @Override
    public boolean admits(HttpExchange exchange) throws IOException {
        String client = exchange.getRequestHeaders().getFirst(FeedServer.CLIENT);
        Decision decision = limiter.acquire(POLICY, client);
        decision.headers().forEach(exchange.getResponseHeaders()::set);
        if (!decision.allowed()) {
            exchange.sendResponseHeaders(429, -1);
        }
        return decision.allowed();
    }
    // end

    /** Decisions that this node has made without Redis. */
    long degraded() {
        RateLimiterStats.Outcomes outcomes = limiter.stats().of(POLICY.name());
        return outcomes.degradedAllowed() + outcomes.degradedDenied();
    }

    /** How often this node has stopped asking Redis. */
    long outages() {
        return limiter.stats().outages();
    }

    /** The most that a client may be admitted in so many seconds, on all nodes together. */
    static long most(double seconds) {
        double perSecond = LIMIT.permits() / (LIMIT.period().toNanos() / 1e9);
        return LIMIT.burst() + (long) (seconds * perSecond);
    }

    @Override
    public void close() {
        limiter.close();
    }
}
