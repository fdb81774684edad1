package dev.tenfold.query;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Step two of a batched load: counts the members of a scope that can still run, and says when the last one stopped.
 *
 * <p>Every party that can run holds one count. It gives the count up by {@link #exit} before it waits; whoever wakes it
 * takes a count on its behalf by {@link #enter} <em>before</em> making it runnable. So the count never reaches zero while
 * somebody can run, and the exit that does reach zero happens after every push that the others made: it sees them all.
 */
final class Quiescence {
    /*
     * The low 32 bits hold the count, the high 32 bits a number that changes with every enter and exit. Two equal stamps
     * thus mean that nobody forked, waited, woke or finished in between, which is how the timer tells a member that is
     * blocked elsewhere from a machine that is merely slow. The count never goes below zero, so no borrow crosses over;
     * the number wraps around harmlessly.
     */
    private static final long EVENT = 1L << 32;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Quiescence.class, "state", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Runnable onQuiet;

    @SuppressWarnings("unused") // through STATE
    private volatile long state = 1;

    /** Starts with one count, which the opener of the scope holds. */
    Quiescence(Runnable onQuiet) {
        this.onQuiet = onQuiet;
    }

    /** Takes counts, for oneself while holding one already, or for parties about to be started or woken. */
    void enter(int parties) {
        STATE.getAndAdd(this, EVENT + parties);
    }

    /** Gives counts up; the exit that leaves none behind runs the callback, on its own thread. */
    void exit(int parties) {
        long change = EVENT - parties;
        long left = (long) STATE.getAndAdd(this, change) + change;
        if ((int) left == 0) {
            onQuiet.run();
        }
    }

    int running() {
        return (int) state;
    }

    /** Differs from an earlier stamp if anybody entered or left since. */
    long stamp() {
        return state;
    }
}
