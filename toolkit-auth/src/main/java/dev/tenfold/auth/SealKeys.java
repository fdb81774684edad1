package dev.tenfold.auth;

import java.util.HashMap;
import java.util.Map;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/**
 * Keys that facts are encrypted with in Redis, each with a number. The newest encrypts; the others still decrypt, so that keys
 * can be changed while nodes run: first give all nodes the new key as another one, then as the newest, then drop the old one.
 * Immutable.
 */
public final class SealKeys {
    private static final int BYTES = 32;

    final int newestId;
    final Map<Integer, SecretKey> byId;

    private SealKeys(int newestId, Map<Integer, SecretKey> byId) {
        this.newestId = newestId;
        this.byId = byId;
    }

    /**
     * The key that encrypts.
     *
     * @param id any number, another one for each key
     * @param key 32 random bytes, the same on all nodes; copied
     * @return keys
     * @throws IllegalArgumentException for another length
     */
    public static SealKeys of(int id, byte[] key) {
        return new SealKeys(id, Map.of(id, secret(key)));
    }

    /**
     * Adds a key that decrypts.
     *
     * @param id its number
     * @param key 32 random bytes, the same on all nodes; copied
     * @return more keys
     * @throws IllegalArgumentException for another length, or a number that is taken
     */
    public SealKeys and(int id, byte[] key) {
        Map<Integer, SecretKey> more = new HashMap<>(byId);
        if (more.put(id, secret(key)) != null) throw new IllegalArgumentException("there is a key " + id + " already");
        return new SealKeys(newestId, Map.copyOf(more));
    }

    SecretKey newest() {
        SecretKey newest = byId.get(newestId);
        if (newest == null) throw new IllegalStateException("no key " + newestId);
        return newest;
    }

    private static SecretKey secret(byte[] key) {
        if (key.length != BYTES) {
            throw new IllegalArgumentException("a key has " + key.length + " bytes; AES-256 takes 32 random ones");
        }
        return new SecretKeySpec(key, "AES");
    }

    /** The numbers. */
    @Override
    public String toString() {
        return "SealKeys" + byId.keySet();
    }
}
