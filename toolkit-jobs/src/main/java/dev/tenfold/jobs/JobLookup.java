package dev.tenfold.jobs;

import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.inline;
import static org.jooq.impl.DSL.select;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/** Looks for one job: unfinished, dead, or in the history. */
final class JobLookup {
    private static final Field<Long> ID = number("id");
    private static final Field<Long> RUN_AT = number("run_at");
    private static final Field<Long> LEASE_UNTIL = number("lease_until");
    private static final Field<Long> CREATED_AT = number("created_at");
    private static final Field<Long> FINISHED_AT = number("finished_at");
    private static final Field<Long> JOB_ID = number("job_id");
    private static final Field<Long> EXPIRES_AT = number("expires_at");
    private static final Field<Long> NOW = number("now_micros");
    private static final Field<Integer> QUEUE_ID = field(DSL.unquotedName("queue_id"), SQLDataType.INTEGER);
    private static final Field<Integer> KIND_ID = field(DSL.unquotedName("kind_id"), SQLDataType.INTEGER);
    private static final Field<Integer> IS_DEAD = field(DSL.unquotedName("is_dead"), SQLDataType.INTEGER);
    private static final Field<Short> PRIORITY = small("priority");
    private static final Field<Short> ATTEMPT = small("attempt");
    private static final Field<Short> FAILURES = small("failures");
    private static final Field<Short> MAX_ATTEMPTS = small("max_attempts");
    private static final Field<Short> PERCENT = small("percent");
    private static final Field<String> HEADERS = field(DSL.unquotedName("headers"), SQLDataType.CLOB);
    private static final Field<String> MESSAGE = field(DSL.unquotedName("message"), SQLDataType.VARCHAR);
    private static final Field<String> OUTCOME = field(DSL.unquotedName("outcome"), SQLDataType.VARCHAR);
    private static final Field<byte[]> RESULT = field(DSL.unquotedName("result"), SQLDataType.BLOB);

    private final Db db;
    private final Kinds kinds;
    private final Table<Record> job;
    private final Table<Record> dead;
    private final Table<Record> history;
    private final Table<Record> progress;

    JobLookup(Db db, Kinds kinds) {
        this.db = db;
        this.kinds = kinds;
        job = DSL.table(db.table("tenfold_job"));
        dead = DSL.table(db.table("tenfold_job_dead"));
        history = DSL.table(db.table("tenfold_job_history"));
        progress = DSL.table(db.table("tenfold_job_progress"));
    }

    private static Field<Long> number(String column) {
        return field(DSL.unquotedName(column), SQLDataType.BIGINT);
    }

    private static Field<Short> small(String column) {
        return field(DSL.unquotedName(column), SQLDataType.SMALLINT);
    }

    /** A job's row, and what it says of how far it is. */
    private record Found(@Nullable Record job, @Nullable Record said) {}

    Optional<JobInfo> find(long id) {
        return JobException.unless("look for job " + id, () -> {
            Found found = db.autocommit(connection -> {
                Record present = present(connection, id);
                Record row = present == null ? past(connection, id) : present;
                return new Found(row, row == null ? null : said(connection, id));
            });
            return found.job == null ? Optional.empty() : Optional.of(info(found.job, found.said));
        });
    }

    /** Both tables in one statement, as a job may go from one to the other meanwhile. */
    private @Nullable Record present(Connection connection, long id) {
        Field<Long> never = inline(0L);
        return db.dsl(connection)
                .select(
                        ID,
                        QUEUE_ID,
                        KIND_ID,
                        CREATED_AT,
                        RUN_AT.as(RUN_AT),
                        LEASE_UNTIL.as(LEASE_UNTIL),
                        PRIORITY,
                        ATTEMPT,
                        FAILURES,
                        MAX_ATTEMPTS,
                        HEADERS,
                        inline(0).as(IS_DEAD),
                        db.now().as(NOW))
                .from(job)
                .where(ID.eq(id))
                .unionAll(select(
                                ID,
                                QUEUE_ID,
                                KIND_ID,
                                CREATED_AT,
                                never.as(RUN_AT),
                                never.as(LEASE_UNTIL),
                                PRIORITY,
                                ATTEMPT,
                                FAILURES,
                                MAX_ATTEMPTS,
                                HEADERS,
                                inline(1).as(IS_DEAD),
                                db.now().as(NOW))
                        .from(dead)
                        .where(ID.eq(id)))
                .fetchAny();
    }

    private @Nullable Record past(Connection connection, long id) {
        return db.dsl(connection)
                .select(ID, QUEUE_ID, KIND_ID, CREATED_AT, ATTEMPT, FAILURES, HEADERS, OUTCOME)
                .from(history)
                .where(ID.eq(id))
                .orderBy(FINISHED_AT.desc())
                .limit(1)
                .fetchOne();
    }

    private @Nullable Record said(Connection connection, long id) {
        return db.dsl(connection)
                .select(PERCENT, MESSAGE)
                .from(progress)
                .where(JOB_ID.eq(id))
                .fetchOne();
    }

    private JobInfo info(Record row, @Nullable Record said) throws SQLException {
        boolean isPast = row.field(OUTCOME) != null;
        JobState state = isPast ? pastState(row.get(OUTCOME)) : presentState(row);
        boolean hasTime = !isPast && row.get(IS_DEAD) == 0 && row.get(RUN_AT) < Times.LATEST;
        return new JobInfo(
                row.get(ID),
                kinds.kindName(row.get(KIND_ID)),
                kinds.queueName(row.get(QUEUE_ID)),
                state,
                isPast ? Optional.empty() : Optional.of(Priority.of(row.get(PRIORITY))),
                Times.instant(row.get(CREATED_AT)),
                hasTime ? Optional.of(Times.instant(row.get(RUN_AT))) : Optional.empty(),
                row.get(ATTEMPT),
                row.get(FAILURES),
                isPast ? Optional.empty() : Optional.of((int) row.get(MAX_ATTEMPTS)),
                Headers.decode(row.get(HEADERS)),
                said == null ? Optional.empty() : Optional.of((int) said.get(PERCENT)),
                said == null ? Optional.empty() : Optional.ofNullable(said.get(MESSAGE)));
    }

    private static JobState pastState(String outcome) {
        return outcome.equals(JobListener.Outcome.CANCELLED.name()) ? JobState.CANCELLED : JobState.DONE;
    }

    private static JobState presentState(Record row) {
        if (row.get(IS_DEAD) == 1) {
            return JobState.DEAD;
        }
        long runAt = row.get(RUN_AT);
        if (runAt == Times.WAITING) {
            return JobState.WAITING;
        }
        if (runAt == Times.PARKED) {
            return JobState.PARKED;
        }
        long now = row.get(NOW);
        if (row.get(LEASE_UNTIL) >= now) {
            return JobState.RUNNING;
        }
        return runAt > now ? JobState.SCHEDULED : JobState.READY;
    }

    /** What a handler gave as its result, if it is kept still. */
    <T> Optional<T> result(long id, Class<T> type, PayloadCodec codec) {
        byte[] bytes = JobException.unless(
                "look for the result of job " + id,
                () -> db.autocommit(connection -> db.dsl(connection)
                        .select(RESULT)
                        .from(progress)
                        .where(JOB_ID.eq(id))
                        .and(EXPIRES_AT.isNull().or(EXPIRES_AT.gt(db.now())))
                        .fetchOptional(RESULT)
                        .orElse(new byte[0])));
        if (bytes.length == 0) {
            return Optional.empty();
        }
        try {
            return Optional.of(codec.decode(bytes, type));
        } catch (Exception e) {
            throw new IllegalArgumentException(
                    "the result of job " + id + " cannot be read as a " + type.getName() + ": " + e.getMessage(), e);
        }
    }
}
