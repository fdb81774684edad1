package dev.tenfold.cache;

import io.lettuce.core.RedisException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Many loads at once: one read of Redis for all keys; then, for what is not there, one round of leases, one call of the
 * loader for the leases that were won, one round of fills. What others are loading already is waited for at the end, when
 * nobody can wait for us any more.
 */
final class BulkLoad<K, V> {
    private static final byte[] NOTHING = {};

    private final TieredCache<K, V> cache;
    private final Function<? super List<K>, ? extends Map<? super K, ? extends V>> loader;
    private final List<Wanted<K, V>> wanted;
    private final Map<K, Flight<V>> flights = new LinkedHashMap<>();
    private final List<Load<K, V>> own = new ArrayList<>();
    private final Map<Load<K, V>, Wanted<K, V>> read = new HashMap<>();
    private boolean withRemote;

    /** A key that this node has no value for, and what came of asking Redis. */
    private static final class Wanted<K, V> {
        final K key;
        final byte[] bytes;
        Capture capture;
        byte @Nullable [] slot;
        RemoteTier.Held held = RemoteTier.Held.Nothing.NOTHING;

        /** Null if the slot has no value that can be used. */
        @Nullable
        Node<V> node;

        boolean found;

        Wanted(TieredCache<K, V> cache, K key) {
            this.key = key;
            this.bytes = cache.encode(key);
            this.capture = cache.captureOf(key, bytes);
        }
    }

    BulkLoad(
            TieredCache<K, V> cache,
            List<K> keys,
            Function<? super List<K>, ? extends Map<? super K, ? extends V>> loader) {
        this.cache = cache;
        this.loader = loader;
        this.wanted = new ArrayList<>(keys.size());
        for (K key : keys) {
            wanted.add(new Wanted<>(cache, key));
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
            own.get(0).flight().run(Flight.current(), this::loadOwn);
        }
        flights.forEach((key, flight) -> {
            V value = cache.landed(key, flight);
            if (value != null) {
                found.put(key, value);
            }
        });
    }

    /**
     * Takes what Redis has. That need not be shared with who reads the same at the same time, so nobody waits for it.
     *
     * @return whether Redis may be used at all
     */
    private boolean readRemote(RemoteTier<V> remote, Map<K, V> found) {
        List<byte[]> names = new ArrayList<>(wanted.size());
        for (Wanted<K, V> each : wanted) {
            if (!each.capture.era().isAliveAt(cache.nanoClock.getAsLong())) {
                cache.catchUp(each.capture.shard());
                each.capture = cache.captureOf(each.key, each.bytes);
            }
            names.add(each.bytes);
        }
        if (!cache.isRemoteUsable()) {
            return false;
        }
        List<byte[]> slots = remote.link.await(remote.getAll(names));
        cache.local.storeMany(() -> {
            for (int i = 0; i < slots.size(); i++) {
                take(remote, wanted.get(i), slots.get(i), found);
            }
        });
        return true;
    }

    private void take(RemoteTier<V> remote, Wanted<K, V> each, byte @Nullable [] slot, Map<K, V> found) {
        each.slot = slot;
        each.held = remote.read(slot);
        if (each.held instanceof RemoteTier.Held.Garbage) {
            cache.stats.codecFailures.increment();
        }
        if (each.held instanceof RemoteTier.Held.Value value) {
            Load.Verdict verdict = cache.judge(each.capture.shard(), value.envelope());
            each.node = verdict == Load.Verdict.WORTHLESS ? null : Load.nodeOf(cache, each.capture, value.envelope());
            if (each.node != null && verdict == Load.Verdict.FRESH) {
                each.found = true;
                V fresh = Load.adopt(cache, each.key, each.node, each.capture);
                if (fresh != null) {
                    found.put(each.key, fresh);
                }
            }
        }
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
            Load<K, V> load = new Load<>(cache, key, each.bytes, flight, (k, options) -> loadOne(k), null);
            own.add(load);
            read.put(load, each);
            if (own.size() > 1) {
                flight.goesWith(own.get(0).flight());
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
            own.stream().filter(load -> !load.flight().isDone()).forEach(load -> load.failed(e));
        } finally {
            own.forEach(load -> cache.flights.end(load.key(), load.flight()));
        }
    }

    private void loadThrough(RemoteTier<V> remote) throws InterruptedException {
        Map<Load<K, V>, Load.Right> leased = new LinkedHashMap<>();
        Map<Load<K, V>, byte[]> others = new LinkedHashMap<>();
        lease(remote, leased, others);
        if (!leased.isEmpty()) {
            fill(remote, leased);
        }
        for (Map.Entry<Load<K, V>, byte[]> other : others.entrySet()) {
            Load<K, V> load = other.getKey();
            try {
                load.complete(load.findRemote(remote, other.getValue()));
            } catch (Load.LoaderFailed e) {
                load.failed(e.getCause() == null ? e : e.getCause());
            }
        }
    }

    /** Asks for the right to load what Redis has not, all at once. */
    private void lease(RemoteTier<V> remote, Map<Load<K, V>, Load.Right> leased, Map<Load<K, V>, byte[]> others) {
        Map<Load<K, V>, Asked> all = new LinkedHashMap<>();
        for (Load<K, V> load : own) {
            Wanted<K, V> each = Objects.requireNonNull(read.get(load));
            Asked asked = ask(remote, load, each);
            if (asked != null) {
                all.put(load, asked);
            } else {
                others.put(load, each.slot == null ? NOTHING : each.slot);
            }
        }
        all.forEach((load, asked) -> {
            try {
                byte[] held = remote.link.await(asked.held());
                if (held.length == 0) {
                    leased.put(load, asked.right());
                } else {
                    others.put(load, held);
                }
            } catch (RedisException e) {
                cache.remoteFailed(e);
                leased.put(load, asked.right()); // perhaps ours: the fill tells
            }
        });
    }

    /** @param held empty if the right is ours, else what the slot holds */
    private record Asked(Load.Right right, CompletableFuture<byte[]> held) {}

    /** Asks for the right to fill a slot; null if somebody else has it. */
    private @Nullable Asked ask(RemoteTier<V> remote, Load<K, V> load, Wanted<K, V> each) {
        RemoteTier.Held held = each.held;
        if (held instanceof RemoteTier.Held.Nothing) {
            return askLease(remote, load, NOTHING);
        }
        if (held instanceof RemoteTier.Held.Garbage garbage) {
            return askLease(remote, load, garbage.prefix());
        }
        if (held instanceof RemoteTier.Held.Value value) {
            byte[] prefix = RemoteTier.prefix(
                    value.envelope().idHigh(), value.envelope().idLow());
            if (each.node == null) {
                return askLease(remote, load, prefix);
            }
            load.flight().fallback = each.node;
            byte[] token = RemoteTier.newId();
            byte[] slot = each.slot;
            return new Asked(
                    new Load.Right(prefix, token),
                    remote.leaseRefresh(load.shard().index, load.bytes(), token)
                            .thenApply(taken -> taken == null && slot != null ? slot : NOTHING));
        }
        return null;
    }

    private Asked askLease(RemoteTier<V> remote, Load<K, V> load, byte[] worthless) {
        byte[] token = RemoteTier.newLease();
        return new Asked(
                new Load.Right(token, NOTHING),
                remote.lease(load.shard().index, load.bytes(), token, worthless)
                        .thenApply(held -> held == null ? NOTHING : held));
    }

    private void fill(RemoteTier<V> remote, Map<Load<K, V>, Load.Right> leased) {
        long began = cache.nanoClock.getAsLong();
        Map<? super K, ? extends V> values;
        try {
            values = call(new ArrayList<>(leased.keySet()));
        } catch (Throwable e) {
            leased.forEach((load, right) -> load.giveBack(remote, right));
            leased.keySet().forEach(load -> load.failed(e));
            return;
        }
        Map<Load<K, V>, Load.Sent<V>> sent = new LinkedHashMap<>();
        leased.forEach((load, right) -> sent.put(
                load, load.send(remote, load.called(values.get(load.key()), new LoadOptions(), began), right)));
        sent.forEach((load, each) -> load.complete(load.settle(remote, each)));
    }

    private void loadAlone(List<Load<K, V>> loads) throws InterruptedException {
        if (loads.isEmpty()) {
            return;
        }
        Flight<V> first = own.get(0).flight();
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
            loads.forEach(
                    load -> load.complete(load.store(load.called(values.get(load.key()), new LoadOptions(), began))));
        } finally {
            if (outage) {
                first.hasPermit = false;
                cache.outageLoads.release();
            }
        }
    }

    private Map<? super K, ? extends V> call(List<Load<K, V>> loads) {
        List<K> keys = loads.stream().map(Load::key).toList();
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
