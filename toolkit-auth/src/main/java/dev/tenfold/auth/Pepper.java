package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.atomic.AtomicReferenceArray;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * HMAC-SHA-256 with a secret of the application, over what something is and its parts, each with its length, so that no two
 * things run into each other. Safe for use by many threads.
 */
final class Pepper {
    /** Enough that threads rarely meet. */
    private static final int SPARES = 64;

    private final Mac keyed;
    private final AtomicReferenceArray<@Nullable Mac> spares = new AtomicReferenceArray<>(SPARES);

    Pepper(byte[] secret) {
        try {
            keyed = Mac.getInstance("HmacSHA256");
            keyed.init(new SecretKeySpec(secret, "HmacSHA256"));
        } catch (GeneralSecurityException e) {
            throw new LinkageError("every Java runtime has HmacSHA256", e);
        }
    }

    /** What goes in front of each token of one introspector. */
    static byte[] tokenPrefix(String introspector) {
        byte[] id = introspector.getBytes(UTF_8);
        return ByteBuffer.allocate(1 + 4 + id.length)
                .put((byte) 't')
                .putInt(id.length)
                .put(id)
                .array();
    }

    /** @param token ASCII only */
    TokenKey token(byte[] prefix, String token) {
        byte[] text = token.getBytes(ISO_8859_1);
        int slot = slot();
        Mac mac = take(slot);
        mac.update(prefix);
        mac.update(text);
        byte[] digest = mac.doFinal();
        spares.setRelease(slot, mac);
        return TokenKey.of(digest, 0);
    }

    /** A name that does not tell its parts: 128 bits. */
    String name(char kind, String... parts) {
        int slot = slot();
        Mac mac = take(slot);
        mac.update((byte) kind);
        for (String part : parts) {
            byte[] bytes = part.getBytes(UTF_8);
            mac.update(ByteBuffer.allocate(4).putInt(0, bytes.length));
            mac.update(bytes);
        }
        byte[] digest = mac.doFinal();
        spares.setRelease(slot, mac);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(Arrays.copyOf(digest, 16));
    }

    private static int slot() {
        return System.identityHashCode(Thread.currentThread()) & (SPARES - 1);
    }

    /** One that nobody else uses. */
    private Mac take(int slot) {
        Mac spare = spares.getAndSet(slot, null);
        if (spare != null) return spare;
        try {
            return (Mac) keyed.clone();
        } catch (CloneNotSupportedException e) {
            throw new LinkageError("the Java runtime's HmacSHA256 cannot be copied", e);
        }
    }
}
