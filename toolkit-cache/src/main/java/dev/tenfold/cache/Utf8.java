package dev.tenfold.cache;

/**
 * Writes strings as UTF-8 into an array that is already there, and knows those that have no UTF-8: the JDK's encoder would
 * write {@code ?} for half a surrogate pair, and two strings would share their bytes.
 */
final class Utf8 {
    private Utf8() {}

    /** The length in bytes, or -1 if the string has half a surrogate pair. */
    static int length(String text) {
        int length = text.length();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= 0x800) {
                if (!Character.isSurrogate(c)) {
                    length += 2;
                } else if (Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1))) {
                    length += 2; // four bytes for the two chars
                    i++;
                } else {
                    return -1;
                }
            } else if (c >= 0x80) {
                length++;
            }
        }
        return length;
    }

    /** Writes a string that has a {@link #length}; returns the position after it. */
    static int write(String text, byte[] out, int at) {
        for (int i = 0; i < text.length(); i++) {
            int c = text.charAt(i);
            if (c < 0x80) {
                out[at++] = (byte) c;
            } else if (c < 0x800) {
                out[at++] = (byte) (0xC0 | (c >>> 6));
                out[at++] = continuation(c);
            } else if (!Character.isSurrogate((char) c)) {
                out[at++] = (byte) (0xE0 | (c >>> 12));
                out[at++] = continuation(c >>> 6);
                out[at++] = continuation(c);
            } else {
                c = text.codePointAt(i++);
                out[at++] = (byte) (0xF0 | (c >>> 18));
                out[at++] = continuation(c >>> 12);
                out[at++] = continuation(c >>> 6);
                out[at++] = continuation(c);
            }
        }
        return at;
    }

    private static byte continuation(int bits) {
        return (byte) (0x80 | (bits & 0x3F));
    }
}
