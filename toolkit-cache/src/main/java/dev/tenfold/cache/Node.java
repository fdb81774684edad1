package dev.tenfold.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** One entry of the local tier. Times are of the nano clock. */
final class Node<V> {
    private static final VarHandle REFRESH_AT;

    static {
        try {
            REFRESH_AT = MethodHandles.lookup().findVarHandle(Node.class, "refreshAt", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Null where the loader found nothing. */
    final @Nullable V value;

    /** Where a hit starts a refresh in the background; at the latest {@link #freshUntil}. A hit reads only this. */
    private long refreshAt;

    final long freshUntil;
    final long staleUntil;
    final Shard shard;
    final Era era;
    final Known known;

    /** Compared with the shard's tag invalidations on every hit; null for entries without tags. */
    final String @Nullable [] tags;

    /** What the load may know of: the number of the last invalidation before it. */
    final long asOf;

    /** The remote entry that this is a copy of. */
    record Known(long idHigh, long idLow) {
        static final Known NONE = new Known(0, 0);
    }

    Node(
            @Nullable V value,
            long refreshAt,
            long freshUntil,
            long staleUntil,
            Capture capture,
            Known known,
            String @Nullable [] tags) {
        this.value = value;
        this.refreshAt = refreshAt;
        this.freshUntil = freshUntil;
        this.staleUntil = staleUntil;
        this.shard = capture.shard();
        this.era = capture.era();
        this.asOf = capture.asOf();
        this.known = known;
        this.tags = tags;
    }

    /** Whether a hit may return it without a second look. */
    boolean isHit(long now) {
        return now - refreshAt < 0 && (tags == null || hasTags()) && era.isAliveAt(now);
    }

    /** Whether it may be served, if perhaps with a refresh in the background. */
    boolean isFresh(long now) {
        return now - freshUntil < 0 && hasTags() && era.isAliveAt(now);
    }

    /** Whether it may stand in for a value that cannot be loaded: never once it was invalidated. */
    boolean isFallback(long now) {
        return now - staleUntil < 0 && hasTags() && !era.isOver();
    }

    /** Asked before the era: tags are forgotten after it has ended. */
    private boolean hasTags() {
        return tags == null || shard.isCurrent(tags, asOf);
    }

    /** Of all that come past the refresh time, one gets true. */
    boolean claimRefresh(long now) {
        long due = refreshAt;
        return now - due >= 0 && now - freshUntil < 0 && REFRESH_AT.compareAndSet(this, due, freshUntil);
    }

    /** The same value, served as fresh until then although its load failed, and at the longest until {@link #staleUntil}. */
    Node<V> keptUntil(long nanos) {
        long until = nanos - staleUntil < 0 ? nanos : staleUntil;
        return new Node<>(value, until, until, staleUntil, new Capture(shard, era, 0, asOf), known, tags);
    }

    /** The same value, no longer fresh. */
    Node<V> expired(long now) {
        return new Node<>(value, now, now, staleUntil, new Capture(shard, era, 0, asOf), known, tags);
    }
}
