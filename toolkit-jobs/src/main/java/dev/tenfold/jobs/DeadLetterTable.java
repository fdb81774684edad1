package dev.tenfold.jobs;

import static dev.tenfold.jobs.JobStore.ADMITTED;
import static dev.tenfold.jobs.JobStore.ATTEMPT;
import static dev.tenfold.jobs.JobStore.BATCH_ID;
import static dev.tenfold.jobs.JobStore.CANCELLED;
import static dev.tenfold.jobs.JobStore.CONCURRENCY_KEY;
import static dev.tenfold.jobs.JobStore.CONCURRENCY_LIMIT;
import static dev.tenfold.jobs.JobStore.CREATED_AT;
import static dev.tenfold.jobs.JobStore.FAILURES;
import static dev.tenfold.jobs.JobStore.HEADERS;
import static dev.tenfold.jobs.JobStore.ID;
import static dev.tenfold.jobs.JobStore.KIND_ID;
import static dev.tenfold.jobs.JobStore.LEASE;
import static dev.tenfold.jobs.JobStore.LEASE_UNTIL;
import static dev.tenfold.jobs.JobStore.MAX_ATTEMPTS;
import static dev.tenfold.jobs.JobStore.PAYLOAD;
import static dev.tenfold.jobs.JobStore.PAYLOAD_VERSION;
import static dev.tenfold.jobs.JobStore.PRIORITY;
import static dev.tenfold.jobs.JobStore.QUEUE_ID;
import static dev.tenfold.jobs.JobStore.RUN_AT;
import static dev.tenfold.jobs.JobStore.UNIQUE_KEY;
import static dev.tenfold.jobs.JobStore.WORKER;
import static org.jooq.impl.DSL.inline;
import static org.jooq.impl.DSL.max;
import static org.jooq.impl.DSL.min;
import static org.jooq.impl.DSL.noCondition;
import static org.jooq.impl.DSL.row;
import static org.jooq.impl.DSL.rowNumber;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.when;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Name;
import org.jooq.Record;
import org.jooq.Record1;
import org.jooq.Select;
import org.jooq.SelectField;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/** Every statement about dead letters but the one that makes them, {@link JobStore#bury}. */
final class DeadLetterTable {
    static final int PIECE = 1_000;

    private static final int MOST_ERRORS = 100;
    private static final int TRIES = 5;

    private static final Field<Long> DIED_AT = DSL.field(name("died_at"), SQLDataType.BIGINT);
    private static final Field<String> REASON = DSL.field(name("reason"), SQLDataType.VARCHAR);
    private static final Field<String> FINGERPRINT = DSL.field(name("fingerprint"), SQLDataType.VARCHAR);
    private static final Field<String> MESSAGE = DSL.field(name("message"), SQLDataType.CLOB);

    private static final Field<Long> JOB_ID = DSL.field(name("job_id"), SQLDataType.BIGINT);
    private static final Field<Long> OCCURRED_AT = DSL.field(name("occurred_at"), SQLDataType.BIGINT);
    private static final Field<String> TYPE = DSL.field(name("type"), SQLDataType.VARCHAR);
    private static final Field<String> STACK = DSL.field(name("stack"), SQLDataType.CLOB);

    private final Db db;
    private final JobStore store;
    private final Table<Record> dead;
    private final Table<Record> job;
    private final Table<Record> error;
    private final Table<Record> progress;
    private final Table<Record> queues;
    private final Table<Record> kinds;

    DeadLetterTable(Db db, JobStore store) {
        this.db = db;
        this.store = store;
        dead = DSL.table(db.table("tenfold_job_dead"));
        job = DSL.table(db.table("tenfold_job"));
        error = DSL.table(db.table("tenfold_job_error"));
        progress = DSL.table(db.table("tenfold_job_progress"));
        queues = DSL.table(db.table("tenfold_job_queue"));
        kinds = DSL.table(db.table("tenfold_job_kind"));
    }

    private static Name name(String column) {
        return DSL.unquotedName(column);
    }

    // ---- looking ----------------------------------------------------------------------------------------------------

    /** A letter as it is stored; without payload in a list. */
    static final class Row {
        final long id;
        final int kind;
        final int queue;
        final Priority priority;
        final DeadReason reason;
        final long createdAt;
        final long diedAt;
        final int attempts;
        final int failures;
        final int maxAttempts;
        final String fingerprint;
        final String message;
        final @Nullable String headers;
        final int payloadVersion;
        final byte @Nullable [] payload;

        private Row(Record row, boolean withPayload) {
            id = row.get(ID);
            kind = row.get(KIND_ID);
            queue = row.get(QUEUE_ID);
            priority = Priority.of(row.get(PRIORITY));
            reason = DeadReason.valueOf(row.get(REASON));
            createdAt = row.get(CREATED_AT);
            diedAt = row.get(DIED_AT);
            attempts = row.get(ATTEMPT);
            failures = row.get(FAILURES);
            maxAttempts = row.get(MAX_ATTEMPTS);
            fingerprint = row.get(FINGERPRINT);
            message = row.get(MESSAGE);
            headers = row.get(HEADERS);
            payloadVersion = row.get(PAYLOAD_VERSION);
            payload = withPayload ? row.get(PAYLOAD) : null;
        }
    }

    private static List<SelectField<?>> columns(boolean withPayload) {
        List<SelectField<?>> columns = new ArrayList<>(List.of(
                ID,
                KIND_ID,
                QUEUE_ID,
                PRIORITY,
                REASON,
                CREATED_AT,
                DIED_AT,
                ATTEMPT,
                FAILURES,
                MAX_ATTEMPTS,
                FINGERPRINT,
                MESSAGE,
                HEADERS,
                PAYLOAD_VERSION));
        if (withPayload) {
            columns.add(PAYLOAD);
        }
        return columns;
    }

    /** Newest first, behind a place. */
    List<Row> list(DeadFilter filter, Page.@Nullable Place after, int limit) throws SQLException {
        Condition wanted = after == null
                ? condition(filter)
                : condition(filter).and(row(DIED_AT, ID).lessThan(after.at(), after.id()));
        return db.autocommit(connection -> db.dsl(connection)
                .select(columns(false))
                .from(dead)
                .where(wanted)
                .orderBy(DIED_AT.desc(), ID.desc())
                .limit(limit)
                .fetch(row -> new Row(row, false)));
    }

    @Nullable
    Row find(long id) throws SQLException {
        return db.autocommit(connection -> db.dsl(connection)
                .select(columns(true))
                .from(dead)
                .where(ID.eq(id))
                .fetchOne(row -> new Row(row, true)));
    }

    /** A job's errors, dead or not, oldest first. */
    List<JobError> errors(long id) throws SQLException {
        List<JobError> newestFirst = db.autocommit(connection -> db.dsl(connection)
                .select(ATTEMPT, OCCURRED_AT, FINGERPRINT, TYPE, MESSAGE, STACK)
                .from(error)
                .where(JOB_ID.eq(id))
                .orderBy(ID.desc())
                .limit(MOST_ERRORS)
                .fetch(row -> new JobError(
                        row.get(ATTEMPT),
                        Times.instant(row.get(OCCURRED_AT)),
                        row.get(FINGERPRINT),
                        row.get(TYPE),
                        row.get(MESSAGE),
                        row.get(STACK))));
        List<JobError> oldestFirst = new ArrayList<>(newestFirst);
        Collections.reverse(oldestFirst);
        return Collections.unmodifiableList(oldestFirst);
    }

    /** Letters with one fingerprint. */
    record Group(String fingerprint, long count, long first, long last, long newest, String message) {}

    /** Groups of the newest letters that fit, {@link BoundedCount#MOST} and one of them at most; latest group first. */
    List<Group> groups(DeadFilter filter, int limit) throws SQLException {
        Field<Integer> rank = DSL.field(name("newest_rank"), SQLDataType.INTEGER);
        Field<Long> count = DSL.field(name("letters"), SQLDataType.BIGINT);
        Field<Long> first = DSL.field(name("first_at"), SQLDataType.BIGINT);
        Field<Long> last = DSL.field(name("last_at"), SQLDataType.BIGINT);
        Field<Long> newest = DSL.field(name("newest_id"), SQLDataType.BIGINT);
        var looked = select(FINGERPRINT, DIED_AT, ID)
                .from(dead)
                .where(condition(filter))
                .orderBy(DIED_AT.desc(), ID.desc())
                .limit(inline(BoundedCount.MOST + 1))
                .asTable(name("looked"));
        var ranked = select(
                        FINGERPRINT,
                        DIED_AT,
                        ID,
                        rowNumber()
                                .over()
                                .partitionBy(FINGERPRINT)
                                .orderBy(DIED_AT.desc(), ID.desc())
                                .as(rank))
                .from(looked)
                .asTable(name("ranked"));
        var grouped = select(
                        DSL.count().cast(SQLDataType.BIGINT).as(count),
                        min(DIED_AT).as(first),
                        max(DIED_AT).as(last),
                        max(when(rank.eq(inline(1)), ID)).as(newest))
                .from(ranked)
                .groupBy(FINGERPRINT)
                .asTable(name("grouped"));
        return db.autocommit(connection -> db.dsl(connection)
                .select(FINGERPRINT, MESSAGE, ID, count, first, last)
                .from(grouped)
                .join(dead)
                .on(ID.eq(newest))
                .orderBy(last.desc(), ID.desc())
                .limit(limit)
                .fetch(row -> new Group(
                        row.get(FINGERPRINT),
                        row.get(count),
                        row.get(first),
                        row.get(last),
                        row.get(ID),
                        row.get(MESSAGE))));
    }

    /** The class of the last exception of each of these jobs that had one. */
    Map<Long, String> lastTypes(Collection<Long> ids) throws SQLException {
        if (ids.isEmpty()) {
            return Map.of();
        }
        return db.autocommit(connection -> {
            Map<Long, String> types = new HashMap<>();
            db.dsl(connection)
                    .select(JOB_ID, TYPE)
                    .from(error)
                    .where(JOB_ID.in(ids))
                    .orderBy(ID)
                    .forEach(row -> types.put(row.get(JOB_ID), row.get(TYPE)));
            return types;
        });
    }

    private Condition condition(DeadFilter filter) {
        Condition all = noCondition();
        if (filter.kind != null) {
            all = all.and(KIND_ID.eq(idOf(kinds, filter.kind)));
        }
        if (filter.queue != null) {
            all = all.and(QUEUE_ID.eq(idOf(queues, filter.queue)));
        }
        if (filter.reason != null) {
            all = all.and(REASON.eq(filter.reason.name()));
        }
        if (filter.fingerprint != null) {
            all = all.and(FINGERPRINT.eq(filter.fingerprint));
        }
        if (filter.since != null) {
            all = all.and(DIED_AT.ge(bounded(filter.since)));
        }
        if (filter.until != null) {
            all = all.and(DIED_AT.lt(bounded(filter.until)));
        }
        return all;
    }

    /** Null, which nothing equals, of a name that nobody has used; asking must not make it. */
    private static Select<Record1<Integer>> idOf(Table<Record> names, String wanted) {
        return select(DSL.field(name("id"), SQLDataType.INTEGER))
                .from(names)
                .where(DSL.field(name("name"), SQLDataType.VARCHAR).eq(wanted));
    }

    private static long bounded(Instant time) {
        Instant latest = Times.instant(Times.LATEST);
        if (time.isAfter(latest)) {
            return Times.LATEST;
        }
        return time.isBefore(Instant.EPOCH) ? 0 : Times.micros(time);
    }

    // ---- piece by piece ---------------------------------------------------------------------------------------------

    /** The database's time. */
    long now() throws SQLException {
        return db.autocommit(db::currentMicros);
    }

    /** The places of letters that fit and died until then, oldest first, behind a place. */
    List<Page.Place> places(DeadFilter filter, long until, Page.Place after) throws SQLException {
        return db.autocommit(connection -> db.dsl(connection)
                .select(DIED_AT, ID)
                .from(dead)
                .where(condition(filter))
                .and(DIED_AT.le(until))
                .and(row(DIED_AT, ID).greaterThan(after.at(), after.id()))
                .orderBy(DIED_AT, ID)
                .limit(PIECE)
                .fetch(row -> new Page.Place(row.get(DIED_AT), row.get(ID))));
    }

    // ---- changing ---------------------------------------------------------------------------------------------------

    /** What came of a replay, and which lanes have work now. */
    record Replayed(Map<Long, DeadLetters.Replay> outcomes, Set<Lane> lanes) {}

    /**
     * Makes letters jobs again, {@value #PIECE} at most, in one transaction. The ids, leases and errors stay as they are, so
     * that a process that still believes in its old lease is refused. Those whose unique key an unfinished job has stay dead.
     */
    Replayed replay(Collection<Long> ids) throws SQLException {
        for (int attempt = 1; ; attempt++) {
            try {
                return db.transaction(connection -> replay(connection, ids));
            } catch (SQLException e) {
                // Somebody enqueued a job with the same unique key after we had looked: it is seen the next time.
                if (!Db.isDuplicate(e) || attempt == TRIES) {
                    throw e;
                }
            }
        }
    }

    private Replayed replay(Connection connection, Collection<Long> ids) {
        DSLContext dsl = db.dsl(connection);
        Map<Long, DeadLetters.Replay> outcomes = new LinkedHashMap<>();
        ids.forEach(id -> outcomes.put(id, DeadLetters.Replay.UNKNOWN));
        var letters = dsl.select(ID, QUEUE_ID, PRIORITY, UNIQUE_KEY)
                .from(dead)
                .where(ID.in(new TreeSet<>(ids)))
                .orderBy(ID)
                .forUpdate()
                .fetch();
        Set<ByteBuffer> taken = taken(dsl, letters.getValues(UNIQUE_KEY));
        Set<Lane> lanes = new HashSet<>();
        List<Long> going = new ArrayList<>();
        for (var letter : letters) {
            byte[] key = letter.get(UNIQUE_KEY);
            if (key != null && !taken.add(ByteBuffer.wrap(key))) {
                outcomes.put(letter.get(ID), DeadLetters.Replay.DUPLICATE);
            } else {
                outcomes.put(letter.get(ID), DeadLetters.Replay.REPLAYED);
                going.add(letter.get(ID));
                lanes.add(new Lane(letter.get(QUEUE_ID), letter.get(PRIORITY)));
            }
        }
        if (!going.isEmpty()) {
            revive(dsl, going);
        }
        return new Replayed(outcomes, lanes);
    }

    /** Which of these keys unfinished jobs have. */
    private Set<ByteBuffer> taken(DSLContext dsl, List<byte[]> keys) {
        List<byte[]> given = keys.stream().filter(key -> key != null).toList();
        Set<ByteBuffer> taken = new HashSet<>();
        if (!given.isEmpty()) {
            dsl.select(UNIQUE_KEY)
                    .from(job)
                    .where(UNIQUE_KEY.in(given))
                    .forEach(row -> taken.add(ByteBuffer.wrap(row.get(UNIQUE_KEY))));
        }
        return taken;
    }

    private void revive(DSLContext dsl, List<Long> ids) {
        Map<Field<?>, Field<?>> values = new LinkedHashMap<>();
        values.put(RUN_AT, db.now());
        values.put(LEASE_UNTIL, inline(0L));
        values.put(WORKER, inline(0L));
        values.put(ATTEMPT, inline(0));
        values.put(CANCELLED, inline(false));
        values.put(ADMITTED, inline(false));
        // Its errors go when it is done, which takes a failure; its back-off begins anew.
        values.put(FAILURES, DSL.least(FAILURES, inline(1)));
        for (Field<?> same : List.of(
                ID,
                LEASE,
                CREATED_AT,
                BATCH_ID,
                QUEUE_ID,
                KIND_ID,
                CONCURRENCY_LIMIT,
                PRIORITY,
                MAX_ATTEMPTS,
                PAYLOAD_VERSION,
                PAYLOAD,
                HEADERS,
                UNIQUE_KEY,
                CONCURRENCY_KEY)) {
            values.put(same, same);
        }
        dsl.insertInto(job, values.keySet())
                .select(select(values.values()).from(dead).where(ID.in(ids)))
                .execute();
        dsl.deleteFrom(dead).where(ID.in(ids)).execute();
        dsl.update(progress)
                .setNull(DSL.field(name("expires_at"), SQLDataType.BIGINT))
                .where(JOB_ID.in(ids))
                .execute();
    }

    /** How many letters were there, and whether a job that waited for one of them may be due now. */
    record Purged(int letters, boolean hadBatch) {}

    /** Deletes letters for good, {@value #PIECE} at most, in one transaction; to their batches they are lost. */
    Purged purge(Collection<Long> ids) throws SQLException {
        return db.transaction(connection -> purge(connection, ids));
    }

    private Purged purge(Connection connection, Collection<Long> ids) throws SQLException {
        DSLContext dsl = db.dsl(connection);
        var letters = dsl.select(ID, BATCH_ID)
                .from(dead)
                .where(ID.in(new TreeSet<>(ids)))
                .orderBy(ID)
                .forUpdate()
                .fetch();
        List<Long> there = letters.getValues(ID);
        if (there.isEmpty()) {
            return new Purged(0, false);
        }
        dsl.deleteFrom(error).where(JOB_ID.in(there)).execute();
        dsl.deleteFrom(progress).where(JOB_ID.in(there)).execute();
        dsl.deleteFrom(dead).where(ID.in(there)).execute();
        Map<Long, Integer> members = new TreeMap<>();
        for (Long each : letters.getValues(BATCH_ID)) {
            if (each != null) {
                members.merge(each, 1, Integer::sum);
            }
        }
        store.countDown(connection, members, true);
        return new Purged(there.size(), !members.isEmpty());
    }

    /** Whether there was such a letter. */
    boolean edit(long id, byte[] payload, int payloadVersion) throws SQLException {
        return db.autocommit(connection -> db.dsl(connection)
                        .update(dead)
                        .set(PAYLOAD, payload)
                        .set(PAYLOAD_VERSION, payloadVersion)
                        .where(ID.eq(id))
                        .execute()
                > 0);
    }
}
