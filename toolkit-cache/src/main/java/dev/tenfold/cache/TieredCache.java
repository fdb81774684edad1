package dev.tenfold.cache;

import dev.tenfold.redis.RedisLink;
import io.lettuce.core.RedisException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Step one of a read: a cache in this node's memory and, if it was given one, in Redis, that never serves what was
 * invalidated.
 *
 * <pre>{@code
 * User user = users.get(42L, repo::find);
 * Map<Long, User> some = users.getAll(ids, repo::findAll);
 * users.invalidate(42L);                                  // after a write
 * users.mutate(42L, () -> repo.save(user));               // around a write, safe if the process dies in between
 * }</pre>
 *
 * <p><b>What it promises.</b> Once {@link #invalidate} has returned, no read that begins on this node returns a value loaded
 * before it, and no value loaded before it enters Redis. Other nodes follow within a round trip, and at the latest after
 * {@link CacheBuilder#maxStaleness} (while Redis itself is away: see {@link Outage}); one that is given the {@link Stamp}
 * follows at once. A key is loaded once at a time, on all nodes together.
 *
 * <p><b>What it does not.</b> It is not linearizable, and does not change several keys atomically. A loader that reads a
 * lagging replica of the database can store what the replica still had. A failover of Redis can lose invalidations that were
 * acknowledged: any node that had heard of one notices, within a heartbeat, and then everything is loaded anew.
 *
 * <p><b>Cost.</b> A hit in memory takes no round trip and allocates nothing; one in Redis takes 1; a miss 3 and the load;
 * an invalidation 1.
 *
 * <p><b>Threads.</b> Safe for use by many. A load runs on the reading thread; with {@link CacheBuilder#softTimeout} or
 * {@link CacheBuilder#hardTimeout}, and for refreshes, on a virtual thread, or one of a shared pool where there are none. A
 * loader may read other keys; one that asks for its own key, even through others, gets an {@link IllegalStateException}.
 *
 * <p>Values are shared: what a caller changes, others see, unless there is {@link CacheBuilder#copyOnRead}.
 *
 * @param <K> the keys' type
 * @param <V> the values' type
 */
public final class TieredCache<K, V> implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TieredCache.class);

    /** How long Redis knows that a tag was invalidated: no entry may live longer. */
    static final Duration TAG_MEMORY = Duration.ofDays(32);

    /** How long an entry may live, also past its time. */
    static final Duration LONGEST_LIFE = Duration.ofDays(31);

    private static final long LONGEST_LIFE_NANOS = LONGEST_LIFE.toNanos();
    static final int MOST_KEYS_A_SCRIPT = 200;

    /**
     * How many readers load anew, after Redis has lost its memory, while the others get what was there before. More would be
     * as bad as all, where request threads are few.
     */
    static final int RELOADS_AT_ONCE = 1;

    final LocalTier<K, V> local;
    final @Nullable RemoteTier<V> remote;
    final Flight.Table<K, V> flights = new Flight.Table<>();
    final ConcurrentHashMap<K, CompletableFuture<Void>> wakes = new ConcurrentHashMap<>();
    final CacheStats.Recorder stats = new CacheStats.Recorder();
    final LongSupplier nanoClock;
    final Duration staleOnError;
    final Duration retryAfterError;
    final Duration negativeTtl;
    final long localTtlNanos;
    final int loadsDuringOutage;
    final Semaphore outageLoads;
    private final Semaphore reloads = new Semaphore(RELOADS_AT_ONCE);

    private final String name;
    private final KeyEncoder<K> keys;
    private final List<Shard> shards;
    private final Outbox outbox = new Outbox();
    private final @Nullable Journal journal;
    private final Outage outage;
    private final @Nullable Duration softTimeout;
    private final @Nullable Duration hardTimeout;
    private final double refreshAhead;
    private final double jitter;
    private final @Nullable UnaryOperator<V> copier;
    private final AtomicBoolean closed = new AtomicBoolean();

    TieredCache(CacheBuilder<K, V> from) {
        name = from.name;
        keys = from.keys;
        nanoClock = from.nanoClock;
        local = new LocalTier<>(from.local);
        staleOnError = from.staleOnError;
        retryAfterError = from.retryAfterError;
        negativeTtl = from.negativeTtl;
        localTtlNanos = Math.min(LONGEST_LIFE_NANOS, from.localTtl().toNanos());
        loadsDuringOutage = from.loadsDuringOutage;
        outageLoads = new Semaphore(from.loadsDuringOutage);
        outage = from.outage;
        softTimeout = from.softTimeout;
        hardTimeout = from.hardTimeout;
        refreshAhead = from.refreshAhead;
        jitter = from.jitter;
        copier = from.copier;
        long now = nanoClock.getAsLong();
        if (from.link == null || from.codec == null) {
            remote = null;
            journal = null;
            shards = List.of(new Shard(0, new Era(Shard.Epoch.NONE, now + Long.MAX_VALUE / 2)));
        } else {
            remote = new RemoteTier<>(name, from.link, from.codec, from.remote);
            List<Shard> all = new ArrayList<>();
            for (int i = 0; i < remote.shards; i++) {
                all.add(new Shard(i, new Era(Shard.Epoch.NONE, now - 1)));
            }
            shards = List.copyOf(all);
            journal = new Journal(remote, shards, new Received(), outbox, stats, nanoClock, from.maxStaleness, outage);
        }
    }

    void start() {
        if (journal != null) {
            journal.start();
        }
    }

    /**
     * Begins to describe a cache.
     *
     * @param name names it in Redis, in metrics and in messages: the same on all nodes that share it, and no other cache's
     * @param <K> the keys' type
     * @param <V> the values' type
     * @return a builder with the defaults
     * @throws IllegalArgumentException if the name is empty or has a brace
     */
    public static <K, V> CacheBuilder<K, V> builder(String name) {
        return new CacheBuilder<>(name);
    }

    // ---- reading ----------------------------------------------------------------------------------------------------

    /**
     * The value of a key, loaded if need be.
     *
     * @param key not null
     * @param loader loads the value; returns null if there is none, which is remembered for {@link CacheBuilder#negativeTtl}
     * @return the value; null if the loader returned null, now or lately
     * @throws CacheException if the load takes too long, or the thread is interrupted while waiting
     * @throws IllegalStateException if a loader, directly or through others, asks for the key that it loads
     * @throws IllegalArgumentException if the key is null, or of a type that has no encoding
     */
    public V get(K key, Function<? super K, ? extends V> loader) {
        Node<V> node = local.get(checked(key));
        if (node != null && node.isHit(nanoClock.getAsLong())) {
            stats.hits.increment();
            return returned(node.value);
        }
        return returned(read(key, (k, load) -> loader.apply(k)));
    }

    /**
     * As {@link #get(Object, Function)}, with a loader that may fail with a checked exception, tag its value, and say how
     * long it is good for.
     *
     * @param key not null
     * @param loader loads the value
     * @return the value; null if the loader returned null, now or lately
     * @throws CacheException as above; {@link CacheException.LoadFailed} for a checked exception
     */
    public V getWith(K key, LoadFunction<? super K, ? extends V> loader) {
        Node<V> node = local.get(checked(key));
        if (node != null && node.isHit(nanoClock.getAsLong())) {
            stats.hits.increment();
            return returned(node.value);
        }
        return returned(read(key, loader));
    }

    /**
     * As {@link #get(Object, Function)}, and never a value from before an invalidation that another node has made.
     *
     * @param key not null
     * @param loader loads the value
     * @param atLeast what {@link #invalidate} returned there. If this node has not heard of it, it asks Redis, which costs a
     *     round trip; if Redis does not know of it either, or does not answer, the value is loaded
     * @return the value; null if the loader returned null, now or lately
     * @throws CacheException as above
     */
    public V get(K key, Function<? super K, ? extends V> loader, Stamp atLeast) {
        return getWith(key, (k, load) -> loader.apply(k), atLeast);
    }

    /**
     * As {@link #get(Object, Function, Stamp)}, with a loader that may fail with a checked exception, tag its value, and say
     * how long it is good for.
     *
     * @param key not null
     * @param loader loads the value
     * @param atLeast as above
     * @return the value; null if the loader returned null, now or lately
     * @throws CacheException as above; {@link CacheException.LoadFailed} for a checked exception
     */
    public V getWith(K key, LoadFunction<? super K, ? extends V> loader, Stamp atLeast) {
        byte[] bytes = keys.encode(checked(key));
        Shard shard = shards.get(shardOf(bytes));
        if (remote == null || atLeast.isCoveredBy(shard) || hasCaughtUpWith(shard, atLeast)) {
            return getWith(key, loader);
        }
        // Redis may have an older value, too: a clear and a tag leave it there, and an invalidation that was not
        // delivered.
        Flight<V> alone = new Flight<>(local.capture(key, shard));
        Load<K, V> load = new Load<>(this, key, bytes, alone, loader, null);
        load.passOverRedis();
        alone.run(Flight.current(), load);
        return returned(landed(key, alone));
    }

    /**
     * What this node has in memory, and nothing else.
     *
     * @param key not null
     * @return the value, or empty if it is not here, out of date, or known not to exist
     */
    public Optional<V> peek(K key) {
        Node<V> node = local.get(checked(key));
        return node != null && node.isFresh(nanoClock.getAsLong())
                ? Optional.ofNullable(returned(node.value))
                : Optional.empty();
    }

    /**
     * The value of a key as a future. A hit in memory completes it at once, on the calling thread; everything else runs on a
     * virtual thread, or one of a shared pool where there are none (on the calling thread if that is busy).
     *
     * @param key not null
     * @param loader loads the value
     * @return completes with what {@link #getWith} returns or throws
     */
    public CompletableFuture<V> getAsync(K key, LoadFunction<? super K, ? extends V> loader) {
        CompletableFuture<V> future = new CompletableFuture<>();
        Node<V> node = local.get(checked(key));
        if (node != null && node.isHit(nanoClock.getAsLong())) {
            stats.hits.increment();
            future.complete(returned(node.value));
            return future;
        }
        Runnable task = () -> {
            try {
                future.complete(getWith(key, loader));
            } catch (Throwable e) { // the future has it
                future.completeExceptionally(e);
            }
        };
        if (!Threads.tryStart(task)) {
            task.run();
        }
        return future;
    }

    /**
     * The values of many keys: what is in memory, then what is in Redis, in one round trip (in a cluster one a node), then
     * one call of the loader for all that is missing and that nobody else is loading.
     *
     * @param wanted repeated ones count once
     * @param loader gets the missing keys, returns what it found of them; what it leaves out has no value
     * @return by key, in the keys' order; without the keys that have no value. Not modifiable
     * @throws CacheException as {@link #get}
     */
    public Map<K, V> getAll(
            Collection<? extends K> wanted, Function<? super List<K>, ? extends Map<? super K, ? extends V>> loader) {
        Map<K, V> found = new LinkedHashMap<>(capacity(wanted.size()));
        List<K> missing = new ArrayList<>();
        List<K> inGrace = new ArrayList<>();
        long now = nanoClock.getAsLong();
        for (K key : wanted) {
            if (found.containsKey(checked(key))) {
                continue;
            }
            Node<V> node = local.get(key);
            if (node != null && isServed(node, now)) {
                found.put(key, node.value);
            } else if (node != null && node.isInGrace(now)) {
                found.put(key, node.value);
                inGrace.add(key);
            } else {
                found.put(key, null);
                missing.add(key);
            }
        }
        boolean reloads = !inGrace.isEmpty() && mayReload();
        try {
            if (reloads) {
                inGrace.removeIf(flights::isOn);
                inGrace.forEach(key -> found.put(key, null));
                missing.addAll(inGrace);
            }
            stats.hits.add((long) found.size() - missing.size());
            if (!missing.isEmpty()) {
                new BulkLoad<>(this, missing, reloads ? Set.copyOf(inGrace) : Set.of(), loader).run(found);
            }
        } finally {
            if (reloads) {
                this.reloads.release();
            }
        }
        found.values().removeIf(Objects::isNull);
        if (copier != null) {
            found.replaceAll((key, value) -> returned(value));
        }
        return Collections.unmodifiableMap(found);
    }

    /** What is not simply a hit. */
    private @Nullable V read(K key, LoadFunction<? super K, ? extends V> loader) {
        byte[] bytes = keys.encode(key);
        Shard shard = shards.get(shardOf(bytes));
        // Noted before the entry is looked at: what is invalidated from here on is not served as a fallback either.
        Capture capture = local.capture(key, shard);
        Node<V> node = local.get(key);
        long now = nanoClock.getAsLong();
        if (node != null && isServed(node, now)) {
            stats.hits.increment();
            if (node.claimRefresh(now)) {
                refresh(key, bytes, capture, node, loader);
            }
            return node.value;
        }
        if (node == null || !node.isInGrace(now)) {
            return load(key, bytes, capture, node, loader);
        }
        if (flights.isOn(key) || !mayReload()) {
            stats.hits.increment();
            return node.value;
        }
        try {
            return load(key, bytes, capture, node, loader);
        } finally {
            reloads.release();
        }
    }

    /** Whether this reader is one of the few that load what the others still get from before; if so, release that. */
    private boolean mayReload() {
        return isRemoteUsable() && reloads.tryAcquire();
    }

    private @Nullable V load(
            K key, byte[] bytes, Capture capture, @Nullable Node<V> node, LoadFunction<? super K, ? extends V> loader) {
        Flight<V> flight = new Flight<>(capture);
        if (node != null && node.isFallback(nanoClock.getAsLong())) {
            flight.fallback = node;
        }
        Flight<V> on = flights.join(key, flight);
        if (on != null) {
            stats.coalesced.increment();
            try {
                return landed(key, on);
            } catch (CacheException.Interrupted e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw e;
                }
                return read(key, loader); // it was the loading thread that was interrupted: its task, not this one
            }
        }
        // The flight before this one may have landed since the look above: what it stored is there by now.
        Node<V> stored = local.get(key);
        if (stored != null && stored != node && isServed(stored, nanoClock.getAsLong())) {
            stats.hits.increment();
            flight.complete(stored.value);
            flights.end(key, flight);
            return stored.value;
        }
        Load<K, V> load = new Load<>(this, key, bytes, flight, loader, null);
        if (node != null && node.isInGrace(nanoClock.getAsLong())) {
            load.expectNothing();
        }
        Flight<?> from = Flight.current();
        if ((softTimeout == null && hardTimeout == null) || !Threads.tryStart(() -> flight.run(from, load))) {
            flight.run(from, load);
        }
        return landed(key, flight);
    }

    /** Whether a local entry may be returned without a look elsewhere. */
    boolean isServed(Node<V> node, long now) {
        if (node.isFresh(now)) {
            return true;
        }
        return outage == Outage.SERVE
                && remote != null
                && !remote.link.isAvailable()
                && now - node.freshUntil < 0
                && node.isFallback(now);
    }

    private void refresh(
            K key, byte[] bytes, Capture capture, Node<V> node, LoadFunction<? super K, ? extends V> loader) {
        Flight<V> flight = new Flight<>(capture);
        flight.fallback = node;
        if (flights.join(key, flight) != null) {
            return;
        }
        Load<K, V> load = new Load<>(this, key, bytes, flight, loader, node);
        if (Threads.tryStart(() -> flight.run(null, load))) {
            stats.refreshes.increment();
        } else {
            flight.complete(node.value);
            flights.end(key, flight);
        }
    }

    /** Waits for a flight, and returns what is past its time if that takes too long. */
    @Nullable
    V landed(K key, Flight<V> flight) {
        try {
            if (softTimeout != null && !flight.isDone()) {
                try {
                    return flight.await(softTimeout);
                } catch (TimeoutException e) {
                    Node<V> fallback = fallbackOf(key, flight);
                    if (fallback != null) {
                        stats.staleServed.increment();
                        return fallback.value;
                    }
                }
            }
            Duration rest = hardTimeout == null || softTimeout == null ? hardTimeout : hardTimeout.minus(softTimeout);
            return flight.await(rest);
        } catch (TimeoutException e) {
            throw new CacheException.TimedOut(
                    this + ": the load took longer than hardTimeout " + hardTimeout
                            + "; it goes on, and its value is stored when it comes. Speed it up, or raise hardTimeout(…)",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CacheException.Interrupted(this + ": interrupted while waiting for a load", e);
        } catch (ExecutionException e) {
            throw thrown(e.getCause() == null ? e : e.getCause());
        }
    }

    private RuntimeException thrown(Throwable cause) {
        if (cause instanceof RuntimeException unchecked) {
            return unchecked;
        }
        if (cause instanceof Error error) {
            throw error;
        }
        if (cause instanceof InterruptedException) {
            return new CacheException.Interrupted(this + ": a load was interrupted", cause);
        }
        return new CacheException.LoadFailed(this + ": a load failed: " + cause, cause);
    }

    @Nullable
    Node<V> fallbackOf(K key, Flight<V> flight) {
        Node<V> fallback = flight.fallback;
        if (fallback == null || staleOnError.isZero()) {
            return null;
        }
        long now = nanoClock.getAsLong();
        boolean isProven = remote == null || outage == Outage.SERVE || fallback.era.isAliveAt(now);
        return isProven && fallback.isFallback(now) && local.isCurrent(key, flight.begin) ? fallback : null;
    }

    @SuppressWarnings("NullAway") // null goes out as null: the values' type says whether that can be
    private V returned(@Nullable V value) {
        return value == null || copier == null ? value : copier.apply(value);
    }

    // ---- invalidating -----------------------------------------------------------------------------------------------

    /**
     * Forgets the value of a key, on all nodes. Call it after the write is committed. One round trip.
     *
     * <p>If Redis does not answer, this node forgets the value all the same, and tells Redis once it is back: see
     * {@link Stamp#isDelivered}. Never throws for that.
     *
     * @param key not null
     * @return for reads elsewhere that must not see an older value
     */
    public Stamp invalidate(K key) {
        return invalidate(Message.DROP, List.of(checked(key)));
    }

    /**
     * Forgets the values of many keys. One round trip per 200 keys.
     *
     * @param all none null
     * @return for reads elsewhere that must not see older values
     */
    public Stamp invalidateAll(Collection<? extends K> all) {
        return invalidate(Message.DROP, all);
    }

    /**
     * Makes the next read of a key load it, and keeps the value for {@link CacheBuilder#staleOnError}: for a value that is
     * out of date rather than wrong. One round trip.
     *
     * @param key not null
     * @return for reads elsewhere that must not see an older value as a fresh one
     */
    public Stamp expire(K key) {
        return invalidate(Message.EXPIRE, List.of(checked(key)));
    }

    private Stamp invalidate(char op, Collection<? extends K> all) {
        Map<Integer, List<byte[]>> byShard = new HashMap<>();
        Map<Integer, List<K>> keysByShard = new HashMap<>();
        for (K key : all) {
            byte[] bytes = keys.encode(checked(key));
            int shard = shardOf(bytes);
            byShard.computeIfAbsent(shard, s -> new ArrayList<>()).add(bytes);
            keysByShard.computeIfAbsent(shard, s -> new ArrayList<>()).add(key);
        }
        stats.invalidations.add(all.size());
        Sending sending = new Sending();
        byShard.forEach((shard, items) -> {
            for (int from = 0; from < items.size(); from += MOST_KEYS_A_SCRIPT) {
                List<byte[]> some = items.subList(from, Math.min(items.size(), from + MOST_KEYS_A_SCRIPT));
                sending.add(shard, op, some, () -> remote().invalidate(shard, op, some));
            }
        });
        Stamp stamp = sending.await();
        // After the acknowledgement: what a load stores from here on was read after it.
        keysByShard.values().forEach(some -> some.forEach(key -> forget(op, key)));
        return stamp;
    }

    /**
     * Forgets all values that were loaded with a tag. One round trip (in a cluster one a shard, at the same time), whatever
     * their number.
     *
     * @param tag not empty
     * @return for reads elsewhere that must not see older values
     */
    public Stamp invalidateTag(String tag) {
        CacheBuilder.checkTag(tag);
        stats.invalidations.increment();
        Sending sending = new Sending();
        byte[] item = Message.tag(tag);
        for (Shard shard : shards) {
            sending.add(
                    shard.index,
                    Message.TAG,
                    List.of(item),
                    () -> remote().invalidateTag(shard.index, tag, TAG_MEMORY));
        }
        Stamp stamp = sending.await();
        sending.numbers((shard, number) -> shard.invalidateTag(tag, number, nanoClock.getAsLong()));
        flights.forgetAll(); // what they load may have the tag: who asks from now on must not share it
        return stamp;
    }

    /**
     * Forgets everything, on all nodes. One round trip (in a cluster one a shard), whatever the number of entries: Redis
     * drops them as they are found, or as they expire.
     *
     * @return for reads elsewhere that must not see older values
     */
    public Stamp clear() {
        stats.invalidations.increment();
        Sending sending = new Sending();
        for (Shard shard : shards) {
            sending.add(shard.index, Message.CLEAR, List.of(new byte[0]), () -> remote().clear(shard.index));
        }
        Stamp stamp = sending.await();
        sending.numbers((shard, number) -> shard.clear(number, nanoClock.getAsLong()));
        flights.forgetAll();
        local.removeAll();
        return stamp;
    }

    /**
     * Writes to the database, and forgets the key's value around it. While the action runs, and until all other writers of
     * the key are done too, loads of the key are returned and stored nowhere. If this process dies in between, that ends by
     * itself after the guard, so that whatever the action did, no value from before it survives. Two round trips.
     *
     * <p>If Redis does not answer, the action runs all the same, and the key is forgotten as by {@link #invalidate}.
     *
     * @param key not null
     * @param action commits its write before it returns
     * @param guard longer than the action can take: give its transaction a time-out below this
     * @param <T> the type of the action's result
     * @return what the action returned
     * @throws Exception what the action threw; the key is forgotten then, too
     */
    public <T extends @Nullable Object> T mutate(K key, Duration guard, Callable<T> action) throws Exception {
        byte[] bytes = keys.encode(checked(key));
        CacheBuilder.atLeastMilli("guard", guard);
        int shard = shardOf(bytes);
        byte[] writer = RemoteTier.newId();
        stats.invalidations.increment();
        RemoteTier<V> tier = remote;
        if (tier != null) {
            try {
                tier.link.await(tier.fence(shard, bytes, writer, true, guard));
            } catch (RedisException e) {
                remoteFailed(e);
            }
        }
        forget(Message.DROP, key);
        try {
            return action.call();
        } finally {
            if (tier != null) {
                Sending sending = new Sending();
                sending.add(shard, Message.DROP, List.of(bytes), () -> tier.fence(shard, bytes, writer, false, guard));
                Stamp unused = sending.await();
            }
            forget(Message.DROP, key);
        }
    }

    /**
     * As {@link #mutate(Object, Duration, Callable)}, with a guard of 30 s, for actions that throw nothing checked.
     *
     * @param key not null
     * @param action commits its write before it returns, within 30 s
     */
    public void mutate(K key, Runnable action) {
        try {
            Object unused = mutate(key, Duration.ofSeconds(30), () -> {
                action.run();
                return true;
            });
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("a Runnable threw a checked exception", e);
        }
    }

    /** On this node: from here on no read returns what was loaded before, and no load that is on is stored. */
    private void forget(char op, K key) {
        local.moveGeneration(key);
        flights.forget(key);
        if (op == Message.EXPIRE) {
            local.expire(key, nanoClock.getAsLong());
        } else {
            local.remove(key);
        }
    }

    /** Invalidations on their way to Redis, all at once; those that fail go to the outbox. */
    private final class Sending {
        private record Sent(
                int shard,
                char op,
                List<byte[]> items,
                @Nullable CompletableFuture<List<Object>> reply) {}

        private final List<Sent> sent = new ArrayList<>();
        private final Map<Integer, Stamp.Part> last = new HashMap<>();

        void add(
                int shard,
                char op,
                List<byte[]> items,
                java.util.function.Supplier<CompletableFuture<List<Object>>> send) {
            sent.add(new Sent(shard, op, items, remote == null ? null : send.get()));
        }

        Stamp await() {
            List<Stamp.Part> parts = new ArrayList<>();
            boolean delivered = true;
            for (Sent each : sent) {
                if (each.reply() == null) {
                    continue;
                }
                try {
                    List<Object> reply = remote().link.await(each.reply());
                    long number = (Long) reply.get(1);
                    Stamp.Part part = new Stamp.Part(each.shard(), Message.epoch((byte[]) reply.get(0)), number);
                    parts.add(part);
                    last.put(each.shard(), part);
                    Shard shard = shards.get(each.shard());
                    shard.underLock(() -> shard.known(part.epoch(), number));
                } catch (RedisException e) {
                    delivered = false;
                    remoteFailed(e);
                    for (byte[] item : each.items()) {
                        outbox.add(new Outbox.Item(each.op(), each.shard(), item));
                    }
                }
            }
            return new Stamp(parts, delivered);
        }

        /** For tags and clears: what each shard was given, or without Redis the next number of its own. */
        void numbers(java.util.function.ObjLongConsumer<Shard> apply) {
            for (Shard shard : shards) {
                shard.lock.lock();
                try {
                    Stamp.Part part = last.get(shard.index);
                    if (part != null && part.epoch().equals(shard.epoch())) {
                        apply.accept(shard, part.number());
                        shard.known(part.number());
                        continue;
                    }
                    // Nobody numbered it, or a journal that this node has yet to hear of: above all that is known, so
                    // that
                    // nothing loaded before is current.
                    long number = shard.known() + 1;
                    apply.accept(shard, number);
                    if (remote == null) {
                        shard.known(number);
                    }
                } finally {
                    shard.lock.unlock();
                }
            }
        }
    }

    /** What other nodes have invalidated. */
    private final class Received implements Journal.Effects {
        @Override
        public void drop(byte[] bytes) {
            forgetDecoded(Message.DROP, bytes);
        }

        @Override
        public void expire(byte[] bytes) {
            forgetDecoded(Message.EXPIRE, bytes);
        }

        private void forgetDecoded(char op, byte[] bytes) {
            K key;
            try {
                key = keys.decode(bytes);
            } catch (RuntimeException e) {
                LOG.error(
                        "{}: keys(encode, decode) cannot decode a key that another node encoded; forgets all",
                        TieredCache.this,
                        e);
                Shard shard = shards.get(shardOf(bytes));
                shard.endEra(nanoClock.getAsLong());
                forgotten(shard);
                return;
            }
            if (key != null) {
                forget(op, key);
            }
        }

        @Override
        public void tag(Shard shard, String tag, long number) {
            shard.invalidateTag(tag, number, nanoClock.getAsLong());
            flights.forgetAll();
        }

        @Override
        public void clear(Shard shard, long number) {
            shard.clear(number, nanoClock.getAsLong());
            forgotten(shard);
        }

        @Override
        public void forgotten(Shard shard) {
            flights.forgetAll();
            if (shards.size() == 1) {
                local.removeAll();
            }
        }

        @Override
        public void restarted() {
            flights.forgetAll();
        }

        @Override
        public void wake(byte[] bytes) {
            K key = keys.decode(bytes);
            CompletableFuture<Void> waiting = key == null ? null : wakes.get(key);
            if (waiting != null) {
                waiting.complete(null);
            }
        }
    }

    private boolean hasCaughtUpWith(Shard shard, Stamp stamp) {
        if (journal == null || !stamp.isDelivered() || !isRemoteUsable()) {
            return false;
        }
        try {
            return journal.catchUpWith(shard, stamp);
        } catch (RedisException e) {
            remoteFailed(e);
            return false;
        }
    }

    // ---- for loads --------------------------------------------------------------------------------------------------

    /** Whether the remote tier may be read: there is one, it answers, and it has been told all that this node knows. */
    boolean isRemoteUsable() {
        return remote != null
                && remote.link.isAvailable()
                && outbox.isEmpty()
                && journal != null
                && journal.isKnown()
                && !closed.get();
    }

    /** Reads the journal now: what Redis has can be judged only by who knows the clears and tags of late. */
    void catchUp(Shard shard) {
        Objects.requireNonNull(journal, "without a remote tier").catchUp(shard);
    }

    RemoteTier<V> remote() {
        return Objects.requireNonNull(remote, "without a remote tier");
    }

    void remoteFailed(RedisException e) {
        stats.remoteFailures.increment();
        LOG.debug("{}: Redis failed", this, e);
    }

    long serverMillis(long nanos) {
        return Objects.requireNonNull(journal, "without a remote tier").serverMillis(nanos);
    }

    Load.Verdict judge(Shard shard, Envelope envelope) {
        long clearedAt = shard.clearedAt(); // before the epoch that it belongs to, as that is written first
        Shard.Epoch epoch = shard.epoch();
        long serverNow = serverMillis(nanoClock.getAsLong());
        if (envelope.epochHigh() != epoch.high()
                || envelope.epochLow() != epoch.low()
                || envelope.asOf() < clearedAt
                || serverNow >= envelope.staleUntilMillis()
                || !hasCurrentTags(shard, envelope)) {
            return Load.Verdict.WORTHLESS;
        }
        return serverNow < envelope.freshUntilMillis() ? Load.Verdict.FRESH : Load.Verdict.STALE;
    }

    /** Asks Redis only for tags of entries from before this node listened: one round trip more. */
    private boolean hasCurrentTags(Shard shard, Envelope envelope) {
        List<String> tags = envelope.tags();
        if (tags.isEmpty()) {
            return true;
        }
        if (!shard.isCurrent(tags.toArray(new String[0]), envelope.asOf())) {
            return false;
        }
        if (envelope.asOf() >= shard.knowsTagsSince()) {
            return true;
        }
        RemoteTier<V> tier = remote();
        for (long number : tier.link.await(tier.tagNumbers(shard.index, tags))) {
            if (number > envelope.asOf()) {
                return false;
            }
        }
        return true;
    }

    Duration ttlOf(LoadOptions options, @Nullable V value, Duration usual) {
        Duration ttl = usual;
        if (value == null && negativeTtl.compareTo(ttl) < 0) {
            ttl = negativeTtl;
        }
        if (options.ttl != null && options.ttl.compareTo(ttl) < 0) {
            ttl = options.ttl;
        }
        return ttl.toNanos() > LONGEST_LIFE_NANOS ? Duration.ofNanos(LONGEST_LIFE_NANOS) : ttl;
    }

    /** Up to a tenth less, by chance. */
    long jittered(long nanos) {
        return jitter == 0
                ? nanos
                : nanos - (long) (nanos * jitter * ThreadLocalRandom.current().nextDouble());
    }

    /** How long before its end a value of that lifetime is refreshed: XFetch, drawn once a value instead of once a read. */
    long aheadNanos(long lifetimeNanos, long loadNanos) {
        if (refreshAhead >= 1 || lifetimeNanos <= 0) {
            return 0;
        }
        double early = -loadNanos * Math.log(1 - ThreadLocalRandom.current().nextDouble());
        return Math.min(lifetimeNanos, (long) Math.max(lifetimeNanos * (1 - refreshAhead), early));
    }

    /** How long a value stands in for one that cannot be loaded, after it was fresh for so long. */
    long staleNanos(long freshNanos) {
        return Math.min(staleOnError.toNanos(), LONGEST_LIFE_NANOS - freshNanos);
    }

    /**
     * How long a load waits for another node's: whoever has the lease may be dead, and readers with a time-out would rather have
     * a load of their own than that time-out.
     */
    long patienceNanos(RemoteTier<V> tier) {
        long lease = tier.options.lease.toNanos();
        return hardTimeout == null ? lease : Math.min(lease, hardTimeout.toNanos() / 2);
    }

    long loadWaitNanos() {
        return (hardTimeout == null ? Duration.ofSeconds(30) : hardTimeout).toNanos();
    }

    Capture captureOf(K key, byte[] bytes) {
        return local.capture(key, shards.get(shardOf(bytes)));
    }

    byte[] encode(K key) {
        return keys.encode(key);
    }

    private int shardOf(byte[] bytes) {
        return remote == null ? 0 : remote.shardOf(bytes);
    }

    private static <K> K checked(K key) {
        if (key == null) {
            throw new IllegalArgumentException("a key is null; skip what has no key");
        }
        return key;
    }

    static int capacity(int size) {
        return (int) (size / 0.75f) + 1;
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    /**
     * What the cache did since it was built.
     *
     * @return a snapshot; its numbers may be of slightly different moments
     */
    public CacheStats stats() {
        return stats.snapshot(outbox.size(), local.size());
    }

    /**
     * The name.
     *
     * @return as the builder was given it
     */
    public String name() {
        return name;
    }

    /**
     * Ends the heartbeat and the subscription, and forgets what is in memory; takes a few seconds at most. Invalidations
     * that Redis has not acknowledged are tried once more, if it answers. The link stays open. Idempotent.
     *
     * <p>A service that shuts down may still read: from here on each read calls its loader, and nothing is stored.
     * Invalidations still go to Redis, and are lost if it does not answer: see {@link Stamp#isDelivered}.
     */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        if (journal != null) {
            journal.close();
        }
        int lost = outbox.size();
        if (lost > 0) {
            LOG.warn(
                    "{}: closed with {} invalidations that Redis has not heard of; its entries expire by their time",
                    this,
                    lost);
        }
        for (Shard shard : shards) {
            shard.underLock(() -> shard.close(nanoClock.getAsLong()));
        }
        flights.forgetAll();
        local.removeAll();
    }

    /** The cache's name. */
    @Override
    public String toString() {
        return "cache " + name;
    }

    @Nullable
    RedisLink link() {
        return remote == null ? null : remote.link;
    }
}
