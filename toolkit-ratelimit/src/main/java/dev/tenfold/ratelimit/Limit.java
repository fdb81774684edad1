package dev.tenfold.ratelimit;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * So many permits in a period: one line of a {@link Policy}. Immutable; each method returns a changed limit.
 *
 * <pre>{@code
 * limit("user", 100, perMinute()).burst(20)          // 20 at once, and one more every 600 ms
 * limit("login", 5, ofMinutes(15)).slidingWindow()   // about 5 in any quarter of an hour
 * limit("tenant", 5_000, perHour()).by("tenant")     // shared by all users of a tenant
 * }</pre>
 *
 * <p>The default is a <b>token bucket</b>: it holds {@link #burst} tokens, is refilled steadily, and a call takes as many as it
 * costs. In any time {@code t} it admits {@code burst + t · permits / period} at most, exactly. A {@link #slidingWindow} counts
 * calls in the last period instead, with at most {@code permits} of them by an estimate.
 */
public final class Limit {
    /** The longest period: {@value} days. */
    public static final int LONGEST_PERIOD_DAYS = 366;

    private static final int[] TICKS = {1, 1_000, 1_000_000};
    private static final int LONGEST_NAME = 64;
    private static final Duration SHORTEST_PERIOD = Duration.ofMillis(1);
    private static final Duration LONGEST_PERIOD = Duration.ofDays(LONGEST_PERIOD_DAYS);

    final String name;
    final long permits;
    final Duration period;
    final long burst;
    final boolean window;
    final @Nullable String by;
    final @Nullable Lease lease;
    final Algorithm algorithm;
    private final int hash;

    /**
     * How tokens are taken ahead of use.
     *
     * @param micros how long they are good
     * @param strict whether the bucket is smaller by what is refilled in that time
     */
    record Lease(long micros, boolean strict) {}

    private Limit(
            String name,
            long permits,
            Duration period,
            long burst,
            boolean window,
            @Nullable String by,
            @Nullable Lease lease) {
        this.name = name;
        this.permits = permits;
        this.period = period;
        this.burst = burst;
        this.window = window;
        this.by = by;
        this.lease = lease;
        this.algorithm = algorithm();
        this.hash = Objects.hash(name, permits, period, burst, window, by, lease);
    }

    /**
     * A token bucket that may be used up at once: {@code burst(permits)}.
     *
     * @param name what it is called in headers and metrics: 1 to 64 of the characters {@code a-z A-Z 0-9 - _ .}
     * @param permits at least 1
     * @param period 1 ms to {@value #LONGEST_PERIOD_DAYS} days, in whole microseconds
     * @return the limit
     * @throws IllegalArgumentException for anything else, and for numbers that cannot be counted exactly
     */
    public static Limit limit(String name, long permits, Duration period) {
        requireName("limit", name);
        Objects.requireNonNull(period, "period");
        if (permits < 1) {
            throw new IllegalArgumentException("limit \"" + name + "\": permits " + permits
                    + " must be at least 1; to refuse everything, do not ask a limiter");
        }
        if (period.compareTo(SHORTEST_PERIOD) < 0 || period.compareTo(LONGEST_PERIOD) > 0) {
            throw new IllegalArgumentException("limit \"" + name + "\": period " + period + " must be from 1 ms to "
                    + LONGEST_PERIOD_DAYS + " days");
        }
        if (period.toNanos() % 1_000 != 0) {
            throw new IllegalArgumentException(
                    "limit \"" + name + "\": period " + period + " must be a whole number of microseconds");
        }
        return new Limit(name, permits, period, permits, false, null, null);
    }

    /**
     * How many tokens the bucket holds: what may be taken at once after a pause.
     *
     * @param tokens at least 1, less than or more than the permits
     * @return a changed limit
     * @throws IllegalArgumentException if there are none, or too many to be counted exactly, or this is a sliding window
     */
    public Limit burst(long tokens) {
        if (tokens < 1) {
            throw new IllegalArgumentException(
                    "limit \"" + name + "\": burst " + tokens + " must be at least 1, or nothing is ever admitted");
        }
        if (window) {
            throw new IllegalArgumentException(
                    "limit \"" + name + "\": a sliding window has no burst besides its permits; take one of the two");
        }
        return new Limit(name, permits, period, tokens, false, by, lease);
    }

    /**
     * Counts calls in the period that has just passed, instead of refilling a bucket: after a burst, the next calls are
     * admitted only as the burst slides out of the window. The previous window's count is taken for evenly spread, so
     * up to twice the permits could pass in some stretch of one period if it was not.
     *
     * @return a changed limit
     * @throws IllegalArgumentException if there is a {@link #burst} or a lease, or the numbers are too large
     */
    public Limit slidingWindow() {
        if (burst != permits || lease != null) {
            throw new IllegalArgumentException(
                    "limit \"" + name + "\": a sliding window has neither burst(…) nor leases; take one of the two");
        }
        return new Limit(name, permits, period, burst, true, by, null);
    }

    /**
     * Counts by one part of the {@link Key} alone, whatever the others are.
     *
     * @param part the part's name
     * @return a changed limit
     */
    public Limit by(String part) {
        requireName("part", part);
        return new Limit(name, permits, period, burst, window, part, lease);
    }

    /**
     * Lets each node take tokens ahead and hand them out without asking Redis, for keys so busy that Redis itself is the
     * limit. Tokens are taken from the bucket before they are handed out, and what is not used in time is lost. In any time
     * {@code w} all nodes together admit {@code burst + rate · (w + lease)} at most: what is refilled in one lease more than
     * without. A {@link RateLimiter#local() local} limiter has no use for leases.
     *
     * @param lease how long tokens taken ahead are good: 10 ms to 1 min; 1 s is a good start
     * @return a changed limit
     * @throws IllegalArgumentException for another duration, or a sliding window
     */
    public Limit leased(Duration lease) {
        return leased(lease, false);
    }

    /**
     * Like {@link #leased}, but never more than without leases: the bucket on Redis is smaller by what is refilled in one
     * lease, {@code burst − rate · lease}, which is also the most that one call may cost.
     *
     * @param lease how long tokens taken ahead are good: 10 ms to 1 min
     * @return a changed limit
     * @throws IllegalArgumentException also if nothing of the burst would be left
     */
    public Limit leasedStrictly(Duration lease) {
        return leased(lease, true);
    }

    private Limit leased(Duration time, boolean strict) {
        if (time.compareTo(Duration.ofMillis(10)) < 0 || time.compareTo(Duration.ofMinutes(1)) > 0) {
            throw new IllegalArgumentException(
                    "limit \"" + name + "\": lease " + time + " must be from 10 ms to 1 min");
        }
        if (window) {
            throw new IllegalArgumentException(
                    "limit \"" + name + "\": a sliding window cannot be leased; take a token bucket");
        }
        return new Limit(name, permits, period, burst, false, by, new Lease(time.toNanos() / 1_000, strict));
    }

    /**
     * The period of {@code limit("x", 10, perSecond())}.
     *
     * @return one second
     */
    public static Duration perSecond() {
        return Duration.ofSeconds(1);
    }

    /**
     * The period of {@code limit("x", 10, perMinute())}.
     *
     * @return one minute
     */
    public static Duration perMinute() {
        return Duration.ofMinutes(1);
    }

    /**
     * The period of {@code limit("x", 10, perHour())}.
     *
     * @return one hour
     */
    public static Duration perHour() {
        return Duration.ofHours(1);
    }

    /**
     * The period of {@code limit("x", 10, perDay())}.
     *
     * @return 24 hours
     */
    public static Duration perDay() {
        return Duration.ofDays(1);
    }

    /**
     * What it is called.
     *
     * @return the name, unique within a policy
     */
    public String name() {
        return name;
    }

    /**
     * How many a period.
     *
     * @return at least 1
     */
    public long permits() {
        return permits;
    }

    /**
     * The period.
     *
     * @return 1 ms to {@value #LONGEST_PERIOD_DAYS} days
     */
    public Duration period() {
        return period;
    }

    /**
     * How many at once.
     *
     * @return the burst; for a sliding window, the permits
     */
    public long burst() {
        return burst;
    }

    /** The most that a call may cost. */
    long largestCost() {
        return algorithm instanceof TokenBucket bucket ? bucket.cap / bucket.unit : permits;
    }

    /** What a call costs by a share: as many tokens as there are nodes for each; capped far beyond a burst, not to overflow. */
    long shared(long cost, int nodes) {
        return nodes == 1 ? cost : (long) Math.min((double) cost * nodes, 1_024.0 * largestCost());
    }

    private Algorithm algorithm() {
        long micros = period.toNanos() / 1_000;
        for (int tick : TICKS) {
            Algorithm fitting =
                    window ? SlidingWindow.of(permits, micros, tick) : TokenBucket.of(permits, micros, burst, tick);
            if (fitting instanceof TokenBucket bucket && lease != null && lease.strict) return lessOneLease(bucket);
            if (fitting != null) return fitting;
        }
        throw new IllegalArgumentException(
                this + " cannot be counted exactly, as its numbers are too large; take a rounder"
                        + " number of permits, such as " + rounder(permits) + ", or a smaller burst");
    }

    private TokenBucket lessOneLease(TokenBucket bucket) {
        long micros = Objects.requireNonNull(lease).micros;
        long refilled = bucket.refilledIn(micros);
        if (refilled > bucket.cap - bucket.unit) {
            throw new IllegalArgumentException(this + ": what is refilled in a lease of " + micros / 1_000
                    + " ms must leave at least 1 of the burst; raise burst(…), or shorten the lease");
        }
        return new TokenBucket(bucket.tickMicros, bucket.rate, bucket.unit, bucket.cap - refilled);
    }

    /** Two digits and noughts. */
    private static long rounder(long number) {
        long power = 1;
        while (number / power >= 100) power *= 10;
        return number / power * power;
    }

    static void requireName(String what, String name) {
        boolean valid = !name.isEmpty() && name.length() <= LONGEST_NAME;
        for (int i = 0; valid && i < name.length(); i++) {
            char c = name.charAt(i);
            valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || "-_.".indexOf(c) >= 0;
        }
        if (!valid) {
            throw new IllegalArgumentException("the name of a " + what + " must be 1 to " + LONGEST_NAME
                    + " of the characters a-z A-Z 0-9 - _ . since it shows in headers and metrics, not \""
                    + name.substring(0, Math.min(LONGEST_NAME, name.length())) + '"');
        }
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Limit that
                && name.equals(that.name)
                && permits == that.permits
                && period.equals(that.period)
                && burst == that.burst
                && window == that.window
                && Objects.equals(by, that.by)
                && Objects.equals(lease, that.lease);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    /** For example {@code limit "user": 100 per PT1M, burst 20}. */
    @Override
    public String toString() {
        return "limit \"" + name + "\": " + permits + " per " + period + (window ? ", sliding" : ", burst " + burst)
                + (by == null ? "" : ", by " + by)
                + (lease == null ? "" : ", leased" + (lease.strict ? " strictly" : ""));
    }
}
