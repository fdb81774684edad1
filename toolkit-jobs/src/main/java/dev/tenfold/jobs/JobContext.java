package dev.tenfold.jobs;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a handler knows of its attempt, and says of it. For use while the handler runs; by the handler's thread, except where a
 * method says otherwise.
 */
public final class JobContext {
    private static final Duration LONGEST_SNOOZE = Duration.ofDays(3_650);
    private static final int LONGEST_MESSAGE = 500;

    /** This worker has lost the job: somebody else has it, or may have. Nothing was written. */
    public static final class LeaseLostException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        LeaseLostException(String message) {
            super(message);
        }
    }

    private final Execution execution;
    private final Claimed job;
    private int percent;
    private @Nullable String message;
    private boolean hadTransaction;

    JobContext(Execution execution) {
        this.execution = execution;
        job = execution.job;
    }

    /**
     * The job's id: the same in each attempt, and after a replay.
     *
     * @return the id
     */
    public long id() {
        return job.id;
    }

    /**
     * The kind's present name, also if the job was enqueued under a former one.
     *
     * @return the name
     */
    public String kind() {
        return execution.handled.kind.name;
    }

    /**
     * The queue's name.
     *
     * @return the name
     */
    public String queue() {
        try {
            return execution.shared.jobs.kinds.queueName(job.queue);
        } catch (SQLException e) {
            throw new JobException("cannot look up the name of queue " + job.queue, e);
        }
    }

    /**
     * Which attempt this is. Attempts that were given back, snoozed or drained, do not count; those of processes that died do.
     *
     * @return 1 for the first
     */
    public int attempt() {
        return job.attempt;
    }

    /**
     * How many attempts before this one ended in an exception.
     *
     * @return 0 or more
     */
    public int failures() {
        return job.failures;
    }

    /**
     * After how many attempts the job is given up.
     *
     * @return 1 or more
     */
    public int maxAttempts() {
        return job.maxAttempts;
    }

    /**
     * What the job was enqueued with beside its payload.
     *
     * @return unmodifiable; empty if there are none
     */
    public Map<String, String> headers() {
        return Headers.decode(job.headers);
    }

    /**
     * When the job was enqueued, by the database's clock.
     *
     * @return the time
     */
    public Instant createdAt() {
        return Times.instant(job.createdAt);
    }

    /**
     * When this attempt was due, by the database's clock: later than the first one's if it is a retry.
     *
     * @return the time
     */
    public Instant dueAt() {
        return Times.instant(job.runAt);
    }

    /**
     * A number that grows with each attempt of the job, also over replays. Give it to systems outside of the database: one that
     * remembers the highest it has seen of a job, and refuses lower ones, is safe from a handler that was stopped by a long
     * pause and goes on after somebody else has begun (Kleppmann, "How to do distributed locking").
     *
     * @return 1 or more
     */
    public long fencingToken() {
        return job.lease;
    }

    /**
     * Whether somebody else has the job, or may have: its lease could not be renewed. The handler's thread was interrupted
     * then. Any thread may ask; no I/O.
     *
     * @return true if the handler should stop
     */
    public boolean leaseLost() {
        return execution.isLost || execution.isDistrusted;
    }

    /**
     * Whether somebody cancelled the job. The handler's thread was interrupted then. Any thread may ask; no I/O.
     *
     * @return true if the handler should stop
     */
    public boolean isCancelled() {
        return execution.isCancelled;
    }

    /**
     * How long the handler may surely go on: until its timeout, or until the lease ends, which is renewed before that as long
     * as the database is there. Any thread may ask; no I/O.
     *
     * @return zero or more
     */
    public Duration remaining() {
        long now = execution.shared.nanos.getAsLong();
        long left = execution.trustedUntil - now;
        if (execution.handled.timeoutNanos > 0) {
            left = Math.min(left, execution.startedAt + execution.handled.timeoutNanos - now);
        }
        return Duration.ofNanos(Math.max(0, left));
    }

    /**
     * Tells others how far the job is. One statement each time, on a connection of its own; so not for every row. Seen until a
     * day after the job is done.
     *
     * @param percentDone 0 to 100
     * @param what for people; at most 500 characters
     * @throws IllegalArgumentException for anything else
     * @throws JobException if the database is away
     */
    public void progress(int percentDone, String what) {
        if (percentDone < 0 || percentDone > 100) {
            throw new IllegalArgumentException("progress " + percentDone + " must be from 0 to 100 percent");
        }
        if (what.length() > LONGEST_MESSAGE) {
            throw new IllegalArgumentException("the message of progress has " + what.length()
                    + " characters; 500 is the most: put what is large into result(…)");
        }
        percent = percentDone;
        message = what;
        write(null);
    }

    /**
     * Keeps what came of the job, for a day after it is done. One statement, on a connection of its own.
     *
     * @param value written by the queue's codec; the last one counts
     * @throws IllegalArgumentException if the codec cannot write it
     * @throws JobException if the database is away
     */
    public void result(Object value) {
        Objects.requireNonNull(value, "value");
        byte[] bytes;
        try {
            bytes = execution.shared.codec.encode(value);
        } catch (Exception e) {
            throw new IllegalArgumentException(
                    "the codec cannot write a result of " + value.getClass().getName() + ": " + e.getMessage(), e);
        }
        write(bytes);
    }

    private void write(byte @Nullable [] result) {
        execution.usedProgress = true;
        try {
            execution.shared.jobs.store.progress(job.id, percent, message, result);
        } catch (SQLException e) {
            throw new JobException("cannot note the progress of " + execution.handled.named(job), e);
        }
    }

    /**
     * Does work in the database and ends the job in one transaction: both happen, once, or neither does.
     *
     * <pre>{@code
     * (job, ctx) -> ctx.transaction(tx -> tx.dsl().execute("update account set balance = balance - ? where id = ?", …))
     * }</pre>
     *
     * <p>Do slow work that is not in the database before it. On PostgreSQL a transaction in which nothing is said to the server
     * for a lease's length is ended there, which is the attempt's failure: the server cannot tell it from one whose process is
     * cut off, and the lock would keep all others from the job. Elsewhere nothing but the loss of the connection ends it.
     *
     * <p>On a connection of its own it locks the job's row, runs {@code work}, deletes the row, and commits. Whatever {@code
     * work} throws rolls everything back and comes out of this method; nothing is tried again within the attempt. The job is
     * done when this method returns: what the handler does afterwards may be cut off, and an exception then is only logged.
     * Once an attempt; one that could not begin, as the database was away, does not count. If the connection breaks while it
     * is committed, the exception does not tell whether it was; the next attempt, if there is one, does, since there is none if
     * it was.
     *
     * @param work blocks the handler's thread; it neither commits nor closes the connection
     * @throws LeaseLostException if somebody else has the job meanwhile; everything is rolled back
     * @throws IllegalStateException if there was one before
     * @throws JobException if the database is away or refuses
     * @throws Exception what {@code work} throws
     */
    public void transaction(JobTransaction.Work work) throws Exception {
        Objects.requireNonNull(work, "work");
        if (hadTransaction) {
            throw new IllegalStateException(
                    "an attempt of a job has one transaction, which ends the job; do all of its work in that one");
        }
        JobTransaction.run(execution, transaction -> {
            hadTransaction = true; // one that could not begin has done nothing, and may be tried again
            work.run(transaction);
        });
    }

    /**
     * Makes an exception that puts the job off: {@code throw ctx.snooze(ofMinutes(5))}. The attempt is not counted.
     *
     * @param time 0 to 10 years
     * @return to be thrown
     * @throws IllegalArgumentException for anything else
     */
    public JobDirective snooze(Duration time) {
        if (time.isNegative() || time.compareTo(LONGEST_SNOOZE) > 0) {
            throw new IllegalArgumentException("snooze " + time + " must be from 0 to 10 years");
        }
        // Zero would put it back to where it was in its queue, which is first.
        return new JobDirective(JobDirective.Wish.SNOOZE, Math.max(1, Times.micros(time)), "put off by " + time);
    }

    /**
     * Makes an exception that gives the job up at once, since it will never succeed: {@code throw ctx.reject("no such order")}.
     *
     * @param why for whoever reads the dead letter
     * @return to be thrown
     */
    public JobDirective reject(String why) {
        return new JobDirective(JobDirective.Wish.REJECT, 0, Objects.requireNonNull(why, "why"));
    }

    /**
     * Makes an exception that ends the job as cancelled, as if somebody had cancelled it: {@code throw ctx.cancel()}.
     *
     * @return to be thrown
     */
    public JobDirective cancel() {
        return new JobDirective(JobDirective.Wish.CANCEL, 0, "cancelled");
    }
}
