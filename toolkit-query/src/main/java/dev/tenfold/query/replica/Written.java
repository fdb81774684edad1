package dev.tenfold.query.replica;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What reads have to see: the place of the last write. Thread-safe. */
final class Written {
    /**
     * What is known.
     *
     * @param token covers all writes; null if there are none, or the place is not known
     * @param isUncertain whether there may be a write whose place is not known
     * @param since when this was so, by the nano clock: the primary's position at any later time covers it
     */
    record Mark(@Nullable Token token, boolean isUncertain, long since) {}

    private volatile Mark mark;
    private final AtomicInteger open = new AtomicInteger();

    Written(Mark first) {
        this.mark = first;
    }

    Mark mark() {
        return mark;
    }

    /** A write begins, or may have been committed; until {@link #end} the primary alone is sure to show it. */
    void begin() {
        open.incrementAndGet();
    }

    void end() {
        open.decrementAndGet();
    }

    boolean isOpen() {
        return open.get() > 0;
    }

    /**
     * The primary was there after the commit, hence after all earlier ones.
     *
     * @param asked when it was asked; what became uncertain later stays so
     */
    synchronized void committed(Token at, long asked) {
        if (mark.isUncertain() && mark.since() - asked > 0) return;
        Token before = mark.token();
        mark = new Mark(before == null || isLater(at, before) ? at : before, false, asked);
    }

    private static boolean isLater(Token at, Token before) {
        return at.cluster() != before.cluster() || at.timeline() > before.timeline() || at.covers(before);
    }

    /** Something may have been committed, and nobody knows where. */
    synchronized void uncertain(long now) {
        mark = new Mark(null, true, now);
    }
}
