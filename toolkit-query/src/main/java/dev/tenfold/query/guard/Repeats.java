package dev.tenfold.query.guard;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether a statement came with the same values within the last minute or two, over all scopes and threads.
 *
 * <p>Two Bloom filters of 2<sup>20</sup> bits and two hashes, one of the present window and one of that before (Bloom, "Space/time
 * trade-offs in hash coding with allowable errors", 1970). A window ends after a minute, or after 65,536 different sets of
 * values: so at most 3 in 100 are called repeated that are not. Threads race on plain words: a lost bit makes a repeat look new.
 */
final class Repeats {
    static final long WINDOW = TimeUnit.MINUTES.toNanos(1);
    static final int MOST = 1 << 16;

    private static final int BITS = 20;
    private static final int MASK = (1 << BITS) - 1;

    private volatile Windows windows;

    private static final class Windows {
        final long[] now;
        final long[] before;
        final long ends;
        /** Threads that race here count less. */
        int different;

        Windows(long[] now, long[] before, long ends) {
            this.now = now;
            this.before = before;
            this.ends = ends;
        }
    }

    private final Object rolling = new Object();
    private long @Nullable [] spare;

    Repeats(long now) {
        // Filters are made when the first window that sees a query begins.
        windows = new Windows(new long[0], new long[0], now);
    }

    /**
     * Notes an execution.
     *
     * @param hash of the statement and its values, all 64 bits mixed
     * @param now nano time
     * @return whether it is likely to have come before
     */
    boolean seen(long hash, long now) {
        Windows at = windows;
        if (at.now.length == 0 || now - at.ends >= 0 || at.different >= MOST) at = roll(at, now);
        int first = (int) hash & MASK;
        int second = (int) (hash >>> 32) & MASK;
        if (has(at.now, first) && has(at.now, second)) return true;
        at.now[first >>> 6] |= 1L << first;
        at.now[second >>> 6] |= 1L << second;
        at.different++;
        return has(at.before, first) && has(at.before, second);
    }

    private static boolean has(long[] bits, int bit) {
        return (bits[bit >>> 6] & (1L << bit)) != 0;
    }

    private Windows roll(Windows from, long now) {
        synchronized (rolling) {
            if (windows != from) return windows;
            boolean isFirst = from.now.length == 0;
            boolean isLongAgo = now - from.ends >= WINDOW;
            long[] before = isFirst ? new long[1 << (BITS - 6)] : from.now;
            if (isLongAgo) Arrays.fill(before, 0);
            long[] fresh = spare == null ? new long[1 << (BITS - 6)] : spare;
            Arrays.fill(fresh, 0);
            // Who still reads it has begun before this window did, and may take a repeat for new.
            spare = isFirst ? null : from.before;
            Windows next = new Windows(fresh, before, now + WINDOW);
            windows = next;
            return next;
        }
    }
}
