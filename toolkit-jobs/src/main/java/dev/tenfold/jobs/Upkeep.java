package dev.tenfold.jobs;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does the chores, one after the other: its own, which look for pauses, bury crash loops, mend concurrency keys and delete what
 * has expired, and those of the queue. Of all processes only one does a chore at a time, so a chore may come late by what the
 * others take.
 */
final class Upkeep implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Upkeep.class);
    private static final long SECOND = 1_000_000;
    private static final long PAUSES_EVERY = SECOND;
    private static final long REPAIRS_EVERY = 5 * SECOND;
    private static final long PRUNE_EVERY = 60 * SECOND;
    private static final int MOST_BURIED = 1_000;

    /** A chore, when it is due, and whether it works. */
    private static final class Due {
        final Chore chore;
        final Outage outage;
        long at;

        Due(Chore chore, String name, long at) {
            this.chore = chore;
            this.at = at;
            outage = new Outage(LOG, "cannot do the chore \"" + name + "\"");
        }
    }

    private final Worker worker;
    private final JobStore store;
    private final Signal signal = new Signal();
    private volatile boolean pausesChanged;
    private volatile boolean stopped;

    Upkeep(Worker worker) {
        this.worker = worker;
        store = worker.shared.jobs.store;
    }

    void stop() {
        stopped = true;
        signal.raise();
    }

    void lookAtPauses() {
        pausesChanged = true;
        signal.raise();
    }

    /** Queues and kinds that are paused, by the table. */
    long pauses() throws SQLException {
        worker.claimer.paused(paused(store.queues()), paused(store.kinds()));
        return PAUSES_EVERY;
    }

    private static Set<Integer> paused(List<JobStore.Name> names) {
        Set<Integer> paused = new HashSet<>();
        for (JobStore.Name each : names) {
            if (each.paused()) {
                paused.add(each.id());
            }
        }
        return paused;
    }

    @Override
    public void run() {
        long now = now();
        Due pauses = new Due(this::pauses, "pauses", now);
        List<Due> all = new ArrayList<>();
        all.add(pauses);
        all.add(new Due(() -> inTurn("crash-loops", REPAIRS_EVERY, this::buryCrashLoops), "crash loops", now));
        all.add(new Due(() -> inTurn("concurrency", REPAIRS_EVERY, this::mend), "concurrency keys", now));
        all.add(new Due(() -> inTurn("prune", PRUNE_EVERY, this::prune), "expired rows", now));
        for (Chore chore : worker.shared.jobs.chores) {
            all.add(new Due(chore, chore.toString(), now));
        }
        while (!stopped) {
            signal.lower();
            if (pausesChanged) {
                pausesChanged = false;
                pauses.at = now();
            }
            long wait = TimeUnit.SECONDS.toNanos(1);
            for (Due each : all) {
                if (!stopped && each.at - now() <= 0) {
                    run(each);
                }
                wait = Math.min(wait, each.at - now());
            }
            if (!stopped) {
                signal.await(wait);
            }
        }
    }

    private void run(Due due) {
        try {
            long micros = due.chore.run();
            due.at = now() + jittered(TimeUnit.MICROSECONDS.toNanos(Math.max(1_000, micros)));
            due.outage.over();
        } catch (SQLException | RuntimeException | Error e) {
            due.at = now() + due.outage.failed(e);
        }
    }

    /** A little early or late, so that processes that started together do not ask together. */
    private static long jittered(long nanos) {
        return nanos - nanos / 10 + ThreadLocalRandom.current().nextLong(nanos / 5 + 1);
    }

    private long now() {
        return worker.shared.nanos.getAsLong();
    }

    private interface Job {
        void run() throws SQLException;
    }

    private long inTurn(String chore, long everyMicros, Job job) throws SQLException {
        if (store.takeTurn(chore, everyMicros)) {
            job.run();
        }
        return everyMicros;
    }

    private void buryCrashLoops() throws SQLException {
        int buried = store.buryCrashLoops(MOST_BURIED);
        if (buried > 0) {
            LOG.error(
                    "{} jobs are given up: the processes that ran them died, each time, before they were done; see the dead"
                            + " letters (CRASH_LOOP)",
                    buried);
        }
    }

    private void mend() throws SQLException {
        int mended = store.mendConcurrency();
        if (mended > 0) {
            LOG.debug("{} rows of concurrency keys mended", mended);
            worker.claimer.look();
        }
    }

    private void prune() throws SQLException {
        int deleted = store.prune(worker.historyMicros());
        LOG.debug("{} expired rows deleted", deleted);
    }
}
