package dev.tenfold.redis;

import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One time of being up: the connection that commands go to, and the failures in a row on it. A failure of an earlier session
 * that comes late counts for nothing. Safe for use by many threads.
 */
final class Session {
    final Wire wire;
    final RedisClusterAsyncCommands<byte[], byte[]> commands;
    private final AtomicInteger failuresInARow = new AtomicInteger();
    private final AtomicBoolean inquiring = new AtomicBoolean();
    private volatile boolean heard = true;
    private volatile boolean late;

    Session(Wire wire) {
        this.wire = wire;
        this.commands = wire.commands();
    }

    /** The server has answered. On the hot path: two reads, and a write only when there is something to change. */
    void answered() {
        if (!heard) heard = true;
        if (failuresInARow.get() != 0) failuresInARow.set(0);
    }

    /** A failure that says something about the server. Returns how many there were in a row. */
    int failed(Fault fault) {
        if (fault.kind() == Fault.Kind.TIMEOUT) late = true;
        return failuresInARow.incrementAndGet();
    }

    /** False if one is under way. */
    boolean beginInquiry() {
        return inquiring.compareAndSet(false, true);
    }

    void endInquiry() {
        inquiring.set(false);
    }

    /** Whether there is reason to ask for a sign of life: silence, or a reply that was late, since the last time. */
    boolean isDoubtful() {
        boolean doubtful = !heard || late;
        heard = false;
        late = false;
        return doubtful;
    }
}
