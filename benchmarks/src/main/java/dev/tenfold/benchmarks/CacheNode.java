package dev.tenfold.benchmarks;

import java.util.function.Function;

/**
 * One service node's cache in front of a slow source of values, by Tenfold or a peer. Safe for use by many threads, as the
 * caches are.
 */
abstract class CacheNode implements AutoCloseable {

    /**
     * Where a node is opened.
     *
     * @param uri the Redis that all nodes share
     * @param cache the cache's name, the same on all nodes that share it
     * @param localSize entries that the node keeps in memory at most
     * @param source what a miss loads from
     */
    record Place(String uri, String cache, int localSize, Function<String, String> source) {}

    /** The value, from wherever it is nearest. */
    abstract String get(String key);

    /** Makes it forgotten, after a write to the source. */
    abstract void invalidate(String key);

    /**
     * Reads keys and adds up the lengths of their values. Each class has a loop of its own, as a service has: in a loop that
     * all share, none of them could be inlined.
     */
    abstract long read(String[] keys, int from, int to);

    @Override
    public abstract void close();
}
