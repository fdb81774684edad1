package dev.tenfold.jobs;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/*
 * Each hot statement takes arrays, so it has one text, and PostgreSQL one plan, whatever the number of jobs.
 *
 * The claim's plan. It has to walk the index tenfold_job_due in order and stop at the limit. Three things see to it: the limit
 * is a literal (with a parameter the planner expects to read a tenth of the table, for which sorting may look cheaper); the
 * rows are chosen in a materialized CTE (else it may join the other way round, and lock more rows than the limit); the time is
 * a scalar sub-select, evaluated once, which can bound an index scan where clock_timestamp() itself cannot. One thing can
 * still go wrong: a generic plan that was made while the table was empty reads it from end to end, and is kept when a million
 * jobs arrive until the next analyze. A claim that took long therefore has its session make its plans anew.
 */
/** The store in PostgreSQL: the statements that each job goes through are one for many jobs, by hand. Thread-safe. */
final class PostgresStore extends JobStore {
    private static final int MAX_PAYLOADS = 5_000;
    private static final int MAX_BYTES = 4 << 20;
    private static final int RENEWED_AT_ONCE = 1_000;
    private static final int HIGHEST_LIMIT = 1_000;
    private static final long SLOW_CLAIM = TimeUnit.MILLISECONDS.toNanos(20);

    private static final Logger LOG = LoggerFactory.getLogger(PostgresStore.class);

    /** Not the owner; somebody reads it; rows of that day are in the partition for the rest; made by another node now. */
    private static final Set<String> DAYS_STAY = Set.of("42501", "55P03", "23514", "42P07", "23505");

    private static final String COLUMNS =
            "created_at, run_at, queue_id, kind_id, priority, max_attempts, payload_version,"
                    + " headers, unique_key, concurrency_key, concurrency_limit, batch_id, payload";
    private static final Comparator<Claimed> ORDER =
            Comparator.<Claimed>comparingLong(job -> job.runAt).thenComparingLong(job -> job.id);

    private final String job;
    private final String error;
    private final String history;
    /** By limit; null where not rendered yet. Not used with a test's clock, whose time is part of the text. */
    private final AtomicReferenceArray<@Nullable String> claims = new AtomicReferenceArray<>(HIGHEST_LIMIT + 1);

    PostgresStore(Db db) {
        super(db);
        job = db.table("tenfold_job");
        error = db.table("tenfold_job_error");
        history = db.table("tenfold_job_history");
    }

    // ---- enqueue ----------------------------------------------------------------------------------------------------

    @Override
    long insertRow(Connection connection, NewJob job, byte[] payload) throws SQLException {
        String sql = insertInto(job.fromNow) + "?" + (job.uniqueKey == null ? "" : " on conflict do nothing")
                + " returning id";
        try (var statement = connection.prepareStatement(sql)) {
            int at = bindCommon(statement, job);
            statement.setBytes(at, payload);
            try (var rows = statement.executeQuery()) {
                return rows.next() ? rows.getLong(1) : 0;
            }
        }
    }

    private String insertInto(boolean fromNow) {
        String now = db.nowSql();
        return "insert into " + job + " (" + COLUMNS + ") select " + now + ", " + (fromNow ? now + " + ?" : "?")
                + ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ";
    }

    @Override
    void insertAll(Connection connection, NewJob job, List<byte[]> payloads) throws SQLException {
        // Not in the from clause, where PostgreSQL would put all payloads aside first.
        String sql = insertInto(job.fromNow) + "unnest(?::bytea[])";
        try (var statement = connection.prepareStatement(sql)) {
            int at = bindCommon(statement, job);
            for (int from = 0; from < payloads.size(); ) {
                int to = endOfChunk(payloads, from);
                Array chunk = connection.createArrayOf(
                        "bytea", payloads.subList(from, to).toArray(byte[][]::new));
                statement.setArray(at, chunk);
                statement.executeUpdate();
                chunk.free();
                from = to;
            }
        }
    }

    private static int endOfChunk(List<byte[]> payloads, int from) {
        long bytes = 0;
        int to = from;
        while (to < payloads.size() && to - from < MAX_PAYLOADS && (to == from || bytes < MAX_BYTES)) {
            bytes += payloads.get(to++).length;
        }
        return to;
    }

    // ---- claim ------------------------------------------------------------------------------------------------------

    @Override
    List<Lane.Head> heads(Connection connection, List<Lane> lanes, List<Lane.Cursor> cursors, int[] kinds)
            throws SQLException {
        String now = db.nowSql();
        String sql =
                "select l.n, j.run_at, j.id from unnest(?::int[], ?::int[], ?::bigint[], ?::bigint[]) with ordinality"
                        + " as l(queue_id, priority, run_at, id, n) cross join lateral (select t.run_at, t.id from "
                        + job
                        + " t where"
                        + " t.queue_id = l.queue_id and t.priority = l.priority and t.run_at <= " + now
                        + " and t.lease_until < " + now + " and t.attempt < t.max_attempts and t.kind_id = any(?)"
                        + " and (t.run_at, t.id) > (l.run_at, l.id) order by t.run_at, t.id limit 1) j";
        List<Lane.Head> heads = new ArrayList<>();
        try (var statement = connection.prepareStatement(sql)) {
            statement.setArray(
                    1, ints(connection, lanes.stream().mapToInt(Lane::queue).toArray()));
            statement.setArray(
                    2, ints(connection, lanes.stream().mapToInt(Lane::priority).toArray()));
            statement.setArray(3, longs(connection, cursors.stream().mapToLong(Lane.Cursor::runAt)));
            statement.setArray(4, longs(connection, cursors.stream().mapToLong(Lane.Cursor::id)));
            statement.setArray(5, ints(connection, kinds));
            try (var rows = statement.executeQuery()) {
                while (rows.next()) {
                    heads.add(new Lane.Head(lanes.get((int) rows.getLong(1) - 1), rows.getLong(2), rows.getLong(3)));
                }
            }
        }
        return heads;
    }

    @Override
    List<Claimed> claim(Lane lane, Lane.Cursor after, int[] kinds, int limit, long worker, long leaseMicros)
            throws SQLException {
        int step = step(limit);
        List<Claimed> claimed = claimStep(lane, after, kinds, step, worker, leaseMicros);
        for (boolean full = claimed.size() == step; full && claimed.size() < limit; ) {
            Claimed last = claimed.get(claimed.size() - 1);
            step = step(limit - claimed.size());
            List<Claimed> more =
                    claimStep(lane, new Lane.Cursor(last.runAt, last.id), kinds, step, worker, leaseMicros);
            claimed.addAll(more);
            full = more.size() == step;
        }
        return claimed;
    }

    /** The highest limit with a text of its own that is not above the one wanted: a power of two, or whole hundreds. */
    static int step(int limit) {
        return Math.max(Integer.highestOneBit(limit), Math.min(limit, HIGHEST_LIMIT) / 100 * 100);
    }

    private List<Claimed> claimStep(Lane lane, Lane.Cursor after, int[] kinds, int limit, long worker, long leaseMicros)
            throws SQLException {
        String sql = claimSql(limit);
        List<Claimed> claimed = db.statement(connection -> {
            List<Claimed> found = new ArrayList<>(limit);
            long start = System.nanoTime();
            try (var statement = connection.prepareStatement(sql)) {
                statement.setInt(1, lane.queue());
                statement.setInt(2, lane.priority());
                statement.setArray(3, ints(connection, kinds));
                statement.setLong(4, after.runAt());
                statement.setLong(5, after.id());
                statement.setLong(6, worker);
                statement.setLong(7, leaseMicros);
                try (var rows = statement.executeQuery()) {
                    while (rows.next()) {
                        found.add(claimed(rows));
                    }
                }
            }
            if (System.nanoTime() - start > SLOW_CLAIM) {
                planAnew(connection);
            }
            return found;
        });
        claimed.sort(ORDER); // an update returns its rows in no order
        return claimed;
    }

    String claimSql(int limit) {
        String known = db.hasTestClock() ? null : claims.get(limit);
        if (known == null) {
            String now = db.nowSql();
            known = "with c as materialized (select id from " + job + " where "
                    + "queue_id = ? and priority = ? and run_at <= " + now + " and lease_until < " + now
                    + " and attempt < max_attempts and kind_id = any(?) and (run_at, id) > (?, ?) order by run_at, id limit "
                    + limit + " for update skip locked) update " + job
                    + " j set lease = j.lease + 1, attempt = j.attempt + 1, worker = ?, lease_until = " + now
                    + " + ? from c where j.id = c.id returning j.id, j.lease, j.run_at, j.created_at, j.queue_id, j.kind_id,"
                    + " j.priority, j.attempt, j.failures, j.max_attempts, j.payload_version, j.payload, j.headers,"
                    + " j.concurrency_key, j.concurrency_limit, j.admitted, j.batch_id, j.cancelled";
            claims.set(limit, known);
        }
        return known;
    }

    private static Claimed claimed(ResultSet row) throws SQLException {
        return new Claimed(
                row.getLong(1),
                row.getLong(2),
                row.getLong(3),
                row.getLong(4),
                row.getInt(5),
                row.getInt(6),
                row.getInt(7),
                row.getInt(8),
                row.getInt(9),
                row.getInt(10),
                row.getInt(11),
                row.getBytes(12),
                row.getString(13),
                row.getString(14),
                row.getInt(15),
                row.getBoolean(16),
                row.getLong(17),
                row.getBoolean(18));
    }

    private static void planAnew(Connection connection) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute("discard plans");
        }
    }

    @Override
    void promote(Connection connection, Set<String> released) throws SQLException {
        if (released.isEmpty()) {
            return;
        }
        String sql = "update " + job + " j set run_at = " + db.nowSql() + " from unnest(?::text[]) as k(key)"
                + " cross join lateral (select count(*) as used from " + job
                + " u where u.concurrency_key = k.key and u.admitted) u"
                + " cross join lateral (select p.id, p.concurrency_limit, row_number() over (order by p.priority, p.created_at, p.id) as n"
                + " from " + job + " p where p.concurrency_key = k.key and not p.admitted and p.run_at = "
                + Times.PARKED
                + " order by p.priority, p.created_at, p.id limit 1000) p"
                + " where j.id = p.id and p.n + u.used <= p.concurrency_limit and j.run_at = " + Times.PARKED;
        try (var statement = connection.prepareStatement(sql)) {
            statement.setArray(1, connection.createArrayOf("text", released.toArray(String[]::new)));
            statement.executeUpdate();
        }
    }

    // ---- while it runs ----------------------------------------------------------------------------------------------

    @Override
    List<Renewed> renew(long[] ids, long[] leases, long worker, long leaseMicros) throws SQLException {
        // The answer is as of before the update: it has the rows that were passed over, too, as locked or given back.
        String sql = "with d as materialized (select * from unnest(?::bigint[], ?::bigint[]) as d(id, lease)),"
                + " free as materialized (select j.id from " + job + " j join d on j.id = d.id and j.lease = d.lease"
                + " where j.worker = ? and j.lease_until > 0 for update of j skip locked),"
                + " renewed as (update " + job + " j set lease_until = " + db.nowSql()
                + " + ? from free where j.id = free.id)"
                + " select j.id, j.cancelled, f.id is not null from " + job
                + " j join d on j.id = d.id and j.lease = d.lease left join free f on f.id = j.id where j.worker = ?";
        List<Renewed> renewed = new ArrayList<>(ids.length);
        for (int from = 0; from < ids.length; from += RENEWED_AT_ONCE) {
            int start = from;
            int to = Math.min(ids.length, from + RENEWED_AT_ONCE);
            renewed.addAll(db.statement(connection -> {
                List<Renewed> some = new ArrayList<>(to - start);
                try (var statement = connection.prepareStatement(sql)) {
                    statement.setArray(1, longs(connection, Arrays.stream(ids, start, to)));
                    statement.setArray(2, longs(connection, Arrays.stream(leases, start, to)));
                    statement.setLong(3, worker);
                    statement.setLong(4, leaseMicros);
                    statement.setLong(5, worker);
                    try (var rows = statement.executeQuery()) {
                        while (rows.next()) {
                            some.add(new Renewed(rows.getLong(1), rows.getBoolean(2), rows.getBoolean(3)));
                        }
                    }
                }
                return some;
            }));
        }
        return renewed;
    }

    @Override
    boolean lock(Connection connection, long id, long lease, long worker, long leaseMicros) throws SQLException {
        // The shorter of the server's own limit, if it has one, and the lease.
        String sql = "select set_config('idle_in_transaction_session_timeout', least(nullif((extract(epoch from"
                + " current_setting('idle_in_transaction_session_timeout')::interval) * 1000)::bigint, 0), ?)::text, true)"
                + " from " + job + " where id = ? and lease = ? and worker = ? for update";
        try (var statement = connection.prepareStatement(sql)) {
            statement.setLong(1, Math.max(1, leaseMicros / 1_000));
            statement.setLong(2, id);
            statement.setLong(3, lease);
            statement.setLong(4, worker);
            try (var rows = statement.executeQuery()) {
                return rows.next();
            }
        }
    }

    // ---- how it ends ------------------------------------------------------------------------------------------------

    @Override
    long[] finish(List<Ending> done, long worker, History kept, String outcome) throws SQLException {
        List<Ending> plain = new ArrayList<>(done.size());
        List<Ending> linked = new ArrayList<>();
        for (Ending each : done) {
            (each.isLinked() ? linked : plain).add(each);
        }
        long[] finished = plain.isEmpty() ? new long[0] : finishPlain(plain, worker, kept, outcome);
        if (linked.isEmpty()) {
            return finished;
        }
        return LongStream.concat(Arrays.stream(finished), Arrays.stream(super.finish(linked, worker, kept, outcome)))
                .toArray();
    }

    private long[] finishPlain(List<Ending> done, long worker, History kept, String outcome) throws SQLException {
        List<Ending> sorted = sorted(done);
        return db.statement(connection -> {
            try (var statement = connection.prepareStatement(finishSql(kept))) {
                statement.setArray(1, longs(connection, sorted.stream().mapToLong(each -> each.job.id)));
                statement.setArray(2, longs(connection, sorted.stream().mapToLong(each -> each.job.lease)));
                if (kept == History.OFF) {
                    statement.setLong(3, worker);
                } else {
                    statement.setArray(3, longs(connection, sorted.stream().mapToLong(each -> each.runMicros)));
                    statement.setLong(4, worker);
                    statement.setString(5, outcome);
                }
                return ids(statement, sorted.size());
            }
        });
    }

    private String finishSql(History kept) {
        if (kept == History.OFF) {
            return "delete from " + job + " j using unnest(?::bigint[], ?::bigint[]) as d(id, lease)"
                    + " where j.id = d.id and j.lease = d.lease and j.worker = ? returning j.id";
        }
        boolean full = kept == History.FULL;
        return "with gone as (delete from " + job + " j using unnest(?::bigint[], ?::bigint[], ?::bigint[])"
                + " as d(id, lease, run_micros) where j.id = d.id and j.lease = d.lease and j.worker = ?"
                + " returning j.*, d.run_micros), kept as (insert into " + history
                + " (id, finished_at, created_at, run_micros, worker, queue_id, kind_id, attempt, failures, outcome"
                + (full ? ", payload_version, payload, headers" : "") + ") select id, " + db.nowSql()
                + ", created_at, run_micros, worker, queue_id, kind_id, attempt, failures, ?::text"
                + (full ? ", payload_version, payload, headers" : "") + " from gone) select id from gone";
    }

    @Override
    long[] retry(List<Ending> failed, long worker) throws SQLException {
        List<Ending> sorted = sorted(failed);
        // The error goes with the row of a job that is still the worker's.
        String sql = "with d as materialized (select * from unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::int[],"
                + " ?::text[], ?::text[], ?::text[], ?::text[])"
                + " as d(id, lease, delay, attempt, fingerprint, type, message, stack)),"
                + " r as (update " + job + " j set run_at = " + db.nowSql()
                + " + d.delay, lease_until = 0, failures = j.failures + 1 from d"
                + " where j.id = d.id and j.lease = d.lease and j.worker = ? and j.lease_until > 0 returning j.id),"
                + " e as (insert into " + error + " (job_id, attempt, occurred_at, fingerprint, type, message, stack)"
                + " select d.id, d.attempt, " + db.nowSql() + ", d.fingerprint, d.type, d.message, d.stack"
                + " from d join r on r.id = d.id where d.fingerprint is not null) select id from r" + written();
        return db.statement(connection -> {
            try (var statement = connection.prepareStatement(sql)) {
                int size = sorted.size();
                Integer[] attempts = new Integer[size];
                String[] fingerprints = new String[size];
                String[] types = new String[size];
                String[] messages = new String[size];
                String[] stacks = new String[size];
                for (int i = 0; i < size; i++) {
                    JobError thrown = sorted.get(i).error;
                    if (thrown != null) {
                        attempts[i] = thrown.attempt();
                        fingerprints[i] = thrown.fingerprint();
                        types[i] = thrown.type();
                        messages[i] = thrown.message();
                        stacks[i] = thrown.stack();
                    }
                }
                bindDelayed(connection, statement, sorted);
                statement.setArray(4, connection.createArrayOf("int4", attempts));
                statement.setArray(5, connection.createArrayOf("text", fingerprints));
                statement.setArray(6, connection.createArrayOf("text", types));
                statement.setArray(7, connection.createArrayOf("text", messages));
                statement.setArray(8, connection.createArrayOf("text", stacks));
                statement.setLong(9, worker);
                statement.setLong(10, worker);
                return ids(statement, size);
            }
        });
    }

    @Override
    long[] release(List<Ending> unharmed, long worker) throws SQLException {
        List<Ending> sorted = sorted(unharmed);
        String sql = "with d as materialized (select * from unnest(?::bigint[], ?::bigint[], ?::bigint[])"
                + " as d(id, lease, delay)), r as (update " + job + " j set lease_until = 0, attempt = j.attempt - 1,"
                + " run_at = case when d.delay = 0 then j.run_at else " + db.nowSql() + " + d.delay end"
                + " from d where j.id = d.id and j.lease = d.lease and j.worker = ? and j.lease_until > 0 returning j.id)"
                + " select id from r" + written();
        return db.statement(connection -> {
            try (var statement = connection.prepareStatement(sql)) {
                bindDelayed(connection, statement, sorted);
                statement.setLong(4, worker);
                statement.setLong(5, worker);
                return ids(statement, sorted.size());
            }
        });
    }

    /** And those of {@code d} that were written before: the answer is as of before the update, so none is in it twice. */
    private String written() {
        return " union all select j.id from " + job
                + " j join d on j.id = d.id and j.lease = d.lease where j.worker = ? and j.lease_until = 0";
    }

    private static void bindDelayed(Connection connection, PreparedStatement statement, List<Ending> sorted)
            throws SQLException {
        statement.setArray(1, longs(connection, sorted.stream().mapToLong(each -> each.job.id)));
        statement.setArray(2, longs(connection, sorted.stream().mapToLong(each -> each.job.lease)));
        statement.setArray(3, longs(connection, sorted.stream().mapToLong(each -> each.delayMicros)));
    }

    @Override
    void countDown(Connection connection, Map<Long, Integer> members, boolean lost) throws SQLException {
        if (members.isEmpty()) {
            return;
        }
        Map<Long, Integer> sorted = new TreeMap<>(members);
        String batch = db.table("tenfold_job_batch");
        // Locked in the order of their ids, which an update alone does not promise.
        String sql = "with d as materialized (select * from unnest(?::bigint[], ?::int[]) as d(id, n)),"
                + " l as materialized (select b.id from " + batch
                + " b join d on b.id = d.id order by b.id for update of b)"
                + " update " + batch + " b set pending = b.pending - d.n, lost = b.lost + "
                + (lost ? "d.n" : "0") + " from d join l on l.id = d.id where b.id = d.id"
                + " returning b.id, b.pending, b.callback_id";
        LongStream.Builder done = LongStream.builder();
        LongStream.Builder callbacks = LongStream.builder();
        boolean any = false;
        try (var statement = connection.prepareStatement(sql)) {
            statement.setArray(1, longs(connection, sorted.keySet().stream().mapToLong(Long::longValue)));
            statement.setArray(
                    2,
                    ints(
                            connection,
                            sorted.values().stream().mapToInt(Integer::intValue).toArray()));
            try (var rows = statement.executeQuery()) {
                while (rows.next()) {
                    if (rows.getInt(2) <= 0) {
                        done.add(rows.getLong(1));
                        callbacks.add(rows.getLong(3));
                        any = true;
                    }
                }
            }
        }
        if (any) {
            execute(connection, "delete from " + batch + " where id = any(?)", done.build());
            execute(
                    connection,
                    "update " + job + " set run_at = " + db.nowSql() + " where id = any(?) and run_at = "
                            + Times.WAITING,
                    callbacks.build());
        }
    }

    // ---- upkeep -----------------------------------------------------------------------------------------------------

    /** A day of history is dropped at once; the days to come are made before they begin. */
    @Override
    int pruneHistory(long historyMicros) throws SQLException {
        long now = db.statement(db::currentMicros);
        long today = Math.floorDiv(now, DAY);
        String from = "history_d";
        try {
            for (String each : db.statement(this::days)) {
                int start = each.lastIndexOf(from) + from.length();
                long day = LocalDate.parse(each.substring(start), DateTimeFormatter.BASIC_ISO_DATE)
                        .toEpochDay();
                if ((day + 1) * DAY <= now - historyMicros) {
                    changeDays("drop table if exists " + db.table(each));
                }
            }
            for (long day = today + 1; day <= today + 2; day++) {
                String name =
                        "tenfold_job_history_d" + DateTimeFormatter.BASIC_ISO_DATE.format(LocalDate.ofEpochDay(day));
                changeDays("create table if not exists " + db.table(name) + " partition of " + history
                        + " for values from (" + day * DAY + ") to (" + (day + 1) * DAY + ")");
            }
        } catch (SQLException e) {
            if (e.getSQLState() == null || !DAYS_STAY.contains(e.getSQLState())) {
                throw e;
            }
            LOG.debug("history is deleted by the row, as its partitions cannot be changed: {}", e.toString());
        }
        return super.pruneHistory(historyMicros);
    }

    private List<String> days(Connection connection) throws SQLException {
        List<String> days = new ArrayList<>();
        try (var statement = connection.prepareStatement("select c.relname from pg_inherits i join pg_class c"
                + " on c.oid = i.inhrelid where i.inhparent = to_regclass(?) and c.relname ~ '_d[0-9]{8}$'")) {
            statement.setString(1, history);
            try (var rows = statement.executeQuery()) {
                while (rows.next()) {
                    days.add(rows.getString(1));
                }
            }
        }
        return days;
    }

    /** Who reads the history holds nobody up who adds to it: the change gives up, and is tried again next time. */
    private void changeDays(String ddl) throws SQLException {
        db.transaction(connection -> {
            try (var statement = connection.createStatement()) {
                statement.execute("set local lock_timeout = '500ms'");
                return statement.execute(ddl);
            }
        });
    }

    private static void execute(Connection connection, String sql, LongStream ids) throws SQLException {
        try (var statement = connection.prepareStatement(sql)) {
            statement.setArray(1, longs(connection, ids));
            statement.executeUpdate();
        }
    }

    /** By id: rows next to each other are found together, and two statements lock theirs in the same order. */
    private static List<Ending> sorted(List<Ending> endings) {
        List<Ending> sorted = new ArrayList<>(endings);
        sorted.sort(Comparator.comparingLong(each -> each.job.id));
        return sorted;
    }

    private static long[] ids(PreparedStatement statement, int expected) throws SQLException {
        long[] ids = new long[expected];
        int size = 0;
        try (var rows = statement.executeQuery()) {
            while (rows.next()) {
                ids[size++] = rows.getLong(1);
            }
        }
        return size == expected ? ids : Arrays.copyOf(ids, size);
    }

    private static Array longs(Connection connection, LongStream values) throws SQLException {
        return connection.createArrayOf("int8", values.boxed().toArray(Long[]::new));
    }

    private static Array ints(Connection connection, int[] values) throws SQLException {
        return connection.createArrayOf("int4", Arrays.stream(values).boxed().toArray(Integer[]::new));
    }
}
