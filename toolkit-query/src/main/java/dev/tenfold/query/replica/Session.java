package dev.tenfold.query.replica;

import java.sql.SQLException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The reads and writes of one user: each read sees what was written before, on whatever instance of the application, as long as
 * the token goes along, in a cookie or the like.
 *
 * <pre>{@code
 * Session session = db.session(cookie);           // null at first
 * session.write(connection -> save(connection, post));
 * cookie = session.token();
 * }</pre>
 *
 * <p>A token is a place in PostgreSQL's log with its cluster and timeline: 28 letters that are safe in cookies and URLs. It is
 * not signed, since who alters it harms only his own reads: a smaller place shows him what is older, and a larger one, or one that
 * cannot be read, sends his reads to the primary (where {@link DatabaseOptions#fallbackLimit} counts them). It tells how much the database writes; to hide that, keep it on the server,
 * or encrypt it.
 *
 * <p>Thread-safe. Holds no connection, so it needs no closing.
 */
public final class Session {
    /** The token of a session whose last write has no known place, or none yet. */
    private static final String UNCERTAIN = "uncertain";

    private final Database database;
    private final Written written;

    Session(Database database, @Nullable String token, long now) {
        this.database = database;
        Token place = token == null ? null : Token.parse(token);
        boolean isNew = token == null || token.isEmpty();
        this.written = new Written(new Written.Mark(place, place == null && !isNew, now));
    }

    Written written() {
        return written;
    }

    /**
     * Reads in one read-only transaction, as {@link Database#read}, and sees what this session wrote. Costs one round trip more
     * only if no replica is known yet to have it. Inside of a read on a replica that began without need of what this session
     * wrote, it is a transaction of its own, on a second connection.
     *
     * @param <T> the result
     * @param work reads; it may be given a connection to any of the servers
     * @return its result
     * @throws SQLException of the work, or if no server could be had
     */
    public <T extends @Nullable Object> T read(Database.Work<T> work) throws SQLException {
        return database.read(this, Objects.requireNonNull(work, "work"));
    }

    /**
     * Writes in one transaction on the primary, as {@link Database#write}. Costs one round trip more, after the commit. While it
     * runs, this session's reads go to the primary.
     *
     * @param <T> the result
     * @param work reads and writes
     * @return its result, once it is committed
     * @throws SQLException of the work or the commit
     */
    public <T extends @Nullable Object> T write(Database.Work<T> work) throws SQLException {
        return database.write(this, Objects.requireNonNull(work, "work"));
    }

    /**
     * Where the next request goes on. Take it after the last write; an older one shows what is older. One that is taken in the
     * middle of a write does not know where that will be: reads see everything up to then.
     *
     * @return short, made of letters, digits, {@code -} and {@code _}; empty if nothing was written
     */
    public String token() {
        if (written.isOpen()) return UNCERTAIN;
        Written.Mark mark = written.mark();
        Token place = mark.token();
        if (place == null && !mark.isUncertain()) return "";
        Token later = database.primaryAfter(mark.since());
        if (later == null) return place == null ? UNCERTAIN : place.text();
        return place == null || place.cluster() != later.cluster() ? later.text() : place.text();
    }
}
