package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisScript;
import dev.tenfold.redis.RedisScript.Reply;
import io.lettuce.core.RedisCommandInterruptedException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a {@link ConcurrencyLimiter} has on Redis: a sorted set of the permits that are held on all nodes, by when they expire.
 *
 * <pre>
 *   acquire     semaphore-acquire.lua, one round trip       renew     semaphore-renew.lua, all of a node, thrice a lease
 *   release     ZREM, nobody waits for it                   expiry    by whoever acquires next
 * </pre>
 *
 * <p>A permit that was released may be on its way to be renewed. So whatever ended until the reply to a renewal is released
 * once more: commands on one connection keep their order, and the second release comes after the renewal.
 */
final class RedisSemaphore {
    private static final Logger LOG = LoggerFactory.getLogger(RedisSemaphore.class);

    private static final RedisScript<Long> ACQUIRE =
            RedisScript.load(RedisSemaphore.class, "semaphore-acquire.lua", Reply.INTEGER);
    private static final RedisScript<Long> RENEW =
            RedisScript.load(RedisSemaphore.class, "semaphore-renew.lua", Reply.INTEGER);

    /** After a failure nobody asks for so long, and then one does. */
    private static final long PAUSE_NANOS = Duration.ofMillis(500).toNanos();

    private static final long NO_PAUSE = Long.MIN_VALUE;
    private static final int BEATS_A_LEASE = 3;

    /** More in one script would make the others of that server wait. */
    private static final int RENEWED_AT_ONCE = 1_000;

    /** Longer than the longest lease, with room for a clock that goes back a little: what lasts longer is a relic. */
    private static final byte[] LONGEST_MILLIS = ascii((ConcurrencyOptions.LONGEST_LEASE_SECONDS + 5) * 1_000L);

    private final RedisLink link;
    private final String name;
    private final int permits;
    private final Outage outage;
    private final int leastNodes;
    private final LongSupplier nanoClock;
    private final Set<Permit> held;
    private final LongConsumer sweep;

    private final byte[] node = node();
    private final byte[] permitsKey;
    private final byte[] nodesKey;
    private final byte[] leaseMillis;
    private final long beatNanos;

    private final AtomicLong pausedUntil = new AtomicLong(NO_PAUSE);
    private final AtomicBoolean away = new AtomicBoolean();
    private final NodeCount nodesSeen;
    private volatile boolean closed;
    private @Nullable ScheduledExecutorService heart;

    /** What Redis said. */
    enum Answer {
        GRANTED,
        FULL,

        /** Nothing, or nothing useful; perhaps it granted the permit. */
        UNKNOWN,

        /** It has no permit of that id. */
        NOT_ASKED
    }

    /**
     * @param held those of this node, to be renewed
     * @param sweep takes permits out of it that should have ended
     */
    RedisSemaphore(
            RedisLink link,
            String name,
            int permits,
            ConcurrencyOptions.Values values,
            Set<Permit> held,
            LongConsumer sweep) {
        this.link = link;
        this.name = name;
        this.permits = permits;
        this.held = held;
        this.sweep = sweep;
        outage = values.outage;
        leastNodes = values.nodes;
        nodesSeen = new NodeCount(1, values.lease);
        nanoClock = values.nanoClock;
        leaseMillis = ascii(values.lease.toMillis());
        beatNanos = values.lease.toNanos() / BEATS_A_LEASE;
        permitsKey = (values.prefix + "{" + name + "}:semaphore").getBytes(UTF_8);
        nodesKey = (values.prefix + "{" + name + "}:semaphore:nodes").getBytes(UTF_8);
    }

    void start() {
        ScheduledThreadPoolExecutor one = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(null, task, "tenfold-semaphore-" + name, 0, false);
            thread.setDaemon(true);
            return thread;
        });
        heart = one;
        var unused = one.scheduleAtFixedRate(this::beat, 0, beatNanos, TimeUnit.NANOSECONDS);
    }

    // ---- one permit's life ------------------------------------------------------------------------------------------

    /** Blocks for the command timeout at most; not at all while Redis is known to be away. Never throws. */
    Answer acquire(long id, int atMost, long now) {
        if (!mayAsk(now)) {
            noteAway("the link is " + link.state());
            return Answer.NOT_ASKED;
        }
        try {
            CompletableFuture<Long> reply = link.eval(
                    ACQUIRE, new byte[][] {permitsKey}, ascii(atMost), leaseMillis, permit(id), LONGEST_MILLIS);
            long taken = link.await(reply);
            noteBack();
            return taken > 0 ? Answer.GRANTED : Answer.FULL;
        } catch (RedisCommandInterruptedException interrupted) {
            return Answer.UNKNOWN; // says nothing of Redis; the thread stays interrupted
        } catch (RuntimeException e) {
            pausedUntil.set(now + PAUSE_NANOS);
            noteAway(String.valueOf(e.getMessage()));
            return Answer.UNKNOWN;
        }
    }

    /** Whether it does as far as is known. */
    boolean answers() {
        return !closed && pausedUntil.get() == NO_PAUSE && link.isAvailable();
    }

    private boolean mayAsk(long now) {
        if (closed || !link.isAvailable()) return false;
        long until = pausedUntil.get();
        if (until == NO_PAUSE) return true;
        return now - until >= 0 && pausedUntil.compareAndSet(until, now + PAUSE_NANOS);
    }

    /** Does not wait. If it gets lost, the permit expires. */
    void release(long id) {
        byte[] permit = permit(id);
        var unused = link.call(redis -> redis.zrem(permitsKey, permit));
    }

    private void beat() {
        try {
            sweep.accept(nanoClock.getAsLong());
            List<Permit> all = new ArrayList<>(held);
            int from = 0;
            do {
                int to = Math.min(all.size(), from + RENEWED_AT_ONCE);
                renew(all.subList(from, to));
                from = to;
            } while (from < all.size());
        } catch (RuntimeException e) {
            // A beat that throws would be the last.
            LOG.error("{}: the heartbeat failed and goes on; its permits expire if it does not recover", name, e);
        }
    }

    private void renew(List<Permit> some) {
        byte[][] args = new byte[3 + some.size()][];
        args[0] = leaseMillis;
        args[1] = LONGEST_MILLIS;
        args[2] = node;
        for (int i = 0; i < some.size(); i++) args[3 + i] = permit(some.get(i).id);
        var unused = link.eval(RENEW, new byte[][] {permitsKey, nodesKey}, args).whenComplete((nodes, failure) -> {
            if (failure == null) {
                nodesSeen.answered(nodes);
                noteBack();
            }
            for (Permit permit : some) {
                if (permit.hasEnded()) release(permit.id);
            }
        });
    }

    // ---- without Redis ----------------------------------------------------------------------------------------------

    /** What this node may run of all. */
    int localPermits() {
        return Math.max(1, permits / nodes());
    }

    int nodes() {
        return Math.max(leastNodes, nodesSeen.get());
    }

    private void noteAway(String why) {
        if (closed || !away.compareAndSet(false, true)) return;
        LOG.warn(
                "{}: no answer from Redis ({}). Until it answers again, outage {} decides{}",
                name,
                why,
                outage,
                outage == Outage.LOCAL ? ": " + localPermits() + " of " + permits + " permits on this node" : "");
    }

    private void noteBack() {
        pausedUntil.set(NO_PAUSE);
        if (away.get() && away.compareAndSet(true, false)) LOG.info("{}: Redis answers again, and decides", name);
    }

    /** Waits a second at most. */
    void close() {
        if (closed) return;
        closed = true;
        ScheduledExecutorService beating = heart;
        if (beating == null) return;
        beating.shutdownNow();
        try {
            if (!beating.awaitTermination(1, TimeUnit.SECONDS)) {
                LOG.warn("{}: closed; its heartbeat's thread is busy and ends a little later", name);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        var unused = link.call(redis -> redis.zrem(nodesKey, node));
    }

    // ---- bytes ------------------------------------------------------------------------------------------------------

    private static byte[] node() {
        UUID random = UUID.randomUUID();
        return ByteBuffer.allocate(Long.BYTES)
                .putLong(random.getMostSignificantBits() ^ random.getLeastSignificantBits())
                .array();
    }

    private byte[] permit(long id) {
        return ByteBuffer.allocate(2 * Long.BYTES).put(node).putLong(id).array();
    }

    private static byte[] ascii(long number) {
        return Long.toString(number).getBytes(UTF_8);
    }
}
