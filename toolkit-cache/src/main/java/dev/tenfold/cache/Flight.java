package dev.tenfold.cache;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Step three of a read: one load in progress, which everybody on this node shares who asks for its key meanwhile.
 *
 * @param <V> the values' type
 */
final class Flight<V> {
    /*
     * A loader may ask for other keys, and so wait for other flights. If the flights wait for each other in a circle,
     * nobody would ever wake. So each thread knows the flight that it is loading, each flight the one that its loader waits
     * for, and whoever is about to wait walks that chain first. The field is written before the walk, so of two that close
     * a circle at the same time at least one sees it.
     */
    private static final ThreadLocal<@Nullable Flight<?>> LOADING = new ThreadLocal<>();

    private final CompletableFuture<Loaded<V>> result = new CompletableFuture<>();
    private volatile @Nullable Flight<?> waitsFor;
    private volatile @Nullable Flight<?> startedBy;

    /** What was noted before anything was read. */
    final Capture begin;

    /** A value past its time that was found on the way: what to return should the load fail, or take too long. */
    volatile @Nullable Node<V> fallback;

    /** Whether it counts as one of the loads that an outage allows. */
    volatile boolean hasPermit;

    Flight(Capture begin) {
        this.begin = begin;
    }

    /** What came of it: a value, or null where there is none. */
    record Loaded<V>(@Nullable V value) {}

    /** The flights of one cache, by key. */
    static final class Table<K, V> {
        private final ConcurrentHashMap<K, Flight<V>> flights = new ConcurrentHashMap<>();

        /** The flight of the key that is on already, or null if {@code flight} is it from now on. */
        @Nullable
        Flight<V> join(K key, Flight<V> flight) {
            return flights.putIfAbsent(key, flight);
        }

        boolean isOn(K key) {
            return flights.containsKey(key);
        }

        void end(K key, Flight<V> flight) {
            flights.remove(key, flight);
        }

        /** Who asks from now on starts a new one; those who wait get what they asked for earlier. */
        void forget(K key) {
            flights.remove(key);
        }

        void forgetAll() {
            flights.clear();
        }

        int size() {
            return flights.size();
        }
    }

    /** Runs the load as this thread's innermost; loads inside it know whom they must not wait for. */
    void run(@Nullable Flight<?> from, Runnable load) {
        Flight<?> outer = LOADING.get();
        startedBy = outer == null ? from : outer;
        if (outer != null) {
            outer.waitsFor = this; // its loader asked for this one
        }
        LOADING.set(this);
        try {
            load.run();
        } finally {
            if (outer == null) {
                LOADING.remove();
            } else {
                outer.waitsFor = null;
                LOADING.set(outer);
            }
        }
    }

    /** This one is loaded together with {@code first}, on its thread: whoever waits for it waits for that. */
    void goesWith(Flight<V> first) {
        waitsFor = first;
    }

    static @Nullable Flight<?> current() {
        return LOADING.get();
    }

    void complete(@Nullable V value) {
        result.complete(new Loaded<>(value));
    }

    void fail(Throwable thrown) {
        result.completeExceptionally(thrown);
    }

    boolean isDone() {
        return result.isDone();
    }

    CompletableFuture<Loaded<V>> future() {
        return result;
    }

    /**
     * Waits for the load.
     *
     * @param atMost null waits as long as it takes
     * @throws IllegalStateException if the calling thread's own load is what this one waits for
     * @throws TimeoutException after {@code atMost}
     * @throws ExecutionException with what the load threw
     */
    @Nullable
    V await(@Nullable Duration atMost) throws InterruptedException, ExecutionException, TimeoutException {
        if (result.isDone()) {
            return result.get().value();
        }
        Flight<?> own = LOADING.get();
        if (own == null) {
            return get(atMost);
        }
        own.waitsFor = this;
        try {
            if (leadsTo(own)) {
                throw new IllegalStateException("a loader asked for a key whose loader waits for it in turn, perhaps on"
                        + " another thread: load it without the cache, or give the values keys of their own");
            }
            return get(atMost);
        } finally {
            own.waitsFor = null;
        }
    }

    private @Nullable V get(@Nullable Duration atMost)
            throws InterruptedException, ExecutionException, TimeoutException {
        Loaded<V> loaded = atMost == null ? result.get() : result.get(atMost.toNanos(), TimeUnit.NANOSECONDS);
        return loaded.value();
    }

    /** Whether it, or a load that it is part of, has a permit: one that waited for a second could wait for itself. */
    boolean isWithinPermit() {
        for (Flight<?> at = this; at != null; at = at.startedBy) {
            if (at.hasPermit) {
                return true;
            }
        }
        return false;
    }

    /** Whether this flight waits for {@code own}, or for a flight inside which {@code own} was started. */
    private boolean leadsTo(Flight<?> own) {
        int steps = 0;
        for (Flight<?> at = this; at != null && steps < 1_000; at = at.waitsFor, steps++) {
            for (Flight<?> mine = own; mine != null; mine = mine.startedBy) {
                if (at == mine) {
                    return true;
                }
            }
        }
        return false;
    }
}
