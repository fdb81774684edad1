package dev.tenfold.ratelimit;

import dev.tenfold.redis.RedisLink;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides whether a call may go on, by the limits of a {@link Policy}.
 *
 * <pre>{@code
 * RateLimiter limiter = RateLimiter.local();        // or RateLimiter.redis(link): nothing else changes
 * Decision d = limiter.acquire(API, user);
 * if (!d.allowed()) return tooManyRequests(d.retryAfter(), d.headers());
 * }</pre>
 *
 * <p>What it does not promise: when Redis fails over, what its old primary had not replicated is admitted again, a burst a key
 * at most; the same if Redis evicts keys, so let it run with {@code noeviction} or {@code volatile-ttl}. A decision whose
 * answer is lost may have taken tokens.
 *
 * <p>What it does: admit never more than the limits say, all nodes together; take from all limits of a policy or from none;
 * answer within the link's command timeout, at once while Redis is away, and without an exception for anything but wrong
 * arguments, which are refused before any I/O. A decision never waits for tokens.
 *
 * <p>Cost in round trips: none in memory; one script for a key that nobody else on this node asks for; one for all who do,
 * while it is under way; none for who was just refused, and none with a {@link Limit#leased lease}. Make one limiter and share
 * it: it is safe for use by many threads, and virtual ones are not pinned during I/O.
 */
public final class RateLimiter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RateLimiter.class);

    private final @Nullable LocalEngine local;
    private final @Nullable RedisEngine redis;
    private final RateLimitListener listener;
    private final ByPolicy<Tally> tallies = new ByPolicy<>(Tally::new);

    private RateLimiter(RateLimiterOptions options, @Nullable RedisEngine redis) {
        this.redis = redis;
        this.local = redis == null ? new LocalEngine(options) : null;
        this.listener = options.listener;
    }

    /** On another engine, for tests. */
    static RateLimiter on(RedisEngine engine) {
        return new RateLimiter(RateLimiterOptions.DEFAULT, engine);
    }

    /**
     * Counts in this node's memory, with the default options.
     *
     * @return a limiter; see {@link #local(UnaryOperator)}
     */
    public static RateLimiter local() {
        return local(UnaryOperator.identity());
    }

    /**
     * Counts in this node's memory: the limits hold for each node by itself. Never blocks but for a moment, and has no
     * threads.
     *
     * @param options changes the defaults
     * @return a limiter
     */
    public static RateLimiter local(UnaryOperator<RateLimiterOptions> options) {
        return new RateLimiter(options.apply(RateLimiterOptions.DEFAULT), null);
    }

    /**
     * Counts on Redis, with the default options.
     *
     * @param link not closed with the limiter
     * @return a limiter; see {@link #redis(RedisLink, UnaryOperator)}
     */
    public static RateLimiter redis(RedisLink link) {
        return redis(link, UnaryOperator.identity());
    }

    /**
     * Counts on Redis: the limits hold for all nodes together. Redis need not be there yet. One thread says every two seconds
     * that this node is there.
     *
     * @param link not closed with the limiter; its {@link RedisLink#commandTimeout} is the longest that a decision takes
     * @param options changes the defaults
     * @return a limiter; close it before the link
     */
    public static RateLimiter redis(RedisLink link, UnaryOperator<RateLimiterOptions> options) {
        RateLimiterOptions chosen = options.apply(RateLimiterOptions.DEFAULT);
        return new RateLimiter(chosen, new RedisEngine(Objects.requireNonNull(link, "link"), chosen));
    }

    /**
     * Decides about a call that costs one token.
     *
     * @param policy the limits
     * @param key who is counted; 1 to {@value Key#LONGEST} characters
     * @return see {@link #acquire(Policy, Key, long)}
     */
    public Decision acquire(Policy policy, String key) {
        return acquire(policy, key, 1);
    }

    /**
     * Decides about a call.
     *
     * @param policy the limits
     * @param key who is counted; 1 to {@value Key#LONGEST} characters
     * @param cost tokens that it takes, at least 1
     * @return see {@link #acquire(Policy, Key, long)}
     */
    public Decision acquire(Policy policy, String key, long cost) {
        Key.requireValue(key);
        return decide(policy, key, cost);
    }

    /**
     * Decides about a call that costs one token.
     *
     * @param policy the limits
     * @param key who is counted
     * @return see {@link #acquire(Policy, Key, long)}
     */
    public Decision acquire(Policy policy, Key key) {
        return acquire(policy, key, 1);
    }

    /**
     * Decides about a call: takes its cost from all limits, or refuses it. Never waits for tokens; on Redis, blocks for a round
     * trip at most. An interrupted thread stays interrupted, and gets what an outage would give it.
     *
     * @param policy the limits
     * @param key who is counted
     * @param cost tokens that it takes, at least 1
     * @return the decision; {@link Decision.Infeasible} if the cost is more than a limit ever holds
     * @throws IllegalArgumentException if the cost is less than 1, the policy goes by a part that the key does not have, or
     *     in a cluster by one that is counted elsewhere
     */
    public Decision acquire(Policy policy, Key key, long cost) {
        return decide(policy, key.plain(), cost);
    }

    private Decision decide(Policy policy, Object key, long cost) {
        policy.requireCost(cost);
        if (!policy.isFeasible(cost)) return told(new Decision.Infeasible(policy, cost), key);
        return told(local != null ? local.acquire(policy, key, cost) : redis().acquire(policy, key, cost), key);
    }

    /**
     * Like {@link #acquire(Policy, String, long)}, without blocking.
     *
     * @param policy the limits
     * @param key who is counted
     * @param cost tokens that it takes, at least 1
     * @return see {@link #acquireAsync(Policy, Key, long)}
     */
    public CompletableFuture<Decision> acquireAsync(Policy policy, String key, long cost) {
        Key.requireValue(key);
        return decideAsync(policy, key, cost);
    }

    /**
     * Like {@link #acquire(Policy, Key, long)}, without blocking.
     *
     * @param policy the limits
     * @param key who is counted
     * @param cost tokens that it takes, at least 1
     * @return completes with the decision, never with a failure, within the link's command timeout; on an I/O thread, so
     *     dependent stages must not block. Cancelling it does not give tokens back
     * @throws IllegalArgumentException at once, as {@link #acquire(Policy, Key, long)} does
     */
    public CompletableFuture<Decision> acquireAsync(Policy policy, Key key, long cost) {
        return decideAsync(policy, key.plain(), cost);
    }

    private CompletableFuture<Decision> decideAsync(Policy policy, Object key, long cost) {
        policy.requireCost(cost);
        if (redis == null || !policy.isFeasible(cost)) {
            return CompletableFuture.completedFuture(decide(policy, key, cost));
        }
        return redis.acquireAsync(policy, key, cost).thenApply(decision -> told(decision, key));
    }

    /**
     * What {@link #acquire(Policy, Key, long)} would decide, without taking anything. Blocks for a round trip; it is neither
     * coalesced nor remembered, nor counted in {@link #stats}.
     *
     * @param policy the limits
     * @param key who is counted
     * @param cost tokens that the call would take, at least 1
     * @return the decision
     * @throws IllegalArgumentException as {@link #acquire(Policy, Key, long)} does
     */
    public Decision peek(Policy policy, Key key, long cost) {
        policy.requireCost(cost);
        if (!policy.isFeasible(cost)) return new Decision.Infeasible(policy, cost);
        return local != null ? local.peek(policy, key.plain(), cost) : redis().awaitPeek(policy, key.plain(), cost);
    }

    /**
     * Gives tokens back that an admitted call did not need, to all limits of the policy; never more than were taken. Blocks for
     * a round trip.
     *
     * @param policy the limits
     * @param key who is counted
     * @param cost tokens to give back, at least 1
     * @return whether it was done; false if Redis has not confirmed it, then it is not tried again
     * @throws IllegalArgumentException as {@link #acquire(Policy, Key, long)} does
     */
    public boolean refund(Policy policy, Key key, long cost) {
        policy.requireCost(cost);
        if (!policy.isFeasible(cost)) {
            throw new IllegalArgumentException(
                    "a refund of " + cost + " is more than " + policy + " ever admits at once");
        }
        if (local != null) {
            local.refund(policy, key.plain(), cost);
            return true;
        }
        return redis().await(redis().refund(policy, key.plain(), cost), false);
    }

    /**
     * Forgets what a key has used of all limits of the policy, as if it had never called. Blocks for a round trip. A limit that
     * goes by one part of the key is forgotten for all keys with that part. Other nodes may refuse the key for another second,
     * and go on with tokens that they have {@link Limit#leased taken ahead}.
     *
     * @param policy the limits
     * @param key who is counted
     * @return whether it was done; false if Redis has not confirmed it, then it is not tried again
     * @throws IllegalArgumentException if the policy goes by a part that the key does not have
     */
    public boolean reset(Policy policy, Key key) {
        if (local != null) {
            local.reset(policy, key.plain());
            return true;
        }
        return redis().await(redis().reset(policy, key.plain()), false);
    }

    private RedisEngine redis() {
        return Objects.requireNonNull(redis, "there is one engine or the other");
    }

    private Decision told(Decision decision, Object key) {
        tallies.of(decision.policy).count(decision);
        if (listener != RateLimitListener.NONE && !decision.allowed()) tell(decision, key);
        return decision;
    }

    private void tell(Decision decision, Object key) {
        try {
            listener.refused(decision, key instanceof Key parts ? parts : Key.of((String) key));
        } catch (RuntimeException e) {
            LOG.error("a listener of refusals failed; the decision stands", e);
        }
    }

    /**
     * What the limiter did so far.
     *
     * @return a snapshot
     */
    public RateLimiterStats stats() {
        Map<String, RateLimiterStats.Outcomes> outcomes = new HashMap<>();
        tallies.all().forEach((policy, tally) -> outcomes.put(policy, tally.outcomes()));
        Map<String, RateLimiterStats.Outcomes> policies = Map.copyOf(outcomes);
        if (redis == null) {
            return new RateLimiterStats(policies, 0, 0, 0, 0, 0, 0, 0, 1, local == null ? 0 : local.size(), false);
        }
        RedisEngine.Counters counters = redis.counters;
        return new RateLimiterStats(
                policies,
                counters.scripts.sum(),
                counters.coalesced.sum(),
                counters.leased.sum(),
                counters.remembered.sum(),
                counters.failures.sum(),
                counters.outages.sum(),
                counters.clockJumps.sum(),
                redis.nodes(),
                redis.size(),
                redis.isAnyOpen());
    }

    /**
     * Gives back what was taken ahead, and ends the limiter's thread. Blocks for the link's command timeout at most. Later
     * decisions go by the policies' {@link Outage}. Idempotent; leaves the link open.
     */
    @Override
    public void close() {
        if (redis != null) redis.close();
    }
}
