package dev.tenfold.ratelimit;

/**
 * Hears of calls that were refused, by any kind of decision. It runs on the thread that called the limiter, or on an I/O
 * thread for {@code acquireAsync}, so it must not block; under an attack it is called for every refused call. What it throws is
 * logged and changes nothing.
 */
@FunctionalInterface
public interface RateLimitListener {
    /** Does nothing. */
    RateLimitListener NONE = (decision, key) -> {};

    /**
     * A call was refused.
     *
     * @param decision why
     * @param key as it was given; maybe personal data, so think before it goes into a log
     */
    void refused(Decision decision, Key key);
}
