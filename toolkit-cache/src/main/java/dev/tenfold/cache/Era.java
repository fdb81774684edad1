package dev.tenfold.cache;

/**
 * How long the local entries of one shard may be served, as far as is known now. An entry points to the era that it was
 * stored in; a clear ends the era, and with it all its entries at once, also those that are being stored right now.
 */
final class Era {
    /** Entries are served while the nano clock is before this. Written under the shard's lock, read on every hit. */
    private volatile long aliveUntilNanos;

    private volatile boolean over;

    /** The journal that numbers the invalidations of this era. */
    final Shard.Epoch epoch;

    Era(Shard.Epoch epoch, long aliveUntilNanos) {
        this.epoch = epoch;
        this.aliveUntilNanos = aliveUntilNanos;
    }

    boolean isAliveAt(long nanos) {
        return nanos - aliveUntilNanos < 0;
    }

    /** Whether a clear ended it; an entry of such an era is not even a fallback. */
    boolean isOver() {
        return over;
    }

    long aliveUntilNanos() {
        return aliveUntilNanos;
    }

    void aliveUntil(long nanos) {
        if (!over) {
            aliveUntilNanos = nanos;
        }
    }

    void end(long nowNanos) {
        over = true;
        aliveUntilNanos = nowNanos - 1;
    }
}
