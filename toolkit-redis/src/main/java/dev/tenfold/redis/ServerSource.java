package dev.tenfold.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One server, or the primary that Sentinel names: it is asked again for each connection, and so found after a failover. */
final class ServerSource extends Source {
    private final RedisClient client;
    private final @Nullable ClientResources own;
    private final List<RedisURI> sentinels;
    private final RedisOptions options;
    private final String address;

    /** Null for the application's client, which keeps it to itself. */
    private final @Nullable RedisURI uri;

    private ServerSource(
            RedisClient client,
            @Nullable ClientResources own,
            @Nullable RedisURI uri,
            RedisOptions options,
            String address) {
        this.client = client;
        this.own = own;
        this.uri = uri;
        this.sentinels = uri == null ? List.of() : uri.getSentinels();
        this.options = options;
        this.address = address;
    }

    /** A client of our own. Connects to nothing yet. */
    static ServerSource to(String uri, RedisOptions options) {
        RedisURI parsed = parse(uri, false, options);
        ClientOptions.Builder builder = ClientOptions.builder().socketOptions(sockets(options));
        once(builder);
        ClientResources resources = resources();
        RedisClient client = RedisClient.create(resources, parsed);
        client.setOptions(builder.build());
        return new ServerSource(client, resources, parsed, options, address(parsed));
    }

    /** The application's client. */
    static ServerSource of(RedisClient client, RedisOptions options) {
        return new ServerSource(client, null, null, options, "the application's RedisClient");
    }

    @Override
    Wire openCommands() {
        awaitSentinel();
        return new ServerWire(
                uri == null
                        ? client.connect(ByteArrayCodec.INSTANCE)
                        : opened(client.connectAsync(ByteArrayCodec.INSTANCE, uri)));
    }

    @Override
    StatefulRedisPubSubConnection<byte[], byte[]> openMessages() {
        awaitSentinel();
        return uri == null
                ? client.connectPubSub(ByteArrayCodec.INSTANCE)
                : opened(client.connectPubSubAsync(ByteArrayCodec.INSTANCE, uri));
    }

    private void awaitSentinel() {
        if (!sentinels.isEmpty()) requireOneOf(sentinels, options);
    }

    @Override
    boolean isCluster() {
        return false;
    }

    @Override
    CompletableFuture<?> shutdown(Duration atMost) {
        endOpening();
        if (own == null) return CompletableFuture.completedFuture(null);
        return shutdownAfter(client.shutdownAsync(0, atMost.toMillis(), TimeUnit.MILLISECONDS), own, atMost);
    }

    @Override
    public String toString() {
        return address;
    }
}
