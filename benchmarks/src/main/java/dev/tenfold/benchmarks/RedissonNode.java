package dev.tenfold.benchmarks;

import java.util.function.Function;
import org.redisson.Redisson;
import org.redisson.api.RLocalCachedMap;
import org.redisson.api.RedissonClient;
import org.redisson.api.map.MapLoader;
import org.redisson.api.options.LocalCachedMapOptions;
import org.redisson.api.options.LocalCachedMapOptions.CacheProvider;
import org.redisson.api.options.LocalCachedMapOptions.EvictionPolicy;
import org.redisson.client.codec.StringCodec;
import org.redisson.config.Config;

/** A node with Redisson's local cached map, which reads through to the source. */
final class RedissonNode extends CacheNode {
    private static final String COMMON = "Redisson " + Versions.of("redisson")
            + " RLocalCachedMap, StringCodec, a MapLoader, no time to live, syncStrategy INVALIDATE, reconnectionStrategy"
            + " NONE (the defaults)";
    static final String SETTINGS = COMMON + "; cacheProvider CAFFEINE, cacheSize, LFU";
    static final String UNBOUNDED_SETTINGS = COMMON
            + "; useObjectAsCacheKey, which it refuses together with a bound by Caffeine: keeps all entries for ever";

    private final RedissonClient client;
    private final RLocalCachedMap<String, String> map;

    private RedissonNode(Place place, LocalCachedMapOptions<String, String> options) {
        client = client(place.uri());
        map = client.getLocalCachedMap(options.codec(StringCodec.INSTANCE).loader(loader(place.source())));
    }

    static RedissonNode bounded(Place place) {
        return new RedissonNode(
                place,
                LocalCachedMapOptions.<String, String>name(place.cache())
                        .cacheProvider(CacheProvider.CAFFEINE)
                        .evictionPolicy(EvictionPolicy.LFU)
                        .cacheSize(place.localSize()));
    }

    static RedissonNode unbounded(Place place) {
        return new RedissonNode(
                place, LocalCachedMapOptions.<String, String>name(place.cache()).useObjectAsCacheKey(true));
    }

    static RedissonClient client(String uri) {
        Config config = new Config();
        config.useSingleServer()
                .setAddress(uri)
                .setConnectionMinimumIdleSize(2); // the rest as needed: they start faster
        return Redisson.create(config);
    }

    private static MapLoader<String, String> loader(Function<String, String> source) {
        return new MapLoader<>() {
            @Override
            public String load(String key) {
                return source.apply(key);
            }

            @Override
            public Iterable<String> loadAllKeys() {
                throw new UnsupportedOperationException("nobody asks for all keys");
            }
        };
    }

    @Override
    String get(String key) {
        String value = map.get(key);
        if (value == null) {
            throw new IllegalStateException("the source has no value of " + key);
        }
        return value;
    }

    @Override
    void invalidate(String key) {
        long unused = map.fastRemove(key);
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
        client.shutdown();
    }
}
