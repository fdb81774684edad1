package dev.tenfold.redis;

import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections to the masters of a cluster. Lettuce makes one when a key first needs it, and keeps it in its pool even
 * when it has broken. So when one breaks, all are replaced: the new ones are made first, and the old ones get the time of one
 * command to end what the healthy nodes are doing.
 *
 * <p>Since the client does not reconnect, Lettuce fails what was on its way to the broken node, and sends nothing again.
 */
final class ClusterWire extends Wire {
    private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);

    private static final long REFRESH_PAUSE = TimeUnit.SECONDS.toNanos(2);

    private final RedisClusterClient client;
    private final StatefulRedisClusterConnection<byte[], byte[]> connection;
    private final Deadlines deadlines;
    private final Set<StatefulRedisConnection<byte[], byte[]>> watched = ConcurrentHashMap.newKeySet();
    private final AtomicLong refreshed = new AtomicLong(System.nanoTime() - REFRESH_PAUSE);

    ClusterWire(
            RedisClusterClient client, StatefulRedisClusterConnection<byte[], byte[]> connection, Deadlines deadlines) {
        super(connection);
        this.client = client;
        this.connection = connection;
        this.deadlines = deadlines;
    }

    @Override
    RedisClusterAsyncCommands<byte[], byte[]> commands() {
        return connection.async();
    }

    @Override
    CompletionStage<?> ping() {
        return anyNode().ping();
    }

    /** The connection for what has no key, or, if that has broken, to a node. */
    private RedisClusterAsyncCommands<byte[], byte[]> anyNode() {
        if (!connection.isOpen()) {
            for (StatefulRedisConnection<byte[], byte[]> node : watched) {
                if (node.isOpen()) return node.async();
            }
        }
        return connection.async();
    }

    /** Every node answers PING; whether it serves its slots depends on what it thinks of the others. */
    @Override
    CompletionStage<?> probe() {
        return anyNode().clusterInfo().handle(ClusterWire::serves);
    }

    private static boolean serves(@Nullable String info, @Nullable Throwable failure) {
        if (failure == null) {
            if (info != null && info.contains("cluster_state:ok")) return true;
            throw new RedisCommandExecutionException("CLUSTERDOWN the cluster's state is not ok");
        }
        Fault fault = Fault.of(failure, true);
        // A user without the right to ask is no reason to stay down.
        if (fault.kind() == Fault.Kind.CALLER) return true;
        throw new CompletionException(fault.error());
    }

    @Override
    boolean survivesLoss() {
        return true;
    }

    /** The connection for what has no key. The others go on. */
    @Override
    void lost() {
        wornOut();
    }

    /** Connects to every master that there is no connection to, and asks those that may be gone for a sign of life. */
    @Override
    CompletableFuture<?> sweep(boolean doubtful) {
        List<CompletableFuture<?>> nodes = new ArrayList<>();
        for (RedisClusterNode node : List.copyOf(client.getPartitions())) {
            if (node.getRole().isUpstream() && !node.hasNoSlots() && isOpen()) nodes.add(sweep(node, doubtful));
        }
        return CompletableFuture.allOf(nodes.toArray(CompletableFuture<?>[]::new));
    }

    private CompletableFuture<?> sweep(RedisClusterNode node, boolean doubtful) {
        try {
            return connection
                    .getConnectionAsync(node.getUri().getHost(), node.getUri().getPort())
                    .handle((found, failure) -> {
                        if (failure == null) watch(found, doubtful);
                        else missing(node, failure);
                        return true;
                    });
        } catch (RuntimeException goneMeanwhile) {
            missing(node, goneMeanwhile);
            return CompletableFuture.completedFuture(false);
        }
    }

    private void watch(StatefulRedisConnection<byte[], byte[]> node, boolean doubtful) {
        if (watched.add(node)) node.addListener(new Loss(this::wornOut));
        if (!node.isOpen()) {
            wornOut();
        } else if (doubtful) {
            Pending.of(node.async().ping(), deadlines, "no answer to PING").onEnd((pong, failure) -> {
                if (failure != null && !Fault.of(failure, true).isReply()) wornOut();
            });
        }
    }

    /** The node may be gone for good, and another have its slots. */
    private void missing(RedisClusterNode node, Throwable failure) {
        LOG.debug("Redis Cluster's node {} cannot be reached", node.getNodeId(), failure);
        long now = System.nanoTime();
        long last = refreshed.get();
        if (isOpen() && now - last > REFRESH_PAUSE && refreshed.compareAndSet(last, now)) {
            var unused = client.refreshPartitionsAsync().whenComplete((done, refused) -> {
                if (refused != null) LOG.debug("cannot read the cluster's topology", refused);
            });
        }
    }
}
