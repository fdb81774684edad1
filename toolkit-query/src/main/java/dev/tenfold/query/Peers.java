package dev.tenfold.query;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The values that belong to the items of one page, made by {@link Loader#across}. The first access loads the values of
 * all items; later ones are a map look-up. An item that was not among them loads alone.
 *
 * <p>Inside a {@link LoadScope} the keys go with the scope's batch. Safe for use by many threads; when several make the
 * first access at once, each may load.
 *
 * @param <T> the items' type
 * @param <V> the values' type
 */
public final class Peers<T, V> {
    /*
     * The constructor puts the keys into a map, the first access sets their outcomes in it, without hashing them again,
     * and publishes it as `loaded`. Whoever takes the map out of `unloaded` is the only one to write to it. What other
     * threads load meanwhile, or alone, is kept in `others`.
     */
    private final Loader<Object, V> loader;
    private final Function<Object, @Nullable Object> keyOf;
    private final AtomicReference<Map<Object, Object>> unloaded;
    private volatile Map<Object, Object> loaded = Map.of();
    private final Map<Object, Object> others = new ConcurrentHashMap<>(1);

    @SuppressWarnings("unchecked") // the keys' type is of no use to callers; the functions agree on it
    <K> Peers(Loader<K, V> loader, Iterable<? extends T> items, Function<? super T, ? extends @Nullable K> keyOf) {
        this.loader = (Loader<Object, V>) loader;
        this.keyOf = (Function<Object, @Nullable Object>) (Function<?, ?>) keyOf;
        Map<Object, Object> keys =
                new LinkedHashMap<>(Loader.capacity(items instanceof Collection<?> c ? c.size() : 16));
        for (T item : items) {
            K key = keyOf.apply(item);
            if (key != null) {
                keys.put(loader.check(key), Slot.Marker.ABSENT);
            }
        }
        this.unloaded = new AtomicReference<>(keys);
    }

    /**
     * The value of an item's key.
     *
     * @param item one of the items, or another
     * @return the value
     * @throws LoadException.Missing if the item's key is null, or has no value and the loader no
     *     {@link Loader#whenAbsent}
     * @throws LoadException if the key could not be loaded; the next access tries again
     */
    public V of(T item) {
        Object key = keyOf.apply(item);
        if (key == null) {
            throw new LoadException.Missing(
                    loader.name(),
                    "loader '" + loader.name() + "': the item's key is null, so it has no value; use find(…)");
        }
        return loader.valueOf(key, outcome(key));
    }

    /**
     * The value of an item's key, if there is one. Ignores {@link Loader#whenAbsent}.
     *
     * @param item one of the items, or another
     * @return the value; empty if the item's key is null or has no value
     * @throws LoadException if the key could not be loaded; the next access tries again
     */
    public Optional<V> find(T item) {
        Object key = keyOf.apply(item);
        return key == null ? Optional.empty() : loader.optional(outcome(key));
    }

    private Object outcome(Object key) {
        Object known = loaded.get(key);
        if (known == null) {
            known = others.get(key);
        }
        return known != null ? known : load(key);
    }

    private Object load(Object key) {
        Map<Object, Object> taken = unloaded.getAndSet(Map.of());
        if (taken.containsKey(key)) {
            return loadPeers(key, taken);
        }
        if (!taken.isEmpty()) {
            unloaded.set(taken); // not ours
        }
        Map<Object, Object> alone = new LinkedHashMap<>();
        alone.put(loader.check(key), Slot.Marker.ABSENT);
        loader.fill(alone);
        Object outcome = alone.getOrDefault(key, Slot.Marker.ABSENT);
        if (!(outcome instanceof Slot.Failure)) {
            others.put(key, outcome);
        }
        return outcome;
    }

    private Object loadPeers(Object key, Map<Object, Object> taken) {
        try {
            loader.fill(taken);
        } catch (RuntimeException | Error e) {
            unloaded.set(taken); // cancelled: the next access tries again
            throw e;
        }
        Object outcome = taken.getOrDefault(key, Slot.Marker.ABSENT);
        Map<Object, Object> failed = new LinkedHashMap<>();
        taken.forEach((k, o) -> {
            if (o instanceof Slot.Failure) {
                failed.put(k, o);
            }
        });
        if (!failed.isEmpty()) {
            taken.keySet().removeAll(failed.keySet());
            unloaded.set(failed); // the next access tries these again, together
        }
        if (loaded.isEmpty()) {
            loaded = taken;
        } else {
            others.putAll(taken);
        }
        return outcome;
    }
}
