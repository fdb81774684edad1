package dev.tenfold.ratelimit;

import java.math.BigInteger;
import java.time.Duration;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongUnaryOperator;

/**
 * The response header fields that tell a client what is left to it, and how long to wait: {@link #IETF}, {@link #LEGACY} or
 * {@link #NONE}.
 *
 * <pre>
 *   RateLimit-Policy: "user";q=100;w=60, "tenant";q=5000;w=3600
 *   RateLimit: "user";r=0;t=3, "tenant";r=4211;t=1
 *   Retry-After: 3
 * </pre>
 *
 * <p>They are hints, as of one decision: others may take what was left. The names of the limits, and how generous they are,
 * show to every client; where that is nobody's business, take {@link #NONE}. The fields of the IETF are a draft
 * (draft-ietf-httpapi-ratelimit-headers-10) and may change their names once more.
 *
 * <p>All times are whole seconds, rounded up, so that who waits as told does not come too early. Immutable and thread-safe;
 * blocks nobody, and never throws because of a decision.
 */
public final class RateLimitHeaders {
    /** The largest integer of RFC 9651: 15 digits. */
    private static final long LARGEST = 999_999_999_999_999L;

    private static final Duration LONGEST_JITTER = Duration.ofHours(1);
    private static final BigInteger SECOND =
            BigInteger.valueOf(Duration.ofSeconds(1).toNanos());

    static final String POLICY = "RateLimit-Policy";
    static final String LIMIT = "RateLimit";
    static final String RETRY_AFTER = "Retry-After";
    static final String LEGACY_REMAINING = "X-RateLimit-Remaining";

    /**
     * {@code RateLimit-Policy}, {@code RateLimit} and {@code Retry-After}: the default.
     *
     * <p>Each limit of the policy is an item under its own name. {@code q} and {@code w} are its permits and its period; if
     * the period is not whole seconds, it is rounded up, and the permits are scaled to that. {@code r} is what may be taken at
     * once, so it counts down from the {@link Limit#burst() burst}, which may be less or more than {@code q}. {@code t} is
     * when there will be at least one more; it is missing if no more fit.
     */
    public static final RateLimitHeaders IETF = new RateLimitHeaders(Style.IETF, most -> 0, 0);

    /**
     * {@code X-RateLimit-Limit}, {@code X-RateLimit-Remaining}, {@code X-RateLimit-Reset} and {@code Retry-After}, of the limit
     * that has least left.
     *
     * <p>There never was an agreement on these. Here the limit is the burst, since remaining counts down from it; reset is
     * seconds until there is at least one more, 0 if no more fit, and never a time of day.
     */
    public static final RateLimitHeaders LEGACY = new RateLimitHeaders(Style.LEGACY, most -> 0, 0);

    /** Only {@code Retry-After}, and that only if the call was refused. */
    public static final RateLimitHeaders NONE = new RateLimitHeaders(Style.NONE, most -> 0, 0);

    private final Style style;

    /** From 0 to its argument. */
    private final LongUnaryOperator random;

    private final long jitterNanos;

    private enum Style {
        IETF,
        LEGACY,
        NONE
    }

    private RateLimitHeaders(Style style, LongUnaryOperator random, long jitterNanos) {
        this.style = style;
        this.random = random;
        this.jitterNanos = jitterNanos;
    }

    /**
     * Adds a random time to {@code Retry-After}, never takes any away. For limits that many clients share: all who were refused
     * would otherwise return in the same second. {@code t} and the reset stay what they are.
     *
     * @param most the most to add, up to 1 h; default none
     * @return changed headers
     * @throws IllegalArgumentException if it is negative or longer
     */
    public RateLimitHeaders jitter(Duration most) {
        return jitter(most, bound -> ThreadLocalRandom.current().nextLong(bound + 1));
    }

    /** @param random gives a number from 0 to its argument, that included */
    RateLimitHeaders jitter(Duration most, LongUnaryOperator random) {
        Objects.requireNonNull(most, "most");
        if (most.isNegative() || most.compareTo(LONGEST_JITTER) > 0) {
            throw new IllegalArgumentException("a jitter of " + most + " must be from 0 to " + LONGEST_JITTER);
        }
        return new RateLimitHeaders(style, random, most.toNanos());
    }

    /**
     * The fields for one decision. Nothing is left to tell but {@code Retry-After} if it was made without a look at the limits
     * in an outage, and {@code RateLimit-Policy} if the call is {@link Decision.Infeasible}: there is no use in waiting then,
     * and so no {@code Retry-After}.
     *
     * @param decision what was decided
     * @return names and values, in order; unmodifiable; possibly empty
     */
    public Map<String, String> fields(Decision decision) {
        Map<String, String> fields = new LinkedHashMap<>();
        List<Quota> quotas = decision.quotas();
        switch (style) {
            case IETF -> {
                if (!quotas.isEmpty() || decision instanceof Decision.Infeasible) {
                    fields.put(POLICY, policies(decision.policy()));
                }
                if (!quotas.isEmpty()) fields.put(LIMIT, limits(quotas));
            }
            case LEGACY -> legacy(quotas, fields);
            case NONE -> {}
        }
        if (!decision.allowed() && !(decision instanceof Decision.Infeasible)) {
            fields.put(RETRY_AFTER, Long.toString(retryAfterSeconds(decision)));
        }
        return Collections.unmodifiableMap(fields);
    }

    private long retryAfterSeconds(Decision decision) {
        long jitter = jitterNanos == 0 ? 0 : random.applyAsLong(jitterNanos);
        return Math.max(1, ceilSeconds(decision.retryAfter().plusNanos(jitter)));
    }

    private static String policies(Policy policy) {
        StringBuilder list = new StringBuilder();
        for (Limit limit : policy.limits()) {
            long window = ceilSeconds(limit.period());
            item(list, limit).append(";q=").append(Math.min(LARGEST, quota(limit, window)));
            list.append(";w=").append(window);
        }
        return list.toString();
    }

    /** Permits in so many seconds, rounded down; as a period has at least 1 ms, it fits a long. */
    private static long quota(Limit limit, long window) {
        Duration period = limit.period();
        if (period.toNanosPart() == 0) return limit.permits();
        BigInteger permits = BigInteger.valueOf(limit.permits()).multiply(BigInteger.valueOf(window));
        return permits.multiply(SECOND)
                .divide(BigInteger.valueOf(period.toNanos()))
                .longValueExact();
    }

    private static String limits(List<Quota> quotas) {
        StringBuilder list = new StringBuilder();
        for (Quota quota : quotas) {
            item(list, quota.limit()).append(";r=").append(Math.min(LARGEST, quota.remaining()));
            if (!quota.moreIn().isZero()) list.append(";t=").append(ceilSeconds(quota.moreIn()));
        }
        return list.toString();
    }

    /** A name needs no escapes, see {@link Limit#requireName}. */
    private static StringBuilder item(StringBuilder list, Limit limit) {
        if (list.length() > 0) list.append(", ");
        return list.append('"').append(limit.name()).append('"');
    }

    private static void legacy(List<Quota> quotas, Map<String, String> fields) {
        // Of several that are used up, the one that takes longest.
        quotas.stream()
                .min(Comparator.comparingLong(Quota::remaining)
                        .thenComparing(Comparator.comparing(Quota::moreIn).reversed()))
                .ifPresent(least -> {
                    fields.put("X-RateLimit-Limit", Long.toString(least.limit().burst()));
                    fields.put(LEGACY_REMAINING, Long.toString(least.remaining()));
                    fields.put("X-RateLimit-Reset", Long.toString(ceilSeconds(least.moreIn())));
                });
    }

    private static long ceilSeconds(Duration time) {
        return time.toNanosPart() == 0 ? time.toSeconds() : time.toSeconds() + 1;
    }

    /** For messages. */
    @Override
    public String toString() {
        return style + (jitterNanos == 0 ? "" : ", Retry-After up to " + Duration.ofNanos(jitterNanos) + " later");
    }
}
