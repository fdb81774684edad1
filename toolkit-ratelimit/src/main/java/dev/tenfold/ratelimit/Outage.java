package dev.tenfold.ratelimit;

/**
 * What a {@link Policy}, or a {@link ConcurrencyLimiter} on Redis, decides while Redis does not answer. Callers never wait for an
 * outage, and get no exception.
 */
public enum Outage {
    /** Admits everything. For limits that only smooth load. */
    OPEN,

    /** Refuses everything, with a {@link Decision#retryAfter()} of a second. For logins, one-time passwords, payments. */
    CLOSED,

    /**
     * Each node goes on with its share of the limit in its own memory, from what it last saw of the key: all nodes together
     * admit what the limit allows. The default.
     */
    LOCAL
}
