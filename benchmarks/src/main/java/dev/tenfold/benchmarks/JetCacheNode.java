package dev.tenfold.benchmarks;

import com.alicp.jetcache.Cache;
import com.alicp.jetcache.CacheBuilder;
import com.alicp.jetcache.SimpleCacheManager;
import com.alicp.jetcache.anno.CacheType;
import com.alicp.jetcache.embedded.CaffeineCacheBuilder;
import com.alicp.jetcache.redis.lettuce.JetCacheCodec;
import com.alicp.jetcache.redis.lettuce.RedisLettuceCacheBuilder;
import com.alicp.jetcache.support.Fastjson2KeyConvertor;
import com.alicp.jetcache.support.Kryo5ValueDecoder;
import com.alicp.jetcache.support.Kryo5ValueEncoder;
import com.alicp.jetcache.template.CacheBuilderTemplate;
import com.alicp.jetcache.template.NotifyMonitorInstaller;
import com.alicp.jetcache.template.QuickConfig;
import io.lettuce.core.RedisClient;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A node with JetCache's two levels. */
final class JetCacheNode extends CacheNode {
    static final String SETTINGS = "JetCache " + Versions.of("jetcache")
            + " on Lettuce, Caffeine as its local level, Fastjson2 keys, Kryo5 values, syncLocal, penetrationProtect, TTL 1 h,"
            + " no statistics";

    private static final String AREA = "default";

    private final RedisClient client;
    private final SimpleCacheManager manager = new SimpleCacheManager();
    private final Cache<String, String> cache;
    private final Function<String, String> source;

    JetCacheNode(Place place) {
        this(place, CacheType.BOTH);
    }

    JetCacheNode(Place place, CacheType type) {
        source = place.source();
        client = RedisClient.create(place.uri());
        CacheBuilder local = CaffeineCacheBuilder.createCaffeineCacheBuilder()
                .limit(place.localSize())
                .expireAfterWrite(1, TimeUnit.HOURS)
                .keyConvertor(Fastjson2KeyConvertor.INSTANCE);
        CacheBuilder remote = RedisLettuceCacheBuilder.createRedisLettuceCacheBuilder()
                .redisClient(client)
                .pubSubConnection(subscriber(client))
                .broadcastChannel(place.cache())
                .expireAfterWrite(1, TimeUnit.HOURS)
                .keyConvertor(Fastjson2KeyConvertor.INSTANCE)
                .valueEncoder(Kryo5ValueEncoder.INSTANCE)
                .valueDecoder(Kryo5ValueDecoder.INSTANCE);
        CacheBuilderTemplate template = template(Map.of(AREA, local), Map.of(AREA, remote));
        template.getCacheMonitorInstallers().add(new NotifyMonitorInstaller(area -> template.getCacheBuilder(1, area)));
        manager.setCacheBuilderTemplate(template);
        cache = manager.getOrCreateCache(QuickConfig.newBuilder(AREA, place.cache())
                .cacheType(type)
                .localLimit(place.localSize())
                .expire(Duration.ofHours(1))
                .syncLocal(type == CacheType.BOTH)
                .penetrationProtect(true)
                .build());
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // its codec is raw
    private static StatefulRedisPubSubConnection subscriber(RedisClient client) {
        return client.connectPubSub(new JetCacheCodec());
    }

    @SuppressWarnings("unchecked") // an array of its own generic type is what the constructor asks for
    private static CacheBuilderTemplate template(Map<String, CacheBuilder> local, Map<String, CacheBuilder> remote) {
        return new CacheBuilderTemplate(true, local, remote);
    }

    @Override
    String get(String key) {
        return cache.computeIfAbsent(key, source);
    }

    Map<String, String> getAll(Set<String> keys) {
        return cache.getAll(keys);
    }

    @Override
    void invalidate(String key) {
        boolean unused = cache.remove(key);
    }

    @Override
    long read(String[] keys, int from, int to) {
        long sum = 0;
        for (int i = from; i < to; i++) {
            sum += cache.computeIfAbsent(keys[i], source).length();
        }
        return sum;
    }

    @Override
    public void close() {
        manager.close();
        client.shutdown(0, 2, TimeUnit.SECONDS);
    }
}
