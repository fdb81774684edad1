package dev.tenfold.jobs;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;

/** Tells once that something does not work, and once that it does again; says how long to wait in between. For one thread. */
final class Outage {
    private static final long SHORTEST = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(2);

    private final Logger log;
    private final String what;
    private int failures;

    Outage(Logger log, String what) {
        this.log = log;
        this.what = what;
    }

    /** Nanoseconds until the next try. */
    long failed(Throwable thrown) {
        if (failures++ == 0) {
            log.warn("{}; tries again until it works", what, thrown);
        } else {
            log.debug("{} (try {})", what, failures, thrown);
        }
        long longest = Math.min(LONGEST, SHORTEST << Math.min(failures, 10));
        return longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1);
    }

    void over() {
        if (failures > 0) {
            log.warn("it works again after {} failures: \"{}\" is over", failures, what);
            failures = 0;
        }
    }
}
