package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the table ten times a second: how long a lease has been over when somebody else claims its job, and how many jobs
 * have places under a concurrency key. It sees a claim up to a tenth of a second late, never early.
 */
final class SoakWatch implements AutoCloseable {
    private static final long EVERY = TimeUnit.MILLISECONDS.toNanos(100);

    private record Lease(long lease, long until) {}

    private final DataSource direct;
    private final SoakFaults faults;
    private final Thread thread = new Thread(this::run, "soak-watch");
    private Map<Long, Lease> seen = new HashMap<>();
    private volatile boolean stopped;

    /** Nanoseconds, without the time in which nobody could have claimed. */
    final Queue<Long> recoveries = new ConcurrentLinkedQueue<>();

    final Queue<String> late = new ConcurrentLinkedQueue<>();
    final Queue<String> crowds = new ConcurrentLinkedQueue<>();
    private final long lateNanos;

    SoakWatch(DataSource direct, SoakFaults faults, long lateNanos) {
        this.direct = direct;
        this.faults = faults;
        this.lateNanos = lateNanos;
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    private void run() {
        while (!stopped) {
            try (Connection connection = direct.getConnection()) {
                while (!stopped) {
                    look(connection);
                    LockSupport.parkNanos(EVERY);
                }
            } catch (SQLException databaseIsAway) {
                LockSupport.parkNanos(EVERY);
            }
        }
    }

    private void look(Connection connection) throws SQLException {
        Map<Long, Lease> now = new HashMap<>();
        long micros = 0;
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select id, lease, lease_until,"
                        + " (extract(epoch from clock_timestamp()) * 1000000)::bigint from tenfold_job"
                        + " where lease_until > 0 and attempt < max_attempts"
                        + " union all select 0, 0, 0, (extract(epoch from clock_timestamp()) * 1000000)::bigint")) {
            while (rows.next()) {
                now.put(rows.getLong(1), new Lease(rows.getLong(2), rows.getLong(3)));
                micros = Math.max(micros, rows.getLong(4));
            }
        }
        long nanos = System.nanoTime();
        for (Map.Entry<Long, Lease> each : seen.entrySet()) {
            Lease before = each.getValue();
            Lease after = now.get(each.getKey());
            if (before.until > 0 && before.until <= micros && !isStillOver(before, after, micros)) {
                recovered(each.getKey(), before, nanos, TimeUnit.MICROSECONDS.toNanos(micros - before.until));
            }
        }
        seen = now;
        countPlaces(connection);
    }

    private static boolean isStillOver(Lease before, @Nullable Lease after, long micros) {
        return after != null && after.lease == before.lease && after.until <= micros;
    }

    private void recovered(long id, Lease lease, long nanos, long overFor) {
        long took = overFor - faults.outage(nanos - overFor, nanos);
        recoveries.add(took);
        if (took > lateNanos) {
            late.add(String.format(
                    "%6d ms, %d with outages; at %s job %d, lease %d",
                    TimeUnit.NANOSECONDS.toMillis(took),
                    TimeUnit.NANOSECONDS.toMillis(overFor),
                    faults.time(),
                    id,
                    lease.lease));
        }
    }

    private void countPlaces(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select concurrency_key, count(*) from tenfold_job"
                        + " where admitted and concurrency_key is not null group by 1")) {
            while (rows.next()) {
                if (rows.getInt(2) > SoakProducer.limit(rows.getString(1))) {
                    crowds.add(rows.getInt(2) + " places of " + rows.getString(1) + " are taken");
                }
            }
        }
    }

    @Override
    public void close() {
        stopped = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
