package dev.tenfold.query;

import java.util.List;

/**
 * Loads many keys at once. Called with one {@link Loader#maxBatch} of keys at most, on one thread at a time for each
 * batch, but for different batches possibly on several: it must be safe for use by many threads.
 *
 * <p>While it runs, {@link LoadContext#current()} is the batch's context, and the thread is in no scope: a load from
 * inside goes at once, alone. If nobody waits for the batch any more its thread is interrupted.
 *
 * @param <K> the keys' type
 * @param <R> what is returned: a map, a list or a collection
 */
@FunctionalInterface
public interface BatchFunction<K, R> {
    /**
     * Loads the values of {@code keys}.
     *
     * @param keys at least one, distinct, never null, in the order in which they were asked for; not modifiable
     * @return the values, never null
     * @throws Exception what failed; every waiter gets it as the cause of a {@link LoadException}
     */
    R load(List<K> keys) throws Exception;
}
