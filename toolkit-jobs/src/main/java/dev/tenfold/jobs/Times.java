package dev.tenfold.jobs;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Microseconds since 1970, and the values of {@code run_at} that are no times. */
final class Times {
    /** Due when a batch, or the job before it in a chain, is done. */
    static final long WAITING = Long.MAX_VALUE - 1;

    /** Due when another job of its concurrency key gives its place away. */
    static final long PARKED = Long.MAX_VALUE - 2;

    /** Above are the values that are no times; the highest that is one is in the year 200,000. */
    static final long LATEST = 6_000_000_000_000_000_000L;

    private Times() {}

    static long micros(Instant time) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, time);
    }

    static Instant instant(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }

    static long micros(Duration duration) {
        return Math.addExact(Math.multiplyExact(duration.toSeconds(), 1_000_000L), duration.toNanosPart() / 1_000);
    }
}
