package dev.tenfold.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.metrics.CommandLatencyRecorder;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Collection;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where connections come from: a Lettuce client, made for the link or handed in. The two implementations are
 * {@link ServerSource}, for a server and for the primary that Sentinel names, and {@link ClusterSource}.
 */
abstract class Source {
    private static final Set<String> SERVER_SCHEMES =
            Set.of("redis", "rediss", "redis+ssl", "redis+tls", "redis-socket", "redis+socket");
    private static final Set<String> SENTINEL_SCHEMES = Set.of("redis-sentinel", "rediss-sentinel");

    /** A name, or an IPv6 address. */
    private static final Pattern HOST = Pattern.compile("[^:@/]+|\\[?[0-9a-fA-F:.]+(%\\w+)?]?");

    private final CompletableFuture<Object> ending = new CompletableFuture<>();

    /** Connects for commands. Blocks. */
    abstract Wire openCommands();

    /** Connects for messages. Blocks. */
    abstract StatefulRedisPubSubConnection<byte[], byte[]> openMessages();

    abstract boolean isCluster();

    /** Ends what the link has made, in about that time, and leaves what it was given. Does not block. */
    abstract CompletableFuture<?> shutdown(Duration atMost);

    /** Where it leads, without credentials, for messages and logs. */
    @Override
    public abstract String toString();

    /** To be called first when shutting down. */
    final void endOpening() {
        ending.complete(true);
    }

    /**
     * Waits for a connection, or until {@link #endOpening}: a client that is shut down may forget what it was asked for.
     *
     * @throws RedisConnectionException if there will be none
     */
    final <C extends StatefulConnection<?, ?>> C opened(CompletionStage<C> opening) {
        CompletableFuture<C> connection = opening.toCompletableFuture();
        try {
            CompletableFuture.anyOf(connection, ending).join();
            if (connection.isDone()) return connection.join();
        } catch (CompletionException e) {
            throw new RedisConnectionException("no connection to " + this, e.getCause());
        }
        var unused = connection.thenCompose(StatefulConnection::closeAsync);
        throw new RedisConnectionException("the link to " + this + " was closed");
    }

    /** Threads for a client of the link's own. */
    static ClientResources resources() {
        return DefaultClientResources.builder()
                .commandLatencyRecorder(CommandLatencyRecorder.disabled())
                .threadFactoryProvider(pool -> new DefaultThreadFactory("tenfold-redis-" + pool, true))
                .build();
    }

    /** Once the client has ended, ends the threads that were made for it. */
    static CompletableFuture<?> shutdownAfter(
            CompletableFuture<?> client, @Nullable ClientResources own, Duration atMost) {
        CompletableFuture<Object> down = new CompletableFuture<>();
        var unused = client.whenComplete((done, failure) -> {
            if (own == null) down.complete(false);
            else own.shutdown(0, atMost.toMillis(), TimeUnit.MILLISECONDS).addListener(end -> down.complete(true));
        });
        return down;
    }

    /**
     * No reconnection by Lettuce: it would send again what was on its way. No time-outs either, which it would take from the
     * URI: the link has its own.
     */
    static void once(ClientOptions.Builder builder) {
        builder.autoReconnect(false)
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.create());
    }

    static SocketOptions sockets(RedisOptions options) {
        return SocketOptions.builder()
                .connectTimeout(options.connectTimeout)
                .keepAlive(true)
                .build();
    }

    /** Reads a URI, and tells what is wrong with it without showing it. */
    static RedisURI parse(String uri, boolean cluster, RedisOptions options) {
        String scheme = uri.substring(0, Math.max(0, uri.indexOf("://")));
        if (!SERVER_SCHEMES.contains(scheme) && (cluster || !SENTINEL_SCHEMES.contains(scheme))) {
            throw unreadable(cluster);
        }
        RedisURI parsed = parsed(uri);
        if (parsed == null || !leadsSomewhere(parsed)) throw unreadable(cluster);
        parsed.setTimeout(options.connectTimeout); // bounds the handshake
        parsed.getSentinels().forEach(sentinel -> sentinel.setTimeout(options.connectTimeout));
        if (parsed.getClientName() == null) parsed.setClientName(options.clientName);
        return parsed;
    }

    private static @Nullable RedisURI parsed(String uri) {
        try {
            return RedisURI.create(uri);
        } catch (RuntimeException quotesTheUri) {
            // Whatever it says goes no further: it may show the password.
            return null;
        }
    }

    /** Lettuce takes a port that is no number for a part of the host's name. */
    private static boolean leadsSomewhere(RedisURI uri) {
        if (uri.getSocket() != null) return true;
        if (!uri.getSentinels().isEmpty()) return uri.getSentinels().stream().allMatch(Source::leadsSomewhere);
        String host = uri.getHost();
        return host != null && HOST.matcher(host).matches();
    }

    private static IllegalArgumentException unreadable(boolean cluster) {
        return new IllegalArgumentException("the URI cannot be read; give redis://host:port or rediss://host:port"
                + (cluster ? "" : ", or redis-sentinel://host:port,host:port/0#name of the primary"));
    }

    /**
     * Fails if none of the nodes accepts a connection. While a cluster is away, Lettuce logs several warnings at each attempt;
     * we ask first, and log once.
     */
    static void requireOneOf(Collection<RedisURI> nodes, RedisOptions options) {
        RedisConnectionException refused = new RedisConnectionException("no node has an address");
        for (RedisURI node : nodes) {
            if (node.getHost() == null) return;
            try (Socket socket = new Socket()) {
                socket.connect(
                        new InetSocketAddress(node.getHost(), node.getPort()), (int) options.connectTimeout.toMillis());
                return;
            } catch (IOException e) {
                refused = new RedisConnectionException(hostAndPort(node) + ": " + e.getMessage(), e);
            }
        }
        throw refused;
    }

    static String address(RedisURI uri) {
        if (uri.getSocket() != null) return "redis-socket://" + uri.getSocket();
        if (uri.getSentinels().isEmpty()) return (uri.isSsl() ? "rediss://" : "redis://") + hostAndPort(uri);
        return "redis-sentinel://"
                + String.join(
                        ",",
                        uri.getSentinels().stream().map(Source::hostAndPort).toList()) + "#"
                + uri.getSentinelMasterId();
    }

    static String hostAndPort(RedisURI uri) {
        return uri.getHost() + ":" + uri.getPort();
    }
}
