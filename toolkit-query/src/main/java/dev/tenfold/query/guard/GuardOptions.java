package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.Objects;
import java.util.function.LongSupplier;

/** From when on a {@link QueryGuard} reports what. Immutable: each method returns changed options. */
public final class GuardOptions {
    static final GuardOptions DEFAULTS = new GuardOptions(
            10, Duration.ofMillis(500).toNanos(), Duration.ofMillis(500).toNanos(), 100, System::nanoTime);

    private final int threshold;
    private final long slowerThan;
    private final long heldFor;
    private final int samples;
    private final LongSupplier nanoClock;

    private GuardOptions(int threshold, long slowerThan, long heldFor, int samples, LongSupplier nanoClock) {
        this.threshold = threshold;
        this.slowerThan = slowerThan;
        this.heldFor = heldFor;
        this.samples = samples;
        this.nanoClock = nanoClock;
    }

    /**
     * From how many executions in one scope on a statement is judged. Default 10; assertions in tests take 3.
     *
     * @param executions at least 2, at most 16
     * @return changed options
     * @throws IllegalArgumentException if it is outside of these
     */
    public GuardOptions threshold(int executions) {
        if (executions < 2 || executions > 16) {
            throw new IllegalArgumentException("threshold " + executions + " must be from 2 to 16");
        }
        return new GuardOptions(executions, slowerThan, heldFor, samples, nanoClock);
    }

    /**
     * An execution is reported as {@link FindingKind#SLOW} if it takes so long. A batch counts as long as one of its sets
     * of values takes on average. The time to read the rows does not count.
     *
     * @param time more than zero; default 500 ms
     * @return changed options
     * @throws IllegalArgumentException if it is not more than zero
     */
    public GuardOptions slowerThan(Duration time) {
        return new GuardOptions(threshold, nanos("slowerThan", time), heldFor, samples, nanoClock);
    }

    /**
     * A connection is reported as {@link FindingKind#HELD_CONNECTION} if it comes back after so long, and worked for at
     * most a third of that. As long as a statement is open that fetches its rows in portions, it may be working; and one
     * that was unwrapped is not judged.
     *
     * @param time more than zero; default 500 ms
     * @return changed options
     * @throws IllegalArgumentException if it is not more than zero
     */
    public GuardOptions heldFor(Duration time) {
        return new GuardOptions(threshold, slowerThan, nanos("heldFor", time), samples, nanoClock);
    }

    /**
     * How many executions of a statement, of those whose rows are looked at, have to leave the same columns unread before
     * {@link FindingKind#UNREAD_COLUMNS} is reported; a fifth of them is enough for {@link FindingKind#UNREAD_ROWS}. The
     * first 16 executions of each statement are looked at, later ones so seldom that it takes about a hundredth of the time.
     *
     * @param executions at least 1; default 100
     * @return changed options
     * @throws IllegalArgumentException if it is less than 1
     */
    public GuardOptions samples(int executions) {
        if (executions < 1) throw new IllegalArgumentException("samples " + executions + " must be at least 1");
        return new GuardOptions(threshold, slowerThan, heldFor, executions, nanoClock);
    }

    /** For tests: elapsed time. */
    GuardOptions nanoClock(LongSupplier clock) {
        return new GuardOptions(threshold, slowerThan, heldFor, samples, Objects.requireNonNull(clock, "clock"));
    }

    private static long nanos(String knob, Duration time) {
        if (time.isZero() || time.isNegative()) {
            throw new IllegalArgumentException(knob + " " + time + " must be more than zero");
        }
        return time.compareTo(Duration.ofDays(365)) > 0 ? Duration.ofDays(365).toNanos() : time.toNanos();
    }

    int threshold() {
        return threshold;
    }

    long slowerThan() {
        return slowerThan;
    }

    long heldFor() {
        return heldFor;
    }

    int samples() {
        return samples;
    }

    LongSupplier nanoClock() {
        return nanoClock;
    }
}
