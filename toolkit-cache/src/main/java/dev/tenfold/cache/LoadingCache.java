package dev.tenfold.cache;

import java.util.concurrent.CompletableFuture;

/**
 * A {@link TieredCache} with a loader of its own. Safe for use by many threads.
 *
 * <pre>{@code
 * LoadingCache<Long, User> users = TieredCache.<Long, User>builder("users").build((id, load) -> repo.find(id));
 * User user = users.get(42L);
 * users.cache().invalidate(42L);
 * }</pre>
 *
 * @param <K> the keys' type
 * @param <V> the values' type
 */
public final class LoadingCache<K, V> implements AutoCloseable {
    private final TieredCache<K, V> cache;
    private final LoadFunction<K, V> loader;

    LoadingCache(TieredCache<K, V> cache, LoadFunction<K, V> loader) {
        this.cache = cache;
        this.loader = loader;
    }

    /**
     * The value of a key; see {@link TieredCache#getWith}.
     *
     * @param key the key
     * @return the value; null if the loader returned null
     */
    public V get(K key) {
        return cache.getWith(key, loader);
    }

    /**
     * The value of a key, as a future; see {@link TieredCache#getAsync}.
     *
     * @param key the key
     * @return completes with what {@link #get} returns or throws
     */
    public CompletableFuture<V> getAsync(K key) {
        return cache.getAsync(key, loader);
    }

    /**
     * The cache, for invalidations and everything else.
     *
     * @return the cache that this one reads
     */
    public TieredCache<K, V> cache() {
        return cache;
    }

    /** Closes the cache. */
    @Override
    public void close() {
        cache.close();
    }
}
