package dev.tenfold.cache;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What a node knows of the invalidations of one shard: a slice of the keys, all of them unless Redis is a cluster.
 *
 * <p>Invalidations are numbered without gaps within an epoch. {@link #applied} is the number up to which this node has
 * seen all of them.
 */
final class Shard {
    /*
     * An entry remembers one number, asOf: what was applied before its load. A tag or the whole shard that was invalidated
     * by a later number makes it worthless, whoever stored it and wherever. The number is read locally, so it may lag
     * behind the server's, which makes an entry look older than it is: that costs a load, and never serves a stale value.
     *
     * The numbers of tags are kept while an entry from before can live, and in bounded number. Beyond the bound they are
     * forgotten: then local entries go, and for remote ones the server is asked (`knowsTagsSince`).
     */
    private static final int MOST_TAGS = 100_000;

    final int index;
    final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Long> tagInvalidatedAt = new ConcurrentHashMap<>();

    private boolean closed; // under the lock
    private volatile Era era;

    /** The era before, while its grace lasts; under the lock. */
    private @Nullable Era before;

    private volatile Epoch epoch = Epoch.NONE;
    private volatile long applied;
    private volatile long known;
    private volatile long clearedAt;
    private volatile long knowsTagsSince;

    /** Names a journal; another one after the control keys were lost, as by FLUSHALL. */
    record Epoch(long high, long low) {
        static final Epoch NONE = new Epoch(0, 0);
    }

    Shard(int index, Era era) {
        this.index = index;
        this.era = era;
    }

    Era era() {
        return era;
    }

    Epoch epoch() {
        return epoch;
    }

    long applied() {
        return applied;
    }

    /** All invalidations up to this number had happened when a load that begins now reads: at least what was applied. */
    long known() {
        return known;
    }

    long clearedAt() {
        return clearedAt;
    }

    /** Tags of entries loaded before this number are known to the server alone. */
    long knowsTagsSince() {
        return knowsTagsSince;
    }

    boolean isCurrent(String[] tags, long asOf) {
        for (String tag : tags) {
            Long at = tagInvalidatedAt.get(tag);
            if (at != null && at > asOf) {
                return false;
            }
        }
        return true;
    }

    void underLock(Runnable change) {
        lock.lock();
        try {
            change.run();
        } finally {
            lock.unlock();
        }
    }

    // ---- changes: under the lock ------------------------------------------------------------------------------------

    void applied(long number) {
        known(number);
        applied = number;
    }

    /** An invalidation of that number was acknowledged. */
    void known(Epoch of, long number) {
        if (of.equals(epoch)) {
            known(number);
        }
    }

    void known(long number) {
        known = Math.max(known, number);
    }

    void invalidateTag(String tag, long number, long nowNanos) {
        if (tagInvalidatedAt.size() >= MOST_TAGS && !tagInvalidatedAt.containsKey(tag)) {
            endEra(nowNanos);
            knowsTagsSince = Math.max(number, applied);
            tagInvalidatedAt.clear();
        }
        tagInvalidatedAt.merge(tag, number, Math::max);
    }

    /** Everything loaded before that number is worthless. */
    void clear(long number, long nowNanos) {
        clearedAt = Math.max(clearedAt, number);
        endEra(nowNanos);
    }

    /**
     * Nothing of what is known holds any more: too much of the journal was missed, or there is another one.
     *
     * @param number where the journal stands
     */
    void restart(Epoch newEpoch, long number, long newClearedAt, long nowNanos) {
        restart(newEpoch, number, newClearedAt, nowNanos, number, nowNanos - 1);
    }

    /**
     * Another journal, which is to be applied from its beginning to the entries of the era that ends now: they may be served
     * for a while yet. Once a part of the journal cannot be had, or there is a clear, they go.
     */
    void restartWithGrace(Epoch newEpoch, long number, long newClearedAt, long nowNanos, long graceUntilNanos) {
        restart(newEpoch, number, newClearedAt, nowNanos, 0, graceUntilNanos);
    }

    private void restart(
            Epoch newEpoch, long number, long newClearedAt, long nowNanos, long newApplied, long graceUntilNanos) {
        if (closed) {
            return;
        }
        // The order matters to those who read without the lock: the old era ends first and the new one begins last, and
        // what is known of tags is forgotten only when it is known that it was.
        long alive = era.aliveUntilNanos();
        endGrace(nowNanos);
        era.end(nowNanos, graceUntilNanos);
        before = era;
        boolean isOther = !newEpoch.equals(epoch);
        epoch = newEpoch;
        clearedAt = isOther ? newClearedAt : Math.max(clearedAt, newClearedAt);
        knowsTagsSince = number;
        tagInvalidatedAt.clear();
        known = number;
        applied = newApplied;
        era = new Era(newEpoch, alive);
    }

    /** All local entries are gone for good, and none is stored any more. */
    void close(long nowNanos) {
        closed = true;
        endGrace(nowNanos);
        era.end(nowNanos);
    }

    /** All local entries are gone, in one step. */
    void endEra(long nowNanos) {
        if (closed) {
            return;
        }
        // First the end: whoever sees what comes after it no longer sees the old era's entries alive.
        endGrace(nowNanos);
        Era old = era;
        long alive = old.aliveUntilNanos();
        old.end(nowNanos);
        era = new Era(epoch, alive);
    }

    private void endGrace(long nowNanos) {
        if (before != null) {
            before.end(nowNanos);
            before = null;
        }
    }

    void aliveUntil(long nanos) {
        era.aliveUntil(nanos);
    }

    @Override
    public String toString() {
        return "shard " + index + " at " + applied + " of " + epoch + Arrays.asList(clearedAt, knowsTagsSince);
    }
}
