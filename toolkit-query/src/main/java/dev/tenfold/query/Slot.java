package dev.tenfold.query;

import org.jspecify.annotations.Nullable;

/** One key of one loader in one scope: first a place in the queue, then the value for whoever asks again. */
final class Slot<K> extends Completion {
    /** Results that are no values. */
    enum Marker {
        /** The key has no value. */
        ABSENT,
        /** The key's batch was cancelled because nobody waited any more: whoever comes late asks again. */
        ABANDONED
    }

    final K key;

    /** The slot that was in the same bucket before; see {@link Pending}. */
    @Nullable
    Slot<K> chain;

    /** Set once whoever looks for the key is to find a newer slot, or none. */
    volatile boolean forgotten;

    /** The slot queued before this one, and how many there are down to the bottom; see {@link Pending}. */
    @Nullable
    Slot<K> next;

    int depth;

    /** The batch that took this slot, once one did. */
    volatile @Nullable Batch<K, ?> batch;

    Slot(K key) {
        this.key = key;
    }

    /** The result of a key that could not be loaded. */
    record Failure(LoadException error) {}
}
