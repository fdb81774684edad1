package dev.tenfold.benchmarks;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** The slow source behind the caches: a table of users whose rows have versions. Counts how often it is asked. */
final class Users {
    private final ConcurrentHashMap<String, Integer> versions = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, Gate> gates = new ConcurrentHashMap<>();
    private final AtomicLong loads = new AtomicLong();
    private final long loadNanos;

    Users() {
        this(0);
    }

    /** @param loadMillis how long each load takes */
    Users(long loadMillis) {
        loadNanos = TimeUnit.MILLISECONDS.toNanos(loadMillis);
    }

    /** Holds up one load after it has read its row, and before it returns. */
    static final class Gate {
        private final CountDownLatch entered = new CountDownLatch(1);
        private final CountDownLatch open = new CountDownLatch(1);

        /** Whether a load stands at the gate in time. */
        boolean awaitLoad(long seconds) throws InterruptedException {
            return entered.await(seconds, TimeUnit.SECONDS);
        }

        void open() {
            open.countDown();
        }
    }

    /** The next load of the key stops at the gate that is returned. */
    Gate gate(String key) {
        Gate gate = new Gate();
        gates.put(key, gate);
        return gate;
    }

    /** A row of some 200 characters of JSON, with its version. */
    String load(String key) {
        loads.incrementAndGet();
        String row = row(key, versions.getOrDefault(key, 1));
        pause(loadNanos);
        Gate gate = gates.remove(key);
        if (gate != null) {
            gate.entered.countDown();
            try {
                if (!gate.open.await(30, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("nobody opened the gate of " + key + " within 30 s");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted at the gate of " + key, e);
            }
        }
        return row;
    }

    void write(String key) {
        versions.merge(key, 2, (old, two) -> old + 1);
    }

    boolean isCurrent(String key, String row) {
        return row.equals(row(key, versions.getOrDefault(key, 1)));
    }

    long loads() {
        return loads.get();
    }

    private static String row(String key, int version) {
        return "{\"version\":" + version + ",\"key\":\"" + key
                + "\",\"name\":\"Ada Lovelace\",\"city\":\"London\",\"about\":\""
                + "Wrote the first program, for a machine that was never built.".repeat(2) + "\"}";
    }

    static void pause(long nanos) {
        long end = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
