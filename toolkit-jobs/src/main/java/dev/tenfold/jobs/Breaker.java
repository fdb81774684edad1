package dev.tenfold.jobs;

import java.time.Duration;
import java.util.BitSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a worker from claiming jobs of a kind of which most fail. Closed: all are claimed. Open: none, for a time. Then half
 * open: one is, and what becomes of it decides. Thread-safe.
 */
final class Breaker {
    private static final Logger LOG = LoggerFactory.getLogger(Breaker.class);
    private static final int WINDOW = 100;

    private enum State {
        CLOSED,
        OPEN,
        PROBING
    }

    private final String kind;
    private final int failuresToOpen;
    private final Duration openFor;

    private final BitSet failed = new BitSet(WINDOW);
    private int seen;
    private volatile State state = State.CLOSED;
    private volatile long openUntil;

    Breaker(String kind, double failureRate, Duration openFor) {
        this.kind = kind;
        this.openFor = openFor;
        failuresToOpen = Math.max(1, (int) Math.ceil(failureRate * WINDOW));
    }

    boolean isClosed() {
        return state == State.CLOSED;
    }

    /** Whether a job is to be tried now; the one who is told so claims one, or {@link #gaveUpProbe gives up}. */
    synchronized boolean takeProbe(long nanos) {
        if (state != State.OPEN || nanos - openUntil < 0) {
            return false;
        }
        state = State.PROBING;
        return true;
    }

    /** There was no job to try, or it was cancelled, or given back: another one may be tried in a while. */
    synchronized void gaveUpProbe(long nanos, Duration pause) {
        if (state == State.PROBING) {
            state = State.OPEN;
            openUntil = nanos + pause.toNanos();
        }
    }

    synchronized void succeeded(boolean probe) {
        if (state == State.CLOSED) {
            count(false);
        } else if (probe) {
            LOG.info("{}: a job succeeded; its jobs are claimed again", kind);
            state = State.CLOSED;
            failed.clear();
            seen = 0;
        }
    }

    synchronized void failed(boolean probe, long nanos) {
        if (state == State.CLOSED) {
            count(true);
            if (seen >= WINDOW && failed.cardinality() >= failuresToOpen) {
                LOG.warn(
                        "{}: {} of its last {} attempts failed; this worker tries one job in {} and claims no others until then",
                        kind,
                        failed.cardinality(),
                        WINDOW,
                        openFor);
                open(nanos);
            }
        } else if (probe) {
            LOG.warn("{}: the job that was tried failed, too; the next one is tried in {}", kind, openFor);
            open(nanos);
        }
    }

    private void open(long nanos) {
        state = State.OPEN;
        openUntil = nanos + openFor.toNanos();
    }

    private void count(boolean failure) {
        failed.set(seen % WINDOW, failure);
        seen = seen + 1 == 2 * WINDOW ? WINDOW : seen + 1;
    }
}
