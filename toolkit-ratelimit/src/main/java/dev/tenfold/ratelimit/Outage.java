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
     * Each node goes on with its share of the limit in its own memory, from what it last saw of the key: all nodes that are cut
     * off admit together what the limit allows. Redis does not hear of it afterwards, and what other nodes took since a node
     * last saw the key is not known to it: so each outage may admit a burst more. The default.
     */
    LOCAL
}
