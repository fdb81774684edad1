package dev.tenfold.query.guard;

/** What the executions of one statement took, over all threads: scopes add theirs when they end, or once a second. */
final class Executions {
    /** Nano time from when on the next result set is looked at. */
    volatile long lookAtRowsFrom;
}
