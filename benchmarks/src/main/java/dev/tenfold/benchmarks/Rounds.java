package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Runs contenders against each other: first all until they agree, then in turn, in many short rounds.
 *
 * <p>A round gives each contender one slice of time. The order is drawn anew each round from a fixed seed, so that none
 * always runs first, nor always after the one that leaves the most garbage. What counts is the mean of a slice; results are
 * medians over the rounds (see {@link Samples}).
 */
final class Rounds {
    /** So many rounds are measured even if the time is up, or a median would mean little. */
    private static final int FEWEST = 5;

    private final List<Contender> contenders;
    private final Effort effort;
    private final long[] expected;
    private final int[] nextPage;

    private Rounds(List<Contender> contenders, Effort effort, long[] expected) {
        this.contenders = contenders;
        this.effort = effort;
        this.expected = expected;
        this.nextPage = new int[contenders.size()];
    }

    /**
     * Runs a comparison to its end.
     *
     * @param pages how many inputs there are to work on in turn
     * @throws IllegalStateException if a contender's answer differs from the first one's
     */
    static Samples run(String title, List<Contender> contenders, int pages, Effort effort, Progress progress)
            throws Exception {
        long[] expected = new long[pages];
        for (int page = 0; page < pages; page++) {
            expected[page] = contenders.get(0).request().answer(page);
        }
        Rounds rounds = new Rounds(contenders, effort, expected);
        for (int i = 0; i < contenders.size(); i++) {
            for (int page = 0; page < pages; page++) {
                rounds.request(i);
            }
        }
        long warmUp = effort.warmUp().toNanos() * contenders.size();
        long measured = effort.measured().toNanos();
        try (Progress.Bar bar = progress.start(title, warmUp + measured)) {
            rounds.play(warmUp, 1, bar);
            return rounds.play(measured, FEWEST, bar);
        }
    }

    private Samples play(long nanos, int fewest, Progress.Bar bar) throws Exception {
        Samples samples = new Samples();
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < contenders.size(); i++) {
            order.add(i);
        }
        Random random = new Random(42);
        long start = System.nanoTime();
        long before = start;
        for (int round = 0; round < fewest || before - start < nanos; round++) {
            Collections.shuffle(order, random);
            for (int contender : order) {
                samples.add(contenders.get(contender).name(), slice(contender));
            }
            long now = System.nanoTime();
            bar.advance(now - before);
            before = now;
        }
        return samples;
    }

    /** The mean nanoseconds of a request. */
    private double slice(int contender) throws Exception {
        long length = effort.slice().toNanos();
        long start = System.nanoTime();
        int requests = 0;
        long elapsed;
        do {
            request(contender);
            requests++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < length);
        return (double) elapsed / requests;
    }

    private void request(int contender) throws Exception {
        int page = nextPage[contender];
        nextPage[contender] = page + 1 == expected.length ? 0 : page + 1;
        long answer = contenders.get(contender).request().answer(page);
        if (answer != expected[page]) {
            throw new IllegalStateException(contenders.get(contender).name() + " answers page " + page
                    + " otherwise than " + contenders.get(0).name() + " does");
        }
    }
}
