package dev.tenfold.cache;

import io.lettuce.core.RedisException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Many loads at once: one read of Redis for all keys; then, for what is not there, one round of leases, one call of the
 * loader for the leases that were won, one round of fills. What other nodes are loading meanwhile is read again once they
 * have told that it is there, and so on, until there is nothing left. What other threads of this node are loading is waited
 * for at the end, when nobody can wait for us any more.
 */
final class BulkLoad<K, V> {
    private static final byte[] NOTHING = {};

    private final TieredCache<K, V> cache;
    private final Function<? super List<K>, ? extends Map<? super K, ? extends V>> loader;
    private final List<Wanted<K, V>> wanted;
    private final Map<K, Flight<V>> flights = new LinkedHashMap<>();
    private final List<Wanted<K, V>> own = new ArrayList<>();
    private boolean withRemote;

    /** A key that this node has no value for, and what came of asking Redis. */
    private static final class Wanted<K, V> {
        final K key;
        final byte[] bytes;
        final boolean expectsNothing;
        Capture capture;
        boolean found;

        /** What Redis had when it was asked last. */
        RemoteTier.Held held = RemoteTier.Held.Nothing.NOTHING;

        /** What it had, if that is past its time but may be shown. */
        @Nullable
        Node<V> stale;

        /** Null if somebody else on this node loads it. */
        @Nullable
        Load<K, V> load;

        /** To store the value in Redis; null as long as others have it. */
        Load.@Nullable Right right;

        Wanted(TieredCache<K, V> cache, K key, boolean expectsNothing) {
            this.key = key;
            this.bytes = cache.encode(key);
            this.expectsNothing = expectsNothing;
            this.capture = cache.captureOf(key, bytes);
        }

        int shard() {
            return capture.shard().index;
        }

        Load<K, V> load() {
            return Objects.requireNonNull(load, "somebody else loads it");
        }

        /** Whether a reader has its value, or what went wrong. */
        boolean isDone() {
            return load().flight().isDone();
        }

        /** What the slot may begin with when it is leased, empty for an empty slot; null if somebody else is at it. */
        byte @Nullable [] replaceable() {
            if (held instanceof RemoteTier.Held.Nothing) {
                return NOTHING;
            }
            if (held instanceof RemoteTier.Held.Garbage garbage) {
                return garbage.prefix();
            }
            if (held instanceof RemoteTier.Held.Value value) {
                return RemoteTier.prefix(
                        value.envelope().idHigh(), value.envelope().idLow());
            }
            return null;
        }
    }

    /** @param expectsNothing those of the keys that Redis is not likely to have: it is asked for the lease at once */
    BulkLoad(
            TieredCache<K, V> cache,
            Collection<K> keys,
            Set<K> expectsNothing,
            Function<? super List<K>, ? extends Map<? super K, ? extends V>> loader) {
        this.cache = cache;
        this.loader = loader;
        this.wanted = new ArrayList<>(keys.size());
        for (K key : keys) {
            wanted.add(new Wanted<>(cache, key, expectsNothing.contains(key)));
        }
    }

    private @Nullable V loadOne(K key) {
        return loader.apply(List.of(key)).get(key);
    }

    /** Puts what was found; keys without a value stay as they are. */
    void run(Map<K, V> found) {
        if (cache.remote != null && cache.isRemoteUsable()) {
            try {
                withRemote = readRemote(cache.remote, found);
            } catch (RedisException e) {
                cache.remoteFailed(e);
            }
        }
        for (Wanted<K, V> each : wanted) {
            if (!each.found) {
                join(each);
            }
        }
        if (!own.isEmpty()) {
            // While the loader runs, this thread's load is the first flight: no other one of ours may be waited for.
            own.get(0).load().flight().run(Flight.current(), this::loadOwn);
        }
        List<K> again = new ArrayList<>();
        flights.forEach((key, flight) -> {
            try {
                V value = cache.landed(key, flight);
                if (value != null) {
                    found.put(key, value);
                }
            } catch (CacheException.Interrupted e) {
                if (Thread.currentThread().isInterrupted() || isOwn(flight)) {
                    throw e;
                }
                again.add(key); // it was the loading thread that was interrupted: its task, not this one
            }
        });
        if (!again.isEmpty()) {
            new BulkLoad<>(cache, again, Set.of(), loader).run(found);
        }
    }

    private boolean isOwn(Flight<V> flight) {
        return own.stream().anyMatch(each -> each.load().flight() == flight);
    }

    /**
     * Takes what Redis has. That need not be shared with who reads the same at the same time, so nobody waits for it.
     *
     * @return whether Redis may be used at all
     */
    private boolean readRemote(RemoteTier<V> remote, Map<K, V> found) {
        List<Wanted<K, V>> asked = new ArrayList<>(wanted.size());
        for (Wanted<K, V> each : wanted) {
            if (!each.capture.era().isAliveAt(cache.nanoClock.getAsLong())) {
                cache.catchUp(each.capture.shard());
                each.capture = cache.captureOf(each.key, each.bytes);
            }
            if (!each.expectsNothing) {
                asked.add(each);
            }
        }
        if (!cache.isRemoteUsable()) {
            return false;
        }
        if (asked.isEmpty()) {
            return true;
        }
        List<byte[]> slots = remote.link.await(
                remote.getAll(asked.stream().map(each -> each.bytes).toList()));
        cache.local.storeMany(() -> {
            for (int i = 0; i < slots.size(); i++) {
                Wanted<K, V> each = asked.get(i);
                Node<V> fresh = take(remote, each, each.capture, slots.get(i));
                each.found = fresh != null;
                if (fresh != null && fresh.value != null) {
                    found.put(each.key, fresh.value);
                }
            }
        });
        return true;
    }

    /** Notes what a slot holds; a fresh value is kept here, too, and returned. */
    private @Nullable Node<V> take(RemoteTier<V> remote, Wanted<K, V> each, Capture capture, byte @Nullable [] slot) {
        each.held = remote.read(slot);
        each.stale = null;
        if (each.held instanceof RemoteTier.Held.Garbage) {
            cache.stats.codecFailures.increment();
        }
        if (each.held instanceof RemoteTier.Held.Value value) {
            Load.Verdict verdict = cache.judge(capture.shard(), value.envelope());
            Node<V> node = verdict == Load.Verdict.WORTHLESS ? null : Load.nodeOf(cache, capture, value.envelope());
            if (node != null && verdict == Load.Verdict.FRESH) {
                V unused = Load.adopt(cache, each.key, node, capture);
                return node;
            }
            each.stale = node;
        }
        return null;
    }

    /** Begins a load of the key, unless somebody else is at it, or was until just now. */
    private void join(Wanted<K, V> each) {
        K key = each.key;
        Flight<V> flight = new Flight<>(each.capture);
        Flight<V> on = cache.flights.join(key, flight);
        // Only now: what a flight that has just landed stored is there.
        Node<V> node = cache.local.get(key);
        long now = cache.nanoClock.getAsLong();
        if (node != null && node.isFallback(now)) {
            flight.fallback = node;
        }
        if (on == null && node != null && cache.isServed(node, now)) {
            cache.stats.hits.increment();
            flight.complete(node.value);
            cache.flights.end(key, flight);
        } else if (on == null) {
            each.load = new Load<>(cache, key, each.bytes, flight, (k, options) -> loadOne(k), null);
            own.add(each);
            if (own.size() > 1) {
                flight.goesWith(own.get(0).load().flight());
            }
        } else {
            cache.stats.coalesced.increment();
        }
        flights.put(key, on == null ? flight : on);
    }

    private void loadOwn() {
        try {
            if (withRemote && cache.remote != null) {
                loadThrough(cache.remote);
            } else {
                loadAlone(own);
            }
        } catch (Throwable e) { // whatever it is, nobody may be left waiting
            own.stream()
                    .filter(each -> !each.isDone())
                    .forEach(each -> each.load().failed(e));
        } finally {
            own.forEach(each -> cache.flights.end(each.key, each.load().flight()));
        }
    }

    private void loadThrough(RemoteTier<V> remote) throws InterruptedException {
        long deadline = cache.nanoClock.getAsLong() + cache.patienceNanos(remote);
        List<Wanted<K, V>> open = own;
        for (int polls = 0; !open.isEmpty(); polls++) {
            lease(remote, open);
            boolean isLate = cache.nanoClock.getAsLong() - deadline >= 0; // whoever has the rest takes too long
            loadAndFill(remote, without(open, each -> each.isDone() || !(isLate || mayLoad(each))));
            open = without(open, Wanted::isDone);
            try {
                if (!open.isEmpty() && !awaitOthers(remote, open, polls)) {
                    loadAlone(open);
                }
            } catch (RedisException e) {
                cache.remoteFailed(e);
                loadAlone(open);
            }
            open = without(open, Wanted::isDone);
        }
    }

    private static <T> List<T> without(List<T> all, Predicate<T> some) {
        return all.stream().filter(some.negate()).toList();
    }

    /** It is ours, or a writer is at it: then nobody stores anything, and nobody waits for that. */
    private static boolean mayLoad(Wanted<?, ?> each) {
        return each.right != null || each.held instanceof RemoteTier.Held.Fence;
    }

    /** Asks for the right to load what Redis has not, for all at once; takes what it has by now. */
    private void lease(RemoteTier<V> remote, List<Wanted<K, V>> open) {
        List<Wanted<K, V>> vacant = new ArrayList<>(open.size());
        List<RemoteTier.Ask> asks = new ArrayList<>(open.size());
        Map<Wanted<K, V>, CompletableFuture<@Nullable String>> refreshes = new LinkedHashMap<>();
        for (Wanted<K, V> each : open) {
            byte[] replaceable = each.replaceable();
            if (replaceable == null) {
                continue;
            }
            if (each.stale == null) {
                byte[] token = RemoteTier.newLease();
                each.right = new Load.Right(token, NOTHING);
                vacant.add(each);
                asks.add(new RemoteTier.Ask(each.shard(), each.bytes, token, replaceable));
            } else {
                byte[] token = RemoteTier.newId();
                each.load().flight().fallback = each.stale;
                each.right = new Load.Right(replaceable, token);
                refreshes.put(each, remote.leaseRefresh(each.shard(), each.bytes, token));
            }
        }
        List<CompletableFuture<byte @Nullable []>> leases = remote.leaseAll(asks);
        for (int i = 0; i < leases.size(); i++) {
            Wanted<K, V> each = vacant.get(i);
            try {
                byte[] slot = remote.link.await(leases.get(i));
                if (slot != null) {
                    each.right = null;
                    takeLate(remote, each, slot);
                }
            } catch (RedisException e) {
                cache.remoteFailed(e); // perhaps it is ours: the fill tells
            }
        }
        refreshes.forEach((each, reply) -> {
            try {
                if (remote.link.await(reply) == null) {
                    each.right = null; // somebody else is at it
                }
            } catch (RedisException e) {
                cache.remoteFailed(e);
            }
        });
    }

    private void takeLate(RemoteTier<V> remote, Wanted<K, V> each, byte @Nullable [] slot) {
        Node<V> fresh = take(remote, each, each.load().capture(), slot);
        if (fresh != null) {
            each.load().complete(fresh.value);
        }
    }

    /** Calls the loader once for all, and stores what there is a right to store. */
    private void loadAndFill(RemoteTier<V> remote, List<Wanted<K, V>> some) {
        if (some.isEmpty()) {
            return;
        }
        long began = cache.nanoClock.getAsLong();
        Map<? super K, ? extends V> values;
        try {
            values = call(some);
        } catch (Throwable e) {
            List<RemoteTier.Fill> back = new ArrayList<>();
            for (Wanted<K, V> each : some) {
                if (each.right != null) {
                    back.add(each.load().giveBack(each.right));
                }
            }
            List<CompletableFuture<Long>> unused = remote.fillAll(back);
            some.forEach(each -> each.load().failed(e));
            return;
        }
        List<Load<K, V>> loads = new ArrayList<>(some.size());
        List<Load.Called<V>> called = new ArrayList<>(some.size());
        List<RemoteTier.Fill> fills = new ArrayList<>(some.size());
        for (Wanted<K, V> each : some) {
            Load.Called<V> one = each.load().called(values.get(each.key), new LoadOptions(), began);
            if (each.right == null) {
                each.load().complete(one.value());
            } else {
                loads.add(each.load());
                called.add(one);
                fills.add(each.load().fillOf(remote, one, each.right));
            }
        }
        List<CompletableFuture<Long>> replies = remote.fillAll(fills);
        for (int i = 0; i < replies.size(); i++) {
            Load<K, V> load = loads.get(i);
            load.complete(load.settle(remote, called.get(i), fills.get(i), replies.get(i)));
        }
    }

    /**
     * Waits until those who load the rest are done, or a while, and reads it again.
     *
     * @return whether Redis may still be used
     * @throws RedisException if it does not answer
     */
    private boolean awaitOthers(RemoteTier<V> remote, List<Wanted<K, V>> open, int polls) throws InterruptedException {
        List<CompletableFuture<Long>> marks = new ArrayList<>();
        Map<K, CompletableFuture<Void>> wakes = new HashMap<>();
        boolean isWorthIt = true;
        for (Wanted<K, V> each : open) {
            if (each.held instanceof RemoteTier.Held.Lease lease) {
                wakes.put(each.key, cache.wakes.computeIfAbsent(each.key, key -> new CompletableFuture<>()));
                marks.add(remote.mark(each.shard(), each.bytes, lease.token()));
            } else {
                isWorthIt &= each.stale != null; // refreshed elsewhere, which wakes nobody; all else is free by now
            }
        }
        try {
            for (CompletableFuture<Long> mark : marks) {
                isWorthIt &= remote.link.await(mark) == 1;
            }
            if (isWorthIt) {
                CompletableFuture<?> all = wakes.size() == open.size()
                        ? CompletableFuture.allOf(wakes.values().toArray(CompletableFuture[]::new))
                        : new CompletableFuture<>();
                Object unused = all.get(Load.pollMillis(polls), TimeUnit.MILLISECONDS);
            }
        } catch (TimeoutException | ExecutionException e) {
            // looks again
        } finally {
            wakes.forEach(cache.wakes::remove);
        }
        for (Wanted<K, V> each : open) {
            each.load().recapture();
            if (!each.load().catchUp()) {
                return false;
            }
        }
        List<byte[]> slots = remote.link.await(
                remote.getAll(open.stream().map(each -> each.bytes).toList()));
        cache.local.storeMany(() -> {
            for (int i = 0; i < slots.size(); i++) {
                takeLate(remote, open.get(i), slots.get(i));
            }
        });
        return true;
    }

    private void loadAlone(List<Wanted<K, V>> loads) throws InterruptedException {
        if (loads.isEmpty()) {
            return;
        }
        Flight<V> first = own.get(0).load().flight();
        boolean outage = cache.remote != null && !first.isWithinPermit();
        if (outage && !cache.outageLoads.tryAcquire(cache.loadWaitNanos(), TimeUnit.NANOSECONDS)) {
            throw new CacheException.TimedOut(
                    cache + ": Redis is away, and all " + cache.loadsDuringOutage
                            + " loads that may run at once take too"
                            + " long; raise loadsDuringOutage(…) if the database can bear more",
                    new TimeoutException());
        }
        first.hasPermit = outage;
        try {
            long began = cache.nanoClock.getAsLong();
            Map<? super K, ? extends V> values = call(loads);
            for (Wanted<K, V> each : loads) {
                Load<K, V> load = each.load();
                load.complete(load.store(load.called(values.get(each.key), new LoadOptions(), began)));
            }
        } finally {
            if (outage) {
                first.hasPermit = false;
                cache.outageLoads.release();
            }
        }
    }

    private Map<? super K, ? extends V> call(List<Wanted<K, V>> loads) {
        List<K> keys = loads.stream().map(each -> each.key).toList();
        long began = cache.nanoClock.getAsLong();
        Map<? super K, ? extends V> values;
        try {
            values = loader.apply(keys);
            if (values == null) {
                throw new IllegalStateException(cache + ": the loader of getAll returned null for " + keys.size()
                        + " keys; return an empty map");
            }
        } catch (Throwable e) {
            cache.stats.loadFailures.increment();
            throw e;
        }
        cache.stats.loads.increment();
        cache.stats.loadNanos.add(cache.nanoClock.getAsLong() - began);
        return values;
    }
}
