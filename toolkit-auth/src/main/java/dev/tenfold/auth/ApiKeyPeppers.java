package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.GeneralSecurityException;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * The secrets that API keys are hashed with, by version, and the hash.
 *
 * <p>One round of HMAC-SHA-256 is enough. Slow hashes such as bcrypt are for passwords, which can be guessed; a key's 190
 * random bits cannot, not at any speed. A slow hash would only make each verification cost 60 ms. The pepper, which is not in
 * the database, keeps who can write to the database alone from making keys.
 */
final class ApiKeyPeppers {
    static final int LEAST_BYTES = 32;
    static final int LAST_VERSION = 1_000_000;

    private static final String ALGORITHM = "HmacSHA256";

    private final TreeMap<Integer, SecretKeySpec> byVersion = new TreeMap<>();
    private final int inUse;

    /** @param inUse the version for new keys; zero for the newest */
    ApiKeyPeppers(Map<Integer, byte[]> secrets, int inUse) {
        if (secrets.isEmpty()) {
            throw new IllegalArgumentException(
                    "no pepper; give at least one, of 32 random bytes that are not in the database: Map.of(1, secret)");
        }
        secrets.forEach((version, secret) -> {
            if (version < 1 || version > LAST_VERSION) {
                throw new IllegalArgumentException("pepper version " + version + " must be from 1 to 1,000,000");
            }
            if (secret.length < LEAST_BYTES) {
                throw new IllegalArgumentException("pepper " + version + " has " + secret.length
                        + " bytes; give at least 32, from a random generator");
            }
            byVersion.put(version, new SecretKeySpec(secret, ALGORITHM));
        });
        if (inUse != 0 && !byVersion.containsKey(inUse)) {
            throw new IllegalArgumentException(
                    "issueWith(" + inUse + ") names a pepper that was not given; there are " + byVersion.keySet());
        }
        this.inUse = inUse == 0 ? byVersion.lastKey() : inUse;
    }

    int inUse() {
        return inUse;
    }

    /** Null if there is no such version. */
    byte @Nullable [] hash(int version, String signed) {
        SecretKeySpec pepper = byVersion.get(version);
        if (pepper == null) return null;
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(pepper);
            return mac.doFinal(signed.getBytes(US_ASCII));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no " + ALGORITHM + "; every Java has to", e);
        }
    }

    /** By the version for new keys. */
    byte[] hash(String signed) {
        byte[] hash = hash(inUse, signed);
        if (hash == null) throw new IllegalStateException("pepper " + inUse + " is missing");
        return hash;
    }

    /** The versions only. */
    @Override
    public String toString() {
        return "peppers " + byVersion.keySet() + ", new keys with " + inUse;
    }
}
