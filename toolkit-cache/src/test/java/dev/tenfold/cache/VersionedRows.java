package dev.tenfold.cache;

import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/** A database in small: rows that count their versions, and know when the cache acknowledged which. Thread-safe. */
final class VersionedRows {
    private final Row[] rows;

    private static final class Row {
        final AtomicLong version = new AtomicLong(1);
        final TreeMap<Long, Long> acknowledged = new TreeMap<>();
    }

    VersionedRows(int count) {
        rows = new Row[count];
        for (int i = 0; i < count; i++) {
            rows[i] = new Row();
        }
    }

    int count() {
        return rows.length;
    }

    long read(long key) {
        return rows[(int) key].version.get();
    }

    /** Commits the next version. */
    long write(long key) {
        return rows[(int) key].version.incrementAndGet();
    }

    /** From now on, that version or a later one is what a reader may expect. */
    void acknowledged(long key, long version) {
        Row row = rows[(int) key];
        synchronized (row) {
            long before = row.acknowledged.isEmpty()
                    ? 0
                    : row.acknowledged.lastEntry().getValue();
            row.acknowledged.put(System.nanoTime(), Math.max(before, version));
        }
    }

    /** The version that had been acknowledged by then. */
    long acknowledgedAt(long key, long nanos) {
        Row row = rows[(int) key];
        synchronized (row) {
            var entry = row.acknowledged.floorEntry(nanos);
            return entry == null ? 1 : entry.getValue();
        }
    }
}
