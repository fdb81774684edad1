package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Makes session ids, and tells where the session of an id is. Digests are HMAC-SHA-256.
 *
 * <pre>
 *   route    16 bytes   digest of the subject, cut                           one a subject; the hash tag on Redis
 *   random   32 bytes   from SecureRandom
 *   id       48 bytes   route xor digest of random, cut; then random         64 characters of base64url, no padding
 *   name     32 bytes   digest of the id                                     what is stored; also the handle
 * </pre>
 *
 * The route says where to look before anything has been read, and the mask over it makes all ids of a subject look unlike
 * each other to who does not have the secret. As 48 bytes fill 64 characters, there are no two ways to write an id.
 */
final class SessionIds {
    static final int LENGTH = 64;
    static final int NAME_LENGTH = 43;

    private static final int ROUTE_BYTES = 16;
    private static final int RANDOM_BYTES = 32;
    /** What a digest is of goes first into it, so that none can be taken for another. */
    private static final byte OF_SUBJECT = 0;

    private static final byte OF_RANDOM = 1;
    private static final byte OF_ID = 2;

    private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();
    private static final Base64.Decoder DECODER = Base64.getUrlDecoder();

    private final SecureRandom random = new SecureRandom();
    private final SecretKeySpec secret;

    /** Where a session is. Neither part is a secret. */
    record Place(String route, String name) {}

    SessionIds(byte[] secret) {
        this.secret = new SecretKeySpec(secret, "HmacSHA256");
    }

    String route(String subject) {
        return ENCODER.encodeToString(Arrays.copyOf(digest(OF_SUBJECT, subject.getBytes(UTF_8)), ROUTE_BYTES));
    }

    /** A new id, never made before. */
    String make(String route) {
        byte[] fresh = new byte[RANDOM_BYTES];
        random.nextBytes(fresh);
        byte[] id = Arrays.copyOf(masked(DECODER.decode(route), fresh), ROUTE_BYTES + RANDOM_BYTES);
        System.arraycopy(fresh, 0, id, ROUTE_BYTES, RANDOM_BYTES);
        return ENCODER.encodeToString(id);
    }

    /** Null for what cannot be an id. */
    @Nullable
    Place place(String id) {
        if (!isText(id, LENGTH)) return null;
        byte[] bytes = DECODER.decode(id);
        byte[] route = masked(
                Arrays.copyOf(bytes, ROUTE_BYTES), Arrays.copyOfRange(bytes, ROUTE_BYTES, ROUTE_BYTES + RANDOM_BYTES));
        return new Place(ENCODER.encodeToString(route), ENCODER.encodeToString(digest(OF_ID, bytes)));
    }

    static boolean isName(String handle) {
        return isText(handle, NAME_LENGTH);
    }

    private static boolean isText(String text, int length) {
        if (text.length() != length) return false;
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            boolean fits =
                    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            if (!fits) return false;
        }
        return true;
    }

    private byte[] masked(byte[] route, byte[] by) {
        byte[] mask = digest(OF_RANDOM, by);
        for (int i = 0; i < ROUTE_BYTES; i++) route[i] ^= mask[i];
        return route;
    }

    private byte[] digest(byte of, byte[] bytes) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(secret);
            mac.update(of);
            return mac.doFinal(bytes);
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new LinkageError("every Java runtime has HmacSHA256", e);
        }
    }
}
