package dev.tenfold.benchmarks;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import java.time.Duration;

/**
 * How long contenders are measured.
 *
 * @param warmUp of each contender, not counted
 * @param measured all rounds of one comparison together; a slow contender makes for fewer rounds, not for a longer run
 * @param slice of one contender in one round; at least one request
 */
record Effort(Duration warmUp, Duration measured, Duration slice) {

    /** For requests of microseconds, in memory. */
    static Effort inMemory(boolean quick) {
        return quick
                ? new Effort(ofSeconds(2), ofSeconds(16), ofMillis(5))
                : new Effort(ofSeconds(5), ofSeconds(60), ofMillis(5));
    }

    /** For requests of about a millisecond, to a server. */
    static Effort onServer(boolean quick) {
        return quick
                ? new Effort(ofSeconds(2), ofSeconds(35), ofMillis(30))
                : new Effort(ofSeconds(5), ofSeconds(150), ofMillis(30));
    }
}
