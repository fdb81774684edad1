package dev.tenfold.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisCluster;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A Redis behind proxies that misbehave, and a way round them for the test to look. */
final class Network implements AutoCloseable {
    private final List<String> uris;
    private final List<FaultProxy> proxies;
    private final List<RedisServer> servers;
    private final Runnable stop;
    private final RedisClient client = RedisClient.create();
    private final List<StatefulRedisConnection<byte[], byte[]>> direct = new ArrayList<>();

    private Network(List<String> uris, List<FaultProxy> proxies, List<RedisServer> servers, Runnable stop) {
        this.uris = uris;
        this.proxies = proxies;
        this.servers = servers;
        this.stop = stop;
        for (RedisServer server : servers) {
            direct.add(client.connect(ByteArrayCodec.INSTANCE, RedisURI.create(server.uri())));
        }
    }

    static Network ofServer() {
        RedisServer server = RedisServer.start("--lua-time-limit", "100");
        FaultProxy proxy = FaultProxy.to(server.host(), server.port());
        return new Network(
                List.of("redis://" + proxy.host() + ":" + proxy.port()),
                List.of(proxy),
                List.of(server),
                server::close);
    }

    static Network ofCluster() {
        RedisCluster cluster = RedisCluster.startBehindProxies();
        return new Network(cluster.uris(), cluster.proxies(), cluster.nodes(), cluster::close);
    }

    /** Other connections to the same servers. */
    Network anotherWay() {
        return new Network(uris, List.of(), servers, () -> {});
    }

    /** What clients connect to. */
    List<String> uris() {
        return uris;
    }

    List<FaultProxy> proxies() {
        return proxies;
    }

    List<RedisServer> servers() {
        return servers;
    }

    void cut() {
        proxies.forEach(FaultProxy::cut);
    }

    void halfOpen() {
        proxies.forEach(FaultProxy::halfOpen);
    }

    void delay(Duration roundTrip) {
        proxies.forEach(proxy -> proxy.delay(roundTrip));
    }

    void heal() {
        delay(Duration.ZERO);
        proxies.forEach(FaultProxy::resume);
    }

    /** Asks past the proxies: the server that has the key. */
    <T> T direct(Function<RedisCommands<byte[], byte[]>, T> command) {
        RedisCommandExecutionException moved = new RedisCommandExecutionException("no server");
        for (StatefulRedisConnection<byte[], byte[]> connection : direct) {
            try {
                return command.apply(connection.sync());
            } catch (RedisCommandExecutionException e) {
                if (!String.valueOf(e.getMessage()).startsWith("MOVED")) throw e;
                moved = e;
            }
        }
        throw moved;
    }

    @Nullable
    String get(String key) {
        byte[] value = direct(redis -> redis.get(bytes(key)));
        return value == null ? null : text(value);
    }

    /** Does something on every server, past the proxies. */
    void each(Consumer<RedisCommands<byte[], byte[]>> command) {
        direct.forEach(connection -> command.accept(connection.sync()));
    }

    /** How many connections the servers have accepted so far. */
    long accepted() {
        AtomicLong sum = new AtomicLong();
        each(redis -> redis.info("stats")
                .lines()
                .filter(line -> line.startsWith("total_connections_received:"))
                .forEach(line -> sum.addAndGet(
                        Long.parseLong(line.substring(line.indexOf(':') + 1).strip()))));
        return sum.get();
    }

    /** What the servers say of their clients, but for the test's own connections. */
    String clients() {
        StringBuilder all = new StringBuilder();
        each(redis ->
                redis.clientList().lines().forEach(line -> all.append("\n").append(line)));

        return all.toString();
    }

    static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, UTF_8);
    }

    @Override
    public void close() {
        client.shutdown();
        proxies.forEach(FaultProxy::close);
        stop.run();
    }
}
