package dev.tenfold.query.replica;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A PostgreSQL primary and its streaming replicas as one database: reads run on replicas, writes on the primary, and where a
 * transaction runs is decided when it begins.
 *
 * <pre>{@code
 * Database db = Database.primary(a).replica("eu-1", b).replica(c).build();       // pools of one server each
 *
 * List<Post> posts = db.read(connection -> repo.newest(connection));              // at most ten seconds old
 * Session session = db.session(cookie);                                          // of one user
 * session.write(connection -> repo.save(connection, post));
 * Post mine = session.read(connection -> repo.find(connection, id));              // sees it, wherever it runs
 *
 * DataSource forSpringOrJooq = db.dataSource();                                  // @Transactional(readOnly = true) goes to a replica
 * }</pre>
 *
 * <p>Weakness: outside of sessions, and without {@link DatabaseOptions#readYourWrites()}, a read may miss what was just written.
 * What runs in {@link #read} fails as its server fails: it is not repeated elsewhere, as nobody knows what it has done. A failover
 * is not made here, only survived: the primary's pool has to lead to the new primary. If an old primary goes on taking writes
 * that others do not see, those are lost, as always.
 *
 * <p>A replica serves a read if it has replayed the log up to where the read needs it, and each is judged by its own position.
 * That is remembered, so most reads cost no round trip more. If none is there yet, the read waits {@link
 * DatabaseOptions#maxWait}, which is nothing by default, and goes to the primary. A replica that cannot be connected to gets no
 * reads until it answers again.
 *
 * <p>Thread-safe. Owns a thread a server, and no pool: {@link #close} ends the threads.
 */
public final class Database implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);
    /** So long after it was made, reads wait for the servers' first answers. */
    private static final long FIRST_LOOK = TimeUnit.SECONDS.toNanos(2);

    private static final int LOOKS_WITHIN_LAG = 8;
    private static final long LOOK_AT_MOST_EVERY = TimeUnit.MILLISECONDS.toNanos(5);
    /** The innermost transaction of the thread, of whatever database; set while {@link #read} or {@link #write} runs. */
    private static final ThreadLocal<@Nullable Scope> SCOPE = new ThreadLocal<>();

    private final DatabaseOptions options;
    private final Primary primary;
    private final List<Replica> replicas;
    private final List<Prober> probers = new ArrayList<>();
    private final Router router;
    private final Written own;
    private final CountDownLatch looked;
    private final long made;
    private volatile boolean closed;

    /**
     * Work in one transaction.
     *
     * @param <T> the result
     */
    public interface Work<T extends @Nullable Object> {
        /**
         * Does the work. It must not end the transaction, nor close the connection, nor hand it to other threads.
         *
         * @param connection in a transaction
         * @return the result
         * @throws SQLException as the database does; the transaction is rolled back then
         */
        T on(Connection connection) throws SQLException;
    }

    /** A transaction that the thread is in. */
    private static final class Scope {
        final Database database;
        final Connection connection;
        final Router.Lease lease;
        final boolean writes;
        final @Nullable Scope outer = SCOPE.get();
        final Set<Written> sessions = new LinkedHashSet<>();
        boolean failed;

        Scope(Database database, Router.Lease lease, boolean writes) {
            this.database = database;
            this.connection = lease.connection;
            this.lease = lease;
            this.writes = writes;
        }

        void enter() {
            SCOPE.set(this);
        }

        void leave() {
            if (outer == null) SCOPE.remove();
            else SCOPE.set(outer);
        }
    }

    Database(DatabaseOptions options) {
        this.options = options;
        this.made = System.nanoTime();
        this.primary = new Primary(options);
        this.replicas = options.replicas().stream()
                .map(each -> new Replica(each, primary, options))
                .toList();
        this.own = new Written(new Written.Mark(null, false, now()));
        this.router = new Router(options, primary, replicas, own);
        this.looked = new CountDownLatch(replicas.isEmpty() ? 0 : replicas.size() + 1);
        long interval = lookEvery(options.maxLag());
        if (!replicas.isEmpty()) probers.add(new Prober("primary", primary::probe, interval, looked::countDown));
        for (Replica replica : replicas) {
            probers.add(new Prober(replica.name, replica::probe, interval, looked::countDown));
        }
        probers.forEach(Prober::start);
    }

    static long lookEvery(long maxLag) {
        return Math.max(LOOK_AT_MOST_EVERY, Math.min(maxLag / LOOKS_WITHIN_LAG, TimeUnit.SECONDS.toNanos(1)));
    }

    /**
     * Begins with the server that takes writes. Without a replica everything runs there, and replicas can be added when they
     * are needed.
     *
     * @param pool its connections
     * @return options, to add replicas to; end with {@link DatabaseOptions#build}
     */
    public static DatabaseOptions primary(DataSource pool) {
        return new DatabaseOptions(pool);
    }

    /**
     * Reads in one read-only transaction on a replica that has what is needed, else on the primary. Inside of another {@link
     * #read} or {@link #write} of this database on the same thread it joins that one's transaction. Blocks; costs a commit
     * beyond the work.
     *
     * @param <T> the result
     * @param work may be given a connection to any of the servers, and may not write on either
     * @return its result
     * @throws java.sql.SQLTransientConnectionException if {@link DatabaseOptions#fallbackLimit} is reached, or the primary's pool
     *     does not lead to the primary
     * @throws SQLException of the work, or of the primary's pool
     */
    public <T extends @Nullable Object> T read(Work<T> work) throws SQLException {
        return read(null, Objects.requireNonNull(work, "work"));
    }

    /**
     * Writes in one transaction on the primary: commits if the work returns, else rolls back. Inside of another {@link #write} of
     * this database on the same thread it joins that one's transaction. Blocks. Costs a commit beyond the work, and with {@link
     * DatabaseOptions#readYourWrites()} one more round trip.
     *
     * @param <T> the result
     * @param work reads and writes
     * @return its result, once it is committed
     * @throws IllegalStateException inside of a {@link #read}, as that may be on a replica; or if a write that joined has failed,
     *     and the outer work went on as if not
     * @throws SQLException of the work, the commit, or the primary's pool
     */
    public <T extends @Nullable Object> T write(Work<T> work) throws SQLException {
        return write(null, Objects.requireNonNull(work, "work"));
    }

    /**
     * Goes on with one user's session, or begins one.
     *
     * @param token from {@link Session#token()} of any instance; null or empty for a new session. One that cannot be read, or is of
     *     another cluster, is not refused, for it comes from outside: reads see everything up to now then
     * @return a session; does no I/O
     */
    public Session session(@Nullable String token) {
        return new Session(this, token, now());
    }

    /**
     * A data source for frameworks: a connection of it is one of a replica if {@code setReadOnly(true)} is the first that is
     * called on it, as Spring's transaction managers do for read-only transactions, else one of the primary.
     *
     * @return as {@link #dataSource(BooleanSupplier, Supplier)}
     */
    public DataSource dataSource() {
        return dataSource(() -> false);
    }

    /**
     * A data source for frameworks that tell otherwise what is a read.
     *
     * @param readOnly whether what begins on this thread only reads
     * @return as {@link #dataSource(BooleanSupplier, Supplier)}
     */
    public DataSource dataSource(BooleanSupplier readOnly) {
        return dataSource(readOnly, () -> null);
    }

    /**
     * A data source for frameworks, in sessions. Where a connection leads is decided at its first use other than {@code setReadOnly},
     * and stays so until it is closed, whatever is called: by {@code setReadOnly(true)} before that, or else by asking once. No
     * connection is taken before. Reads that must run on the primary are read-only there, too; outside of transactions by two
     * round trips.
     *
     * <p>A connection that may have written moves the session's token when it is closed, by one round trip; from its first use on
     * until then the session's reads go to the primary. Closing it rolls back what was not committed. Statements lead back to the
     * pool's own connection by {@code getConnection()}. Watch it with QueryGuard, rather than the pools beneath.
     *
     * @param readOnly whether what begins on this thread only reads
     * @param session whose it is; null if it is nobody's
     * @return a data source; its connections are for one thread at a time, as usual
     */
    public DataSource dataSource(BooleanSupplier readOnly, Supplier<@Nullable Session> session) {
        return new RoutedDataSource(
                this, Objects.requireNonNull(readOnly, "readOnly"), Objects.requireNonNull(session, "session"));
    }

    /**
     * Where reads went so far, and how the replicas are. Does no I/O.
     *
     * @return a copy
     */
    public DatabaseStats stats() {
        long now = now();
        return new DatabaseStats(
                replicas.stream()
                        .map(replica -> new DatabaseStats.ReplicaStats(
                                replica.name,
                                replica.health.isUp(),
                                replica.health.problem(),
                                lag(replica, now),
                                replica.inFlight.get(),
                                replica.reads.sum()))
                        .toList(),
                router.readsOnPrimary(),
                router.refused());
    }

    private Optional<Duration> lag(Replica replica, long now) {
        Token replayed = replica.upTo();
        Long at = replayed == null ? null : primary.lastAt(replayed);
        return at == null ? Optional.empty() : Optional.of(Duration.ofNanos(Math.max(0, now - at)));
    }

    <T extends @Nullable Object> T read(@Nullable Session session, Work<T> work) throws SQLException {
        Scope outer = scope();
        if (outer != null && (session == null || outer.lease.shows(session.written()))) {
            return work.on(outer.connection);
        }
        Router.Lease lease = lease(session);
        Scope mine = new Scope(this, lease, false);
        try (lease) {
            mine.enter();
            T result = inTransaction(mine, work);
            lease.succeeded();
            return result;
        } catch (SQLException e) {
            lease.failed(e);
            throw e;
        } finally {
            mine.leave();
        }
    }

    <T extends @Nullable Object> T write(@Nullable Session session, Work<T> work) throws SQLException {
        Scope outer = scope();
        if (outer != null) return join(outer, session, work);
        Router.Lease lease = leaseToWrite();
        Scope mine = new Scope(this, lease, true);
        try (lease) {
            mine.enter();
            if (session != null) enter(mine, session);
            return inTransaction(mine, work);
        } finally {
            mine.leave();
            mine.sessions.forEach(Written::end);
        }
    }

    /** The transaction of this database that the thread is in. */
    @SuppressWarnings("ReferenceEquality") // the very same database
    private @Nullable Scope scope() {
        Scope found = SCOPE.get();
        while (found != null && found.database != this) found = found.outer;
        return found;
    }

    private <T extends @Nullable Object> T join(Scope outer, @Nullable Session session, Work<T> work)
            throws SQLException {
        if (!outer.writes) {
            throw new IllegalStateException("a write inside of a read, which may run on a replica; begin with write");
        }
        if (session != null) enter(outer, session);
        boolean isDone = false;
        try {
            T result = work.on(outer.connection);
            isDone = true;
            return result;
        } finally {
            if (!isDone) outer.failed = true;
        }
    }

    private static void enter(Scope scope, Session session) {
        if (scope.sessions.add(session.written())) session.written().begin();
    }

    private <T extends @Nullable Object> T inTransaction(Scope mine, Work<T> work) throws SQLException {
        Connection connection = mine.connection;
        boolean autoCommit = connection.getAutoCommit();
        boolean isEnded = false;
        try {
            if (!mine.writes) connection.setReadOnly(true);
            connection.setAutoCommit(false);
            T result = work.on(connection);
            if (mine.failed) {
                throw new IllegalStateException("a write that joined this one has failed, so all is rolled back;"
                        + " let its exception pass, or write outside of this");
            }
            commit(mine);
            isEnded = true;
            return result;
        } finally {
            end(mine, isEnded, autoCommit);
        }
    }

    private void commit(Scope mine) throws SQLException {
        if (!mine.writes) {
            mine.connection.commit();
            return;
        }
        Set<Written> told = new LinkedHashSet<>(mine.sessions);
        if (options.readsYourWrites()) told.add(own);
        try {
            mine.connection.commit();
        } catch (SQLException | RuntimeException | Error e) {
            told.forEach(written -> written.uncertain(now()));
            throw e;
        }
        if (!told.isEmpty()) committed(mine.connection, told);
    }

    /** Moves the tokens. The commit stands, so what fails here is no failure of the caller's. */
    void committed(Connection connection, Set<Written> all) {
        try {
            long asked = now();
            Token at = primary.ask(connection);
            all.forEach(written -> written.committed(at, asked));
        } catch (SQLException | RuntimeException e) {
            all.forEach(written -> written.uncertain(now()));
            LOG.warn(
                    "a write is committed, but the primary did not say where; reads that need it go to the primary until that"
                            + " answers",
                    e);
        }
    }

    /** Gives the connection back as it was, for pools that do not see to that. */
    private static void end(Scope mine, boolean isEnded, boolean autoCommit) {
        Connection connection = mine.connection;
        try {
            if (!isEnded && !connection.getAutoCommit()) connection.rollback();
            if (connection.getAutoCommit() != autoCommit) connection.setAutoCommit(autoCommit);
            if (!mine.writes) connection.setReadOnly(false);
        } catch (SQLException e) {
            LOG.debug("a connection is not given back as it was; its pool should find it broken", e);
        }
    }

    Router.Lease lease(@Nullable Session session) throws SQLException {
        requireOpen();
        awaitFirstLook();
        return router.read(session == null ? null : session.written());
    }

    Router.Lease leaseToWrite() throws SQLException {
        requireOpen();
        return router.write();
    }

    /** Nobody looks at the servers any more: what is known of them gets old. */
    private void requireOpen() throws SQLException {
        if (closed) throw new SQLNonTransientConnectionException("this Database is closed; build another one", "08003");
    }

    /** Who has to be told of a write. */
    Set<Written> tellOf(@Nullable Session session) {
        Set<Written> all = new LinkedHashSet<>();
        if (session != null) all.add(session.written());
        if (options.readsYourWrites()) all.add(own);
        return all;
    }

    private void awaitFirstLook() {
        if (looked.getCount() == 0) return;
        long left = made + FIRST_LOOK - System.nanoTime();
        if (left <= 0) return;
        try {
            // What was not seen in time is not used: the read goes to the primary then.
            boolean unused = looked.await(left, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Where the primary was at some time after that; null if it was not asked. */
    @Nullable
    Token primaryAfter(long nanos) {
        Primary.Sample newest = primary.newest();
        return newest != null && newest.nanos() - nanos > 0 ? newest.at() : null;
    }

    long now() {
        return options.nanoClock().getAsLong();
    }

    /**
     * Ends the threads that look at the servers. Returns within two seconds a server, at once if they answer. What has begun may
     * end; what begins from now on fails with {@link SQLNonTransientConnectionException}. The pools stay open: close them after
     * this. Idempotent.
     */
    @Override
    public void close() {
        closed = true;
        probers.forEach(Prober::close);
    }
}
