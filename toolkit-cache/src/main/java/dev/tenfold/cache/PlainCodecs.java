package dev.tenfold.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The codecs that need no library, and the choice among the libraries for those that do. */
final class PlainCodecs {
    static final int BYTES_ID = 1;
    static final int STRING_ID = 2;
    static final int LONGS_ID = 3;
    static final int JACKSON_2_ID = 4;
    static final int JACKSON_3_ID = 5;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    static final Codec<byte[]> BYTES = new Codec<>() {
        @Override
        public byte[] encode(byte[] value) {
            return value;
        }

        @Override
        public byte[] decode(byte[] bytes) {
            return bytes;
        }

        @Override
        public int id() {
            return BYTES_ID;
        }
    };

    static final Codec<String> STRING = new Codec<>() {
        @Override
        public byte[] encode(String value) throws CharacterCodingException {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            if (Utf8.length(value) < 0) {
                StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value)); // says where
            }
            return bytes;
        }

        @Override
        public String decode(byte[] bytes) {
            return decode(bytes, 0, bytes.length);
        }

        @Override
        public String decode(byte[] bytes, int offset, int length) {
            // Not strict: malformed bytes cannot come here, the envelope's checksum has seen them.
            return new String(bytes, offset, length, StandardCharsets.UTF_8);
        }

        @Override
        public int id() {
            return STRING_ID;
        }
    };

    static final Codec<Long> LONGS = new Codec<>() {
        @Override
        public byte[] encode(Long value) {
            byte[] bytes = new byte[Long.BYTES];
            LONG.set(bytes, 0, (long) value);
            return bytes;
        }

        @Override
        public Long decode(byte[] bytes) {
            return decode(bytes, 0, bytes.length);
        }

        @Override
        public Long decode(byte[] bytes, int offset, int length) {
            if (length != Long.BYTES) {
                throw new IllegalArgumentException(length + " bytes are no long, which has " + Long.BYTES);
            }
            return (long) LONG.get(bytes, offset);
        }

        @Override
        public int id() {
            return LONGS_ID;
        }
    };

    private PlainCodecs() {}

    /** The major version of Jackson to use: 2 or 3. */
    static int jackson(Class<?> type) {
        if (isPresent("com.fasterxml.jackson.databind.ObjectMapper")) {
            return 2;
        }
        if (isPresent("tools.jackson.databind.ObjectMapper")) {
            return 3;
        }
        throw new IllegalStateException(
                "Codec.json(" + type.getSimpleName() + ".class) needs Jackson, which is not on the"
                        + " class path; add com.fasterxml.jackson.core:jackson-databind (2.x) or"
                        + " tools.jackson.core:jackson-databind (3.x), or give the cache a codec of your own");
    }

    static boolean isPresent(String className) {
        try {
            Class.forName(className, false, PlainCodecs.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false; // an optional dependency that was not opted for
        }
    }
}
