package dev.tenfold.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Ours against ours: what a job writes in its whole life, and what it costs a drain that a transaction is held open, so that
 * the database cannot clean up behind it, or that a million jobs ahead are leased and a million behind are not due.
 */
final class JobAlone {
    private static final int A_LIFE = 50_000;
    private static final int A_CALL = 500;
    private static final int DRAINED = 200_000;
    private static final int MANY = 1_000_000;
    private static final String CLEAN = "clean";
    private static final String LSN = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";

    /** Copies of a job: leased by a worker that lives on, and due before it; or due in a day. */
    private static final String LEASED = """
            insert into tenfold_job (run_at, lease_until, lease, worker, attempt, created_at, queue_id, kind_id, priority,
              max_attempts, payload_version, payload)
            select j.run_at - 3600000000 + g, j.run_at + 86400000000, 1, 7, 1, j.created_at, j.queue_id, j.kind_id, j.priority,
              j.max_attempts, j.payload_version, j.payload
            from tenfold_job j, generate_series(1, %d) g
            """;

    private static final String DELAYED = """
            insert into tenfold_job (run_at, created_at, queue_id, kind_id, priority, max_attempts, payload_version, payload)
            select j.run_at + 86400000000 + g, j.created_at, j.queue_id, j.kind_id, j.priority, j.max_attempts,
              j.payload_version, j.payload
            from tenfold_job j, generate_series(1, %d) g where j.lease = 0
            """;

    private JobAlone() {}

    /** From its insert, with 500 others, to its end. */
    static void wal(Session session, List<JobSite> sites) throws Exception {
        session.say("");
        session.say(
                "jobs.wal: bytes of write-ahead log of a job's whole life, " + A_LIFE + " of them enqueued " + A_CALL
                        + " a call, then worked off; by pg_current_wal_insert_lsn, with what autovacuum writes meanwhile");
        for (JobSite site : sites) {
            double[] bytes = new double[3];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = life(site);
            }
            double median = Samples.median(bytes);
            if (site.name().equals(JobsTopic.OURS)) {
                session.emit(Row.alone("jobs.wal.bytes", "any", "bytes/job", median, Better.LOWER));
            } else {
                session.say("  " + site.name() + ": " + Row.number(median) + " bytes/job");
            }
        }
    }

    private static double life(JobSite site) throws Exception {
        site.clear();
        site.settle();
        long before = site.ask(LSN);
        for (int i = 0; i < A_LIFE; i += A_CALL) {
            site.peer().enqueueAll(JobPayload.range(i, A_CALL));
        }
        double unused = JobDrain.drain(site, 0, A_LIFE, site.peer().unfinished());
        return (double) (site.ask(LSN) - before) / A_LIFE;
    }

    static void drains(Session session, JobSite ours) throws Exception {
        int rounds = session.quick() ? 2 : 5;
        session.say("");
        session.say("jobs.drain.pinned: " + DRAINED
                + " jobs, enqueued and worked off while another transaction is open;"
                + " jobs.drain.backlog1m: with " + MANY + " leased jobs ahead of them in the same lane, and " + MANY
                + " that are due in a day; theirs is the clean rate, without either");
        Samples samples = new Samples();
        long total = TimeUnit.SECONDS.toNanos(session.quick() ? 50 : 150);
        try (Progress.Bar bar = session.progress().start("jobs.drain.pinned", total)) {
            for (int round = 0; round < rounds; round++) {
                samples.add(CLEAN, JobDrain.once(ours, DRAINED));
                samples.add("pinned", pinned(ours));
                bar.advance(total / (2L * rounds));
            }
            backlog(ours, rounds, samples);
            bar.advance(total / 2);
        }
        emit(session, samples, "pinned");
        emit(session, samples, "backlog1m");
    }

    private static void emit(Session session, Samples samples, String name) {
        session.emit(new Row(
                "jobs.drain." + name,
                CLEAN,
                "jobs/s",
                JobRounds.rate(samples, name),
                JobRounds.rate(samples, CLEAN),
                samples.paired(name, CLEAN, Better.LOWER::ratio),
                Better.HIGHER));
    }

    private static double pinned(JobSite ours) throws Exception {
        ours.clear();
        try (Connection pin = ours.connect();
                Statement statement = pin.createStatement()) {
            pin.setAutoCommit(false);
            statement.execute("select txid_current()");
            JobDrain.load(ours, 0, DRAINED);
            ours.settle();
            double nanos = JobDrain.drain(ours, 0, DRAINED, ours.peer().unfinished());
            pin.rollback();
            return nanos;
        }
    }

    private static void backlog(JobSite ours, int rounds, Samples samples) throws Exception {
        ours.clear();
        JobDrain.load(ours, 0, 1);
        insert(ours, LEASED);
        insert(ours, DELAYED);
        // What was copied has done its service.
        ours.execute("delete from tenfold_job where lease = 0 and run_at < created_at + 60000000");
        long last = ours.ask("select max(id) from tenfold_job");
        ours.settle();
        for (int round = 0; round < rounds; round++) {
            JobDrain.load(ours, 0, DRAINED);
            ours.settle();
            samples.add(
                    "backlog1m",
                    JobDrain.drain(ours, 0, DRAINED, "select 1 from tenfold_job where id > " + last + " limit 1"));
        }
        ours.clear();
    }

    private static void insert(JobSite ours, String copies) throws SQLException {
        ours.execute(copies.formatted(MANY));
    }
}
