package dev.tenfold.benchmarks;

import dev.tenfold.cache.Codec;
import dev.tenfold.cache.TieredCache;
import dev.tenfold.redis.RedisLink;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** A node with a {@link TieredCache}. */
final class OurNode extends CacheNode {
    static final Duration MAX_STALENESS = Duration.ofSeconds(2);
    static final String SETTINGS = "TieredCache, both tiers, Codec.string, local TTL 1 h, maxStaleness "
            + MAX_STALENESS.toSeconds() + " s; a RedisLink a node, with a command timeout of "
            + RateLimitOurs.PATIENCE.toSeconds() + " s";

    final RedisLink link;
    final TieredCache<String, String> cache;
    private final Function<String, String> source;

    OurNode(Place place) {
        link = RateLimitOurs.link(place.uri(), RateLimitOurs::patient);
        cache = TieredCache.<String, String>builder(place.cache())
                .local(local -> local.maximumSize(place.localSize()).expireAfterWrite(Duration.ofHours(1)))
                .remote(link, Codec.string(), remote -> remote.expireAfterWrite(Duration.ofHours(2)))
                .maxStaleness(MAX_STALENESS)
                .build();
        source = place.source();
    }

    @Override
    String get(String key) {
        return cache.get(key, source);
    }

    Map<String, String> getAll(Collection<String> keys) {
        return cache.getAll(keys, this::loadAll);
    }

    private Map<String, String> loadAll(List<String> missing) {
        Map<String, String> found = new HashMap<>();
        for (String key : missing) {
            found.put(key, source.apply(key));
        }
        return found;
    }

    @Override
    void invalidate(String key) {
        var unused = cache.invalidate(key);
    }

    @Override
    long read(String[] keys, int from, int to) {
        long sum = 0;
        for (int i = from; i < to; i++) {
            sum += cache.get(keys[i], source).length();
        }
        return sum;
    }

    @Override
    public void close() {
        cache.close();
        link.close();
    }
}
