package dev.tenfold.query.replica;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One replica: gives connections, and knows what has surely been replayed at the other end of each. */
final class Replica {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);

    /** After it was asked in vain, readers do not ask again at once. */
    private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(1);

    final String name;
    final Health health;
    final AtomicInteger inFlight = new AtomicInteger();
    final LongAdder reads = new LongAdder();
    private final DataSource pool;
    private final LongSupplier clock;
    private final Primary primary;
    private final boolean remembers;
    private final PerConnection<Lineage> lineages = new PerConnection<>();
    private volatile @Nullable Lineage newest;
    private volatile long missedAt;
    private volatile boolean saidHidden;

    Replica(DatabaseOptions.Named given, Primary primary, DatabaseOptions options) {
        this.name = given.name();
        this.pool = given.pool();
        this.clock = options.nanoClock();
        this.primary = primary;
        this.remembers = !options.checksEachRead();
        this.health = new Health("replica " + name, "its reads go to other replicas or to the primary", clock);
        this.missedAt = clock.getAsLong() - PATIENCE;
    }

    Connection borrow() throws SQLException {
        return pool.getConnection();
    }

    /** What its latest life has replayed, as far as known. */
    @Nullable
    Token upTo() {
        Lineage latest = newest;
        return latest == null ? null : latest.upTo();
    }

    /** Whether it is worth a round trip to ask if it has got there. */
    boolean mayAsk() {
        return clock.getAsLong() - missedAt >= PATIENCE;
    }

    /**
     * Whether what is read on the connection includes what was written up to there. Asks the server if that is not known:
     * a connection not seen before once, one that is known if its position is short of it.
     */
    boolean covers(Connection connection, @Nullable Token needed) throws SQLException {
        Lineage line = remembers ? lineages.get(connection) : null;
        if (line != null) {
            if (needed == null) return true;
            Token known = line.upTo();
            if (known != null && known.covers(needed)) return true;
            if (!mayAsk()) return false;
        }
        Token now = ask(connection);
        if (needed == null || (now != null && now.covers(needed))) return true;
        missedAt = clock.getAsLong();
        return false;
    }

    /** What has surely been replayed there: one round trip. */
    private @Nullable Token ask(Connection connection) throws SQLException {
        Lineage line = lineages.get(connection);
        Lineage before = line == null ? newest : line;
        int members = before == null ? 0 : before.members();
        Wal.Replayed told = Wal.replica(connection);
        requireReplica(told);
        if (line == null) {
            line = lineageOf(told, before, members);
            if (line != null) lineages.put(connection, line);
        } else {
            line.replayed(members, told);
            newest = line;
        }
        if (told.hides()) sayHidden(told.user());
        if (told.isKnown()) return told.upTo();
        return remembers && line != null ? line.upTo() : null;
    }

    /**
     * Null if another connection has come in since this one was asked: that may be of a later life than the answer. Then the
     * answer is nobody else's, and the connection is asked anew when it is used next.
     */
    private synchronized @Nullable Lineage lineageOf(Wal.Replayed first, @Nullable Lineage before, int membersBefore) {
        if (newest != before || (before != null && before.members() != membersBefore)) return null;
        if (before != null && before.join(first)) return before;
        Lineage own = new Lineage(first);
        newest = own;
        return own;
    }

    private void requireReplica(Wal.Replayed told) throws SQLException {
        Primary.Sample known = primary.newest();
        String problem = null;
        if (!told.isReplica()) {
            problem =
                    "it is no replica any longer, but a primary of its own; if that was meant, make it the Database's primary,"
                            + " else make it a replica again";
        } else if (known != null && known.at().cluster() != told.upTo().cluster()) {
            problem =
                    "it belongs to another cluster than the primary; give it a pool that leads to one of its replicas";
        }
        if (problem == null) return;
        health.out(problem);
        throw new SQLTransientConnectionException("replica " + name + ": " + problem, "08004");
    }

    private void sayHidden(String user) {
        if (saidHidden) return;
        saidHidden = true;
        LOG.warn(
                "replica {} gets no reads: user {} may not see in pg_stat_wal_receiver which timeline it follows, so a failover"
                        + " would pass unseen; GRANT pg_read_all_stats TO {} on the primary",
                name,
                user,
                user);
    }

    void probe() throws SQLException {
        long began = clock.getAsLong();
        try (Connection connection = pool.getConnection()) {
            Token unused = ask(connection);
            health.answered();
        } catch (SQLException e) {
            health.failed(e, began);
            throw e;
        }
    }
}
