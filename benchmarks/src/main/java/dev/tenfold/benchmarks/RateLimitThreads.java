package dev.tenfold.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.HdrHistogram.Histogram;

/**
 * Runs contenders against each other as {@link Rounds} does, but each with many threads at once: platform threads, each of
 * which asks again as soon as it has its answer.
 */
final class RateLimitThreads implements AutoCloseable {
    private static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(2);
    private static final int DIGITS = 2;
    private static final double NANOS_PER_MILLI = 1e6;

    private final int threads;
    private final ExecutorService executor;

    RateLimitThreads(int threads) {
        this.threads = threads;
        this.executor = Executors.newFixedThreadPool(threads);
    }

    /** For decisions on a server: slices long enough that the start of the threads does not count. */
    static Effort onServer(boolean quick, int contenders) {
        return quick
                ? new Effort(Duration.ofSeconds(2), Duration.ofSeconds(5L * contenders), Duration.ofSeconds(1))
                : new Effort(Duration.ofSeconds(10), Duration.ofSeconds(30L * contenders), Duration.ofSeconds(2));
    }

    /**
     * What came of a comparison.
     *
     * @param rates requests a second of all threads together, round by round
     * @param p99s how many nanoseconds the slowest hundredth of the requests took at least, round by round
     */
    record Outcome(Samples rates, Samples p99s) {
        Row rate(String name, String peer) {
            return rate(name, peer, "decisions/s");
        }

        Row rate(String name, String peer, String unit) {
            return new Row(
                    name,
                    peer,
                    unit,
                    rates.median("ours"),
                    rates.median(peer),
                    rates.paired("ours", peer, Better.HIGHER::ratio),
                    Better.HIGHER);
        }

        Row p99(String name, String peer) {
            return p99s.row(name, "ours", peer, "ms", NANOS_PER_MILLI);
        }
    }

    /** One contender, with where each thread goes on in its next slice. */
    private static final class Lane {
        final Contender contender;
        final int[] nextPage;

        Lane(Contender contender, int threads, int pages) {
            this.contender = contender;
            this.nextPage = new int[threads];
            for (int thread = 0; thread < threads; thread++) {
                nextPage[thread] = (int) ((long) thread * pages / threads);
            }
        }
    }

    /** What a thread did in a slice: the requests that were answered in time, and the latencies of all. */
    private record Done(long requests, Histogram latencies) {}

    /**
     * Runs a comparison to its end.
     *
     * @param pages how many inputs there are to work on in turn
     * @param expected what each request has to answer
     * @throws IllegalStateException if one is answered otherwise
     */
    Outcome compare(
            String title, List<Contender> contenders, int pages, long expected, Effort effort, Progress progress)
            throws Exception {
        List<Lane> lanes = new ArrayList<>();
        for (Contender contender : contenders) {
            lanes.add(new Lane(contender, threads, pages));
        }
        long round = effort.slice().toNanos() * lanes.size();
        long warmUp = Math.max(1, effort.warmUp().toNanos() / effort.slice().toNanos());
        long measured = Math.max(1, effort.measured().toNanos() / round);
        Random random = new Random(42);
        try (Progress.Bar bar = progress.start(title, (warmUp + measured) * round)) {
            Outcome outcome = new Outcome(new Samples(), new Samples());
            for (long i = -warmUp; i < measured; i++) {
                Collections.shuffle(lanes, random);
                for (Lane lane : lanes) {
                    Done done = slice(lane, pages, expected, effort.slice().toNanos());
                    if (i >= 0) {
                        String name = lane.contender.name();
                        outcome.rates.add(
                                name, done.requests * 1e9 / effort.slice().toNanos());
                        outcome.p99s.add(name, (double) done.latencies.getValueAtPercentile(99));
                    }
                }
                bar.advance(round);
            }
            return outcome;
        }
    }

    private Done slice(Lane lane, int pages, long expected, long nanos) throws Exception {
        CyclicBarrier start = new CyclicBarrier(threads);
        long requests = 0;
        Histogram latencies = new Histogram(LONGEST_NANOS, DIGITS);
        for (Done done : all(thread -> {
            start.await();
            return ask(lane, thread, pages, expected, nanos);
        })) {
            requests += done.requests;
            latencies.add(done.latencies);
        }
        if (requests == 0) {
            throw new IllegalStateException(lane.contender.name() + " has decided nothing within a slice");
        }
        return new Done(requests, latencies);
    }

    private static Done ask(Lane lane, int thread, int pages, long expected, long nanos) throws Exception {
        Histogram latencies = new Histogram(LONGEST_NANOS, DIGITS);
        Contender contender = lane.contender;
        int page = lane.nextPage[thread];
        long requests = 0;
        long begin = System.nanoTime();
        long before = begin;
        while (true) {
            long answer = contender.request().answer(page);
            long now = System.nanoTime();
            if (answer != expected) {
                throw new IllegalStateException(contender.name() + " answers " + answer + ", not " + expected);
            }
            page = page + 1 == pages ? 0 : page + 1;
            latencies.recordValue(Math.min(LONGEST_NANOS, now - before));
            if (now - begin > nanos) break;
            requests++;
            before = now;
        }
        lane.nextPage[thread] = page;
        return new Done(requests, latencies);
    }

    /** The sum of the answers to the first {@code calls} requests, which the threads share. */
    long total(Contender contender, int calls) throws Exception {
        CyclicBarrier start = new CyclicBarrier(threads);
        AtomicInteger next = new AtomicInteger();
        long total = 0;
        for (long sum : all(thread -> {
            start.await();
            long mine = 0;
            for (int page = next.getAndIncrement(); page < calls; page = next.getAndIncrement()) {
                mine += contender.request().answer(page);
            }
            return mine;
        })) {
            total += sum;
        }
        return total;
    }

    private interface Task<T> {
        T run(int thread) throws Exception;
    }

    private <T> List<T> all(Task<T> task) throws Exception {
        List<Callable<T>> tasks = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int thread = i;
            tasks.add(() -> task.run(thread));
        }
        List<T> results = new ArrayList<>();
        for (Future<T> future : executor.invokeAll(tasks)) {
            results.add(future.get());
        }
        return results;
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
