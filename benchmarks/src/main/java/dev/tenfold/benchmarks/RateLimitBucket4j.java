package dev.tenfold.benchmarks;

import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.distributed.BucketProxy;
import io.github.bucket4j.distributed.ExpirationAfterWriteStrategy;
import io.github.bucket4j.distributed.proxy.ProxyManager;
import io.github.bucket4j.distributed.proxy.optimization.Optimization;
import io.github.bucket4j.distributed.proxy.optimization.Optimizations;
import io.github.bucket4j.redis.lettuce.Bucket4jLettuce;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** A node with Bucket4j, by compare and swap through Lettuce. */
final class RateLimitBucket4j implements RateLimitNode {
    static final String SETTINGS = "Bucket4j " + Versions.of("bucket4j")
            + " with Lettuce, casBasedBuilder, expiry basedOnTimeForRefillingBucketUpToMax(10 s), greedy refill; proxies are"
            + " kept, tryConsumeAndReturnRemaining(1); one connection";
    static final String BATCHING_SETTINGS = "the same with Optimizations.batching(), all threads sharing a key's proxy";

    private final RedisClient client;
    private final StatefulRedisConnection<String, byte[]> connection;
    private final ProxyManager<String> manager;
    private final Optimization optimization;
    private final BucketConfiguration configuration;
    private final String prefix;
    private final Map<String, BucketProxy> proxies = new ConcurrentHashMap<>();

    private RateLimitBucket4j(Place place, Optimization optimization) {
        client = RedisClient.create(place.uri());
        connection = client.connect(RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE));
        manager = Bucket4jLettuce.casBasedBuilder(connection)
                .expirationAfterWrite(
                        ExpirationAfterWriteStrategy.basedOnTimeForRefillingBucketUpToMax(Duration.ofSeconds(10)))
                .build();
        this.optimization = optimization;
        configuration = BucketConfiguration.builder()
                .addLimit(limit -> limit.capacity(place.permits()).refillGreedy(place.permits(), place.period()))
                .build();
        prefix = place.name() + ":";
    }

    static RateLimitBucket4j plain(Place place) {
        return new RateLimitBucket4j(place, Optimization.NONE_OPTIMIZED);
    }

    static RateLimitBucket4j batching(Place place) {
        return new RateLimitBucket4j(place, Optimizations.batching());
    }

    @Override
    public boolean admits(String key) {
        BucketProxy proxy = proxies.get(key);
        if (proxy == null) {
            proxy = proxies.computeIfAbsent(key, this::proxy);
        }
        return proxy.tryConsumeAndReturnRemaining(1).isConsumed();
    }

    private BucketProxy proxy(String key) {
        return manager.builder().withOptimization(optimization).build(prefix + key, () -> configuration);
    }

    @Override
    public void close() {
        connection.close();
        client.shutdown(0, 2, TimeUnit.SECONDS);
    }
}
