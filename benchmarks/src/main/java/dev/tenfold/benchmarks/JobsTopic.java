package dev.tenfold.benchmarks;

import dev.tenfold.testkit.PostgresServer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Jobs on a PostgreSQL that writes through to the disk: how fast a backlog is worked off, how fast jobs are enqueued, how soon
 * one begins that was just enqueued; what ours writes, and what a long transaction or a huge backlog costs it.
 */
final class JobsTopic implements Topic {
    static final String OURS = "ours";

    @Override
    public String name() {
        return "jobs";
    }

    private interface Comparison {
        void run() throws Exception;
    }

    @Override
    public void run(Session session) throws Exception {
        List<JobSite> sites = new ArrayList<>();
        List<Exception> failures = new ArrayList<>();
        try (PostgresServer server = PostgresServer.start()) {
            session.say("");
            session.say("PostgreSQL " + server.version()
                    + " as initdb sets it up: fsync, synchronous_commit and autovacuum on; a database and a HikariCP pool each;"
                    + " pgjdbc's defaults unless said otherwise; payloads of "
                    + JobPayload.of(0).json().length()
                    + " characters of JSON");
            try {
                open(session, server, sites);
                settings(session, sites);
                attempt(failures, () -> JobDrain.run(session, sites));
                List<JobSite> fastest = oneEach(sites);
                JobSite ours = fastest.get(0);
                attempt(failures, () -> JobInsert.run(session, fastest));
                attempt(failures, () -> JobPickup.run(session, "jobs.pickup", fastest));
                attempt(failures, () -> notified(session, server));
                attempt(failures, () -> JobAlone.wal(session, fastest.subList(0, Math.min(2, fastest.size()))));
                attempt(failures, () -> JobAlone.drains(session, ours));
            } finally {
                for (JobSite site : sites) {
                    attempt(failures, site::close);
                }
            }
        }
        if (!failures.isEmpty()) {
            Exception first = failures.get(0);
            failures.stream().skip(1).forEach(first::addSuppressed);
            throw first;
        }
    }

    /** A peer that does not even open is told of, and left out. */
    private static void open(Session session, PostgresServer server, List<JobSite> sites) throws Exception {
        for (JobContender contender : JobContender.all()) {
            try {
                sites.add(JobSite.open(contender, server));
            } catch (Exception | LinkageError e) {
                if (contender.name().equals(OURS)) throw e;
                session.say("  " + contender.name() + " does not open and is left out: " + e);
            }
        }
    }

    private static void settings(Session session, List<JobSite> sites) {
        session.settings(sites.stream()
                .map(site -> new Contender(site.name(), site.contender().settings(), page -> 0))
                .toList());
    }

    /** Pickup in another process than the one that enqueues. */
    private static void notified(Session session, PostgresServer server) throws Exception {
        session.say("");
        try (JobSite ours = JobSite.open(JobOurs.contender(true), server);
                JobSite limit = JobSite.open(JobLimit.contender(true), server)) {
            List<JobSite> sites = List.of(ours, limit);
            settings(session, sites);
            JobPickup.run(session, "jobs.pickup.notified", sites);
        }
    }

    /** Where settings differ in how they drain, the first ones enqueue. */
    private static List<JobSite> oneEach(List<JobSite> sites) {
        Set<String> names = new HashSet<>();
        return sites.stream().filter(site -> names.add(site.name())).toList();
    }

    /** What one comparison meets does not keep the others from running. */
    private static void attempt(List<Exception> failures, Comparison comparison) {
        try {
            comparison.run();
        } catch (Exception e) {
            failures.add(e);
        }
    }
}
