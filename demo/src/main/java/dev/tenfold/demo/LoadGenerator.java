package dev.tenfold.demo;

import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import org.HdrHistogram.Histogram;

/**
 * Offers an open load: when each request starts is fixed before the first one, and a slow answer delays none of the
 * others. Latency counts from the time that the schedule names, so time spent waiting is in it.
 */
final class LoadGenerator {
    private static final long PENDING = -1;
    private static final long FAILED = -2;

    private final long[] startNanos;
    private final Duration length;
    private final Duration grace;

    private LoadGenerator(long[] startNanos, Duration length, Duration grace) {
        this.startNanos = startNanos;
        this.length = length;
        this.grace = grace;
    }

    /** Users who come independently of each other (a Poisson process), at exactly this rate; always the same users. */
    static LoadGenerator poisson(double perSecond, Duration length, Duration grace) {
        Random random = new Random(7);
        long[] starts = random.longs((long) (perSecond * length.toMillis() / 1_000), 0, length.toNanos())
                .sorted()
                .toArray();
        return new LoadGenerator(starts, length, grace);
    }

    /** Requests at equal distances. */
    static LoadGenerator constant(double perSecond, Duration length, Duration grace) {
        long[] starts = new long[(int) (perSecond * length.toMillis() / 1_000)];
        Arrays.setAll(starts, i -> (long) (i * 1e9 / perSecond));
        return new LoadGenerator(starts, length, grace);
    }

    int requests() {
        return startNanos.length;
    }

    /**
     * Blocks for the length, and at most the grace longer.
     *
     * @param send starts the n-th request and does not block; true means answered well
     * @param answered called after each answer, on any thread
     */
    Load run(IntFunction<CompletableFuture<Boolean>> send, Runnable answered) {
        int requests = startNanos.length;
        AtomicLongArray nanos = new AtomicLongArray(requests);
        AtomicIntegerArray perSecond =
                new AtomicIntegerArray((int) length.plus(grace).toSeconds() + 2);
        CountDownLatch open = new CountDownLatch(requests);
        for (int i = 0; i < requests; i++) {
            nanos.set(i, PENDING);
        }
        long start = System.nanoTime();
        for (int i = 0; i < requests; i++) {
            parkUntil(start + startNanos[i]);
            int n = i;
            CompletableFuture<?> unused = send.apply(n).handle((good, thrown) -> {
                long now = System.nanoTime() - start;
                boolean ok = thrown == null && Boolean.TRUE.equals(good);
                if (nanos.compareAndSet(n, PENDING, ok ? now - startNanos[n] : FAILED) && ok) {
                    int second = (int) TimeUnit.NANOSECONDS.toSeconds(now);
                    if (second < perSecond.length()) {
                        perSecond.incrementAndGet(second);
                    }
                }
                answered.run();
                open.countDown();
                return null;
            });
        }
        awaitUntil(open, start + length.plus(grace).toNanos());
        return collect(nanos, perSecond, System.nanoTime() - start);
    }

    /** A request without an answer counts with the time that it waited: to give up must not look fast. */
    private Load collect(AtomicLongArray nanos, AtomicIntegerArray perSecond, long tookNanos) {
        Histogram latency = new Histogram(3);
        int served = 0;
        int failed = 0;
        for (int i = 0; i < startNanos.length; i++) {
            long waited = tookNanos - startNanos[i];
            long outcome = nanos.getAndSet(i, FAILED);
            if (outcome >= 0) {
                served++;
            } else if (outcome == FAILED) {
                failed++;
            }
            latency.recordValue(TimeUnit.NANOSECONDS.toMicros(outcome >= 0 ? outcome : Math.max(0, waited)));
        }
        int seconds = (int) length.toSeconds();
        int[] offeredPerSecond = new int[seconds];
        for (long at : startNanos) {
            offeredPerSecond[(int) Math.min(seconds - 1L, TimeUnit.NANOSECONDS.toSeconds(at))]++;
        }
        int[] servedPerSecond = new int[seconds];
        Arrays.setAll(servedPerSecond, perSecond::get);
        double took = Math.max(length.toNanos(), tookNanos) / 1e9;
        return new Load(
                startNanos.length,
                served,
                failed,
                length.toMillis() / 1e3,
                took,
                latency,
                offeredPerSecond,
                servedPerSecond);
    }

    private static void parkUntil(long nanoTime) {
        for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static void awaitUntil(CountDownLatch latch, long nanoTime) {
        try {
            boolean unused = latch.await(nanoTime - System.nanoTime(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
