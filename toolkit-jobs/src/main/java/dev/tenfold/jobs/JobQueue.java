package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.InstantSource;
import java.time.ZoneId;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.jooq.DSLContext;
import org.jooq.exception.DataAccessException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A durable queue in the database that the application has: PostgreSQL 12, MariaDB 10.6, MySQL 8 or H2 2.2, or later. (Tested on
 * PostgreSQL 18, MariaDB 11 and H2 2.3; MySQL, which is not tested, shares MariaDB's statements.)
 *
 * <pre>{@code
 * record SendReceipt(long orderId) {}
 *
 * JobQueue jobs = JobQueue.on(dataSource);
 * jobs.enqueue(new SendReceipt(7));
 * jobs.enqueue(new SendReceipt(7), o -> o.queue("mail").priority(HIGH).delay(ofMinutes(5)).unique());
 * jobs.in(connection).enqueue(new SendReceipt(7));                    // there if your transaction commits
 * jobs.batch(pages, new Publish(7));                                  // Publish when all pages are done
 * }</pre>
 *
 * <p><b>What it does not.</b> A job may run twice: its worker may die, or lose its lease, between its effect and the note that
 * it is done. Jobs of one lane begin in the order in which they are due, and end in any. Whether a job was enqueued is unknown
 * if the connection broke in the commit: give it a {@linkplain EnqueueOptions#unique(String) unique key} and enqueue it again.
 *
 * <p><b>Cost.</b> {@link #enqueue}: one statement that commits itself, one round trip; the first of a kind or queue one more.
 * On PostgreSQL other processes are told by at most 100 statements a second, on another thread. While it has something to tell
 * there is one daemon thread; while a worker runs on PostgreSQL, one more and a connection to listen.
 *
 * <p>Thread-safe. Its methods block for the database. To be closed before the DataSource, which stays open.
 */
public final class JobQueue implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(JobQueue.class);

    final Db db;
    final JobStore store;
    final Kinds kinds;
    final JobQueueOptions options;
    final PayloadCodec codec;
    /** This machine's, for hints; the database's decides. */
    final InstantSource clock;

    final Wakeups wakeups;

    /** What workers do beside their jobs. */
    final List<Chore> chores = new CopyOnWriteArrayList<>();

    private final Enqueuer own;
    private final Crons crons;
    private final Set<String> largeKinds = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    private JobQueue(Db db, PayloadCodec codec, JobQueueOptions options) {
        this.db = db;
        this.codec = codec;
        this.options = options;
        clock = options.clock == null ? InstantSource.system() : options.clock;
        store = JobStore.of(db);
        kinds = new Kinds(store);
        options.kinds.forEach(kinds::register);
        wakeups = new Wakeups(db, options.notifies);
        own = new Enqueuer(this, null, null);
        crons = new Crons(this);
        chores.add(crons.chore());
    }

    /**
     * A queue with the default options: {@link #on(DataSource, UnaryOperator)}.
     *
     * @param dataSource best a pool
     * @return to be closed
     */
    public static JobQueue on(DataSource dataSource) {
        return on(dataSource, o -> o);
    }

    /**
     * A queue in a database. Asks the database what it is, and whether the tables of {@link JobSchema} are there; in H2 it makes
     * them.
     *
     * @param dataSource of PostgreSQL, MariaDB, MySQL or H2; best a pool. Give its driver a connect and a socket time-out
     * @param change of the default options
     * @return to be closed
     * @throws IllegalArgumentException if the database is none of these, or an option does not fit
     * @throws IllegalStateException if the tables are missing or of another version, or Jackson is missing and no codec given;
     *     the message says what to do
     * @throws JobException if the database is away
     */
    public static JobQueue on(DataSource dataSource, UnaryOperator<JobQueueOptions> change) {
        Objects.requireNonNull(dataSource, "dataSource");
        JobQueueOptions options = change.apply(JobQueueOptions.DEFAULT);
        PayloadCodec codec = options.codec == null ? PayloadCodec.json() : options.codec;
        Db db = new Db(dataSource, Db.dialectOf(dataSource), options.schema, options.clock);
        if (options.schema != null && !db.isPostgres()) {
            throw new IllegalArgumentException("schema " + options.schema
                    + " is for PostgreSQL; name the database, or H2's schema, in the JDBC URL");
        }
        if (db.isH2()) {
            JobSchema.install(db);
        } else {
            JobSchema.validate(db);
        }
        return new JobQueue(db, codec, options);
    }

    // ---- enqueue ----------------------------------------------------------------------------------------------------

    /**
     * Enqueues a job, due at once, in a transaction of its own. One round trip.
     *
     * @param job its payload: a record or class of yours
     * @return its id
     * @throws IllegalArgumentException if it is no job, or cannot be encoded; nothing was asked of the database
     * @throws IllegalStateException if the queue is closed
     * @throws JobException if the database is away or refuses
     */
    public Enqueued enqueue(Object job) {
        return own.enqueue(job);
    }

    /**
     * Enqueues a job, in a transaction of its own: see {@link Enqueuer#enqueue(Object, UnaryOperator)}.
     *
     * @param job its payload: a record or class of yours
     * @param change how
     * @return its id, or that of the one that is there
     * @throws IllegalArgumentException if it is no job, cannot be encoded, or an option does not fit; nothing was asked of the
     *     database
     * @throws IllegalStateException if the queue is closed
     * @throws JobException if the database is away or refuses
     */
    public Enqueued enqueue(Object job, UnaryOperator<EnqueueOptions> change) {
        return own.enqueue(job, change);
    }

    /**
     * Enqueues jobs, all or none: see {@link Enqueuer#enqueueAll(Collection, UnaryOperator)}.
     *
     * @param jobs payloads of any kinds
     * @return how many
     */
    public long enqueueAll(Collection<?> jobs) {
        return own.enqueueAll(jobs);
    }

    /**
     * Enqueues jobs, all or none: see {@link Enqueuer#enqueueAll(Collection, UnaryOperator)}.
     *
     * @param jobs payloads of any kinds; may be empty
     * @param change how each is enqueued; they cannot be unique
     * @return how many
     */
    public long enqueueAll(Collection<?> jobs, UnaryOperator<EnqueueOptions> change) {
        return own.enqueueAll(jobs, change);
    }

    /**
     * Enqueues jobs as they come, 5,000 in a transaction: see {@link Enqueuer#enqueueAll(Stream, UnaryOperator)}.
     *
     * @param jobs payloads of any kinds; read to its end, and not closed
     * @return how many
     */
    public long enqueueAll(Stream<?> jobs) {
        return own.enqueueAll(jobs);
    }

    /**
     * Enqueues jobs as they come, 5,000 in a transaction: see {@link Enqueuer#enqueueAll(Stream, UnaryOperator)}.
     *
     * @param jobs payloads of any kinds; read to its end, and not closed
     * @param change how each is enqueued; they cannot be unique
     * @return how many
     */
    public long enqueueAll(Stream<?> jobs, UnaryOperator<EnqueueOptions> change) {
        return own.enqueueAll(jobs, change);
    }

    /**
     * Enqueues jobs of which each is due when the one before it is done: see {@link Enqueuer#chain(List, UnaryOperator)}.
     *
     * @param first due at once
     * @param second due then
     * @param more and so on
     * @return their ids, in this order
     */
    public List<Enqueued> chain(Object first, Object second, Object... more) {
        return own.chain(first, second, more);
    }

    /**
     * Enqueues jobs of which each is due when the one before it is done: see {@link Enqueuer#chain(List, UnaryOperator)}.
     *
     * @param jobs payloads, at least one
     * @param change how each is enqueued; a time or delay is the first one's; they cannot be unique
     * @return their ids, in this order
     */
    public List<Enqueued> chain(List<?> jobs, UnaryOperator<EnqueueOptions> change) {
        return own.chain(jobs, change);
    }

    /**
     * Enqueues jobs, and one that is due when all of them are done: see {@link Enqueuer#batch(Collection, Object,
     * UnaryOperator)}.
     *
     * @param members due at once
     * @param callback due when they are done
     * @return the callback's id
     */
    public Enqueued batch(Collection<?> members, Object callback) {
        return own.batch(members, callback);
    }

    /**
     * Enqueues jobs, and one that is due when all of them are done: see {@link Enqueuer#batch(Collection, Object,
     * UnaryOperator)}.
     *
     * @param members payloads of any kinds
     * @param callback the payload of what comes after them
     * @param change how they are enqueued
     * @return the callback's id
     */
    public Enqueued batch(Collection<?> members, Object callback, UnaryOperator<BatchOptions> change) {
        return own.batch(members, callback, change);
    }

    /**
     * Enqueues in a transaction of yours.
     *
     * @param connection to the same database, with the transaction begun; only inserted into, and only until you end it
     * @return for this connection
     */
    public Enqueuer in(Connection connection) {
        return new Enqueuer(this, Objects.requireNonNull(connection, "connection"), null);
    }

    /**
     * Enqueues in a transaction of jOOQ.
     *
     * @param dsl of the configuration that {@code dsl.transaction(configuration -> …)} gives you
     * @return for this transaction
     */
    public Enqueuer in(DSLContext dsl) {
        return new Enqueuer(this, null, Objects.requireNonNull(dsl, "dsl"));
    }

    /** Warns once of each kind whose payloads are large; refuses what is too large. */
    void checkSize(Kind<?> kind, int bytes) {
        if (bytes > options.maxPayload) {
            throw new IllegalArgumentException("a payload of " + kind.name + " has " + bytes + " bytes, more than the "
                    + options.maxPayload
                    + " of maxPayload: store it elsewhere and enqueue its id, or raise maxPayload");
        }
        if (bytes > JobQueueOptions.LARGE_PAYLOAD && largeKinds.add(kind.name)) {
            LOG.warn("a payload of {} has {} bytes; rather store it elsewhere and enqueue its id", kind.name, bytes);
        }
    }

    // ---- from outside -----------------------------------------------------------------------------------------------

    /** What a cancellation met. */
    public enum Cancelled {
        /** The job had not begun, and is gone. */
        REMOVED,
        /** It runs, or is about to; its worker is asked to stop it. It may still end well; if it does not, it is not run again. */
        ASKED,
        /** There is none: done, dead, or never there. */
        UNKNOWN
    }

    /**
     * Cancels a job. One that runs is told within moments on PostgreSQL, else when its lease is renewed.
     *
     * @param id as {@link #enqueue} returned it
     * @return what became of it
     * @throws JobException if the database is away
     */
    public Cancelled cancel(long id) {
        Cancelled met = Cancelled.valueOf(
                ask("cancel job " + id, () -> store.cancel(id, options.history)).name());
        if (met == Cancelled.ASKED) {
            wakeups.cancelled(id);
        }
        if (met == Cancelled.REMOVED) {
            wakeups.wake(null); // others may have waited for it
        }
        return met;
    }

    /**
     * Stops workers from claiming jobs of a queue, everywhere, until it is resumed. What runs, runs on; jobs can be enqueued.
     *
     * @param queue its name; need not have been used
     * @throws IllegalArgumentException if it is no name
     * @throws JobException if the database is away
     */
    public void pause(String queue) {
        pauseQueue(queue, true);
    }

    /**
     * Undoes {@link #pause}.
     *
     * @param queue its name
     * @throws IllegalArgumentException if it is no name
     * @throws JobException if the database is away
     */
    public void resume(String queue) {
        pauseQueue(queue, false);
    }

    private void pauseQueue(String queue, boolean paused) {
        int unused = kinds.queueId(EnqueueOptions.checkQueue(queue));
        boolean unusedWhether =
                ask((paused ? "pause" : "resume") + " queue " + queue, () -> store.pauseQueue(queue, paused));
        wakeups.wake(null);
    }

    /**
     * Stops workers from claiming jobs of a kind, everywhere, until it is resumed. What runs, runs on.
     *
     * @param kind its class; of its former names only the present one is paused
     * @throws IllegalArgumentException if it is no class for jobs
     * @throws JobException if the database is away
     */
    public void pauseKind(Class<?> kind) {
        pauseKind(kind, true);
    }

    /**
     * Undoes {@link #pauseKind}.
     *
     * @param kind its class
     * @throws IllegalArgumentException if it is no class for jobs
     * @throws JobException if the database is away
     */
    public void resumeKind(Class<?> kind) {
        pauseKind(kind, false);
    }

    private void pauseKind(Class<?> type, boolean paused) {
        String name = kinds.of(type).name;
        int unused = kinds.kindId(name);
        boolean unusedWhether =
                ask((paused ? "pause" : "resume") + " kind " + name, () -> store.pauseKind(name, paused));
        wakeups.wake(null);
    }

    // ---- looking ----------------------------------------------------------------------------------------------------

    /**
     * What is known of a job: one that is unfinished, dead, or in the {@link History}. Two statements.
     *
     * @param id as {@link #enqueue} returned it
     * @return empty if there is none, or it is done and no history is kept
     * @throws JobException if the database is away
     */
    public Optional<JobInfo> find(long id) {
        refuseClosed();
        return new JobLookup(db, kinds).find(id);
    }

    /**
     * What a job's handler gave as its result. It is kept for a day after the job is done. One statement.
     *
     * @param id as {@link #enqueue} returned it
     * @param type the class to make
     * @param <T> that
     * @return empty if it gave none, or that was forgotten
     * @throws IllegalArgumentException if the result cannot be read as that class
     * @throws JobException if the database is away
     */
    public <T> Optional<T> result(long id, Class<T> type) {
        refuseClosed();
        return new JobLookup(db, kinds).result(id, Objects.requireNonNull(type, "type"), codec);
    }

    /**
     * The jobs that were given up.
     *
     * @return always alike; costs nothing
     */
    public DeadLetters deadLetters() {
        return new DeadLetters(this);
    }

    /**
     * What is in the queues: four statements, and one for each 25 queues. Counts end at {@value BoundedCount#MOST}, so that it
     * can be asked every few seconds.
     *
     * @return figures of one moment
     * @throws JobException if the database is away
     */
    public JobStats stats() {
        refuseClosed();
        return JobException.unless("count the jobs", () -> new JobSurvey(db, store).stats());
    }

    /**
     * Whether jobs run, with the default {@link HealthOptions}: {@link #health(UnaryOperator)}.
     *
     * @return never throws for a database that is away: that is a finding
     */
    public JobHealth health() {
        return health(o -> o);
    }

    /**
     * Whether jobs run, and if not, why not and what to do. Some ten statements: for a health endpoint or an operator, every
     * few seconds at most. To see the transactions of others on PostgreSQL the account needs {@code pg_read_all_stats}, on
     * MariaDB and MySQL {@code PROCESS}.
     *
     * @param change from when on something is a finding
     * @return never throws for a database that is away: that is a finding
     * @throws IllegalArgumentException if an option does not fit
     */
    public JobHealth health(UnaryOperator<HealthOptions> change) {
        refuseClosed();
        return new HealthCheck(db, store, change.apply(HealthOptions.DEFAULT)).run();
    }

    // ---- waking -----------------------------------------------------------------------------------------------------

    /**
     * Lets all workers look for jobs now: for when something else than this class has inserted some. Does not block.
     */
    public void wake() {
        refuseClosed();
        wakeups.wake(null);
    }

    /** What the database is asked for. */
    private interface Question<T> {
        T ask() throws SQLException;
    }

    private <T> T ask(String what, Question<T> question) {
        refuseClosed();
        try {
            return question.ask();
        } catch (SQLException | DataAccessException e) {
            throw new JobException("cannot " + what + ": " + e.getMessage(), e);
        }
    }

    // ---- crons ------------------------------------------------------------------------------------------------------

    /**
     * What is enqueued by the calendar: to list, pause, and run now.
     *
     * @return thread-safe; always the same
     */
    public Crons crons() {
        return crons;
    }

    /**
     * Enqueues a job whenever a cron expression says so: see {@link Crons#register(String, String, ZoneId, Object,
     * UnaryOperator)}. Call it each time the application starts.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}
     * @param expression five fields, six with seconds first, or {@code @daily} and the like
     * @param zone by the clocks of which zone
     * @param payload of its jobs
     * @throws IllegalArgumentException for a bad name, an expression that is not understood or never fires, or a payload that
     *     cannot be encoded
     * @throws JobException if the database is away
     */
    public void cron(String name, String expression, ZoneId zone, Object payload) {
        crons.register(name, expression, zone, payload);
    }

    /**
     * Enqueues a job whenever a cron expression says so: see {@link Crons#register(String, String, ZoneId, Object,
     * UnaryOperator)}. Call it each time the application starts.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}
     * @param expression five fields, six with seconds first, or {@code @daily} and the like
     * @param zone by the clocks of which zone
     * @param payload of its jobs
     * @param change how its jobs are enqueued, and what becomes of missed ones
     * @throws IllegalArgumentException for a bad name, an expression that is not understood or never fires, a payload that
     *     cannot be encoded, or a bad option
     * @throws JobException if the database is away
     */
    public void cron(String name, String expression, ZoneId zone, Object payload, UnaryOperator<CronOptions> change) {
        crons.register(name, expression, zone, payload, change);
    }

    // ---- work -------------------------------------------------------------------------------------------------------

    /**
     * Begins a worker in this process.
     *
     * @return its settings; {@link WorkerBuilder#start} starts it
     * @throws IllegalStateException if the queue is closed
     */
    public WorkerBuilder worker() {
        refuseClosed();
        return new WorkerBuilder(this);
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    void refuseClosed() {
        if (closed) {
            throw new IllegalStateException("the job queue is closed; close it after what uses it");
        }
    }

    /**
     * Ends its threads and its connections, within ten seconds or so; later calls are refused. The DataSource stays open.
     * Idempotent.
     */
    @Override
    public void close() {
        closed = true;
        wakeups.close();
    }
}
