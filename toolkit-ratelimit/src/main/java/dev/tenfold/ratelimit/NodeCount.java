package dev.tenfold.ratelimit;

import java.time.Duration;

/**
 * How many nodes share a limit, by what Redis answers to this node's heartbeats. If Redis has forgotten this node, it has
 * forgotten the others too: after an outage that was longer than a node counts without a heartbeat, or when it was emptied.
 * Until they have had the time to come back the number does not fall, or the next outage would find each node with too large
 * a share.
 */
final class NodeCount {
    private final long lifetimeNanos;
    private volatile int count;

    /** It does not fall before; under the monitor. */
    private long keptUntil = System.nanoTime();

    /**
     * @param atFirst what is assumed until Redis answers
     * @param lifetime how long a node counts after a heartbeat
     */
    NodeCount(int atFirst, Duration lifetime) {
        count = atFirst;
        lifetimeNanos = lifetime.toNanos();
    }

    int get() {
        return count;
    }

    /**
     * Redis has answered a heartbeat.
     *
     * @param reply how many nodes there are, this one included; less than nought if it did not know this one
     */
    synchronized void answered(long reply) {
        long now = System.nanoTime();
        if (reply < 0) keptUntil = now + lifetimeNanos;
        int found = Math.toIntExact(Math.abs(reply));
        if (found > count || now - keptUntil >= 0) count = found;
    }
}
