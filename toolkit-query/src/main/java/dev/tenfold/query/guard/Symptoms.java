package dev.tenfold.query.guard;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Judges what one execution, one borrowed connection, or the looks at one statement's rows show. Its callers go through {@link
 * Verdicts#safely}.
 */
final class Symptoms {
    /** Rows left unread that are worth a word. */
    private static final int MANY_ROWS = 10;
    /** Columns that are smaller together, in bytes a row, are not worth a word. */
    private static final long FEW_BYTES = 16;
    /** A statement that takes so many times longer than before has become slow... */
    private static final double SLOWER = 2;
    /** ...if it takes such a part of the time. */
    private static final double SHARE = 0.01;

    private static final long TRENDS_EVERY = TimeUnit.MINUTES.toNanos(1);
    /** As many borrows keep their stacks after a nested one was met. */
    private static final int BORROWS_TO_KEEP = 1_000;

    private static final long KEEP_EVERY = TimeUnit.MINUTES.toNanos(1);

    private final QueryGuard guard;
    private final AtomicInteger borrowsToKeep = new AtomicInteger();
    private volatile long keepFrom;
    private volatile long trendsFrom;

    Symptoms(QueryGuard guard) {
        this.guard = guard;
        long now = guard.now();
        keepFrom = now;
        trendsFrom = now + TRENDS_EVERY;
    }

    /** Called after an execution that took long, on its thread. A batch takes as long as one of its sets does. */
    void slow(Text text, QueryScope scope, long took, int batch) {
        long each = took / batch;
        if (each < guard.options().slowerThan()) return;
        Executions executions = text.fingerprint.executions;
        StringBuilder detail = new StringBuilder("took ").append(time(each));
        if (batch > 1) detail.append(" for each of ").append(batch).append(" sets of values");
        OptionalDouble trend = executions.trend();
        if (trend.isPresent()) detail.append("; ").append(compared(trend.getAsDouble()));
        found(
                FindingKind.SLOW,
                text.fingerprint,
                scope,
                0,
                detail.toString(),
                "let IndexCheck look for a missing index, or EXPLAIN it; then fetch less, or fetch it beforehand");
    }

    boolean isTimeForTrends(long now) {
        return now - trendsFrom >= 0;
    }

    /** Called once a minute: has a statement become slower than it was? */
    void lookAtTrends(long now) {
        trendsFrom = now + TRENDS_EVERY;
        for (Fingerprint fingerprint : guard.fingerprints().all()) {
            Executions executions = fingerprint.executions;
            if (!executions.takeWindowEnded() || executions.shareOfLastWindow() < SHARE) continue;
            double trend = executions.trend().orElse(0);
            if (trend < SLOWER) continue;
            found(
                    FindingKind.SLOW,
                    fingerprint,
                    null,
                    0,
                    String.format(
                            Locale.ROOT,
                            "%s, and %.0f %% of the time",
                            compared(trend),
                            executions.shareOfLastWindow() * 100),
                    "see whether its table has grown beyond what its indexes serve: IndexCheck, or EXPLAIN");
        }
    }

    private static String compared(double trend) {
        return String.format(Locale.ROOT, "it takes %.1f times as long as within the hour before", trend);
    }

    /** Called when a connection goes back. */
    void held(WatchedConnection connection, @Nullable QueryScope scope, long now) {
        long held = now - connection.borrowedAt();
        if (held < guard.options().heldFor()) return;
        long working = connection.workedAtMost(now);
        if (working < 0 || working > held / 3) return;
        found(
                FindingKind.HELD_CONNECTION,
                null,
                scope,
                held - working,
                "a connection was held for " + time(held) + " and worked for " + time(working),
                "call other services, and compute, before the transaction or after it; else a pool of few connections is"
                        + " waited for while they do nothing");
    }

    /** Called before a thread that has got a connection waits for another one. */
    void nested(WatchedConnection outer) {
        long now = guard.now();
        List<StackTraceElement> where = outer.borrowedIn();
        StringBuilder detail = new StringBuilder("asks for a second connection while the thread holds one since ")
                .append(time(now - outer.borrowedAt()));
        if (where != null && !where.isEmpty()) detail.append(", borrowed at ").append(where.get(0));
        else if (now - keepFrom >= 0) keepBorrows(now);
        found(
                FindingKind.NESTED_BORROW,
                null,
                ThreadState.current().scope(),
                0,
                detail.toString(),
                "pass the first connection on, join its transaction (no REQUIRES_NEW), or close it before; as many threads"
                        + " as the pool has connections, each with one, wait for each other for ever. If the first one"
                        + " should have been closed, it leaks");
    }

    private void keepBorrows(long now) {
        keepFrom = now + KEEP_EVERY;
        borrowsToKeep.set(BORROWS_TO_KEEP);
    }

    /** The stack of a borrow, if it is to be kept. */
    @Nullable
    List<StackTraceElement> borrowedIn() {
        if (borrowsToKeep.get() <= 0 || borrowsToKeep.getAndDecrement() <= 0) return null;
        CallSite site = guard.verdicts().site();
        return site == null ? null : site.callers();
    }

    /** Called when a look has added what it saw of the columns. */
    void columnsRead(Fingerprint fingerprint, int samples) {
        if (samples % guard.options().samples() != 0) return;
        Executions.Unread unread = fingerprint.executions.unreadColumns();
        if (unread.names.isEmpty() || (unread.measured && unread.bytes < FEW_BYTES)) return;
        String size = unread.bytes == 0 ? "" : ", about " + unread.bytes + " bytes a row";
        found(
                FindingKind.UNREAD_COLUMNS,
                fingerprint,
                ThreadState.current().scope(),
                0,
                unread.names.size() + " of " + unread.columns + " columns were never read in " + samples
                        + " executions that were looked at: " + String.join(", ", unread.names) + size,
                "select only the columns that are read");
    }

    /** Called when a look has ended, with the fetched rows that it left unread. */
    void rowsLeft(Fingerprint fingerprint, int left) {
        Executions executions = fingerprint.executions;
        int samples = executions.rowsLeft(left, left >= MANY_ROWS);
        if (left < MANY_ROWS || samples % Math.max(1, guard.options().samples() / 5) != 0) return;
        long usually = executions.usuallyLeft();
        if (usually == 0) return;
        found(
                FindingKind.UNREAD_ROWS,
                fingerprint,
                ThreadState.current().scope(),
                0,
                "about " + usually + " fetched rows were not read in most of " + samples
                        + " executions that were looked at; typically " + executions.typicalRows() + " are read",
                executions.typicalRows() <= 1
                        ? "add limit 1, or ask exists(…)"
                        : "add a limit, or fetch in portions: setFetchSize, a keyset page");
    }

    /** Reports what was seen, here and now; beyond a thousand stacks a second it is left out. */
    private void found(
            FindingKind kind,
            @Nullable Fingerprint statement,
            @Nullable QueryScope scope,
            long lostNanos,
            String detail,
            String remedy) {
        CallSite site = guard.verdicts().site();
        if (site == null) return;
        String name = scope == null ? "" : scope.name();
        Finding finding = guard.verdicts().report(kind, statement, site, name, 1, lostNanos, detail, remedy);
        if (finding != null && scope != null) scope.found(finding);
    }

    private static String time(long nanos) {
        if (nanos < TimeUnit.MILLISECONDS.toNanos(10)) return String.format(Locale.ROOT, "%.1f ms", nanos / 1e6);
        if (nanos < TimeUnit.SECONDS.toNanos(10)) return nanos / 1_000_000 + " ms";
        return nanos / 1_000_000_000 + " s";
    }
}
