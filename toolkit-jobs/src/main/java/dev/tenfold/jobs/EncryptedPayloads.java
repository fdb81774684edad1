package dev.tenfold.jobs;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Objects;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/**
 * AES-256-GCM (NIST SP 800-38D) around another codec: the byte 2, the key's number in four bytes, a random nonce of twelve, the
 * ciphertext with its tag of sixteen. The first five bytes are authenticated, too.
 */
final class EncryptedPayloads implements PayloadCodec {
    private static final byte MARKER = 2;
    private static final int HEAD = 1 + Integer.BYTES;
    private static final int NONCE = 12;
    private static final int TAG = 16;
    private static final byte[] PURPOSE = "dev.tenfold.jobs.payload".getBytes(US_ASCII);

    private final PayloadCodec inner;
    private final PayloadKeys keys;
    private final SecureRandom random = new SecureRandom();

    EncryptedPayloads(PayloadCodec inner, PayloadKeys keys) {
        this.inner = Objects.requireNonNull(inner, "codec");
        this.keys = Objects.requireNonNull(keys, "keys");
    }

    @Override
    public byte[] encode(Object payload) throws Exception {
        byte[] plain = inner.encode(payload);
        byte[] nonce = new byte[NONCE];
        random.nextBytes(nonce);
        ByteBuffer bytes = ByteBuffer.allocate(HEAD + NONCE + plain.length + TAG);
        bytes.put(MARKER).putInt(keys.writeWith).put(nonce);
        SecretKey key = Objects.requireNonNull(keys.key(keys.writeWith));
        cipher(Cipher.ENCRYPT_MODE, key, bytes.array()).doFinal(ByteBuffer.wrap(plain), bytes);
        return bytes.array();
    }

    @Override
    public <T> T decode(byte[] bytes, Class<T> type) throws Exception {
        return inner.decode(plain(bytes), type);
    }

    @Override
    public String text(byte[] bytes) throws Exception {
        return inner.text(plain(bytes));
    }

    private byte[] plain(byte[] bytes) throws GeneralSecurityException {
        if (bytes.length == 0 || bytes[0] != MARKER) {
            if (keys.readsPlain) {
                return bytes;
            }
            throw new GeneralSecurityException(
                    "the payload is not encrypted; if it was enqueued before you began to encrypt,"
                            + " read it with PayloadKeys.readingPlain()");
        }
        return decrypt(bytes);
    }

    private byte[] decrypt(byte[] bytes) throws GeneralSecurityException {
        if (bytes.length < HEAD + NONCE + TAG) {
            throw new GeneralSecurityException("the encrypted payload of " + bytes.length + " bytes is cut short");
        }
        int id = ByteBuffer.wrap(bytes, 1, Integer.BYTES).getInt();
        SecretKey key = keys.key(id);
        if (key == null) {
            throw new GeneralSecurityException(
                    "the payload is encrypted with key " + id + ", which this process does not" + " have (" + keys
                            + "); give it with PayloadKeys.reading(" + id + ", …)");
        }
        try {
            return cipher(Cipher.DECRYPT_MODE, key, bytes).doFinal(bytes, HEAD + NONCE, bytes.length - HEAD - NONCE);
        } catch (AEADBadTagException e) {
            throw new GeneralSecurityException(
                    "the payload is not what was encrypted with key " + id
                            + ": it was changed, or this process has another" + " key of that number",
                    e);
        }
    }

    private static Cipher cipher(int mode, SecretKey key, byte[] bytes) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(TAG * Byte.SIZE, bytes, HEAD, NONCE));
        cipher.updateAAD(PURPOSE);
        cipher.updateAAD(bytes, 0, HEAD);
        return cipher;
    }

    @Override
    public byte[] canonical(Object payload) throws Exception {
        return inner.canonical(payload);
    }

    @Override
    public String toString() {
        return inner + ", encrypted (" + keys + ")";
    }
}
