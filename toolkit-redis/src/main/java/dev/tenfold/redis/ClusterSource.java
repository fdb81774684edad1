package dev.tenfold.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisURI;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A cluster. A client of the application's is asked for its nodes, options and threads, and a second client is made of
 * these: connections of the first one to single nodes would reconnect by themselves, and send again what was on its way.
 */
final class ClusterSource extends Source {
    private static final Duration TOPOLOGY_PERIOD = Duration.ofSeconds(30);
    private static final Duration TOPOLOGY_PAUSE = Duration.ofSeconds(1);

    private final Deadlines deadlines;
    private final RedisOptions options;
    private final String address;
    private final @Nullable ClientResources own;
    private final @Nullable RedisClusterClient application;
    private final AtomicReference<@Nullable RedisClusterClient> client;
    /** Where to look for the cluster: the URIs given, or the nodes that the application's client knew. */
    private volatile List<RedisURI> nodes;

    private volatile boolean connected;
    private volatile boolean closed;

    private ClusterSource(
            Deadlines deadlines,
            RedisOptions options,
            String address,
            List<RedisURI> nodes,
            @Nullable ClientResources own,
            @Nullable RedisClusterClient client,
            @Nullable RedisClusterClient application) {
        this.deadlines = deadlines;
        this.options = options;
        this.address = address;
        this.nodes = nodes;
        this.own = own;
        this.client = new AtomicReference<>(client);
        this.application = application;
    }

    /** A client of our own. Connects to nothing yet. */
    @SuppressWarnings("deprecation") // Lettuce 6 watches for changes only if told to, Lettuce 7 by itself
    static ClusterSource to(Collection<String> uris, RedisOptions options, Deadlines deadlines) {
        List<RedisURI> parsed =
                uris.stream().map(uri -> parse(uri, true, options)).toList();
        if (parsed.isEmpty()) {
            throw new IllegalArgumentException("no URI of a cluster's node; give one or more redis://host:port");
        }
        ClusterClientOptions.Builder builder = ClusterClientOptions.builder()
                .socketOptions(sockets(options))
                .topologyRefreshOptions(ClusterTopologyRefreshOptions.builder()
                        .enablePeriodicRefresh(TOPOLOGY_PERIOD)
                        .enableAllAdaptiveRefreshTriggers()
                        .adaptiveRefreshTriggersTimeout(TOPOLOGY_PAUSE)
                        .build());
        once(builder);
        ClientResources resources = resources();
        RedisClusterClient client = RedisClusterClient.create(resources, parsed);
        client.setOptions(builder.build());
        String address =
                parsed.stream().map(Source::hostAndPort).collect(Collectors.joining(",", "redis cluster ", ""));
        return new ClusterSource(deadlines, options, address, parsed, resources, client, null);
    }

    /** A client beside the application's, once that knows its nodes. */
    static ClusterSource of(RedisClusterClient application, RedisOptions options, Deadlines deadlines) {
        return new ClusterSource(
                deadlines, options, "the application's RedisClusterClient", List.of(), null, null, application);
    }

    /** Blocks as long as the application's client needs to find its nodes. */
    private RedisClusterClient client() {
        RedisClusterClient made = client.get();
        if (made != null) return made;
        RedisClusterClient fresh = beside(Objects.requireNonNull(application, "one of the two clients is there"));
        fresh.addListener(new LateConnections());
        if (!client.compareAndSet(null, fresh)) {
            var unused = fresh.shutdownAsync(0, 0, TimeUnit.MILLISECONDS);
        } else if (closed) {
            var unused = fresh.shutdownAsync(0, 0, TimeUnit.MILLISECONDS);
            throw new IllegalStateException("the link is closed");
        }
        return Objects.requireNonNull(client.get());
    }

    /**
     * Closes what is connected after the end. Lettuce forgets a connection to a node that is asked for just as its pool is
     * closed; threads that are the application's would keep it for ever.
     */
    private final class LateConnections implements RedisConnectionStateListener {
        @Override
        public void onRedisConnected(RedisChannelHandler<?, ?> connection, SocketAddress address) {
            if (closed) {
                var unused = connection.closeAsync();
            }
        }
    }

    private RedisClusterClient beside(RedisClusterClient theirs) {
        List<RedisURI> known = new ArrayList<>();
        for (RedisClusterNode node : theirs.getPartitions()) {
            RedisURI uri = RedisURI.builder(node.getUri())
                    .withTimeout(options.connectTimeout)
                    .build();
            if (uri.getClientName() == null) uri.setClientName(options.clientName);
            known.add(uri);
        }
        ClientOptions theirOptions = theirs.getOptions();
        ClusterClientOptions.Builder builder = theirOptions instanceof ClusterClientOptions cluster
                ? cluster.mutate()
                : ClusterClientOptions.builder(theirOptions);
        once(builder);
        RedisClusterClient ours = RedisClusterClient.create(theirs.getResources(), known);
        ours.setOptions(builder.build());
        nodes = known;
        return ours;
    }

    private RedisClusterClient reachableClient() {
        RedisClusterClient current = client();
        List<RedisURI> known = new ArrayList<>();
        if (connected) current.getPartitions().forEach(node -> known.add(node.getUri()));
        known.addAll(nodes); // in the course of time, none of these may be left
        requireOneOf(known, options);
        var unused = current.getPartitions(); // asks the cluster, the first time
        return current;
    }

    @Override
    Wire openCommands() {
        RedisClusterClient current = reachableClient();
        ClusterWire wire = new ClusterWire(current, opened(current.connectAsync(ByteArrayCodec.INSTANCE)), deadlines);
        connected = true;
        return wire;
    }

    @Override
    StatefulRedisPubSubConnection<byte[], byte[]> openMessages() {
        return opened(reachableClient().connectPubSubAsync(ByteArrayCodec.INSTANCE));
    }

    @Override
    boolean isCluster() {
        return true;
    }

    @Override
    CompletableFuture<?> shutdown(Duration atMost) {
        closed = true; // first: a client made meanwhile is ended by who made it
        endOpening();
        RedisClusterClient ended = client.get();
        CompletableFuture<?> clientDown = ended == null
                ? CompletableFuture.completedFuture(null)
                : ended.shutdownAsync(0, atMost.toMillis(), TimeUnit.MILLISECONDS);
        return shutdownAfter(clientDown, own, atMost);
    }

    @Override
    public String toString() {
        return address;
    }
}
