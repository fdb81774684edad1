package dev.tenfold.ratelimit;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What one key has used of some limits, in this node's memory. All access is under the cell's own lock, which is held for a
 * few dozen nanoseconds and never during I/O; who needs several cells locks them in the order of their ids.
 */
final class Cell {
    private static final AtomicLong IDS = new AtomicLong();

    final long id = IDS.incrementAndGet();
    private Limit[] limits;
    private long[] states;
    private boolean retired;

    Cell(Limit[] limits) {
        this.limits = limits;
        this.states = new long[limits.length * Algorithm.WIDTH];
    }

    /** False once the cell was taken out of its table: then what is taken from it would be forgotten. */
    boolean isLive() {
        return !retired;
    }

    /**
     * A copy of the states of these limits, up to date. They go by the limits' names, should the configuration have changed.
     * The cell itself changes with {@link #keep} alone, so that what a refusal looks at stays as it was, like on Redis.
     */
    long[] states(Limit[] wanted, long nowMicros) {
        boolean changed = limits != wanted && !Arrays.equals(limits, wanted);
        if (changed) adopt(wanted);
        long[] now = states.clone();
        for (int i = 0; i < wanted.length; i++) {
            wanted[i].algorithm.advance(now, i * Algorithm.WIDTH, nowMicros);
        }
        if (changed) keep(now);
        return now;
    }

    /** Makes states the cell's own; copied, as the cell stays where it is, and the copy goes with the decision. */
    void keep(long[] changed) {
        System.arraycopy(changed, 0, states, 0, states.length);
    }

    private void adopt(Limit[] wanted) {
        long[] adopted = new long[wanted.length * Algorithm.WIDTH];
        for (int to = 0; to < wanted.length; to++) {
            for (int from = 0; from < limits.length; from++) {
                // A bucket's state means nothing to a window, and they are kept under different keys on Redis, too.
                if (limits[from].name.equals(wanted[to].name) && limits[from].window == wanted[to].window) {
                    System.arraycopy(states, from * Algorithm.WIDTH, adopted, to * Algorithm.WIDTH, Algorithm.WIDTH);
                }
            }
        }
        limits = wanted;
        states = adopted;
    }

    /** Takes the cell out of use if it is as good as a new one. */
    boolean retireIfFresh(long nowMicros) {
        long[] now = states(limits, nowMicros);
        for (int i = 0; i < limits.length; i++) {
            if (!limits[i].algorithm.isFresh(now, i * Algorithm.WIDTH)) return false;
        }
        retired = true;
        return true;
    }

    void retire() {
        retired = true;
    }

    /** Leaves no more here than there was in another state of the same limits. */
    void takeLesser(Limit[] wanted, long[] other, long nowMicros) {
        long[] mine = states(wanted, nowMicros);
        for (int i = 0; i < wanted.length; i++) {
            wanted[i].algorithm.takeLesser(mine, i * Algorithm.WIDTH, other, i * Algorithm.WIDTH);
        }
        keep(mine);
    }
}
