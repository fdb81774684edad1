package dev.tenfold.ratelimit;

import dev.tenfold.redis.RedisLink;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Limits how much runs at once: so much on this node ({@link #fixed}), as much as the other side bears by its response times
 * ({@link #adaptive}), or so much on all nodes together ({@link #redis}).
 *
 * <pre>{@code
 * ConcurrencyLimiter limiter = ConcurrencyLimiter.adaptive("search");
 * try (Permit permit = limiter.acquire(Priority.NORMAL)) {
 *     if (!permit.granted()) return serviceUnavailable();
 *     return search(query);
 * }
 * }</pre>
 *
 * <p>What it does not promise:
 *
 * <ul>
 *   <li>Work that runs longer than {@link ConcurrencyOptions#maxHold} is no longer counted.
 *   <li>On Redis, a node that lives but cannot reach Redis for a {@link ConcurrencyOptions#lease} loses its permits to others
 *       while its work runs on; a failover of Redis to a replica forgets what had not been replicated, until the holders'
 *       next heartbeat, a third of the lease later; so does a clock of Redis that jumps ahead. It limits load, and is no
 *       lock.
 *   <li>An adaptive limit knows nothing but how long its own work takes. It needs some ten samples a second to be of use, and
 *       a gain in speed of everything by the same factor is found sooner than a loss.
 * </ul>
 *
 * <p>Nobody waits for a place: {@link #acquire()} decides at once. In memory it never blocks. On Redis it takes one round
 * trip, none if this node alone fills the limit, and blocks the caller for the link's command timeout at most; ending a
 * permit never blocks.
 *
 * <p>Limiters are safe for use by many threads. Make one for each thing that is to be protected, and keep it.
 */
public final class ConcurrencyLimiter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ConcurrencyLimiter.class);

    /** A leak is found that part of {@code maxHold} late at most. */
    private static final int SWEEPS_A_HOLD = 8;

    private final String name;
    private final int permits;
    private final Map<Priority, Integer> percents;
    private final boolean shadow;
    private final Outage outage;
    private final long maxHoldNanos;
    private final LongSupplier nanoClock;
    private final @Nullable AdaptiveLimit adaptive;
    private final @Nullable RedisSemaphore semaphore;

    /** Permits that this node holds. The number is what is decided by, the set is for those that do not come back. */
    private final AtomicInteger inFlight = new AtomicInteger();

    private final Set<Permit> held = ConcurrentHashMap.newKeySet();
    private final AtomicLong nextSweep;

    private final Permit rejection;
    private final LongAdder granted = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private final LongAdder leaked = new LongAdder();
    private final LongAdder degraded = new LongAdder();
    private final Map<Priority, LongAdder> rejected = new EnumMap<>(Priority.class);

    /** @param link null for this node's memory; {@code permits} is not used if the limit is adaptive */
    private ConcurrencyLimiter(
            String name, int permits, boolean isAdaptive, @Nullable RedisLink link, ConcurrencyOptions options) {
        ConcurrencyOptions.Values values = options.values;
        this.name = name;
        this.permits = permits;
        percents = values.percents;
        shadow = values.shadow;
        outage = values.outage;
        maxHoldNanos = values.maxHold.toNanos();
        nanoClock = values.nanoClock;
        rejection = shadow ? new Permit.Granted() : new Permit.Rejected();
        for (Priority priority : Priority.values()) rejected.put(priority, new LongAdder());
        long now = nanoClock.getAsLong();
        nextSweep = new AtomicLong(now + maxHoldNanos / SWEEPS_A_HOLD);
        adaptive = isAdaptive ? new AdaptiveLimit(values.minLimit, values.initialLimit, values.maxLimit, now) : null;
        semaphore = link == null ? null : new RedisSemaphore(link, name, permits, values, held, this::sweepIfDue);
        if (semaphore != null) semaphore.start();
    }

    // ---- making one -------------------------------------------------------------------------------------------------

    /**
     * A limit of this node, in its memory.
     *
     * @param name what it is called in the log and in metrics: 1 to 64 of the characters {@code a-z A-Z 0-9 - _ .}
     * @param permits how much may run at once: 1 to 100,000
     * @return the limiter, with the default options
     * @throws IllegalArgumentException for another name or number
     */
    public static ConcurrencyLimiter fixed(String name, int permits) {
        return fixed(name, permits, UnaryOperator.identity());
    }

    /**
     * A limit of this node, in its memory.
     *
     * @param name what it is called in the log and in metrics: 1 to 64 of the characters {@code a-z A-Z 0-9 - _ .}
     * @param permits how much may run at once: 1 to 100,000
     * @param options changes the defaults
     * @return the limiter
     * @throws IllegalArgumentException for another name or number, and for options that do not fit
     */
    public static ConcurrencyLimiter fixed(String name, int permits, UnaryOperator<ConcurrencyOptions> options) {
        ConcurrencyOptions chosen = chosen(name, options);
        ConcurrencyOptions.requireLimit("permits", permits);
        chosen.requireNoAdaptiveKnob("fixed");
        chosen.requireNoRedisKnob("fixed");
        return new ConcurrencyLimiter(name, permits, false, null, chosen);
    }

    /**
     * A limit of this node that follows what the other side bears, with the default options.
     *
     * @param name see {@link #adaptive(String, UnaryOperator)}
     * @return the limiter
     * @throws IllegalArgumentException for another name
     */
    public static ConcurrencyLimiter adaptive(String name) {
        return adaptive(name, UnaryOperator.identity());
    }

    /**
     * A limit of this node that follows what the other side bears. It grows while it is used and work takes about as long as
     * it does without a queue; it shrinks when work takes more than half as long again, or is {@linkplain Permit#dropped
     * dropped}. It begins at {@link ConcurrencyOptions#initialLimit}.
     *
     * <p>The gradient is that of TCP Vegas as Netflix' concurrency-limits turned it from packets to calls; decrease upon
     * drops is AIMD's. How long work takes without a queue is measured as BBR does it: once in a while, if the limit is used,
     * it is lowered to a third for a tenth of a second or ten times what work takes, so that what has queued drains. Samples that were under way while
     * the process stood still (a garbage collection, a suspended machine) do not count.
     *
     * @param name what it is called in the log and in metrics: 1 to 64 of the characters {@code a-z A-Z 0-9 - _ .}
     * @param options changes the defaults
     * @return the limiter
     * @throws IllegalArgumentException for another name, and for options that do not fit
     */
    public static ConcurrencyLimiter adaptive(String name, UnaryOperator<ConcurrencyOptions> options) {
        ConcurrencyOptions chosen = chosen(name, options);
        chosen.requireOrderedLimits();
        chosen.requireNoRedisKnob("adaptive");
        return new ConcurrencyLimiter(name, 0, true, null, chosen);
    }

    /**
     * A limit of all nodes together, with the default options.
     *
     * @param link see {@link #redis(RedisLink, String, int, UnaryOperator)}
     * @param name of 1 to 64 of the characters {@code a-z A-Z 0-9 - _ .}
     * @param permits 1 to 100,000
     * @return the limiter; close it
     * @throws IllegalArgumentException for another name or number
     */
    public static ConcurrencyLimiter redis(RedisLink link, String name, int permits) {
        return redis(link, name, permits, UnaryOperator.identity());
    }

    /**
     * A limit of all nodes together, on Redis. Nodes share it by its name and {@link ConcurrencyOptions#prefix}, and should
     * give it the same number; each decides by its own. A permit is good for a {@link ConcurrencyOptions#lease} and renewed
     * by a thread of the limiter, so that those of a node that dies come back. While Redis does not answer, {@link
     * ConcurrencyOptions#outage} decides, at once; no exception of Redis gets to the caller.
     *
     * <p>One permit takes some 100 bytes on Redis. Its keys share a hash tag, so that a cluster keeps each limit on one node.
     * Redis should not evict them: {@code noeviction} or one of the {@code volatile} policies with room to spare.
     *
     * @param link stays open when the limiter is closed; close it later
     * @param name of 1 to 64 of the characters {@code a-z A-Z 0-9 - _ .}
     * @param permits how much may run at once: 1 to 100,000
     * @param options changes the defaults
     * @return the limiter; close it. Does not wait for Redis
     * @throws IllegalArgumentException for another name or number, and for options that do not fit
     */
    public static ConcurrencyLimiter redis(
            RedisLink link, String name, int permits, UnaryOperator<ConcurrencyOptions> options) {
        Objects.requireNonNull(link, "link");
        ConcurrencyOptions chosen = chosen(name, options);
        ConcurrencyOptions.requireLimit("permits", permits);
        chosen.requireNoAdaptiveKnob("redis");
        chosen.requireLeaseLongerThan(link.commandTimeout());
        return new ConcurrencyLimiter(name, permits, false, link, chosen);
    }

    private static ConcurrencyOptions chosen(String name, UnaryOperator<ConcurrencyOptions> options) {
        Limit.requireName("concurrency limiter", name);
        ConcurrencyOptions chosen =
                Objects.requireNonNull(options.apply(ConcurrencyOptions.DEFAULT), "the changed options");
        chosen.requireOrderedShares();
        return chosen;
    }

    // ---- deciding ---------------------------------------------------------------------------------------------------

    /**
     * Asks for a place out of the whole limit, as {@link Priority#CRITICAL} does: who has no use for priorities need not know
     * of them.
     *
     * @return see {@link #acquire(Priority)}
     */
    public Permit acquire() {
        return acquire(Priority.CRITICAL);
    }

    /**
     * Asks for a place. Never waits for one to become free; see the class for how long it may take.
     *
     * @param priority what share of the limit may be used, see {@link ConcurrencyOptions#share}
     * @return whether it was granted; end it when the work is done, best by try-with-resources
     */
    public Permit acquire(Priority priority) {
        long now = nanoClock.getAsLong();
        sweepIfDue(now);
        return semaphore != null ? acquireShared(semaphore, priority, now) : acquireHere(priority, now);
    }

    private Permit acquireHere(Priority priority, long now) {
        int limit = permits;
        if (adaptive != null) {
            adaptive.sawTimePass(now);
            limit = adaptive.limit();
        }
        int running = tryEnter(share(priority, limit));
        if (running == 0) return rejected(priority);
        return grant(new Permit.Granted(this, Permit.newId(), now, running));
    }

    private Permit acquireShared(RedisSemaphore redis, Priority priority, long now) {
        int share = share(priority, permits);
        // What this node runs is counted on Redis as well, or is going to be.
        if (inFlight.get() >= share && redis.answers()) return rejected(priority);
        long id = Permit.newId();
        return switch (redis.acquire(id, share, now)) {
            case GRANTED -> grant(new Permit.Granted(this, id, now, inFlight.incrementAndGet()));
            case FULL -> rejected(priority);
            case UNKNOWN -> {
                Permit permit = degraded(redis, priority, id, now);
                // It may have been granted all the same. If the work runs, that is kept; else it must not stay.
                if (!held.contains(permit)) redis.release(id);
                yield permit;
            }
            case NOT_ASKED -> degraded(redis, priority, id, now);
        };
    }

    private Permit degraded(RedisSemaphore redis, Priority priority, long id, long now) {
        degraded.increment();
        int running = switch (outage) {
            case OPEN -> inFlight.incrementAndGet();
            case CLOSED -> 0;
            case LOCAL -> tryEnter(share(priority, redis.localPermits()));
        };
        if (running > 0) return grant(new Permit.Degraded(this, outage, id, now, running));
        countRejected(priority);
        return new Permit.Degraded(outage, shadow);
    }

    /** How many places may be taken when a priority is to get one of them. */
    private int share(Priority priority, int limit) {
        return Math.max(1, (int) ((long) limit * ConcurrencyOptions.percent(percents, priority) / 100));
    }

    /** Takes a place if there is one: how many are taken then; 0 if there is none. The number never exceeds the limit. */
    private int tryEnter(int limit) {
        int running = inFlight.get();
        while (running < limit) {
            int before = inFlight.compareAndExchange(running, running + 1);
            if (before == running) return running + 1;
            running = before;
        }
        return 0;
    }

    private Permit grant(Permit permit) {
        held.add(permit);
        granted.increment();
        return permit;
    }

    private Permit rejected(Priority priority) {
        countRejected(priority);
        return rejection;
    }

    private void countRejected(Priority priority) {
        LongAdder count = rejected.get(priority);
        if (count != null) count.increment();
    }

    // ---- ending -----------------------------------------------------------------------------------------------------

    /** Called once for a permit. */
    void ended(Permit permit, Permit.Ending how) {
        giveBack(permit);
        if (how == Permit.Ending.DROPPED) dropped.increment();
        if (adaptive != null && how != Permit.Ending.IGNORED) {
            long now = nanoClock.getAsLong();
            adaptive.sawTimePass(now);
            if (how == Permit.Ending.DROPPED) adaptive.dropped(now);
            else adaptive.sample(permit.startNanos, now, permit.inFlight);
        }
    }

    private void giveBack(Permit permit) {
        held.remove(permit);
        inFlight.decrementAndGet();
        if (semaphore != null) semaphore.release(permit.id);
    }

    /** Takes back what should have ended. One caller does it for all. */
    private void sweepIfDue(long now) {
        long due = nextSweep.get();
        if (now - due < 0 || !nextSweep.compareAndSet(due, now + maxHoldNanos / SWEEPS_A_HOLD)) return;
        int found = 0;
        for (Permit permit : held) {
            if (now - permit.startNanos >= maxHoldNanos && permit.tryEnd()) {
                giveBack(permit);
                found++;
            }
        }
        if (found == 0) return;
        LOG.warn(
                "{}: {} permits were not closed within {} ms and have been taken back. Open them in try-with-resources, also"
                        + " where an executor may refuse the work; if work takes that long, raise maxHold(…)",
                name,
                found,
                maxHoldNanos / 1_000_000);
        leaked.add(found);
    }

    // ---- about it ---------------------------------------------------------------------------------------------------

    /**
     * What it is called.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * What it did on this node. Does not ask Redis.
     *
     * @return a snapshot
     */
    public ConcurrencyStats stats() {
        Map<Priority, Long> byPriority = new EnumMap<>(Priority.class);
        rejected.forEach((priority, count) -> byPriority.put(priority, count.sum()));
        return new ConcurrencyStats(
                adaptive != null ? adaptive.limit() : permits,
                inFlight.get(),
                granted.sum(),
                Map.copyOf(byPriority),
                dropped.sum(),
                leaked.sum(),
                degraded.sum());
    }

    /** How many nodes share it, as far as this one knows. */
    int nodes() {
        return semaphore == null ? 1 : semaphore.nodes();
    }

    /**
     * Ends the heartbeat and its thread, for which it waits a second at most; in memory, does nothing. Permits that are held
     * can still be ended; those that are not come back after the lease. From now on {@link #acquire()} decides as in an
     * outage. Idempotent.
     */
    @Override
    public void close() {
        if (semaphore != null) semaphore.close();
    }

    /** For messages. */
    @Override
    public String toString() {
        return "ConcurrencyLimiter " + name + " (" + inFlight.get() + " of "
                + (adaptive != null ? adaptive.limit() : permits) + (shadow ? ", shadow)" : ")");
    }
}
