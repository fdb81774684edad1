package dev.tenfold.jobs;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what this worker has claimed: renews all leases with one statement each heartbeat ({@link #beat}), and stops handlers
 * whose lease could not be renewed in time, or whose time is up ({@link #watch}, which asks nobody, so that it goes on while the
 * database does not answer).
 */
final class Heart {
    private static final Logger LOG = LoggerFactory.getLogger(Heart.class);
    private static final long REMIND_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final long LONGEST_TICK = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long SHORTEST_TICK = TimeUnit.MILLISECONDS.toNanos(2);

    private final Worker worker;
    private final WorkerBuilder.Settings settings;
    private final JobStore store;
    private final Signal beatSignal = new Signal();
    private final Signal watchSignal = new Signal();
    private final Outage outage =
            new Outage(LOG, "cannot renew leases; handlers are stopped when theirs end, and their jobs run elsewhere");
    private volatile boolean stopped;

    Heart(Worker worker) {
        this.worker = worker;
        settings = worker.settings;
        store = worker.shared.jobs.store;
    }

    void stop() {
        stopped = true;
        beatSignal.raise();
        watchSignal.raise();
    }

    // ---- leases -----------------------------------------------------------------------------------------------------

    void beat() {
        while (!stopped) {
            long pause = settings.heartbeatNanos;
            try {
                renew();
                worker.showUp();
                outage.over();
            } catch (SQLException | RuntimeException | Error e) {
                pause = Math.min(pause, outage.failed(e));
            }
            beatSignal.lower();
            if (!stopped) {
                beatSignal.await(pause);
            }
        }
    }

    private void renew() throws SQLException {
        Lock noNewTransactions = worker.shared.renewal.writeLock();
        noNewTransactions.lock();
        try {
            List<Execution> held = new ArrayList<>();
            for (Execution each : worker.inFlight) {
                // A transaction has locked the row: nobody claims it, and we would wait for the transaction.
                if (!each.inTransaction && !each.doneInTransaction && !each.isLost) {
                    held.add(each);
                }
            }
            if (!held.isEmpty()) {
                held.sort(Comparator.comparingLong(each -> each.job.id));
                renew(held);
            }
        } finally {
            noNewTransactions.unlock();
        }
    }

    private void renew(List<Execution> held) throws SQLException {
        long[] ids = held.stream().mapToLong(each -> each.job.id).toArray();
        long[] leases = held.stream().mapToLong(each -> each.job.lease).toArray();
        long sentAt = worker.shared.nanos.getAsLong();
        Map<Long, JobStore.Renewed> renewed = new HashMap<>();
        for (JobStore.Renewed each : store.renew(ids, leases, worker.shared.worker, settings.leaseMicros)) {
            renewed.put(each.id(), each);
        }
        for (Execution each : held) {
            JobStore.Renewed answer = renewed.get(each.job.id);
            if (answer == null) {
                missing(each);
                continue;
            }
            if (answer.renewed()) {
                each.trustedUntil = sentAt + settings.trustNanos;
            }
            if (answer.cancelled()) {
                each.cancel();
            }
        }
    }

    /** Not ours any more; unless its own end has just been written, or is about to be refused. */
    private void missing(Execution execution) {
        if (!execution.isEnded && worker.inFlight.contains(execution)) {
            LOG.warn(
                    "{}: its lease is lost, somebody else has it or has removed it; its handler is stopped",
                    execution.handled.named(execution.job));
            execution.lose();
        }
    }

    // ---- time -------------------------------------------------------------------------------------------------------

    void watch() {
        long tick = Math.min(LONGEST_TICK, settings.trustNanos / 20);
        for (Handled<?> each : worker.handled) {
            if (each.timeoutNanos > 0) {
                tick = Math.min(tick, each.timeoutNanos / 10);
            }
        }
        tick = Math.max(SHORTEST_TICK, tick);
        while (!stopped) {
            long now = worker.shared.nanos.getAsLong();
            worker.slots.forEachRunning(each -> watch(each, now));
            watchSignal.lower();
            if (!stopped) {
                watchSignal.await(tick);
            }
        }
    }

    private void watch(Execution execution, long now) {
        if (execution.isEnded) {
            return;
        }
        // The lock on its row keeps others away for as long as the transaction lasts.
        boolean locked = execution.inTransaction || execution.doneInTransaction;
        if (now - execution.trustedUntil >= 0 && !execution.isDistrusted && !locked) {
            LOG.warn(
                    "{}: its lease could not be renewed in time; its handler is stopped, somebody else may run it",
                    execution.handled.named(execution.job));
            execution.distrust();
        }
        long timeout = execution.handled.timeoutNanos;
        long ran = now - execution.startedAt;
        if (timeout > 0 && ran >= timeout && execution.startedAt != 0) {
            if (execution.timeOut()) {
                execution.remindAt = now + REMIND_NANOS;
            } else if (execution.isTimedOut && now - execution.remindAt >= 0) {
                execution.remindAt = now + REMIND_NANOS;
                LOG.warn(
                        "{} still runs {} s after it was interrupted at its timeout of {}; it keeps its slot and its lease"
                                + " until it returns:{}",
                        execution.handled.named(execution.job),
                        TimeUnit.NANOSECONDS.toSeconds(ran - timeout),
                        execution.handled.timeout(),
                        execution.stack());
            }
        }
    }
}
