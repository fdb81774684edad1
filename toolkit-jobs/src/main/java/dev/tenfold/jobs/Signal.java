package dev.tenfold.jobs;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Ends one thread's wait. A signal is never lost: that thread lowers it first, then looks for work, then waits; others leave
 * work first, then raise it.
 */
final class Signal {
    private volatile boolean raised;
    private volatile @Nullable Thread waiter;

    void raise() {
        if (!raised) {
            raised = true;
            LockSupport.unpark(waiter);
        }
    }

    void lower() {
        raised = false;
    }

    /** Returns when raised, interrupted, or after so many nanoseconds. */
    void await(long nanos) {
        long deadline = System.nanoTime() + nanos;
        waiter = Thread.currentThread();
        try {
            long left = nanos;
            while (!raised && left > 0 && !Thread.currentThread().isInterrupted()) {
                LockSupport.parkNanos(this, left);
                left = deadline - System.nanoTime();
            }
        } finally {
            waiter = null;
        }
    }
}
