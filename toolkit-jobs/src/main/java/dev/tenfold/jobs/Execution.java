package dev.tenfold.jobs;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt at one job, from the claim to the decision what becomes of it. {@link #run} runs the handler on the calling thread
 * and leaves the decision in {@link #write}; others put it into the database. No loop, no I/O of its own, no thread.
 *
 * <p>Other threads may stop it: {@link #cancel}, {@link #lose}, {@link #distrust}, {@link #timeOut}, {@link #drain} interrupt
 * the handler, and only the handler. Why it was interrupted decides what an exception means.
 */
final class Execution {
    private static final Logger LOG = LoggerFactory.getLogger(Execution.class);

    /** An unreadable payload is worth some attempts: the next worker may have a newer version of the class. */
    private static final int UNREADABLE_ATTEMPTS = 3;

    /** For how long a job that is too new for this worker is left to others. */
    private static final long TOO_NEW_MICROS = 5_000_000;

    /** What all executions of a worker share. */
    static final class Shared {
        final JobQueue jobs;
        final PayloadCodec codec;
        final JobListener listener;
        final long worker;
        final long leaseMicros;
        final LongSupplier nanos;
        /** Read-locked while a handler's transaction is announced, write-locked while leases are renewed. */
        final ReadWriteLock renewal = new ReentrantReadWriteLock();

        Shared(
                JobQueue jobs,
                PayloadCodec codec,
                JobListener listener,
                long worker,
                long leaseMicros,
                LongSupplier nanos) {
            this.jobs = jobs;
            this.codec = codec;
            this.listener = listener;
            this.worker = worker;
            this.leaseMicros = leaseMicros;
            this.nanos = nanos;
        }
    }

    /** What is to be written into the database. */
    enum Write {
        NOTHING,
        FINISH,
        CANCEL,
        RETRY,
        RELEASE,
        BURY
    }

    final Claimed job;
    final Handled<?> handled;
    final Shared shared;
    final RetryBudget budget;
    /** Whether it decides if its kind's breaker closes. */
    final boolean probe;

    final JobContext context;

    /** By the nano clock: until then nobody else can have it. */
    volatile long trustedUntil;

    volatile long startedAt;
    /** The watch alone: when to tell next that it still runs. */
    long remindAt;

    volatile boolean isLost;
    volatile boolean isDistrusted;
    volatile boolean isCancelled;
    volatile boolean isTimedOut;
    volatile boolean isDraining;
    /** From before its row is locked; a locked row is neither claimed by others nor renewed. */
    volatile boolean inTransaction;
    /** Given back while its handler runs on. */
    volatile boolean isAbandoned;
    /** The decision is made. */
    volatile boolean isEnded;

    volatile boolean usedProgress;
    volatile boolean doneInTransaction;

    /** Where the handler runs; guarded by this object's monitor. */
    private @Nullable Thread thread;

    // The decision.
    Write write = Write.NOTHING;
    JobListener.Outcome outcome = JobListener.Outcome.LOST;
    DeadReason reason = DeadReason.EXHAUSTED;
    long delayMicros;
    long ranNanos;

    @Nullable
    JobError error;

    Execution(Claimed job, Handled<?> handled, Shared shared, RetryBudget budget, boolean probe, long trustedUntil) {
        this.job = job;
        this.handled = handled;
        this.shared = shared;
        this.budget = budget;
        this.probe = probe;
        this.trustedUntil = trustedUntil;
        isCancelled = job.cancelled;
        context = new JobContext(this);
    }

    /** Runs the handler here, if it still makes sense, and decides. Throws nothing; leaves the thread not interrupted. */
    void run() {
        startedAt = shared.nanos.getAsLong();
        if (startedAt - trustedUntil >= 0) {
            isDistrusted = true;
        }
        if (isLost || isDistrusted || isCancelled || isDraining || isNotForUs()) {
            decideUnstarted();
            hear(null);
            isEnded = true;
            return;
        }
        Throwable thrown = null;
        JobListener.Scope scope = open();
        begin();
        try {
            handle(handled);
        } catch (Throwable t) {
            thrown = t;
        } finally {
            end();
        }
        close(scope);
        if (isAbandoned) {
            return; // its end is decided and maybe written
        }
        ranNanos = shared.nanos.getAsLong() - startedAt;
        decide(thrown);
        hear(thrown);
        isEnded = true;
    }

    /** Given back before it began. */
    void drainUnstarted() {
        isDraining = true;
        decideUnstarted();
        hear(null);
        isEnded = true;
    }

    private boolean isNotForUs() {
        return job.payloadVersion > handled.kind.version || (!probe && !handled.isBreakerClosed());
    }

    private void decideUnstarted() {
        if (isLost) {
            decide(Write.NOTHING, JobListener.Outcome.LOST, 0);
        } else if (isCancelled) {
            decide(Write.CANCEL, JobListener.Outcome.CANCELLED, 0);
        } else if (job.payloadVersion > handled.kind.version) {
            LOG.warn(
                    "{} has a payload of version {}, this worker knows up to {}; left to others, seen again in {} s",
                    handled.named(job),
                    job.payloadVersion,
                    handled.kind.version,
                    TOO_NEW_MICROS / 1_000_000);
            decide(Write.RELEASE, JobListener.Outcome.RELEASED, TOO_NEW_MICROS);
        } else {
            decide(Write.RELEASE, JobListener.Outcome.RELEASED, 0);
        }
    }

    private <T> void handle(Handled<T> by) throws Exception {
        T payload;
        try {
            payload = by.read(job, shared.codec);
        } catch (Throwable e) {
            throw new Unreadable(e);
        }
        by.handler.run(payload, context);
    }

    private void decide(@Nullable Throwable thrown) {
        if (doneInTransaction) {
            decide(Write.NOTHING, JobListener.Outcome.DONE, 0);
            succeeded();
            if (thrown != null) {
                LOG.warn("{} threw after its transaction was committed; it is done", handled.named(job), thrown);
            }
        } else if (isLost) {
            decide(Write.NOTHING, JobListener.Outcome.LOST, 0);
        } else if (thrown == null && !isTimedOut) {
            decide(Write.FINISH, JobListener.Outcome.DONE, 0);
            succeeded();
        } else if (thrown instanceof JobDirective directive) {
            obey(directive);
        } else if (isCancelled) {
            decide(Write.CANCEL, JobListener.Outcome.CANCELLED, 0);
            LOG.info("{} was cancelled", handled.named(job));
        } else if (isTimedOut) {
            fail(timeout(thrown));
        } else if (isDraining || isDistrusted) {
            decide(Write.RELEASE, JobListener.Outcome.RELEASED, 0);
        } else if (thrown != null) {
            fail(thrown);
        }
    }

    private void obey(JobDirective directive) {
        switch (directive.wish) {
            case SNOOZE -> decide(Write.RELEASE, JobListener.Outcome.SNOOZED, directive.delayMicros);
            case CANCEL -> decide(Write.CANCEL, JobListener.Outcome.CANCELLED, 0);
            case REJECT -> {
                error = JobError.of(job.attempt, directive);
                bury(DeadReason.REJECTED, directive);
            }
        }
    }

    private Throwable timeout(@Nullable Throwable thrown) {
        TimeoutException timeout = new TimeoutException(
                "ran for longer than its timeout of " + handled.timeout() + "; it was interrupted");
        if (thrown != null) {
            timeout.initCause(thrown);
        }
        return timeout;
    }

    private void fail(Throwable thrown) {
        boolean unreadable = thrown instanceof Unreadable;
        @Nullable Throwable cause = thrown.getCause();
        Throwable told = unreadable && cause != null ? cause : thrown;
        if (handled.breaker != null) {
            handled.breaker.failed(probe, shared.nanos.getAsLong());
        }
        RetryPolicy policy = handled.retry.of(told);
        error = JobError.of(job.attempt, told);
        if (unreadable && job.failures + 1 >= UNREADABLE_ATTEMPTS) {
            bury(DeadReason.UNREADABLE, told);
        } else if (policy.rejects() && !unreadable) {
            bury(DeadReason.REJECTED, told);
        } else if (job.attempt >= job.maxAttempts) {
            bury(unreadable ? DeadReason.UNREADABLE : DeadReason.EXHAUSTED, told);
        } else {
            retry(policy.rejects() ? RetryPolicy.DEFAULT : policy, told);
        }
    }

    private void retry(RetryPolicy policy, Throwable thrown) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        boolean allowed = budget.spend(shared.nanos.getAsLong());
        long delay = allowed ? policy.delayMicros(job.failures, random) : policy.cappedMicros(random);
        decide(Write.RETRY, JobListener.Outcome.RETRIED, delay);
        if (LOG.isWarnEnabled()) {
            LOG.warn(
                    "{} failed (attempt {} of {}): {}; runs again in {}{}",
                    handled.named(job),
                    job.attempt,
                    job.maxAttempts,
                    thrown.toString(),
                    inWords(delay),
                    allowed ? "" : ", late because too many jobs of its queue fail");
        }
        if (thrown instanceof Error) {
            LOG.error("{} threw an error", handled.named(job), thrown);
        } else {
            LOG.debug("{} failed", handled.named(job), thrown);
        }
    }

    private void bury(DeadReason why, Throwable thrown) {
        reason = why;
        decide(Write.BURY, JobListener.Outcome.DEAD, 0);
        LOG.error(
                "{} failed (attempt {} of {}) and is given up ({}): see the dead letters, replay it from there",
                handled.named(job),
                job.attempt,
                job.maxAttempts,
                why,
                thrown);
    }

    private static String inWords(long micros) {
        return micros < 10_000_000 ? micros / 1_000 + " ms" : micros / 1_000_000 + " s";
    }

    private void succeeded() {
        if (handled.breaker != null) {
            handled.breaker.succeeded(probe);
        }
    }

    private void decide(Write what, JobListener.Outcome how, long delay) {
        write = what;
        outcome = how;
        delayMicros = delay;
        if (probe && how != JobListener.Outcome.DONE && handled.breaker != null) {
            // A failure has already opened it again; then this does nothing.
            handled.breaker.gaveUpProbe(shared.nanos.getAsLong(), Duration.ofSeconds(1));
        }
    }

    /** If deciding itself failed, as it may when memory is short: a failed attempt without a description. */
    void failed(Throwable thrown) {
        LOG.error("{} ended in an error that cannot be recorded; runs again in a minute", handled.named(job), thrown);
        decide(Write.RETRY, JobListener.Outcome.RETRIED, 60_000_000);
        isEnded = true;
    }

    JobStore.Ending ending() {
        return new JobStore.Ending(job, ranNanos / 1_000, delayMicros, error, usedProgress);
    }

    // ---- the listener, which must not harm the job ------------------------------------------------------------------

    private JobListener.Scope open() {
        try {
            return shared.listener.starting(context);
        } catch (RuntimeException | Error e) {
            LOG.warn("the listener threw when {} started; the job goes on", handled.named(job), e);
            return JobListener.Scope.NONE;
        }
    }

    private void close(JobListener.Scope scope) {
        try {
            scope.close();
        } catch (RuntimeException | Error e) {
            LOG.warn("the listener's scope threw when {} ended; the job goes on", handled.named(job), e);
        }
    }

    private void hear(@Nullable Throwable thrown) {
        tell(outcome, thrown instanceof Unreadable ? thrown.getCause() : thrown);
    }

    void tell(JobListener.Outcome how, @Nullable Throwable thrown) {
        try {
            shared.listener.ended(context, how, Duration.ofNanos(ranNanos), thrown);
        } catch (RuntimeException | Error e) {
            LOG.warn("the listener threw when {} ended; the job goes on", handled.named(job), e);
        }
    }

    // ---- from other threads -----------------------------------------------------------------------------------------

    private synchronized void begin() {
        thread = Thread.currentThread();
        if (isLost || isDistrusted || isCancelled || isDraining) {
            thread.interrupt(); // it was asked to stop a moment ago
        }
    }

    /** From here on nobody interrupts; nor does the next job inherit what nobody has noticed. */
    @SuppressWarnings("ResultOfMethodCallIgnored")
    private void end() {
        synchronized (this) {
            thread = null;
        }
        Thread.interrupted();
    }

    private synchronized void interrupt() {
        if (thread != null) {
            thread.interrupt();
        }
    }

    /** Somebody asked to cancel it. */
    void cancel() {
        if (!isCancelled) {
            isCancelled = true;
            interrupt();
        }
    }

    /** The database says that somebody else has it. */
    void lose() {
        isLost = true;
        interrupt();
    }

    /** Its lease may have ended: it could not be renewed in time. */
    void distrust() {
        if (!isDistrusted) {
            isDistrusted = true;
            interrupt();
        }
    }

    void drain() {
        isDraining = true;
        interrupt();
    }

    /** Its time is up; false if it has just ended. */
    synchronized boolean timeOut() {
        if (thread == null || isTimedOut) {
            return false;
        }
        isTimedOut = true;
        thread.interrupt();
        return true;
    }

    /** What its handler does now, one frame a line. */
    synchronized String stack() {
        if (thread == null) {
            return " (it has just returned)";
        }
        StringBuilder text = new StringBuilder();
        for (StackTraceElement frame : thread.getStackTrace()) {
            text.append("\n    at ").append(frame);
        }
        return text.toString();
    }

    /**
     * Its handler does not return, and nobody waits for it any longer: given back, whatever the handler does from now on. False
     * if it has just ended by itself.
     */
    synchronized boolean abandon() {
        if (thread == null || inTransaction) {
            return false; // the lock on its row would keep the statement waiting
        }
        isAbandoned = true;
        isDistrusted = true;
        if (doneInTransaction) {
            decide(Write.NOTHING, JobListener.Outcome.DONE, 0);
        } else {
            decide(Write.RELEASE, JobListener.Outcome.RELEASED, 0);
        }
        return true;
    }

    /** For a set of executions: one job may be in it twice, when it has been lost and claimed again. */
    @Override
    public int hashCode() {
        return Long.hashCode(job.id);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other;
    }

    /** The payload could not be read; the cause says why. */
    private static final class Unreadable extends Exception {
        private static final long serialVersionUID = 1L;

        Unreadable(Throwable cause) {
            super(null, cause, false, false);
        }
    }
}
