package dev.tenfold.cache;

import org.jspecify.annotations.Nullable;

/**
 * Loads the value of a key, and may say how it is to be kept.
 *
 * @param <K> the keys' type
 * @param <V> the values' type
 */
@FunctionalInterface
public interface LoadFunction<K, V> {
    /**
     * Loads a value: at most one call a key at a time, on all nodes together where there is a remote tier.
     *
     * @param key the key
     * @param load takes the value's time to live and tags; of use only until this returns
     * @return the value, or null if there is none, which is kept for {@link CacheBuilder#negativeTtl}
     * @throws Exception what failed; see {@link CacheBuilder#staleOnError}
     */
    @Nullable
    V load(K key, LoadOptions load) throws Exception;
}
