package dev.tenfold.ratelimit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The leases of one busy key on this node: one that is used up, and one that was fetched while it was. Tokens are debited on
 * Redis before they are handed out and die when a lease ends, so that a node that crashes takes nothing but its own lease
 * with it: in any time w all nodes admit B + r·(w + lease) at most, and with a bucket smaller by r·lease, what the plain limit
 * allows.
 *
 * <p>A lease is as large as what this node is expected to use in half of its time, by an average over the past ones; the
 * script gives a tenth of what is left at most, so none when little is left, and calls are debited one by one.
 */
final class Lender {
    private static final double WEIGHT_OF_LAST = 0.5;

    private final long lifetimeMicros;
    private final LongSupplier nanoClock;
    private volatile @Nullable Held held;
    private volatile @Nullable Held spare;

    // Of whoever has made the counter busy.
    private double tokensPerNano;
    private long lastSent;
    private boolean hasSent;

    Lender(long lifetimeMicros, LongSupplier nanoClock) {
        this.lifetimeMicros = lifetimeMicros;
        this.nanoClock = nanoClock;
    }

    /** The lease to take from, or null. */
    @Nullable
    Held current() {
        Held now = held;
        if (now != null && now.isGood(nanoClock.getAsLong())) return now;
        Held next = spare;
        if (next == null || !next.isGood(nanoClock.getAsLong())) return null;
        // Whoever comes between the two writes finds a lease twice, which is the same one.
        held = next;
        spare = null;
        return next;
    }

    /** How many tokens to fetch, when a script is sent that takes {@code tokens} for those who wait. */
    long wanted(long tokens, long nowNanos) {
        Held now = held;
        long used = tokens + (now == null ? 0 : now.usedSinceAsked());
        if (hasSent) {
            double last = (double) used / Math.max(1, nowNanos - lastSent);
            tokensPerNano = WEIGHT_OF_LAST * last + (1 - WEIGHT_OF_LAST) * tokensPerNano;
        }
        hasSent = true;
        lastSent = nowNanos;
        Held next = spare;
        if (next != null && next.isGood(nowNanos)) return 0;
        return (long) (tokensPerNano * TimeUnit.MICROSECONDS.toNanos(lifetimeMicros) / 2);
    }

    /** Redis has debited tokens for a script that was sent then. */
    void granted(long tokens, long grantedMicros, long sentNanos) {
        Held granted = new Held(
                tokens, sentNanos + TimeUnit.MICROSECONDS.toNanos(lifetimeMicros), grantedMicros, lifetimeMicros);
        Held now = held;
        if (now != null && now.isGood(nanoClock.getAsLong())) {
            spare = granted;
        } else {
            held = granted;
        }
    }

    /** Takes all leases out of use. */
    List<Held> empty() {
        List<Held> all = new ArrayList<>();
        Held now = held;
        Held next = spare;
        held = null;
        spare = null;
        if (now != null) all.add(now);
        if (next != null && next != now) all.add(next);
        return all;
    }
}
