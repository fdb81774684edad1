package dev.tenfold.ratelimit;

import java.util.List;

/**
 * The arithmetic of one limit, in integers: nothing is ever rounded in a caller's favour. The same formulas run in {@code
 * bucket.lua} and {@code limits.lua}, which have to be changed together with this.
 *
 * <p>A state is {@link #WIDTH} numbers in an array that holds those of all limits of a policy. Times are microseconds of any
 * clock; amounts are counted in <em>ticks</em>, of which a token has a whole number. Not safe for use by many threads: the
 * state is the caller's.
 */
abstract sealed class Algorithm permits TokenBucket, SlidingWindow {
    /** Numbers of one limit's state. */
    static final int WIDTH = 4;

    /** A clock that went back less than this just stands still; one that went back further is believed, the debt is kept. */
    static final long LARGEST_REWIND_MICROS = 5_000_000;

    /** Whole numbers up to here are exact as Lua's doubles, sums of two of them included. */
    static final long LARGEST = 1L << 52;

    /** What a tick is worth: one microsecond, or more where a limit's numbers would grow too large. */
    final int tickMicros;

    Algorithm(int tickMicros) {
        this.tickMicros = tickMicros;
    }

    /** Brings a state up to date, also one of an earlier configuration, or one of noughts, which is that of a new key. */
    abstract void advance(long[] state, int at, long nowMicros);

    /** Whether so many tokens are there, in a state that is up to date. */
    abstract boolean fits(long[] state, int at, long nowMicros, long cost);

    /** Takes tokens, also more than are there. */
    abstract void take(long[] state, int at, long cost);

    /** Gives tokens back, never more than were taken. */
    abstract void giveBack(long[] state, int at, long cost);

    /** Tokens that are there. */
    abstract long remaining(long[] state, int at, long nowMicros);

    /** How long until so many tokens are there if nobody takes any; 0 if they are. */
    abstract long waitMicros(long[] state, int at, long nowMicros, long cost);

    /** Whether a state that is up to date is as good as none. */
    abstract boolean isFresh(long[] state, int at);

    /** Adopts another state of the same key if less is left in it. Both are up to date. */
    abstract void takeLesser(long[] state, int at, long[] other, int otherAt);

    /** Moves the times of a state on by so much. */
    abstract void shift(long[] state, int at, long micros);

    /** Takes a state from a reply of the script; it is as of nought. Returns where the next limit's begins. */
    abstract int read(long[] state, int at, List<Object> reply, int from);

    /** How long a state can matter. */
    abstract long lifetimeMicros();

    /** The tick, the rate, what one costs and what there is, as the script gets them. */
    abstract double[] numbers();

    static long ceilDiv(long dividend, long divisor) {
        return Math.floorDiv(dividend - 1, divisor) + 1;
    }
}
