package dev.tenfold.ratelimit;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;

/**
 * One thing for each policy's name. An application makes its few policies once and asks for the same objects again and again,
 * so a small table by the object saves the look-up by name.
 */
final class ByPolicy<T> {
    private static final int SLOTS = 16;

    private final Map<String, T> byName = new ConcurrentHashMap<>();
    private final AtomicReferenceArray<Entry<T>> recent = new AtomicReferenceArray<>(SLOTS);
    private final Supplier<T> maker;

    private record Entry<T>(Policy policy, T thing) {}

    ByPolicy(Supplier<T> maker) {
        this.maker = maker;
    }

    T of(Policy policy) {
        int slot = policy.hashCode() & (SLOTS - 1);
        Entry<T> entry = recent.getOpaque(slot);
        if (entry != null && entry.policy == policy) return entry.thing;
        T thing = byName.computeIfAbsent(policy.name, name -> maker.get());
        recent.setOpaque(slot, new Entry<>(policy, thing));
        return thing;
    }

    /** All there are, by the policies' names. */
    Map<String, T> all() {
        return byName;
    }
}
