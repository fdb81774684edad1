package dev.tenfold.jobs;

import java.sql.SQLException;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the workers of other processes, by NOTIFY: the first hint at once, what comes meanwhile 10 ms later, all in one. A
 * NOTIFY holds a lock of the whole database while it commits, so there are at most 100 a second, in transactions of their own.
 *
 * <p>A message is who sends it, a blank, and words with commas between: {@code 3:2} for a lane, {@code c:17} for a job that was
 * cancelled, {@code *} for all lanes.
 */
final class Notifier {
    private static final Logger LOG = LoggerFactory.getLogger(Notifier.class);
    private static final long EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int MOST_CANCELLED = 300;
    private static final int MOST_LANES = 300;

    /** Who this process is: it need not listen to itself. */
    final String self =
            String.format(Locale.ROOT, "%016x", ThreadLocalRandom.current().nextLong());

    private final Db db;
    private final ScheduledExecutorService timer;
    private final ReentrantLock lock = new ReentrantLock();

    // Under the lock.
    private Set<Lane> lanes = new LinkedHashSet<>();
    private Set<Long> cancelled = new LinkedHashSet<>();
    private boolean all;
    private boolean scheduled;
    private long lastSent = System.nanoTime() - EVERY_NANOS;
    private boolean failed;

    Notifier(Db db, ScheduledExecutorService timer) {
        this.db = db;
        this.timer = timer;
    }

    static String channel(Db db) {
        return db.schema == null ? "tenfold_job" : "tenfold_job_" + db.schema;
    }

    void wake(@Nullable Lane lane) {
        lock.lock();
        try {
            if (lane == null || lanes.size() == MOST_LANES) {
                all = true;
            } else if (!all) {
                lanes.add(lane);
            }
            schedule();
        } finally {
            lock.unlock();
        }
    }

    void cancelled(long id) {
        lock.lock();
        try {
            if (cancelled.size() < MOST_CANCELLED) { // of the others their workers hear when they renew their leases
                cancelled.add(id);
                schedule();
            }
        } finally {
            lock.unlock();
        }
    }

    private void schedule() {
        if (!scheduled) {
            scheduled = true;
            long wait = Math.max(0, lastSent + EVERY_NANOS - System.nanoTime());
            var unused = timer.schedule(this::send, wait, TimeUnit.NANOSECONDS);
        }
    }

    private void send() {
        String message = take();
        try {
            notify(db, message);
            failed(null);
        } catch (SQLException | RuntimeException | Error e) {
            failed(e);
        }
        lock.lock();
        try {
            lastSent = System.nanoTime();
            scheduled = false;
            if (all || !lanes.isEmpty() || !cancelled.isEmpty()) {
                schedule();
            }
        } finally {
            lock.unlock();
        }
    }

    private String take() {
        StringBuilder message = new StringBuilder(self).append(' ');
        lock.lock();
        try {
            cancelled.forEach(id -> message.append("c:").append(id).append(','));
            if (all) {
                message.append('*');
            } else {
                lanes.forEach(lane -> message.append(lane.queue())
                        .append(':')
                        .append(lane.priority())
                        .append(','));
            }
            lanes = new LinkedHashSet<>();
            cancelled = new LinkedHashSet<>();
            all = false;
        } finally {
            lock.unlock();
        }
        return message.toString();
    }

    /** In a transaction of its own, which does not wait for the disk: nothing is lost with a hint. */
    private static final String NOTIFY = "select set_config('synchronous_commit', 'off', true), pg_notify(?, ?)";

    /** On a connection of its own, outside of any transaction. */
    static void notify(Db db, String message) throws SQLException {
        boolean unused = db.autocommit(connection -> {
            try (var statement = connection.prepareStatement(NOTIFY)) {
                statement.setString(1, channel(db));
                statement.setString(2, message);
                return statement.execute();
            }
        });
    }

    /** Says so once, until it works again. */
    private void failed(@Nullable Throwable now) {
        boolean before = failed;
        failed = now != null; // only the timer's thread is here
        if (now != null && !before) {
            LOG.warn(
                    "cannot notify other processes of new jobs ({}); their workers find them when they look next",
                    now.toString());
        }
    }
}
