package dev.tenfold.jobs;

import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.table;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.jooq.Field;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/**
 * Runs jobs in your tests: with the handlers, the payloads and the tables of production, but on the test's thread, one after
 * another, and by a clock that the test moves.
 *
 * <pre>{@code
 * JobTester.Time time = JobTester.startAt(Instant.parse("2030-01-01T00:00:00Z"));
 * try (JobQueue jobs = JobQueue.on(dataSource, o -> o.clock(time))) {
 *     JobTester tester = JobTester.on(jobs, worker(jobs));          // the builder that production starts
 *     orders.place(order);
 *     tester.assertEnqueued(SendReceipt.class, r -> r.orderId() == 7);
 *     tester.runDue();
 *     tester.advance(Duration.ofDays(1));                           // crons fire on the way
 *     tester.runDue();
 *     assertThat(tester.lastErrors()).isEmpty();
 * }
 * }</pre>
 *
 * <p>What it does not do: time-outs, heartbeats, ageing, weights of queues, breakers; two handlers never run at once. No worker
 * should run in the same tables. For use by one thread.
 */
public final class JobTester {
    /** A clock that stands still until it is moved. Thread-safe. */
    public static final class Time implements InstantSource {
        private final AtomicReference<Instant> now;

        private Time(Instant start) {
            now = new AtomicReference<>(start);
        }

        @Override
        public Instant instant() {
            return Objects.requireNonNull(now.get());
        }

        private void move(Duration by) {
            Instant unused = now.updateAndGet(old -> old.plus(by));
        }
    }

    private static final Field<Long> ID = field("id", SQLDataType.BIGINT);

    private static final Field<Integer> KIND = field("kind_id", SQLDataType.INTEGER);
    private static final Field<Integer> PAYLOAD_VERSION = field("payload_version", SQLDataType.INTEGER);
    private static final Field<byte[]> PAYLOAD = field("payload", SQLDataType.BLOB);
    private static final Field<Long> LEASE_UNTIL = field("lease_until", SQLDataType.BIGINT);

    private static final Duration LEASE = Duration.ofHours(1);

    /** More in one call means a job that enqueues itself. */
    private static final int MOST = 100_000;

    private final JobQueue jobs;
    private final Map<Integer, Handled<?>> handled;
    private final List<Lane> lanes;
    private final Execution.Shared shared;
    private final RetryBudget budget = new RetryBudget(0, 1e9, System.nanoTime());
    private final List<Throwable> errors = new ArrayList<>();

    private JobTester(JobQueue jobs, Map<Integer, Handled<?>> handled, List<Lane> lanes) {
        this.jobs = jobs;
        this.handled = handled;
        this.lanes = lanes;
        long incarnation = ThreadLocalRandom.current().nextLong();
        shared = new Execution.Shared(
                jobs, jobs.codec, new Recorder(), incarnation, Times.micros(LEASE), System::nanoTime);
    }

    /** Keeps what handlers throw, beside telling the queue's own listener. */
    private final class Recorder implements JobListener {
        @Override
        public Scope starting(JobContext context) {
            return jobs.options.listener.starting(context);
        }

        @Override
        public void ended(JobContext context, Outcome outcome, Duration ran, @Nullable Throwable thrown) {
            if (thrown != null) {
                errors.add(thrown);
            }
            jobs.options.listener.ended(context, outcome, ran, thrown);
        }
    }

    /**
     * A tester of a queue.
     *
     * @param jobs the queue; best opened with {@link #startAt a clock that stands still}
     * @param worker with the handlers and queues of production; it is not started
     * @return for one thread
     * @throws IllegalArgumentException if the worker has no handlers
     * @throws JobException if the database is away
     */
    public static JobTester on(JobQueue jobs, WorkerBuilder worker) {
        Map<Integer, Handled<?>> handled = worker.handled();
        if (handled.isEmpty()) {
            throw new IllegalArgumentException("the worker has no handler; add one with handle(SomeJob.class, …)");
        }
        List<Lane> lanes = new ArrayList<>();
        for (String queue : worker.settings().queues) {
            for (Priority priority : Priority.values()) {
                lanes.add(new Lane(jobs.kinds.queueId(queue), priority.level()));
            }
        }
        return new JobTester(jobs, handled, List.copyOf(lanes));
    }

    /**
     * A clock for {@link JobQueueOptions#clock} that {@link #advance} can move.
     *
     * @param start what it shows at first
     * @return a clock that stands still
     */
    public static Time startAt(Instant start) {
        return new Time(Objects.requireNonNull(start, "start"));
    }

    // ---- running ----------------------------------------------------------------------------------------------------

    /**
     * Fires the crons that are due, and runs the jobs that are due, with those that they enqueue, until there are none: the most
     * urgent first, then the one that has been due for longest. Failures are recorded as in production: the job is retried
     * later, or is dead; {@link #lastErrors} has what was thrown.
     *
     * @return how many attempts were run
     * @throws IllegalStateException if there is no end to it
     * @throws JobException if the database is away
     */
    public int runDue() {
        errors.clear();
        try {
            fireDue();
            int runs = 0;
            for (Claimed next = claim(); next != null; next = claim()) {
                if (++runs > MOST) {
                    throw new IllegalStateException("after " + MOST + " jobs there are still some due: does "
                            + handlerOf(next).kind.name + " enqueue itself, or retry without a delay?");
                }
                run(next);
            }
            return runs;
        } catch (SQLException | DataAccessException e) {
            throw new JobException("cannot run what is due; is the database up?", e);
        }
    }

    /**
     * What the handlers of the last {@link #runDue} threw, in order, snoozes and the like among it.
     *
     * @return empty if all went well
     */
    public List<Throwable> lastErrors() {
        return List.copyOf(errors);
    }

    private void fireDue() throws SQLException {
        while (jobs.crons().fireAll() == 0) {
            // somewhat more is due
        }
    }

    private @Nullable Claimed claim() throws SQLException {
        int[] kinds = handled.keySet().stream().mapToInt(Integer::intValue).toArray();
        List<Lane.Cursor> start = Collections.nCopies(lanes.size(), Lane.Cursor.START);
        List<Lane.Head> heads =
                new ArrayList<>(jobs.db.autocommit(connection -> jobs.store.heads(connection, lanes, start, kinds)));
        heads.sort(Comparator.comparingInt((Lane.Head head) -> head.lane().priority())
                .thenComparingLong(Lane.Head::runAt));
        while (!heads.isEmpty()) {
            List<Claimed> claimed = jobs.store.claim(
                    heads.get(0).lane(), Lane.Cursor.START, kinds, 1, shared.worker, Times.micros(LEASE));
            List<Claimed> admitted = claimed.isEmpty() || !claimed.get(0).needsPlace()
                    ? claimed
                    : jobs.store.admit(claimed, shared.worker);
            if (!admitted.isEmpty()) {
                return admitted.get(0);
            }
            if (claimed.isEmpty()) {
                heads.remove(0);
            }
        }
        return null;
    }

    private void run(Claimed job) throws SQLException {
        long until = System.nanoTime() + LEASE.toNanos();
        Execution execution = new Execution(job, handlerOf(job), shared, budget, false, until);
        execution.run();
        List<JobStore.Ending> ending = List.of(execution.ending());
        long[] unused = switch (execution.write) {
            case NOTHING -> new long[0]; // done in its own transaction
            case FINISH, CANCEL ->
                jobs.store.finish(ending, shared.worker, jobs.options.history, execution.outcome.name());
            case RETRY -> jobs.store.retry(ending, shared.worker);
            case RELEASE -> jobs.store.release(ending, shared.worker);
            case BURY -> jobs.store.bury(ending, shared.worker, execution.reason);
        };
    }

    private Handled<?> handlerOf(Claimed job) {
        return Objects.requireNonNull(handled.get(job.kind), "only what is handled is claimed");
    }

    // ---- time -------------------------------------------------------------------------------------------------------

    /**
     * Lets time pass, for the queue and for nothing else: crons fire on the way, each at its time; jobs do not run before {@link
     * #runDue}.
     *
     * @param time zero or more
     * @throws IllegalArgumentException if it is negative
     * @throws IllegalStateException if the queue's clock is not one of {@link #startAt}
     * @throws JobException if the database is away
     */
    public void advance(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("advance by " + time + ": time does not run backwards");
        }
        if (!(jobs.options.clock instanceof Time clock)) {
            throw new IllegalStateException("advance needs a clock that it can move: open the queue with"
                    + " o -> o.clock(time), where time is JobTester.startAt(…)");
        }
        Instant end = clock.instant().plus(time);
        try {
            for (boolean arrived = false; !arrived; ) {
                long next = jobs.crons().fireAll();
                long left = Times.micros(Duration.between(clock.instant(), end));
                arrived = left == 0 && next > 0;
                clock.move(Duration.of(Math.min(left, next), ChronoUnit.MICROS));
            }
        } catch (SQLException | DataAccessException e) {
            throw new JobException("cannot fire the crons; is the database up?", e);
        }
    }

    // ---- what is there ----------------------------------------------------------------------------------------------

    /**
     * The jobs of a kind that are enqueued and not done: due, delayed, to be retried, and those that wait for others.
     *
     * @param type their class
     * @param <T> their class
     * @return their payloads, in the order in which they were enqueued
     * @throws JobException if the database is away, or one cannot be decoded
     */
    public <T> List<T> enqueued(Class<T> type) {
        Kind<T> kind = jobs.kinds.of(type);
        List<Integer> ids = new ArrayList<>();
        ids.add(jobs.kinds.kindId(kind.name));
        kind.aliases.forEach(alias -> ids.add(jobs.kinds.kindId(alias)));
        List<T> payloads = new ArrayList<>();
        try {
            var rows = jobs.db.autocommit(connection -> jobs.db
                    .dsl(connection)
                    .select(PAYLOAD, PAYLOAD_VERSION)
                    .from(table(jobs.db.table("tenfold_job")))
                    .where(KIND.in(ids))
                    .and(LEASE_UNTIL.le(jobs.db.now()))
                    .orderBy(ID)
                    .fetch());
            for (var row : rows) {
                payloads.add(kind.read(row.value1(), row.value2(), jobs.codec));
            }
        } catch (Exception e) {
            throw new JobException("cannot read the jobs of kind " + kind.name, e);
        }
        return List.copyOf(payloads);
    }

    /**
     * Asserts that a job is enqueued and not done.
     *
     * @param type its class
     * @param wanted what is to hold for its payload
     * @param <T> its class
     * @throws AssertionError if there is none; it says which there are
     * @throws JobException if the database is away, or one cannot be decoded
     */
    public <T> void assertEnqueued(Class<T> type, Predicate<? super T> wanted) {
        List<T> all = enqueued(type);
        if (all.stream().noneMatch(wanted)) {
            throw new AssertionError("no " + type.getSimpleName() + " that is wanted is enqueued; "
                    + (all.isEmpty() ? "there is none at all" : "there are " + all.size() + ": " + all));
        }
    }
}
