package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.sql.DataSource;

/** Compares what the jobs have left behind with the producer's ledger. */
final class SoakChecks {
    /** A handler's run, as far as it has told. */
    private static final class Attempt {
        final long lease;
        long start = Long.MAX_VALUE;
        long end = Long.MIN_VALUE;

        Attempt(long lease) {
            this.lease = lease;
        }
    }

    private record Change(long at, int by, String key) {}

    private final Collection<SoakProducer.Deal> deals;
    private final Set<String> markers = new HashSet<>();
    private final Map<String, List<Long>> effects = new HashMap<>();
    /** By job and lease. */
    private final Map<String, TreeMap<Long, Attempt>> attempts = new HashMap<>();

    private final Map<String, List<String>> byConcurrencyKey = new HashMap<>();
    private final Map<String, List<Long>> deaths = new HashMap<>();
    private final Map<String, Long> rest = new LinkedHashMap<>();
    private final Map<String, List<String>> violations = new LinkedHashMap<>();

    int jobs;
    int unknown;
    int secondRuns;

    SoakChecks(Collection<SoakProducer.Deal> deals) {
        this.deals = deals;
    }

    /** What is wrong, by what it is called; empty lists for what is right. */
    Map<String, List<String>> run(DataSource direct) throws SQLException {
        for (String check : List.of(
                "lost",
                "effects committed twice",
                "effects of what was rolled back",
                "answers that were wrong",
                "dead letters that should not be",
                "callbacks too early",
                "chains out of order",
                "limits exceeded",
                "rows left behind")) {
            violations.put(check, new ArrayList<>());
        }
        try (Connection connection = direct.getConnection()) {
            read(connection);
        }
        deals.forEach(this::check);
        checkStrangers();
        byConcurrencyKey.forEach(this::checkLimit);
        checkRest();
        return violations;
    }

    private void wrong(String check, String what) {
        violations.computeIfAbsent(check, unused -> new ArrayList<>()).add(what);
    }

    // ---- what there is ----------------------------------------------------------------------------------------------

    private interface Row {
        void read(ResultSet row) throws SQLException;
    }

    private static void each(Connection connection, String sql, Row row) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                row.read(rows);
            }
        }
    }

    private void read(Connection connection) throws SQLException {
        each(connection, "select name from soak_marker", row -> markers.add(row.getString(1)));
        each(
                connection,
                "select key, at from soak_effect order by at",
                row -> effects.computeIfAbsent(row.getString(1), unused -> new ArrayList<>())
                        .add(row.getLong(2)));
        each(
                connection,
                "select convert_from(payload, 'UTF8')::jsonb ->> 'key', died_at from tenfold_job_dead",
                row -> deaths.computeIfAbsent(row.getString(1), unused -> new ArrayList<>())
                        .add(row.getLong(2)));
        each(connection, "select key, lease, what, at, concurrency_key from soak_event order by id", this::readEvent);
        for (String table : List.of("tenfold_job", "tenfold_job_batch", "tenfold_job_window", "tenfold_job_worker")) {
            each(connection, "select count(*) from " + table, row -> rest.put(table, row.getLong(1)));
        }
        for (String odd : List.of(
                "tenfold_job_window where job_id = 0",
                "tenfold_job_concurrency where concurrency_key not in ('"
                        + String.join("', '", SoakProducer.CONCURRENCY_KEYS) + "')",
                "tenfold_job_error where job_id not in (select id from tenfold_job_dead)",
                "tenfold_job_dead where reason not in ('EXHAUSTED', 'REJECTED', 'CRASH_LOOP')",
                "tenfold_job_progress")) {
            each(connection, "select count(*) from " + odd, row -> rest.put(odd, row.getLong(1)));
        }
    }

    private void readEvent(ResultSet row) throws SQLException {
        String key = row.getString(1);
        long lease = row.getLong(2);
        TreeMap<Long, Attempt> known = attempts.get(key);
        if (known == null) {
            known = new TreeMap<>();
            attempts.put(key, known);
            String concurrencyKey = row.getString(5);
            if (concurrencyKey != null) {
                byConcurrencyKey
                        .computeIfAbsent(concurrencyKey, unused -> new ArrayList<>())
                        .add(key);
            }
        }
        Attempt attempt = known.computeIfAbsent(lease, Attempt::new);
        if (row.getString(3).equals("start")) {
            attempt.start = Math.min(attempt.start, row.getLong(4));
        } else {
            attempt.end = Math.max(attempt.end, row.getLong(4));
        }
    }

    // ---- deals ------------------------------------------------------------------------------------------------------

    private void check(SoakProducer.Deal deal) {
        boolean isThere = isThere(deal);
        if (deal.marked && deal.fate == SoakProducer.Fate.UNKNOWN) {
            unknown++;
        }
        if (deal.marked && deal.fate != SoakProducer.Fate.UNKNOWN && isThere != markers.contains(deal.name)) {
            wrong("answers that were wrong", deal.name + " was " + deal.fate);
        }
        if (!isThere) {
            for (String key : deal.jobs.keySet()) {
                if (effects.containsKey(key) || attempts.containsKey(key) || deaths.containsKey(key)) {
                    wrong("effects of what was rolled back", key);
                }
            }
            return;
        }
        jobs += deal.jobs.size();
        boolean whole = true;
        for (Map.Entry<String, SoakProducer.Want> each : deal.jobs.entrySet()) {
            whole &= isDone(each.getKey(), each.getValue());
        }
        if (whole) {
            checkOrder(deal);
        }
    }

    private boolean isThere(SoakProducer.Deal deal) {
        boolean isOpen = deal.marked && deal.fate == SoakProducer.Fate.UNKNOWN;
        return isOpen ? markers.contains(deal.name) : deal.fate == SoakProducer.Fate.COMMITTED;
    }

    private boolean isDone(String key, SoakProducer.Want want) {
        int dead = deaths.getOrDefault(key, List.of()).size();
        int times = effects.getOrDefault(key, List.of()).size();
        if (times > 1) {
            wrong("effects committed twice", key + ", " + times + " times");
        }
        if (dead != (want == SoakProducer.Want.DEATH ? 1 : 0)) {
            wrong(dead == 0 ? "lost" : "dead letters that should not be", key + ": dead letters: " + dead);
            return false;
        }
        boolean done = switch (want) {
            case EFFECT -> times > 0;
            case EVENTS -> firstEnd(key) < Long.MAX_VALUE;
            case DEATH -> times == 0;
        };
        if (!done) {
            wrong("lost", key + " (" + want + ")");
        }
        if (want == SoakProducer.Want.EVENTS) {
            secondRuns += attempts.getOrDefault(key, new TreeMap<>()).size() > 1 ? 1 : 0;
        }
        return done;
    }

    private long firstEnd(String key) {
        return attempts.getOrDefault(key, new TreeMap<>()).values().stream()
                .filter(each -> each.start < Long.MAX_VALUE && each.end > Long.MIN_VALUE)
                .mapToLong(each -> each.end)
                .min()
                .orElse(Long.MAX_VALUE);
    }

    /** When it had done its work first. */
    private long doneAt(String key, SoakProducer.Want want) {
        return switch (want) {
            case EFFECT -> effects.getOrDefault(key, List.of(Long.MAX_VALUE)).get(0);
            case EVENTS -> firstEnd(key);
            case DEATH -> deaths.getOrDefault(key, List.of(Long.MAX_VALUE)).get(0);
        };
    }

    private void checkOrder(SoakProducer.Deal deal) {
        for (int i = 1; i < deal.chain.size(); i++) {
            long before = doneAt(deal.chain.get(i - 1), SoakProducer.Want.EFFECT);
            long after = doneAt(deal.chain.get(i), SoakProducer.Want.EFFECT);
            if (after <= before) {
                wrong("chains out of order", deal.chain.get(i) + " by " + (before - after) + " us");
            }
        }
        String callback = deal.callback;
        if (callback != null) {
            long last = doneAt(callback, SoakProducer.Want.EFFECT);
            deal.jobs.forEach((key, want) -> {
                if (!key.equals(callback) && !key.endsWith("/child") && doneAt(key, want) >= last) {
                    wrong("callbacks too early", callback + " before " + key);
                }
            });
        }
    }

    /** What nobody has enqueued. */
    private void checkStrangers() {
        Set<String> known = new HashSet<>();
        deals.forEach(deal -> known.addAll(deal.jobs.keySet()));
        for (Set<String> keys : List.of(effects.keySet(), attempts.keySet(), deaths.keySet())) {
            for (String key : keys) {
                if (!known.contains(key)) {
                    wrong("effects of what was rolled back", key + ", which nobody has enqueued");
                }
            }
        }
    }

    // ---- limits -----------------------------------------------------------------------------------------------------

    /**
     * How many jobs of a key ran at once. A run counts from when it had told of its start until it told of its end, and no
     * longer than until somebody else had the job; one that was killed or has lost its job counts for nothing.
     */
    private void checkLimit(String concurrencyKey, List<String> keys) {
        List<Change> changes = new ArrayList<>();
        for (String key : keys) {
            TreeMap<Long, Attempt> runs = attempts.getOrDefault(key, new TreeMap<>());
            for (Attempt each : runs.values()) {
                Map.Entry<Long, Attempt> next = runs.higherEntry(each.lease);
                long end = next == null ? each.end : Math.min(each.end, next.getValue().start);
                if (each.start < end) {
                    changes.add(new Change(each.start, 1, key));
                    changes.add(new Change(end, -1, key));
                }
            }
        }
        changes.sort(Comparator.comparingLong(Change::at).thenComparingInt(Change::by));
        int limit = SoakProducer.limit(concurrencyKey);
        int running = 0;
        for (Change each : changes) {
            running += each.by;
            if (running > limit) {
                wrong("limits exceeded", running + " of " + concurrencyKey + " when " + each.key + " began");
            }
        }
    }

    // ---- tables -----------------------------------------------------------------------------------------------------

    private void checkRest() {
        long windows = deals.stream()
                .filter(deal -> deal.windowed && deal.fate == SoakProducer.Fate.COMMITTED)
                .count();
        rest.forEach((what, count) -> {
            switch (what) {
                case "tenfold_job_window" -> {
                    if (count != windows) {
                        wrong("rows left behind", what + " has " + count + " rows, " + windows + " were asked for");
                    }
                }
                case "tenfold_job_worker" -> {}
                default -> {
                    if (count != 0) {
                        wrong("rows left behind", what + ": " + count);
                    }
                }
            }
        });
    }
}
