package dev.tenfold.ratelimit;

import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The cells of one policy and one {@link Limit#by}. Their number is bounded, and yet no cell in use is ever thrown out, since
 * its key would begin with a full bucket again: a flood of keys would refill an attacker's.
 *
 * <p>A cell leaves when it is as good as a new one and half of the room is taken. Whoever adds one looks at a few others for
 * that, in turn, so that no thread is needed, and what has become useless is found after as many additions as there are
 * cells. If all room is in use,
 * further keys share {@value #STRIPES} cells: they may be refused for what others did, but admit no more than one key each.
 * A key that gets a cell of its own later begins with what its shared one had left.
 */
final class Cells {
    private static final int STRIPES = 256;
    private static final int LOOK_AT = 4;

    private final ConcurrentHashMap<Object, Cell> cells = new ConcurrentHashMap<>();
    private final AtomicInteger room;
    private final int plenty;
    private final AtomicBoolean sweeping = new AtomicBoolean();
    private volatile @Nullable AtomicReferenceArray<@Nullable Cell> shared;
    private Iterator<Map.Entry<Object, Cell>> sweep = cells.entrySet().iterator();

    /**
     * @param room how many may be added, together with others'
     * @param plenty while there is room for more than so many, none has to leave
     */
    Cells(AtomicInteger room, int plenty) {
        this.room = room;
        this.plenty = plenty;
    }

    /** The cell that counts for a key. It may be retired before the caller locks it: then ask again. */
    Cell of(Object key, Limit[] limits, long nowMicros) {
        Cell cell = cells.get(key);
        return cell != null ? cell : add(key, limits, nowMicros);
    }

    /** The cell of a key, if it has one of its own. */
    @Nullable
    Cell find(Object key) {
        return cells.get(key);
    }

    private Cell add(Object key, Limit[] limits, long nowMicros) {
        if (room.get() < plenty) sweep(nowMicros);
        if (room.decrementAndGet() < 0) {
            room.incrementAndGet();
            return shared(key, limits);
        }
        Cell mine = new Cell(limits);
        AtomicReferenceArray<@Nullable Cell> stripes = shared;
        if (stripes != null) {
            Cell stripe = stripes.get(stripe(key));
            if (stripe != null) inherit(mine, stripe, limits, nowMicros);
        }
        Cell other = cells.putIfAbsent(key, mine);
        if (other == null) return mine;
        room.incrementAndGet();
        return other;
    }

    private static void inherit(Cell mine, Cell stripe, Limit[] limits, long nowMicros) {
        long[] used;
        synchronized (stripe) {
            used = stripe.states(limits, nowMicros);
        }
        synchronized (mine) {
            mine.takeLesser(limits, used, nowMicros);
        }
    }

    private Cell shared(Object key, Limit[] limits) {
        AtomicReferenceArray<@Nullable Cell> stripes = shared;
        if (stripes == null) {
            synchronized (this) {
                stripes = shared;
                if (stripes == null) shared = stripes = new AtomicReferenceArray<>(STRIPES);
            }
        }
        int stripe = stripe(key);
        Cell cell = stripes.get(stripe);
        if (cell != null) return cell;
        Cell first = new Cell(limits);
        Cell before = stripes.compareAndExchange(stripe, null, first);
        return before == null ? first : before;
    }

    private static int stripe(Object key) {
        int hash = key.hashCode() * 0x9E3779B9;
        return hash >>> 24;
    }

    private void sweep(long nowMicros) {
        if (!sweeping.compareAndSet(false, true)) return;
        try {
            for (int i = 0; i < LOOK_AT; i++) {
                if (!sweep.hasNext()) {
                    sweep = cells.entrySet().iterator();
                    if (!sweep.hasNext()) return;
                }
                Map.Entry<Object, Cell> entry = sweep.next();
                retireIfFresh(entry.getKey(), entry.getValue(), nowMicros);
            }
        } finally {
            sweeping.set(false);
        }
    }

    private void retireIfFresh(Object key, Cell cell, long nowMicros) {
        synchronized (cell) {
            if (!cell.isLive() || !cell.retireIfFresh(nowMicros)) return;
        }
        drop(key, cell);
    }

    /** Forgets a key. */
    void reset(Object key) {
        Cell cell = cells.get(key);
        if (cell == null) return;
        synchronized (cell) {
            if (!cell.isLive()) return;
            cell.retire();
        }
        drop(key, cell);
    }

    private void drop(Object key, Cell cell) {
        if (cells.remove(key, cell)) room.incrementAndGet();
    }

    int size() {
        return cells.size();
    }
}
