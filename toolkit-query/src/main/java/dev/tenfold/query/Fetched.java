package dev.tenfold.query;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a batch function found: the values by key, the errors of single keys, and the error of all the rest. A key in none
 * of them has no value.
 */
record Fetched<K, V>(
        Map<K, V> values,
        Map<K, LoadException> errors,
        @Nullable LoadException rest) {

    static <K, V> Fetched<K, V> of(Map<K, V> values) {
        return new Fetched<>(values, Map.of(), null);
    }

    static <K, V> Fetched<K, V> failed(LoadException error) {
        return new Fetched<>(Map.of(), Map.of(), error);
    }

    /** The key's value, or {@link Slot.Marker#ABSENT}, or a {@link Slot.Failure}. */
    Object outcome(K key) {
        V value = values.get(key);
        if (value != null) {
            return value;
        }
        LoadException error = error(key);
        return error == null ? Slot.Marker.ABSENT : new Slot.Failure(error);
    }

    /** The error of a key that has no value. */
    @Nullable
    LoadException error(K key) {
        return errors.isEmpty() ? rest : errors.getOrDefault(key, rest);
    }
}
