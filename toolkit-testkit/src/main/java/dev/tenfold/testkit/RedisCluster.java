package dev.tenfold.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A real Redis Cluster for tests: three masters that cover all 16,384 slots, no replicas.
 *
 * <p>The processes come from the same binary as {@link RedisServer}, and end with the JVM. A node counts as failed after
 * three seconds of silence, and the whole cluster then refuses commands. Thread-safe. Starting blocks for two to four
 * seconds, while the nodes get to know one another.
 */
public final class RedisCluster implements AutoCloseable {
    private static final int SLOTS = 16_384;
    private static final int NODES = 3;
    private static final Duration FORM_LIMIT = Duration.ofSeconds(30);
    private static final Lazy<RedisCluster> SHARED = new Lazy<>(() -> start(new Nodes(false), false));

    private final Nodes nodes;
    private final boolean closeable;

    /** The processes, and the proxy before each of them, if there are any. */
    private static final class Nodes {
        final List<RedisServer> servers = new ArrayList<>();
        final List<FaultProxy> proxies = new ArrayList<>();
        final boolean proxied;

        Nodes(boolean proxied) {
            this.proxied = proxied;
        }

        void start() {
            AtomicReference<@Nullable FaultProxy> before = new AtomicReference<>();
            servers.add(RedisServer.startNode(port -> {
                List<String> args = new ArrayList<>(List.of("--cluster-enabled", "yes"));
                args.addAll(List.of("--cluster-node-timeout", "3000"));
                if (proxied) {
                    FaultProxy proxy = FaultProxy.to(Local.HOST, port);
                    close(before.getAndSet(proxy)); // of a port that was taken
                    // Clients are sent to the proxy, the other nodes are not.
                    args.addAll(List.of("--cluster-announce-port", Integer.toString(proxy.port())));
                    args.addAll(List.of("--cluster-announce-bus-port", Integer.toString(port + 10_000)));
                }
                return args;
            }));
            FaultProxy proxy = before.get();
            if (proxy != null) proxies.add(proxy);
        }

        void close() {
            proxies.forEach(FaultProxy::close);
            servers.forEach(RedisServer::close);
        }

        private static void close(@Nullable FaultProxy proxy) {
            if (proxy != null) proxy.close();
        }
    }

    private RedisCluster(Nodes nodes, boolean closeable) {
        this.nodes = nodes;
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
        return start(new Nodes(false), true);
    }

    /**
     * Starts a cluster of your own with a {@link FaultProxy} before each node. The nodes announce these to clients; what they
     * tell one another goes past the proxies, so that a fault cuts clients off and the cluster stays well.
     *
     * @return the cluster, all slots served; close it
     * @throws IllegalStateException if a node does not start, or they do not agree within 30 seconds
     */
    public static RedisCluster startBehindProxies() {
        return start(new Nodes(true), true);
    }

    private static RedisCluster start(Nodes nodes, boolean closeable) {
        try {
            List<RedisServer> servers = nodes.servers;
            for (int i = 0; i < NODES; i++) nodes.start();
            for (int i = 0; i < NODES; i++) setUp(servers, i);
            if (!Local.await(FORM_LIMIT, () -> servers.stream().allMatch(RedisCluster::isComplete))) {
                throw new IllegalStateException("the cluster is not complete after " + FORM_LIMIT
                        + "; its first node says: " + Resp.ask(servers.get(0).uri(), "CLUSTER", "INFO"));
            }
            return new RedisCluster(nodes, closeable);
        } catch (RuntimeException e) {
            nodes.close();
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
     * Returns the URIs that clients connect to: those of the nodes, or of the proxies before them.
     *
     * @return three URIs, {@code redis://127.0.0.1:port}
     */
    public List<String> uris() {
        if (!nodes.proxied) return nodes.servers.stream().map(RedisServer::uri).toList();
        return nodes.proxies.stream()
                .map(proxy -> "redis://" + proxy.host() + ":" + proxy.port())
                .toList();
    }

    /**
     * Returns the proxies of {@link #startBehindProxies()}, in the order of the nodes.
     *
     * @return three proxies, or none
     */
    public List<FaultProxy> proxies() {
        return List.copyOf(nodes.proxies);
    }

    /**
     * Returns the nodes, for tests that kill one. A node killed and restarted knows its slots again; its keys are gone. Do
     * not close them, nor kill those of the shared cluster.
     *
     * @return three servers
     */
    public List<RedisServer> nodes() {
        return List.copyOf(nodes.servers);
    }

    /** Kills the nodes of a cluster that {@link #start()} returned. No effect on the shared one. Idempotent. */
    @Override
    public void close() {
        if (closeable) nodes.close();
    }
}
