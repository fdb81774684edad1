package dev.tenfold.cache;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Turns a cache's keys into bytes, for Redis and for the invalidations that nodes tell each other, and back.
 *
 * <p>Equal keys have equal bytes, different keys different ones. The bytes may hold any character; the cache puts its own
 * hash tag in front, and Redis looks at the first only.
 *
 * <p>Safe for use by many threads.
 */
interface KeyEncoder<K> {
    int MOST_BYTES = 64 * 1024;

    /**
     * The bytes of a key. To be called before a key enters the local tier, whether or not Redis is up: {@link #decode} may
     * know only what went through here.
     *
     * @throws IllegalArgumentException if the key is null, of a type without an encoding, or too long
     */
    byte[] encode(K key);

    /**
     * The key of bytes that another node encoded, or null if no key that was ever encoded here has these bytes, so that
     * there is nothing to drop.
     *
     * @throws RuntimeException from a user's function alone: which key it was cannot be told, so drop everything local
     */
    @Nullable
    K decode(byte[] bytes);

    /** For strings, numbers and other {@linkplain SimpleKey simple} types, enums, and records and lists of such. */
    static <K> KeyEncoder<K> typed() {
        return typed(MOST_BYTES);
    }

    static <K> KeyEncoder<K> typed(int mostBytes) {
        return new TypedKeys<>(mostBytes);
    }

    /** For keys of any type, by functions of the user that must invert each other. */
    static <K> KeyEncoder<K> custom(
            Function<? super K, byte[]> encode, Function<byte[], ? extends @Nullable K> decode, int mostBytes) {
        return new CustomKeys<>(encode, decode, mostBytes);
    }
}
