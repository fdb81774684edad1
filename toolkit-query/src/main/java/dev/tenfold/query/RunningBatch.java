package dev.tenfold.query;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One call of a batch function, and how to stop it: cancel its statement, and interrupt its thread.
 *
 * <p>The thread is interrupted only while it is inside the call; an interrupt of ours that came too late to be noticed is
 * cleared at the end, so that it never reaches what the thread does next. For the same reason the end of the call waits
 * for a cancellation in progress: a late one would hit the connection's next statement.
 */
final class RunningBatch {
    private static final long STOP_AGAIN_MILLIS = 500;

    private final ReentrantLock lock = new ReentrantLock();
    private final List<Runnable> stops = new ArrayList<>(1);
    private @Nullable Thread thread;
    private volatile boolean cancelled;
    private volatile boolean waitingForConnection;

    /** False if it was cancelled before: it must not begin then. */
    boolean begin() {
        lock.lock();
        try {
            if (cancelled) {
                return false;
            }
            thread = Thread.currentThread();
            return true;
        } finally {
            lock.unlock();
        }
    }

    void end() {
        lock.lock();
        try {
            thread = null;
            stops.clear();
            if (cancelled) {
                Thread.interrupted();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Registers what stops the work in progress. */
    void onCancel(Runnable stop) {
        lock.lock();
        try {
            stops.add(stop);
            if (cancelled) {
                stop.run();
            }
        } finally {
            lock.unlock();
        }
    }

    /** May take a round trip to the database: not for a thread that others wait for. */
    void cancel() {
        lock.lock();
        try {
            if (!cancelled) {
                cancelled = true;
                if (thread != null) {
                    thread.interrupt();
                }
                stop();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Again and again until the call has ended: a statement that was about to begin has not heard it. */
    private void stop() {
        if (thread != null) {
            ScheduledFuture<?> unused = Threads.TIMER.schedule(
                    () -> Threads.SPARE.execute(this::stopAgain), STOP_AGAIN_MILLIS, TimeUnit.MILLISECONDS);
        }
        stops.forEach(Runnable::run);
    }

    private void stopAgain() {
        lock.lock();
        try {
            if (thread != null) {
                stop();
            }
        } finally {
            lock.unlock();
        }
    }

    boolean isCancelled() {
        return cancelled;
    }

    void waitingForConnection(boolean waiting) {
        waitingForConnection = waiting;
    }

    boolean isWaitingForConnection() {
        return waitingForConnection;
    }
}
