package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.List;

/**
 * A connection that was borrowed and is not back, as it was seen at one moment.
 *
 * @param thread which borrowed it; keep no reference to it for long
 * @param held how long it has been out
 * @param state what it does
 * @param since how long it has done that; if {@link State#UNKNOWN}, since it last executed something
 * @param statement what it executes, or else executed last, its literals taken out; empty if nothing
 * @param handedOver whether a thread other than that one has made statements on it, calls of procedures apart
 * @param borrowedIn the application's frames where it was borrowed, innermost first, at most eight; empty if they were not
 *     kept: one borrow of 64 does
 */
public record BorrowedConnection(
        Thread thread,
        Duration held,
        State state,
        Duration since,
        String statement,
        boolean handedOver,
        List<StackTraceElement> borrowedIn) {

    /** What it does. */
    public enum State {
        /** The driver executes something. */
        EXECUTING,
        /** Nothing. */
        IDLE,
        /** It cannot be told: rows are fetched in portions while they are read, or the driver's own objects are used. */
        UNKNOWN
    }
}
