package dev.tenfold.cache;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Invalidations that Redis has not acknowledged, in order, each once. Never values: what is sent late is only that something
 * must be forgotten.
 *
 * <p>Loses nothing: beyond its bound it turns into one clear of each shard concerned. Thread-safe.
 */
final class Outbox {
    static final int MOST = 10_000;

    /** An invalidation to be sent. The item is a key or a tag; empty for a clear. */
    record Item(char op, int shard, ByteBuffer item) {
        Item(char op, int shard, byte[] item) {
            this(op, shard, ByteBuffer.wrap(item));
        }

        byte[] bytes() {
            byte[] bytes = new byte[item.remaining()];
            item.duplicate().get(bytes);
            return bytes;
        }
    }

    private final Set<Item> waiting = new LinkedHashSet<>();

    /** Added again since {@link #next}: what is on its way may come before what they are to undo. */
    private final Set<Item> again = new HashSet<>();

    /** Shards of which not the items are kept, but that there were too many: a clear waits in their place. */
    private final Set<Integer> overflowed = new HashSet<>();

    private volatile int size;

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    synchronized void add(Item item) {
        if (waiting.size() >= MOST && !waiting.contains(item) && !overflowed.contains(item.shard())) {
            overflow(item.shard());
        }
        if (overflowed.contains(item.shard())) {
            again.add(clear(item.shard()));
        } else if (!waiting.add(item)) {
            again.add(item);
        }
        count();
    }

    private void overflow(int shard) {
        overflowed.add(shard);
        waiting.forEach(item -> overflowed.add(item.shard()));
        waiting.clear();
        again.clear();
        for (int each : overflowed) {
            waiting.add(clear(each));
            again.add(clear(each)); // one of the application's own may be on its way
        }
    }

    private static Item clear(int shard) {
        return new Item(Message.CLEAR, shard, new byte[0]);
    }

    /** What to send next; whoever sent one calls {@link #sent}. */
    synchronized List<Item> next() {
        again.clear();
        return new ArrayList<>(waiting);
    }

    synchronized void sent(Item item) {
        if (!again.contains(item) && waiting.remove(item) && item.op() == Message.CLEAR) {
            overflowed.remove(item.shard());
        }
        count();
    }

    private void count() {
        size = overflowed.isEmpty() ? waiting.size() : MOST;
    }
}
