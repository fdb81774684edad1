package dev.tenfold.cache;

import java.util.Arrays;

/**
 * Turns values into bytes for the remote tier, and back.
 *
 * <pre>{@code
 * Codec.json(User.class)                                       // a record or class, by Jackson 2 or 3
 * JacksonCodec.of(new TypeReference<List<User>>() {})          // a generic type
 * Codec.string()                                               // also bytes(), longs()
 * }</pre>
 *
 * <p>Bytes that cannot be decoded are a miss: the cache loads the value again and overwrites them. So a codec may throw
 * whatever it likes; what it must never do is return a value that differs from the one that was encoded. Bytes of another
 * {@link #id} or {@link #schema} are never given to it.
 *
 * <p>Implementations do no I/O, and are safe for use by many threads. There is none for Java serialization, on purpose:
 * bytes would choose the classes to run.
 *
 * @param <V> the values' type
 */
public interface Codec<V> {

    /**
     * The bytes of a value. Runs on the thread that loaded the value, after the load; if it throws, the value is returned
     * to the caller, and not stored in the remote tier.
     *
     * @param value never null; the cache stores the absence of a value by itself
     * @return the bytes; read before the next call, and not modified
     * @throws Exception if the value has no bytes in this format
     */
    byte[] encode(V value) throws Exception;

    /**
     * The value of bytes that {@link #encode} returned once, here or on another node. Runs on the thread that asked the
     * cache.
     *
     * @param bytes the codec's to keep
     * @return the value, never null
     * @throws Exception if the bytes are not understood, which makes them a miss
     */
    V decode(byte[] bytes) throws Exception;

    /**
     * The value of bytes within others. Override it to spare a copy; by default it copies them and asks
     * {@link #decode(byte[])}.
     *
     * @param bytes the codec's to keep, but not to modify
     * @param offset where the value's bytes begin
     * @param length how many there are
     * @return the value, never null
     * @throws Exception if the bytes are not understood, which makes them a miss
     */
    default V decode(byte[] bytes, int offset, int length) throws Exception {
        boolean all = offset == 0 && length == bytes.length;
        return decode(all ? bytes : Arrays.copyOfRange(bytes, offset, offset + length));
    }

    /**
     * Which format this is: stored with each value, and compared before it is decoded, so that two codecs never read each
     * other's bytes.
     *
     * @return 0 to 255, always the same. Those below 64 are the toolkit's; number your own from 64 on
     */
    int id();

    /**
     * The shape of the values: part of the remote key, so that values of another shape are not found rather than
     * misunderstood. While two versions of a service run side by side, each keeps entries of its own.
     *
     * @return any number, always the same for the same shape; 0 by default, for formats that have no shape
     */
    default int schema() {
        return 0;
    }

    /**
     * Bytes as they are. They are not copied: the cache and all who ask it share the array, which nobody may modify.
     *
     * @return a shared codec
     */
    static Codec<byte[]> bytes() {
        return PlainCodecs.BYTES;
    }

    /**
     * Strings, as UTF-8. A string with half a surrogate pair, which UTF-8 cannot hold, is not stored in the remote tier.
     *
     * @return a shared codec
     */
    static Codec<String> string() {
        return PlainCodecs.STRING;
    }

    /**
     * Longs, as eight bytes.
     *
     * @return a shared codec
     */
    static Codec<Long> longs() {
        return PlainCodecs.LONGS;
    }

    /**
     * Values as JSON: {@link JacksonCodec#of(Class)} if Jackson 2 is on the class path, else
     * {@link Jackson3Codec#of(Class)}. Name either class yourself if you have both, or for generic types.
     *
     * @param type a record, class or enum, without type parameters
     * @param <V> the values' type
     * @return a new codec, whose schema follows from the type
     * @throws IllegalArgumentException if {@code type} has type parameters, or needs a Jackson module that is missing
     * @throws IllegalStateException if neither Jackson is there
     */
    static <V> Codec<V> json(Class<V> type) {
        return PlainCodecs.jackson(type) == 2 ? JacksonCodec.of(type) : Jackson3Codec.of(type);
    }

    /**
     * Values as JSON, as {@link #json(Class)} has it, with a schema that you keep by hand: old values are read by the new
     * class as long as the number stays. Fields that it does not know are dropped, fields that are missing are null or
     * zero. Raise the number where that would be wrong.
     *
     * @param type a record, class or enum, without type parameters
     * @param schema any number; raise it with each incompatible change
     * @param <V> the values' type
     * @return a new codec
     * @throws IllegalArgumentException if {@code type} has type parameters, or needs a Jackson module that is missing
     * @throws IllegalStateException if neither Jackson is there
     */
    static <V> Codec<V> json(Class<V> type, int schema) {
        return PlainCodecs.jackson(type) == 2
                ? JacksonCodec.of(type).withSchema(schema)
                : Jackson3Codec.of(type).withSchema(schema);
    }
}
