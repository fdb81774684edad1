package dev.tenfold.jobs;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what became of jobs, many with one statement: what ends while one statement is under way goes with the next. A single
 * end goes at once.
 *
 * <p>If the database is away, ends are kept and written when it is back; whether they still count decides the lease. What this
 * process has not written when it dies runs again.
 */
final class Finisher implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Finisher.class);
    private static final int MOST = 1_000;

    /** Ends in the last statement from which on it pays to wait a little for more. */
    private static final int MANY = 16;

    private static final long LINGER_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long FOREVER = TimeUnit.HOURS.toNanos(1);

    private final Worker worker;
    private final JobStore store;
    private final Queue<Execution> ended = new ConcurrentLinkedQueue<>();
    private final Signal signal = new Signal();
    private final Outage outage = new Outage(LOG, "cannot record how jobs ended; their ends are kept");
    private final Map<JobListener.Outcome, AtomicLong> counts = new EnumMap<>(JobListener.Outcome.class);
    private int lastTime;
    private volatile boolean asleep;
    private volatile boolean stopped;
    private volatile boolean gaveUp;

    Finisher(Worker worker) {
        this.worker = worker;
        store = worker.shared.jobs.store;
        for (JobListener.Outcome each : JobListener.Outcome.values()) {
            counts.put(each, new AtomicLong());
        }
    }

    /** Any thread. */
    void add(Execution execution) {
        ended.add(execution);
        if (asleep) {
            signal.raise();
        }
    }

    long count(JobListener.Outcome outcome) {
        AtomicLong count = counts.get(outcome);
        return count == null ? 0 : count.get();
    }

    /** Ends when all that was added before is written. */
    void stop() {
        stopped = true;
        signal.raise();
    }

    /** Ends, whether it is written or not. */
    void giveUp() {
        gaveUp = true;
        stop();
    }

    @Override
    public void run() {
        List<Execution> batch = new ArrayList<>(MOST);
        while (!gaveUp) {
            boolean last = stopped; // asked first: what was added before the stop is found
            take(batch);
            if (batch.isEmpty()) {
                if (last) {
                    return;
                }
                sleep();
                continue;
            }
            if (lastTime >= MANY && batch.size() < MOST && !stopped) {
                signal.lower();
                signal.await(LINGER_NANOS);
                take(batch);
            }
            lastTime = batch.size();
            write(batch);
            batch.clear();
        }
    }

    private void take(List<Execution> batch) {
        while (batch.size() < MOST) {
            Execution next = ended.poll();
            if (next == null) {
                return;
            }
            batch.add(next);
        }
    }

    private void sleep() {
        signal.lower();
        asleep = true;
        if (ended.isEmpty() && !stopped) {
            signal.await(FOREVER);
        }
        asleep = false;
    }

    // ---- writing ----------------------------------------------------------------------------------------------------

    private void write(List<Execution> batch) {
        Map<Execution.Write, List<Execution>> byWrite = new EnumMap<>(Execution.Write.class);
        for (Execution each : batch) {
            byWrite.computeIfAbsent(each.write, unused -> new ArrayList<>()).add(each);
        }
        byWrite.forEach((write, group) -> {
            switch (write) {
                case NOTHING -> settle(group);
                case BURY -> {
                    Map<DeadReason, List<Execution>> byReason = new EnumMap<>(DeadReason.class);
                    for (Execution each : group) {
                        byReason.computeIfAbsent(each.reason, unused -> new ArrayList<>())
                                .add(each);
                    }
                    byReason.values().forEach(this::writeUntilDone);
                }
                default -> writeUntilDone(group);
            }
        });
        worker.claimer.room();
    }

    /** All of the same kind of end. */
    private void writeUntilDone(List<Execution> group) {
        while (!gaveUp) {
            try {
                settle(group, statement(group));
                outage.over();
                return;
            } catch (SQLException | RuntimeException e) {
                if (isRefused(e)) {
                    refused(group, e);
                    return;
                }
                pause(outage.failed(e));
            } catch (Error e) {
                pause(outage.failed(e)); // as when memory is short: without this thread no end would ever be written
            }
        }
        LOG.error(
                "the ends of {} jobs, of {} among others, are not recorded: the worker stops; they run again when their"
                        + " leases end",
                group.size(),
                name(group.get(0)));
    }

    private long[] statement(List<Execution> group) throws SQLException {
        List<JobStore.Ending> endings = new ArrayList<>(group.size());
        for (Execution each : group) {
            endings.add(each.ending());
        }
        long id = worker.shared.worker;
        Execution first = group.get(0);
        return switch (first.write) {
            case FINISH, CANCEL -> store.finish(endings, id, worker.shared.jobs.options.history, first.outcome.name());
            case RETRY -> store.retry(endings, id);
            case RELEASE -> store.release(endings, id);
            case BURY -> store.bury(endings, id, first.reason);
            case NOTHING -> throw new IllegalStateException("nothing to write");
        };
    }

    /** The database is there, but does not take one of the rows: it must not keep the others from being written. */
    private void refused(List<Execution> group, Exception e) {
        if (group.size() == 1) {
            Execution one = group.get(0);
            LOG.error(
                    "the database does not take the end of {} ({}); it runs again when its lease ends",
                    name(one),
                    one.outcome,
                    e);
            lost(one);
            return;
        }
        int half = group.size() / 2;
        writeUntilDone(group.subList(0, half));
        writeUntilDone(group.subList(half, group.size()));
    }

    /** Data exception, constraint; or no answer of a database at all. */
    private static boolean isRefused(Throwable thrown) {
        for (@Nullable Throwable each = thrown; each != null; each = each.getCause()) {
            if (each instanceof SQLException e) {
                String state = e.getSQLState();
                return state != null && (state.startsWith("22") || state.startsWith("23"));
            }
        }
        return true;
    }

    private void pause(long nanos) {
        long deadline = System.nanoTime() + nanos;
        for (long left = nanos; left > 0 && !gaveUp; left = deadline - System.nanoTime()) {
            signal.lower();
            if (!gaveUp) {
                signal.await(left);
            }
        }
    }

    // ---- what the answer says ---------------------------------------------------------------------------------------

    private void settle(List<Execution> group, long[] ours) {
        if (ours.length == group.size()) {
            settle(group);
            return;
        }
        Set<Long> ids = new HashSet<>();
        Arrays.stream(ours).forEach(ids::add);
        List<Execution> written = new ArrayList<>(ours.length);
        for (Execution each : group) {
            if (ids.contains(each.job.id)) {
                written.add(each);
            } else {
                LOG.warn(
                        "{} ended ({}) after its lease was lost: somebody else has it or has removed it, and nothing was"
                                + " recorded",
                        name(each),
                        each.outcome);
                each.tell(JobListener.Outcome.LOST, null);
                lost(each);
            }
        }
        settle(written);
    }

    private void lost(Execution execution) {
        count(JobListener.Outcome.LOST, 1);
        worker.inFlight.remove(execution);
    }

    private void settle(List<Execution> written) {
        boolean freesOthers = false;
        for (Execution each : written) {
            worker.inFlight.remove(each);
            count(each.outcome, 1);
            freesOthers |= each.job.batch != 0 || each.job.concurrencyKey != null;
            switch (each.outcome) {
                case DONE -> each.budget.earn(1);
                case RETRIED, SNOOZED ->
                    worker.claimer.expect(
                            worker.shared.nanos.getAsLong() + TimeUnit.MICROSECONDS.toNanos(each.delayMicros));
                case LOST ->
                    LOG.warn("{} was stopped: its lease was lost, somebody else has it or has removed it", name(each));
                default -> {}
            }
        }
        if (freesOthers) {
            worker.claimer.look();
        }
    }

    private void count(JobListener.Outcome outcome, int more) {
        AtomicLong count = counts.get(outcome);
        if (count != null) {
            count.addAndGet(more);
        }
    }

    private static String name(Execution execution) {
        return execution.handled.named(execution.job);
    }
}
