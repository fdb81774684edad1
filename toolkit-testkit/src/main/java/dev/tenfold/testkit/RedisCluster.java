package dev.tenfold.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A real Redis Cluster for tests: three masters that cover all 16,384 slots, no replicas.
 *
 * <p>The processes come from the same binary as {@link RedisServer}, and end with the JVM. A node counts as failed after
 * two seconds of silence, and the whole cluster then refuses commands. Thread-safe. Starting blocks for two to four
 * seconds, while the nodes get to know one another.
 */
public final class RedisCluster implements AutoCloseable {
    private static final int SLOTS = 16_384;
    private static final int NODES = 3;
    private static final Duration FORM_LIMIT = Duration.ofSeconds(30);
    private static final Lazy<RedisCluster> SHARED = new Lazy<>(() -> start(false));

    private final List<RedisServer> nodes;
    private final boolean closeable;

    private RedisCluster(List<RedisServer> nodes, boolean closeable) {
        this.nodes = List.copyOf(nodes);
        this.closeable = closeable;
    }

    /**
     * Returns the JVM's cluster, and starts it at the first call. {@link #close()} has no effect on it.
     *
     * @return the cluster, all slots served
     * @throws IllegalStateException if it does not start
     */
    public static RedisCluster shared() {
        return SHARED.get();
    }

    /**
     * Starts a cluster of your own, empty.
     *
     * @return the cluster, all slots served; close it
     * @throws IllegalStateException if a node does not start, or they do not agree within 30 seconds
     */
    public static RedisCluster start() {
        return start(true);
    }

    private static RedisCluster start(boolean closeable) {
        List<RedisServer> nodes = new ArrayList<>();
        try {
            for (int i = 0; i < NODES; i++) {
                nodes.add(RedisServer.startNode("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"));
            }
            for (int i = 0; i < NODES; i++) setUp(nodes, i);
            if (!Local.await(FORM_LIMIT, () -> nodes.stream().allMatch(RedisCluster::isComplete))) {
                throw new IllegalStateException("the cluster is not complete after " + FORM_LIMIT
                        + "; its first node says: " + Resp.ask(nodes.get(0).uri(), "CLUSTER", "INFO"));
            }
            return new RedisCluster(nodes, closeable);
        } catch (RuntimeException e) {
            nodes.forEach(RedisServer::close);
            throw e;
        }
    }

    private static void setUp(List<RedisServer> nodes, int i) {
        RedisServer first = nodes.get(0);
        try (Resp node = Resp.connect(nodes.get(i).uri())) {
            node.call("CLUSTER", "SET-CONFIG-EPOCH", Integer.toString(i + 1));
            node.call(IntStream.range(-2, SLOTS)
                    .filter(slot -> slot < 0 || slot * NODES / SLOTS == i)
                    .mapToObj(slot -> slot == -2 ? "CLUSTER" : slot == -1 ? "ADDSLOTS" : Integer.toString(slot))
                    .toArray(String[]::new));
            if (i > 0) node.call("CLUSTER", "MEET", first.host(), Integer.toString(first.port()));
        } catch (IOException e) {
            throw new UncheckedIOException("node " + nodes.get(i).uri() + " does not answer", e);
        }
    }

    private static boolean isComplete(RedisServer node) {
        List<String> info = Resp.ask(node.uri(), "CLUSTER", "INFO").lines().toList();
        return info.contains("cluster_state:ok")
                && info.contains("cluster_slots_ok:" + SLOTS)
                && info.contains("cluster_known_nodes:" + NODES);
    }

    /**
     * Returns the URIs of the nodes.
     *
     * @return three URIs, {@code redis://127.0.0.1:port}
     */
    public List<String> uris() {
        return nodes.stream().map(RedisServer::uri).toList();
    }

    /**
     * Returns the nodes, for tests that kill one. A node killed and restarted knows its slots again; its keys are gone. Do
     * not close them, nor kill those of the shared cluster.
     *
     * @return three servers
     */
    public List<RedisServer> nodes() {
        return nodes;
    }

    /** Kills the nodes of a cluster that {@link #start()} returned. No effect on the shared one. Idempotent. */
    @Override
    public void close() {
        if (closeable) nodes.forEach(RedisServer::close);
    }
}
