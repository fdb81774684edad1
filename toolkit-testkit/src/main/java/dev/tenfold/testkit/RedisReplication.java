package dev.tenfold.testkit;

import java.time.Duration;

/**
 * A real Redis primary with one replica, for tests of fail-over.
 *
 * <p>The processes come from the same binary as {@link RedisServer}, and end with the JVM. Nothing fails over by itself:
 * kill the {@link #primary()}, then {@link #promote()}. Replication is asynchronous, so what the primary acknowledged last
 * may be missing. Thread-safe. Starting blocks for about a second, until the replica has its first copy.
 */
public final class RedisReplication implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final RedisServer primary;
    private final RedisServer replica;

    private RedisReplication(RedisServer primary, RedisServer replica) {
        this.primary = primary;
        this.replica = replica;
    }

    /**
     * Starts both servers, empty.
     *
     * @return the pair, the replica's link up; close it
     * @throws IllegalStateException if one does not start, or the link is not up within 20 seconds
     */
    public static RedisReplication start() {
        RedisServer primary = RedisServer.start("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0");
        try {
            RedisServer replica = RedisServer.start("--replicaof", primary.host(), Integer.toString(primary.port()));
            RedisReplication pair = new RedisReplication(primary, replica);
            try {
                pair.await("master_link_status", "up");
                return pair;
            } catch (RuntimeException e) {
                replica.close();
                throw e;
            }
        } catch (RuntimeException e) {
            primary.close();
            throw e;
        }
    }

    /**
     * Returns the server that was started as the primary.
     *
     * @return the server that takes writes until a fail-over
     */
    public RedisServer primary() {
        return primary;
    }

    /**
     * Returns the server that was started as the replica.
     *
     * @return the server that takes writes after {@link #promote()}, and only reads before
     */
    public RedisServer replica() {
        return replica;
    }

    /**
     * Makes the replica a primary, and waits until it says so. The old primary is not told: if it lives, both take writes.
     *
     * @throws IllegalStateException if the replica is no primary within 20 seconds
     */
    public void promote() {
        Resp.ask(replica.uri(), "REPLICAOF", "NO", "ONE");
        await("role", "master");
    }

    private void await(String field, String value) {
        if (!Local.await(LIMIT, () -> replica.info("replication", field).equals(value))) {
            throw new IllegalStateException("the replica's " + field + " is " + replica.info("replication", field)
                    + ", not " + value + ", after " + LIMIT);
        }
    }

    /** Kills both servers. Idempotent. */
    @Override
    public void close() {
        replica.close();
        primary.close();
    }
}
