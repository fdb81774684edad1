package dev.tenfold.ratelimit;

import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;

/**
 * Decides whether a call may go on, by the limits of a {@link Policy}.
 *
 * <pre>{@code
 * RateLimiter limiter = RateLimiter.local();
 * Decision d = limiter.acquire(API, user);
 * if (!d.allowed()) return tooManyRequests(d.retryAfter(), d.headers());
 * }</pre>
 */
public final class RateLimiter implements AutoCloseable {
    private final LocalEngine local;

    private RateLimiter(RateLimiterOptions options) {
        local = new LocalEngine(options);
    }

    /**
     * Counts in this node's memory.
     *
     * @return a limiter with the default options
     */
    public static RateLimiter local() {
        return local(UnaryOperator.identity());
    }

    /**
     * Counts in this node's memory.
     *
     * @param options changes the defaults
     * @return the limiter
     */
    public static RateLimiter local(UnaryOperator<RateLimiterOptions> options) {
        return new RateLimiter(options.apply(RateLimiterOptions.DEFAULT));
    }

    /**
     * Decides at the cost of one.
     *
     * @param policy the limits
     * @param key who is counted
     * @return the decision
     */
    public Decision acquire(Policy policy, String key) {
        Key.requireValue(key);
        return decide(policy, key, 1);
    }

    /**
     * Decides.
     *
     * @param policy the limits
     * @param key who is counted
     * @param cost tokens
     * @return the decision
     */
    public Decision acquire(Policy policy, Key key, long cost) {
        return decide(policy, key, cost);
    }

    private Decision decide(Policy policy, Object key, long cost) {
        policy.requireCost(cost);
        if (!policy.isFeasible(cost)) return new Decision.Infeasible(policy, cost);
        return local.acquire(policy, key, cost);
    }

    /**
     * Like {@link #acquire(Policy, Key, long)}, without blocking.
     *
     * @param policy the limits
     * @param key who is counted
     * @param cost tokens
     * @return completes with the decision
     */
    public CompletableFuture<Decision> acquireAsync(Policy policy, Key key, long cost) {
        return CompletableFuture.completedFuture(decide(policy, key, cost));
    }

    @Override
    public void close() {}
}
