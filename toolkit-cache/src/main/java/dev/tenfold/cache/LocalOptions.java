package dev.tenfold.cache;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How the local tier of a {@link TieredCache} behaves. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * .local(l -> l.maximumSize(10_000).expireAfterWrite(ofSeconds(30)))
 * }</pre>
 *
 * @param <K> the keys' type
 * @param <V> the values' type
 */
public final class LocalOptions<K, V> {
    static final long DEFAULT_MAXIMUM_SIZE = 10_000;

    final long maximumSize;
    final @Nullable Weigher<? super K, ? super V> weigher;
    final @Nullable Duration ttl;

    /** 0 if they share the room of the others. */
    final long maximumNegatives;

    private LocalOptions(
            long maximumSize,
            @Nullable Weigher<? super K, ? super V> weigher,
            @Nullable Duration ttl,
            long maximumNegatives) {
        this.maximumSize = maximumSize;
        this.weigher = weigher;
        this.ttl = ttl;
        this.maximumNegatives = maximumNegatives;
    }

    static <K, V> LocalOptions<K, V> defaults() {
        return new LocalOptions<>(DEFAULT_MAXIMUM_SIZE, null, null, 0);
    }

    /**
     * How much of the local tier an entry takes.
     *
     * @param <K> the keys' type
     * @param <V> the values' type
     */
    @FunctionalInterface
    public interface Weigher<K, V> {
        /**
         * Weighs an entry, once, when it is stored.
         *
         * @param key the key
         * @param value the value
         * @return its weight, zero or more
         */
        int weigh(K key, V value);
    }

    /**
     * How many entries are kept; beyond that, those go that are least likely to be asked for again (W-TinyLFU).
     *
     * @param entries at least 1; default 10,000
     * @return changed options
     */
    public LocalOptions<K, V> maximumSize(long entries) {
        if (entries < 1) {
            throw new IllegalArgumentException("maximumSize " + entries + " must be at least 1");
        }
        return new LocalOptions<>(entries, null, ttl, maximumNegatives);
    }

    /**
     * Bounds the local tier by weight instead of by number.
     *
     * @param weight the sum of all weights at most, 1 or more
     * @param newWeigher weighs an entry
     * @return changed options
     */
    public LocalOptions<K, V> maximumWeight(long weight, Weigher<? super K, ? super V> newWeigher) {
        if (weight < 1) {
            throw new IllegalArgumentException("maximumWeight " + weight + " must be at least 1");
        }
        return new LocalOptions<>(weight, Objects.requireNonNull(newWeigher, "weigher"), ttl, maximumNegatives);
    }

    /**
     * Gives keys that have no value room of their own, so that however many unknown keys are asked for, no value has to go.
     *
     * @param entries at least 1; by default they share the room of the values
     * @return changed options
     */
    public LocalOptions<K, V> maximumNegatives(long entries) {
        if (entries < 1) {
            throw new IllegalArgumentException("maximumNegatives " + entries
                    + " must be at least 1; to remember none, set negativeTtl(Duration.ZERO)");
        }
        return new LocalOptions<>(maximumSize, weigher, ttl, entries);
    }

    /**
     * How long a value is served from this node's memory. With a remote tier it is read from there again afterwards, not
     * loaded. Random jitter takes up to a tenth off, so that entries stored together do not expire together.
     *
     * @param newTtl more than zero; default 30 s with a remote tier, where it is never longer than
     *     {@link RemoteOptions#expireAfterWrite}, 10 min without one
     * @return changed options
     */
    public LocalOptions<K, V> expireAfterWrite(Duration newTtl) {
        return new LocalOptions<>(
                maximumSize, weigher, CacheBuilder.positive("local expireAfterWrite", newTtl), maximumNegatives);
    }
}
