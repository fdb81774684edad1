package dev.tenfold.ratelimit;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The answer to one call: {@link Allowed}, {@link Denied}, {@link Infeasible}, or {@link Degraded} while Redis is away.
 *
 * <pre>{@code
 * Decision d = limiter.acquire(API, user);
 * if (!d.allowed()) return tooManyRequests(d.retryAfter(), d.headers());
 * }</pre>
 *
 * <p>Immutable.
 */
public abstract sealed class Decision {
    private static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();
    private static final Duration OUTAGE_RETRY = Duration.ofSeconds(1);

    final Policy policy;
    final long cost;

    /** The state of all limits of the policy, as of some time; shared, never written to. Null if nothing is known of it. */
    private final long @Nullable [] states;

    private final long nowMicros;

    /** What others have taken in the same step, after this one. */
    private final long takenLater;

    /** By how many nodes the limits are shared, so that a token costs as many. */
    private final int share;

    private Decision(Policy policy, long cost, long @Nullable [] states, long nowMicros, long takenLater, int share) {
        this.policy = policy;
        this.share = share;
        this.cost = cost;
        this.states = states;
        this.nowMicros = nowMicros;
        this.takenLater = takenLater;
    }

    /**
     * Whether the call may go on.
     *
     * @return true if tokens were taken for it, or the outage policy lets it pass
     */
    public abstract boolean allowed();

    /**
     * How long to wait before the same call can be admitted, if nobody else takes tokens meanwhile.
     *
     * @return zero if it is allowed; {@link ChronoUnit#FOREVER} if it is {@link Infeasible}
     */
    public Duration retryAfter() {
        return Duration.ZERO;
    }

    /**
     * The limits that had no room.
     *
     * @return empty if the call is allowed, or was refused for another reason
     */
    public List<Limit> violated() {
        return List.of();
    }

    /**
     * What was left of each limit after this decision.
     *
     * @return in the policy's order; empty if it was decided without looking at the limits
     */
    public List<Quota> quotas() {
        long[] now = current();
        if (now == null) return List.of();
        List<Quota> quotas = new ArrayList<>(policy.limits.length);
        for (int i = 0; i < policy.limits.length; i++) {
            Limit limit = policy.limits[i];
            long remaining = remaining(now, i);
            long moreIn = waitMicros(now, i, remaining + 1);
            quotas.add(new Quota(limit, remaining, micros(moreIn)));
        }
        return quotas;
    }

    /**
     * What was left of the limit that is nearest to its end.
     *
     * @return whole tokens; 0 if it was decided without looking at the limits
     */
    public long remaining() {
        long[] now = current();
        if (now == null) return 0;
        long least = Long.MAX_VALUE;
        for (int i = 0; i < policy.limits.length; i++) {
            least = Math.min(least, remaining(now, i));
        }
        return least;
    }

    /**
     * The header fields that tell the client, in the style of {@link RateLimitHeaders#IETF}: what is left of each limit, and
     * {@code Retry-After} if it is refused and waiting helps.
     *
     * @return names and values; unmodifiable
     */
    public final Map<String, String> headers() {
        return RateLimitHeaders.IETF.fields(this);
    }

    private long remaining(long[] now, int i) {
        return policy.limits[i].algorithm.remaining(now, i * Algorithm.WIDTH, nowMicros) / share;
    }

    /** The states at the time of the decision. */
    private long @Nullable [] current() {
        if (states == null) return null;
        long[] now = states.clone();
        for (int i = 0; i < policy.limits.length; i++) {
            Algorithm algorithm = policy.limits[i].algorithm;
            int at = i * Algorithm.WIDTH;
            algorithm.advance(now, at, nowMicros);
            if (takenLater > 0) algorithm.giveBack(now, at, takenLater);
        }
        return now;
    }

    /** How long until all limits have room; 0 if they have. */
    final long waitMicros() {
        long[] now = current();
        if (now == null) return 0;
        long wait = 0;
        for (int i = 0; i < policy.limits.length; i++) {
            wait = Math.max(wait, waitMicros(now, i, cost));
        }
        return wait;
    }

    private long waitMicros(long[] now, int i, long tokens) {
        Limit limit = policy.limits[i];
        long need = Math.min(limit.shared(tokens, share), limit.largestCost());
        return limit.algorithm.waitMicros(now, i * Algorithm.WIDTH, nowMicros, need);
    }

    final List<Limit> withoutRoom() {
        long[] now = current();
        if (now == null) return List.of();
        List<Limit> limits = new ArrayList<>();
        for (int i = 0; i < policy.limits.length; i++) {
            if (waitMicros(now, i, cost) > 0) limits.add(policy.limits[i]);
        }
        return limits;
    }

    /**
     * The policy that was asked.
     *
     * @return never null
     */
    public final Policy policy() {
        return policy;
    }

    /**
     * What the call costs.
     *
     * @return at least 1
     */
    public final long cost() {
        return cost;
    }

    private static Duration micros(long micros) {
        return Duration.of(micros, ChronoUnit.MICROS);
    }

    /** Its kind, policy and cost. */
    @Override
    public String toString() {
        return getClass().getSimpleName() + "[" + policy.name + ", cost " + cost + ", " + remaining() + " left"
                + (allowed() ? "" : ", retry after " + retryAfter()) + "]";
    }

    /** All limits had room, and tokens were taken. */
    public static final class Allowed extends Decision {
        Allowed(Policy policy, long cost, long[] states, long nowMicros, long takenLater) {
            super(policy, cost, states, nowMicros, takenLater, 1);
        }

        @Override
        public boolean allowed() {
            return true;
        }
    }

    /** A limit had no room; nothing was taken from any. */
    public static final class Denied extends Decision {
        Denied(Policy policy, long cost, long[] states, long nowMicros, long takenLater) {
            super(policy, cost, states, nowMicros, takenLater, 1);
        }

        @Override
        public boolean allowed() {
            return false;
        }

        @Override
        public Duration retryAfter() {
            return micros(Math.max(1, waitMicros()));
        }

        @Override
        public List<Limit> violated() {
            return withoutRoom();
        }
    }

    /** The call costs more than a limit ever holds: waiting is of no use. Decided without asking Redis. */
    public static final class Infeasible extends Decision {
        Infeasible(Policy policy, long cost) {
            super(policy, cost, null, 0, 0, 1);
        }

        @Override
        public boolean allowed() {
            return false;
        }

        @Override
        public Duration retryAfter() {
            return FOREVER;
        }

        @Override
        public List<Limit> violated() {
            List<Limit> limits = new ArrayList<>();
            for (Limit limit : policy.limits) {
                if (cost > limit.largestCost()) limits.add(limit);
            }
            return limits;
        }
    }

    /** Decided by the policy's {@link Outage}, as Redis did not answer. */
    public static final class Degraded extends Decision {
        private final boolean allowed;

        /** Without a look at the limits. */
        Degraded(Policy policy, long cost, boolean allowed) {
            super(policy, cost, null, 0, 0, 1);
            this.allowed = allowed;
        }

        /** By this node's share. */
        Degraded(Policy policy, long cost, boolean allowed, long[] states, long nowMicros, int nodes) {
            super(policy, cost, states, nowMicros, 0, nodes);
            this.allowed = allowed;
        }

        @Override
        public boolean allowed() {
            return allowed;
        }

        @Override
        public Duration retryAfter() {
            if (allowed) return Duration.ZERO;
            return policy.outage == Outage.CLOSED ? OUTAGE_RETRY : micros(Math.max(1, waitMicros()));
        }

        @Override
        public List<Limit> violated() {
            return allowed ? List.of() : withoutRoom();
        }

        /**
         * What decided.
         *
         * @return the policy's outage setting
         */
        public Outage outage() {
            return policy.outage;
        }
    }
}
