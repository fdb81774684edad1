package dev.tenfold.benchmarks;

import java.time.Duration;

/** One process's limiter on Redis. Used by many threads. */
interface RateLimitNode extends AutoCloseable {
    /**
     * Decides about one call that costs one token.
     *
     * @return whether it may go on
     */
    boolean admits(String key) throws Exception;

    /** Also disconnects. */
    @Override
    void close();

    /**
     * What is limited, and where it is counted.
     *
     * @param uri of Redis
     * @param name what keys begin with, so that no two contenders share one
     * @param permits so many per period, and the burst as well
     */
    record Place(String uri, String name, long permits, Duration period) {

        /** For another contender. */
        Place of(String contender) {
            return new Place(uri, name + "-" + contender, permits, period);
        }

        @Override
        public String toString() {
            return permits + " per " + period;
        }
    }
}
