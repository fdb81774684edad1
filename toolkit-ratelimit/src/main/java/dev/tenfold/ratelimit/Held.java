package dev.tenfold.ratelimit;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tokens that were taken from a bucket ahead of use, and may be handed out until they expire. Expiry counts from when the
 * request for them was <em>sent</em>, by this node's clock, so it comes before the bucket has got them all back.
 */
final class Held {
    final long untilNanos;
    /** When the bucket gave them, by the clock of Redis. */
    final long grantedMicros;

    final long lifetimeMicros;
    private final long tokens;
    private long told;
    private final AtomicLong left;
    private final AtomicBoolean askedForMore = new AtomicBoolean();

    Held(long tokens, long untilNanos, long grantedMicros, long lifetimeMicros) {
        this.tokens = tokens;
        this.left = new AtomicLong(tokens);
        this.untilNanos = untilNanos;
        this.grantedMicros = grantedMicros;
        this.lifetimeMicros = lifetimeMicros;
    }

    /** What is left afterwards, or a negative number if there was not enough. */
    long take(long cost) {
        long after = left.addAndGet(-cost);
        if (after < 0) left.addAndGet(cost);
        return after;
    }

    void putBack(long cost) {
        left.addAndGet(cost);
    }

    /** Takes all that is left. */
    long takeAll() {
        while (true) {
            long all = left.get();
            if (all <= 0) return 0; // less than none for a moment, while somebody finds that there is not enough
            if (left.compareAndSet(all, 0)) return all;
        }
    }

    /** Whether to ask for more: true once, when three quarters are gone. */
    boolean isLow(long after) {
        return after < tokens / 4 && !askedForMore.get() && askedForMore.compareAndSet(false, true);
    }

    /** Whether there is something, and it may be handed out. */
    boolean isGood(long nowNanos) {
        return left.get() > 0 && nowNanos - untilNanos < 0;
    }

    /** Tokens that were handed out since this was asked last. For one thread at a time. */
    long usedSinceAsked() {
        long used = tokens - Math.max(0, left.get());
        long since = used - told;
        told = used;
        return since;
    }
}
