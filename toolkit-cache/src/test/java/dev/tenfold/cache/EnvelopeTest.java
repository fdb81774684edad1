package dev.tenfold.cache;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.management.ManagementFactory;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The binary form, and bytes that only look like it. */
class EnvelopeTest {
    private static final int SCHEMA = 0x5C4E4A00;
    private static final int CODEC = 200;

    private static Envelope entry(byte @Nullable [] payload, String... tags) {
        return new Envelope(
                0x1111111111111111L,
                0x2222222222222222L,
                3_000,
                4_000,
                1_000,
                42,
                0x5555555555555555L,
                0x6666666666666666L,
                SCHEMA,
                CODEC,
                7_000,
                List.of(tags),
                payload == null ? null : new Envelope.Payload(payload));
    }

    private static @Nullable Envelope read(byte[] bytes) {
        return Envelope.read(bytes, SCHEMA, CODEC);
    }

    private static Envelope readBack(byte[] bytes) {
        Envelope read = read(bytes);
        if (read == null) {
            throw new AssertionError("not trusted: " + HexFormat.of().formatHex(bytes));
        }
        return read;
    }

    private static byte @Nullable [] payload(Envelope entry) {
        Envelope.Payload payload = entry.payload();
        return payload == null
                ? null
                : Arrays.copyOfRange(payload.bytes, payload.offset, payload.offset + payload.length);
    }

    /** All but the payload's place. */
    private static void assertSame(Envelope actual, Envelope expected) {
        assertThat(withoutPayload(actual)).isEqualTo(withoutPayload(expected));
        assertThat(payload(actual)).isEqualTo(payload(expected));
    }

    private static Envelope withoutPayload(Envelope entry) {
        return new Envelope(
                entry.idHigh(),
                entry.idLow(),
                entry.freshUntilMillis(),
                entry.staleUntilMillis(),
                entry.createdMillis(),
                entry.asOf(),
                entry.epochHigh(),
                entry.epochLow(),
                entry.schema(),
                entry.codec(),
                entry.loadMicros(),
                entry.tags(),
                null);
    }

    private static Envelope random(Random random) {
        byte[] payload = new byte[random.nextInt(4) == 0 ? random.nextInt(6_000) : random.nextInt(100)];
        if (random.nextBoolean()) {
            random.nextBytes(payload);
        } else {
            Arrays.fill(payload, (byte) random.nextInt());
        }
        List<String> tags = new ArrayList<>();
        for (int left = random.nextInt(4); left > 0; left--) {
            tags.add("tag ü " + "x".repeat(random.nextInt(20)));
        }
        long fresh = random.nextLong() >> 1;
        return new Envelope(
                random.nextLong(),
                random.nextLong(),
                fresh,
                fresh + random.nextInt(1_000_000),
                random.nextLong(),
                random.nextLong(),
                random.nextLong(),
                random.nextLong(),
                SCHEMA,
                CODEC,
                random.nextInt(Integer.MAX_VALUE),
                tags,
                random.nextInt(8) == 0 ? null : new Envelope.Payload(payload));
    }

    /** With a checksum that fits, as a forger would make it. */
    private static byte[] sealed(byte[] bytes) {
        int end = bytes.length - 4;
        if (end >= 26) {
            CRC32C crc = new CRC32C();
            crc.update(bytes, 0, 2);
            crc.update(bytes, 26, end - 26);
            ByteBuffer.wrap(bytes).putInt(end, (int) crc.getValue());
        }
        return bytes;
    }

    // ---- what was written is read -----------------------------------------------------------------------------------

    @Test
    void random_entries_come_back_equal() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 5_000; round++) {
            Envelope entry = random(random);

            byte[] bytes = entry.write(random.nextInt(200));

            assertThat(read(bytes)).as("seed %d, round %d", seed, round).isNotNull();
            assertSame(readBack(bytes), entry);
        }
    }

    @Test
    void format_1_is_these_bytes() {
        assertThat(HexFormat.of()
                        .formatHex(entry("hi".getBytes(UTF_8), "a", "ü").write()))
                .isEqualTo("f401" + "1111111111111111" + "2222222222222222" + "0000000000000bb8" + "0000000000000fa0"
                        + "00000000000003e8" + "000000000000002a" + "5555555555555555" + "6666666666666666"
                        + "5c4e4a00" + "c8" + "00" + "00001b58" + "0002" + "000161" + "0002c3bc" + "00000002" + "6869"
                        + "b52c036b");
    }

    @Test
    void what_scripts_patch_is_where_they_patch_it() {
        ByteBuffer bytes = ByteBuffer.wrap(entry(new byte[3]).write());

        assertThat(bytes.get(0)).isEqualTo((byte) 0xF4).isNotIn((byte) 'L', (byte) 'F');
        assertThat(bytes.getLong(2)).isEqualTo(0x1111111111111111L);
        assertThat(bytes.getLong(10)).isEqualTo(0x2222222222222222L);
        assertThat(Envelope.PREFIX).isEqualTo(18);
        assertThat(bytes.getLong(Envelope.FRESH_UNTIL)).isEqualTo(3_000);
        assertThat(bytes.getLong(Envelope.STALE_UNTIL)).isEqualTo(4_000);
        assertThat(bytes.getLong(Envelope.CREATED)).isEqualTo(1_000);
        assertThat(bytes.getLong(Envelope.AS_OF)).isEqualTo(42);
        assertThat(bytes.getLong(Envelope.EPOCH)).isEqualTo(0x5555555555555555L);
        assertThat(bytes.getInt(Envelope.LOAD_MICROS)).isEqualTo(7_000);
    }

    @Test
    void an_entry_whose_id_and_freshness_were_patched_is_still_trusted() {
        byte[] bytes = entry("v".getBytes(UTF_8)).write();
        ByteBuffer.wrap(bytes)
                .putLong(Envelope.ID, 9)
                .putLong(Envelope.ID + 8, 8)
                .putLong(Envelope.FRESH_UNTIL, 0);

        Envelope read = readBack(bytes);

        assertThat(read.idHigh()).isEqualTo(9);
        assertThat(read.idLow()).isEqualTo(8);
        assertThat(read.freshUntilMillis()).isZero();
        assertThat(payload(read)).asString(UTF_8).isEqualTo("v");
    }

    @Test
    void a_freshness_beyond_the_checked_end_is_not_trusted() {
        byte[] bytes = entry(new byte[1]).write();
        ByteBuffer.wrap(bytes).putLong(Envelope.FRESH_UNTIL, 4_001);

        assertThat(read(bytes)).isNull();
    }

    @Test
    void a_negative_entry_has_no_payload_and_an_empty_value_has_an_empty_one() {
        assertThat(readBack(entry(null).write()).isNegative()).isTrue();
        assertThat(readBack(entry(new byte[0]).write()).isNegative()).isFalse();
        assertThat(payload(readBack(entry(new byte[0]).write()))).isEmpty();
    }

    @Test
    void a_payload_is_decoded_where_it_lies() throws Exception {
        byte[] bytes = entry("hello".getBytes(UTF_8)).write();
        Envelope.Payload payload = Objects.requireNonNull(readBack(bytes).payload());

        assertThat(payload.bytes).isSameAs(bytes);
        assertThat(payload.decode(Codec.string())).isEqualTo("hello");
    }

    @Test
    void part_of_an_array_can_be_written() {
        Envelope.Payload part = new Envelope.Payload("within".getBytes(UTF_8), 1, 3);
        Envelope whole = entry(new byte[0]);
        Envelope entry = new Envelope(0, 0, 0, 0, 0, 0, 0, 0, whole.schema(), whole.codec(), 0, List.of(), part);

        assertThat(payload(readBack(entry.write()))).asString(UTF_8).isEqualTo("ith");
    }

    @Test
    void many_long_tags_come_back() {
        List<String> tags = Collections.nCopies(1_000, "t".repeat(500));
        Envelope read = readBack(entry(new byte[1], tags.toArray(String[]::new)).write());

        assertThat(read.tags()).isEqualTo(tags);
    }

    // ---- compression ------------------------------------------------------------------------------------------------

    @Test
    void values_above_the_threshold_are_compressed() {
        byte[] value = "all work and no play ".repeat(500).getBytes(UTF_8);

        byte[] bytes = entry(value).write();

        assertThat(bytes.length).isLessThan(value.length / 10);
        assertThat(bytes[Envelope.FLAGS]).isEqualTo((byte) 2);
        assertThat(payload(readBack(bytes))).isEqualTo(value);
    }

    @Test
    void values_up_to_the_threshold_are_not() {
        byte[] value = new byte[Envelope.COMPRESS_ABOVE];

        assertThat(entry(value).write().length).isGreaterThan(value.length);
        assertThat(entry(value).write(value.length - 1).length).isLessThan(value.length);
        assertThat(entry(value).write(Integer.MAX_VALUE)[Envelope.FLAGS]).isZero();
    }

    @Test
    void values_that_do_not_get_a_tenth_smaller_stay_as_they_are() {
        byte[] noise = new byte[10_000];
        new Random(1).nextBytes(noise);
        byte[] almost = noise.clone();
        Arrays.fill(almost, 0, 950, (byte) 0);
        byte[] enough = noise.clone();
        Arrays.fill(enough, 0, 1_100, (byte) 0);

        assertThat(entry(noise).write()[Envelope.FLAGS]).isZero();
        assertThat(entry(almost).write()[Envelope.FLAGS]).isZero();
        assertThat(entry(enough).write()[Envelope.FLAGS]).isEqualTo((byte) 2);
        for (byte[] value : List.of(noise, almost, enough)) {
            assertThat(payload(readBack(entry(value).write()))).isEqualTo(value);
        }
    }

    @Test
    void values_beyond_what_is_believed_of_compression_are_stored_as_they_are() {
        byte[] huge = new byte[Envelope.MOST_UNCOMPRESSED + 1];

        byte[] bytes = entry(huge).write();

        assertThat(bytes[Envelope.FLAGS]).isZero();
        assertThat(readBack(bytes).payload())
                .isNotNull()
                .extracting(p -> p.length)
                .isEqualTo(huge.length);
    }

    /** Run by a class path without LZ4, which shares only the JDK's classes with ours. */
    static final class WithoutLz4 implements Supplier<byte[]>, Function<byte[], Boolean> {
        @Override
        public byte[] get() {
            return entry(new byte[5_000]).write();
        }

        @Override
        public Boolean apply(byte[] bytes) {
            return read(bytes) != null;
        }
    }

    @Test
    @SuppressWarnings("unchecked")
    void without_lz4_nothing_is_compressed_and_what_others_compressed_is_a_miss() throws Exception {
        Constructor<?> constructor = new HidingLoader("net.jpountz")
                .loadClass(WithoutLz4.class.getName())
                .getDeclaredConstructor();
        constructor.setAccessible(true);
        Object without = constructor.newInstance();
        byte[] uncompressed = ((Supplier<byte[]>) without).get();
        byte[] compressed = entry(new byte[5_000]).write();

        assertThat(uncompressed.length).isGreaterThan(5_000);
        assertThat(compressed.length).isLessThan(500);
        assertThat(((Function<byte[], Boolean>) without).apply(uncompressed)).isTrue();
        assertThat(((Function<byte[], Boolean>) without).apply(compressed)).isFalse();
        assertThat(read(uncompressed)).isNotNull();
    }

    // ---- what is not trusted ----------------------------------------------------------------------------------------

    @Test
    void leases_fences_and_nothing_are_no_entries() {
        for (String slot : List.of("", "L", "F", "L|token", "F|id1,id2", "x".repeat(200), "L" + "\0".repeat(200))) {
            assertThat(read(slot.getBytes(UTF_8))).isNull();
        }
    }

    @Test
    void entries_of_another_format_schema_or_codec_are_misses() {
        byte[] bytes = entry(new byte[5]).write();

        assertThat(Envelope.read(bytes, SCHEMA + 1, CODEC)).isNull();
        assertThat(Envelope.read(bytes, SCHEMA, CODEC - 1)).isNull();
        bytes[1] = 2;
        assertThat(read(sealed(bytes))).isNull();
    }

    @Test
    void no_single_flipped_bit_goes_unseen_but_those_that_scripts_patch() {
        for (byte[] bytes : List.of(
                entry("some value".getBytes(UTF_8), "one", "two").write(),
                entry(new byte[2_000], "one").write(),
                entry(null).write())) {
            for (int bit = 0; bit < 8 * bytes.length; bit++) {
                byte[] flipped = bytes.clone();
                flipped[bit / 8] ^= (byte) (1 << bit % 8);

                Envelope read = read(flipped);

                if (bit / 8 < Envelope.ID || bit / 8 >= Envelope.STALE_UNTIL) {
                    assertThat(read).as("bit %d", bit).isNull();
                } else if (read != null) {
                    assertThat(payload(read)).isEqualTo(payload(readBack(bytes)));
                    assertThat(read.freshUntilMillis()).isLessThanOrEqualTo(4_000);
                }
            }
        }
    }

    @Test
    void no_cut_and_no_extension_goes_unseen() {
        byte[] bytes = entry("some value".getBytes(UTF_8), "one", "two").write();

        for (int length = 0; length < bytes.length; length++) {
            assertThat(read(Arrays.copyOf(bytes, length)))
                    .as("length %d", length)
                    .isNull();
            assertThat(read(Arrays.copyOfRange(bytes, bytes.length - length, bytes.length)))
                    .isNull();
        }
        for (int more = 1; more < 300; more++) {
            assertThat(read(Arrays.copyOf(bytes, bytes.length + more)))
                    .as("%d more", more)
                    .isNull();
        }
    }

    /** A fixed seed: one in four billion wrong entries has the right checksum. */
    @Test
    void damaged_entries_are_never_taken_for_another_value() {
        Random random = new Random(20_261_124);
        Envelope entry = entry(new byte[0]);
        byte[] bytes = {};
        for (int round = 0; round < 200_000; round++) {
            if (round % 1_000 == 0) {
                entry = random(random);
                bytes = entry.write(random.nextInt(100));
            }
            byte[] damaged = damaged(bytes, random);

            Envelope read = read(damaged);

            if (read != null) {
                Envelope patched = readBack(bytesWithHeadOf(damaged, bytes));
                assertSame(read, patched);
                assertThat(payload(read)).as("round %d", round).isEqualTo(payload(entry));
                assertThat(read.staleUntilMillis()).isEqualTo(entry.staleUntilMillis());
            }
        }
    }

    private static byte[] bytesWithHeadOf(byte[] head, byte[] bytes) {
        byte[] patched = bytes.clone();
        System.arraycopy(head, Envelope.ID, patched, Envelope.ID, Envelope.STALE_UNTIL - Envelope.ID);
        return patched;
    }

    @Test
    void forged_entries_with_a_checksum_that_fits_never_throw() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        byte[] bytes = {};
        for (int round = 0; round < 200_000; round++) {
            if (round % 1_000 == 0) {
                bytes = random(random).write(random.nextInt(100));
            }
            byte[] forged = sealed(damaged(bytes, random));
            try {
                read(forged);
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + HexFormat.of().formatHex(forged), e);
            }
        }
    }

    private static byte[] damaged(byte[] bytes, Random random) {
        byte[] damaged = bytes.clone();
        for (int times = 1 + random.nextInt(3); times > 0; times--) {
            int length = damaged.length;
            int kind = random.nextInt(6);
            if (kind == 0) {
                damaged = Arrays.copyOf(damaged, random.nextInt(length + 1));
            } else if (kind == 1) {
                damaged = Arrays.copyOf(damaged, length + 1 + random.nextInt(50));
            } else if (kind == 2 && length > Envelope.TAGS + 10) {
                damaged[Envelope.CODEC + 1 + random.nextInt(15)] = (byte) random.nextInt(); // flags, counts, lengths
            } else if (kind == 3 && length > 8) {
                ByteBuffer.wrap(damaged).putInt(random.nextInt(length - 4), random.nextInt());
            } else if (length > 0) {
                damaged[random.nextInt(length)] ^= (byte) (1 << random.nextInt(8));
            }
        }
        return damaged;
    }

    @Test
    void an_entry_that_claims_more_than_it_can_hold_allocates_nothing_for_it() {
        byte[] bomb = entry(new byte[100_000]).write();
        int length = Envelope.TAGS + 2;
        for (int claim : new int[] {
            Integer.MAX_VALUE, Envelope.MOST_UNCOMPRESSED, 1 << 20, 99_999, 100_001, 0, -1, Integer.MIN_VALUE
        }) {
            ByteBuffer.wrap(bomb).putInt(length, claim);
            sealed(bomb);
            read(bomb); // warm: classes

            long before = allocated();
            assertThat(read(bomb)).as("claim %d", claim).isNull();
            assertThat(allocated() - before).as("claim %d", claim).isLessThan(300_000);
        }
    }

    @Test
    void a_count_of_tags_that_cannot_be_allocates_nothing_for_it() {
        byte[] bytes = entry(new byte[20]).write();
        ByteBuffer.wrap(bytes).putShort(Envelope.TAGS, (short) 0xFFFF);
        sealed(bytes);

        long before = allocated();
        assertThat(read(bytes)).isNull();
        assertThat(allocated() - before).isLessThan(50_000);
    }

    @Test
    void flags_that_this_version_does_not_know_are_not_trusted() {
        for (int flags = 0; flags < 256; flags++) {
            byte[] bytes = entry(new byte[10]).write();
            bytes[Envelope.FLAGS] = (byte) flags;

            assertThat(read(sealed(bytes)) != null).as("flags %d", flags).isEqualTo(flags == 0);
        }
    }

    private static long allocated() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        return threads.getCurrentThreadAllocatedBytes();
    }

    // ---- what is not written ----------------------------------------------------------------------------------------

    @Test
    void what_no_entry_can_hold_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Envelope(0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, List.of(), null))
                .withMessage("staleUntil 1 is before freshUntil 2");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Envelope(0, 0, 0, 0, 0, 0, 0, 0, 0, 256, 0, List.of(), null))
                .withMessageContaining("codec id 256");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Envelope(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, List.of(), null))
                .withMessageContaining("saturatedMicros");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> entry(null, Collections.nCopies(65_536, "").toArray(String[]::new)))
                .withMessageContaining("65536 tags");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> entry(null, "ü".repeat(32_768)).write())
                .withMessageContaining("65536 bytes");
    }

    @Test
    void a_cost_saturates() {
        assertThat(Envelope.saturatedMicros(1_999)).isEqualTo(1);
        assertThat(Envelope.saturatedMicros(Long.MAX_VALUE)).isEqualTo(Integer.MAX_VALUE);
        assertThat(Envelope.saturatedMicros(-5)).isZero();
    }
}
