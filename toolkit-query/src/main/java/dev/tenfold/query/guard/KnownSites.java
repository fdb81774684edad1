package dev.tenfold.query.guard;

import org.jspecify.annotations.Nullable;

/** The call sites where a statement was found before, and how often it was looked at in vain since. Thread-safe. */
final class KnownSites {
    private static final int MOST = 16;
    private static final int MOST_BACK_OFF = 10;
    /** After so many scopes in which looking led to nothing, half as many are looked at. */
    private static final int PATIENCE = 8;

    private long @Nullable [] ids;
    private int count;
    private int oldest;
    private int inVain;
    private int turn;

    synchronized boolean contains(long site) {
        for (int i = 0; i < count && ids != null; i++) {
            if (ids[i] == site) return true;
        }
        return false;
    }

    synchronized void add(long site) {
        inVain = 0;
        if (contains(site)) return;
        if (ids == null) ids = new long[MOST];
        ids[oldest] = site;
        oldest = (oldest + 1) % MOST;
        count = Math.min(MOST, count + 1);
    }

    /** Whether to look in this scope from early on; counts as one in vain until a verdict comes. */
    synchronized boolean isTurn() {
        int backOff = Math.min(MOST_BACK_OFF, inVain / PATIENCE);
        if ((turn++ & ((1 << backOff) - 1)) != 0) return false;
        inVain++;
        return true;
    }
}
