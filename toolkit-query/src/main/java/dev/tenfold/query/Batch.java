package dev.tenfold.query;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Step three of a batched load: the keys of one loader that go together; fetches them, then tells the waiters. */
final class Batch<K, V> {
    private final Pending<K, V> pending;
    private final Trigger trigger;
    private final List<Slot<K>> slots;
    private final RunningBatch running = new RunningBatch();
    private @Nullable Fetched<K, V> fetched;

    Batch(Pending<K, V> pending, Slot<K> top, Trigger trigger) {
        this.pending = pending;
        this.trigger = trigger;
        @SuppressWarnings({"unchecked", "rawtypes"})
        Slot<K>[] ordered = new Slot[top.depth];
        for (Slot<K> slot = top; slot != null; slot = slot.next) {
            slot.batch = this;
            ordered[slot.depth - 1] = slot;
        }
        for (Slot<K> slot : ordered) {
            slot.next = null;
        }
        this.slots = Arrays.asList(ordered);
    }

    /** Calls the batch function, on the calling thread; never throws. */
    void fetch() {
        List<K> keys = new ArrayList<>(slots.size());
        for (Slot<K> slot : slots) {
            keys.add(slot.key);
        }
        fetched = pending.loader.fetch(keys, pending.context, trigger, running);
    }

    void fail(Throwable cause) {
        fetched = Fetched.failed(pending.loader.failure(slots.size(), cause));
    }

    /** Hands every waiter its result, on the caller's counts; returns how many took one. */
    int complete(Batcher batcher, Wakes wakes) {
        int released = 0;
        Binding before = Binding.current();
        Binding.set(new Binding(batcher, pending.context, null)); // for callbacks of futures, which may load again
        try {
            Fetched<K, V> outcomes = Objects.requireNonNull(fetched, "complete() before fetch()");
            boolean abandoned = running.isCancelled();
            int values = 0;
            for (Slot<K> slot : slots) {
                Object result = abandoned ? Slot.Marker.ABANDONED : outcomes.outcome(slot.key);
                if (result == Slot.Marker.ABANDONED || result instanceof Slot.Failure) {
                    slot.forgotten = true; // errors are not cached
                } else if (result != Slot.Marker.ABSENT) {
                    values++;
                }
                slot.batch = null;
                released += slot.complete(result, wakes);
            }
            pending.loader.countUnknown(outcomes, values);
            pending.loader.countLoads(released);
            return released;
        } finally {
            Binding.set(before);
        }
    }

    boolean isWanted() {
        for (Slot<K> slot : slots) {
            if (slot.isWanted()) {
                return true;
            }
        }
        return false;
    }

    /** Has it not begin; if it has begun already, see {@link #cancel}. */
    void refuse() {
        running.cancel();
    }

    /** Stops the batch function's work in progress, without waiting for it to end. */
    void cancel() {
        Threads.SPARE.execute(running::cancel);
    }

    boolean isWaitingForConnection() {
        return running.isWaitingForConnection();
    }
}
