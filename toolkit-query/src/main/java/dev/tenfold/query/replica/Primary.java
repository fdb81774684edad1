package dev.tenfold.query.replica;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.ArrayDeque;
import java.util.function.LongSupplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** The server that takes writes: gives connections, and remembers where it was when. */
final class Primary {
    /** So many positions are kept, spread over the age that reads may have. */
    private static final int KEPT = 16;

    /** Everything that was committed before that time was there. */
    record Sample(Token at, long nanos) {}

    final Health health;
    private final DataSource pool;
    private final LongSupplier clock;
    private final long maxLag;
    /** Connections known to lead to a server that takes writes, and the last position that one of them told. */
    private final PerConnection<Token> verified = new PerConnection<>();

    private final ArrayDeque<Sample> samples = new ArrayDeque<>();
    private volatile @Nullable Sample newest;

    Primary(DatabaseOptions options) {
        this.pool = options.primary();
        this.clock = options.nanoClock();
        this.maxLag = options.maxLag();
        this.health = new Health("the primary", "reads go on as far as replicas have what they need", clock);
    }

    Connection borrow() throws SQLException {
        return pool.getConnection();
    }

    /** Asks where it is: one round trip. What the connection led to is known from then on. */
    Token ask(Connection connection) throws SQLException {
        long asked = clock.getAsLong();
        Token at;
        try {
            at = Wal.primary(connection);
        } catch (SQLException e) {
            if (!"55000".equals(e.getSQLState())) throw e;
            throw new SQLTransientConnectionException(
                    "the primary's pool leads to a server that is a replica; point it at the new primary", "08004", e);
        }
        boolean isSeenBefore = verified.get(connection) != null;
        verified.put(connection, at);
        add(new Sample(at, asked), isSeenBefore);
        return at;
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

    /**
     * Makes sure that the connection leads to a server that takes writes, and has gone on from where the token is. One round
     * trip for a connection not seen before, else none.
     */
    void verify(Connection connection, @Nullable Token needed) throws SQLException {
        Token at = verified.get(connection);
        if (at == null) at = ask(connection);
        if (needed != null && needed.cluster() == at.cluster() && needed.timeline() > at.timeline())
            at = ask(connection);
        if (needed != null && needed.cluster() == at.cluster() && needed.timeline() > at.timeline()) {
            throw new SQLTransientConnectionException(
                    "what is to be read was written on timeline " + needed.timeline()
                            + ", and the primary's pool leads to timeline " + at.timeline()
                            + ", which a failover has left; point it at the new primary",
                    "08004");
        }
    }

    /**
     * Who has lost a failover or was restored starts anew, and breaks its connections; so one that was seen before, and tells of
     * another line than the newest, leads to a server that was left: unless its timeline is the later one, and the newest came
     * from a former primary that was asked for the first time.
     */
    private synchronized void add(Sample sample, boolean isSeenBefore) {
        Sample before = newest;
        if (before != null && sample.nanos - before.nanos < 0) return;
        if (before != null && !sample.at.isOnLineOf(before.at)) {
            if (isSeenBefore && !isLater(sample.at, before.at)) return;
            samples.clear();
        }
        newest = sample;
        Sample last = samples.peekLast();
        if (last == null || sample.nanos - last.nanos >= maxLag / KEPT) samples.addLast(sample);
        while (samples.size() > 1 && sample.nanos - samples.getFirst().nanos > maxLag) samples.removeFirst();
    }

    private static boolean isLater(Token at, Token than) {
        return at.cluster() == than.cluster() && at.timeline() > than.timeline();
    }

    @Nullable
    Sample newest() {
        return newest;
    }

    /** The oldest position that is recent enough; null if the primary has not answered for that long. */
    synchronized @Nullable Sample recentEnough(long now) {
        for (Sample sample : samples) {
            if (now - sample.nanos <= maxLag) return sample;
        }
        Sample last = newest;
        return last != null && now - last.nanos <= maxLag ? last : null;
    }

    /** When the primary was last where a replica is, at the latest; null if not within what is kept. */
    synchronized @Nullable Long lastAt(Token replayed) {
        Sample last = newest;
        if (last != null && replayed.covers(last.at)) return last.nanos;
        Long found = null;
        for (Sample sample : samples) {
            if (replayed.covers(sample.at)) found = sample.nanos;
        }
        return found;
    }
}
