package dev.tenfold.redis;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The pauses between attempts to connect: none, then doubling from 20 ms up to a cap, half of each random, so that the nodes
 * of a service that lost the same server do not come back in step. For one thread at a time.
 */
final class Backoff {
    private static final long FIRST = Duration.ofMillis(20).toNanos();

    private final long longest;
    private long pause;

    Backoff(Duration longest) {
        this.longest = longest.toNanos();
    }

    /** Nanoseconds to wait before the next attempt. */
    long next() {
        long now = pause;
        pause = Math.min(longest, now == 0 ? FIRST : now * 2);
        return now == 0 ? 0 : now / 2 + ThreadLocalRandom.current().nextLong(now / 2 + 1);
    }

    /** An attempt has succeeded. */
    void reset() {
        pause = 0;
    }
}
