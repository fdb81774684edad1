package dev.tenfold.jobs;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who wants to know that there is something to do: workers here, told at once, and those of other processes, told through
 * PostgreSQL. A hint: nothing depends on it but time. Thread-safe; nothing here blocks but {@link #close}.
 */
final class Wakeups implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Wakeups.class);
    private static final long CLOSES_WITHIN_SECONDS = 5;

    /** A worker. Called on the thread of whoever enqueues, or listens; returns at once. */
    interface Sleeper {
        /** Jobs of a lane may be due; or of any, if {@code lane} is null. */
        void wake(@Nullable Lane lane);

        /** Somebody cancelled this job. */
        void cancelled(long id);
    }

    /** Ends with {@link #close}, which may be called twice. */
    interface Listening extends AutoCloseable {
        @Override
        void close();
    }

    private final List<Sleeper> sleepers = new CopyOnWriteArrayList<>();
    private final Db db;
    private final boolean notifies;
    /** One thread, while there is something to do. */
    private final ScheduledThreadPoolExecutor timer;

    private final Notifier notifier;
    private final CommitWatcher watcher;
    private final ReentrantLock lock = new ReentrantLock();

    // Under the lock.
    private @Nullable PostgresListener listener;
    private int listening;
    private boolean closed;

    /** @param notifies whether to tell other processes, too, if the database is one that can */
    Wakeups(Db db, boolean notifies) {
        this.db = db;
        this.notifies = notifies && db.isPostgres();
        timer = new ScheduledThreadPoolExecutor(1, Wakeups::daemon, new ThreadPoolExecutor.DiscardPolicy());
        timer.setKeepAliveTime(1, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        timer.setRemoveOnCancelPolicy(true);
        notifier = new Notifier(db, timer);
        watcher = new CommitWatcher(db, timer, this::wake);
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task, "tenfold-jobs-hints");
        thread.setDaemon(true);
        return thread;
    }

    void add(Sleeper sleeper) {
        sleepers.add(sleeper);
    }

    void remove(Sleeper sleeper) {
        sleepers.remove(sleeper);
    }

    // ---- told by who enqueues ---------------------------------------------------------------------------------------

    /** Jobs of a lane, or of any if it is null, may be due: they are committed. Tells workers here and elsewhere. */
    void wake(@Nullable Lane lane) {
        wakeHere(lane);
        if (notifies) {
            notifier.wake(lane);
        }
    }

    /** Somebody cancelled a job that a worker here or elsewhere runs. */
    void cancelled(long id) {
        cancelledHere(id);
        if (notifies) {
            notifier.cancelled(id);
        }
    }

    void wakeHere(@Nullable Lane lane) {
        for (Sleeper sleeper : sleepers) {
            sleeper.wake(lane);
        }
    }

    void cancelledHere(long id) {
        for (Sleeper sleeper : sleepers) {
            sleeper.cancelled(id);
        }
    }

    /** Whether anybody gains by {@link #wakeAfterCommit}. */
    boolean isHeard() {
        return notifies || !sleepers.isEmpty();
    }

    /** Whether nobody is still to be told, and nobody's commit awaited. */
    boolean isQuiet() {
        return timer.getActiveCount() == 0 && timer.getQueue().isEmpty();
    }

    /** As {@link #wake}, as soon as a job that somebody else's transaction has inserted is to be seen. */
    void wakeAfterCommit(long id, Lane lane) {
        if (isHeard()) {
            watcher.watch(id, lane);
        }
    }

    // ---- told by other processes ------------------------------------------------------------------------------------

    /**
     * Hears what other processes say, until the answer is closed. Does not block: connects in the background. Does nothing
     * where nobody can be heard.
     */
    Listening listen() {
        lock.lock();
        try {
            if (closed || !notifies) {
                return () -> {};
            }
            if (listener == null) {
                listener = new PostgresListener(db, this, notifier.self);
                listener.start();
            }
            listening++;
        } finally {
            lock.unlock();
        }
        return new Listening() {
            private boolean ended; // under the lock

            @Override
            public void close() {
                PostgresListener last = null;
                lock.lock();
                try {
                    if (!ended) {
                        ended = true;
                        listening--;
                        last = listening == 0 ? listener : null;
                        listener = listening == 0 ? null : listener;
                    }
                } finally {
                    lock.unlock();
                }
                if (last != null) {
                    last.close();
                }
            }
        };
    }

    /** Ends the threads, within some seconds. What was to be told is not told any more. */
    @Override
    public void close() {
        PostgresListener last;
        lock.lock();
        try {
            closed = true;
            last = listener;
            listener = null;
        } finally {
            lock.unlock();
        }
        if (last != null) {
            last.close();
        }
        timer.shutdownNow();
        try {
            if (!timer.awaitTermination(CLOSES_WITHIN_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("the thread that wakes workers still waits for the database; it ends after that. Give the data"
                        + " source a login time-out and a socket time-out");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
