package dev.tenfold.query.guard;

import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Judges what one execution, one borrowed connection, or the looks at one statement's rows show. Its callers go through {@link
 * Verdicts#safely}.
 */
final class Symptoms {
    private static final Logger LOG = LoggerFactory.getLogger(QueryGuard.class);

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
    /** Looks at rows before those left unread are judged, at least. */
    private static final int MANY_LOOKS = 10;
    /** Stacks a second, those of borrows apart: both may come with each request, and must not hide each other. */
    private static final int MOST_WALKS_A_SECOND = 50;
    /** Of borrows that are not nested: they leave some to those that are. */
    private static final int MOST_BORROWS_A_SECOND = 25;

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    /** Borrows of a guard whose stacks are looked at for a pool's frames, and how deep. */
    private static final int BORROWS_TO_LOOK_AT = 3;

    private static final int FRAMES_TO_LOOK_AT = 12;
    private static final List<String> POOLS = List.of(
            "com.zaxxer.hikari.",
            "org.apache.commons.dbcp2.",
            "org.apache.commons.pool2.",
            "org.apache.tomcat.jdbc.pool.",
            "org.apache.tomcat.dbcp.",
            "io.agroal.",
            "com.mchange.",
            "org.vibur.",
            "oracle.ucp.");
    private static final String OURS = QueryGuard.class.getPackageName() + '.';

    /** Whose result sets hold all rows, unless a fetch size is set: an old MySQL driver's name, and those of today. */
    private static final Set<String> DRIVERS_THAT_FETCH_ALL =
            Set.of("postgresql jdbc driver", "mysql connector java", "mysql connector/j", "mariadb connector/j");

    private final QueryGuard guard;
    private final Budget walks;
    private final Budget walksOfBorrows;
    private final AtomicInteger borrowsToKeep = new AtomicInteger();
    private final AtomicBoolean beneathPool = new AtomicBoolean();
    private final AtomicInteger borrowsToLookAt = new AtomicInteger(BORROWS_TO_LOOK_AT);

    private volatile @Nullable Boolean fetchesAll;
    private volatile long keepFrom;
    private volatile long trendsFrom;

    /** So many stacks a second; threads that race here take a few more. */
    private static final class Budget {
        private final AtomicInteger used = new AtomicInteger();
        private volatile long from;

        Budget(long now) {
            from = now;
        }

        boolean take(long now, int most) {
            if (now - from >= SECOND) {
                from = now;
                used.set(0);
            }
            return used.get() < most && used.incrementAndGet() <= most;
        }
    }

    Symptoms(QueryGuard guard) {
        this.guard = guard;
        long now = guard.now();
        walks = new Budget(now);
        walksOfBorrows = new Budget(now);
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
        if (beneathPool.get()) return;
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
        if (beneathPool.get()) return;
        long now = guard.now();
        List<StackTraceElement> where = outer.borrowedIn();
        String first = where == null || where.isEmpty() ? null : where.get(0).toString();
        if (first == null && now - keepFrom >= 0) keepBorrows(now);
        if (!walksOfBorrows.take(now, MOST_WALKS_A_SECOND) || isPoolsBorrow()) return;
        CallSite site = guard.verdicts().sites().here();
        if (site.ignored.contains(FindingKind.NESTED_BORROW)) return;
        QueryScope scope = ThreadState.current().scope();
        String name = scope == null ? "" : scope.name();
        Finding finding = new Finding(
                FindingKind.NESTED_BORROW,
                "",
                "",
                site.innermost(),
                site.callers(),
                first,
                name,
                1,
                1,
                Duration.ZERO,
                "asks for a second connection while the thread has held one for " + time(now - outer.borrowedAt())
                        + (name.isEmpty() ? "" : ", in " + name),
                "pass the first connection on, join its transaction (no REQUIRES_NEW), or close it before; as many threads"
                        + " as the pool has connections, each with one, wait for each other for ever. If the first one"
                        + " should have been closed, it leaks");
        guard.verdicts().findings().add(finding);
        if (scope != null) scope.found(finding);
    }

    void keepPlaces() {
        long now = guard.now();
        if (now - keepFrom >= 0) keepBorrows(now);
    }

    private void keepBorrows(long now) {
        keepFrom = now + KEEP_EVERY;
        borrowsToKeep.set(BORROWS_TO_KEEP);
    }

    /**
     * Called when a connection was borrowed, on its thread: the stack, if it is to be kept.
     *
     * @param isTurn whether this is one of those that are kept in any case
     */
    @Nullable
    List<StackTraceElement> borrowedIn(boolean isTurn) {
        if (borrowsToLookAt.get() > 0) guard.verdicts().safely(this::lookForPool);
        if ((!isTurn && borrowsToKeep.get() <= 0) || beneathPool.get()) return null;
        if (!walksOfBorrows.take(guard.now(), MOST_BORROWS_A_SECOND)) return null;
        if (!isTurn) borrowsToKeep.decrementAndGet();
        AtomicReference<List<StackTraceElement>> callers = new AtomicReference<>();
        guard.verdicts()
                .safely(() -> callers.set(guard.verdicts().sites().here().callers()));
        return callers.get();
    }

    private void lookForPool() {
        borrowsToLookAt.decrementAndGet();
        if (isPoolsBorrow()) borrowsToLookAt.set(0);
    }

    /** Whether a pool borrows, on its own threads or for whoever asked it; warns of that once. */
    private boolean isPoolsBorrow() {
        boolean isPools = StackWalker.getInstance()
                .walk(frames -> frames.map(StackWalker.StackFrame::getClassName)
                        .filter(name -> !name.startsWith(OURS))
                        .limit(FRAMES_TO_LOOK_AT)
                        .anyMatch(name -> POOLS.stream().anyMatch(name::startsWith)));
        if (isPools && beneathPool.compareAndSet(false, true)) {
            LOG.warn("this query guard is beneath a pool, where it cannot see who borrows; watch the pool instead:"
                    + " QueryGuard.watch(pool). Held connections and nested borrows are not told");
        }
        return isPools;
    }

    /** Whether a result set holds all of its rows where no fetch size is set; false if that is not known of the driver. */
    boolean fetchesAll(WatchedStatement statement) {
        Boolean known = fetchesAll;
        if (known != null) return known;
        boolean is = false;
        try {
            DatabaseMetaData driver = statement.connection.getMetaData();
            String name = driver == null ? null : driver.getDriverName();
            is = name != null && DRIVERS_THAT_FETCH_ALL.contains(name.toLowerCase(Locale.ROOT));
        } catch (SQLException | RuntimeException e) {
            LOG.debug("a driver does not tell its name; its result sets may fetch rows, then", e);
        }
        fetchesAll = is;
        return is;
    }

    /** Called when a look has added what it saw of the columns. */
    void columnsRead(Fingerprint fingerprint, int samples) {
        if (samples % guard.options().samples() != 0) return;
        Executions.Unread unread = fingerprint.executions.unreadColumns();
        if (unread.names.isEmpty() || (unread.measured && unread.bytes < FEW_BYTES)) return;
        String size = unread.bytes == 0
                ? ""
                : ", about " + unread.bytes + (unread.bytes == 1 ? " byte a row" : " bytes a row");
        found(
                FindingKind.UNREAD_COLUMNS,
                fingerprint,
                ThreadState.current().scope(),
                0,
                unread.names.size() + " of " + unread.columns
                        + (unread.columns == 1 ? " column was" : " columns were") + " never read in " + samples
                        + (samples == 1 ? " execution that was" : " executions that were") + " looked at: "
                        + String.join(", ", unread.names) + size,
                "select only the columns that are read");
    }

    /** Called when a look has ended, with the fetched rows that it left unread. */
    void rowsLeft(Fingerprint fingerprint, int left) {
        Executions executions = fingerprint.executions;
        int samples = executions.rowsLeft(left, left >= MANY_ROWS);
        int looks = Math.max(MANY_LOOKS, guard.options().samples() / 5);
        if (left < MANY_ROWS || samples % looks != 0) return;
        long usually = executions.usuallyLeft();
        if (usually == 0) return;
        long typical = executions.typicalRows();
        found(
                FindingKind.UNREAD_ROWS,
                fingerprint,
                ThreadState.current().scope(),
                0,
                "about " + usually + " fetched rows were not read in most of " + samples
                        + " executions that were looked at (" + looks + " are needed to tell); typically " + typical
                        + (typical == 1 ? " is read" : " are read"),
                typical <= 1
                        ? "add limit 1, or ask exists(…)"
                        : "add a limit, or fetch in portions: setFetchSize, a keyset page");
    }

    /** Reports what was seen, here and now; beyond fifty stacks a second it is left out. */
    private void found(
            FindingKind kind,
            @Nullable Fingerprint statement,
            @Nullable QueryScope scope,
            long lostNanos,
            String detail,
            String remedy) {
        if (!walks.take(guard.now(), MOST_WALKS_A_SECOND)) return;
        CallSite site = guard.verdicts().sites().here();
        String name = scope == null ? "" : scope.name();
        Finding finding = guard.verdicts().report(kind, statement, site, name, 1, lostNanos, detail, remedy);
        if (finding != null && scope != null) scope.found(finding);
    }

    static String time(long nanos) {
        if (nanos < TimeUnit.MILLISECONDS.toNanos(100)) {
            return String.format(Locale.ROOT, "%.1f ms", nanos / 1e6).replace(".0 ms", " ms");
        }
        if (nanos < TimeUnit.SECONDS.toNanos(10)) return nanos / 1_000_000 + " ms";
        return nanos / 1_000_000_000 + " s";
    }
}
