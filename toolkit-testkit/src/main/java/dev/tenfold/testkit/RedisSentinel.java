package dev.tenfold.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * A real Redis Sentinel for tests: one process that watches a {@link RedisReplication} and, when the primary has been silent
 * for two seconds, makes the replica the primary.
 *
 * <p>Kill the primary, and clients find the new one within some seconds. One Sentinel alone decides, which in production it
 * must not. It comes from the same binary as {@link RedisServer}, and ends with the JVM. Thread-safe.
 */
public final class RedisSentinel implements AutoCloseable {
    private static final String NAME = "primary";
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final RedisServer process;

    private RedisSentinel(RedisServer process) {
        this.process = process;
    }

    /**
     * Starts a Sentinel, and waits until it knows the replica.
     *
     * @param pair what it watches; close it after the Sentinel
     * @return the Sentinel, ready to fail over; close it
     * @throws IllegalStateException if it does not start, or does not find the replica within 20 seconds
     */
    public static RedisSentinel start(RedisReplication pair) {
        RedisServer primary = pair.primary();
        RedisSentinel sentinel = new RedisSentinel(RedisServer.start((port, dir) -> {
            Path file = dir.resolve("sentinel.conf");
            List<String> lines = List.of(
                    "port " + port,
                    "bind " + Local.HOST,
                    "dir " + dir,
                    "pidfile " + dir.resolve("redis.pid"),
                    "sentinel monitor " + NAME + " " + primary.host() + " " + primary.port() + " 1",
                    "sentinel down-after-milliseconds " + NAME + " 2000",
                    "sentinel failover-timeout " + NAME + " 5000");
            try {
                Files.write(file, lines);
            } catch (IOException e) {
                throw new UncheckedIOException("cannot write " + file, e);
            }
            return List.of(file.toString(), "--sentinel");
        }));
        if (!Local.await(LIMIT, sentinel::knowsTheReplica)) {
            String says = Resp.ask(sentinel.process.uri(), "SENTINEL", "MASTER", NAME);
            sentinel.close();
            throw new IllegalStateException(
                    "the Sentinel has not found the replica after " + LIMIT + "; it says: " + says);
        }
        return sentinel;
    }

    private boolean knowsTheReplica() {
        return Resp.ask(process.uri(), "SENTINEL", "MASTER", NAME).contains("num-slaves, 1");
    }

    /**
     * Returns the URI that clients of the primary connect with.
     *
     * @return {@code redis-sentinel://127.0.0.1:port/0#primary}
     */
    public String uri() {
        return "redis-sentinel://" + process.host() + ":" + process.port() + "/0#" + NAME;
    }

    /**
     * Asks the Sentinel which server is the primary.
     *
     * @return its port
     */
    public int primaryPort() {
        String address = Resp.ask(process.uri(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME);
        return Integer.parseInt(address.replaceAll(".*, (\\d+)]", "$1"));
    }

    /** Kills the process. The servers that it watched go on. Idempotent. */
    @Override
    public void close() {
        process.close();
    }
}
