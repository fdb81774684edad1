package dev.tenfold.query.replica;

import org.jspecify.annotations.Nullable;

/**
 * The connections to one life of one replica, and how far that has surely replayed: what one of them was told holds for all, so
 * that most reads need not ask.
 *
 * <p>Remembering is dangerous, for a replica that crashes starts again from an older place, lets readers in, and then serves
 * less than it did before. No number that a server gives tells its lives apart (a crash of one backend restarts the
 * recovery, not the postmaster); that all its connections break does. So a connection joins only with a position of its own
 * that is not behind the shared one, and only if no other joined since it was asked; and from then on a position counts only
 * if it was asked for after the last one joined: who answers it has lived since before that, and the two are of one life. A
 * late answer of a former life never counts.
 */
final class Lineage {
    private final String server;
    private @Nullable Token upTo;
    private int members;

    Lineage(Wal.Replayed first) {
        this.server = first.server();
        this.upTo = first.isKnown() ? first.upTo() : null;
        this.members = 1;
    }

    /** False if the connection that was told this may be of another life. */
    synchronized boolean join(Wal.Replayed own) {
        if (!server.equals(own.server()) || !own.isKnown()) return false;
        if (upTo != null && !own.upTo().covers(upTo)) return false;
        upTo = own.upTo();
        members++;
        return true;
    }

    /** To be asked before a server is asked, for {@link #replayed}. */
    synchronized int members() {
        return members;
    }

    /** A member was told so. Timelines only go up. */
    synchronized void replayed(int membersBefore, Wal.Replayed told) {
        if (members != membersBefore || !told.isKnown()) return;
        Token known = upTo;
        if (known == null || told.upTo().covers(known) || told.upTo().timeline() > known.timeline()) upTo = told.upTo();
    }

    synchronized @Nullable Token upTo() {
        return upTo;
    }
}
