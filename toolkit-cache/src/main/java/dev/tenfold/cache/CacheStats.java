package dev.tenfold.cache;

import java.util.concurrent.atomic.LongAdder;

/**
 * What a cache did since it was built. Counts, unless said otherwise.
 *
 * @param hits reads answered from this node's memory
 * @param remoteHits reads answered from Redis
 * @param loads calls of loaders that returned, also in the background
 * @param loadFailures calls of loaders that threw
 * @param loadNanos time spent in loaders
 * @param coalesced reads that waited for a load of somebody else on this node
 * @param staleServed reads answered with a value past its time, because the load failed or took long
 * @param refreshes loads begun in the background before a value's time was over
 * @param lateFillsRefused loads whose value was not stored because its key was invalidated meanwhile
 * @param invalidations asked for on this node: keys, tags and clears
 * @param invalidationsReceived from other nodes
 * @param gaps times that messages of other nodes were found missing
 * @param missed messages that were missing, and read from the journal
 * @param localClears times that everything local was forgotten, because more was missed than Redis keeps, or it was emptied
 * @param resent invalidations delivered later, after an outage
 * @param waiting invalidations that wait for Redis now
 * @param remoteFailures reads and writes of Redis that failed, which made the cache load instead
 * @param heartbeatFailures heartbeats without an answer
 * @param codecFailures values that could not be encoded, and bytes that could not be decoded
 * @param localSize entries in this node's memory now, about
 */
public record CacheStats(
        long hits,
        long remoteHits,
        long loads,
        long loadFailures,
        long loadNanos,
        long coalesced,
        long staleServed,
        long refreshes,
        long lateFillsRefused,
        long invalidations,
        long invalidationsReceived,
        long gaps,
        long missed,
        long localClears,
        long resent,
        long waiting,
        long remoteFailures,
        long heartbeatFailures,
        long codecFailures,
        long localSize) {

    /**
     * The share of reads that needed no load of their own.
     *
     * @return 0 to 1; 1 if there was no read
     */
    public double hitRatio() {
        double answered = (double) hits + remoteHits + coalesced;
        double all = answered + loads + loadFailures;
        return all == 0 ? 1 : answered / all;
    }

    /** Counts, safe for use by many threads. */
    static final class Recorder {
        final LongAdder hits = new LongAdder();
        final LongAdder remoteHits = new LongAdder();
        final LongAdder loads = new LongAdder();
        final LongAdder loadFailures = new LongAdder();
        final LongAdder loadNanos = new LongAdder();
        final LongAdder coalesced = new LongAdder();
        final LongAdder staleServed = new LongAdder();
        final LongAdder refreshes = new LongAdder();
        final LongAdder lateFillsRefused = new LongAdder();
        final LongAdder invalidations = new LongAdder();
        final LongAdder invalidationsReceived = new LongAdder();
        final LongAdder gaps = new LongAdder();
        final LongAdder missed = new LongAdder();
        final LongAdder localClears = new LongAdder();
        final LongAdder resent = new LongAdder();
        final LongAdder remoteFailures = new LongAdder();
        final LongAdder heartbeatFailures = new LongAdder();
        final LongAdder codecFailures = new LongAdder();

        CacheStats snapshot(long waiting, long localSize) {
            return new CacheStats(
                    hits.sum(),
                    remoteHits.sum(),
                    loads.sum(),
                    loadFailures.sum(),
                    loadNanos.sum(),
                    coalesced.sum(),
                    staleServed.sum(),
                    refreshes.sum(),
                    lateFillsRefused.sum(),
                    invalidations.sum(),
                    invalidationsReceived.sum(),
                    gaps.sum(),
                    missed.sum(),
                    localClears.sum(),
                    resent.sum(),
                    waiting,
                    remoteFailures.sum(),
                    heartbeatFailures.sum(),
                    codecFailures.sum(),
                    localSize);
        }
    }
}
