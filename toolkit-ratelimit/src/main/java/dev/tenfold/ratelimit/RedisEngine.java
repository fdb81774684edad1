package dev.tenfold.ratelimit;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisScript;
import dev.tenfold.redis.RedisUnavailableException;
import io.lettuce.core.cluster.SlotHash;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides on Redis, and without it when it does not answer. One decision, read downward: {@link #acquire} asks the key's
 * {@link Counter}, which may know the answer already, or sends the script; without an answer, the policy's {@link Outage}
 * decides.
 */
class RedisEngine {
    private static final Logger LOG = LoggerFactory.getLogger(RateLimiter.class);
    private static final RedisScript<List<Object>> BUCKET =
            RedisScript.load(RedisEngine.class, "bucket.lua", RedisScript.Reply.LIST);
    private static final RedisScript<List<Object>> LIMITS =
            RedisScript.load(RedisEngine.class, "limits.lua", RedisScript.Reply.LIST);
    private static final int STRICT = -1;
    private static final int YIELDS = 4;
    private static final int BREAKERS = 64;
    private static final long COMPLAIN_EVERY = TimeUnit.MINUTES.toNanos(1);
    private static final long FORGET_AFTER_SECONDS = 60;

    private final RedisLink link;
    private final Names names;
    private final RedisScript<List<Object>> bucket;
    private final RedisScript<List<Object>> several;
    private final LocalEngine local;
    private final Nodes nodes;
    private final Breaker[] breakers;
    private final Cache<CounterId, Counter> kept;
    private final ConcurrentMap<CounterId, Counter> underWay = new ConcurrentHashMap<>();
    private final AtomicLong nextComplaint;
    private volatile boolean closed;
    final boolean remembersDenials;
    final LongSupplier nanoClock;
    final Counters counters = new Counters();

    /** What was done, since the start. */
    static final class Counters {
        final LongAdder scripts = new LongAdder();
        final LongAdder coalesced = new LongAdder();
        final LongAdder leased = new LongAdder();
        final LongAdder remembered = new LongAdder();
        final LongAdder clockJumps = new LongAdder();
        final LongAdder outages = new LongAdder();
        final LongAdder failures = new LongAdder();
    }

    /**
     * One counter: all limits of a policy that Redis decides at each call, or one that is leased.
     *
     * @param leased the place of the leased limit, or {@link #STRICT}
     */
    record CounterId(Policy policy, int leased, Object key) {}

    RedisEngine(RedisLink link, RateLimiterOptions options) {
        this(link, options, BUCKET, LIMITS);
    }

    /** With other texts of the scripts, which lets tests set their clock. */
    RedisEngine(
            RedisLink link,
            RateLimiterOptions options,
            RedisScript<List<Object>> bucket,
            RedisScript<List<Object>> several) {
        this.link = link;
        this.bucket = bucket;
        this.several = several;
        names = new Names(options);
        local = new LocalEngine(options);
        nanoClock = options.nanoClock;
        remembersDenials = options.denialCache;
        nextComplaint = new AtomicLong(nanoClock.getAsLong());
        breakers = new Breaker[link.isCluster() ? BREAKERS : 1];
        for (int i = 0; i < breakers.length; i++) breakers[i] = new Breaker(nanoClock);
        kept = Caffeine.newBuilder()
                .maximumSize(options.maxKeys)
                .executor(Runnable::run) // its upkeep is shorter than waking a thread for it
                .expireAfterAccess(FORGET_AFTER_SECONDS, TimeUnit.SECONDS)
                .build();
        nodes = new Nodes(link, names.shared("nodes"), options.nodes);
    }

    // ---- one decision -----------------------------------------------------------------------------------------------

    Decision acquire(Policy policy, Object key, long cost) {
        if (policy.leased.length > 0 && policy.limits.length > 1) {
            return await(acquireSeveral(policy, key, cost), policy, key, cost);
        }
        Counter counter = only(policy, key);
        Counter.Verdict verdict = counter.decideHere(cost);
        if (verdict == null) {
            if (isAway(counter)) return degraded(policy, key, cost);
            verdict = await(counter.submit(cost));
            if (verdict == null) return degraded(policy, key, cost);
        }
        return decision(policy, cost, verdict);
    }

    CompletableFuture<Decision> acquireAsync(Policy policy, Object key, long cost) {
        if (policy.leased.length > 0 && policy.limits.length > 1) return acquireSeveral(policy, key, cost);
        return ask(only(policy, key), cost)
                .thenApply(verdict -> verdict == null ? degraded(policy, key, cost) : decision(policy, cost, verdict));
    }

    /** Leased limits first, which mostly costs nothing, then all others in one script. What was taken in vain goes back. */
    private CompletableFuture<Decision> acquireSeveral(Policy policy, Object key, long cost) {
        List<Counter> all = counters(policy, key);
        return next(policy, key, cost, all, 0, new Counter.Verdict[all.size()]);
    }

    private CompletableFuture<Decision> next(
            Policy policy, Object key, long cost, List<Counter> all, int i, Counter.@Nullable Verdict[] verdicts) {
        return ask(all.get(i), cost).thenCompose(verdict -> {
            verdicts[i] = verdict;
            if (verdict != null && verdict.fits) {
                if (i + 1 < all.size()) return next(policy, key, cost, all, i + 1, verdicts);
            } else {
                for (int taken = 0; taken < i; taken++) {
                    Counter.Verdict useless = verdicts[taken];
                    if (useless != null) all.get(taken).putBack(useless, cost);
                }
            }
            Decision decision = verdict == null
                    ? degraded(policy, key, cost)
                    : decision(policy, cost, combined(policy, all, verdicts, verdict.fits));
            return CompletableFuture.completedFuture(decision);
        });
    }

    private CompletableFuture<Counter.@Nullable Verdict> ask(Counter counter, long cost) {
        Counter.Verdict verdict = counter.decideHere(cost);
        if (verdict == null && !isAway(counter)) return counter.submit(cost);
        return CompletableFuture.completedFuture(verdict);
    }

    private static Counter.Verdict combined(
            Policy policy, List<Counter> all, Counter.@Nullable Verdict[] verdicts, boolean fits) {
        long[] states = new long[policy.limits.length * Algorithm.WIDTH];
        for (int c = 0; c < verdicts.length; c++) {
            Counter.Verdict verdict = verdicts[c];
            if (verdict == null) continue;
            Counter counter = all.get(c);
            for (int i = 0; i < counter.places.length; i++) {
                int to = counter.places[i] * Algorithm.WIDTH;
                System.arraycopy(verdict.states, i * Algorithm.WIDTH, states, to, Algorithm.WIDTH);
                counter.limits[i].algorithm.shift(states, to, -verdict.nowMicros);
            }
        }
        return new Counter.Verdict(fits, states, 0, 0, null);
    }

    private static Decision decision(Policy policy, long cost, Counter.Verdict verdict) {
        return verdict.fits
                ? new Decision.Allowed(policy, cost, verdict.states, verdict.nowMicros, verdict.takenLater)
                : new Decision.Denied(policy, cost, verdict.states, verdict.nowMicros, verdict.takenLater);
    }

    /** Who queues at a busy key gives way a few times first: mostly the answer is there when it is its turn again. */
    @SuppressWarnings("ThreadPriorityCheck") // saves a sleep and a wake-up where it works, and nothing depends on it
    private Counter.@Nullable Verdict await(Counter.Ticket ticket) {
        for (int i = 0; i < YIELDS && ticket.isQueued && !ticket.isDone(); i++) Thread.yield();
        return await((CompletableFuture<Counter.@Nullable Verdict>) ticket);
    }

    /** Waits for what ends by itself within the command timeout. An interrupted caller gets what an outage would give. */
    private <T extends @Nullable Object> @Nullable T await(CompletableFuture<T> future) {
        try {
            return future.get(link.commandTimeout().toNanos() + TimeUnit.SECONDS.toNanos(1), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        } catch (TimeoutException | ExecutionException e) {
            complain("a decision was lost", e);
            return null;
        }
    }

    private Decision await(CompletableFuture<Decision> future, Policy policy, Object key, long cost) {
        Decision decision = await(future);
        return decision == null ? degraded(policy, key, cost) : decision;
    }

    // ---- the rest ---------------------------------------------------------------------------------------------------

    CompletableFuture<Decision> peek(Policy policy, Object key, long cost) {
        List<Counter> all = counters(policy, key);
        List<CompletableFuture<Counter.@Nullable Verdict>> asked = new ArrayList<>();
        for (Counter counter : all) {
            asked.add(isAway(counter) ? CompletableFuture.completedFuture(null) : counter.peek(cost));
        }
        return CompletableFuture.allOf(asked.toArray(CompletableFuture<?>[]::new))
                .thenApply(done -> {
                    Counter.@Nullable Verdict[] verdicts = new Counter.Verdict[all.size()];
                    boolean fits = true;
                    for (int i = 0; i < verdicts.length; i++) {
                        Counter.Verdict verdict = asked.get(i).join();
                        if (verdict == null) return peekHere(policy, key, cost);
                        verdicts[i] = verdict;
                        fits &= verdict.fits;
                    }
                    return decision(policy, cost, combined(policy, all, verdicts, fits));
                });
    }

    /** Completes with false if Redis has not confirmed it. */
    CompletableFuture<Boolean> refund(Policy policy, Object key, long cost) {
        return all(policy, key, counter -> counter.submit(-cost).thenApply(verdict -> verdict != null));
    }

    /** Completes with false if Redis has not confirmed it. */
    CompletableFuture<Boolean> reset(Policy policy, Object key) {
        local.reset(policy, key);
        return all(policy, key, Counter::reset);
    }

    private interface Action {
        CompletableFuture<Boolean> on(Counter counter);
    }

    private CompletableFuture<Boolean> all(Policy policy, Object key, Action action) {
        CompletableFuture<Boolean> done = CompletableFuture.completedFuture(true);
        for (Counter counter : counters(policy, key)) {
            CompletableFuture<Boolean> one =
                    isAway(counter) ? CompletableFuture.completedFuture(false) : action.on(counter);
            done = done.thenCombine(one, (a, b) -> a && b);
        }
        return done;
    }

    boolean await(CompletableFuture<Boolean> done, boolean ifLost) {
        Boolean result = await(done);
        return result == null ? ifLost : result;
    }

    Decision awaitPeek(Policy policy, Object key, long cost) {
        Decision decision = await(peek(policy, key, cost));
        return decision == null ? peekHere(policy, key, cost) : decision;
    }

    // ---- counters ---------------------------------------------------------------------------------------------------

    /** The only one of a policy whose limits are all decided by one script, or that has just one limit. */
    private Counter only(Policy policy, Object key) {
        if (policy.strict.length > 0) return counter(policy, STRICT, key);
        return counter(policy, policy.leased[0], policy.counted(key, policy.limits[policy.leased[0]].by));
    }

    private List<Counter> counters(Policy policy, Object key) {
        List<Counter> all = new ArrayList<>();
        for (int leased : policy.leased) {
            all.add(counter(policy, leased, policy.counted(key, policy.limits[leased].by)));
        }
        if (policy.strict.length > 0) all.add(counter(policy, STRICT, key));
        return all;
    }

    private Counter counter(Policy policy, int leased, Object key) {
        CounterId id = new CounterId(policy, leased, key);
        Counter counter = kept.getIfPresent(id);
        if (counter != null) return counter;
        if (leased != STRICT) return kept.get(id, this::newCounter);
        counter = underWay.get(id);
        return counter != null ? counter : newCounter(id);
    }

    /** The counter that has or will have a script under way for a key: this, unless there is another. */
    Counter underWay(Counter counter) {
        Counter other = underWay.putIfAbsent(counter.id, counter);
        return other == null ? counter : other;
    }

    /** No script is under way. */
    void done(Counter counter) {
        underWay.remove(counter.id, counter);
    }

    /** There is something to remember. */
    void keep(Counter counter) {
        kept.put(counter.id, counter);
    }

    private Counter newCounter(CounterId id) {
        Policy policy = id.policy;
        Counter.Counted counted = id.leased == STRICT ? policy.strictly : policy.ahead[id.leased];
        int[] places = counted.places;
        byte[][] keys = new byte[places.length][];
        for (int i = 0; i < places.length; i++) {
            Limit limit = policy.limits[places[i]];
            keys[i] = names.of(policy, limit, id.leased == STRICT ? policy.counted(id.key, limit.by) : id.key);
        }
        return new Counter(this, id, counted, keys, link.isCluster() ? breaker(policy, places, keys) : breakers[0]);
    }

    /** The one for the stretch of slots that all the keys are in. */
    private Breaker breaker(Policy policy, int[] places, byte[][] keys) {
        int slot = SlotHash.getSlot(keys[0]);
        for (int i = 1; i < keys.length; i++) {
            if (SlotHash.getSlot(keys[i]) != slot) throw elsewhere(policy, policy.limits[places[i]]);
        }
        return breakers[slot * breakers.length / SlotHash.SLOT_COUNT];
    }

    private static IllegalArgumentException elsewhere(Policy policy, Limit limit) {
        return new IllegalArgumentException("policy \"" + policy.name + "\": in a Redis Cluster, \"" + limit.name
                + "\" is counted on another node than the limits before it, as it does not go by the first part of the"
                + " key; give that part first, or make the limit leased(…)");
    }

    /** @param isBucket whether it is one bucket alone */
    CompletableFuture<List<Object>> run(boolean isBucket, byte[][] keys, byte[][] args) {
        counters.scripts.increment();
        return link.eval(isBucket ? bucket : several, keys, args);
    }

    CompletableFuture<Long> delete(byte[][] keys) {
        return link.call(redis -> redis.del(keys));
    }

    // ---- outages ----------------------------------------------------------------------------------------------------

    /** Whether to decide without Redis. Sends a probe if one is due. */
    private boolean isAway(Counter counter) {
        if (closed) return true;
        Breaker breaker = counter.breaker;
        if (!breaker.isOpen()) {
            if (link.isAvailable()) return false;
            opened(breaker, "the connection is down");
        }
        if (link.isAvailable() && breaker.beginProbe()) {
            var unused = counter.peek(1).thenAccept(verdict -> {
                if (verdict != null && breaker.close()) {
                    LOG.info("{} answers again: it counts again what all nodes admit together", link);
                }
            });
        }
        return true;
    }

    /** A script has failed. What says that Redis is away opens the breaker; all else is a fault of one key, or of ours. */
    void failed(Counter counter, Throwable error) {
        counters.failures.increment();
        Throwable cause = error instanceof CompletionException && error.getCause() != null ? error.getCause() : error;
        if (cause instanceof RedisUnavailableException) {
            opened(counter.breaker, String.valueOf(cause.getMessage()));
        } else {
            complain(
                    "policy \"" + counter.policy.name + "\": a script failed; what it was to decide is decided by the"
                            + " policy's outage setting",
                    cause);
        }
    }

    private void opened(Breaker breaker, String why) {
        if (!breaker.open()) return;
        counters.outages.increment();
        LOG.warn(
                "{} does not answer ({}): limits go by their policies' outage setting, LOCAL ones by a share of 1/{} each."
                        + " It is probed every {} ms, and asked again when it answers",
                link,
                why,
                nodes.count(),
                Breaker.PROBE_MILLIS);
    }

    private void complain(String what, Throwable error) {
        long due = nextComplaint.get();
        long now = nanoClock.getAsLong();
        if (now - due < 0 || !nextComplaint.compareAndSet(due, now + COMPLAIN_EVERY)) return;
        LOG.error("{}: {} (said once a minute)", link, what, error);
    }

    private Decision degraded(Policy policy, Object key, long cost) {
        if (policy.outage != Outage.LOCAL) {
            return new Decision.Degraded(policy, cost, policy.outage == Outage.OPEN);
        }
        recall(policy, key);
        return local.acquireShare(policy, key, cost, nodes.count());
    }

    private Decision peekHere(Policy policy, Object key, long cost) {
        if (policy.outage != Outage.LOCAL) {
            return new Decision.Degraded(policy, cost, policy.outage == Outage.OPEN);
        }
        recall(policy, key);
        return local.peekShare(policy, key, cost, nodes.count());
    }

    /**
     * Lets this node's share begin with what was left when Redis was last heard of, once an outage. Who comes before that is
     * done does it too, which changes nothing.
     */
    private void recall(Policy policy, Object key) {
        for (Counter counter : counters(policy, key)) {
            int outage = counter.breaker.outage();
            Counter.Seen seen = counter.seenBefore(outage);
            if (seen == null) continue;
            long[] states = new long[policy.limits.length * Algorithm.WIDTH];
            for (int i = 0; i < counter.places.length; i++) {
                System.arraycopy(
                        seen.states, i * Algorithm.WIDTH, states, counter.places[i] * Algorithm.WIDTH, Algorithm.WIDTH);
            }
            local.seed(policy, key, states, (nanoClock.getAsLong() - seen.sentNanos) / 1_000);
            counter.toldOf(outage);
        }
    }

    /** Nodes that are there, this one included. */
    int nodes() {
        return nodes.count();
    }

    boolean isAnyOpen() {
        for (Breaker breaker : breakers) {
            if (breaker.isOpen()) return true;
        }
        return false;
    }

    /** Keys that this node knows something of. */
    long size() {
        return kept.estimatedSize() + underWay.size();
    }

    boolean isClosed() {
        return closed;
    }

    /** Gives leases back, and leaves. Blocks for the command timeout at most. */
    void close() {
        closed = true;
        List<CompletableFuture<?>> last = new ArrayList<>();
        last.add(nodes.close());
        for (Counter counter : kept.asMap().values()) last.add(counter.close());
        Object unused = await(CompletableFuture.allOf(last.toArray(CompletableFuture<?>[]::new)));
    }
}
