package dev.tenfold.cache;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisLinkState;
import dev.tenfold.redis.RedisSubscription;
import io.lettuce.core.RedisException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a node up with the invalidations of all others, and knows when it is not.
 *
 * <p>Messages come by pub/sub, which may lose them. They are numbered without gaps, and Redis keeps the last ones in a
 * journal. A heartbeat on the command connection reads where the journal stands: only it can prove that nothing was missed,
 * and only it keeps local entries alive, from the moment it was <em>sent</em>. So a node that was cut off, paused or
 * forgotten by its subscription stops serving local entries in time, whatever it believes.
 */
final class Journal implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);
    private static final Duration LONGEST_BEAT = Duration.ofSeconds(1);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(2);
    private static final int MOST_ROUNDS = 100;

    /** What a message does to the node's entries. Called under the shard's lock, in order; quick. */
    interface Effects {
        void drop(byte[] key);

        void expire(byte[] key);

        void tag(Shard shard, String tag, long number);

        void clear(Shard shard, long number);

        /** All that was local is gone: frees its memory, and forgets the loads in progress. */
        void forgotten(Shard shard);

        /** Loads in progress are from before a restart: who asks from now on must not share them. */
        void restarted();

        void wake(byte[] key);
    }

    private final RemoteTier<?> remote;
    private final List<Shard> shards;
    private final long[] nonces;
    private final boolean[] nonceKnown;

    /** How often the channel was subscribed to. */
    private final AtomicInteger subscriptions = new AtomicInteger();

    /**
     * The subscription of which a read of the journal, asked for later, has seen that it continues the same history: until
     * then its messages count for nothing. Under the shard's lock.
     */
    private final int[] verified;

    private final Effects effects;
    private final Outbox outbox;
    private final CacheStats.Recorder stats;
    private final LongSupplier nanoClock;
    private final long maxStalenessNanos;
    private final Outage outage;
    private final long beatNanos;
    private final ScheduledThreadPoolExecutor thread;
    private final AtomicBoolean beatIsDue = new AtomicBoolean();
    private volatile boolean started;

    /** Held while the journal is read: replies are taken in the order in which they were asked for. */
    private final ReentrantLock syncing = new ReentrantLock();

    private final RedisSubscription subscription;
    private final RedisLink.Registration registration;
    private volatile long clockOffsetMillis;
    private volatile boolean clockKnown;
    /** An epoch in which Redis has forgotten invalidations: the next read begins another one. Under {@code syncing}. */
    private final Shard.Epoch[] abandoned;

    private boolean beating = true;

    Journal(
            RemoteTier<?> remote,
            List<Shard> shards,
            Effects effects,
            Outbox outbox,
            CacheStats.Recorder stats,
            LongSupplier nanoClock,
            Duration maxStaleness,
            Outage outage) {
        this.remote = remote;
        this.shards = shards;
        this.nonces = new long[shards.size()];
        this.nonceKnown = new boolean[shards.size()];
        this.verified = new int[shards.size()];
        this.abandoned = new Shard.Epoch[shards.size()];
        Arrays.fill(abandoned, Shard.Epoch.NONE);
        this.effects = effects;
        this.outbox = outbox;
        this.stats = stats;
        this.nanoClock = nanoClock;
        this.maxStalenessNanos = maxStaleness.toNanos();
        this.outage = outage;
        this.beatNanos = Math.min(LONGEST_BEAT.toNanos(), maxStalenessNanos / 4);
        this.thread = new ScheduledThreadPoolExecutor(1, Threads.daemons("tenfold-" + remote + "-"));
        thread.setRemoveOnCancelPolicy(true);
        // Subscribed first, then read: what comes in between is seen twice, not never.
        this.subscription = remote.link.subscribe(remote.channel, new Receiver());
        this.registration = remote.link.onStateChange(state -> {
            if (state == RedisLinkState.UP) {
                beatSoon();
            }
        });
    }

    /** Reads the journal once, on the calling thread, and then at intervals. */
    void start() {
        started = true;
        if (remote.link.isAvailable()) {
            beat();
        }
        ScheduledFuture<?> unused =
                thread.scheduleWithFixedDelay(this::beat, beatNanos, beatNanos, TimeUnit.NANOSECONDS);
    }

    /** Redis' clock in milliseconds, to within the time of a round trip. */
    long serverMillis(long nanos) {
        return clockOffsetMillis + TimeUnit.NANOSECONDS.toMillis(nanos);
    }

    /** Whether this node has ever heard of the journal and the clock; before that it takes nothing from Redis. */
    boolean isKnown() {
        return clockKnown;
    }

    void beatSoon() {
        // The subscription may be confirmed before the constructor has ended; the first beat is that of start().
        if (started && beatIsDue.compareAndSet(false, true)) {
            try {
                thread.execute(this::beat);
            } catch (RejectedExecutionException closed) {
                beatIsDue.set(false);
            }
        }
    }

    // ---- the heartbeat: one thread, and who cannot wait for it
    // ----------------------------------------------------------------------------------

    private void beat() {
        beatIsDue.set(false);
        try {
            try {
                sendOutbox();
            } finally {
                syncAll(); // also for shards that answer while others do not
            }
            if (subscription.isSubscribed()) {
                CompletableFuture<?> unused = subscription
                        .ping()
                        .exceptionally(lost -> null); // the link sees to a connection that does not answer
            }
            if (!beating) {
                beating = true;
                LOG.info("{}: in step with the invalidations of other nodes again; local entries are served", remote);
            }
        } catch (RedisException e) {
            stats.heartbeatFailures.increment();
            if (beating && !thread.isShutdown()) {
                beating = false;
                LOG.warn(
                        "{}: cannot read the invalidations of other nodes ({}); it tries again every {} ms, and catches up by"
                                + " itself",
                        remote,
                        e.getMessage(),
                        TimeUnit.NANOSECONDS.toMillis(beatNanos));
            }
        } catch (RuntimeException | Error e) { // an error that got out would end all of them
            LOG.error("{}: a heartbeat failed; the next one tries again", remote, e);
        }
    }

    /**
     * Reads the journal of a shard on the calling thread, if no other thread does so meanwhile. One round trip.
     *
     * @throws RedisException if Redis does not answer
     */
    void catchUp(Shard shard) {
        syncing.lock();
        try {
            if (!shard.era().isAliveAt(nanoClock.getAsLong())) {
                sync(shard);
            }
        } finally {
            syncing.unlock();
        }
    }

    /** As {@link #catchUp}, until the shard is where a stamp wants it; false if it does not get there. */
    boolean catchUpWith(Shard shard, Stamp stamp) {
        syncing.lock();
        try {
            if (!stamp.isCoveredBy(shard)) {
                sync(shard);
            }
            return stamp.isCoveredBy(shard);
        } finally {
            syncing.unlock();
        }
    }

    /** All shards at once: in a cluster they are many, and a round trip each would take them out of their time. */
    private void syncAll() {
        record Asked(Shard shard, long before, int subscription, long sent, CompletableFuture<List<Object>> reply) {}
        syncing.lock();
        try {
            List<Asked> all = new ArrayList<>(shards.size());
            for (Shard shard : shards) {
                long before = shard.applied();
                all.add(new Asked(shard, before, subscriptions.get(), nanoClock.getAsLong(), ask(shard, before)));
            }
            RedisException failed = null;
            boolean isClockLearnt = false;
            for (Asked asked : all) {
                try {
                    List<Object> reply = remote.link.await(asked.reply());
                    if (!isClockLearnt) {
                        learnClock((Long) reply.get(3), asked.sent(), nanoClock.getAsLong());
                        isClockLearnt = true;
                    }
                    if (!catchUp(asked.shard(), reply, asked.before(), asked.subscription(), asked.sent())) {
                        sync(asked.shard());
                    }
                } catch (RedisException e) {
                    failed = e; // in a cluster the others may answer
                }
            }
            if (failed != null) {
                throw failed;
            }
        } finally {
            syncing.unlock();
        }
    }

    private CompletableFuture<List<Object>> ask(Shard shard, long before) {
        return remote.sync(shard.index, before, remote.options.journal + 1, abandoned[shard.index]);
    }

    private void sync(Shard shard) {
        for (int round = 0; round < MOST_ROUNDS; round++) {
            int subscription = subscriptions.get();
            long sent = nanoClock.getAsLong();
            long before = shard.applied();
            List<Object> reply = remote.link.await(ask(shard, before));
            long received = nanoClock.getAsLong();
            learnClock((Long) reply.get(3), sent, received);
            if (catchUp(shard, reply, before, subscription, sent)) {
                return;
            }
        }
    }

    private void learnClock(long serverMillis, long sent, long received) {
        clockOffsetMillis = serverMillis - TimeUnit.NANOSECONDS.toMillis(sent + (received - sent) / 2);
        clockKnown = true;
    }

    /** Applies what was missed; false if there is more. */
    private boolean catchUp(Shard shard, List<Object> reply, long before, int subscription, long sent) {
        Shard.Epoch epoch = Message.epoch((byte[]) reply.get(0));
        long number = (Long) reply.get(1);
        List<?> entries = (List<?>) reply.get(4);
        shard.lock.lock();
        try {
            Era era = shard.era();
            if (!epoch.equals(shard.epoch())) {
                beginEpoch(shard, epoch, number, (Long) reply.get(2));
            } else if (number < before || !isSameHistory(shard, entries, before)) {
                abandoned[shard.index] = epoch;
                return false;
            } else {
                applyMissed(shard, entries, number, (Long) reply.get(2));
            }
            verified[shard.index] = Math.max(verified[shard.index], subscription);
            boolean isLearnt = nonceKnown[shard.index] || learnNonce(shard, entries);
            if (shard.applied() < number || (!isLearnt && shard.era() != era)) {
                return false;
            }
            shard.aliveUntil(sent + maxStalenessNanos);
            return true;
        } finally {
            shard.lock.unlock();
        }
    }

    /** Another journal. Everything is loaded anew, but not at the same moment: that could be more than the database bears. */
    private void beginEpoch(Shard shard, Shard.Epoch epoch, long number, long clearedAt) {
        long now = nanoClock.getAsLong();
        long graceUntil = graceUntil(shard.era(), now);
        nonceKnown[shard.index] = false;
        if (shard.epoch().equals(Shard.Epoch.NONE)) {
            shard.restart(epoch, number, clearedAt, now);
            effects.forgotten(shard);
            return;
        }
        stats.localClears.increment();
        LOG.warn("{}: Redis has lost invalidations, as by FLUSHALL or a failover; everything is loaded anew", remote);
        if (now - graceUntil < 0) {
            shard.restartWithGrace(epoch, number, clearedAt, now, graceUntil);
            effects.restarted();
        } else {
            shard.restart(epoch, number, clearedAt, now);
            effects.forgotten(shard);
        }
    }

    /**
     * What was proved to be current stays good as long as promised; what was served without proof, because Redis was away,
     * is served as long after its return.
     */
    private long graceUntil(Era era, long now) {
        if (era.isAliveAt(now)) {
            return era.aliveUntilNanos();
        }
        return outage == Outage.SERVE ? now + maxStalenessNanos : now;
    }

    private void forget(Shard shard, long number, long clearedAt) {
        stats.localClears.increment();
        shard.restart(shard.epoch(), number, clearedAt, nanoClock.getAsLong());
        nonceKnown[shard.index] = false;
        effects.forgotten(shard);
    }

    /** Whether the last message that this node applied is the one that Redis has under that number. */
    private boolean isSameHistory(Shard shard, List<?> entries, long before) {
        if (before == 0 || !nonceKnown[shard.index] || shard.applied() != before || entries.isEmpty()) {
            return true; // nothing to compare; what was trimmed shows as a gap
        }
        if (numberOf(entries.get(0)) != before) {
            return true;
        }
        Message message = bodyOf(entries.get(0));
        return message == null || message.nonce() == nonces[shard.index];
    }

    /** After a restart, what a later heartbeat compares history with; false if these entries do not say. */
    private boolean learnNonce(Shard shard, List<?> entries) {
        long applied = shard.applied();
        if (applied == 0) {
            return true;
        }
        for (Object entry : entries) {
            Message message = numberOf(entry) == applied ? bodyOf(entry) : null;
            if (message != null) {
                nonces[shard.index] = message.nonce();
                nonceKnown[shard.index] = true;
            }
        }
        return nonceKnown[shard.index];
    }

    private void applyMissed(Shard shard, List<?> entries, long number, long clearedAt) {
        for (Object entry : entries) {
            long n = numberOf(entry);
            if (n <= shard.applied()) {
                continue;
            }
            Message message = bodyOf(entry);
            if (n != shard.applied() + 1 || message == null) {
                break;
            }
            stats.missed.increment();
            apply(shard, n, message);
        }
        boolean isGap = shard.applied() < number
                && (entries.size() <= 1 || numberOf(entries.get(entries.size() - 1)) > shard.applied());
        if (isGap) {
            LOG.warn(
                    "{}: missed more invalidations than Redis keeps ({} to {}); forgets local entries",
                    remote,
                    shard.applied() + 1,
                    number);
            forget(shard, number, clearedAt);
        }
    }

    private static long numberOf(Object entry) {
        String id = new String((byte[]) ((List<?>) entry).get(0), StandardCharsets.ISO_8859_1);
        return Long.parseLong(id, 0, id.indexOf('-'), 10);
    }

    private static @Nullable Message bodyOf(Object entry) {
        List<?> fields = (List<?>) ((List<?>) entry).get(1);
        return Message.readBody((byte[]) fields.get(1));
    }

    private void apply(Shard shard, long number, Message message) {
        if (message.origin() != remote.origin) { // else done when it was acknowledged
            take(shard, number, message);
        }
        nonces[shard.index] = message.nonce();
        nonceKnown[shard.index] = true;
        shard.applied(number); // last: who holds a stamp of that number may now be served what is local
    }

    private void take(Shard shard, long number, Message message) {
        stats.invalidationsReceived.increment();
        switch (message.op()) {
            case Message.DROP, Message.FENCED -> message.items().forEach(effects::drop);
            case Message.EXPIRE -> message.items().forEach(effects::expire);
            case Message.TAG -> effects.tag(shard, message.tag(), number);
            case Message.CLEAR -> effects.clear(shard, number);
            default -> {
                // A later version's: it cannot be told what it means, so nothing local may outlive it.
                shard.endEra(nanoClock.getAsLong());
                effects.forgotten(shard);
            }
        }
    }

    /** @throws RedisException if some could not be sent; those of other shards were */
    private void sendOutbox() {
        if (outbox.isEmpty()) {
            return;
        }
        long began = System.nanoTime();
        RedisException failed = null;
        Set<Integer> failing = new HashSet<>();
        for (List<Outbox.Item> batch : batches(outbox.next())) {
            if (thread.isShutdown() && System.nanoTime() - began > CLOSE_LIMIT.toNanos()) {
                return;
            }
            int shard = batch.get(0).shard();
            if (failing.contains(shard)) {
                continue;
            }
            try {
                send(batch);
            } catch (RedisException e) {
                failed = e;
                failing.add(shard);
            }
        }
        if (failed != null) {
            throw failed;
        }
        LOG.info("{}: all invalidations of the time without Redis are delivered", remote);
    }

    /** Keys that one script can take together; a tag or a clear alone. Their order does not matter: all of them forget. */
    private static List<List<Outbox.Item>> batches(List<Outbox.Item> items) {
        record Kind(char op, int shard) {}
        Map<Kind, List<Outbox.Item>> open = new HashMap<>();
        List<List<Outbox.Item>> batches = new ArrayList<>();
        for (Outbox.Item item : items) {
            Kind kind = new Kind(item.op(), item.shard());
            List<Outbox.Item> batch = open.get(kind);
            if (batch == null || batch.size() == TieredCache.MOST_KEYS_A_SCRIPT || isAlone(item)) {
                batch = new ArrayList<>();
                batches.add(batch);
                open.put(kind, batch);
            }
            batch.add(item);
        }
        return batches;
    }

    private static boolean isAlone(Outbox.Item item) {
        return item.op() == Message.TAG || item.op() == Message.CLEAR;
    }

    private void send(List<Outbox.Item> batch) {
        Outbox.Item first = batch.get(0);
        Shard shard = shards.get(first.shard());
        List<Object> reply = remote.link.await(
                switch (first.op()) {
                    case Message.TAG -> remote.invalidateTag(shard.index, tagOf(first), TieredCache.TAG_MEMORY);
                    case Message.CLEAR -> remote.clear(shard.index);
                    default ->
                        remote.invalidate(
                                shard.index,
                                first.op(),
                                batch.stream().map(Outbox.Item::bytes).toList());
                });
        if (isAlone(first)) {
            acknowledged(shard, first, (Long) reply.get(1));
        }
        batch.forEach(outbox::sent);
        stats.resent.add(batch.size());
    }

    private void acknowledged(Shard shard, Outbox.Item item, long number) {
        shard.lock.lock();
        try {
            if (item.op() == Message.TAG) {
                effects.tag(shard, tagOf(item), number);
            } else {
                effects.clear(shard, number);
            }
        } finally {
            shard.lock.unlock();
        }
    }

    private static String tagOf(Outbox.Item item) {
        return new String(item.bytes(), StandardCharsets.UTF_8);
    }

    // ---- messages: the link's thread --------------------------------------------------------------------------------

    private final class Receiver implements RedisSubscription.Listener {
        @Override
        public void onMessage(byte[] bytes) {
            Message.Numbered numbered = Message.readChannel(bytes);
            if (numbered == null || numbered.shard() < 0 || numbered.shard() >= shards.size()) {
                beatSoon();
                return;
            }
            if (numbered.message().op() == Message.WAKE) {
                numbered.message().items().forEach(effects::wake);
                return;
            }
            Shard shard = shards.get(numbered.shard());
            shard.lock.lock();
            try {
                if (verified[shard.index] != subscriptions.get()) {
                    beatSoon();
                    return;
                }
                if (numbered.epoch().equals(shard.epoch()) && numbered.number() <= shard.applied()) {
                    return; // read from the journal already
                }
                if (numbered.epoch().equals(shard.epoch()) && numbered.number() == shard.applied() + 1) {
                    apply(shard, numbered.number(), numbered.message());
                    return;
                }
            } finally {
                shard.lock.unlock();
            }
            stats.gaps.increment();
            beatSoon();
        }

        @Override
        public void onSubscribed() {
            // Perhaps to another server, after a failover, that counts on from an earlier number.
            subscriptions.incrementAndGet();
            beatSoon();
        }
    }

    @Override
    public void close() {
        registration.close();
        subscription.close();
        thread.shutdownNow();
        boolean interrupted = false;
        try {
            boolean unused = thread.awaitTermination(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        } else if (remote.link.isAvailable()) {
            try {
                sendOutbox();
            } catch (RedisException e) {
                LOG.debug("{}: the last attempt to deliver invalidations failed", remote, e);
            }
        }
    }
}
