package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hears what other processes say with {@link Notifier}: a daemon thread and one connection for good. Connects again by itself,
 * and wakes all lanes then, since it does not know what it has missed.
 *
 * <p>At first it sends itself a word on another connection. If that does not arrive, as behind a PgBouncer that pools
 * transactions, it says so once and ends: workers then find jobs when they look.
 */
final class PostgresListener implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PostgresListener.class);
    private static final String POLLS = "workers find the jobs of other processes when they look next";
    private static final Duration FIRST_BACKOFF = Duration.ofMillis(100);
    private static final Duration LONGEST_BACKOFF = Duration.ofSeconds(10);
    private static final long CLOSES_WITHIN_MILLIS = 5_000;
    private static final int MOST_PROOFS = 3;

    private final Db db;
    private final Wakeups wakeups;
    private final String self;

    /** After how much silence it asks the server whether it is there, and how long that may take. */
    private final int patienceMillis;

    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition ended = lock.newCondition();

    // Of the thread.
    private final String proof =
            "proof:" + Long.toHexString(ThreadLocalRandom.current().nextLong());
    private boolean proven;
    private int attempts;

    // Under the lock.
    private @Nullable Connection connection;
    private boolean closed;

    PostgresListener(Db db, Wakeups wakeups, String self, int patienceMillis) {
        this.db = db;
        this.wakeups = wakeups;
        this.self = self;
        this.patienceMillis = patienceMillis;
        thread = new Thread(this::run, "tenfold-jobs-listener");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    private void run() {
        Duration backoff = FIRST_BACKOFF;
        boolean told = false;
        while (!isClosed()) {
            boolean worked = false;
            try (Connection fresh = db.dataSource.getConnection()) {
                if (!adopt(fresh)) {
                    return;
                }
                try {
                    if (!fresh.isWrapperFor(PGConnection.class)) {
                        LOG.info("a connection does not unwrap to the PostgreSQL driver's; {}", POLLS);
                        return;
                    }
                    PGConnection postgres = begin(fresh);
                    if (!proven && !prove(postgres)) {
                        return;
                    }
                    worked = true;
                    told = false;
                    receive(fresh, postgres);
                } finally {
                    discard(fresh);
                }
            } catch (NoClassDefFoundError e) {
                LOG.info("the PostgreSQL driver is not on the class path ({}); {}", e.getMessage(), POLLS);
                return;
            } catch (SQLException | RuntimeException e) {
                if (isClosed()) {
                    return;
                }
                if (!told) {
                    told = true;
                    LOG.warn(
                            "does not hear of other processes' jobs ({}); connects again by itself, and meanwhile workers"
                                    + " find jobs when they look",
                            e.toString());
                }
            }
            backoff = worked ? FIRST_BACKOFF : longer(backoff);
            pause(backoff);
        }
    }

    private PGConnection begin(Connection fresh) throws SQLException {
        fresh.setAutoCommit(true);
        fresh.setNetworkTimeout(Runnable::run, patienceMillis);
        try (Statement statement = fresh.createStatement()) {
            statement.execute("listen " + Notifier.channel(db));
        }
        return fresh.unwrap(PGConnection.class);
    }

    /** Whether notifications arrive here at all; says so if not, which is final. */
    private boolean prove(PGConnection postgres) throws SQLException {
        try {
            Notifier.notify(db, proof);
        } catch (SQLException | RuntimeException e) {
            attempts++;
            if (attempts < MOST_PROOFS) {
                throw e;
            }
            LOG.warn(
                    "cannot hear of other processes' jobs: that needs two connections, and the data source gives one ({});"
                            + " workers find jobs when they look. Make the pool larger, or turn it off with notifies(false)",
                    e.toString());
            return false;
        }
        long most = TimeUnit.MILLISECONDS.toNanos(patienceMillis);
        long until = System.nanoTime() + most;
        for (long left = most; !proven && left > 0 && !isClosed(); left = until - System.nanoTime()) {
            hear(postgres.getNotifications((int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(left))));
        }
        if (!proven && !isClosed()) {
            LOG.warn(
                    "no notification from PostgreSQL arrives within some seconds, as behind a PgBouncer that pools transactions;"
                            + " workers find the jobs of other processes when they look. Give JobQueue a data source that goes to"
                            + " PostgreSQL itself, or turn it off with notifies(false)");
        }
        return proven;
    }

    /** Returns when closed. */
    private void receive(Connection fresh, PGConnection postgres) throws SQLException {
        LOG.info("hears of other processes' jobs");
        wakeups.wakeHere(null); // for what was missed before
        while (!isClosed()) {
            PGNotification[] received = postgres.getNotifications(patienceMillis);
            if (received == null || received.length == 0) {
                try (Statement statement = fresh.createStatement()) {
                    statement.execute("select 1"); // what comes meanwhile is there at the next look
                }
            }
            hear(received);
        }
    }

    private void hear(PGNotification @Nullable [] received) {
        if (received == null) {
            return;
        }
        for (PGNotification each : received) {
            if (each.getParameter().equals(proof)) {
                proven = true;
                continue;
            }
            try {
                hear(each.getParameter());
            } catch (RuntimeException e) {
                LOG.warn("does not understand a notification (\"{}\"); wakes all workers", each.getParameter(), e);
                wakeups.wakeHere(null);
            }
        }
    }

    private void hear(String message) {
        int blank = message.indexOf(' ');
        if (blank < 0 || message.startsWith(self)) {
            return; // somebody's proof, or our own
        }
        for (String word : message.substring(blank + 1).split(",", -1)) {
            int colon = word.indexOf(':');
            if (word.equals("*")) {
                wakeups.wakeHere(null);
            } else if (word.startsWith("c:")) {
                wakeups.cancelledHere(Long.parseLong(word.substring(2)));
            } else if (colon > 0) {
                wakeups.wakeHere(new Lane(
                        Integer.parseInt(word.substring(0, colon)), Integer.parseInt(word.substring(colon + 1))));
            }
        }
    }

    private static Duration longer(Duration backoff) {
        Duration doubled = backoff.multipliedBy(2);
        return doubled.compareTo(LONGEST_BACKOFF) < 0 ? doubled : LONGEST_BACKOFF;
    }

    /** Up to half of it less, by chance, so that processes do not come together. */
    private void pause(Duration backoff) {
        long nanos = backoff.toNanos() - ThreadLocalRandom.current().nextLong(backoff.toNanos() / 2 + 1);
        lock.lock();
        try {
            while (!closed && nanos > 0) {
                nanos = ended.awaitNanos(nanos);
            }
        } catch (InterruptedException e) {
            closed = true; // nobody but close() has this thread
        } finally {
            lock.unlock();
        }
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    private boolean adopt(Connection fresh) {
        lock.lock();
        try {
            connection = fresh;
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    /** It listens, so it must not go back into a pool. */
    private void discard(Connection used) throws SQLException {
        lock.lock();
        try {
            connection = null;
        } finally {
            lock.unlock();
        }
        used.abort(Runnable::run);
    }

    private boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the connection and the thread, in five seconds at most. */
    @Override
    public void close() {
        Connection used;
        lock.lock();
        try {
            closed = true;
            used = connection;
            ended.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            if (used != null) {
                used.abort(Runnable::run); // wakes the thread
            }
            thread.join(CLOSES_WITHIN_MILLIS);
            if (thread.isAlive()) {
                LOG.warn(
                        "the thread that listens to PostgreSQL still waits for a connection; it ends after that. Give the"
                                + " data source a login time-out");
            }
        } catch (SQLException e) {
            LOG.warn("cannot abort the connection that listens to PostgreSQL; it ends by its keep-alive", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
