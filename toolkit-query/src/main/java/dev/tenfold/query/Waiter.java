package dev.tenfold.query;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A member of a scope that gave up its count to wait for one completion.
 *
 * <pre>
 *   PENDING ──release──▶ GO       the completer, which holds a count for the member, lets it run
 *      └──────leave────▶ LEFT     the member takes its count back itself
 * </pre>
 *
 * <p>Exactly one of the two happens, so the count is restored exactly once.
 */
final class Waiter extends Completion.Dependent {
    private static final int PENDING = 0;
    private static final int GO = 1;
    private static final int LEFT = 2;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Waiter.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Thread thread = Thread.currentThread();

    /** Others to wake on the way out, up to the first null; set before the release. */
    @Nullable
    Waiter @Nullable [] relay;

    private volatile int state;

    /** Makes the member runnable again, on a count of the completer's, unless it left. */
    @Override
    boolean release(Object result, Wakes wakes) {
        return wakes.release(this);
    }

    /** The release itself, without waking the thread; false if it had left. */
    boolean markReleased() {
        return STATE.compareAndSet(this, PENDING, GO);
    }

    /** On the thread that waited, once it goes on: wakes those whom it was handed. */
    void relay() {
        Waiter[] group = relay;
        if (group != null) {
            Wakes.wake(group);
        }
    }

    /** As {@link #release(Object, Wakes)}, and wakes it at once, for a caller that holds no count to give. */
    void release(Quiescence quiescence) {
        quiescence.enter(1);
        if (markReleased()) {
            LockSupport.unpark(thread);
        } else {
            quiescence.exit(1);
        }
    }

    /** Stops waiting, unless the completer came first: then the caller goes on to see {@link #released}. */
    boolean leave(Quiescence quiescence) {
        if (STATE.compareAndSet(this, PENDING, LEFT)) {
            quiescence.enter(1);
            return true;
        }
        return false;
    }

    boolean released() {
        return state == GO;
    }

    /** Whether the thread could use a processor: it runs, or is parked on a waiter that was released meanwhile. */
    static boolean isRunnable(Thread thread) {
        return thread.getState() == Thread.State.RUNNABLE
                || (LockSupport.getBlocker(thread) instanceof Waiter waiter && waiter.released());
    }

    /** The same, but for threads that look runnable while the system has them wait, as for a socket. Takes a stack. */
    static boolean wantsProcessor(Thread thread) {
        if (!isRunnable(thread)) {
            return false;
        }
        StackTraceElement[] stack = thread.getStackTrace();
        // Of native methods only those for sockets and files wait; a virtual thread that was unparked shows one, too.
        boolean inSystemCall = stack.length > 0
                && stack[0].isNativeMethod()
                && (stack[0].getClassName().startsWith("sun.nio.")
                        || stack[0].getClassName().startsWith("java.net.")
                        || stack[0].getClassName().startsWith("java.io."));
        return !inSystemCall || thread.getState() != Thread.State.RUNNABLE;
    }

    @Override
    boolean isWaiting() {
        return state != LEFT;
    }
}
