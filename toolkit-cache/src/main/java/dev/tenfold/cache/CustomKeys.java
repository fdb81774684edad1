package dev.tenfold.cache;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Keys by the user's two functions. That they invert each other is checked with the first key. */
final class CustomKeys<K> implements KeyEncoder<K> {
    private final Function<? super K, byte[]> encode;
    private final Function<byte[], ? extends @Nullable K> decode;
    private final int mostBytes;
    private volatile boolean checked;

    CustomKeys(Function<? super K, byte[]> encode, Function<byte[], ? extends @Nullable K> decode, int mostBytes) {
        this.encode = encode;
        this.decode = decode;
        this.mostBytes = mostBytes;
    }

    @Override
    public byte[] encode(K key) {
        if (key == null) {
            throw new IllegalArgumentException("a key is null");
        }
        byte @Nullable [] bytes = encode.apply(key);
        if (bytes == null) {
            throw new IllegalArgumentException("keys(encode, decode): encode returned null for key " + key);
        }
        if (bytes.length > mostBytes) {
            throw new IllegalArgumentException("keys(encode, decode): encode returned " + bytes.length
                    + " bytes for a key, more than " + mostBytes + "; encode a digest of it, or less of it");
        }
        if (!checked) {
            check(key, bytes);
        }
        return bytes;
    }

    private void check(K key, byte[] bytes) {
        K back = decode.apply(bytes.clone());
        if (!key.equals(back)) {
            throw new IllegalArgumentException(
                    "keys(encode, decode): decode returned " + back + " for the bytes of key " + key
                            + ", which must be equal, or the invalidations of other nodes would miss it");
        }
        checked = true;
    }

    @Override
    public @Nullable K decode(byte[] bytes) {
        return decode.apply(bytes);
    }
}
