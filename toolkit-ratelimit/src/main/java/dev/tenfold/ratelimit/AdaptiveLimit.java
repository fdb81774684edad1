package dev.tenfold.ratelimit;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Finds how much the other side bears at once, by how long it takes. Does not block but for a lock that is held for some
 * dozens of nanoseconds; a sample that finds it taken is left out.
 *
 * <pre>
 *   window    0.1 s and 30 samples, or 1 s and 10: their mean is what work takes now
 *   shrink    limit · g, a fifth of the way a window      g = 1.5 · baseline / mean, from 0.5 to 1
 *   grow      √limit / 2 a window, if at least half of the limit was used
 *   drops     two or more, and more than one in a hundred: limit · (1 − their share), from 0.5 to 0.9, and no growth
 *   probe     a third of the limit for a round, 0.1 s or 10 baselines, and 50 samples: their mean is the new baseline
 * </pre>
 *
 * <p>This is TCP Vegas (Brakmo, Peterson 1995) by way of Netflix' Gradient limit. The baseline is what work takes when nothing
 * queues. As a minimum it would never rise when the other side gets slower for good, and the limit would stay at the bottom;
 * as a mean over a long time it would rise under overload, and the limit with it. So, as in BBR (Cardwell et al. 2016), it
 * only falls by itself, and rises only by a probe, which lets the queue drain first. In balance at most twice of what runs
 * without a queue is admitted (growth takes up what {@code g} takes away), so that a third of it has no queue.
 *
 * <p>A probe comes 10 rounds after the last, later and later up to 320 while nothing changes, and at once when the limit has
 * fallen to half: that is overload, or a baseline from better days.
 */
final class AdaptiveLimit {
    private static final double TOLERANCE = 1.5;
    private static final double LOWEST_GRADIENT = 0.5;
    private static final double TOLERATED_DROPS = 0.01;
    private static final double SMOOTHING = 0.2;
    private static final double BASELINE_SMOOTHING = 0.1;
    private static final int PROBE_DIVISOR = 3;
    private static final int PROBE_SAMPLES = 50;
    private static final int PROBE_ROUNDS = 10;
    private static final int ROUND_LENGTH = 10;
    private static final int SHORTEST_PAUSE = 10;
    private static final int LONGEST_PAUSE = 320;
    private static final int FEW_SAMPLES = 10;
    private static final int MANY_SAMPLES = 30;

    private static final long SHORT_WINDOW = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LONG_WINDOW = TimeUnit.SECONDS.toNanos(1);

    private static final long TICK = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long SHORTEST_STALL = TimeUnit.MILLISECONDS.toNanos(20);
    private static final int STALL_FACTOR = 10;

    private final int min;
    private final int max;

    /** What counts now: the target, or a third of it in a probe. */
    private volatile int limit;

    // ---- time that passed unseen
    // -------------------------------------------------------------------------------------

    private final AtomicLong lastSeen;
    private volatile double meanGap = TICK;

    /** What began before that says nothing. */
    private volatile long stallEnd;

    // ---- under the lock
    // ----------------------------------------------------------------------------------------------

    private final ReentrantLock lock = new ReentrantLock();
    private double target;
    private double baseline;
    private double smooth;

    private long windowStart;
    private double sum;
    private int samples;
    private int drops;
    private int mostInFlight;

    private boolean probing;
    private long probeEnd;
    private int pause = SHORTEST_PAUSE;
    private double highest;

    AdaptiveLimit(int min, int initial, int max, long now) {
        this.min = min;
        this.max = max;
        limit = initial;
        target = initial;
        highest = initial;
        windowStart = now;
        probeEnd = now;
        stallEnd = now;
        lastSeen = new AtomicLong(now);
    }

    int limit() {
        return limit;
    }

    // ---- stalls
    // ------------------------------------------------------------------------------------------------------

    /**
     * Notices when nothing was asked for or ended for much longer than usual. That is no overload, under which work goes on to
     * end and to arrive: the process stood still, or all it waits for did.
     */
    void sawTimePass(long now) {
        long before = lastSeen.get();
        long gap = now - before;
        if (gap < TICK || !lastSeen.compareAndSet(before, now)) return;
        double usual = meanGap;
        meanGap = usual + 0.05 * (Math.min((double) gap, STALL_FACTOR * usual) - usual);
        boolean stall = gap >= SHORTEST_STALL && gap >= STALL_FACTOR * usual;
        // Work that comes in bursts stands still all the time.
        if (stall && now - stallEnd >= STALL_FACTOR * gap) stallEnd = now;
    }

    // ---- samples
    // -----------------------------------------------------------------------------------------------------

    void sample(long start, long now, int inFlight) {
        if (start - stallEnd < 0 || !lock.tryLock()) return;
        try {
            if (!probing || isOfProbe(start, now)) add(now - start, inFlight);
            endWindowIfDue(now);
        } finally {
            lock.unlock();
        }
    }

    void dropped(long now) {
        lock.lock();
        try {
            drops++;
            endWindowIfDue(now);
        } finally {
            lock.unlock();
        }
    }

    private void add(long nanos, int inFlight) {
        sum += Math.max(1, nanos);
        samples++;
        mostInFlight = Math.max(mostInFlight, inFlight);
    }

    private void endWindowIfDue(long now) {
        long length = now - windowStart;
        int seen = samples + drops;
        if (probing) {
            boolean enough = length >= round() && samples >= PROBE_SAMPLES;
            // With few calls, some must do; and a probe that gets none must end.
            if (enough || length >= PROBE_ROUNDS * round()) endProbe(now);
        } else if ((length >= SHORT_WINDOW && seen >= MANY_SAMPLES) || (length >= LONG_WINDOW && seen >= FEW_SAMPLES)) {
            endWindow(now);
        }
    }

    private void endWindow(long now) {
        boolean used = 2 * mostInFlight >= (int) target;
        double gradient = 1;
        if (samples > 0) {
            double mean = sum / samples;
            smooth = smooth == 0 ? mean : smooth + BASELINE_SMOOTHING * (mean - smooth);
            baseline = baseline == 0 ? mean : Math.min(baseline, smooth);
            gradient = Math.max(LOWEST_GRADIENT, Math.min(1, TOLERANCE * baseline / mean));
        }
        double lost = (double) drops / (drops + samples);
        if (drops > 1 && lost > TOLERATED_DROPS) {
            target *= Math.max(0.5, Math.min(0.9, 1 - lost));
        } else {
            double growth = used ? Math.sqrt(target) / 2 : 0;
            target += gradient == 1 ? growth : SMOOTHING * (target * gradient - target + growth);
        }
        target = Math.max(min, Math.min(max, target));
        highest = Math.max(highest, target);
        startWindow(now);
        if (used && (now - probeEnd >= pause * round() || target < highest / 2)) startProbe();
        else limit = (int) target;
    }

    private void startWindow(long now) {
        windowStart = now;
        sum = 0;
        samples = 0;
        drops = 0;
        mostInFlight = 0;
    }

    // ---- probes
    // ------------------------------------------------------------------------------------------------------

    /** How long it takes until most of what runs has ended and as much has begun. */
    private double round() {
        return Math.max((double) SHORT_WINDOW, ROUND_LENGTH * baseline);
    }

    /** What began before has met the queue; and of what ends first, all has been short. */
    private boolean isOfProbe(long start, long now) {
        return start - windowStart >= 0 && now - windowStart >= round() / 2;
    }

    private void startProbe() {
        probing = true;
        limit = Math.max(min, (int) (target / PROBE_DIVISOR));
    }

    private void endProbe(long now) {
        if (samples >= FEW_SAMPLES) {
            double measured = sum / samples;
            boolean changed = measured > 1.25 * baseline || measured < 0.8 * baseline;
            pause = changed ? SHORTEST_PAUSE : Math.min(LONGEST_PAUSE, 2 * pause);
            baseline = measured;
            smooth = measured;
        }
        probing = false;
        probeEnd = now;
        highest = target;
        limit = (int) target;
        startWindow(now);
    }
}
