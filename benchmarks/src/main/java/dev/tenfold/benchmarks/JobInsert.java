package dev.tenfold.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** How fast jobs are enqueued, one by one and many a call, with nobody at work. */
final class JobInsert {
    private static final int MANY = 4;
    private static final int A_CALL = 500;

    private JobInsert() {}

    static void run(Session session, List<JobSite> sites) throws Exception {
        session.say("");
        session.say("jobs.insert: one job a call, each a transaction, " + MANY
                + " threads (single: one); jobs.bulkinsert: " + A_CALL + " jobs a call, one thread");
        compare(session, "jobs.insert", sites, MANY, 1);
        compare(session, "jobs.insert.single", sites, 1, 1);
        compare(session, "jobs.bulkinsert", sites, 1, A_CALL);
    }

    private static void compare(Session session, String prefix, List<JobSite> sites, int threads, int aCall)
            throws Exception {
        boolean quick = session.quick();
        Duration length = quick ? Duration.ofMillis(400) : Duration.ofSeconds(2);
        int rounds = quick ? 4 : 7;
        long seconds = Math.max(1, length.toMillis() * sites.size() * (rounds + 1) / 1_000);
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            Samples samples = new JobRounds(session, prefix, sites)
                    .play(rounds, seconds, site -> slice(site, executor, threads, aCall, length));
            JobRounds.emit(session, prefix, samples, sites);
        } finally {
            executor.shutdownNow();
        }
    }

    /** Nanoseconds a job, of all threads together. */
    static double slice(JobSite site, ExecutorService executor, int threads, int aCall, Duration length)
            throws Exception {
        site.clear();
        AtomicLong numbers = new AtomicLong();
        AtomicLong jobs = new AtomicLong();
        long start = System.nanoTime();
        long end = start + length.toNanos();
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            running.add(executor.submit(() -> {
                do {
                    long from = numbers.getAndAdd(aCall);
                    if (aCall == 1) {
                        site.peer().enqueue(JobPayload.of(from));
                    } else {
                        site.peer().enqueueAll(JobPayload.range(from, aCall));
                    }
                    jobs.addAndGet(aCall);
                } while (System.nanoTime() < end);
                return null;
            }));
        }
        for (Future<?> each : running) {
            Object unused = each.get();
        }
        return (double) (System.nanoTime() - start) / jobs.get();
    }
}
