package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.Date;
import java.sql.Time;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CursorsTest {
    private static final byte[] SECRET = "0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.UTF_8);
    private static final byte[] OTHER = "fedcba9876543210fedcba9876543210".getBytes(StandardCharsets.UTF_8);
    private static final Cursors CURSORS = Cursors.signed(SECRET);

    private static String cursor(Cursors cursors, @Nullable Object... key) {
        return cursors.write("id asc", new Position(Arrays.asList(key), false));
    }

    private static ThrowableAssertAlternative<InvalidCursorException> refused(Cursors cursors, String cursor) {
        return assertThatExceptionOfType(InvalidCursorException.class)
                .isThrownBy(() -> cursors.read("id asc", 1, cursor));
    }

    @Test
    void values_of_every_type_come_back_equal_and_of_the_same_class() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            for (Object value : values(random)) {
                Position read = CURSORS.read("id asc", 1, cursor(CURSORS, value));
                Object back = read.key().get(0);
                assertThat(back).as("seed %d", seed).isEqualTo(value);
                assertThat(back == null ? null : back.getClass())
                        .as("seed %d", seed)
                        .isEqualTo(value == null ? null : value.getClass());
            }
        }
    }

    private static List<@Nullable Object> values(Random random) {
        byte[] bytes = new byte[random.nextInt(50)];
        random.nextBytes(bytes);
        long number = random.nextLong() >> random.nextInt(64);
        LocalDateTime local =
                LocalDateTime.ofEpochSecond(number % 1_000_000_000_000L, random.nextInt(1_000_000_000), ZoneOffset.UTC);
        Timestamp timestamp = new Timestamp(number % 1_000_000_000_000L);
        timestamp.setNanos(random.nextInt(1_000_000_000));
        List<@Nullable Object> values = new ArrayList<>();
        values.add(null);
        values.addAll(List.of(number, (int) number, (short) number, (byte) number, random.nextBoolean()));
        values.addAll(List.of(Double.longBitsToDouble(number), Float.intBitsToFloat((int) number)));
        values.addAll(
                List.of("", "\u00e4\ud83d\ude00\u0000'?{0}" + number, new UUID(number, random.nextLong()), bytes));
        values.add(new BigDecimal(new BigInteger(1 + random.nextInt(300), random), random.nextInt(2_000) - 1_000));
        values.add(new BigInteger(1 + random.nextInt(300), random).negate());
        values.addAll(List.of(local, local.toLocalDate(), local.toLocalTime()));
        values.add(local.atOffset(ZoneOffset.ofTotalSeconds(random.nextInt(64_800) - 32_400)));
        values.add(local.toInstant(ZoneOffset.UTC));
        values.addAll(List.of(timestamp, new Date(number), new Time(number)));
        values.addAll(List.of(
                LocalDateTime.MAX, LocalDateTime.MIN, OffsetDateTime.MAX, Instant.MIN, LocalDate.MAX, LocalTime.MAX));
        return values;
    }

    @Test
    void a_cursor_of_two_numbers_is_short_and_needs_no_escaping() {
        assertThat(cursor(CURSORS, 1L, 2L)).hasSizeLessThan(64).matches("[A-Za-z0-9_-]+");
    }

    @Test
    void every_bit_counts() {
        for (Cursors cursors : List.of(CURSORS, Cursors.unsigned())) {
            byte[] good = Base64.getUrlDecoder().decode(cursor(cursors, "abc"));
            for (int bit = 0; bit < good.length * 8; bit++) {
                byte[] flipped = good.clone();
                flipped[bit / 8] ^= (byte) (1 << (bit % 8));
                refused(cursors, encoded(flipped));
            }
        }
    }

    @Test
    void every_character_counts_even_its_bits_that_are_not_used() {
        for (String text : List.of("a", "ab", "abc")) {
            String good = cursor(CURSORS, text);
            for (int i = 0; i < good.length(); i++) {
                for (char c = 0; c < 256; c++) {
                    if (c == good.charAt(i)) continue;
                    refused(CURSORS, good.substring(0, i) + c + good.substring(i + 1));
                }
            }
        }
    }

    @Test
    void a_cursor_that_is_cut_or_longer_is_refused() {
        String good = cursor(CURSORS, 7L);
        for (int length = 1; length < good.length(); length++) refused(CURSORS, good.substring(0, length));
        for (String tail : List.of("A", "AA", "AAAA", "=", " ", "\n")) refused(CURSORS, good + tail);
    }

    @Test
    void noise_is_refused() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            byte[] noise = new byte[random.nextInt(80)];
            random.nextBytes(noise);
            if (noise.length > 0 && random.nextBoolean()) noise[0] = 1;
            refused(CURSORS, encoded(noise));
            refused(Cursors.unsigned(), new String(noise, StandardCharsets.ISO_8859_1));
        }
    }

    @Test
    void a_cursor_of_another_sort_is_refused_by_name() {
        String other = CURSORS.write("id desc", new Position(List.of(1L), false));

        refused(CURSORS, other).withMessageContaining("another sort than \"id asc\"");
    }

    @Test
    void a_foreign_cursor_is_refused() {
        refused(CURSORS, cursor(Cursors.signed(OTHER), 1L)).withMessageContaining("secret");
        refused(CURSORS, cursor(Cursors.unsigned(), 1L)).withMessageContaining("secret");
        refused(Cursors.unsigned(), cursor(CURSORS, 1L)).withMessageContaining("secret");
    }

    @Test
    void a_secret_is_replaced_without_a_cursor_lost() {
        Cursors both = Cursors.signed(OTHER, SECRET);

        assertThat(both.read("id asc", 1, cursor(CURSORS, 1L)).key()).containsExactly(1L);
        assertThat(cursor(both, 1L)).isEqualTo(cursor(Cursors.signed(OTHER), 1L));
        refused(CURSORS, cursor(both, 1L));
    }

    @Test
    void a_secret_that_can_be_guessed_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Cursors.signed(SECRET, new byte[15]))
                .withMessageContaining("15 bytes")
                .withMessageContaining("at least 16");
    }

    @Test
    void another_format_is_refused_with_its_number() {
        byte[] bytes = Base64.getUrlDecoder().decode(cursor(CURSORS, 1L));
        bytes[0] = 2;

        refused(CURSORS, encoded(bytes)).withMessageContaining("format 2");
    }

    @Test
    void forged_values_of_unsigned_cursors_are_refused_not_obeyed() throws IOException {
        refused(Cursors.unsigned(), forged(out -> out.writeByte(99)));
        refused(Cursors.unsigned(), forged(out -> {}));
        refused(Cursors.unsigned(), forged(out -> {
            out.writeByte(8);
            out.writeInt(Integer.MAX_VALUE);
        }));
        refused(Cursors.unsigned(), forged(out -> {
            out.writeByte(8);
            out.writeInt(-1);
        }));
        refused(Cursors.unsigned(), forged(out -> {
            out.writeByte(9);
            out.writeInt(Integer.MIN_VALUE);
            out.writeInt(1);
            out.writeByte(1);
        }));
        refused(Cursors.unsigned(), forged(out -> {
            out.writeByte(13);
            out.writeLong(Long.MAX_VALUE);
        }));
        refused(Cursors.unsigned(), forged(out -> {
            out.writeByte(1);
            out.writeLong(1);
            out.writeByte(0);
        }));
    }

    @Test
    void forged_values_at_random_are_read_or_refused() throws IOException {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        int read = 0;
        for (int round = 0; round < 20_000; round++) {
            byte[] noise = new byte[1 + random.nextInt(24)];
            random.nextBytes(noise);
            noise[0] = (byte) random.nextInt(24);
            String cursor = forged(out -> out.write(noise));
            try {
                Position unused = Cursors.unsigned().read("id asc", 1, cursor);
                read++;
            } catch (InvalidCursorException expected) {
                assertThat(expected).as("seed %d", seed).hasMessageContaining("start at the first page");
            }
        }
        assertThat(read).as("seed %d", seed).isPositive();
    }

    private interface Values {
        void write(DataOutputStream out) throws IOException;
    }

    /** A cursor of any bytes that says it is right: what is known to all suffices. */
    private static String forged(Values values) throws IOException {
        byte[] good = Base64.getUrlDecoder().decode(cursor(Cursors.unsigned(), 1L));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.write(good, 0, 10);
            values.write(out);
        }
        byte[] body = bytes.toByteArray();
        ByteBuffer whole = ByteBuffer.allocate(body.length + 16);
        whole.put(body).put(Cursors.unsigned().signature(body, body.length));
        return encoded(whole.array());
    }

    private static String encoded(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
