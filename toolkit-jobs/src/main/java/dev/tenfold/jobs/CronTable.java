package dev.tenfold.jobs;

import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.table;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.SelectField;
import org.jooq.Table;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/** Every SQL statement about crons. Each runs on the connection that it is given, in whatever transaction that has. */
final class CronTable {
    private static final Field<String> NAME = field("name", SQLDataType.VARCHAR);
    private static final Field<String> EXPRESSION = field("expression", SQLDataType.VARCHAR);
    private static final Field<String> ZONE = field("zone", SQLDataType.VARCHAR);
    private static final Field<Long> NEXT_AT = field("next_at", SQLDataType.BIGINT);
    private static final Field<Long> LAST_AT = field("last_at", SQLDataType.BIGINT);
    private static final Field<Long> CREATED_AT = field("created_at", SQLDataType.BIGINT);
    private static final Field<Integer> QUEUE = field("queue_id", SQLDataType.INTEGER);
    private static final Field<Integer> KIND = field("kind_id", SQLDataType.INTEGER);
    private static final Field<Integer> PRIORITY = field("priority", SQLDataType.INTEGER);
    private static final Field<Integer> MAX_ATTEMPTS = field("max_attempts", SQLDataType.INTEGER);
    private static final Field<Integer> PAYLOAD_VERSION = field("payload_version", SQLDataType.INTEGER);
    private static final Field<String> MISFIRE = field("misfire", SQLDataType.VARCHAR);
    private static final Field<Integer> MISFIRE_LIMIT = field("misfire_limit", SQLDataType.INTEGER);
    private static final Field<Boolean> PAUSED = field("paused", SQLDataType.BOOLEAN);
    private static final Field<byte[]> PAYLOAD = field("payload", SQLDataType.BLOB);
    private static final Field<String> HEADERS = field("headers", SQLDataType.VARCHAR);

    private static final List<SelectField<?>> ALL = List.of(
            NAME,
            EXPRESSION,
            ZONE,
            NEXT_AT,
            LAST_AT,
            QUEUE,
            KIND,
            PRIORITY,
            MAX_ATTEMPTS,
            PAYLOAD_VERSION,
            MISFIRE,
            MISFIRE_LIMIT,
            PAUSED,
            PAYLOAD,
            HEADERS);

    /** What a registration says, but for when it fires. */
    static final class Entry {
        final String name;
        final String expression;
        final String zone;
        final Misfire misfire;
        /** Due at once, without a fire's headers. */
        final NewJob job;

        final byte[] payload;

        Entry(String name, String expression, String zone, Misfire misfire, NewJob job, byte[] payload) {
            this.name = name;
            this.expression = expression;
            this.zone = zone;
            this.misfire = misfire;
            this.job = job;
            this.payload = payload;
        }
    }

    /** A row. */
    record Row(Entry entry, long nextAt, @Nullable Long lastAt, boolean paused) {}

    /** In how many microseconds a cron is due; negative if it should have fired before. */
    record Due(String name, long in) {}

    private final Db db;
    private final Table<Record> crons;

    CronTable(Db db) {
        this.db = db;
        crons = table(db.table("tenfold_job_cron"));
    }

    // ---- registration -----------------------------------------------------------------------------------------------

    /** Locks the row until the transaction ends. */
    Optional<Row> lock(Connection connection, String name) {
        return db.dsl(connection)
                .select(ALL)
                .from(crons)
                .where(NAME.eq(name))
                .forUpdate()
                .fetchOptional(CronTable::row);
    }

    /** Fails with a duplicate key if there is one. */
    void insert(Connection connection, Entry entry, long nextAt, long now) {
        int unused = db.dsl(connection)
                .insertInto(crons)
                .set(NAME, entry.name)
                .set(EXPRESSION, entry.expression)
                .set(ZONE, entry.zone)
                .set(NEXT_AT, nextAt)
                .set(CREATED_AT, now)
                .set(QUEUE, entry.job.queue)
                .set(KIND, entry.job.kind)
                .set(PRIORITY, entry.job.priority)
                .set(MAX_ATTEMPTS, entry.job.maxAttempts)
                .set(PAYLOAD_VERSION, entry.job.payloadVersion)
                .set(MISFIRE, entry.misfire.name)
                .set(MISFIRE_LIMIT, entry.misfire.limit)
                .set(PAUSED, false)
                .set(PAYLOAD, entry.payload)
                .set(HEADERS, entry.job.headers)
                .execute();
    }

    /** Leaves alone whether it is paused, and when it last fired. */
    void update(Connection connection, Entry entry, long nextAt) {
        int unused = db.dsl(connection)
                .update(crons)
                .set(EXPRESSION, entry.expression)
                .set(ZONE, entry.zone)
                .set(NEXT_AT, nextAt)
                .set(QUEUE, entry.job.queue)
                .set(KIND, entry.job.kind)
                .set(PRIORITY, entry.job.priority)
                .set(MAX_ATTEMPTS, entry.job.maxAttempts)
                .set(PAYLOAD_VERSION, entry.job.payloadVersion)
                .set(MISFIRE, entry.misfire.name)
                .set(MISFIRE_LIMIT, entry.misfire.limit)
                .set(PAYLOAD, entry.payload)
                .set(HEADERS, entry.job.headers)
                .where(NAME.eq(entry.name))
                .execute();
    }

    // ---- firing -----------------------------------------------------------------------------------------------------

    /** The first thousand that are not paused, soonest first. */
    List<Due> upcoming(Connection connection) {
        return db.dsl(connection)
                .select(NAME, NEXT_AT.minus(db.now()))
                .from(crons)
                .where(PAUSED.isFalse())
                .orderBy(NEXT_AT)
                .limit(1_000)
                .fetch(row -> new Due(row.value1(), row.value2()));
    }

    /** Moves a cron on, if nobody else has, nor changed or paused it since the row was read. */
    boolean advance(Connection connection, Row seen, long nextAt, @Nullable Long lastAt) {
        return db.dsl(connection)
                        .update(crons)
                        .set(NEXT_AT, nextAt)
                        .set(LAST_AT, lastAt)
                        .where(NAME.eq(seen.entry.name))
                        .and(NEXT_AT.eq(seen.nextAt))
                        .and(EXPRESSION.eq(seen.entry.expression))
                        .and(ZONE.eq(seen.entry.zone))
                        .and(PAUSED.isFalse())
                        .execute()
                == 1;
    }

    // ---- from outside -----------------------------------------------------------------------------------------------

    Optional<Row> find(Connection connection, String name) {
        return db.dsl(connection).select(ALL).from(crons).where(NAME.eq(name)).fetchOptional(CronTable::row);
    }

    /** By name. */
    List<Row> all(Connection connection) {
        return db.dsl(connection).select(ALL).from(crons).orderBy(NAME).fetch(CronTable::row);
    }

    boolean pause(Connection connection, String name) {
        return db.dsl(connection)
                        .update(crons)
                        .set(PAUSED, true)
                        .where(NAME.eq(name))
                        .execute()
                == 1;
    }

    void resume(Connection connection, String name, long nextAt) {
        int unused = db.dsl(connection)
                .update(crons)
                .set(PAUSED, false)
                .set(NEXT_AT, nextAt)
                .where(NAME.eq(name))
                .execute();
    }

    boolean remove(Connection connection, String name) {
        return db.dsl(connection).deleteFrom(crons).where(NAME.eq(name)).execute() == 1;
    }

    long now(Connection connection) throws SQLException {
        return db.currentMicros(connection);
    }

    private static Row row(Record row) {
        NewJob job = job(
                row.get(QUEUE),
                row.get(KIND),
                row.get(PRIORITY),
                row.get(MAX_ATTEMPTS),
                row.get(PAYLOAD_VERSION),
                row.get(HEADERS));
        Entry entry = new Entry(
                row.get(NAME),
                row.get(EXPRESSION),
                row.get(ZONE),
                Misfire.of(row.get(MISFIRE), row.get(MISFIRE_LIMIT)),
                job,
                row.get(PAYLOAD));
        return new Row(entry, row.get(NEXT_AT), row.get(LAST_AT), row.get(PAUSED));
    }

    /** Due at once. */
    static NewJob job(
            int queue, int kind, int priority, int maxAttempts, int payloadVersion, @Nullable String headers) {
        return new NewJob(queue, kind, priority, 0, true, maxAttempts, payloadVersion, headers, null, 0, null, 0, null);
    }
}
