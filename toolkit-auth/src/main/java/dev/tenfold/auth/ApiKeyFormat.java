package dev.tenfold.auth;

import java.security.SecureRandom;
import java.util.zip.CRC32;

/**
 * What an API key looks like: a prefix, a public id, an underscore, a secret, and a checksum over all of these.
 *
 * <pre>
 *   tk_live_  3bQ9xTz0LmPa  _  h8Jk2…Wq (32)  0fXe1B
 *   prefix    id               secret         CRC-32
 * </pre>
 *
 * <p>The id has 71 random bits, the secret 190. The checksum is that of GitHub's tokens: CRC-32 in base 62, six digits. It
 * finds what was mistyped or made up, and lets a secret scanner tell a key from its likes; anybody can compute it.
 */
final class ApiKeyFormat {
    static final String ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static final int ID_LENGTH = 12;
    static final int SECRET_LENGTH = 32;
    static final int CHECKSUM_LENGTH = 6;

    private static final int BASE = 62;

    private final String prefix;
    private final int underscore;
    private final int checksumAt;
    private final int length;

    ApiKeyFormat(String prefix) {
        this.prefix = prefix;
        underscore = prefix.length() + ID_LENGTH;
        checksumAt = underscore + 1 + SECRET_LENGTH;
        length = checksumAt + CHECKSUM_LENGTH;
    }

    /** A new key of that id. */
    String key(String id, SecureRandom random) {
        String signed = prefix + id + '_' + random(random, SECRET_LENGTH);
        return signed + checksum(signed, signed.length());
    }

    /** Takes no longer for a long text, as its length is looked at first. */
    boolean fits(String text) {
        if (text.length() != length || !text.startsWith(prefix)) return false;
        for (int i = prefix.length(); i < length; i++) {
            char c = text.charAt(i);
            if (i == underscore ? c != '_' : !isDigit(c)) return false;
        }
        return text.startsWith(checksum(text, checksumAt), checksumAt);
    }

    /** The id in a key that fits. */
    String id(String key) {
        return key.substring(prefix.length(), underscore);
    }

    /** What of a key that fits is hashed: all but the checksum. */
    String signed(String key) {
        return key.substring(0, checksumAt);
    }

    static boolean isId(String text) {
        if (text.length() != ID_LENGTH) return false;
        for (int i = 0; i < ID_LENGTH; i++) {
            if (!isDigit(text.charAt(i))) return false;
        }
        return true;
    }

    private static boolean isDigit(char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }

    /** Each digit as likely as any other: of 64 numbers, two are thrown away. */
    static String random(SecureRandom random, int length) {
        StringBuilder text = new StringBuilder(length);
        byte[] bytes = new byte[length + length / 8];
        while (true) {
            random.nextBytes(bytes);
            for (byte one : bytes) {
                int digit = one & 63;
                if (digit < BASE) text.append(ALPHABET.charAt(digit));
                if (text.length() == length) return text.toString();
            }
        }
    }

    static String checksum(String text, int end) {
        CRC32 crc = new CRC32();
        for (int i = 0; i < end; i++) crc.update(text.charAt(i));
        long rest = crc.getValue();
        char[] digits = new char[CHECKSUM_LENGTH];
        for (int i = CHECKSUM_LENGTH - 1; i >= 0; i--) {
            digits[i] = ALPHABET.charAt((int) (rest % BASE));
            rest /= BASE;
        }
        return new String(digits);
    }
}
