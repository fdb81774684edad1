package dev.tenfold.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Waits for what other threads do, with a deadline of 30 s that no working machine misses; what is not there then is an {@link
 * AssertionError}. Blocks the caller.
 */
public final class Await {
    /** How long is waited for anything. */
    public static final Duration LIMIT = Duration.ofSeconds(30);

    private static final long LOOK_EVERY = TimeUnit.MICROSECONDS.toNanos(500);

    private Await() {}

    /**
     * Waits until a condition holds, looking each half millisecond.
     *
     * @param what what is waited for, for the error
     * @param condition what has to become true
     */
    public static void until(String what, Callable<Boolean> condition) {
        until(() -> what, condition);
    }

    /**
     * Waits until a condition holds, with a text that is only made for an error.
     *
     * @param what what is waited for
     * @param condition what has to become true
     */
    public static void until(Supplier<String> what, Callable<Boolean> condition) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!holds(condition)) {
            if (System.nanoTime() - deadline >= 0) {
                throw new AssertionError("after " + LIMIT.toSeconds() + " s still not: " + what.get());
            }
            LockSupport.parkNanos(LOOK_EVERY);
        }
    }

    /**
     * Does something until it once took less than a limit, three times at most: a thread that stands still on a busy machine
     * spoils one of them, a defect all.
     *
     * @param limit what the shortest has to be below
     * @param measured does it once, and tells how long it took
     */
    public static void inTime(Duration limit, Callable<Duration> measured) {
        List<Duration> took = new ArrayList<>();
        while (took.size() < 3) {
            try {
                took.add(measured.call());
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            if (took.get(took.size() - 1).compareTo(limit) < 0) return;
        }
        throw new AssertionError("took " + took + ", and should take less than " + limit);
    }

    private static boolean holds(Callable<Boolean> condition) {
        try {
            return condition.call();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Waits until a latch is open.
     *
     * @param latch what others count down
     */
    public static void latch(CountDownLatch latch) {
        try {
            if (!latch.await(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("nobody opened the latch within " + LIMIT.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Waits until all have come to a barrier.
     *
     * @param barrier what others come to as well
     */
    public static void barrier(CyclicBarrier barrier) {
        try {
            barrier.await(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
            throw new AssertionError(e);
        }
    }
}
