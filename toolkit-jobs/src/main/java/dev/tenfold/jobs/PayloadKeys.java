package dev.tenfold.jobs;

import java.util.Map;
import java.util.TreeMap;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * The keys of encrypted payloads: one to write with, any number to read. Immutable.
 *
 * <pre>{@code
 * PayloadKeys.of(2, newKey).reading(1, oldKey)
 * }</pre>
 *
 * <p><b>A new key.</b> First give it to all processes for {@link #reading}, then write with it, then drop the old one when no
 * unfinished job and no dead letter is left from before. Change keys before one has encrypted four billion payloads.
 */
public final class PayloadKeys {
    private static final int KEY_BYTES = 32;

    final int writeWith;
    final boolean readsPlain;
    private final Map<Integer, SecretKey> keys;

    private PayloadKeys(int writeWith, boolean readsPlain, Map<Integer, SecretKey> keys) {
        this.writeWith = writeWith;
        this.readsPlain = readsPlain;
        this.keys = Map.copyOf(keys);
    }

    /**
     * A key to write and to read with.
     *
     * @param id its number, 0 or more, stored with each payload; never another key's
     * @param key 32 bytes from a random generator; copied
     * @return keys
     * @throws IllegalArgumentException if it has another length, or the number is negative
     */
    public static PayloadKeys of(int id, byte[] key) {
        return new PayloadKeys(id, false, Map.of(id, checked(id, key)));
    }

    /**
     * One key more to read with.
     *
     * @param id as in {@link #of}
     * @param key as in {@link #of}
     * @return changed keys
     * @throws IllegalArgumentException as {@link #of}, or if there is one of that number
     */
    public PayloadKeys reading(int id, byte[] key) {
        Map<Integer, SecretKey> more = new TreeMap<>(keys);
        if (more.put(id, checked(id, key)) != null) {
            throw new IllegalArgumentException("there are two payload keys of number " + id + "; number them anew");
        }
        return new PayloadKeys(writeWith, readsPlain, more);
    }

    /**
     * Reads also what is not encrypted, while jobs wait that were enqueued before you began to encrypt. As long as that is
     * so, who may write to the table can make up payloads.
     *
     * @return changed keys
     */
    public PayloadKeys readingPlain() {
        return new PayloadKeys(writeWith, true, keys);
    }

    private static SecretKey checked(int id, byte[] key) {
        if (id < 0) {
            throw new IllegalArgumentException("the payload key's number " + id + " must be 0 or more");
        }
        if (key.length != KEY_BYTES) {
            throw new IllegalArgumentException(
                    "payload key " + id + " has " + key.length + " bytes; AES-256 needs 32, from a random generator");
        }
        return new SecretKeySpec(key, "AES");
    }

    @Nullable
    SecretKey key(int id) {
        return keys.get(id);
    }

    /** The numbers; never the keys. */
    @Override
    public String toString() {
        return "writes with key " + writeWith + ", reads " + new TreeMap<>(keys).keySet();
    }
}
