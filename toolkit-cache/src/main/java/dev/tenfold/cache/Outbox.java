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
 * <p>Loses nothing: beyond its bound it turns into one clear of the whole cache. Thread-safe.
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

    private volatile int size;
    private boolean overflowed;
    private boolean overflowedAgain;

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    synchronized void add(Item item) {
        if (waiting.size() >= MOST && !waiting.contains(item)) {
            overflowed = true;
            waiting.clear();
            again.clear();
        }
        if (overflowed) {
            overflowedAgain = true;
        } else if (!waiting.add(item)) {
            again.add(item);
        }
        size = overflowed ? MOST : waiting.size();
    }

    /** What to send next; whoever sent one calls {@link #sent}. */
    synchronized List<Item> next(int shards) {
        overflowedAgain = false;
        again.clear();
        if (!overflowed) {
            return new ArrayList<>(waiting);
        }
        List<Item> clears = new ArrayList<>();
        for (int shard = 0; shard < shards; shard++) {
            clears.add(new Item(Message.CLEAR, shard, new byte[0]));
        }
        return clears;
    }

    synchronized void sent(Item item) {
        if (!again.contains(item)) {
            waiting.remove(item);
        }
        size = overflowed ? MOST : waiting.size();
    }

    /** After all of an overflow's clears were sent. */
    synchronized void clearsSent() {
        overflowed = overflowedAgain; // what came meanwhile was not kept: one more clear
        size = overflowed ? MOST : waiting.size();
    }

    synchronized boolean hasOverflowed() {
        return overflowed;
    }
}
