package dev.tenfold.benchmarks;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/**
 * How fast a backlog of jobs that do nothing is worked off.
 *
 * <p>Jobs are loaded, the tables vacuumed and a checkpoint made; then the time runs from the start of the workers until the
 * database has no unfinished job any more. Each job is to have run once, and none twice.
 */
final class JobDrain {
    private static final int A_CALL = 1_000;
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(60);
    private static final long LOOK_EVERY = TimeUnit.MICROSECONDS.toNanos(200);

    private JobDrain() {}

    /** How many jobs each site is given: so many as it is likely to do in the time for a drain. */
    private static final class Sizes {
        private static final int LEAST = 500;

        private final Map<JobSite, Integer> sizes = new HashMap<>();
        private final double nanos;

        Sizes(boolean quick) {
            nanos = TimeUnit.SECONDS.toNanos(quick ? 3 : 10);
        }

        double once(JobSite site) throws Exception {
            int most = site.contender().drained();
            // Nothing is known at first: who is not known to be fast begins with a fourth.
            int jobs = sizes.getOrDefault(site, most > 50_000 ? most : most / 4);
            double took = JobDrain.once(site, jobs);
            sizes.putIfAbsent(site, (int) Math.max(LEAST, Math.min(most, nanos / took)));
            return took;
        }

        String told(List<JobSite> sites) {
            return sites.stream()
                    .filter(sizes::containsKey)
                    .map(site -> sizes.get(site) + " for " + site.name())
                    .distinct()
                    .collect(Collectors.joining(", "));
        }
    }

    static void run(Session session, List<JobSite> sites) throws Exception {
        boolean quick = session.quick();
        session.say("");
        session.say(
                "jobs.drain: jobs that do nothing, as many as each does in some seconds, 200000 at most"
                        + "; VACUUM ANALYZE and CHECKPOINT before; from the start of the workers until no unfinished row is left");
        Sizes sizes = new Sizes(quick);
        Samples samples =
                new JobRounds(session, "jobs.drain", sites).play(quick ? 3 : 7, quick ? 100 : 400, sizes::once);
        session.say("jobs.drain: " + sizes.told(sites));
        JobRounds.emit(session, "jobs.drain", samples, sites);
    }

    /** Nanoseconds a job, of a site with nothing else to do. */
    static double once(JobSite site, int jobs) throws Exception {
        site.clear();
        load(site, 0, jobs);
        site.settle();
        return drain(site, 0, jobs, site.peer().unfinished());
    }

    static void load(JobSite site, long from, int jobs) throws Exception {
        for (int i = 0; i < jobs; i += A_CALL) {
            site.peer().enqueueAll(JobPayload.range(from + i, Math.min(A_CALL, jobs - i)));
        }
    }

    /**
     * Nanoseconds a job.
     *
     * @param from the number of the first one
     * @param unfinished a query with a row as long as one of them is not done
     */
    static double drain(JobSite site, long from, int jobs, String unfinished) throws Exception {
        LongAdder runs = new LongAdder();
        LongAdder ids = new LongAdder();
        AtomicLong firstCall = new AtomicLong();
        long start = System.nanoTime();
        long end;
        site.peer().start(id -> {
            if (firstCall.getPlain() == 0) firstCall.compareAndSet(0, System.nanoTime());
            runs.increment();
            ids.add(id);
        });
        try {
            end = await(site, jobs, runs, unfinished, start + LONGEST);
        } finally {
            site.peer().stop();
        }
        long expected = (long) jobs * JobPayload.of(from).id() + (long) jobs * (jobs - 1) / 2;
        if (runs.sum() != jobs || ids.sum() != expected) {
            throw new IllegalStateException(
                    site.name() + " ran " + runs.sum() + " of " + jobs + " jobs, or not each once");
        }
        return (double) (end - (site.contender().fromFirstCall() ? firstCall.get() : start)) / jobs;
    }

    /** When the last was done, as the database has it. */
    private static long await(JobSite site, int jobs, LongAdder runs, String unfinished, long deadline)
            throws SQLException {
        while (System.nanoTime() < deadline) {
            if (runs.sum() >= jobs) {
                // The query sees what was there when it began; how long it takes does not count.
                long asked = System.nanoTime();
                if (site.isEmpty(unfinished)) return asked;
            }
            LockSupport.parkNanos(LOOK_EVERY);
        }
        throw new IllegalStateException(site.name() + " has done " + runs.sum() + " of " + jobs + " jobs after "
                + TimeUnit.NANOSECONDS.toSeconds(LONGEST) + " s, or does not record it");
    }
}
