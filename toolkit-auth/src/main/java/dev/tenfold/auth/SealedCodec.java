package dev.tenfold.auth;

import dev.tenfold.cache.Codec;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/**
 * Entries under AES-256-GCM (NIST SP 800-38D): who can read Redis reads nothing, who can write there is noticed.
 *
 * <pre>
 *   key id (4 bytes) | nonce (12, random) | ciphertext and tag          associated data: the version and the key id
 * </pre>
 *
 * <p>The entry holds its own key, so that one moved to another slot is noticed too. With random nonces one key is good for 2^32
 * entries; take a new one once a year or after a billion entries, whichever comes first.
 */
final class SealedCodec implements Codec<Entry> {
    private static final int NONCE = 12;
    private static final int TAG_BITS = 128;
    private static final int HEADER = 4 + NONCE;
    private static final byte VERSION = 1;

    private final EntryCodec plain = new EntryCodec();
    private final SecureRandom random = new SecureRandom();
    private final SealKeys keys;
    private final Runnable onTampered;

    SealedCodec(SealKeys keys, Runnable onTampered) {
        this.keys = keys;
        this.onTampered = onTampered;
    }

    @Override
    public int id() {
        return EntryCodec.ID + 1;
    }

    @Override
    public byte[] encode(Entry entry) throws Exception {
        byte[] nonce = new byte[NONCE];
        random.nextBytes(nonce);
        byte[] text = plain.encode(entry);
        Cipher cipher = cipher(Cipher.ENCRYPT_MODE, keys.newest(), keys.newestId, nonce);
        ByteBuffer sealed = ByteBuffer.allocate(HEADER + cipher.getOutputSize(text.length));
        sealed.putInt(keys.newestId).put(nonce);
        int unused = cipher.doFinal(ByteBuffer.wrap(text), sealed);
        return sealed.array();
    }

    @Override
    public Entry decode(byte[] bytes) throws Exception {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        if (in.remaining() <= HEADER) throw new GeneralSecurityException("too short to be sealed");
        int id = in.getInt();
        SecretKey key = keys.byId.get(id);
        if (key == null)
            throw new GeneralSecurityException("sealed with key " + id + ", which this node does not have");
        byte[] nonce = new byte[NONCE];
        in.get(nonce);
        byte[] text;
        try {
            text = cipher(Cipher.DECRYPT_MODE, key, id, nonce).doFinal(bytes, HEADER, bytes.length - HEADER);
        } catch (AEADBadTagException e) {
            onTampered.run();
            throw e;
        }
        return plain.decode(text);
    }

    private static Cipher cipher(int mode, SecretKey key, int id, byte[] nonce) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
        cipher.updateAAD(ByteBuffer.allocate(5).put(VERSION).putInt(id).flip());
        return cipher;
    }
}
