package dev.tenfold.query;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * What one loader does in one scope under one context: the keys seen so far, and a queue of those not yet dispatched.
 *
 * <p>The keys are kept in a table of chains that only grow: a scope is short, and its slots serve as the chains' links, so
 * that a load costs one allocation and one compare-and-set here. A forgotten slot stays where it is and is passed over.
 *
 * <p>The queue is a Treiber stack: a push is one compare-and-set, and a dispatch takes everything in one step, so that
 * each slot goes into exactly one batch.
 */
final class Pending<K, V> {
    private static final VarHandle HEAD;
    private static final VarHandle BUCKET = MethodHandles.arrayElementVarHandle(Slot[].class);

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(Pending.class, "head", Slot.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Loader<K, V> loader;
    final LoadContext context;
    private final Batcher batcher;
    private final Slot<K>[] buckets;
    private volatile @Nullable Slot<K> head;

    /** @param expectedKeys more only make the look-up slower */
    @SuppressWarnings({"unchecked", "rawtypes"}) // an array of a generic type
    Pending(Loader<K, V> loader, LoadContext context, Batcher batcher, int expectedKeys) {
        this.loader = loader;
        this.context = context;
        this.batcher = batcher;
        this.buckets = new Slot[Integer.highestOneBit(expectedKeys) << 1];
    }

    /** The slot of {@code key}; queues it if it is new. */
    @SuppressWarnings("unchecked") // the array holds nothing else
    Slot<K> slot(K key) {
        int hash = key.hashCode();
        int bucket = (hash ^ hash >>> 16) & buckets.length - 1;
        Slot<K> first = (Slot<K>) BUCKET.getVolatile(buckets, bucket);
        Slot<K> created = null;
        while (true) {
            for (Slot<K> slot = first; slot != null; slot = slot.chain) {
                if (slot.key.equals(key) && !slot.forgotten) {
                    return slot;
                }
            }
            if (created == null) {
                created = new Slot<>(key);
            }
            created.chain = first;
            Slot<K> seen = (Slot<K>) BUCKET.compareAndExchange(buckets, bucket, first, created);
            if (seen == first) {
                push(created);
                return created;
            }
            first = seen;
        }
    }

    private void push(Slot<K> slot) {
        Slot<K> below;
        do {
            below = head;
            slot.next = below;
            slot.depth = below == null ? 1 : below.depth + 1;
        } while (!HEAD.compareAndSet(this, below, slot));
        if (slot.depth >= loader.maxBatch()) {
            batcher.dispatchFull(this);
        } else if (below == null) {
            batcher.armTimer();
        }
    }

    boolean isEmpty() {
        return head == null;
    }

    /** Everything queued, in the order of the requests, as one batch; null if there is nothing. */
    @Nullable
    Batch<K, V> drain(Trigger trigger) {
        @SuppressWarnings("unchecked")
        Slot<K> top = (Slot<K>) HEAD.getAndSet(this, null);
        return top == null ? null : new Batch<>(this, top, trigger);
    }

    /** Makes the next load of {@code key} ask again. */
    @SuppressWarnings("unchecked") // as above
    void forget(K key) {
        int hash = key.hashCode();
        Slot<K> slot = (Slot<K>) BUCKET.getVolatile(buckets, (hash ^ hash >>> 16) & buckets.length - 1);
        for (; slot != null; slot = slot.chain) {
            if (slot.key.equals(key)) {
                slot.forgotten = true;
            }
        }
    }

    /** Makes the next load of any key ask again. */
    @SuppressWarnings("unchecked") // as above
    void forgetAll() {
        for (int bucket = 0; bucket < buckets.length; bucket++) {
            Slot<K> slot = (Slot<K>) BUCKET.getVolatile(buckets, bucket);
            for (; slot != null; slot = slot.chain) {
                slot.forgotten = true;
            }
        }
    }
}
