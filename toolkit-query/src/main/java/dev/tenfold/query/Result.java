package dev.tenfold.query;

/**
 * What a batch function of {@link Loader#results} found for one key.
 *
 * @param <V> the value
 */
public sealed interface Result<V> permits Result.Found, Result.Failed {

    /**
     * A value.
     *
     * @param value the value, never null
     * @param <V> its type
     */
    record Found<V>(V value) implements Result<V> {}

    /**
     * A key that could not be loaded, while others of its batch could.
     *
     * @param cause what went wrong; it becomes the cause of the {@link LoadException} that the waiters of this key get
     * @param <V> the value there would have been
     */
    record Failed<V>(Throwable cause) implements Result<V> {}

    /**
     * A value.
     *
     * @param value the value, never null
     * @param <V> its type
     * @return the value as a result
     */
    static <V> Result<V> found(V value) {
        return new Found<>(value);
    }

    /**
     * A failure of one key.
     *
     * @param cause what went wrong
     * @param <V> the value there would have been
     * @return the failure as a result
     */
    static <V> Result<V> failed(Throwable cause) {
        return new Failed<>(cause);
    }
}
