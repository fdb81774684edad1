package dev.tenfold.query.replica;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a server is used. One failure to connect takes it out, so that others do not wait for the same; the prober's next
 * answer brings it back. A failure while others succeed, as that of a pool that is merely exhausted, takes nothing out.
 */
final class Health {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);

    private record Outage(String problem, long since) {}

    private final String name;
    private final String consequence;
    private final LongSupplier clock;
    private final AtomicReference<@Nullable Outage> outage = new AtomicReference<>();
    private volatile long lastSuccess;

    Health(String name, String consequence, LongSupplier clock) {
        this.name = name;
        this.consequence = consequence;
        this.clock = clock;
        this.lastSuccess = clock.getAsLong();
    }

    boolean isUp() {
        return outage.get() == null;
    }

    /** Empty if it is up. */
    String problem() {
        Outage now = outage.get();
        return now == null ? "" : now.problem;
    }

    /** A transaction ended well; it says nothing of a server that was taken out meanwhile. */
    void succeeded() {
        lastSuccess = clock.getAsLong();
    }

    /** The prober was answered. */
    void answered() {
        long now = clock.getAsLong();
        lastSuccess = now;
        Outage before = outage.getAndSet(null);
        if (before != null) LOG.info("{} is back after {}", name, Duration.ofNanos(now - before.since));
    }

    /** It could not be connected to, or not asked, by an attempt that began at a time. */
    void failed(SQLException e, long began) {
        if (lastSuccess - began <= 0) out(Objects.requireNonNullElse(e.getMessage(), e.toString()));
    }

    /** It cannot be used, whatever else succeeds. */
    void out(String problem) {
        Outage now = new Outage(problem, clock.getAsLong());
        if (outage.compareAndSet(null, now)) {
            LOG.warn(
                    "{} is out, {}, and it is asked again all the time, so it comes back by itself: {}",
                    name,
                    consequence,
                    problem);
        }
    }

    /** Whether the connection is gone, as opposed to a statement that failed. */
    static boolean isBroken(SQLException e) {
        String state = Objects.requireNonNullElse(e.getSQLState(), "");
        return state.startsWith("08") || state.equals("57P01") || state.equals("57P02") || state.equals("57P03");
    }
}
