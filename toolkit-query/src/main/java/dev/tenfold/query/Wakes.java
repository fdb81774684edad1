package dev.tenfold.query;

import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Step four of a batched load: makes the released members run again. Not thread-safe: each completer has its own.
 *
 * <p>Whoever used it calls {@link #flush} before doing anything that may take time, or some members sleep on.
 */
final class Wakes {
    /*
     * To unpark a virtual thread from a platform thread, as the opener of a scope usually is, goes through the scheduler's
     * submission queue and its lock: some 0.6 microseconds a thread, more than all the rest of a load. A virtual thread
     * unparks another one at half of that. So the opener wakes one member in 32, which wakes the 31 that were released
     * before it, and then goes on. The group is handed over before the leader is released, so a leader that runs sees it.
     */
    private static final int GROUP = Threads.VIRTUAL == null ? 1 : 32;

    private Waiter[] group = new Waiter[GROUP];
    private int size;

    /** Releases the waiter, and wakes it now or at the next {@link #flush}; false if it had left. */
    boolean release(Waiter waiter) {
        if (size < GROUP - 1) {
            boolean released = waiter.markReleased();
            if (released) {
                group[size++] = waiter;
            }
            return released;
        }
        waiter.relay = size == 0 ? null : group;
        if (!waiter.markReleased()) {
            waiter.relay = null;
            return false;
        }
        LockSupport.unpark(waiter.thread);
        if (size > 0) {
            group = new Waiter[GROUP];
            size = 0;
        }
        return true;
    }

    /** Wakes those that are left. */
    void flush() {
        wake(group);
        Arrays.fill(group, 0, size, null);
        size = 0;
    }

    static void wake(@Nullable Waiter[] group) {
        for (Waiter waiter : group) {
            if (waiter == null) {
                return;
            }
            LockSupport.unpark(waiter.thread);
        }
    }
}
