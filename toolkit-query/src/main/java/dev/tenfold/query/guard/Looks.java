package dev.tenfold.query.guard;

import java.util.Arrays;

/** From which call sites a statement came in one scope, of the executions that were looked at. Its scope's lock guards it. */
final class Looks {
    private static final int MOST_SITES = 16;

    /** Nano time when it was first thought of looking, and how many executions there were by then. */
    final long from;

    final int countBefore;

    private long[] ids = new long[2];
    private int[] times = new int[2];
    private int sites;
    private int looks;

    Looks(long from, int countBefore) {
        this.from = from;
        this.countBefore = countBefore;
    }

    int count() {
        return looks;
    }

    /** Adds one, and says how many of the same site there are. Sites beyond the first 16 are each told to be new. */
    int add(long site) {
        looks++;
        for (int i = 0; i < sites; i++) {
            if (ids[i] == site) return ++times[i];
        }
        if (sites == MOST_SITES) return 1;
        if (sites == ids.length) {
            ids = Arrays.copyOf(ids, sites * 2);
            times = Arrays.copyOf(times, sites * 2);
        }
        ids[sites] = site;
        times[sites] = 1;
        sites++;
        return 1;
    }
}
