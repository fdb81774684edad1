package dev.tenfold.ratelimit;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The answer of a {@link ConcurrencyLimiter}, and the place that work holds while it runs: {@link Granted}, {@link Rejected},
 * or {@link Degraded} while Redis is away.
 *
 * <pre>{@code
 * try (Permit permit = limiter.acquire()) {
 *     if (!permit.granted()) return serviceUnavailable();
 *     return call(permit);        // permit.dropped() if it times out, permit.ignored() if it fails at once
 * }
 * }</pre>
 *
 * <p>A permit ends once, by whichever of {@link #close}, {@link #dropped} and {@link #ignored} comes first; later calls have
 * no effect, nor have calls on one that was not granted. None of them blocks or throws, and any thread may make them: what
 * has to be told to Redis is sent without waiting for it.
 *
 * <p>One that is not ended within {@link ConcurrencyOptions#maxHold} is taken back, whether its work has ended or not.
 */
public abstract sealed class Permit implements AutoCloseable {
    private static final AtomicIntegerFieldUpdater<Permit> ENDED =
            AtomicIntegerFieldUpdater.newUpdater(Permit.class, "ended");

    /** Null if no place is held. */
    private final @Nullable ConcurrencyLimiter holder;

    /** Tells it from all others that are held. */
    final long id;

    final long startNanos;

    /** How many ran when this began, itself included. */
    final int inFlight;

    @SuppressWarnings("unused") // by the updater
    private volatile int ended;

    /** How work went. */
    enum Ending {
        DONE,
        DROPPED,
        IGNORED
    }

    private Permit(@Nullable ConcurrencyLimiter holder, long id, long startNanos, int inFlight) {
        this.holder = holder;
        this.id = id;
        this.startNanos = startNanos;
        this.inFlight = inFlight;
    }

    /** Holds nothing. */
    private Permit() {
        this(null, 0, 0, 0);
    }

    static long newId() {
        return ThreadLocalRandom.current().nextLong();
    }

    /**
     * Whether the work may run.
     *
     * @return true if there was room, in {@link ConcurrencyOptions#shadow} mode, or if the outage policy lets it
     */
    public abstract boolean granted();

    /**
     * Ends the permit of work that was done. How long it took is a sample for an adaptive limit: take {@link #ignored} for
     * work that failed at once, which would look fast.
     */
    @Override
    public final void close() {
        end(Ending.DONE);
    }

    /** Ends the permit of work that timed out, or that the other side refused for overload: an adaptive limit is lowered. */
    public final void dropped() {
        end(Ending.DROPPED);
    }

    /** Ends the permit of work that says nothing about load: it failed at once, or never began. */
    public final void ignored() {
        end(Ending.IGNORED);
    }

    private void end(Ending how) {
        if (holder != null && tryEnd()) holder.ended(this, how);
    }

    /** True for the one caller that ends it. */
    final boolean tryEnd() {
        return ENDED.compareAndSet(this, 0, 1);
    }

    final boolean hasEnded() {
        return ended != 0;
    }

    /** Spreads well, and costs less than an identity's. */
    @Override
    public final int hashCode() {
        return Long.hashCode(id);
    }

    /** A permit is equal to itself alone. */
    @Override
    public final boolean equals(@Nullable Object other) {
        return this == other;
    }

    /** Its kind, and whether it was granted. */
    @Override
    public String toString() {
        return getClass().getSimpleName() + (granted() ? "[granted]" : "[refused]");
    }

    /** There was room. In {@link ConcurrencyOptions#shadow} mode also if there was none: then no place is held. */
    public static final class Granted extends Permit {
        Granted(ConcurrencyLimiter holder, long id, long startNanos, int inFlight) {
            super(holder, id, startNanos, inFlight);
        }

        /** In spite of there being no room. */
        Granted() {}

        @Override
        public boolean granted() {
            return true;
        }
    }

    /** No room for this priority. The work must not run; try again later, with a jittered back-off. */
    public static final class Rejected extends Permit {
        Rejected() {}

        @Override
        public boolean granted() {
            return false;
        }
    }

    /** Decided by the limiter's {@link Outage}, as Redis did not answer. */
    public static final class Degraded extends Permit {
        private final boolean granted;
        private final Outage outage;

        Degraded(ConcurrencyLimiter holder, Outage outage, long id, long startNanos, int inFlight) {
            super(holder, id, startNanos, inFlight);
            this.outage = outage;
            this.granted = true;
        }

        /** Holds no place. */
        Degraded(Outage outage, boolean granted) {
            this.outage = outage;
            this.granted = granted;
        }

        @Override
        public boolean granted() {
            return granted;
        }

        /**
         * What decided.
         *
         * @return the limiter's outage setting
         */
        public Outage outage() {
            return outage;
        }
    }
}
