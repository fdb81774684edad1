package dev.tenfold.ratelimit;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Counts the window that runs and the one before, and takes the earlier one's count for evenly spread: of {@code permits} in
 * any window, some may be one too many or too few, while two numbers are kept instead of a time for each call.
 *
 * <pre>
 *   state   current | previous | start (µs) | length (ticks)
 *   used    = previous · (length − elapsed) + current · length      take if used + cost · length ≤ permits · length
 * </pre>
 *
 * <p>A window starts with the first call after the last has ended, not at a full hour, so that keys do not all turn over at
 * once.
 */
final class SlidingWindow extends Algorithm {
    private static final int CURRENT = 0;
    private static final int PREVIOUS = 1;
    private static final int START = 2;
    private static final int LENGTH = 3;

    private final long permits;
    private final long length;

    private SlidingWindow(int tickMicros, long permits, long length) {
        super(tickMicros);
        this.permits = permits;
        this.length = length;
    }

    /** Null if its numbers would be too large. */
    static @Nullable SlidingWindow of(long permits, long periodMicros, int tickMicros) {
        long length = periodMicros / tickMicros;
        if (periodMicros % tickMicros != 0 || permits > LARGEST / length) return null;
        return new SlidingWindow(tickMicros, permits, length);
    }

    private long lengthMicros() {
        return length * tickMicros;
    }

    @Override
    void advance(long[] state, int at, long nowMicros) {
        if (state[at + LENGTH] != length) {
            adopt(state, at, nowMicros);
        }
        long elapsed = nowMicros - state[at + START];
        if (elapsed < 0) {
            if (-elapsed > LARGEST_REWIND_MICROS) state[at + START] = nowMicros;
        } else if (elapsed >= 2 * lengthMicros()) {
            state[at + CURRENT] = 0;
            state[at + PREVIOUS] = 0;
            state[at + START] = nowMicros;
        } else if (elapsed >= lengthMicros()) {
            state[at + PREVIOUS] = state[at + CURRENT];
            state[at + CURRENT] = 0;
            state[at + START] += lengthMicros();
        }
        if (isFresh(state, at)) state[at + START] = nowMicros;
    }

    /** What was used in a window of another length counts as used in one of this length that has not ended yet. */
    private void adopt(long[] state, int at, long nowMicros) {
        boolean isNew = state[at + LENGTH] == 0;
        state[at + START] = isNew ? nowMicros : Math.max(state[at + START], nowMicros - lengthMicros() + tickMicros);
        state[at + LENGTH] = length;
    }

    private long left(long[] state, int at, long nowMicros) {
        long elapsed = Math.max(0, nowMicros - state[at + START]) / tickMicros;
        return Math.max(0, length - elapsed);
    }

    private long used(long[] state, int at, long nowMicros) {
        return state[at + PREVIOUS] * left(state, at, nowMicros) + state[at + CURRENT] * length;
    }

    @Override
    boolean fits(long[] state, int at, long nowMicros, long cost) {
        return used(state, at, nowMicros) <= (permits - cost) * length;
    }

    @Override
    void take(long[] state, int at, long cost) {
        state[at + CURRENT] += cost;
    }

    @Override
    void giveBack(long[] state, int at, long cost) {
        long current = state[at + CURRENT] - cost;
        state[at + CURRENT] = Math.max(0, current);
        if (current < 0) {
            state[at + PREVIOUS] = Math.max(0, state[at + PREVIOUS] + current);
        }
    }

    @Override
    long remaining(long[] state, int at, long nowMicros) {
        return Math.max(0, Math.floorDiv(permits * length - used(state, at, nowMicros), length));
    }

    @Override
    long waitMicros(long[] state, int at, long nowMicros, long cost) {
        if (fits(state, at, nowMicros, cost)) return 0;
        long untilNext = state[at + START] + lengthMicros() - nowMicros;
        long room = permits - cost - state[at + CURRENT];
        if (room >= 0) {
            long left = room * length / state[at + PREVIOUS];
            return Math.max(0, untilNext - left * tickMicros);
        }
        long left = (permits - cost) * length / state[at + CURRENT];
        return untilNext + Math.max(0, length - left) * tickMicros;
    }

    @Override
    boolean isFresh(long[] state, int at) {
        return state[at + CURRENT] == 0 && state[at + PREVIOUS] == 0;
    }

    @Override
    void takeLesser(long[] state, int at, long[] other, int otherAt) {
        if (other[otherAt + CURRENT] + other[otherAt + PREVIOUS] > state[at + CURRENT] + state[at + PREVIOUS]) {
            System.arraycopy(other, otherAt, state, at, WIDTH);
        }
    }

    @Override
    void shift(long[] state, int at, long micros) {
        state[at + START] += micros;
    }

    @Override
    int read(long[] state, int at, List<Object> reply, int from) {
        state[at + CURRENT] = (Long) reply.get(from);
        state[at + PREVIOUS] = (Long) reply.get(from + 1);
        state[at + START] = -(Long) reply.get(from + 2);
        state[at + LENGTH] = length;
        return from + 3;
    }

    @Override
    long lifetimeMicros() {
        return 2 * lengthMicros();
    }

    @Override
    double[] numbers() {
        return new double[] {tickMicros, 0, length, permits};
    }
}
