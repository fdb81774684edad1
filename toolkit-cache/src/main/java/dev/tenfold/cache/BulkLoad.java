package dev.tenfold.cache;

import io.lettuce.core.RedisException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Many loads at once: one read of Redis for all keys, one round of leases for what is not there, one call of the loader for
 * the leases that were won, one round of fills. What others are loading already is waited for at the end, when nobody can
 * wait for us any more.
 */
final class BulkLoad<K, V> {
    private static final byte[] NOTHING = {};

    private final TieredCache<K, V> cache;
    private final Function<? super List<K>, ? extends Map<? super K, ? extends V>> loader;
    private final List<Load<K, V>> own = new ArrayList<>();
    private final Map<K, Flight<V>> all = new LinkedHashMap<>();

    BulkLoad(
            TieredCache<K, V> cache,
            List<K> keys,
            Function<? super List<K>, ? extends Map<? super K, ? extends V>> loader) {
        this.cache = cache;
        this.loader = loader;
        // All of them before the first flight: a key that cannot be encoded must not leave flights that nobody ends.
        List<byte[]> encoded = keys.stream().map(cache::encode).toList();
        for (int i = 0; i < encoded.size(); i++) {
            K key = keys.get(i);
            byte[] bytes = encoded.get(i);
            Capture capture = cache.captureOf(key, bytes);
            Flight<V> flight = new Flight<>(capture);
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
                own.add(new Load<>(cache, key, bytes, flight, (k, load) -> loadOne(k), null));
                if (own.size() > 1) {
                    flight.goesWith(own.get(0).flight());
                }
            } else {
                cache.stats.coalesced.increment();
            }
            all.put(key, on == null ? flight : on);
        }
    }

    private @Nullable V loadOne(K key) {
        return loader.apply(List.of(key)).get(key);
    }

    /** Puts what was found; keys without a value stay as they are. */
    void run(Map<K, V> found) {
        if (!own.isEmpty()) {
            // While the loader runs, this thread's load is the first flight: no other one of ours may be waited for.
            own.get(0).flight().run(Flight.current(), this::loadOwn);
        }
        all.forEach((key, flight) -> {
            V value = cache.landed(key, flight);
            if (value != null) {
                found.put(key, value);
            }
        });
    }

    private void loadOwn() {
        try {
            if (cache.remote != null && cache.isRemoteUsable()) {
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
        try {
            for (Load<K, V> load : own) {
                if (!load.catchUp()) {
                    loadAlone(own);
                    return;
                }
            }
            List<byte[]> slots = remote.link.await(
                    remote.getAll(own.stream().map(Load::bytes).toList()));
            lease(remote, slots, leased, others);
        } catch (RedisException e) {
            cache.remoteFailed(e);
            loadAlone(own.stream().filter(load -> !load.flight().isDone()).toList());
            return;
        }
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

    /** Completes what Redis has, and asks for the right to load what it has not, all at once. */
    private void lease(
            RemoteTier<V> remote,
            List<byte[]> slots,
            Map<Load<K, V>, Load.Right> leased,
            Map<Load<K, V>, byte[]> others) {
        Map<Load<K, V>, Asked> all = new LinkedHashMap<>();
        for (int i = 0; i < own.size(); i++) {
            Load<K, V> load = own.get(i);
            byte[] slot = slots.get(i);
            Asked asked = ask(remote, load, slot);
            if (asked != null) {
                all.put(load, asked);
            } else if (!load.flight().isDone()) {
                others.put(load, slot);
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

    /** Asks for the right to fill a slot; null if it has a value, which completes the load, or is another's. */
    private @Nullable Asked ask(RemoteTier<V> remote, Load<K, V> load, byte @Nullable [] slot) {
        RemoteTier.Held held = remote.read(slot);
        if (held instanceof RemoteTier.Held.Nothing) {
            return askLease(remote, load, NOTHING);
        }
        if (held instanceof RemoteTier.Held.Garbage garbage) {
            cache.stats.codecFailures.increment();
            return askLease(remote, load, garbage.prefix());
        }
        if (held instanceof RemoteTier.Held.Value value) {
            Load.Verdict verdict = cache.judge(load.shard(), value.envelope());
            Node<V> node = verdict == Load.Verdict.WORTHLESS ? null : load.nodeOf(value.envelope());
            byte[] prefix = RemoteTier.prefix(
                    value.envelope().idHigh(), value.envelope().idLow());
            if (node == null) {
                return askLease(remote, load, prefix);
            }
            if (verdict == Load.Verdict.STALE) {
                load.flight().fallback = node;
                byte[] token = RemoteTier.newId();
                return new Asked(
                        new Load.Right(prefix, token),
                        remote.leaseRefresh(load.shard().index, load.bytes(), token)
                                .thenApply(taken -> taken == null && slot != null ? slot : NOTHING));
            }
            load.complete(load.adopt(node));
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
            loads.forEach(load -> load.complete(
                    load.store(load.called(values.get(load.key()), new LoadOptions(), began), Node.Known.NONE)));
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
