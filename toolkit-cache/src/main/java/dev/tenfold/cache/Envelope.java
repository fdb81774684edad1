package dev.tenfold.cache;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One entry of the remote tier in its binary form: a value's bytes, and what decides whether they may be served.
 *
 * <p>The slot of a key holds an envelope, a lease ({@code L…}) or a fence ({@code F…}); their first bytes differ. All
 * numbers are big-endian. What scripts compare and patch stands in front, at fixed places:
 *
 * <pre>
 *   0  u8   magic 0xF4
 *   1  u8   format 1
 *   2  16   id                 random, unique a fill; scripts compare the first {@value #PREFIX} bytes
 *  18  i64  freshUntilMillis   Redis' clock; `expire` patches it to 0
 *  26  i64  staleUntilMillis   Redis' clock; the end of fail-safe, never before freshUntil
 *  34  i64  createdMillis      Redis' clock when the load began
 *  42  i64  asOf               number of the last invalidation known before the load
 *  50  16   epoch              of the journal that asOf counts in
 *  66  i32  schema             of the codec
 *  70  u8   codec              its id
 *  71  u8   flags              1: negative, the key has no value;  2: the value is compressed by LZ4
 *  72  i32  loadMicros         what the load cost, saturating
 *  76  u16  number of tags, then each: u16 length, UTF-8
 *   …  i32  length of the value before compression, then the value
 *   …  u32  CRC32C of all that precedes it, except id and freshUntil
 * </pre>
 *
 * <p>{@link #read} trusts nothing: the bytes may be cut, flipped, forged, or of another version of this class or of the
 * value's. A wrong {@code freshUntil}, which the checksum leaves out because scripts patch it, cannot serve a value beyond
 * {@code staleUntil}.
 *
 * @param tags copied
 * @param payload the value's bytes, uncompressed; null if the entry is negative
 */
record Envelope(
        long idHigh,
        long idLow,
        long freshUntilMillis,
        long staleUntilMillis,
        long createdMillis,
        long asOf,
        long epochHigh,
        long epochLow,
        int schema,
        int codec,
        int loadMicros,
        List<String> tags,
        @Nullable Payload payload) {
    static final byte MAGIC = (byte) 0xF4;
    static final byte FORMAT = 1;

    static final int ID = 2;
    /** How many leading bytes identify a fill: magic, format and id. */
    static final int PREFIX = 18;

    static final int FRESH_UNTIL = 18;
    static final int STALE_UNTIL = 26;
    static final int CREATED = 34;
    static final int AS_OF = 42;
    static final int EPOCH = 50;
    static final int SCHEMA = 66;
    static final int CODEC = 70;
    static final int FLAGS = 71;
    static final int LOAD_MICROS = 72;
    static final int TAGS = 76;

    /** Values above this size are compressed, if LZ4 is there. */
    static final int COMPRESS_ABOVE = 1024;
    /** Larger values are not compressed, and bytes that claim to be larger are not trusted. */
    static final int MOST_UNCOMPRESSED = 64 << 20;

    static final int MOST_TAGS = 0xFFFF;
    static final int MOST_TAG_BYTES = 0xFFFF;

    private static final int NEGATIVE = 1;
    private static final int COMPRESSED = 2;
    private static final int CHECKSUM_BYTES = 4;
    private static final int LEAST = TAGS + 2 + 4 + CHECKSUM_BYTES;

    /** Bytes within an array; shared, not copied. */
    static final class Payload {
        final byte[] bytes;
        final int offset;
        final int length;

        Payload(byte[] bytes) {
            this(bytes, 0, bytes.length);
        }

        Payload(byte[] bytes, int offset, int length) {
            this.bytes = bytes;
            this.offset = offset;
            this.length = length;
        }

        <V> V decode(Codec<V> codec) throws Exception {
            return codec.decode(bytes, offset, length);
        }
    }

    Envelope {
        tags = List.copyOf(tags);
        if (staleUntilMillis < freshUntilMillis) {
            throw new IllegalArgumentException(
                    "staleUntil " + staleUntilMillis + " is before freshUntil " + freshUntilMillis);
        }
        if (codec < 0 || codec > 0xFF) {
            throw new IllegalArgumentException("codec id " + codec + " is not in 0 to 255; change Codec.id()");
        }
        if (loadMicros < 0) {
            throw new IllegalArgumentException("loadMicros " + loadMicros + " is negative; use saturatedMicros");
        }
        if (tags.size() > MOST_TAGS) {
            throw new IllegalArgumentException(tags.size() + " tags are more than " + MOST_TAGS);
        }
    }

    /** A duration as {@link #loadMicros} has it. */
    static int saturatedMicros(long nanos) {
        return (int) Math.max(0, Math.min(Integer.MAX_VALUE, TimeUnit.NANOSECONDS.toMicros(nanos)));
    }

    /** Whether the key has no value, and that was known. */
    boolean isNegative() {
        return payload == null;
    }

    // ---- writing ----------------------------------------------------------------------------------------------------

    byte[] write() {
        return write(COMPRESS_ABOVE);
    }

    /**
     * The bytes of this entry.
     *
     * @param compressAbove payloads of more bytes are compressed, if LZ4 is there and saves a tenth
     * @throws IllegalArgumentException if a tag has more than {@value #MOST_TAG_BYTES} bytes
     */
    byte[] write(int compressAbove) {
        byte[][] tagBytes = tagBytes();
        int start = TAGS + 2 + 4;
        for (byte[] tag : tagBytes) {
            start = Math.addExact(start, 2 + tag.length);
        }
        int length = payload == null ? 0 : payload.length;
        boolean compress = Lz4.PRESENT && length > compressAbove && length <= MOST_UNCOMPRESSED;
        byte[] bytes = new byte[Math.addExact(start, compress ? Lz4.mostBytes(length) : length) + CHECKSUM_BYTES];
        int flags = NEGATIVE;
        int stored = 0;
        if (payload != null) {
            stored = compress ? Lz4.compress(payload.bytes, payload.offset, length, bytes, start) : length;
            flags = COMPRESSED;
            if (!compress || stored > length - length / 10) {
                System.arraycopy(payload.bytes, payload.offset, bytes, start, length);
                flags = 0;
                stored = length;
            }
        }
        int end = start + stored;
        writeHead(bytes, flags, tagBytes, length);
        ByteBuffer.wrap(bytes).putInt(end, checksum(bytes, end));
        int total = end + CHECKSUM_BYTES;
        return total == bytes.length ? bytes : Arrays.copyOf(bytes, total);
    }

    private byte[][] tagBytes() {
        byte[][] tagBytes = new byte[tags.size()][];
        for (int i = 0; i < tagBytes.length; i++) {
            byte[] tag = tags.get(i).getBytes(StandardCharsets.UTF_8);
            if (tag.length > MOST_TAG_BYTES) {
                throw new IllegalArgumentException("a tag has " + tag.length + " bytes, at most " + MOST_TAG_BYTES
                        + " are allowed: " + tags.get(i).substring(0, 40) + "…");
            }
            tagBytes[i] = tag;
        }
        return tagBytes;
    }

    private void writeHead(byte[] bytes, int flags, byte[][] tagBytes, int length) {
        ByteBuffer out = ByteBuffer.wrap(bytes);
        out.put(MAGIC).put(FORMAT).putLong(idHigh).putLong(idLow);
        out.putLong(freshUntilMillis).putLong(staleUntilMillis).putLong(createdMillis);
        out.putLong(asOf).putLong(epochHigh).putLong(epochLow);
        out.putInt(schema).put((byte) codec).put((byte) flags).putInt(loadMicros);
        out.putShort((short) tagBytes.length);
        for (byte[] tag : tagBytes) {
            out.putShort((short) tag.length).put(tag);
        }
        out.putInt(length);
    }

    // ---- reading ----------------------------------------------------------------------------------------------------

    /**
     * The entry that these bytes are, or null if they are none that can be trusted, or one of another schema or codec. Never
     * throws, and allocates no more than the bytes hold, or {@link #MOST_UNCOMPRESSED} for a value that was compressed.
     *
     * @param bytes kept by the entry, not copied
     */
    static @Nullable Envelope read(byte[] bytes, int schema, int codec) {
        if (bytes.length < LEAST || bytes[0] != MAGIC || bytes[1] != FORMAT) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(bytes);
        int end = bytes.length - CHECKSUM_BYTES;
        if (in.getInt(SCHEMA) != schema
                || (bytes[CODEC] & 0xFF) != codec
                || in.getInt(end) != checksum(bytes, end)
                || in.getLong(STALE_UNTIL) < in.getLong(FRESH_UNTIL)
                || in.getInt(LOAD_MICROS) < 0) {
            return null;
        }
        in.limit(end).position(TAGS);
        List<String> tags = readTags(bytes, in);
        if (tags == null || in.remaining() < 4) {
            return null;
        }
        int flags = bytes[FLAGS] & 0xFF;
        int length = in.getInt();
        Payload payload = null;
        if (flags == NEGATIVE) {
            if (length != 0 || in.hasRemaining()) {
                return null;
            }
        } else {
            payload = readPayload(bytes, in.position(), in.remaining(), flags, length);
            if (payload == null) {
                return null;
            }
        }
        return new Envelope(
                in.getLong(ID),
                in.getLong(ID + 8),
                in.getLong(FRESH_UNTIL),
                in.getLong(STALE_UNTIL),
                in.getLong(CREATED),
                in.getLong(AS_OF),
                in.getLong(EPOCH),
                in.getLong(EPOCH + 8),
                schema,
                codec,
                in.getInt(LOAD_MICROS),
                tags,
                payload);
    }

    private static @Nullable List<String> readTags(byte[] bytes, ByteBuffer in) {
        int count = in.getShort() & 0xFFFF;
        if (count == 0) {
            return List.of();
        }
        if (2 * count > in.remaining()) {
            return null;
        }
        List<String> tags = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            if (in.remaining() < 2) {
                return null;
            }
            int length = in.getShort() & 0xFFFF;
            if (length > in.remaining()) {
                return null;
            }
            tags.add(new String(bytes, in.position(), length, StandardCharsets.UTF_8));
            in.position(in.position() + length);
        }
        return tags;
    }

    private static @Nullable Payload readPayload(byte[] bytes, int start, int stored, int flags, int length) {
        if (flags == 0) {
            return length == stored ? new Payload(bytes, start, length) : null;
        }
        if (flags != COMPRESSED || length > MOST_UNCOMPRESSED || !Lz4.PRESENT) {
            return null;
        }
        byte[] value = Lz4.decompress(bytes, start, stored, length);
        return value == null ? null : new Payload(value);
    }

    /** Leaves out what scripts patch. */
    private static int checksum(byte[] bytes, int end) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, ID);
        crc.update(bytes, STALE_UNTIL, end - STALE_UNTIL);
        return (int) crc.getValue();
    }
}
