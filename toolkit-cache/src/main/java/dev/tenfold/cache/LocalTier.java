package dev.tenfold.cache;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Step two of a read: the entries of this node, in Caffeine, and the guard that keeps late values out.
 *
 * <p>An invalidation that runs after a load began keeps its value out, whichever of the two comes to the map first.
 */
final class LocalTier<K, V> {
    /*
     * The generation guard. Each key belongs to one of many counters. A load captures the counter before it reads
     * anything, and its value is stored inside Caffeine's compute only if the counter is still the same. An invalidation
     * moves the counter first and removes the entry second. A store that read the old counter holds the entry's lock until
     * it is done, so the removal comes after it and takes the entry away; a store that comes later reads the new counter
     * and gives up. Keys that share a counter may give up for nothing, which costs a load and harms nobody.
     *
     * A clear cannot remove entry by entry what is stored while it runs. It ends the era that all entries point to, and
     * then empties the map at leisure.
     *
     * Caffeine is not asked to expire anything: that would take a second look at the clock and a write per hit. An entry
     * knows its own times, and one that is past them goes when it is asked for, or when the tier is full.
     *
     * Caffeine's upkeep runs on the thread that stores: to wake another one for it costs more than the upkeep. Who stores
     * many at once does it once, at the end.
     */
    private static final int STRIPES = 8_192;

    private final Cache<K, Node<V>> nodes;

    /** Keys without a value: the same map, or one of their own. A key may be in both for a moment, then the value counts. */
    private final Cache<K, Node<V>> negatives;

    private final AtomicLongArray generations = new AtomicLongArray(STRIPES);
    private final AtomicInteger storingMany = new AtomicInteger();
    private final AtomicReference<@Nullable Runnable> upkeep = new AtomicReference<>();

    LocalTier(LocalOptions<K, V> options) {
        Caffeine<Object, Object> caffeine = Caffeine.newBuilder().executor(this::keepUp);
        if (options.weigher == null) {
            nodes = caffeine.maximumSize(options.maximumSize).build();
        } else {
            var weigher = options.weigher;
            nodes = caffeine.maximumWeight(options.maximumSize)
                    .<K, Node<V>>weigher((key, node) -> node.value == null ? 1 : weigher.weigh(key, node.value))
                    .build();
        }
        negatives = options.maximumNegatives == 0
                ? nodes
                : Caffeine.newBuilder()
                        .executor(Runnable::run)
                        .maximumSize(options.maximumNegatives)
                        .build();
    }

    private void keepUp(Runnable task) {
        upkeep.set(task);
        if (storingMany.get() == 0) {
            keepUp();
        }
    }

    private void keepUp() {
        Runnable task = upkeep.getAndSet(null);
        if (task != null) {
            task.run();
        }
    }

    /** Runs what stores many entries, and looks after evictions once. */
    void storeMany(Runnable stores) {
        storingMany.incrementAndGet();
        try {
            stores.run();
        } finally {
            storingMany.decrementAndGet();
            keepUp();
        }
    }

    @Nullable
    Node<V> get(K key) {
        Node<V> node = nodes.getIfPresent(key);
        return node == null && negatives != nodes ? negatives.getIfPresent(key) : node;
    }

    Capture capture(K key, Shard shard) {
        // The order matters: a number belongs to an epoch, and a new era is published after its numbers. Read the other
        // way
        // round, a number of a journal that is gone could go with the era of the next, and look newer than all of that.
        Era era = shard.era();
        long asOf = shard.known();
        return new Capture(shard, era, generations.get(stripe(key)), asOf);
    }

    /** Whether nothing was invalidated since the capture. */
    boolean isCurrent(K key, Capture capture) {
        return generations.get(stripe(key)) == capture.generation()
                && !capture.era().isOver();
    }

    /** Stores the node unless its key was invalidated since the capture; whether it did. */
    boolean store(K key, Node<V> node, Capture capture) {
        Cache<K, Node<V>> region = node.value == null ? negatives : nodes;
        Node<V> now = region.asMap().compute(key, (k, old) -> isCurrent(k, capture) ? node : old);
        if (now != node) return false;
        if (negatives != nodes) (region == nodes ? negatives : nodes).invalidate(key);
        return true;
    }

    /** Swaps a node that is still there. */
    void replace(K key, Node<V> old, Node<V> node) {
        (node.value == null ? negatives : nodes).asMap().computeIfPresent(key, (k, now) -> now == old ? node : now);
    }

    /** First half of an invalidation: from here on no load that began before is stored. */
    void moveGeneration(K key) {
        generations.incrementAndGet(stripe(key));
    }

    /** Second half. */
    void remove(K key) {
        nodes.invalidate(key);
        if (negatives != nodes) negatives.invalidate(key);
    }

    /** Keeps the value as a fallback, and no longer serves it as fresh. */
    void expire(K key, long now) {
        nodes.asMap().computeIfPresent(key, (k, node) -> node.expired(now));
        if (negatives != nodes) negatives.invalidate(key);
    }

    /** Frees the memory of entries whose era has ended. */
    void removeAll() {
        nodes.invalidateAll();
        if (negatives != nodes) negatives.invalidateAll();
    }

    long size() {
        return nodes.estimatedSize() + (negatives == nodes ? 0 : negatives.estimatedSize());
    }

    private int stripe(K key) {
        int hash = key.hashCode() * 0x9E3779B1;
        return hash >>> 19; // 13 bits
    }
}
