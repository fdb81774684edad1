package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.jooq.exception.DataAccessException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Jobs that are enqueued again and again, by the calendar of a time zone. Kept in the database: they fire as long as any worker
 * of any process runs, whether or not the process that registered them does.
 *
 * <pre>{@code
 * jobs.cron("nightly", "0 2 * * *", ZoneId.of("Europe/Paris"), new Rollup());
 * jobs.crons().pause("nightly");
 * }</pre>
 *
 * <p>What it does not promise: that a job runs at the second. A fire enqueues a job, which waits as others do; and a fire itself
 * may be late by five seconds, right after a cron was registered or changed by another process. Nor does a fire wait for the job
 * of the fire before: give jobs that must not run at once a limit in their handler.
 *
 * <p>What it promises: each fire enqueues exactly one job, however many workers run, without a leader among them. That the cron
 * moves on and that the job is there is one transaction. When it is due is what the database's clock says.
 *
 * <p>Expressions have five fields (minute, hour, day of month, month, day of week), or six with seconds in front, or are
 * {@code @hourly}, {@code @daily}, {@code @weekly}, {@code @monthly}, {@code @yearly}. If neither day field begins with {@code *},
 * either of them will do, as in Unix. When clocks are changed:
 *
 * <ul>
 *   <li>Fixed times, whose hours, minutes and seconds are numbers, lists and ranges, fire once a day: at the first instant after
 *       the gap, if the clocks skip them; the first time, if the clocks show them twice.
 *   <li>Intervals, of which one of these has a {@code *} or a step such as {@code 8-17/3}, go on in real time: hourly means each
 *       60 minutes. What the clocks skip does not fire, what they show twice fires twice.
 * </ul>
 *
 * <p>Each method blocks on statements of its own, two to five; {@link JobException} if the database is away. Thread-safe.
 */
public final class Crons {
    private static final Logger LOG = LoggerFactory.getLogger(Crons.class);

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._:/-]{1,100}");
    private static final int LONGEST_ZONE = 60;
    private static final int MOST_FIRES = 1_000;
    private static final int SHOWN_FIRES = 5;
    private static final int TRIES = 3;

    /** A fire that is later than that was missed. */
    private static final Duration GRACE = Duration.ofMinutes(1);

    private static final long SHORT_WAIT = TimeUnit.MILLISECONDS.toMicros(50);
    private static final long LONGEST_WAIT = TimeUnit.SECONDS.toMicros(5);

    private final JobQueue jobs;
    private final Db db;
    private final CronTable table;

    Crons(JobQueue jobs) {
        this.jobs = jobs;
        db = jobs.db;
        table = new CronTable(db);
    }

    // ---- registration -----------------------------------------------------------------------------------------------

    /**
     * Registers a cron with default options; see {@link #register(String, String, ZoneId, Object, UnaryOperator)}.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}
     * @param expression when it fires
     * @param zone by the clocks of which zone
     * @param payload of its jobs
     */
    public void register(String name, String expression, ZoneId zone, Object payload) {
        register(name, expression, zone, payload, options -> options);
    }

    /**
     * Registers a cron, or changes the one of that name; call it whenever the application starts. If expression and zone are what
     * they were, a fire that is due, or was missed while the application was deployed, is not lost; else it fires next when the
     * new expression says, from now on. A paused one stays paused. The payload is encoded now, and each job gets a copy.
     *
     * <p>The last registration wins: while old and new processes run side by side, one that starts with the old expression puts
     * it back.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}
     * @param expression when it fires
     * @param zone by the clocks of which zone
     * @param payload of its jobs
     * @param options queue, priority, attempts, headers, misfires
     * @throws IllegalArgumentException for a bad name, an expression that is not understood or never fires, or a payload that
     *     cannot be encoded; nothing is changed
     * @throws JobException if the database does not answer
     */
    public void register(
            String name, String expression, ZoneId zone, Object payload, UnaryOperator<CronOptions> options) {
        checkName(name);
        CronExpression cron = CronExpression.parse(expression);
        checkZone(zone);
        CronOptions chosen = options.apply(CronOptions.DEFAULT);
        CronTable.Entry entry = entry(name, cron, zone, payload, chosen);
        for (int tries = 1; ; tries++) {
            try {
                ask("register cron " + name, connection -> put(connection, entry, cron, zone));
                return;
            } catch (JobException e) {
                // Another process has registered the same name for the first time, just now.
                if (tries == TRIES || !(e.getCause() instanceof SQLException cause && Db.isDuplicate(cause))) {
                    throw e;
                }
            }
        }
    }

    private static void checkName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "cron \"" + name + "\" must be named by 1 to 100 letters, digits and . _ : / -");
        }
    }

    private static void checkZone(ZoneId zone) {
        if (zone.getId().length() > LONGEST_ZONE) {
            throw new IllegalArgumentException("zone " + zone + " has more than " + LONGEST_ZONE + " characters");
        }
    }

    private CronTable.Entry entry(String name, CronExpression cron, ZoneId zone, Object payload, CronOptions options) {
        Enqueuer enqueuer = new Enqueuer(jobs, null, null);
        Kind<?> kind = enqueuer.kind(payload);
        byte[] bytes = enqueuer.encode(kind, payload);
        Map<String, String> headers = options.job.headers();
        String unused = Headers.encode(fired(headers, name, Instant.EPOCH)); // refuses what is too long with the fire's
        NewJob job = CronTable.job(
                jobs.kinds.queueId(options.job.queue()),
                jobs.kinds.kindId(kind.name),
                options.job.priority(),
                options.job.maxAttempts(),
                kind.version,
                Headers.encode(headers));
        return new CronTable.Entry(name, cron.text, zone.getId(), options.misfire, job, bytes);
    }

    /** The headers of a fire, or of a run between fires. */
    private static Map<String, String> fired(Map<String, String> registered, String name, @Nullable Instant at) {
        Map<String, String> headers = new LinkedHashMap<>(registered);
        headers.put("cron", name);
        if (at != null) {
            headers.put("cron-at", at.toString());
        }
        return headers;
    }

    private boolean put(Connection connection, CronTable.Entry entry, CronExpression cron, ZoneId zone)
            throws SQLException {
        Optional<CronTable.Row> locked = table.lock(connection, entry.name);
        long now = table.now(connection);
        if (locked.isEmpty()) {
            table.insert(connection, entry, nextAfter(now, cron, zone), now);
            return true;
        }
        CronTable.Row there = locked.get();
        boolean same = there.entry().expression.equals(entry.expression)
                && there.entry().zone.equals(entry.zone);
        table.update(connection, entry, same ? there.nextAt() : nextAfter(now, cron, zone));
        return false;
    }

    private static long nextAfter(long micros, CronExpression cron, ZoneId zone) {
        return Times.micros(cron.next(Times.instant(micros), zone));
    }

    // ---- from outside -----------------------------------------------------------------------------------------------

    /**
     * All crons, by name. One statement, and one for each kind and queue that this process has not met before.
     *
     * @return each with its next five fires
     */
    public List<CronEntry> list() {
        List<CronTable.Row> rows = ask("list the crons", table::all);
        long now = ask("read the clock", table::now);
        return rows.stream().map(row -> named(() -> shown(row, now))).toList();
    }

    private CronEntry shown(CronTable.Row row, long now) throws SQLException {
        CronTable.Entry entry = row.entry();
        return new CronEntry(
                entry.name,
                entry.expression,
                entry.zone,
                jobs.kinds.kindName(entry.job.kind),
                jobs.kinds.queueName(entry.job.queue),
                Priority.of(entry.job.priority),
                entry.misfire,
                row.paused() ? List.of() : readableFires(row, now),
                Optional.ofNullable(row.lastAt()).map(Times::instant),
                row.paused());
    }

    /** None of one that only a later version, or another JDK's time zones, can read; see the warning when it is due. */
    private static List<Instant> readableFires(CronTable.Row row, long now) {
        try {
            return fires(row, now, SHOWN_FIRES);
        } catch (IllegalArgumentException | DateTimeException e) {
            LOG.debug("the fires of cron {} are not shown: {}", row.entry().name, e.toString());
            return List.of();
        }
    }

    /** The fires that come, the first being the one that is stored, even if it is due. */
    private static List<Instant> fires(CronTable.Row row, long now, int count) {
        CronExpression cron = CronExpression.parse(row.entry().expression);
        ZoneId zone = ZoneId.of(row.entry().zone);
        List<Instant> fires = new ArrayList<>();
        Instant at = row.paused() ? cron.next(Times.instant(now), zone) : Times.instant(row.nextAt());
        for (int i = 0; i < count; i++) {
            fires.add(at);
            at = cron.next(at, zone);
        }
        return List.copyOf(fires);
    }

    /**
     * When a cron fires next; of a paused one, when it would.
     *
     * @param name its name
     * @param count how many fires, 1 to 1,000
     * @return so many instants, soonest first; the first may be past, if it is due
     * @throws IllegalArgumentException if there is no such cron, or for another count
     */
    public List<Instant> next(String name, int count) {
        if (count < 1 || count > MOST_FIRES) {
            throw new IllegalArgumentException("the next " + count + " fires: ask for 1 to 1,000");
        }
        return ask("look at cron " + name, connection -> {
            CronTable.Row row = present(name, table.find(connection, name));
            return fires(row, table.now(connection), count);
        });
    }

    /**
     * Enqueues a job of a cron at once, even if it is paused. When it fires next stays as it is. The job has the header {@code
     * cron} and no {@code cron-at}.
     *
     * @param name its name
     * @return the job
     * @throws IllegalArgumentException if there is no such cron
     */
    public Enqueued runNow(String name) {
        CronTable.Row row = ask("look at cron " + name, connection -> present(name, table.find(connection, name)));
        NewJob job = named(() -> job(row.entry(), null));
        JobStore.Inserted inserted =
                ask("run cron " + name, connection -> jobs.store.insert(connection, job, row.entry().payload));
        ring(row.entry());
        return new Enqueued(inserted.id(), inserted.isNew());
    }

    /**
     * Lets a cron fire no more, until it is resumed. Jobs of it that are there already run all the same. A registration does not
     * resume it.
     *
     * @param name its name
     * @return whether there is such a cron
     */
    public boolean pause(String name) {
        return ask("pause cron " + name, connection -> table.pause(connection, name));
    }

    /**
     * Lets a paused cron fire again. Nothing is made up for: it fires when it is next due from now on.
     *
     * @param name its name
     * @return whether there is such a cron
     */
    public boolean resume(String name) {
        return ask("resume cron " + name, connection -> {
            Optional<CronTable.Row> row = table.lock(connection, name);
            if (row.isPresent() && row.get().paused()) {
                CronTable.Entry entry = row.get().entry();
                CronExpression cron = CronExpression.parse(entry.expression);
                table.resume(connection, name, nextAfter(table.now(connection), cron, ZoneId.of(entry.zone)));
            }
            return row.isPresent();
        });
    }

    /**
     * Forgets a cron. Jobs of it that are there already run all the same. It is back when somebody registers it again, so remove
     * it from the code first.
     *
     * @param name its name
     * @return whether there was such a cron
     */
    public boolean remove(String name) {
        return ask("remove cron " + name, connection -> table.remove(connection, name));
    }

    private static CronTable.Row present(String name, Optional<CronTable.Row> row) {
        return row.orElseThrow(() ->
                new IllegalArgumentException("there is no cron \"" + name + "\"; list() has those that there are"));
    }

    private interface Naming<T> {
        T get() throws SQLException;
    }

    private static <T> T named(Naming<T> naming) {
        try {
            return naming.get();
        } catch (SQLException | DataAccessException e) {
            throw new JobException("cannot look up the names of queues and kinds; is the database up?", e);
        }
    }

    private <T> T ask(String what, Db.Work<T> work) {
        try {
            return db.transaction(work);
        } catch (SQLException e) {
            throw new JobException("cannot " + what + "; is the database up?", e);
        }
    }

    // ---- firing -----------------------------------------------------------------------------------------------------

    /** For the worker's upkeep, in each process, which comes up to a tenth too early or too late. */
    Chore chore() {
        return new Chore() {
            @Override
            public long run() throws SQLException {
                long wait = fireDue();
                return wait < SHORT_WAIT ? wait : wait / 10 * 9;
            }

            @Override
            public String toString() {
                return "crons";
            }
        };
    }

    /**
     * Fires what is due.
     *
     * @return in how many microseconds to come again: when the next one is due, 5 s at the latest
     * @throws SQLException if some could not be fired, after all others were; they are due still
     */
    long fireDue() throws SQLException {
        return Math.min(LONGEST_WAIT, fireAll());
    }

    /** The same; returns in how many microseconds the next one that is known now is due. */
    long fireAll() throws SQLException {
        List<CronTable.Due> upcoming = db.autocommit(table::upcoming);
        long wait = Long.MAX_VALUE;
        Exception failed = null;
        for (CronTable.Due each : upcoming) {
            if (each.in() > 0) {
                wait = Math.min(wait, each.in());
                break;
            }
            try {
                wait = Math.min(wait, fire(each.name()));
            } catch (SQLException | RuntimeException e) {
                LOG.warn("cron {} is due and does not fire; tried again in 5 s: {}", each.name(), e.toString());
                failed = together(failed, e);
            }
        }
        if (failed != null) {
            throw failed instanceof SQLException sql ? sql : new SQLException("a cron does not fire", failed);
        }
        return wait;
    }

    private static Exception together(@Nullable Exception before, Exception now) {
        if (before == null) {
            return now;
        }
        before.addSuppressed(now);
        return before;
    }

    /** One fire, or what the misfire policy makes of several; returns in how many microseconds the next one is due. */
    private long fire(String name) throws SQLException {
        Optional<CronTable.Row> found = db.autocommit(connection -> table.find(connection, name));
        return found.isEmpty() ? 0 : fire(found.get()); // 0: removed meanwhile
    }

    private long fire(CronTable.Row row) throws SQLException {
        CronExpression cron = CronExpression.parse(row.entry().expression);
        ZoneId zone = ZoneId.of(row.entry().zone);
        Instant due = Times.instant(row.nextAt());
        Instant now = Times.instant(db.autocommit(table::now));
        if (due.isAfter(now)) {
            return Times.micros(Duration.between(now, due)); // another process has fired it a moment ago
        }
        Plan plan = plan(cron, zone, row.entry().misfire, due, now);
        List<NewJob> fires = new ArrayList<>();
        for (Instant at : plan.fires()) {
            fires.add(job(row.entry(), at));
        }
        boolean isOurs = db.transaction(connection -> {
            if (!table.advance(connection, row, Times.micros(plan.next()), lastOf(plan, row))) {
                return false; // another process has fired it, or somebody has changed it
            }
            for (NewJob job : fires) {
                jobs.store.insert(connection, job, row.entry().payload);
            }
            return true;
        });
        if (!isOurs) {
            return 0;
        }
        if (isMissed(due, now)) {
            LOG.info(
                    "cron {} was due at {}, when no worker ran; misfire {} fires {} now",
                    row.entry().name,
                    due,
                    row.entry().misfire,
                    plan.fires());
        }
        if (!fires.isEmpty()) {
            ring(row.entry());
        }
        return Math.max(0, Times.micros(Duration.between(now, plan.next())));
    }

    private static @Nullable Long lastOf(Plan plan, CronTable.Row row) {
        if (plan.fires().isEmpty()) {
            return row.lastAt();
        }
        return Times.micros(plan.fires().get(plan.fires().size() - 1));
    }

    /** What is to be fired, oldest first, and when it is due after that. */
    record Plan(List<Instant> fires, Instant next) {}

    static Plan plan(CronExpression cron, ZoneId zone, Misfire misfire, Instant due, Instant now) {
        if (!isMissed(due, now)) {
            return new Plan(List.of(due), cron.next(due, zone));
        }
        Instant next = cron.next(now, zone);
        Instant latest = cron.latest(due, now, zone);
        if (misfire.limit == 0) {
            return new Plan(isMissed(latest, now) ? List.of() : List.of(latest), next);
        }
        Deque<Instant> fires = new ArrayDeque<>();
        fires.addFirst(latest);
        while (fires.size() < misfire.limit && latest.isAfter(due)) {
            latest = cron.latest(due, latest.minusSeconds(1), zone);
            fires.addFirst(latest);
        }
        return new Plan(List.copyOf(fires), next);
    }

    private static boolean isMissed(Instant due, Instant now) {
        return due.plus(GRACE).isBefore(now);
    }

    /** A job as one is enqueued: with the headers of the fire, and those that a listener adds. */
    private NewJob job(CronTable.Entry entry, @Nullable Instant at) throws SQLException {
        Map<String, String> headers = fired(Headers.decode(entry.job.headers), entry.name, at);
        jobs.options.listener.enqueuing(
                jobs.kinds.kindName(entry.job.kind), jobs.kinds.queueName(entry.job.queue), headers);
        return CronTable.job(
                entry.job.queue,
                entry.job.kind,
                entry.job.priority,
                entry.job.maxAttempts,
                entry.job.payloadVersion,
                Headers.encode(headers));
    }

    private void ring(CronTable.Entry entry) {
        jobs.wakeups.wake(new Lane(entry.job.queue, entry.job.priority));
    }
}
