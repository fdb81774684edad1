package dev.tenfold.benchmarks;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The floor under a blocking load: virtual threads that wait and are woken, and nothing else. Members wait until all do;
 * the opener, as in a scope, wakes each.
 */
final class Parking {
    private final int members;
    private final int times;
    private final Thread opener = Thread.currentThread();
    private final AtomicInteger running;
    private volatile int round;

    private Parking(int members, int times) {
        this.members = members;
        this.times = times;
        this.running = new AtomicInteger(members);
    }

    /** Starts the members, lets each wait so many times, and returns when they have ended. */
    static void run(int members, int times) throws InterruptedException {
        new Parking(members, times).run();
    }

    private void run() throws InterruptedException {
        Thread[] threads = new Thread[members];
        for (int i = 0; i < members; i++) {
            threads[i] = startVirtual(this::member);
        }
        for (int next = 1; next <= times; next++) {
            while (running.get() > 0) {
                LockSupport.park(this);
            }
            running.set(members);
            round = next;
            for (Thread thread : threads) {
                LockSupport.unpark(thread);
            }
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void member() {
        for (int next = 1; next <= times; next++) {
            if (running.decrementAndGet() == 0) {
                LockSupport.unpark(opener);
            }
            while (round < next) {
                LockSupport.park(this);
            }
        }
    }

    private static Thread startVirtual(Runnable body) {
        try {
            return (Thread) Virtual.START.invokeExact(body);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("Thread.startVirtualThread throws no checked exception", e);
        }
    }

    /** Looked up only where it is called: the compiler for Java 17 does not know virtual threads. */
    private static final class Virtual {
        static final MethodHandle START;

        static {
            try {
                START = MethodHandles.publicLookup()
                        .findStatic(
                                Thread.class,
                                "startVirtualThread",
                                MethodType.methodType(Thread.class, Runnable.class));
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
    }
}
