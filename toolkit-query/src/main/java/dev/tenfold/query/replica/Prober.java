package dev.tenfold.query.replica;

import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks one server where it is, again and again. A thread each, so that a server that hangs does not hide the others. */
final class Prober implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);
    private static final long JOIN_MILLIS = TimeUnit.SECONDS.toMillis(2);

    /** One question, which tells the server's health of its outcome. */
    interface Probe {
        void run() throws SQLException;
    }

    private final Probe probe;
    private final Runnable afterFirst;
    private final long interval;
    private final Thread thread;
    private volatile boolean closed;

    Prober(String server, Probe probe, long interval, Runnable afterFirst) {
        this.probe = probe;
        this.interval = interval;
        this.afterFirst = afterFirst;
        this.thread = new Thread(this, "tenfold-probe-" + server);
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    @Override
    public void run() {
        boolean isFirst = true;
        while (!closed) {
            try {
                probe.run();
            } catch (SQLException e) {
                LOG.debug("{} was not answered", thread.getName(), e);
            } catch (RuntimeException | Error e) {
                LOG.warn("{} failed, and goes on; its pool throws what pools should not throw", thread.getName(), e);
            }
            if (isFirst) afterFirst.run();
            isFirst = false;
            if (!closed) LockSupport.parkNanos(this, interval);
        }
    }

    /** Returns when it has ended, or after two seconds: it may hang in a read, and ends after that. */
    void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(JOIN_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
