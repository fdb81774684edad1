package dev.tenfold.ratelimit;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.LongSupplier;

/**
 * Limits as their definitions have them, slow and without tricks: buckets as fractions of any size, windows with a log of
 * calls. It shares no code with what it judges.
 */
final class ExactLimits {
    private final LongSupplier nowMicros;
    private Limit[] limits;
    private Level[] levels;

    /** What is used of one limit. */
    private interface Level {
        boolean fits(long cost);

        void take(long cost);

        void giveBack(long cost);

        long remaining();
    }

    ExactLimits(LongSupplier nowMicros, Limit... limits) {
        this.nowMicros = nowMicros;
        this.limits = limits;
        this.levels = new Level[limits.length];
        reset();
    }

    void reset() {
        for (int i = 0; i < limits.length; i++) {
            levels[i] = limits[i].window ? new Window(limits[i]) : new Fraction(limits[i]);
        }
    }

    boolean acquire(long cost) {
        for (Level level : levels) {
            if (!level.fits(cost)) return false;
        }
        for (Level level : levels) level.take(cost);
        return true;
    }

    /** Whether a call would fit in buckets from which some hundredths of a token more are missing. */
    boolean fits(long cost, int hundredths) {
        for (Level level : levels) {
            Fraction bucket = (Fraction) level;
            BigInteger[] now = bucket.after(nowMicros.getAsLong() - bucket.at);
            BigInteger slack = BigInteger.valueOf(hundredths).multiply(now[1]);
            BigInteger missing = now[0].multiply(BigInteger.valueOf(100)).add(slack);
            BigInteger most =
                    BigInteger.valueOf(100 * (bucket.limit.burst() - cost)).multiply(now[1]);
            if (missing.compareTo(most) > 0) return false;
        }
        return true;
    }

    void refund(long cost) {
        for (Level level : levels) level.giveBack(cost);
    }

    long remaining() {
        long least = Long.MAX_VALUE;
        for (Level level : levels) least = Math.min(least, level.remaining());
        return least;
    }

    /** Other numbers for the same buckets: what is missing from them stays. */
    void change(Limit... changed) {
        for (int i = 0; i < changed.length; i++) ((Fraction) levels[i]).limit = changed[i];
        limits = changed;
    }

    /** By bisection, as a wait is monotonic: a longer one never has less room. */
    long waitMicros(long cost) {
        long now = nowMicros.getAsLong();
        long from = 0;
        long to = 1;
        while (!wouldFit(now + to, cost)) to *= 2;
        while (to - from > 1) {
            long middle = (from + to) / 2;
            if (wouldFit(now + middle, cost)) {
                to = middle;
            } else {
                from = middle;
            }
        }
        return to;
    }

    private boolean wouldFit(long then, long cost) {
        for (Level level : levels) {
            boolean fits =
                    level instanceof Fraction bucket ? bucket.fitsAt(then, cost) : ((Window) level).fitsAt(then, cost);
            if (!fits) return false;
        }
        return true;
    }

    /** A bucket from which a fraction of tokens is missing. */
    private final class Fraction implements Level {
        private Limit limit;
        private BigInteger missing = BigInteger.ZERO;
        private BigInteger of = BigInteger.ONE;
        private long at = nowMicros.getAsLong();

        Fraction(Limit limit) {
            this.limit = limit;
        }

        private void refill() {
            long now = nowMicros.getAsLong();
            long elapsed = now - at;
            at = now;
            BigInteger[] after = after(elapsed);
            missing = after[0];
            of = after[1];
        }

        private BigInteger[] after(long elapsedMicros) {
            BigInteger period = BigInteger.valueOf(limit.period().toNanos() / 1_000);
            BigInteger refilled = BigInteger.valueOf(limit.permits()).multiply(BigInteger.valueOf(elapsedMicros));
            BigInteger left =
                    missing.multiply(period).subtract(refilled.multiply(of)).max(BigInteger.ZERO);
            BigInteger parts = of.multiply(period);
            BigInteger gcd = left.gcd(parts);
            return new BigInteger[] {left.divide(gcd), parts.divide(gcd)};
        }

        boolean fitsAt(long then, long cost) {
            BigInteger[] after = after(then - at);
            return after[0].compareTo(BigInteger.valueOf(limit.burst() - cost).multiply(after[1])) <= 0;
        }

        @Override
        public boolean fits(long cost) {
            return fitsAt(nowMicros.getAsLong(), cost);
        }

        @Override
        public void take(long cost) {
            refill();
            missing = missing.add(BigInteger.valueOf(cost).multiply(of));
        }

        @Override
        public void giveBack(long cost) {
            refill();
            missing = missing.subtract(BigInteger.valueOf(cost).multiply(of)).max(BigInteger.ZERO);
        }

        @Override
        public long remaining() {
            BigInteger[] now = after(nowMicros.getAsLong() - at);
            BigInteger left = BigInteger.valueOf(limit.burst()).multiply(now[1]).subtract(now[0]);
            return Math.max(0, left.divide(now[1]).longValueExact());
        }
    }

    /** All calls, and where the windows begin. */
    private final class Window implements Level {
        private final Limit limit;
        private final long length;
        private final Deque<long[]> calls = new ArrayDeque<>();
        private long start = nowMicros.getAsLong();

        Window(Limit limit) {
            this.limit = limit;
            this.length = limit.period().toNanos() / 1_000;
        }

        private long startAt(long then) {
            if (then - start >= 2 * length) return then;
            return then - start >= length ? start + length : start;
        }

        private long count(long from, long to) {
            return calls.stream()
                    .filter(call -> call[0] >= from && call[0] < to)
                    .mapToLong(call -> call[1])
                    .sum();
        }

        private BigInteger usedAt(long then) {
            long begin = startAt(then);
            BigInteger previous = BigInteger.valueOf(count(begin - length, begin))
                    .multiply(BigInteger.valueOf(length - (then - begin)));
            return previous.add(BigInteger.valueOf(count(begin, Long.MAX_VALUE)).multiply(BigInteger.valueOf(length)));
        }

        boolean fitsAt(long then, long cost) {
            return usedAt(then)
                            .add(BigInteger.valueOf(cost).multiply(BigInteger.valueOf(length)))
                            .compareTo(BigInteger.valueOf(limit.permits()).multiply(BigInteger.valueOf(length)))
                    <= 0;
        }

        private void turn() {
            start = startAt(nowMicros.getAsLong());
            calls.removeIf(call -> call[0] < start - length);
            if (calls.isEmpty()) start = nowMicros.getAsLong();
        }

        @Override
        public boolean fits(long cost) {
            turn();
            return fitsAt(nowMicros.getAsLong(), cost);
        }

        @Override
        public void take(long cost) {
            calls.addLast(new long[] {nowMicros.getAsLong(), cost});
        }

        @Override
        public void giveBack(long cost) {
            turn();
            long left = cost;
            while (left > 0 && !calls.isEmpty()) {
                long[] last = calls.getLast();
                long taken = Math.min(left, last[1]);
                last[1] -= taken;
                left -= taken;
                if (last[1] == 0) calls.removeLast();
            }
        }

        @Override
        public long remaining() {
            turn();
            BigInteger parts = BigInteger.valueOf(length);
            BigInteger left =
                    BigInteger.valueOf(limit.permits()).multiply(parts).subtract(usedAt(nowMicros.getAsLong()));
            return Math.max(0, left.divide(parts).longValueExact());
        }
    }
}
