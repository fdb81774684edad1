package dev.tenfold.jobs;

import java.security.SecureRandom;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs jobs: claims them, renews their leases while they run, and records how they ended. From {@link JobQueue#worker()}.
 *
 * <p>May run a job twice: if this process dies, hangs or is cut off from the database for longer than the lease, another
 * worker runs what it had; the fence keeps its late word from being recorded, not its handlers from having had effects elsewhere.
 *
 * <p>Has five threads of its own beside those that run jobs, all daemons, and uses up to four connections at once beside those
 * of {@link JobContext#transaction} and of your handlers. Thread-safe.
 */
public final class Worker implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

    /** After the drain: for handlers that were interrupted, for what is still to be written, and for threads. */
    private static final long INTERRUPTED_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final long FLUSH_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long JOIN_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final AtomicInteger NUMBER = new AtomicInteger();

    final WorkerBuilder.Settings settings;
    final Execution.Shared shared;
    final List<Handled<?>> handled;
    final Map<Integer, Handled<?>> kindIds;

    /** What is claimed and whose end is not written. */
    final Set<Execution> inFlight = ConcurrentHashMap.newKeySet();

    final Slots slots;
    final Claimer claimer;
    private final Handled<?>[] byKindId;
    private final List<Lanes.Share> shares;
    private final Finisher finisher;
    private final Heart heart;
    private final Upkeep upkeep;
    private final Thread claiming;
    private final Thread finishing;
    private final Thread beating;
    private final Thread watching;
    private final Thread keeping;
    private Wakeups.Listening listening = () -> {};
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final long startedAtMicros;

    /** Asks the database for the time, and what is paused. */
    Worker(
            JobQueue jobs,
            WorkerBuilder.Settings settings,
            Map<Integer, Handled<?>> kindIds,
            Map<Integer, Integer> queues)
            throws SQLException {
        this.settings = settings;
        this.kindIds = kindIds;
        long incarnation = new SecureRandom().nextLong();
        shared = new Execution.Shared(
                jobs, jobs.codec, jobs.options.listener, incarnation, settings.leaseMicros, System::nanoTime);
        handled = kindIds.values().stream()
                .<Handled<?>>map(each -> each)
                .distinct()
                .toList();
        byKindId = byNumber(kindIds);
        shares = new ArrayList<>();
        long now = shared.nanos.getAsLong();
        queues.forEach((id, weight) -> shares.add(
                new Lanes.Share(id, weight, new RetryBudget(settings.budgetShare, settings.budgetPerSecond, now))));

        String name = "tenfold-jobs-" + NUMBER.incrementAndGet();
        finisher = new Finisher(this);
        slots = new Slots(settings.concurrency, slotThreads(name), finisher::add, this::room);
        claimer = new Claimer(this, new Lanes(shares, settings.ageingMicros, now), slots);
        heart = new Heart(this);
        upkeep = new Upkeep(this);
        claiming = Threads.daemon(name + "-claim", claimer);
        finishing = Threads.daemon(name + "-finish", finisher);
        beating = Threads.daemon(name + "-heartbeat", this::beat);
        watching = Threads.daemon(name + "-watch", heart::watch);
        keeping = Threads.daemon(name + "-upkeep", upkeep);

        startedAtMicros = jobs.db.autocommit(jobs.db::currentMicros);
        upkeep.pauses();
        showUp();
    }

    private static Handled<?>[] byNumber(Map<Integer, Handled<?>> kindIds) {
        int highest = kindIds.keySet().stream().mapToInt(each -> each).max().orElse(0);
        Handled<?>[] all = new Handled<?>[highest + 1];
        kindIds.forEach((id, each) -> all[id] = each);
        return all;
    }

    private ThreadFactory slotThreads(String name) {
        ThreadFactory virtual = settings.virtualThreads ? Threads.virtual(name + "-run") : null;
        return virtual != null ? virtual : Threads.daemons(name + "-run-");
    }

    void start() {
        slots.start();
        finishing.start();
        beating.start();
        watching.start();
        keeping.start();
        shared.jobs.wakeups.add(claimer);
        listening = shared.jobs.wakeups.listen();
        claiming.start();
    }

    // ---- for its parts ----------------------------------------------------------------------------------------------

    Handled<?> handled(int kindId) {
        return byKindId[kindId];
    }

    RetryBudget budget(int queue) {
        for (Lanes.Share each : shares) {
            if (each.queue == queue) {
                return each.budget;
            }
        }
        throw new IllegalArgumentException("no queue of this worker: " + queue);
    }

    void ended(Execution execution) {
        finisher.add(execution);
    }

    void cancelled(long id) {
        for (Execution each : inFlight) {
            if (each.job.id == id) {
                each.cancel();
            }
        }
    }

    void lookAtPauses() {
        upkeep.lookAtPauses();
    }

    /** Lets the others know that it is there. */
    void showUp() throws SQLException {
        shared.jobs.store.beat(
                shared.worker,
                settings.name,
                startedAtMicros,
                settings.concurrency,
                slots.busy(),
                settings.queues,
                handled.stream().flatMap(each -> each.kind.names()).toList());
    }

    long historyMicros() {
        return Times.micros(shared.jobs.options.keepHistory);
    }

    private void room() {
        claimer.room();
    }

    // ---- for users --------------------------------------------------------------------------------------------------

    /**
     * What it does now, and has done. No I/O.
     *
     * @return a snapshot
     */
    public WorkerStats stats() {
        return new WorkerStats(
                slots.running(),
                slots.buffered(),
                claimer.claimed(),
                finisher.count(JobListener.Outcome.DONE),
                finisher.count(JobListener.Outcome.RETRIED),
                finisher.count(JobListener.Outcome.SNOOZED),
                finisher.count(JobListener.Outcome.DEAD),
                finisher.count(JobListener.Outcome.CANCELLED),
                finisher.count(JobListener.Outcome.RELEASED),
                finisher.count(JobListener.Outcome.LOST));
    }

    /**
     * Whether it still claims jobs.
     *
     * @return false from the beginning of {@link #close} on
     */
    public boolean isRunning() {
        return !closing.get();
    }

    /**
     * Blocks until somebody has closed it.
     *
     * @throws InterruptedException if this thread is interrupted
     */
    public void awaitStop() throws InterruptedException {
        closed.await();
    }

    /**
     * Drains and stops it. Claims no more; gives back what has not begun, without counting the attempt; waits for handlers for
     * the drain timeout; interrupts those that still run; gives back their jobs 5 seconds later at the latest, even if a handler
     * ignores the interrupt and so may go on while another worker runs its job; records all ends. Then other workers see it
     * gone.
     *
     * <p>Blocks for at most the drain timeout and some 12 seconds, also if the database is away: what could not be recorded then
     * runs again when its lease ends. An interrupt of the caller has no effect on it, and is kept. The second call waits for the
     * first. Do not call it from a handler, which it would wait for.
     */
    @Override
    public void close() {
        if (!closing.compareAndSet(false, true)) {
            awaitClosed();
            return;
        }
        try {
            stopClaiming();
            drain();
            giveBackTheRest();
            flush();
        } finally {
            listening.close();
            heart.stop();
            upkeep.stop();
            slots.stop();
            awaitThreads();
            closed.countDown();
        }
    }

    private void awaitClosed() {
        boolean interrupted = false;
        while (true) {
            try {
                closed.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void stopClaiming() {
        shared.jobs.wakeups.remove(claimer);
        claimer.stop();
        giveBackBuffered();
        Threads.join(claiming, System.nanoTime() + JOIN_NANOS);
        giveBackBuffered(); // what it was just about to hand over
    }

    private void giveBackBuffered() {
        for (Execution each : slots.takeBuffered()) {
            each.drainUnstarted();
            finisher.add(each);
        }
    }

    private void drain() {
        if (!untilNothingRuns(settings.drainNanos)) {
            slots.forEachRunning(Execution::drain);
            untilNothingRuns(INTERRUPTED_NANOS);
        }
    }

    private boolean untilNothingRuns(long nanos) {
        Signal never = new Signal();
        long deadline = System.nanoTime() + nanos;
        boolean interrupted = false;
        while (slots.busy() > 0 && System.nanoTime() - deadline < 0) {
            never.await(TimeUnit.MILLISECONDS.toNanos(1));
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return slots.busy() == 0;
    }

    private void giveBackTheRest() {
        slots.forEachRunning(each -> {
            if (each.abandon()) {
                LOG.error(
                        "{} still runs {} s after it was interrupted; it is given back, and may run twice at once until"
                                + " this process ends:{}",
                        each.handled.named(each.job),
                        TimeUnit.NANOSECONDS.toSeconds(INTERRUPTED_NANOS),
                        each.stack());
                finisher.add(each);
            }
        });
    }

    private void flush() {
        long deadline = System.nanoTime() + FLUSH_NANOS;
        if (!Threads.join(claiming, deadline - JOIN_NANOS)) {
            LOG.warn("a claim is still not answered; if it took jobs, they run when their leases end");
        }
        giveBackBuffered();
        finisher.stop();
        if (!Threads.join(finishing, deadline)) {
            finisher.giveUp();
            Threads.join(finishing, System.nanoTime() + JOIN_NANOS);
            LOG.error(
                    "{} jobs could not be given back or recorded; they run again when their leases end",
                    inFlight.size());
        }
    }

    /** By the thread that showed up, so that it does not show up once more afterwards. */
    private void beat() {
        heart.beat();
        try {
            shared.jobs.store.leave(shared.worker);
        } catch (SQLException | RuntimeException e) {
            LOG.debug("the worker's row stays until it expires", e);
        }
    }

    /** A database that does not answer may keep them for longer. */
    private void awaitThreads() {
        long deadline = System.nanoTime() + JOIN_NANOS;
        for (Thread each : List.of(beating, watching, keeping, claiming)) {
            Threads.join(each, deadline);
        }
    }
}
