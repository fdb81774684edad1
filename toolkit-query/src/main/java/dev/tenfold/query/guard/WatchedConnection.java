package dev.tenfold.query.guard;

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** A borrowed connection: hands out watched statements, and knows how long it worked. */
final class WatchedConnection extends ForwardingConnection {
    /** So many prepared statements are made before the first one that was closed is taken again. */
    static final int RING = 64;
    /** Connections of one thread that are remembered. */
    private static final int MOST_HELD = 16;

    private final QueryGuard guard;
    private final ThreadState borrower;
    private final Thread thread;
    private final long borrowedAt;
    private Loans.@Nullable Slot slot;
    private final long slower;
    private final @Nullable List<StackTraceElement> borrowedIn;
    /** The one that the thread had borrowed before and holds still. Used by the borrower alone. */
    private @Nullable WatchedConnection outer;

    private WatchedPreparedStatement @Nullable [] ring;
    private int oldest;
    private volatile @Nullable Text last;
    /**
     * What it does now, from when on; null if nothing. Written around each execution, so without a fence: who looks from
     * another thread sees it a moment late, and what he looks for lasts seconds.
     */
    private @Nullable Text executing;

    private long executingFrom;
    private @Nullable QueryScope own;
    private long working;
    private volatile boolean closed;
    /** Whether another thread works with it, so that the borrower is free to borrow again. */
    private volatile boolean handedOver;
    /** Whether the driver's own objects were asked for: what they do is not seen. */
    private volatile boolean unwrapped;

    /** Statements whose result sets may fetch rows; meanwhile it is not known whether it works. */
    private int streams;

    private long lastEnd;
    private long streamingFrom;
    private long workedThen;
    private long unknown;

    WatchedConnection(QueryGuard guard, Connection target, ThreadState borrower, @Nullable List<StackTraceElement> in) {
        super(target);
        this.guard = guard;
        this.borrower = borrower;
        this.thread = Thread.currentThread();
        this.slower = guard.options().slowerThan();
        this.borrowedIn = in;
        this.borrowedAt = guard.now();
        this.lastEnd = borrowedAt;
        this.outer = borrower.open;
        if (outer != null) forgetThoseBack();
        borrower.open = this;
        if (outer == null) borrower.borrows(borrowedAt);
    }

    /** What other threads have closed; and what comes after so many, for these are leaks. */
    private void forgetThoseBack() {
        WatchedConnection one = this;
        int deep = 0;
        while (one.outer != null) {
            if (one.outer.closed) {
                one.outer = one.outer.outer;
            } else if (deep == MOST_HELD) {
                one.outer = null;
            } else {
                one = one.outer;
                deep++;
            }
        }
    }

    QueryGuard guard() {
        return guard;
    }

    /** The scope of its own statements, which there is where no other is open; null as long as it was not needed. */
    @Nullable
    QueryScope scopeOfItsOwn() {
        return own;
    }

    /** The scope that a virtual thread's life is; null if there is none. */
    @Nullable
    QueryScope lifeOfBorrower() {
        return borrower.lifeSoFar();
    }

    long borrowedAt() {
        return borrowedAt;
    }

    long now() {
        return guard.now();
    }

    /** Called when it was borrowed, before anyone else has it. */
    void lent(Loans.Slot from) {
        slot = from;
    }

    /** Called before the driver is asked to execute something; {@link #executed} ends it. */
    long begin(Text text) {
        long now = guard.now();
        executingFrom = now;
        executing = text;
        return now;
    }

    private long end(long start) {
        long now = guard.now();
        executing = null;
        lastEnd = now;
        working += now - start;
        return now;
    }

    /** What it does, seen from another thread. */
    BorrowedConnection seen(long now) {
        Text its = executing;
        BorrowedConnection.State state = BorrowedConnection.State.IDLE;
        long from = Math.max(lastEnd, borrowedAt);
        if (its != null) {
            state = BorrowedConnection.State.EXECUTING;
            from = executingFrom;
        } else if (unwrapped || streams > 0) {
            state = BorrowedConnection.State.UNKNOWN;
        }
        Text shown = its == null ? last : its;
        return new BorrowedConnection(
                thread,
                Duration.ofNanos(Math.max(0, now - borrowedAt)),
                state,
                Duration.ofNanos(Math.max(0, now - from)),
                shown == null ? "" : shown.fingerprint.text,
                handedOver,
                borrowedIn == null ? List.of() : borrowedIn);
    }

    /** Where it was borrowed, if that was kept. */
    @Nullable
    List<StackTraceElement> borrowedIn() {
        return borrowedIn;
    }

    /**
     * Nanoseconds inside the driver, or perhaps inside of it: as long as a result set is open that fetches rows while they
     * are read. -1 if the driver's own objects were used.
     */
    long workedAtMost(long now) {
        if (unwrapped) return -1;
        long stillUnknown = streams > 0 ? (now - streamingFrom) - (working - workedThen) : 0;
        return working + unknown + stillUnknown;
    }

    /** A result set is open that may fetch rows while they are read. */
    void streams() {
        streams++;
        if (streams > 1) return;
        streamingFrom = lastEnd;
        workedThen = working;
    }

    /** It is closed. */
    void streamed() {
        streams--;
        if (streams > 0) return;
        unknown += (guard.now() - streamingFrom) - (working - workedThen);
    }

    /** The connection that its borrower had borrowed before and holds still; for the borrower's thread. */
    @Nullable
    WatchedConnection outer() {
        return outer;
    }

    /** The connection that this thread borrowed from a guard, and still holds and uses itself; null if there is none. */
    static @Nullable WatchedConnection heldBy(ThreadState thread, QueryGuard guard) {
        for (WatchedConnection one = thread.open; one != null; one = one.outer) {
            if (!one.closed && !one.handedOver && one.guard == guard) return one;
        }
        return null;
    }

    Text text(@Nullable String sql) {
        Text before = last;
        // A text that is the same object, as it is in a loop, needs no look-up.
        if (before != null && isSame(before.sql, sql)) return before;
        if (sql == null) return Text.UNKNOWN; // the driver will refuse it
        try {
            Text text = guard.fingerprints().text(sql);
            last = text;
            return text;
        } catch (RuntimeException | Error e) {
            guard.verdicts().failed(e);
            return Text.UNKNOWN;
        }
    }

    @SuppressWarnings("ReferenceEquality")
    private static boolean isSame(String one, @Nullable String other) {
        return one == other;
    }

    private static @Nullable QueryScope openScope() {
        return ThreadState.current().scope();
    }

    /** Of the borrower itself: what another thread executes belongs to the use of the connection. */
    private @Nullable QueryScope implicitScope() {
        QueryScope life = Thread.currentThread() == thread ? borrower.life() : null;
        return life == null ? own : life;
    }

    private @Nullable QueryScope anyScope() {
        QueryScope open = openScope();
        return open == null ? implicitScope() : open;
    }

    /** Counts an execution to the scope that it belongs to. Throws nothing: the statement has been executed. */
    @Nullable
    Entry executed(Text text, long[] values, int count, long start, long end, int batch) {
        try {
            executing = null;
            working += end - start;
            QueryScope scope = openScope();
            if (Tally.all != null) Tally.executed(scope, guard, text, end - start);
            if (scope == null) scope = implicitScope();
            if (scope == null) {
                scope = new QueryScope("", null, 0);
                own = scope;
            }
            lastEnd = end;
            Entry entry = scope.count(guard, text, values, count, start, end, batch);
            if (end - start >= slower) slow(text, scope, end - start, batch);
            return entry;
        } catch (RuntimeException | Error e) {
            guard.verdicts().failed(e);
            return null;
        }
    }

    private void slow(Text text, QueryScope scope, long took, int batch) {
        guard.verdicts().safely(() -> guard.symptoms().slow(text, scope, took, batch));
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        if (!type.isInstance(this)) unwrapped = true;
        return super.unwrap(type);
    }

    @Override
    public Statement createStatement() throws SQLException {
        return watched(target.createStatement());
    }

    @Override
    public Statement createStatement(int resultSetType, int resultSetConcurrency) throws SQLException {
        return watched(target.createStatement(resultSetType, resultSetConcurrency));
    }

    @Override
    public Statement createStatement(int resultSetType, int resultSetConcurrency, int resultSetHoldability)
            throws SQLException {
        return watched(target.createStatement(resultSetType, resultSetConcurrency, resultSetHoldability));
    }

    @Override
    public PreparedStatement prepareStatement(String sql) throws SQLException {
        return watched(target.prepareStatement(sql), sql);
    }

    @Override
    public PreparedStatement prepareStatement(String sql, int autoGeneratedKeys) throws SQLException {
        return watched(target.prepareStatement(sql, autoGeneratedKeys), sql);
    }

    @Override
    public PreparedStatement prepareStatement(String sql, int[] columnIndexes) throws SQLException {
        return watched(target.prepareStatement(sql, columnIndexes), sql);
    }

    @Override
    public PreparedStatement prepareStatement(String sql, String[] columnNames) throws SQLException {
        return watched(target.prepareStatement(sql, columnNames), sql);
    }

    @Override
    public PreparedStatement prepareStatement(String sql, int resultSetType, int resultSetConcurrency)
            throws SQLException {
        return watched(target.prepareStatement(sql, resultSetType, resultSetConcurrency), sql);
    }

    @Override
    public PreparedStatement prepareStatement(
            String sql, int resultSetType, int resultSetConcurrency, int resultSetHoldability) throws SQLException {
        return watched(target.prepareStatement(sql, resultSetType, resultSetConcurrency, resultSetHoldability), sql);
    }

    @Override
    public CallableStatement prepareCall(String sql) throws SQLException {
        return WatchedCall.watch(this, target.prepareCall(sql), sql);
    }

    @Override
    public CallableStatement prepareCall(String sql, int resultSetType, int resultSetConcurrency) throws SQLException {
        return WatchedCall.watch(this, target.prepareCall(sql, resultSetType, resultSetConcurrency), sql);
    }

    @Override
    public CallableStatement prepareCall(
            String sql, int resultSetType, int resultSetConcurrency, int resultSetHoldability) throws SQLException {
        return WatchedCall.watch(
                this, target.prepareCall(sql, resultSetType, resultSetConcurrency, resultSetHoldability), sql);
    }

    private Statement watched(Statement created) {
        if (Thread.currentThread() != thread) handedOver = true;
        return new WatchedStatement(this, created);
    }

    /**
     * A wrapper for a prepared statement: a new one for the first 64 that the borrower prepares, as in any usual request.
     * Beyond, in a long loop, the one that was made first is taken again if it was closed, so that loops leave no garbage.
     */
    private PreparedStatement watched(PreparedStatement prepared, String sql) {
        Text text = text(sql);
        if (Thread.currentThread() != thread) {
            handedOver = true;
            return new WatchedPreparedStatement(this, prepared, text);
        }
        if (ring == null) ring = new WatchedPreparedStatement[RING];
        int slot = oldest;
        oldest = slot + 1 == RING ? 0 : slot + 1;
        WatchedPreparedStatement wrapper = ring[slot];
        if (wrapper == null || !wrapper.take(prepared, text)) {
            wrapper = new WatchedPreparedStatement(this, prepared, text);
            ring[slot] = wrapper;
        }
        return wrapper;
    }

    @Override
    public void commit() throws SQLException {
        long start = begin(Text.COMMIT);
        try {
            target.commit();
            QueryScope scope = anyScope();
            if (scope != null) scope.committed();
        } finally {
            end(start);
        }
    }

    @Override
    public void setSchema(String schema) throws SQLException {
        super.setSchema(schema);
        switched();
    }

    @Override
    public void setCatalog(String catalog) throws SQLException {
        super.setCatalog(catalog);
        switched();
    }

    private void switched() {
        QueryScope scope = anyScope();
        if (scope != null) scope.switched();
    }

    @Override
    public void rollback() throws SQLException {
        long start = begin(Text.ROLLBACK);
        try {
            target.rollback();
        } finally {
            end(start);
        }
    }

    @Override
    public void close() throws SQLException {
        try {
            if (!closed) ended();
        } finally {
            target.close();
        }
    }

    @Override
    public void abort(Executor executor) throws SQLException {
        try {
            if (!closed) ended();
        } finally {
            target.abort(executor);
        }
    }

    private void ended() {
        closed = true;
        if (Thread.currentThread() == thread) leave();
        long now = guard.now();
        if (slot != null) slot.back(this, now);
        guard.returned(this, now);
    }

    /** Connections may go back in any order. */
    private void leave() {
        WatchedConnection one = borrower.open;
        if (one == this) {
            borrower.open = outer;
            return;
        }
        while (one != null && one.outer != this) {
            one = one.outer;
        }
        if (one != null) one.outer = outer;
    }

    @Override
    public String toString() {
        return target.toString();
    }
}
