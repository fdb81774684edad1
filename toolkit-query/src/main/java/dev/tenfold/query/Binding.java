package dev.tenfold.query;

import org.jspecify.annotations.Nullable;

/**
 * What the calling thread is doing for loaders: the scope it is a member of, the context it loads under, and the batch
 * that it is running, if any.
 *
 * <p>Held in a {@link ThreadLocal} only while a scope, a bound context or a batch is on the thread's stack; whoever sets
 * it puts the former binding back in a {@code finally}.
 */
record Binding(
        @Nullable Batcher batcher,
        LoadContext context,
        @Nullable RunningBatch batch) {
    static final Binding NONE = new Binding(null, LoadContext.none(), null);
    private static final ThreadLocal<Binding> CURRENT = new ThreadLocal<>();

    static Binding current() {
        Binding bound = CURRENT.get();
        return bound == null ? NONE : bound;
    }

    static void set(Binding binding) {
        if (binding.equals(NONE)) {
            CURRENT.remove();
        } else {
            CURRENT.set(binding);
        }
    }

    Binding with(LoadContext newContext) {
        return new Binding(batcher, newContext, batch);
    }
}
