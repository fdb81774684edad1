package dev.tenfold.benchmarks;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** How long a job waits that is enqueued while nothing else is to do: from just before the call to the start of its handler. */
final class JobPickup {
    private static final double NANOS_PER_MILLI = 1e6;
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(30);
    private static final int DIGITS = 3;
    private static final int WARM_UP = 30;
    private static final long LEAST_GAP = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int GAP_MILLIS = 30;

    private JobPickup() {}

    /**
     * Compares one of ours with peers.
     *
     * @param prefix {@code jobs.pickup}, or more
     */
    static void run(Session session, String prefix, List<JobSite> sites) throws Exception {
        int rounds = session.quick() ? 2 : 5;
        Map<String, Histogram> waits = new HashMap<>();
        int samples = session.quick() ? 100 : 200;
        // Warmed up within each turn, so that the first round may count, too.
        Samples unused = new JobRounds(session, prefix, sites)
                .play(rounds - 1, seconds(sites, rounds, samples), site -> {
                    Histogram histogram = waits.computeIfAbsent(site.name(), name -> new Histogram(LONGEST, DIGITS));
                    turn(site, polls(site) ? samples / 25 : samples, histogram);
                    return histogram.getValueAtPercentile(50);
                });
        Histogram ours = waits.get(JobsTopic.OURS);
        if (ours == null) throw new IllegalStateException(prefix + " was run without ours");
        for (JobSite site : sites) {
            if (site.name().equals(JobsTopic.OURS)) continue;
            Histogram theirs = waits.get(site.name());
            emit(session, prefix, site.name(), 50, ours, theirs);
            emit(session, prefix, site.name(), 99, ours, theirs);
        }
        session.say(prefix + ": n = " + ours.getTotalCount() + " of ours");
    }

    private static boolean polls(JobSite site) {
        return site.contender().fromFirstCall();
    }

    private static long seconds(List<JobSite> sites, long rounds, long samples) {
        long seconds = 0;
        for (JobSite site : sites) {
            seconds += polls(site) ? rounds * samples / 10 : rounds * (samples + WARM_UP) / 30;
        }
        return Math.max(1, seconds);
    }

    private static void emit(
            Session session, String prefix, String peer, int percentile, Histogram ours, @Nullable Histogram theirs) {
        String name = prefix + ".p" + percentile + "." + peer;
        double a = ours.getValueAtPercentile(percentile) / NANOS_PER_MILLI;
        session.emit(
                theirs == null || theirs.getTotalCount() == 0
                        ? Row.alone(name, peer, "ms", a, Better.LOWER)
                        : Row.of(
                                name,
                                peer,
                                "ms",
                                a,
                                theirs.getValueAtPercentile(percentile) / NANOS_PER_MILLI,
                                Better.LOWER));
    }

    /** Adds the waits of so many jobs. */
    static void turn(JobSite site, int samples, Histogram histogram) throws Exception {
        site.clear();
        site.settle();
        Random random = new Random(7);
        SynchronousQueue<long[]> started = new SynchronousQueue<>();
        site.peer().start(id -> {
            long now = System.nanoTime();
            try {
                boolean unused = started.offer(new long[] {id, now}, 10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try {
            int warmUp = polls(site) ? 0 : WARM_UP;
            for (int i = 0; i < warmUp + samples; i++) {
                LockSupport.parkNanos(LEAST_GAP + TimeUnit.MILLISECONDS.toNanos(random.nextInt(GAP_MILLIS + 1)));
                JobPayload payload = JobPayload.of(i);
                long before = System.nanoTime();
                site.peer().enqueue(payload);
                long[] start = started.poll(LONGEST, TimeUnit.NANOSECONDS);
                if (start == null || start[0] != payload.id()) {
                    throw new IllegalStateException(site.name() + " does not run a job within "
                            + TimeUnit.NANOSECONDS.toSeconds(LONGEST) + " s, or runs another");
                }
                if (i >= warmUp) histogram.recordValue(Math.min(LONGEST, start[1] - before));
            }
        } finally {
            site.peer().stop();
        }
    }
}
