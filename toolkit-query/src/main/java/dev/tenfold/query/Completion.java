package dev.tenfold.query;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A result that arrives once, and those who wait for it: a key's value, a subtask's end, a group's end.
 *
 * <p>The state is a stack of dependents until the result replaces it; adding and completing are each one atomic step, so
 * a dependent is either released by the completer or told at once that the result is there.
 */
class Completion {
    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Completion.class, "state", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile @Nullable Object state;

    /** The result, or null while there is none. */
    final @Nullable Object result() {
        Object s = state;
        return s instanceof Dependent ? null : s;
    }

    /** Whether {@code dependent} was added; if not, {@link #result} has the result. */
    final boolean add(Dependent dependent) {
        while (true) {
            Object s = state;
            if (s != null && !(s instanceof Dependent)) {
                return false;
            }
            dependent.next = (Dependent) s;
            if (STATE.compareAndSet(this, s, dependent)) {
                return true;
            }
        }
    }

    /**
     * Publishes the result and releases the dependents. The caller holds a count for each of them, and one for itself.
     *
     * @param wakes to be flushed by the caller
     * @return how many of the dependents took a count
     */
    final int complete(Object result, Wakes wakes) {
        Object s = STATE.getAndSet(this, result);
        int released = 0;
        for (Dependent d = s instanceof Dependent first ? first : null; d != null; d = d.next) {
            if (d.release(result, wakes)) {
                released++;
            }
        }
        return released;
    }

    /** Whether anybody still wants the result. */
    final boolean isWanted() {
        Object s = state;
        for (Dependent d = s instanceof Dependent first ? first : null; d != null; d = d.next) {
            if (d.isWaiting()) {
                return true;
            }
        }
        return false;
    }

    /** One who waits for a completion. */
    abstract static class Dependent {
        private @Nullable Dependent next;

        /** Goes on with the result; whether it took one of the completer's counts. */
        abstract boolean release(Object result, Wakes wakes);

        abstract boolean isWaiting();
    }
}
