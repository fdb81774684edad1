package dev.tenfold.benchmarks;

import java.util.List;

/**
 * One kind of cache.
 *
 * @param name {@code ours}, or the peer's
 * @param settings what it runs with, printed
 * @param opener opens a node
 */
record CachePeer(String name, String settings, Opener opener) {
    static final CachePeer OURS = new CachePeer("ours", OurNode.SETTINGS, OurNode::new);
    static final CachePeer CAFFEINE = new CachePeer("caffeine", CaffeineNode.SETTINGS, CaffeineNode::new);
    static final CachePeer SPRING = new CachePeer("spring-cache", SpringNode.SETTINGS, SpringNode::new);
    static final CachePeer JETCACHE = new CachePeer("jetcache", JetCacheNode.SETTINGS, JetCacheNode::new);
    static final CachePeer REDISSON = new CachePeer("redisson", RedissonNode.SETTINGS, RedissonNode::bounded);
    static final CachePeer REDISSON_UNBOUNDED =
            new CachePeer("redisson-unbounded", RedissonNode.UNBOUNDED_SETTINGS, RedissonNode::unbounded);

    /** Those that other nodes can tell to forget a key. */
    static final List<CachePeer> SHARED = List.of(OURS, JETCACHE, REDISSON);

    /** Opens a node. */
    interface Opener {
        CacheNode open(CacheNode.Place place);
    }

    CacheNode open(CacheNode.Place place) {
        return opener.open(place);
    }
}
