package dev.tenfold.query.guard;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * A data source that watches another one, and tells of N+1 queries, repeated reads, slow statements and their like.
 *
 * <p>It changes nothing: statements reach the driver as they are, and its exceptions reach the caller as they are. Statements
 * that go through objects got by {@code unwrap}, or by a result set's {@code getStatement}, are not seen. Some executions'
 * result sets are looked at, to know how many rows and which columns are read: these are proxies, so code that casts a
 * result set to a driver's class, and does not unwrap it, fails; behind most pools it does so anyway.
 *
 * <p>Weakness: a connection that has prepared 64 statements takes the wrappers of those that were closed first again, so that
 * long loops leave no garbage. Whoever uses a prepared statement after he has closed it, and 64 statements later on the same
 * borrow, reaches another statement where the driver would refuse: by a second {@code close}, or by a {@code cancel} that a timer
 * sends late.
 *
 * <p>Thread-safe.
 */
public final class QueryGuard implements DataSource {
    private static final org.slf4j.Logger LOG = LoggerFactory.getLogger(QueryGuard.class);

    /** So many borrows of one statement each, one after the other, say that no scope is opened. */
    private static final int MANY_ALONE = 50;

    private final DataSource target;
    private final GuardOptions options;
    private final Fingerprints fingerprints = new Fingerprints();
    private final Verdicts verdicts;
    private final LongAdder statements = new LongAdder();
    private final List<LongConsumer> perScope = new CopyOnWriteArrayList<>();
    private final LongSupplier clock;
    private final Symptoms symptoms;
    private final Repeats repeats;
    private final Loans loans;
    /** How many rows a statement fetches at once if it is told nothing: all (0), or so many; -1 as long as none was asked. */
    private volatile int fetchSize = -1;

    private int alone;
    private volatile boolean saidNoScope;

    private QueryGuard(DataSource target, GuardOptions options) {
        this.target = target;
        this.options = options;
        this.verdicts = new Verdicts(options);
        this.clock = options.nanoClock();
        this.symptoms = new Symptoms(this);
        this.repeats = new Repeats(clock.getAsLong());
        this.loans = new Loans(now());
        Tally.guarded();
    }

    /**
     * Watches a data source, with default options.
     *
     * @param dataSource a pool, usually; if it is a guard already it is returned as it is
     * @return a data source to use instead
     * @throws IllegalArgumentException if a guard is hidden beneath it, as everything would count twice
     */
    public static QueryGuard watch(DataSource dataSource) {
        if (dataSource instanceof QueryGuard guard) return guard;
        return watch(dataSource, options -> options);
    }

    /**
     * Watches a data source.
     *
     * @param dataSource a pool, usually
     * @param options changes the defaults
     * @return a data source to use instead
     * @throws IllegalArgumentException if it is a guard, or one is hidden beneath it, as everything would count twice
     */
    public static QueryGuard watch(DataSource dataSource, UnaryOperator<GuardOptions> options) {
        Objects.requireNonNull(dataSource, "dataSource");
        if (isWatched(dataSource)) {
            throw new IllegalArgumentException(
                    dataSource + " is watched already, and would count everything twice; watch it in one place");
        }
        Objects.requireNonNull(options, "options");
        GuardOptions chosen = Objects.requireNonNull(
                options.apply(GuardOptions.DEFAULTS), "options gave null; return what they change");
        return new QueryGuard(dataSource, chosen);
    }

    private static boolean isWatched(DataSource dataSource) {
        try {
            return dataSource.isWrapperFor(QueryGuard.class);
        } catch (SQLException e) {
            LOG.debug("{} does not say what it wraps", dataSource, e);
            return false;
        }
    }

    /**
     * The data source beneath, for work that is not to be counted, as migrations.
     *
     * @return what was given to {@link #watch}
     */
    public DataSource target() {
        return target;
    }

    @Override
    public Connection getConnection() throws SQLException {
        ThreadState thread = ThreadState.current();
        if (thread.open != null) lookAtBorrow(thread);
        long asked = now();
        Connection connection;
        try {
            connection = target.getConnection();
        } catch (SQLException | RuntimeException e) {
            loans.refused(now() - asked);
            throw e;
        }
        return watched(connection, thread, asked);
    }

    @Override
    public Connection getConnection(String username, String password) throws SQLException {
        ThreadState thread = ThreadState.current();
        if (thread.open != null) lookAtBorrow(thread);
        long asked = now();
        Connection connection;
        try {
            connection = target.getConnection(username, password);
        } catch (SQLException | RuntimeException e) {
            loans.refused(now() - asked);
            throw e;
        }
        return watched(connection, thread, asked);
    }

    /** Before the pool is asked, for that may wait for ever. */
    private void lookAtBorrow(ThreadState thread) {
        WatchedConnection outer = WatchedConnection.heldBy(thread, this);
        if (outer != null) verdicts.safely(() -> symptoms.nested(outer));
    }

    private Connection watched(Connection connection, ThreadState thread, long asked) {
        long waited = now() - asked;
        Loans.Slot slot = loans.lend();
        WatchedConnection watched = new WatchedConnection(this, connection, thread, borrowedIn(slot.isTurn()));
        slot.out(watched, waited);
        watched.lent(slot);
        return watched;
    }

    private @Nullable List<StackTraceElement> borrowedIn(boolean isTurn) {
        try {
            return symptoms.borrowedIn(isTurn);
        } catch (RuntimeException | Error e) {
            verdicts.failed(e);
            return null;
        }
    }

    /**
     * What the executions of each statement took, the most time first. Those of scopes that are open are added once a
     * second, and when they end. Statements that were not executed for long may be forgotten, where there are thousands.
     *
     * <p>Rows are those that the application reads, in the executions that were looked at, later ones counting more. The
     * trend compares the mean of the newest five minutes with the median of such windows within the hour before; it is
     * empty until there are 20 executions in the newest one and in each of three earlier ones.
     *
     * @return a copy
     */
    public List<StatementStats> statements() {
        List<StatementStats> all = new ArrayList<>();
        for (Fingerprint fingerprint : fingerprints.all()) {
            Executions executions = fingerprint.executions;
            if (executions.count() == 0) continue;
            all.add(new StatementStats(
                    fingerprint.id,
                    fingerprint.text,
                    executions.sample(),
                    fingerprint.kind == StatementKind.SELECT,
                    executions.count(),
                    executions.rows(),
                    Duration.ofNanos(executions.nanos()),
                    Duration.ofNanos(executions.repeated()),
                    Duration.ofNanos(executions.slowest()),
                    executions.trend()));
        }
        all.sort(Comparator.comparing(StatementStats::total).reversed());
        return List.copyOf(all);
    }

    /**
     * How connections are borrowed, since the guard began to watch, and those that are out now. Takes no lock that borrowers
     * wait for; asks neither the pool nor the database.
     *
     * <p>If one that is out for long does not tell where it was borrowed, call {@link #keepPlaces}.
     *
     * @return a copy; borrows that end meanwhile may be missing
     */
    public Borrows borrows() {
        return loans.look(now());
    }

    /**
     * Keeps the stacks of the next thousand borrows, at most 25 a second, where otherwise one of 64 is kept: called when a
     * connection does not come back and its place is not known. At most once a minute; later calls do nothing.
     */
    public void keepPlaces() {
        symptoms.keepPlaces();
    }

    /**
     * What was found since the guard began to watch, added up over all scopes: those that were seen last first, at most a
     * thousand.
     *
     * @return a copy
     */
    public List<Finding> findings() {
        return verdicts.findings().all();
    }

    /** Forgets what was found; what is seen again is news. Statistics of statements stay. */
    public void forget() {
        verdicts.findings().forget();
    }

    /** Adds executions of scopes that have ended, or of the last second. */
    void counted(int executions) {
        statements.add(executions);
    }

    /** Executions so far, those of scopes that are open up to a second ago. */
    long executions() {
        return statements.sum();
    }

    /** Who is told how many statements there were in a scope that has ended, and is not inside of another one. */
    void onScopes(LongConsumer listener) {
        perScope.add(listener);
    }

    /** Called when such a scope has ended. */
    void ended(long executions) {
        for (LongConsumer listener : perScope) {
            listener.accept(executions);
        }
    }

    GuardOptions options() {
        return options;
    }

    Fingerprints fingerprints() {
        return fingerprints;
    }

    Verdicts verdicts() {
        return verdicts;
    }

    Repeats repeats() {
        return repeats;
    }

    Symptoms symptoms() {
        return symptoms;
    }

    long now() {
        return clock.getAsLong();
    }

    /** Called when a connection goes back. Throws nothing, or it would not go back. */
    void returned(WatchedConnection connection, long now) {
        try {
            lookBack(connection, now);
        } catch (RuntimeException | Error e) {
            verdicts.failed(e);
        }
    }

    private void lookBack(WatchedConnection connection, long now) {
        QueryScope implicit = connection.scopeOfItsOwn();
        if (now - connection.borrowedAt() >= options.heldFor()) {
            symptoms.held(connection, implicit == null ? ThreadState.current().scope() : implicit, now);
        }
        if (implicit != null) {
            implicit.end();
            if (!saidNoScope) countAlone(implicit.statements());
        }
        QueryScope life = connection.lifeOfBorrower();
        if (life != null) life.pause(now);
        if (symptoms.isTimeForTrends(now)) symptoms.lookAtTrends(now);
    }

    /** A connection a statement, and no scope: each statement is judged alone, and an N+1 is never seen. */
    private void countAlone(long statementsOfOne) {
        // Threads that race here count one more, or one less.
        alone = statementsOfOne == 1 ? alone + 1 : 0;
        if (alone < MANY_ALONE) return;
        saidNoScope = true;
        LOG.info(
                "{} connections in a row were borrowed for one statement each, and no QueryScope was open; open one a request"
                        + " (QueryScopeFilter, or QueryScope.open), or an N+1 among them cannot be seen. Said once",
                MANY_ALONE);
    }

    /** The rows as they are, or watched. */
    ResultSet rows(ResultSet rows, WatchedStatement statement, Text text, @Nullable Entry entry, long now) {
        try {
            if (mayFetch(statement)) statement.streams();
            boolean looks = (entry != null && entry.looksAtRows) || text.fingerprint.executions.looksAtRows(now);
            return looks ? WatchedRows.watch(this, rows, statement, text, entry) : rows;
        } catch (RuntimeException | Error e) {
            verdicts.failed(e);
            return rows;
        }
    }

    /** Whether its result set may fetch rows while they are read. */
    private boolean mayFetch(WatchedStatement statement) {
        if (!symptoms.fetchesAll(statement)) return true;
        int own = statement.fetchSize();
        // A negative one streams, too: MySQL's least of all numbers.
        if (own != -1) return own != 0;
        int usual = fetchSize;
        return (usual >= 0 ? usual : askFetchSize(statement)) > 0;
    }

    private int askFetchSize(WatchedStatement statement) {
        try {
            fetchSize = Math.abs(statement.getFetchSize());
        } catch (SQLException e) {
            LOG.debug("a driver does not tell its fetch size; result sets may fetch rows, then", e);
            fetchSize = 1;
        }
        return fetchSize;
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        if (type.isInstance(this)) return type.cast(this);
        return type.isInstance(target) ? type.cast(target) : target.unwrap(type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) throws SQLException {
        return type.isInstance(this) || type.isInstance(target) || target.isWrapperFor(type);
    }

    @Override
    public @Nullable PrintWriter getLogWriter() throws SQLException {
        return target.getLogWriter();
    }

    @Override
    public void setLogWriter(@Nullable PrintWriter out) throws SQLException {
        target.setLogWriter(out);
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        target.setLoginTimeout(seconds);
    }

    @Override
    public int getLoginTimeout() throws SQLException {
        return target.getLoginTimeout();
    }

    @Override
    public Logger getParentLogger() {
        return Logger.getLogger("dev.tenfold.query");
    }

    @Override
    public String toString() {
        return "query guard of " + target;
    }
}
