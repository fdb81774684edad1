package dev.tenfold.query.guard;

import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;

/** What the executions of one statement took, over all threads: scopes add theirs when they end, or once a second. */
final class Executions {
    private final LongAdder count = new LongAdder();
    private final LongAdder nanos = new LongAdder();
    private final LongAccumulator slowest = new LongAccumulator(Math::max, 0);

    /** Nano time from when on the next result set is looked at. */
    volatile long lookAtRowsFrom = System.nanoTime();

    void add(int executions, long took, long longest) {
        count.add(executions);
        nanos.add(took);
        slowest.accumulate(longest);
    }

    long count() {
        return count.sum();
    }
}
