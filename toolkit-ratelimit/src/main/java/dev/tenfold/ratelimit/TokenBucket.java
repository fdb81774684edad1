package dev.tenfold.ratelimit;

import java.math.BigInteger;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A bucket that holds {@code burst} tokens and is refilled steadily. What is kept is the <em>debt</em>, the ticks that are
 * missing from a full bucket: a full one is nought, so that no state is a full bucket.
 *
 * <pre>
 *   state   debt (ticks) | at (µs) | unit (ticks a token has)
 *   g       = gcd(permits, period)       unit = period / g         rate = permits / g ticks a tick of time
 *   refill  debt -= rate · elapsed       take debt += cost · unit, if that stays within burst · unit
 * </pre>
 *
 * <p>As the debt falls by whole ticks and a token has a whole number of them, no fraction is lost, whatever the period. It is
 * the token bucket of ITU-T I.371 (the generic cell rate algorithm), with the time that a bucket needs to fill written as
 * ticks.
 */
final class TokenBucket extends Algorithm {
    private static final int DEBT = 0;
    private static final int AT = 1;
    private static final int UNIT = 2;

    final long rate;
    final long unit;
    final long cap;

    TokenBucket(int tickMicros, long rate, long unit, long cap) {
        super(tickMicros);
        this.rate = rate;
        this.unit = unit;
        this.cap = cap;
    }

    /** Null if its numbers would be too large. */
    static @Nullable TokenBucket of(long permits, long periodMicros, long burst, int tickMicros) {
        if (periodMicros % tickMicros != 0) return null;
        long period = periodMicros / tickMicros;
        long gcd = BigInteger.valueOf(permits).gcd(BigInteger.valueOf(period)).longValueExact();
        long unit = period / gcd;
        long rate = permits / gcd;
        if (rate > LARGEST || burst > LARGEST / unit) return null;
        return new TokenBucket(tickMicros, rate, unit, burst * unit);
    }

    @Override
    void advance(long[] state, int at, long nowMicros) {
        if (state[at + UNIT] != unit) {
            adopt(state, at, nowMicros);
        }
        long elapsed = nowMicros - state[at + AT];
        if (elapsed < 0) {
            if (-elapsed > LARGEST_REWIND_MICROS) state[at + AT] = nowMicros;
            return;
        }
        long ticks = tickMicros == 1 ? elapsed : elapsed / tickMicros;
        state[at + AT] += ticks * tickMicros;
        state[at + DEBT] = Math.max(0, state[at + DEBT] - refilled(ticks));
    }

    /** Saturates; mostly without a division, which would be the dearest instruction of a decision. */
    private long refilled(long ticks) {
        if ((ticks | rate) >>> 31 == 0) return ticks * rate;
        return ticks > LARGEST / rate ? LARGEST : ticks * rate;
    }

    /** The tokens that are missing stay the same; their ticks are counted anew, and up. */
    private void adopt(long[] state, int at, long nowMicros) {
        long old = state[at + UNIT];
        if (old == 0) {
            state[at + DEBT] = 0;
            state[at + AT] = nowMicros;
        } else {
            long debt = state[at + DEBT];
            BigInteger part = BigInteger.valueOf(debt % old).multiply(BigInteger.valueOf(unit));
            BigInteger[] whole = part.divideAndRemainder(BigInteger.valueOf(old));
            state[at + DEBT] = debt / old * unit + whole[0].longValueExact() + whole[1].signum();
        }
        state[at + UNIT] = unit;
    }

    @Override
    boolean fits(long[] state, int at, long nowMicros, long cost) {
        return state[at + DEBT] <= cap - cost * unit;
    }

    @Override
    void take(long[] state, int at, long cost) {
        state[at + DEBT] += cost * unit;
    }

    @Override
    void giveBack(long[] state, int at, long cost) {
        state[at + DEBT] = Math.max(0, state[at + DEBT] - cost * unit);
    }

    @Override
    long remaining(long[] state, int at, long nowMicros) {
        return Math.max(0, (cap - state[at + DEBT]) / unit);
    }

    @Override
    long waitMicros(long[] state, int at, long nowMicros, long cost) {
        long missing = state[at + DEBT] + cost * unit - cap;
        if (missing <= 0) return 0;
        return Math.max(0, state[at + AT] - nowMicros + ceilDiv(missing, rate) * tickMicros);
    }

    @Override
    boolean isFresh(long[] state, int at) {
        return state[at + DEBT] == 0;
    }

    @Override
    void takeLesser(long[] state, int at, long[] other, int otherAt) {
        if (other[otherAt + DEBT] > state[at + DEBT]) {
            System.arraycopy(other, otherAt, state, at, WIDTH);
        }
    }

    @Override
    void shift(long[] state, int at, long micros) {
        state[at + AT] += micros;
    }

    @Override
    int read(long[] state, int at, List<Object> reply, int from) {
        state[at + DEBT] = (Long) reply.get(from);
        state[at + AT] = -(Long) reply.get(from + 1);
        state[at + UNIT] = unit;
        return from + 2;
    }

    @Override
    long lifetimeMicros() {
        return ceilDiv(cap, rate) * tickMicros;
    }

    /** The most ticks that are refilled in this time; {@link #LARGEST} if it is more than that. */
    long refilledIn(long micros) {
        long ticks = ceilDiv(micros, tickMicros);
        return rate > LARGEST / ticks ? LARGEST : ticks * rate;
    }

    @Override
    double[] numbers() {
        return new double[] {tickMicros, rate, unit, cap};
    }
}
