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
    final Era era;

    /** Null for entries without tags. */
    private final @Nullable Tagged tagged;

    /**
     * An entry's tags, and what its load may know of: an invalidation of one of them after that number makes it worthless.
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Tagged(Shard shard, String[] tags, long asOf) {
        static @Nullable Tagged of(Shard shard, String @Nullable [] tags, long asOf) {
            return tags == null || tags.length == 0 ? null : new Tagged(shard, tags, asOf);
        }

        boolean isCurrent() {
            return shard.isCurrent(tags, asOf);
        }
    }

    Node(@Nullable V value, long refreshAt, long freshUntil, long staleUntil, Era era, @Nullable Tagged tagged) {
        this.value = value;
        this.refreshAt = refreshAt;
        this.freshUntil = freshUntil;
        this.staleUntil = staleUntil;
        this.era = era;
        this.tagged = tagged;
    }

    /** Whether a hit may return it without a second look. */
    boolean isHit(long now) {
        return now - refreshAt < 0 && hasCurrentTags() && era.isAliveAt(now);
    }

    /** Whether it may be served, if perhaps with a refresh in the background. */
    boolean isFresh(long now) {
        return now - freshUntil < 0 && hasCurrentTags() && era.isAliveAt(now);
    }

    /** Whether it may stand in for a value that cannot be loaded: never once it was invalidated. */
    boolean isFallback(long now) {
        return now - staleUntil < 0 && hasCurrentTags() && !era.isOver();
    }

    /**
     * Whether it may be served although its era is over. Not if it has tags: their invalidations are numbered by another
     * journal than the one that the entry is from.
     */
    boolean isInGrace(long now) {
        return tagged == null && now - freshUntil < 0 && era.isInGraceAt(now);
    }

    /** Asked before the era: tags are forgotten after it has ended. */
    private boolean hasCurrentTags() {
        return tagged == null || tagged.isCurrent();
    }

    /** Of all that come past the refresh time, one gets true. */
    boolean claimRefresh(long now) {
        long due = refreshAt;
        return now - due >= 0 && now - freshUntil < 0 && REFRESH_AT.compareAndSet(this, due, freshUntil);
    }

    /** The same value, served as fresh until then although its load failed, and at the longest until {@link #staleUntil}. */
    Node<V> keptUntil(long nanos) {
        long until = nanos - staleUntil < 0 ? nanos : staleUntil;
        return new Node<>(value, until, until, staleUntil, era, tagged);
    }

    /** The same value, no longer fresh. */
    Node<V> expired(long now) {
        return new Node<>(value, now, now, staleUntil, era, tagged);
    }
}
