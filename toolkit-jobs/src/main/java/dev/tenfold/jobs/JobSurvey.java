package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Counts what is in the queues, with bounds: no scan reads more than {@link BoundedCount#MOST} rows and one, each along an
 * index, so that a look at a queue with millions of jobs costs the workers nothing.
 */
final class JobSurvey {
    /** Workers beat every few seconds; who has been silent for so long is gone, or cannot reach the database. */
    static final long WORKER_SILENCE = 30_000_000;

    private static final int SCAN = BoundedCount.MOST + 1;
    private static final int QUEUES_A_STATEMENT = 25;
    private static final String PRIORITIES = "(0, 1, 2, 3)";

    private final Db db;
    private final JobStore store;

    JobSurvey(Db db, JobStore store) {
        this.db = db;
        this.store = store;
    }

    // ---- figures ----------------------------------------------------------------------------------------------------

    /** One look at all queues: four statements, and one more for each 25 queues. */
    JobStats stats() throws SQLException {
        List<JobStore.Name> queues = store.queues();
        return db.autocommit(connection -> {
            long now = db.currentMicros(connection);
            Map<Integer, Figures> figures = new HashMap<>();
            for (int from = 0; from < queues.size(); from += QUEUES_A_STATEMENT) {
                List<JobStore.Name> some = queues.subList(from, Math.min(queues.size(), from + QUEUES_A_STATEMENT));
                count(connection, some, now, figures);
            }
            Map<Integer, Long> dead = dead(connection);
            boolean isExact = dead.values().stream().mapToLong(each -> each).sum() <= BoundedCount.MOST;
            List<QueueStats> all = queues.stream()
                    .map(queue -> figures.getOrDefault(queue.id(), new Figures())
                            .of(queue, now, among(dead.getOrDefault(queue.id(), 0L), isExact)))
                    .sorted(Comparator.comparing(QueueStats::name))
                    .toList();
            return new JobStats(
                    Times.instant(now), all, workers(connection, now).size());
        });
    }

    /** The counts of one queue, while they come in. */
    private static final class Figures {
        BoundedCount ready = BoundedCount.ZERO;
        BoundedCount running = BoundedCount.ZERO;
        BoundedCount scheduled = BoundedCount.ZERO;
        BoundedCount parked = BoundedCount.ZERO;
        BoundedCount waiting = BoundedCount.ZERO;
        long oldest = Long.MAX_VALUE;

        QueueStats of(JobStore.Name queue, long now, BoundedCount dead) {
            return new QueueStats(
                    queue.name(),
                    queue.paused(),
                    ready,
                    oldest == Long.MAX_VALUE ? Optional.empty() : Optional.of(micros(now - oldest)),
                    running,
                    scheduled,
                    parked,
                    waiting,
                    dead);
        }
    }

    /** What a row of the statement below is about. */
    private static final String DUE = "due";

    private static final String SCHEDULED = "scheduled";
    private static final String PARKED = "parked";
    private static final String WAITING = "waiting";

    private void count(Connection connection, List<JobStore.Name> queues, long now, Map<Integer, Figures> figures)
            throws SQLException {
        List<String> selects = new ArrayList<>();
        for (JobStore.Name queue : queues) {
            for (Priority priority : Priority.values()) {
                selects.add("select " + queue.id() + " as queue_id, '" + DUE + "' as what, count(*) as scanned,"
                        + " sum(case when " + ready(now) + " then 1 else 0 end) as ready,"
                        + " sum(case when lease_until >= " + now + " then 1 else 0 end) as running,"
                        + " min(case when " + ready(now) + " then run_at end) as oldest"
                        + " from " + due(queue.id(), priority, now) + " t");
            }
            selects.add(later(queue.id(), SCHEDULED, "run_at > " + now + " and run_at < " + Times.LATEST));
            selects.add(later(queue.id(), PARKED, "run_at = " + Times.PARKED));
            selects.add(later(queue.id(), WAITING, "run_at = " + Times.WAITING));
        }
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery(String.join(" union all ", selects))) {
            while (rows.next()) {
                Figures queue = figures.computeIfAbsent(rows.getInt(1), unused -> new Figures());
                BoundedCount scanned = BoundedCount.of(rows.getLong(3));
                switch (rows.getString(2)) {
                    case SCHEDULED -> queue.scheduled = scanned;
                    case PARKED -> queue.parked = scanned;
                    case WAITING -> queue.waiting = scanned;
                    default -> {
                        // What lies behind the end of the scan may be of either.
                        queue.ready = queue.ready.plus(among(rows.getLong(4), scanned.isExact()));
                        queue.running = queue.running.plus(among(rows.getLong(5), scanned.isExact()));
                        long oldest = rows.getLong(6);
                        queue.oldest = rows.wasNull() ? queue.oldest : Math.min(queue.oldest, oldest);
                    }
                }
            }
        }
    }

    private static BoundedCount among(long counted, boolean isExact) {
        return new BoundedCount((int) Math.min(counted, BoundedCount.MOST), isExact);
    }

    /** The first rows of a lane, due ones, leased or not. */
    private String due(int queue, Priority priority, long now) {
        return "(select kind_id, run_at, lease_until, attempt, max_attempts from " + db.table("tenfold_job")
                + " where queue_id = " + queue + " and priority = " + priority.level() + " and run_at <= " + now
                + " order by run_at, id limit " + SCAN + ")";
    }

    private String later(int queue, String what, String condition) {
        return "select " + queue + ", '" + what + "', count(*), 0, 0, 0 from (select 1 as one from "
                + db.table("tenfold_job") + " where queue_id = " + queue + " and priority in " + PRIORITIES + " and "
                + condition + " limit " + SCAN + ") t";
    }

    private static String ready(long now) {
        return "lease_until < " + now + " and attempt < max_attempts";
    }

    /** How many of the newest are of which queue. */
    private Map<Integer, Long> dead(Connection connection) throws SQLException {
        Map<Integer, Long> counts = new HashMap<>();
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery("select queue_id, count(*) from (select queue_id from "
                        + db.table("tenfold_job_dead") + " order by died_at desc, id desc limit " + SCAN
                        + ") t group by queue_id")) {
            while (rows.next()) {
                counts.put(rows.getInt(1), rows.getLong(2));
            }
        }
        return counts;
    }

    // ---- who does what ----------------------------------------------------------------------------------------------

    /** Kinds of one queue that have jobs ready. */
    record Ready(int queue, int kind, BoundedCount jobs, long oldest) {}

    /** What is ready, by queue and kind. Jobs that nobody takes gather at the head of their lane, where this looks. */
    List<Ready> ready(Connection connection, List<JobStore.Name> queues, long now) throws SQLException {
        Map<List<Integer>, Ready> all = new HashMap<>();
        for (int from = 0; from < queues.size(); from += QUEUES_A_STATEMENT) {
            List<String> selects = new ArrayList<>();
            for (JobStore.Name queue : queues.subList(from, Math.min(queues.size(), from + QUEUES_A_STATEMENT))) {
                for (Priority priority : Priority.values()) {
                    selects.add(
                            "select " + queue.id() + " as queue_id, kind_id, count(*) as jobs, min(run_at) as oldest"
                                    + " from " + due(queue.id(), priority, now) + " t where " + ready(now)
                                    + " group by kind_id");
                }
            }
            try (var statement = connection.createStatement();
                    var rows = statement.executeQuery(String.join(" union all ", selects))) {
                while (rows.next()) {
                    Ready one = new Ready(
                            rows.getInt(1), rows.getInt(2), BoundedCount.of(rows.getLong(3)), rows.getLong(4));
                    all.merge(List.of(one.queue, one.kind), one, JobSurvey::both);
                }
            }
        }
        return List.copyOf(all.values());
    }

    private static Ready both(Ready one, Ready other) {
        return new Ready(one.queue, one.kind, one.jobs.plus(other.jobs), Math.min(one.oldest, other.oldest));
    }

    /** A process that works, and what it takes. */
    record LiveWorker(String name, Set<String> queues, Set<String> kinds) {
        boolean takes(String queue, String kind) {
            return queues.contains(queue) && kinds.contains(kind);
        }
    }

    List<LiveWorker> workers(Connection connection, long now) throws SQLException {
        List<LiveWorker> workers = new ArrayList<>();
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery("select name, queues, kinds from " + db.table("tenfold_job_worker")
                        + " where seen_at >= " + (now - WORKER_SILENCE))) {
            while (rows.next()) {
                workers.add(new LiveWorker(rows.getString(1), lines(rows.getString(2)), lines(rows.getString(3))));
            }
        }
        return workers;
    }

    private static Set<String> lines(String text) {
        return Set.of(text.lines().distinct().toArray(String[]::new));
    }

    static Duration micros(long micros) {
        return Duration.of(Math.max(0, micros), ChronoUnit.MICROS);
    }
}
