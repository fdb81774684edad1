package dev.tenfold.ratelimit;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Whether Redis is asked. One command without an answer opens it, since the next caller should not wait for the same; while
 * it is open, decisions are made without Redis, and one of them every {@value #PROBE_MILLIS} ms sends a probe that nobody
 * waits for. One for the link, or in a cluster one for each stretch of slots, as masters fail one by one.
 */
final class Breaker {
    static final int PROBE_MILLIS = 100;

    private final AtomicBoolean open = new AtomicBoolean();
    private final AtomicLong nextProbe = new AtomicLong();
    private final LongSupplier nanoClock;
    private final AtomicInteger outages = new AtomicInteger();

    Breaker(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
    }

    boolean isOpen() {
        return open.get();
    }

    /** True if it was closed. */
    boolean open() {
        if (open.get()) return false;
        outages.incrementAndGet(); // who finds it open has to find another outage than the last
        nextProbe.set(nanoClock.getAsLong());
        return open.compareAndSet(false, true);
    }

    /** Another number in each outage; one that several find at once may have several. */
    int outage() {
        return outages.get();
    }

    /** True if it was open. */
    boolean close() {
        return open.compareAndSet(true, false);
    }

    /** True for the one who should send a probe now. */
    boolean beginProbe() {
        long due = nextProbe.get();
        long now = nanoClock.getAsLong();
        return now - due >= 0 && nextProbe.compareAndSet(due, now + TimeUnit.MILLISECONDS.toNanos(PROBE_MILLIS));
    }
}
