package dev.tenfold.jobs;

import static org.jooq.impl.DSL.count;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.inline;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.raw;

import java.lang.reflect.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/**
 * Every SQL statement in a job's life, in the order of that life. Here in the form that all databases understand; {@code
 * PostgresStore} has the hot ones as one statement for many jobs.
 *
 * <p>A method with a connection runs on it as it is: its statements belong to the transaction of who calls. The others open
 * one of their own. Everything that a worker says of a job names the job's lease and the worker's incarnation: a job that
 * somebody else has claimed since then is left alone, and missing in the answer.
 */
class JobStore {
    static final Field<Long> ID = field(name("id"), SQLDataType.BIGINT);
    static final Field<Long> RUN_AT = field(name("run_at"), SQLDataType.BIGINT);
    static final Field<Long> LEASE_UNTIL = field(name("lease_until"), SQLDataType.BIGINT);
    static final Field<Long> LEASE = field(name("lease"), SQLDataType.BIGINT);
    static final Field<Long> WORKER = field(name("worker"), SQLDataType.BIGINT);
    static final Field<Long> CREATED_AT = field(name("created_at"), SQLDataType.BIGINT);
    static final Field<Long> BATCH_ID = field(name("batch_id"), SQLDataType.BIGINT);
    static final Field<Integer> QUEUE_ID = field(name("queue_id"), SQLDataType.INTEGER);
    static final Field<Integer> KIND_ID = field(name("kind_id"), SQLDataType.INTEGER);
    static final Field<Integer> CONCURRENCY_LIMIT = field(name("concurrency_limit"), SQLDataType.INTEGER);
    static final Field<Integer> PRIORITY = field(name("priority"), SQLDataType.INTEGER);
    static final Field<Integer> ATTEMPT = field(name("attempt"), SQLDataType.INTEGER);
    static final Field<Integer> FAILURES = field(name("failures"), SQLDataType.INTEGER);
    static final Field<Integer> MAX_ATTEMPTS = field(name("max_attempts"), SQLDataType.INTEGER);
    static final Field<Integer> PAYLOAD_VERSION = field(name("payload_version"), SQLDataType.INTEGER);
    static final Field<Boolean> CANCELLED = field(name("cancelled"), SQLDataType.BOOLEAN);
    static final Field<Boolean> ADMITTED = field(name("admitted"), SQLDataType.BOOLEAN);
    static final Field<byte[]> PAYLOAD = field(name("payload"), SQLDataType.BLOB);
    static final Field<String> HEADERS = field(name("headers"), SQLDataType.VARCHAR);
    static final Field<byte[]> UNIQUE_KEY = field(name("unique_key"), SQLDataType.VARBINARY);
    static final Field<String> CONCURRENCY_KEY = field(name("concurrency_key"), SQLDataType.VARCHAR);

    /** What a claim returns, in the order of {@link Claimed}'s fields. */
    private static final List<Field<?>> CLAIMED = List.of(
            ID,
            LEASE,
            RUN_AT,
            CREATED_AT,
            QUEUE_ID,
            KIND_ID,
            PRIORITY,
            ATTEMPT,
            FAILURES,
            MAX_ATTEMPTS,
            PAYLOAD_VERSION,
            PAYLOAD,
            HEADERS,
            CONCURRENCY_KEY,
            CONCURRENCY_LIMIT,
            ADMITTED,
            BATCH_ID,
            CANCELLED);

    private static final String DEAD_COLUMNS = "id, created_at, lease, batch_id, queue_id, kind_id, concurrency_limit,"
            + " priority, attempt, max_attempts, payload_version, payload, headers, unique_key, concurrency_key";

    static final long DAY = 86_400_000_000L;
    private static final long WORKER_FORGOTTEN = 600_000_000L;
    private static final int PIECE = 10_000;
    private static final int WINDOW_TRIES = 3;

    final Db db;
    final Table<?> jobs;
    private final Table<?> batches;
    private final Table<?> keys;
    /** Where the search for crash loops goes on. */
    private final AtomicLong crashCursor = new AtomicLong();
    /** Where the repair of concurrency keys goes on. */
    private final AtomicReference<String> keyCursor = new AtomicReference<>("");

    JobStore(Db db) {
        this.db = db;
        jobs = table("tenfold_job");
        batches = table("tenfold_job_batch");
        keys = table("tenfold_job_concurrency");
    }

    static JobStore of(Db db) {
        return db.isPostgres() ? new PostgresStore(db) : new JobStore(db);
    }

    final Table<?> table(String name) {
        return DSL.table(raw(db.table(name)));
    }

    // ---- names ------------------------------------------------------------------------------------------------------

    /** A name in one of the two dictionaries. */
    record Name(int id, String name, boolean paused) {}

    /** The id of a queue, made if there is none. */
    int queueId(String name) throws SQLException {
        return nameId("tenfold_job_queue", name);
    }

    int kindId(String name) throws SQLException {
        return nameId("tenfold_job_kind", name);
    }

    List<Name> queues() throws SQLException {
        return names("tenfold_job_queue");
    }

    List<Name> kinds() throws SQLException {
        return names("tenfold_job_kind");
    }

    /** Whether the name was there. */
    boolean pauseQueue(String name, boolean paused) throws SQLException {
        return pause("tenfold_job_queue", name, paused);
    }

    boolean pauseKind(String name, boolean paused) throws SQLException {
        return pause("tenfold_job_kind", name, paused);
    }

    private int nameId(String table, String name) throws SQLException {
        return db.statement(connection -> {
            Integer known = findName(connection, table, name);
            if (known != null) {
                return known;
            }
            insertIfAbsent(
                    connection,
                    "insert into " + db.table(table) + " (name) values (?)",
                    statement -> statement.setString(1, name));
            Integer made = findName(connection, table, name);
            if (made == null) {
                throw new SQLException("\"" + name + "\" was deleted from " + table + " as it was inserted");
            }
            return made;
        });
    }

    private @Nullable Integer findName(Connection connection, String table, String name) throws SQLException {
        try (var statement = connection.prepareStatement("select id from " + db.table(table) + " where name = ?")) {
            statement.setString(1, name);
            try (var rows = statement.executeQuery()) {
                return rows.next() ? rows.getInt(1) : null;
            }
        }
    }

    private List<Name> names(String table) throws SQLException {
        return db.statement(connection -> {
            List<Name> all = new ArrayList<>();
            try (var statement = connection.prepareStatement("select id, name, paused from " + db.table(table));
                    var rows = statement.executeQuery()) {
                while (rows.next()) {
                    all.add(new Name(rows.getInt(1), rows.getString(2), rows.getBoolean(3)));
                }
            }
            return all;
        });
    }

    private boolean pause(String table, String name, boolean paused) throws SQLException {
        return db.statement(connection -> {
            try (var statement =
                    connection.prepareStatement("update " + db.table(table) + " set paused = ? where name = ?")) {
                statement.setBoolean(1, paused);
                statement.setString(2, name);
                return statement.executeUpdate() > 0;
            }
        });
    }

    /** Puts values into a statement. */
    interface Binder {
        void bind(PreparedStatement statement) throws SQLException;
    }

    /**
     * Whether a row was inserted; false if there is one with the same key. In a transaction that may go on, also in PostgreSQL.
     */
    final boolean insertIfAbsent(Connection connection, String insert, Binder values) throws SQLException {
        String sql = db.isPostgres() ? insert + " on conflict do nothing" : insert;
        try (var statement = connection.prepareStatement(sql)) {
            values.bind(statement);
            return statement.executeUpdate() > 0;
        } catch (SQLException e) {
            if (!Db.isDuplicate(e)) {
                throw e;
            }
            return false;
        }
    }

    // ---- enqueue ----------------------------------------------------------------------------------------------------

    /** What came of an insert: the new job, or the one that was there with its unique key (0 if that is done meanwhile). */
    record Inserted(long id, boolean isNew) {}

    /** One statement, if the job has no unique key. No outcome that is expected fails a statement. */
    Inserted insert(Connection connection, NewJob job, byte[] payload) throws SQLException {
        byte[] key = job.uniqueKey;
        if (key == null) {
            return new Inserted(insertRow(connection, job, payload), true);
        }
        return job.uniqueFor > 0
                ? insertInWindow(connection, job, key, payload)
                : insertUnique(connection, job, key, payload);
    }

    private Inserted insertUnique(Connection connection, NewJob job, byte[] key, byte[] payload) throws SQLException {
        // A look first spares the others an error; PostgreSQL needs none.
        long known = db.isPostgres() ? 0 : findUnique(connection, key);
        if (known != 0) {
            return new Inserted(known, false);
        }
        long id = insertRow(connection, job, payload);
        return id != 0 ? new Inserted(id, true) : new Inserted(findUnique(connection, key), false);
    }

    /** 0 if there is none. */
    private long findUnique(Connection connection, byte[] key) throws SQLException {
        return findId(connection, "select id from " + db.table("tenfold_job") + " where unique_key = ?", key);
    }

    private static long findId(Connection connection, String sql, byte[] key) throws SQLException {
        try (var statement = connection.prepareStatement(sql)) {
            statement.setBytes(1, key);
            try (var rows = statement.executeQuery()) {
                return rows.next() ? rows.getLong(1) : 0;
            }
        }
    }

    /** The window is taken first: who is late waits for who was first, and then finds it taken. */
    private Inserted insertInWindow(Connection connection, NewJob job, byte[] key, byte[] payload) throws SQLException {
        String windows = db.table("tenfold_job_window");
        for (int tries = 1; !takeWindow(connection, windows, job.uniqueFor, key); tries++) {
            long known = findId(connection, "select job_id from " + windows + " where unique_key = ?", key);
            if (known != 0 || tries == WINDOW_TRIES) {
                return new Inserted(known, false);
            }
            // It has ended, and upkeep forgot it between the statements: so it is in nobody's way.
        }
        long id = insertRow(connection, job, payload);
        try (var statement =
                connection.prepareStatement("update " + windows + " set job_id = ? where unique_key = ?")) {
            statement.setLong(1, id);
            statement.setBytes(2, key);
            statement.executeUpdate();
        }
        return new Inserted(id, true);
    }

    private boolean takeWindow(Connection connection, String windows, long micros, byte[] key) throws SQLException {
        return insertIfAbsent(
                        connection,
                        "insert into " + windows + " (unique_key, job_id, expires_at) values (?, 0, " + db.nowSql()
                                + " + ?)",
                        statement -> {
                            statement.setBytes(1, key);
                            statement.setLong(2, micros);
                        })
                || reopen(connection, windows, micros, key);
    }

    private boolean reopen(Connection connection, String windows, long micros, byte[] key) throws SQLException {
        try (var statement = connection.prepareStatement("update " + windows + " set expires_at = " + db.nowSql()
                + " + ? where unique_key = ? and expires_at <= " + db.nowSql())) {
            statement.setLong(1, micros);
            statement.setBytes(2, key);
            return statement.executeUpdate() > 0;
        }
    }

    /** The new job's id; 0 if its unique key is taken. */
    long insertRow(Connection connection, NewJob job, byte[] payload) throws SQLException {
        try (var statement = connection.prepareStatement(insertSql(job), new String[] {"id"})) {
            bind(statement, job, payload);
            statement.executeUpdate();
            try (var ids = statement.getGeneratedKeys()) {
                ids.next();
                return ids.getLong(1);
            }
        } catch (SQLException e) {
            if (job.uniqueKey == null || !Db.isDuplicate(e)) {
                throw e;
            }
            return 0;
        }
    }

    private String insertSql(NewJob job) {
        String now = db.nowSql();
        return "insert into " + db.table("tenfold_job")
                + " (created_at, run_at, queue_id, kind_id, priority, max_attempts, payload_version, headers, unique_key,"
                + " concurrency_key, concurrency_limit, batch_id, payload) values (" + now + ", "
                + (job.fromNow ? now + " + ?" : "?") + ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    }

    private static void bind(PreparedStatement statement, NewJob job, byte[] payload) throws SQLException {
        int at = bindCommon(statement, job);
        statement.setBytes(at, payload);
    }

    /** All but the payload, in the order of the columns; returns the next index. */
    static int bindCommon(PreparedStatement statement, NewJob job) throws SQLException {
        statement.setLong(1, job.due);
        statement.setInt(2, job.queue);
        statement.setInt(3, job.kind);
        // Of the columns' type: else PostgreSQL casts them, for each row of a statement for many.
        statement.setShort(4, (short) job.priority);
        statement.setShort(5, (short) job.maxAttempts);
        statement.setShort(6, (short) job.payloadVersion);
        statement.setString(7, job.headers);
        // With a window the key is the window's.
        statement.setBytes(8, job.uniqueFor > 0 ? null : job.uniqueKey);
        statement.setString(9, job.concurrencyKey);
        if (job.concurrencyKey == null) {
            statement.setNull(10, Types.INTEGER);
        } else {
            statement.setInt(10, job.concurrencyLimit);
        }
        if (job.batch == null) {
            statement.setNull(11, Types.BIGINT);
        } else {
            statement.setLong(11, job.batch);
        }
        return 12;
    }

    /** As many jobs as there are payloads, none with a unique key; one statement for at most some thousands of them. */
    void insertAll(Connection connection, NewJob job, List<byte[]> payloads) throws SQLException {
        try (var statement = connection.prepareStatement(insertSql(job))) {
            int waiting = 0;
            for (byte[] payload : payloads) {
                bind(statement, job, payload);
                statement.addBatch();
                if (++waiting == 1_000) {
                    statement.executeBatch();
                    waiting = 0;
                }
            }
            if (waiting > 0) {
                statement.executeBatch();
            }
        }
    }

    // ---- batches and chains -----------------------------------------------------------------------------------------

    /** A batch of so many jobs, which lets {@code callback} (a job due at {@link Times#WAITING}) run when they are done. */
    long insertBatch(Connection connection, int members, long callback, boolean runsAnyway) throws SQLException {
        String sql = "insert into " + db.table("tenfold_job_batch")
                + " (pending, total, callback_id, runs_anyway, created_at) values (?, ?, ?, ?, " + db.nowSql() + ")";
        try (var statement = connection.prepareStatement(sql, new String[] {"id"})) {
            statement.setInt(1, members);
            statement.setInt(2, members);
            statement.setLong(3, callback);
            statement.setBoolean(4, runsAnyway);
            statement.executeUpdate();
            try (var ids = statement.getGeneratedKeys()) {
                ids.next();
                return ids.getLong(1);
            }
        }
    }

    // ---- claim ------------------------------------------------------------------------------------------------------

    /** The first job that is due in each lane, behind the lane's cursor, of the kinds given; no row for an empty lane. */
    List<Lane.Head> heads(Connection connection, List<Lane> lanes, List<Lane.Cursor> cursors, int[] kinds)
            throws SQLException {
        List<Lane.Head> heads = new ArrayList<>();
        Field<Long> now = once(connection);
        for (int i = 0; i < lanes.size(); i++) {
            Lane lane = lanes.get(i);
            db.dsl(connection)
                    .select(RUN_AT, ID)
                    .from(jobs)
                    .where(isDue(lane, cursors.get(i), kinds, now))
                    .orderBy(RUN_AT, ID)
                    .limit(1)
                    .forEach(row -> heads.add(new Lane.Head(lane, row.value1(), row.value2())));
        }
        return heads;
    }

    /**
     * Claims due jobs of a lane, in order: gives each the next lease and counts the attempt. Round limits are the fastest: a
     * power of two, or hundreds.
     *
     * @param after where to begin
     * @param limit 1 to 1,000
     * @return ordered by when they were due; fewer than the limit if there are no more, or others claim at the same time
     */
    List<Claimed> claim(Lane lane, Lane.Cursor after, int[] kinds, int limit, long worker, long leaseMicros)
            throws SQLException {
        return db.transaction(connection -> {
            DSLContext dsl = db.dsl(connection);
            List<Claimed> found = dsl.select(CLAIMED)
                    .from(jobs)
                    .where(isDue(lane, after, kinds, once(connection)))
                    .orderBy(RUN_AT, ID)
                    .limit(limit)
                    .forUpdate()
                    .skipLocked()
                    .fetch(row -> claimed(row, 1));
            if (!found.isEmpty()) {
                dsl.update(jobs)
                        .set(LEASE, LEASE.plus(1))
                        .set(ATTEMPT, ATTEMPT.plus(1))
                        .set(WORKER, worker)
                        .set(LEASE_UNTIL, db.now().plus(leaseMicros))
                        .where(among(ID, found.stream().map(each -> each.id).toList()))
                        .execute();
            }
            return found;
        });
    }

    /** The time: in H2 asked before, as it would work it out for each row, at length. */
    private Field<Long> once(Connection connection) throws SQLException {
        return db.isH2() ? DSL.val(db.currentMicros(connection)) : db.now();
    }

    private static Condition isDue(Lane lane, Lane.Cursor after, int[] kinds, Field<Long> now) {
        return QUEUE_ID.eq(lane.queue())
                .and(PRIORITY.eq(lane.priority()))
                .and(RUN_AT.le(now))
                .and(LEASE_UNTIL.lt(now))
                .and(ATTEMPT.lt(MAX_ATTEMPTS))
                .and(KIND_ID.in(Arrays.stream(kinds).boxed().toList()))
                // Not as a row, for which MariaDB would not use the index.
                .and(RUN_AT.ge(after.runAt()))
                .and(RUN_AT.gt(after.runAt()).or(ID.gt(after.id())));
    }

    /** A row, after so many more claims. */
    private static Claimed claimed(Record row, int more) {
        Long batch = row.get(BATCH_ID);
        Integer limit = row.get(CONCURRENCY_LIMIT);
        return new Claimed(
                row.get(ID),
                row.get(LEASE) + more,
                row.get(RUN_AT),
                row.get(CREATED_AT),
                row.get(QUEUE_ID),
                row.get(KIND_ID),
                row.get(PRIORITY),
                row.get(ATTEMPT) + more,
                row.get(FAILURES),
                row.get(MAX_ATTEMPTS),
                row.get(PAYLOAD_VERSION),
                row.get(PAYLOAD),
                row.get(HEADERS),
                row.get(CONCURRENCY_KEY),
                limit == null ? 0 : limit,
                row.get(ADMITTED),
                batch == null ? 0 : batch,
                row.get(CANCELLED));
    }

    /** Whether a column has one of many values: one parameter in PostgreSQL, whose statements are then always alike. */
    @SuppressWarnings("unchecked") // the array has the element's type
    final <T> Condition among(Field<T> column, Collection<T> values) {
        if (!db.isPostgres() || values.isEmpty()) {
            return column.in(values);
        }
        T[] array = values.toArray((T[]) Array.newInstance(column.getType(), 0));
        return column.eq(DSL.any(array));
    }

    /**
     * Gives places under their concurrency keys to claimed jobs that have none yet; parks the others (not leased, not charged).
     *
     * @return those that have a place
     */
    List<Claimed> admit(List<Claimed> keyed, long worker) throws SQLException {
        return db.transaction(connection -> admit(connection, keyed, worker));
    }

    private List<Claimed> admit(Connection connection, List<Claimed> keyed, long worker) throws SQLException {
        Set<String> wanted = new TreeSet<>();
        for (Claimed job : keyed) {
            if (job.concurrencyKey != null) {
                wanted.add(job.concurrencyKey);
            }
        }
        lockKeys(connection, wanted, true);
        Set<Long> ours = lockOwned(connection, keyed, worker);
        Map<String, Integer> used = used(connection, wanted);
        List<Claimed> admitted = new ArrayList<>();
        List<Long> placed = new ArrayList<>();
        List<Long> parked = new ArrayList<>();
        for (Claimed job : keyed) {
            if (!ours.contains(job.id)) {
                continue;
            }
            String key = job.concurrencyKey;
            if (key == null || job.admitted) {
                admitted.add(job);
            } else if (used.getOrDefault(key, 0) < job.concurrencyLimit) {
                used.merge(key, 1, Integer::sum);
                placed.add(job.id);
                admitted.add(job.withPlace());
            } else {
                parked.add(job.id);
            }
        }
        DSLContext dsl = db.dsl(connection);
        if (!placed.isEmpty()) {
            dsl.update(jobs).set(ADMITTED, true).where(among(ID, placed)).execute();
        }
        if (!parked.isEmpty()) {
            dsl.update(jobs)
                    .set(RUN_AT, Times.PARKED)
                    .set(LEASE_UNTIL, 0L)
                    .set(ATTEMPT, ATTEMPT.minus(1))
                    .where(among(ID, parked))
                    .execute();
        }
        return admitted;
    }

    /** Locks the rows of concurrency keys, in their order, so that nobody else gives or takes places of them. */
    private void lockKeys(Connection connection, Set<String> wanted, boolean makes) throws SQLException {
        if (wanted.isEmpty()) {
            return;
        }
        Field<String> key = CONCURRENCY_KEY;
        while (true) {
            Set<String> missing = new TreeSet<>(wanted);
            missing.removeAll(db.dsl(connection)
                    .select(key)
                    .from(keys)
                    .where(among(key, wanted))
                    .orderBy(key)
                    .forUpdate()
                    .fetch(key));
            if (missing.isEmpty() || !makes) {
                return;
            }
            // Upkeep may forget a key between the two statements; then it is made again.
            for (String each : missing) {
                insertIfAbsent(
                        connection,
                        "insert into " + db.table("tenfold_job_concurrency") + " (concurrency_key) values (?)",
                        statement -> statement.setString(1, each));
            }
        }
    }

    private Map<String, Integer> used(Connection connection, Set<String> wanted) {
        if (wanted.isEmpty()) {
            return new HashMap<>();
        }
        return new HashMap<>(db.dsl(connection)
                .select(CONCURRENCY_KEY, count())
                .from(jobs)
                .where(among(CONCURRENCY_KEY, wanted))
                .and(isAdmitted())
                .groupBy(CONCURRENCY_KEY)
                .fetchMap(CONCURRENCY_KEY, count()));
    }

    private static Condition isAdmitted() {
        return ADMITTED.eq(inline(true));
    }

    private static Condition isParked() {
        return ADMITTED.eq(inline(false)).and(RUN_AT.eq(inline(Times.PARKED)));
    }

    /** Locks the rows that are still the worker's, by id; returns their ids. */
    private Set<Long> lockOwned(Connection connection, Collection<Claimed> claimed, long worker) {
        Map<Long, Long> leases = new TreeMap<>();
        claimed.forEach(each -> leases.put(each.id, each.lease));
        Set<Long> owned = new HashSet<>();
        for (List<Long> ids : pieces(leases.keySet())) {
            db.dsl(connection)
                    .select(ID, LEASE)
                    .from(jobs)
                    .where(among(ID, ids))
                    .and(WORKER.eq(worker))
                    .orderBy(ID)
                    .forUpdate()
                    .forEach(row -> {
                        if (row.value2().equals(leases.get(row.value1()))) {
                            owned.add(row.value1());
                        }
                    });
        }
        return owned;
    }

    private static List<List<Long>> pieces(Collection<Long> ids) {
        List<Long> all = List.copyOf(ids);
        List<List<Long>> pieces = new ArrayList<>();
        for (int from = 0; from < all.size(); from += 1_000) {
            pieces.add(all.subList(from, Math.min(all.size(), from + 1_000)));
        }
        return pieces;
    }

    /**
     * Makes parked jobs of keys due as far as there are places: those of the highest priority, and of these the oldest. The
     * keys are locked.
     */
    void promote(Connection connection, Set<String> released) throws SQLException {
        DSLContext dsl = db.dsl(connection);
        for (String key : released) {
            int used = used(connection, Set.of(key)).getOrDefault(key, 0);
            List<Long> free = new ArrayList<>();
            dsl.select(ID, CONCURRENCY_LIMIT)
                    .from(jobs)
                    .where(CONCURRENCY_KEY.eq(key))
                    .and(isParked())
                    .orderBy(PRIORITY, CREATED_AT, ID)
                    .limit(1_000)
                    .forEach(row -> {
                        if (used + free.size() < row.value2()) {
                            free.add(row.value1());
                        }
                    });
            if (!free.isEmpty()) {
                dsl.update(jobs)
                        .set(RUN_AT, db.now())
                        .where(ID.in(free))
                        .and(isParked())
                        .execute();
            }
        }
    }

    // ---- while it runs ----------------------------------------------------------------------------------------------

    /** A job that is still the worker's; {@code renewed} if its lease lasts longer now. */
    record Renewed(long id, boolean cancelled, boolean renewed) {}

    /**
     * Leases that end a lease's length from now. Jobs that are missing in the answer are lost. A row that somebody has locked
     * (a handler's own transaction) keeps its lease and is in the answer, not renewed: nobody can claim it while it is locked,
     * but somebody may just be about to. One whose end was written a moment ago (retried, given back, parked) is in the answer,
     * too, and stays free.
     */
    List<Renewed> renew(long[] ids, long[] leases, long worker, long leaseMicros) throws SQLException {
        Map<Long, Long> expected = new TreeMap<>();
        for (int i = 0; i < ids.length; i++) {
            expected.put(ids[i], leases[i]);
        }
        List<Renewed> renewed = new ArrayList<>();
        for (List<Long> piece : pieces(expected.keySet())) {
            renewed.addAll(db.transaction(connection -> renew(connection, piece, expected, worker, leaseMicros)));
        }
        return renewed;
    }

    /**
     * Passes over rows that are locked: a handler's own transaction has them, and nobody else can claim them meanwhile. And over
     * those that are not leased any more, whose worker and lease are still as they were.
     */
    private List<Renewed> renew(
            Connection connection, List<Long> ids, Map<Long, Long> expected, long worker, long leaseMicros) {
        DSLContext dsl = db.dsl(connection);
        Map<Long, Boolean> ours = new TreeMap<>();
        dsl.select(ID, LEASE, CANCELLED)
                .from(jobs)
                .where(ID.in(ids))
                .and(WORKER.eq(worker))
                .forEach(row -> {
                    if (row.value2().equals(expected.get(row.value1()))) {
                        ours.put(row.value1(), row.value3());
                    }
                });
        Set<Long> free = dsl.select(ID)
                .from(jobs)
                .where(ID.in(ours.keySet()))
                .and(WORKER.eq(worker))
                .and(isHeld())
                .orderBy(ID)
                .forUpdate()
                .skipLocked()
                .fetchSet(ID);
        if (!free.isEmpty()) {
            dsl.update(jobs)
                    .set(LEASE_UNTIL, db.now().plus(leaseMicros))
                    .where(ID.in(free))
                    .execute();
        }
        return ours.entrySet().stream()
                .map(each -> new Renewed(each.getKey(), each.getValue(), free.contains(each.getKey())))
                .toList();
    }

    /**
     * Locks a job's row until the transaction ends, if it is still this worker's. PostgreSQL ends the transaction if nobody
     * says anything in it for a lease's length: a process that is cut off would else keep the row for as long as the server
     * believes in its connection, and nobody could claim the job.
     */
    boolean lock(Connection connection, long id, long lease, long worker, long leaseMicros) throws SQLException {
        try (var statement = connection.prepareStatement("select id from " + db.table("tenfold_job")
                + " where id = ? and lease = ? and worker = ? for update")) {
            statement.setLong(1, id);
            statement.setLong(2, lease);
            statement.setLong(3, worker);
            try (var rows = statement.executeQuery()) {
                return rows.next();
            }
        }
    }

    /**
     * Notes how far a job is; {@code result} null leaves the one that is there. Not fenced: the last one to write is seen. What
     * comes first after the job is done is kept for a day, too.
     */
    void progress(long id, int percent, @Nullable String message, byte @Nullable [] result) throws SQLException {
        db.statement(connection -> {
            if (updateProgress(connection, id, percent, message, result)) {
                return true;
            }
            // Asked before: MariaDB would lock the row of the job, which its handler's transaction may have.
            String expires = isUnfinished(connection, id) ? "null" : db.nowSql() + " + " + DAY;
            boolean isNew = insertIfAbsent(
                    connection,
                    "insert into " + db.table("tenfold_job_progress")
                            + " (percent, message, result, job_id, updated_at, expires_at) values (?, ?, ?, ?, "
                            + db.nowSql() + ", " + expires + ")",
                    statement -> bindProgress(statement, id, percent, message, result));
            return isNew || updateProgress(connection, id, percent, message, result);
        });
    }

    private boolean isUnfinished(Connection connection, long id) {
        return db.dsl(connection).select(ID).from(jobs).where(ID.eq(id)).fetchOne(ID) != null;
    }

    private boolean updateProgress(
            Connection connection, long id, int percent, @Nullable String message, byte @Nullable [] result)
            throws SQLException {
        try (var statement = connection.prepareStatement("update " + db.table("tenfold_job_progress")
                + " set percent = ?, message = ?, result = coalesce(?, result), updated_at = " + db.nowSql()
                + " where job_id = ?")) {
            bindProgress(statement, id, percent, message, result);
            return statement.executeUpdate() > 0;
        }
    }

    private static void bindProgress(
            PreparedStatement statement, long id, int percent, @Nullable String message, byte @Nullable [] result)
            throws SQLException {
        statement.setInt(1, percent);
        statement.setString(2, message);
        statement.setBytes(3, result);
        statement.setLong(4, id);
    }

    // ---- how it ends ------------------------------------------------------------------------------------------------

    /** A job that is done, cancelled, failed, or given back. */
    static final class Ending {
        final Claimed job;
        final long runMicros;
        /** After how many microseconds it may run again; of retries and snoozes. */
        final long delayMicros;

        final @Nullable JobError error;
        /** It said how far it was: what it said expires from now on. */
        final boolean usedProgress;

        Ending(Claimed job, long runMicros, long delayMicros, @Nullable JobError error) {
            this(job, runMicros, delayMicros, error, false);
        }

        Ending(Claimed job, long runMicros, long delayMicros, @Nullable JobError error, boolean usedProgress) {
            this.job = job;
            this.runMicros = runMicros;
            this.delayMicros = delayMicros;
            this.error = error;
            this.usedProgress = usedProgress;
        }

        /** Whether something else changes with it. An earlier claim may have left progress and errors. */
        boolean isLinked() {
            return job.isLinked() || usedProgress || job.lease > 1;
        }
    }

    /**
     * Removes jobs that are done: plain ones with one statement; where others wait for one ({@link Claimed#isLinked}), in a
     * transaction that also counts down its batch, gives its place away, and removes its errors. Keeps history if {@code
     * history} is not OFF.
     *
     * @return the ids that were still this worker's
     */
    long[] finish(List<Ending> done, long worker, History history, String outcome) throws SQLException {
        return db.transaction(connection -> finish(connection, done, worker, history, outcome));
    }

    final long[] finish(Connection connection, List<Ending> done, long worker, History history, String outcome)
            throws SQLException {
        lockPlaces(connection, done);
        List<Ending> owned = lockEnding(connection, done, worker);
        if (!owned.isEmpty()) {
            delete(connection, owned);
            keep(connection, owned, worker, history, outcome);
            forgetTraces(connection, owned);
            countDown(connection, batchesOf(owned), outcome.equals(JobListener.Outcome.CANCELLED.name()));
            promote(connection, placesOf(owned));
        }
        return ids(owned);
    }

    /** The same of one job, in the caller's transaction; false if it is no longer this worker's. */
    boolean finish(Connection connection, Ending done, long worker, History history, String outcome)
            throws SQLException {
        return finish(connection, List.of(done), worker, history, outcome).length == 1;
    }

    private void lockPlaces(Connection connection, List<Ending> endings) throws SQLException {
        lockKeys(connection, placesOf(endings), false);
    }

    /** The concurrency keys of jobs that have places, or might have got one next. */
    private static Set<String> placesOf(List<Ending> endings) {
        Set<String> places = new TreeSet<>();
        for (Ending each : endings) {
            if (each.job.concurrencyKey != null) {
                places.add(each.job.concurrencyKey);
            }
        }
        return places;
    }

    private static Map<Long, Integer> batchesOf(List<Ending> endings) {
        Map<Long, Integer> members = new TreeMap<>();
        for (Ending each : endings) {
            if (each.job.batch != 0) {
                members.merge(each.job.batch, 1, Integer::sum);
            }
        }
        return members;
    }

    private List<Ending> lockEnding(Connection connection, List<Ending> endings, long worker) {
        Set<Long> owned =
                lockOwned(connection, endings.stream().map(each -> each.job).toList(), worker);
        return endings.stream()
                .filter(each -> owned.contains(each.job.id))
                .sorted(Comparator.comparingLong(each -> each.job.id))
                .toList();
    }

    static long[] ids(List<Ending> endings) {
        return endings.stream().mapToLong(each -> each.job.id).toArray();
    }

    private void delete(Connection connection, List<Ending> owned) {
        for (List<Long> ids : pieces(owned.stream().map(each -> each.job.id).toList())) {
            db.dsl(connection).deleteFrom(jobs).where(among(ID, ids)).execute();
        }
    }

    private void keep(Connection connection, List<Ending> owned, long worker, History history, String outcome)
            throws SQLException {
        if (history == History.OFF) {
            return;
        }
        try (var statement = connection.prepareStatement("insert into " + db.table("tenfold_job_history")
                + " (id, finished_at, created_at, run_micros, worker, queue_id, kind_id, attempt, failures, outcome,"
                + " payload_version, payload, headers) values (?, " + db.nowSql()
                + ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            for (Ending each : owned) {
                Claimed job = each.job;
                boolean full = history == History.FULL;
                statement.setLong(1, job.id);
                statement.setLong(2, job.createdAt);
                statement.setLong(3, each.runMicros);
                statement.setLong(4, worker);
                statement.setInt(5, job.queue);
                statement.setInt(6, job.kind);
                statement.setInt(7, job.attempt);
                statement.setInt(8, job.failures);
                statement.setString(9, outcome);
                if (full) {
                    statement.setInt(10, job.payloadVersion);
                } else {
                    statement.setNull(10, Types.SMALLINT);
                }
                statement.setBytes(11, full ? job.payload : null);
                statement.setString(12, full ? job.headers : null);
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }

    /** Errors go with the job; what it said of itself stays for a day. An earlier claim may have left either. */
    private void forgetTraces(Connection connection, List<Ending> owned) {
        forgetTraces(
                connection,
                owned.stream()
                        .filter(each -> each.job.lease > 1)
                        .map(each -> each.job.id)
                        .toList(),
                owned.stream()
                        .filter(each -> each.usedProgress || each.job.lease > 1)
                        .map(each -> each.job.id)
                        .toList());
    }

    private void forgetTraces(Connection connection, List<Long> claimedBefore, List<Long> told) {
        Field<Long> jobId = field(name("job_id"), SQLDataType.BIGINT);
        for (List<Long> ids : pieces(claimedBefore)) {
            db.dsl(connection)
                    .deleteFrom(table("tenfold_job_error"))
                    .where(among(jobId, ids))
                    .execute();
        }
        for (List<Long> ids : pieces(told)) {
            db.dsl(connection)
                    .update(table("tenfold_job_progress"))
                    .set(field(name("expires_at"), SQLDataType.BIGINT), db.now().plus(DAY))
                    .where(among(jobId, ids))
                    .execute();
        }
    }

    /**
     * Counts members of batches as done, or as lost; lets the callback of a batch run that has none left.
     *
     * @param members how many, by batch
     */
    void countDown(Connection connection, Map<Long, Integer> members, boolean lost) throws SQLException {
        Field<Integer> pending = field(name("pending"), SQLDataType.INTEGER);
        Field<Integer> losses = field(name("lost"), SQLDataType.INTEGER);
        Field<Long> callback = field(name("callback_id"), SQLDataType.BIGINT);
        DSLContext dsl = db.dsl(connection);
        for (Map.Entry<Long, Integer> batch : new TreeMap<>(members).entrySet()) {
            dsl.update(batches)
                    .set(pending, pending.minus(batch.getValue()))
                    .set(losses, losses.plus(lost ? batch.getValue() : 0))
                    .where(ID.eq(batch.getKey()))
                    .execute();
            Long due = dsl.select(callback)
                    .from(batches)
                    .where(ID.eq(batch.getKey()))
                    .and(pending.le(0))
                    .fetchOne(callback);
            if (due != null) {
                dsl.deleteFrom(batches).where(ID.eq(batch.getKey())).execute();
                dsl.update(jobs)
                        .set(RUN_AT, db.now())
                        .where(ID.eq(due))
                        .and(RUN_AT.eq(inline(Times.WAITING)))
                        .execute();
            }
        }
    }

    /**
     * Due again after their delays, with one failure more and the error kept. Of one that is written already, as when the answer
     * was lost, the id is returned, and nothing is changed: as long as nobody claims it, it has the worker's lease still.
     */
    long[] retry(List<Ending> failed, long worker) throws SQLException {
        return db.transaction(connection -> {
            List<Ending> owned = lockEnding(connection, failed, worker);
            DSLContext dsl = db.dsl(connection);
            List<Ending> fresh = new ArrayList<>(owned.size());
            for (Ending each : owned) {
                int changed = dsl.update(jobs)
                        .set(RUN_AT, db.now().plus(each.delayMicros))
                        .set(LEASE_UNTIL, 0L)
                        .set(FAILURES, FAILURES.plus(1))
                        .where(ID.eq(each.job.id))
                        .and(isHeld())
                        .execute();
                if (changed > 0) {
                    fresh.add(each);
                }
            }
            insertErrors(connection, fresh);
            return ids(owned);
        });
    }

    /** Not given back: neither retried nor released nor parked. */
    private static Condition isHeld() {
        return LEASE_UNTIL.gt(inline(0L));
    }

    private void insertErrors(Connection connection, List<Ending> owned) throws SQLException {
        try (var statement = connection.prepareStatement("insert into " + db.table("tenfold_job_error")
                + " (job_id, attempt, occurred_at, fingerprint, type, message, stack) values (?, ?, " + db.nowSql()
                + ", ?, ?, ?, ?)")) {
            boolean any = false;
            for (Ending each : owned) {
                JobError error = each.error;
                if (error != null) {
                    statement.setLong(1, each.job.id);
                    statement.setInt(2, error.attempt());
                    statement.setString(3, error.fingerprint());
                    statement.setString(4, error.type());
                    statement.setString(5, error.message());
                    statement.setString(6, error.stack());
                    statement.addBatch();
                    any = true;
                }
            }
            if (any) {
                statement.executeBatch();
            }
        }
    }

    /** Given back, due after their delays (0: as they were), the attempt not charged. Written twice as {@link #retry} is. */
    long[] release(List<Ending> unharmed, long worker) throws SQLException {
        return db.transaction(connection -> {
            List<Ending> owned = lockEnding(connection, unharmed, worker);
            DSLContext dsl = db.dsl(connection);
            for (Ending each : owned) {
                dsl.update(jobs)
                        .set(RUN_AT, each.delayMicros == 0 ? RUN_AT : db.now().plus(each.delayMicros))
                        .set(LEASE_UNTIL, 0L)
                        .set(ATTEMPT, ATTEMPT.minus(1))
                        .where(ID.eq(each.job.id))
                        .and(isHeld())
                        .execute();
            }
            return ids(owned);
        });
    }

    /** Moved to the dead letters, with the error kept; a batch that runs anyway counts it as done, a place is given away. */
    long[] bury(List<Ending> given, long worker, DeadReason reason) throws SQLException {
        return db.transaction(connection -> {
            lockPlaces(connection, given);
            List<Ending> owned = lockEnding(connection, given, worker);
            return bury(connection, owned, reason);
        });
    }

    /** The rows are locked, and the keys of those that have places. */
    private long[] bury(Connection connection, List<Ending> owned, DeadReason reason) throws SQLException {
        if (owned.isEmpty()) {
            return new long[0];
        }
        insertErrors(connection, owned);
        insertDead(connection, owned, reason);
        delete(connection, owned);
        Map<Long, Integer> anyway = batchesOf(owned);
        anyway.keySet().retainAll(runningAnyway(connection, anyway.keySet()));
        if (!anyway.isEmpty()) {
            // Counted now: a replay must not count it again.
            db.dsl(connection)
                    .update(table("tenfold_job_dead"))
                    .setNull(BATCH_ID)
                    .where(among(ID, owned.stream().map(each -> each.job.id).toList()))
                    .and(among(BATCH_ID, anyway.keySet()))
                    .execute();
        }
        countDown(connection, anyway, true);
        promote(connection, placesOf(owned));
        return ids(owned);
    }

    private Set<Long> runningAnyway(Connection connection, Set<Long> ids) {
        return ids.isEmpty()
                ? Set.of()
                : db.dsl(connection)
                        .select(ID)
                        .from(batches)
                        .where(among(ID, ids))
                        .and(field(name("runs_anyway"), SQLDataType.BOOLEAN).eq(inline(true)))
                        .fetchSet(ID);
    }

    private void insertDead(Connection connection, List<Ending> owned, DeadReason reason) throws SQLException {
        try (var statement = connection.prepareStatement("insert into " + db.table("tenfold_job_dead") + " ("
                + DEAD_COLUMNS + ", died_at, failures, reason, fingerprint, message) select " + DEAD_COLUMNS + ", "
                + db.nowSql() + ", failures + ?, ?, ?, ? from " + db.table("tenfold_job") + " where id = ?")) {
            for (Ending each : owned) {
                JobError error = each.error;
                statement.setInt(1, error == null ? 0 : 1);
                statement.setString(2, reason.name());
                statement.setString(3, error == null ? "" : error.fingerprint());
                statement.setString(4, error == null ? messageOf(reason, each.job) : error.message());
                statement.setLong(5, each.job.id);
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }

    private static String messageOf(DeadReason reason, Claimed job) {
        return reason == DeadReason.CRASH_LOOP
                ? "the process that ran it ended before it was done, " + job.attempt + " times"
                : "";
    }

    // ---- from outside -----------------------------------------------------------------------------------------------

    /** What a cancellation met. */
    enum Cancelled {
        /** It had not begun, and is gone. */
        REMOVED,
        /** It runs, or is about to; its worker is asked to stop it. */
        ASKED,
        /** There is none: done, dead, or never there. */
        UNKNOWN
    }

    /** Waits for the end of a transaction that the job's handler has open. */
    Cancelled cancel(long id, History history) throws SQLException {
        return db.transaction(connection -> {
            while (true) {
                Claimed seen = rowOf(connection, id, false);
                if (seen == null) {
                    return Cancelled.UNKNOWN;
                }
                if (ask(connection, id)) {
                    return Cancelled.ASKED;
                }
                // Keys are locked before jobs, by everybody.
                List<Ending> given = List.of(new Ending(seen, 0, 0, null));
                lockPlaces(connection, given);
                Claimed free = rowOf(connection, id, true);
                if (free != null) {
                    remove(connection, new Ending(free, 0, 0, null), history);
                    return Cancelled.REMOVED;
                }
                // Claimed or gone between the two looks.
            }
        });
    }

    private boolean ask(Connection connection, long id) {
        return db.dsl(connection)
                        .update(jobs)
                        .set(CANCELLED, true)
                        .where(ID.eq(id))
                        .and(LEASE_UNTIL.ge(db.now()))
                        .execute()
                > 0;
    }

    private void remove(Connection connection, Ending cancelled, History history) throws SQLException {
        List<Ending> one = List.of(cancelled);
        List<Long> id = List.of(cancelled.job.id);
        delete(connection, one);
        keep(connection, one, 0, history, "CANCELLED");
        forgetTraces(connection, id, id);
        countDown(connection, batchesOf(one), true);
        promote(connection, placesOf(one));
    }

    /** A job's row as it is; or, locked, if nobody has it. */
    private @Nullable Claimed rowOf(Connection connection, long id, boolean free) {
        var select = db.dsl(connection).select(CLAIMED).from(jobs).where(ID.eq(id));
        Record row = free ? select.and(LEASE_UNTIL.lt(db.now())).forUpdate().fetchOne() : select.fetchOne();
        return row == null ? null : claimed(row, 0);
    }

    // ---- upkeep -----------------------------------------------------------------------------------------------------

    /** Whether a chore is this process's turn: it is if the time has come and nobody else was faster. */
    boolean takeTurn(String chore, long intervalMicros) throws SQLException {
        String chores = db.table("tenfold_job_chore");
        return db.statement(connection -> {
            try (var statement = connection.prepareStatement("update " + chores + " set next_at = " + db.nowSql()
                    + " + ? where name = ? and next_at <= " + db.nowSql())) {
                statement.setLong(1, intervalMicros);
                statement.setString(2, chore);
                if (statement.executeUpdate() > 0) {
                    return true;
                }
            }
            if (isKnown(connection, chores, chore)) {
                return false;
            }
            return insertIfAbsent(
                    connection,
                    "insert into " + chores + " (next_at, name) values (" + db.nowSql() + " + ?, ?)",
                    statement -> {
                        statement.setLong(1, intervalMicros);
                        statement.setString(2, chore);
                    });
        });
    }

    private static boolean isKnown(Connection connection, String chores, String chore) throws SQLException {
        try (var statement = connection.prepareStatement("select 1 from " + chores + " where name = ?")) {
            statement.setString(1, chore);
            try (var rows = statement.executeQuery()) {
                return rows.next();
            }
        }
    }

    /** Buries up to {@code limit} jobs whose last attempt's lease has ended: the process died each time. Returns how many. */
    int buryCrashLoops(int limit) throws SQLException {
        List<Long> found = db.statement(connection -> crashed(connection, limit));
        if (found.isEmpty()) {
            return 0;
        }
        return db.transaction(connection -> {
            List<Ending> seen = crashed(connection, found, false);
            lockPlaces(connection, seen);
            return bury(connection, crashed(connection, found, true), DeadReason.CRASH_LOOP).length;
        });
    }

    /** Looks at the oldest jobs, which have been claimed most, and at some of the others; at all in a number of calls. */
    private List<Long> crashed(Connection connection, int limit) {
        Set<Long> found = new TreeSet<>();
        found.addAll(crashed(connection, 0, limit));
        long cursor = crashCursor.get();
        if (cursor > 0) {
            found.addAll(crashed(connection, cursor, limit));
        }
        Long last = db.dsl(connection)
                .select(ID)
                .from(jobs)
                .where(ID.gt(cursor))
                .orderBy(ID)
                .limit(1)
                .offset(PIECE - 1)
                .fetchOne(ID);
        crashCursor.set(last == null ? 0 : last);
        return found.stream().limit(limit).toList();
    }

    private List<Long> crashed(Connection connection, long after, int limit) {
        // The inner limit bounds what is read, not what is found.
        return db.dsl(connection)
                .select(ID)
                .from(DSL.select(ID, ATTEMPT, MAX_ATTEMPTS, LEASE_UNTIL)
                        .from(jobs)
                        .where(ID.gt(after))
                        .orderBy(ID)
                        .limit(inline(PIECE))
                        .asTable("piece"))
                .where(isCrashed())
                .limit(limit)
                .fetch(ID);
    }

    private Condition isCrashed() {
        return ATTEMPT.ge(MAX_ATTEMPTS).and(LEASE_UNTIL.lt(db.now()));
    }

    /** Passes over rows that are locked, when it locks: their handlers are about to end after all. */
    private List<Ending> crashed(Connection connection, List<Long> ids, boolean locks) {
        var select = db.dsl(connection)
                .select(CLAIMED)
                .from(jobs)
                .where(among(ID, ids))
                .and(isCrashed())
                .orderBy(ID);
        return (locks ? select.forUpdate().skipLocked() : select).fetch(row -> new Ending(claimed(row, 0), 0, 0, null));
    }

    /** Promotes parked jobs that a place is free for, forgets concurrency keys without jobs. Repairs what a crash left. */
    int mendConcurrency() throws SQLException {
        List<String> some = db.statement(connection -> db.dsl(connection)
                .select(CONCURRENCY_KEY)
                .from(keys)
                .where(CONCURRENCY_KEY.gt(keyCursor.get()))
                .orderBy(CONCURRENCY_KEY)
                .limit(PIECE / 10)
                .fetch(CONCURRENCY_KEY));
        keyCursor.set(some.size() < PIECE / 10 ? "" : some.get(some.size() - 1));
        int mended = 0;
        for (String key : db.statement(connection -> ailing(connection, some))) {
            mended += db.transaction(connection -> mend(connection, key));
        }
        return mended;
    }

    /** Keys without jobs, and those that have parked jobs although a place is free. */
    private List<String> ailing(Connection connection, List<String> some) {
        if (some.isEmpty()) {
            return List.of();
        }
        Field<String> key = field(name("k", "concurrency_key"), SQLDataType.VARCHAR);
        Field<Integer> taken = DSL.select(count())
                .from(jobs)
                .where(CONCURRENCY_KEY.eq(key))
                .and(isAdmitted())
                .asField();
        Field<Integer> places = DSL.select(CONCURRENCY_LIMIT)
                .from(jobs)
                .where(CONCURRENCY_KEY.eq(key))
                .and(isParked())
                .orderBy(PRIORITY, ID)
                .limit(inline(1))
                .asField();
        return db.dsl(connection)
                .select(key)
                .from(keys.as("k"))
                .where(among(key, some))
                .and(isUnused(key).or(taken.lt(DSL.coalesce(places, inline(0)))))
                .fetch(key);
    }

    /** As text: newer versions of jOOQ have another signature of notExists, and this is compiled once for all of them. */
    private Condition isUnused(Field<String> key) {
        return DSL.condition("not exists (select 1 from {0} j where j.concurrency_key = {1})", jobs, key);
    }

    private int mend(Connection connection, String key) throws SQLException {
        lockKeys(connection, Set.of(key), false);
        db.dsl(connection)
                .deleteFrom(keys)
                .where(CONCURRENCY_KEY.eq(key))
                .and(isUnused(DSL.val(key)))
                .execute();
        promote(connection, Set.of(key));
        return 1;
    }

    /**
     * Deletes windows, progress and workers that have expired, and history that is older than this (0: leaves it alone).
     *
     * @return rows deleted; without those of days of history that were dropped as a whole
     */
    int prune(long historyMicros) throws SQLException {
        int gone = pruneExpired("tenfold_job_window", "expires_at", 0);
        gone += pruneExpired("tenfold_job_progress", "expires_at", 0);
        gone += pruneExpired("tenfold_job_worker", "seen_at", WORKER_FORGOTTEN);
        return historyMicros > 0 ? gone + pruneHistory(historyMicros) : gone;
    }

    int pruneHistory(long historyMicros) throws SQLException {
        return pruneExpired("tenfold_job_history", "finished_at", historyMicros);
    }

    /** In pieces, each a statement, so that nobody waits for long. */
    final int pruneExpired(String table, String column, long age) throws SQLException {
        Field<Long> time = field(name(column), SQLDataType.BIGINT);
        int all = 0;
        int gone;
        do {
            gone = db.statement(connection -> {
                DSLContext dsl = db.dsl(connection);
                Long upTo = dsl.select(DSL.max(time))
                        .from(DSL.select(time)
                                .from(table(table))
                                .where(time.le(db.now().minus(age)))
                                .orderBy(time)
                                .limit(inline(PIECE))
                                .asTable("piece"))
                        .fetchOne(0, Long.class);
                return upTo == null
                        ? 0
                        : dsl.deleteFrom(table(table)).where(time.le(upTo)).execute();
            });
            all += gone;
        } while (gone >= PIECE);
        return all;
    }

    /** A worker as the others see it. */
    void beat(
            long worker,
            String name,
            long startedAt,
            int concurrency,
            int running,
            List<String> queues,
            List<String> kinds)
            throws SQLException {
        String table = db.table("tenfold_job_worker");
        Binder values = statement -> {
            statement.setString(1, name);
            statement.setLong(2, startedAt);
            statement.setInt(3, concurrency);
            statement.setInt(4, running);
            statement.setString(5, String.join("\n", queues));
            statement.setString(6, String.join("\n", kinds));
            statement.setLong(7, worker);
        };
        db.statement(connection -> {
            try (var statement = connection.prepareStatement("update " + table
                    + " set name = ?, started_at = ?, concurrency = ?, running = ?, queues = ?, kinds = ?, seen_at = "
                    + db.nowSql() + " where id = ?")) {
                values.bind(statement);
                if (statement.executeUpdate() > 0) {
                    return true;
                }
            }
            return insertIfAbsent(
                    connection,
                    "insert into " + table + " (name, started_at, concurrency, running, queues, kinds, id, seen_at)"
                            + " values (?, ?, ?, ?, ?, ?, ?, " + db.nowSql() + ")",
                    values);
        });
    }

    void leave(long worker) throws SQLException {
        db.statement(connection -> db.dsl(connection)
                .deleteFrom(table("tenfold_job_worker"))
                .where(ID.eq(worker))
                .execute());
    }
}
