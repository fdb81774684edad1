package dev.tenfold.benchmarks;

import java.util.function.Function;
import org.springframework.cache.Cache;
import org.springframework.cache.caffeine.CaffeineCache;

/** A node with Spring's cache abstraction on Caffeine, called directly: the annotation's proxy would come on top. */
final class SpringNode extends CacheNode {
    static final String SETTINGS = "Spring " + Versions.of("spring")
            + " CaffeineCache on that Caffeine, get(key, callable), as @Cacheable(sync = true) calls it, without its proxy";

    private final Cache cache;
    private final Function<String, String> source;

    SpringNode(Place place) {
        cache = new CaffeineCache(place.cache(), CaffeineNode.builder(place).<Object, Object>build(), false);
        source = place.source();
    }

    @Override
    String get(String key) {
        String value = cache.get(key, () -> source.apply(key));
        if (value == null) {
            throw new IllegalStateException("the source has no value of " + key);
        }
        return value;
    }

    @Override
    void invalidate(String key) {
        cache.evict(key);
    }

    @Override
    long read(String[] keys, int from, int to) {
        long sum = 0;
        for (int i = from; i < to; i++) {
            sum += get(keys[i]).length();
        }
        return sum;
    }

    @Override
    public void close() {
        cache.clear();
    }
}
