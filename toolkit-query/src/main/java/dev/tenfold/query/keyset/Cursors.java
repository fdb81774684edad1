package dev.tenfold.query.keyset;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Writes cursors and checks them: {@code version, hash of the sort, flags, a value a column, signature}, in base64 for URLs.
 *
 * <p>The signature is HMAC-SHA256, cut to its first 16 bytes: as RFC 2104 allows, half of the output, which leaves a forger one
 * chance in 2^128 a try. It is compared before anything is read, in constant time.
 */
final class Cursors {
    private static final byte VERSION = 1;
    private static final byte INCLUSIVE = 1;
    private static final int HASH_BYTES = 8;
    private static final int SIGNATURE_BYTES = 16;
    private static final int LEAST_BYTES = 1 + HASH_BYTES + 1 + SIGNATURE_BYTES;
    private static final int LEAST_SECRET_BYTES = 16;
    /** So that a secret which signs other things too does not sign a cursor there. */
    private static final byte[] PURPOSE = "tenfold keyset cursor\n".getBytes(StandardCharsets.UTF_8);
    /** Known to all: then the signature is a checksum. */
    private static final byte[] PUBLIC = "no secret at all".getBytes(StandardCharsets.UTF_8);

    /** The first one signs. */
    private final List<SecretKeySpec> secrets;

    private Cursors(Stream<byte[]> secrets) {
        this.secrets =
                secrets.map(secret -> new SecretKeySpec(secret, "HmacSHA256")).toList();
    }

    static Cursors signed(byte[] secret, byte[]... older) {
        List<byte[]> all = new ArrayList<>(List.of(secret));
        all.addAll(List.of(older));
        for (byte[] each : all) {
            if (each.length < LEAST_SECRET_BYTES) {
                throw new IllegalArgumentException("a secret of " + each.length
                        + " bytes can be guessed; take at least " + LEAST_SECRET_BYTES + " random bytes, better 32");
            }
        }
        return new Cursors(all.stream());
    }

    static Cursors unsigned() {
        return new Cursors(Stream.of(PUBLIC));
    }

    String write(String sort, Position position) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(VERSION);
            out.write(hash(sort));
            out.writeByte(position.inclusive() ? INCLUSIVE : 0);
            for (Object value : position.key()) KeyValues.write(value, out);
            out.write(signature(bytes.toByteArray(), bytes.size()));
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory failed", e);
        }
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.toByteArray());
    }

    Position read(String sort, int columns, String cursor) {
        byte[] bytes = decoded(cursor);
        if (bytes[0] != VERSION) {
            throw new InvalidCursorException("the cursor is of format " + bytes[0] + ", and this version reads "
                    + VERSION + "; start at the first page");
        }
        int signed = bytes.length - SIGNATURE_BYTES;
        if (!isSigned(bytes, signed)) {
            throw new InvalidCursorException(
                    "the cursor was changed on its way, or signed with a secret that is not among"
                            + " signedWith's; start at the first page");
        }
        ByteBuffer in = ByteBuffer.wrap(bytes, 1, signed - 1);
        byte[] hash = new byte[HASH_BYTES];
        in.get(hash);
        if (!Arrays.equals(hash, hash(sort))) {
            throw new InvalidCursorException(
                    "the cursor is of another sort than \"" + sort + "\"; start at the first page");
        }
        return position(in, columns);
    }

    private static byte[] decoded(String cursor) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(cursor);
        } catch (IllegalArgumentException e) {
            throw new InvalidCursorException(
                    "the cursor is not base64 as URLs have it; pass on what Page gave, whole", e);
        }
        // Bits beyond the last byte are lost in decoding, so that several texts stand for the same bytes.
        boolean isCanonical =
                Base64.getUrlEncoder().withoutPadding().encodeToString(bytes).equals(cursor);
        if (!isCanonical || bytes.length < LEAST_BYTES) {
            throw new InvalidCursorException("the cursor is cut, or none of ours; pass on what Page gave, whole");
        }
        return bytes;
    }

    private boolean isSigned(byte[] bytes, int length) {
        byte[] signature = Arrays.copyOfRange(bytes, length, bytes.length);
        boolean found = false;
        for (SecretKeySpec secret : secrets) {
            found |= MessageDigest.isEqual(signature, signature(secret, bytes, length));
        }
        return found;
    }

    /** What is read here was signed; without a secret anyone can have done so. */
    private static Position position(ByteBuffer in, int columns) {
        try {
            boolean inclusive = in.get() == INCLUSIVE;
            List<@Nullable Object> key = new ArrayList<>(columns);
            while (key.size() < columns) key.add(KeyValues.read(in));
            if (in.hasRemaining()) throw new IllegalArgumentException(in.remaining() + " bytes too many");
            return new Position(Collections.unmodifiableList(key), inclusive);
        } catch (RuntimeException e) {
            throw new InvalidCursorException("the cursor's values cannot be read; start at the first page", e);
        }
    }

    byte[] signature(byte[] bytes, int length) {
        return signature(secrets.get(0), bytes, length);
    }

    private static byte[] signature(SecretKeySpec secret, byte[] bytes, int length) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(secret);
            mac.update(PURPOSE);
            mac.update(bytes, 0, length);
            return Arrays.copyOf(mac.doFinal(), SIGNATURE_BYTES);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JVM has no HmacSHA256, which each must have", e);
        }
    }

    private static byte[] hash(String sort) {
        try {
            byte[] whole = MessageDigest.getInstance("SHA-256").digest(sort.getBytes(StandardCharsets.UTF_8));
            return Arrays.copyOf(whole, HASH_BYTES);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JVM has no SHA-256, which each must have", e);
        }
    }
}
