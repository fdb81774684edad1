package dev.tenfold.cache;

/**
 * How long the local entries of one shard may be served, as far as is known now. An entry points to the era that it was
 * stored in; a clear ends the era, and with it all its entries at once, also those that are being stored right now. An era
 * that ends because Redis has lost its memory may be given a grace, so that not everything is loaded at the same moment.
 */
final class Era {
    /** Entries are served while the nano clock is before this. Written under the shard's lock, read on every hit. */
    private volatile long aliveUntilNanos;

    private volatile boolean over;

    /** Once it is over: until when its entries may be served while they are loaded anew. */
    private volatile long graceUntilNanos;

    /** The journal that numbers the invalidations of this era. */
    final Shard.Epoch epoch;

    Era(Shard.Epoch epoch, long aliveUntilNanos) {
        this.epoch = epoch;
        this.aliveUntilNanos = aliveUntilNanos;
    }

    boolean isAliveAt(long nanos) {
        return nanos - aliveUntilNanos < 0;
    }

    /** Whether it was ended: nothing is stored in it any more, and its entries are not even fallbacks. */
    boolean isOver() {
        return over;
    }

    /** Whether it is over, and its entries may be served for a while yet. */
    boolean isInGraceAt(long nanos) {
        return over && nanos - graceUntilNanos < 0;
    }

    long aliveUntilNanos() {
        return aliveUntilNanos;
    }

    void aliveUntil(long nanos) {
        if (!over) {
            aliveUntilNanos = nanos;
        }
    }

    /** Also ends a grace. */
    void end(long nowNanos) {
        end(nowNanos, nowNanos - 1);
    }

    void end(long nowNanos, long newGraceUntilNanos) {
        graceUntilNanos = newGraceUntilNanos;
        over = true;
        aliveUntilNanos = nowNanos - 1;
    }
}
