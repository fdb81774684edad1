package dev.tenfold.benchmarks;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.time.Duration;
import java.util.function.Function;

/** A node with Caffeine alone: nobody tells it what other nodes write. */
final class CaffeineNode extends CacheNode {
    static final String SETTINGS =
            "Caffeine " + Versions.of("caffeine") + " alone, maximumSize, expireAfterWrite 1 h, get(key, function)";

    private final Cache<String, String> cache;
    private final Function<String, String> source;

    CaffeineNode(Place place) {
        cache = builder(place).build();
        source = place.source();
    }

    static Caffeine<Object, Object> builder(Place place) {
        return Caffeine.newBuilder().maximumSize(place.localSize()).expireAfterWrite(Duration.ofHours(1));
    }

    @Override
    String get(String key) {
        return cache.get(key, source);
    }

    @Override
    void invalidate(String key) {
        cache.invalidate(key);
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
        cache.invalidateAll();
    }
}
