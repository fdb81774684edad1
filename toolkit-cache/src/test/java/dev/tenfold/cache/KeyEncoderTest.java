package dev.tenfold.cache;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.lettuce.core.cluster.SlotHash;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Constructor;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Keys as bytes, and what other nodes make of them. */
@SuppressWarnings("NullAway") // gives nulls on purpose
class KeyEncoderTest {
    private static final String HERE = KeyEncoderTest.class.getName();

    enum Color {
        RED,
        GREEN {
            @Override
            public String toString() {
                return "grün";
            }
        }
    }

    private enum Size {
        RED
    }

    private record Point(int x, int y) {}

    private record Pair(Object left, Object right) {}

    private record Twin(Object left, Object right) {}

    record Everything() {}

    record Lower(String text) {
        Lower {
            text = text.toLowerCase(java.util.Locale.ROOT);
        }
    }

    record Prefixed(String text) {
        Prefixed {
            text = "p-" + text;
        }
    }

    record Positive(int number) {
        Positive {
            if (number <= 0) {
                throw new IllegalArgumentException("not positive: " + number);
            }
        }
    }

    private final KeyEncoder<Object> keys = KeyEncoder.typed();

    private String encoded(Object key) {
        return new String(keys.encode(key), UTF_8);
    }

    private @Nullable Object decoded(String bytes) {
        return keys.decode(bytes.getBytes(UTF_8));
    }

    // ---- bytes ------------------------------------------------------------------------------------------------------

    static Stream<Arguments> readable() {
        return Stream.of(
                Arguments.of("hello", "s:hello"),
                Arguments.of("", "s:"),
                Arguments.of("s:hello", "s:s:hello"),
                Arguments.of("grüße {日本} 😀", "s:grüße {日本} 😀"),
                Arguments.of(1, "i:1"),
                Arguments.of(Integer.MIN_VALUE, "i:-2147483648"),
                Arguments.of(0L, "l:0"),
                Arguments.of(42L, "l:42"),
                Arguments.of(-9L, "l:-9"),
                Arguments.of(Long.MIN_VALUE, "l:-9223372036854775808"),
                Arguments.of(Long.MAX_VALUE, "l:9223372036854775807"),
                Arguments.of((short) 3, "short:3"),
                Arguments.of((byte) -3, "byte:-3"),
                Arguments.of(true, "bool:true"),
                Arguments.of('a', "char:97"),
                Arguments.of('\uD83D', "char:55357"),
                Arguments.of(new UUID(1, 2), "uuid:00000000-0000-0001-0000-000000000002"),
                Arguments.of(BigInteger.TEN, "bigint:10"),
                Arguments.of(new BigDecimal("1.50"), "decimal:1.50"),
                Arguments.of(new BigDecimal("15E+3"), "decimal:1.5E+4"),
                Arguments.of(LocalDate.of(2026, 11, 24), "date:2026-11-24"),
                Arguments.of(LocalDateTime.of(2026, 11, 24, 7, 5), "datetime:2026-11-24T07:05"),
                Arguments.of(Instant.ofEpochSecond(0, 1), "instant:1970-01-01T00:00:00.000000001Z"),
                Arguments.of(Color.RED, "e:" + HERE + "$Color:RED"),
                Arguments.of(Color.GREEN, "e:" + HERE + "$Color:GREEN"),
                Arguments.of(List.of(), "list:"),
                Arguments.of(List.of(1, "a", List.of()), "list:3:i:1,3:s:a,5:list:,"),
                Arguments.of(new Point(1, -200), "r:" + HERE + "$Point:3:i:1,6:i:-200,"),
                Arguments.of(new Everything(), "r:" + HERE + "$Everything:"),
                Arguments.of(
                        new Pair("0123456789", new Point(0, 0)),
                        "r:" + HERE + "$Pair:12:s:0123456789," + (2 + HERE.length() + 7 + 12) + ":r:" + HERE
                                + "$Point:3:i:0,3:i:0,,"),
                Arguments.of(new Lower("ABC"), "r:" + HERE + "$Lower:5:s:abc,"));
    }

    @ParameterizedTest
    @MethodSource("readable")
    void keys_can_be_read_by_people_and_by_nodes(Object key, String bytes) {
        assertThat(encoded(key)).isEqualTo(bytes);
        assertThat(decoded(bytes)).isEqualTo(key);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\uD83D", "\uDE00", "a\uD83Db", "\uDE00\uD83D", "x\uD83D"})
    void strings_that_utf8_would_change_keep_apart_and_come_back(String broken) {
        byte[] bytes = keys.encode(broken);

        assertThat(keys.decode(bytes)).isEqualTo(broken);
        assertThat(bytes).isNotEqualTo(keys.encode(new String(broken.getBytes(UTF_8), UTF_8)));
        assertThat(keys.decode(keys.encode(List.of(broken)))).isEqualTo(List.of(broken));
    }

    @Test
    void lists_are_equal_whatever_their_class() {
        assertThat(keys.encode(new ArrayList<>(List.of(1, 2)))).isEqualTo(keys.encode(Arrays.asList(1, 2)));
    }

    @Test
    void keys_that_differ_in_type_alone_differ_in_bytes() {
        List<Object> alike = List.of(
                1,
                1L,
                "1",
                (short) 1,
                (byte) 1,
                (char) 1,
                '1',
                BigInteger.ONE,
                BigDecimal.ONE,
                new BigDecimal("1.0"),
                "i:1",
                "l:1",
                List.of(1),
                List.of(List.of(1)),
                List.of("1"),
                List.of("i:1"),
                List.of(1, 1),
                List.of("", ""),
                List.of(""),
                List.of(),
                "",
                Color.RED,
                Size.RED,
                "RED",
                new Point(1, 1),
                new Pair(1, 1),
                new Twin(1, 1),
                new Pair("a", "b,3:s:c"),
                new Pair("a,3:s:b", "c"));

        assertThat(alike.stream().map(this::encoded)).doesNotHaveDuplicates();
        for (Object key : alike) {
            assertThat(keys.decode(keys.encode(key))).isEqualTo(key);
        }
    }

    @Test
    void random_keys_have_equal_bytes_if_and_only_if_they_are_equal() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        Map<ByteBuffer, Object> byBytes = new HashMap<>();
        Map<Object, ByteBuffer> byKey = new HashMap<>();
        for (int round = 0; round < 100_000; round++) {
            Object key = randomKey(random, 3);
            ByteBuffer bytes = ByteBuffer.wrap(keys.encode(key));

            Object sameBytes = byBytes.putIfAbsent(bytes, key);
            ByteBuffer sameKey = byKey.putIfAbsent(key, bytes);

            assertThat(sameBytes == null ? key : sameBytes).as("seed %d", seed).isEqualTo(key);
            assertThat(sameKey == null ? bytes : sameKey).as("seed %d", seed).isEqualTo(bytes);
            assertThat(keys.decode(bytes.array())).as("seed %d", seed).isEqualTo(key);
        }
        assertThat(byKey).hasSizeBetween(1_000, 99_000);
    }

    /** Small ones, so that many are equal and many nearly so. */
    private static Object randomKey(Random random, int depth) {
        int number = random.nextInt(5) - 2;
        return switch (random.nextInt(depth == 0 ? 11 : 15)) {
            case 0 -> number;
            case 1 -> (long) number;
            case 2 -> (short) number;
            case 3 -> (byte) number;
            case 4 -> (char) random.nextInt(3);
            case 5 -> random.nextBoolean();
            case 6 -> new UUID(number, number);
            case 7 -> BigDecimal.valueOf(number, random.nextInt(3));
            case 8 -> random.nextBoolean() ? Color.values()[random.nextInt(2)] : Size.RED;
            case 9, 10 -> randomText(random);
            case 11 -> new Point(number, random.nextInt(3));
            case 12 -> new Pair(randomKey(random, depth - 1), randomKey(random, depth - 1));
            case 13 -> new Twin(randomKey(random, depth - 1), randomKey(random, depth - 1));
            default ->
                Stream.generate(() -> randomKey(random, depth - 1))
                        .limit(random.nextInt(4))
                        .toList();
        };
    }

    private static String randomText(Random random) {
        List<String> pieces = List.of(
                "", "a", "1", ":", ",", "3:s:a,", "s:", "i:1", "{", "}", "ü", "😀", "\uD83D", "\uDE00", "?", "\0");
        StringBuilder text = new StringBuilder();
        for (int left = random.nextInt(4); left > 0; left--) {
            text.append(pieces.get(random.nextInt(pieces.size())));
        }
        return text.toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{", "}", "}{", "{other}", "a{b}c", ""})
    void braces_in_a_key_do_not_move_it_to_another_slot(String key) {
        byte[] tag = "{tenfold:users}:e:0:".getBytes(UTF_8);
        byte[] encoded = keys.encode(key);
        byte[] whole = Arrays.copyOf(tag, tag.length + encoded.length);
        System.arraycopy(encoded, 0, whole, tag.length, encoded.length);

        assertThat(SlotHash.getSlot(whole)).isEqualTo(SlotHash.getSlot("tenfold:users"));
    }

    @Test
    void strings_and_numbers_leave_no_garbage_but_their_bytes() {
        KeyEncoder<Object> encoder = KeyEncoder.typed();
        Object[] sample = {"user-0123456789", "straße", 1_234_567_890_123L, 42};
        long[] bytes = new long[sample.length];
        int rounds = 10_000;
        for (int i = 0; i < sample.length; i++) {
            encoder.encode(sample[i]);
            long before = allocated();
            for (int round = 0; round < rounds; round++) {
                encoder.encode(sample[i]);
            }
            bytes[i] = (allocated() - before) / rounds;
        }

        for (int i = 0; i < sample.length; i++) {
            assertThat(bytes[i]).as("%s", sample[i]).isLessThan(16 + 8 + encoder.encode(sample[i]).length);
        }
    }

    private static long allocated() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        return threads.getCurrentThreadAllocatedBytes();
    }

    // ---- two nodes --------------------------------------------------------------------------------------------------

    @Test
    void a_record_that_another_node_names_is_found_once_this_node_has_had_one() {
        KeyEncoder<Object> other = KeyEncoder.typed();
        byte[] message = other.encode(new Pair(new Point(1, 2), Color.RED));

        assertThat(keys.decode(message)).isNull();
        keys.encode(new Pair("something", "else"));
        assertThat(keys.decode(message)).isNull(); // no Point and no Color yet, so no such Pair either
        keys.encode(new Point(7, 7));
        keys.encode(Color.GREEN);
        assertThat(keys.decode(message)).isEqualTo(new Pair(new Point(1, 2), Color.RED));
    }

    @Test
    void an_enum_that_this_node_has_not_had_is_no_key_of_it() {
        byte[] message = KeyEncoder.<Object>typed().encode(List.of(Color.RED));

        assertThat(keys.decode(message)).isNull();
        keys.encode(Color.GREEN);
        assertThat(keys.decode(message)).isEqualTo(List.of(Color.RED));
    }

    @Test
    void simple_keys_and_their_lists_need_no_acquaintance() {
        List<Object> key = List.of("a", 1, 2L, new UUID(3, 4), List.of(true));

        assertThat(KeyEncoder.typed().decode(keys.encode(key))).isEqualTo(key);
    }

    @Test
    void bytes_never_make_a_node_load_a_class() {
        assertThat(decoded("r:java.util.concurrent.atomic.AtomicLong:")).isNull();
        assertThat(decoded("e:java.time.DayOfWeek:MONDAY")).isNull();
    }

    @Test
    void components_of_another_version_of_the_class_are_no_key_of_this_one() {
        keys.encode(new Point(1, 2));
        keys.encode(new Positive(1));
        keys.encode(Color.RED);
        String point = "r:" + HERE + "$Point:";

        assertThat(decoded(point + "3:i:1,3:i:2,")).isEqualTo(new Point(1, 2));
        assertThat(decoded(point)).isNull();
        assertThat(decoded(point + "3:i:1,")).isNull();
        assertThat(decoded(point + "3:i:1,3:i:2,3:i:3,")).isNull();
        assertThat(decoded(point + "3:l:1,3:l:2,")).isNull();
        assertThat(decoded(point + "3:s:1,3:s:2,")).isNull();
        assertThat(decoded("r:" + HERE + "$Positive:4:i:-1,")).isNull();
        assertThat(decoded("e:" + HERE + "$Color:BLUE")).isNull();
        assertThat(decoded("e:" + HERE + "$Point:RED")).isNull();
        assertThat(decoded("r:" + HERE + "$Color:")).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                "s",
                "x:1",
                "i:",
                "i:x",
                "i:99999999999",
                "l:1.5",
                "u:a",
                "uuid:1",
                "date:2026-02-30",
                "char:x",
                "decimal:x",
                "list:1",
                "list:3:i:1",
                "list:3:i:1;",
                "list:4:i:1,",
                "list:-3:i:1,",
                "list:3i:1,",
                "list::,",
                "list:999999999999:i:1,",
                "list:3:x:1,",
                "e:",
                "e:a",
                "r:",
                "r:a",
                "r:a:"
            })
    void bytes_that_no_key_has_are_no_key(String bytes) {
        assertThat(decoded(bytes)).isNull();
    }

    @Test
    void bytes_of_any_kind_never_throw() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 200_000; round++) {
            byte[] bytes = keys.encode(randomKey(random, 3));
            for (int times = random.nextInt(4); times > 0 && bytes.length > 0; times--) {
                switch (random.nextInt(4)) {
                    case 0 -> bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                    case 1 ->
                        bytes[random.nextInt(bytes.length)] = (byte) "0123456789:,-sulire".charAt(random.nextInt(19));
                    case 2 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 10));
                    default -> bytes = Arrays.copyOfRange(bytes, random.nextInt(bytes.length), bytes.length);
                }
            }
            try {
                keys.decode(bytes);
            } catch (RuntimeException | StackOverflowError e) {
                throw new AssertionError("seed " + seed + ": " + new String(bytes, ISO_8859_1), e);
            }
        }
    }

    @Test
    void bytes_nested_without_end_are_no_key() {
        String nested = "list:";
        for (int depth = 0; depth < 5_000; depth++) {
            nested = "list:" + nested.length() + ":" + nested + ",";
        }
        assertThat(nested.length()).isLessThan(KeyEncoder.MOST_BYTES);

        assertThat(decoded(nested)).isNull();
    }

    @Test
    void first_keys_of_a_class_may_come_from_many_threads() throws Exception {
        int threads = 8;
        for (int round = 0; round < 50; round++) {
            KeyEncoder<Object> fresh = KeyEncoder.typed();
            CountDownLatch start = new CountDownLatch(1);
            ExecutorService pool = Executors.newFixedThreadPool(threads);
            try {
                List<Future<Object>> results = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    Pair key = new Pair(new Point(i, i), Color.RED);
                    results.add(pool.submit(() -> {
                        start.await();
                        return key.equals(fresh.decode(fresh.encode(key)));
                    }));
                }
                start.countDown();
                for (Future<Object> result : results) {
                    assertThat(result.get()).isEqualTo(true);
                }
            } finally {
                pool.shutdown();
            }
        }
    }

    // ---- what is refused --------------------------------------------------------------------------------------------

    private void assertRefused(@Nullable Object key, String... words) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> keys.encode(key))
                .withMessageContaining("keys(encode, decode)")
                .satisfies(e -> assertThat(e.getMessage()).contains(words));
    }

    @Test
    void keys_without_an_encoding_are_refused_with_the_remedy() {
        assertRefused(null, "a key is null");
        assertRefused(new int[1], "a key is a int[]");
        assertRefused(new String[1], "java.lang.String[]");
        assertRefused(1.5, "java.lang.Double");
        assertRefused(new HashSet<>(), "java.util.HashSet");
        assertRefused(new Object(), "a key is a java.lang.Object");
        assertRefused(new Pair("x", null), "component right of key Pair is null");
        assertRefused(new Pair(new byte[1], "x"), "component left of key Pair is a byte[]");
        assertRefused(List.of("x", Map.of()), "element 1 of a key's list is a java.util.");
        assertRefused(Arrays.asList("x", null), "element 1 of a key's list is null");
        assertRefused(new Pair(1, List.of(new Pair(1, 1.5f))), "component right of key Pair is a java.lang.Float");
    }

    @Test
    void a_refused_component_is_refused_again() {
        for (int times = 0; times < 3; times++) {
            assertRefused(new Pair("x", null), "component right of key Pair is null");
            assertRefused(new Pair("x", 1.5), "component right of key Pair is a java.lang.Double");
        }
    }

    @Test
    void a_list_within_itself_is_refused() {
        List<Object> list = new ArrayList<>();
        list.add(list);

        assertRefused(list, "element 0 of a key's list is within 16 other records and lists");
    }

    @Test
    void sixteen_levels_are_enough() {
        Object key = 1;
        for (int depth = 0; depth < TypedKeys.MOST_DEPTH; depth++) {
            key = List.of(key);
        }
        assertThat(keys.decode(keys.encode(key))).isEqualTo(key);
        assertRefused(List.of(key), "within 16 other");
    }

    @Test
    void keys_that_are_too_long_are_refused() {
        int most = KeyEncoder.MOST_BYTES;

        assertThat(keys.encode("x".repeat(most - 2))).hasSize(most);
        assertRefused("x".repeat(most - 1), "longer than 65536 bytes");
        assertRefused("ü".repeat(most / 2), "longer than 65536 bytes");
        assertRefused("x".repeat(1 << 20), "longer than 65536 bytes");
        assertRefused("\uD83D".repeat(most / 2), "longer than 65536 bytes");
        assertRefused(BigInteger.TEN.pow(most), "longer than 65536 bytes");
        assertRefused(List.of("x".repeat(most / 2), "x".repeat(most / 2)), "longer than 65536 bytes");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KeyEncoder.typed(10).encode("123456789"))
                .withMessageContaining("longer than 10 bytes");
    }

    @Test
    void the_limit_is_exact_for_nested_keys() {
        for (int length = 1; length < 300; length++) {
            List<String> key = List.of("x".repeat(length));
            int size = keys.encode(key).length;

            assertThat(KeyEncoder.typed(size).encode(key)).hasSize(size);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> KeyEncoder.typed(size - 1).encode(key));
        }
    }

    @Test
    void a_record_that_changes_what_it_is_given_is_refused_at_its_first_key() {
        assertRefused(new Prefixed("1"), "Prefixed[text=p-p-1]", "Prefixed[text=p-1]");
    }

    @Test
    void two_classes_of_one_name_are_refused() throws Exception {
        Constructor<?> constructor =
                new HidingLoader().loadClass(Everything.class.getName()).getDeclaredConstructor();
        constructor.setAccessible(true);
        Object twin = constructor.newInstance();
        keys.encode(new Everything());

        assertRefused(twin, "two classes are named", Everything.class.getName());
    }

    // ---- functions of the user --------------------------------------------------------------------------------------

    private static KeyEncoder<Double> doubles() {
        return KeyEncoder.custom(
                key -> Double.toString(key).getBytes(UTF_8), bytes -> Double.valueOf(new String(bytes, UTF_8)), 10);
    }

    @Test
    void functions_of_the_user_encode_and_decode() {
        KeyEncoder<Double> custom = doubles();

        assertThat(custom.encode(1.5)).asString(UTF_8).isEqualTo("1.5");
        assertThat(custom.decode(custom.encode(2.5))).isEqualTo(2.5);
    }

    @Test
    void functions_that_do_not_invert_each_other_are_refused_at_the_first_key() {
        KeyEncoder<String> custom = KeyEncoder.custom(
                key -> key.getBytes(UTF_8), bytes -> new String(bytes, UTF_8).trim(), KeyEncoder.MOST_BYTES);

        for (int times = 0; times < 2; times++) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> custom.encode(" a"))
                    .withMessageContaining("decode returned a for the bytes of key  a");
        }
    }

    @Test
    void null_and_too_many_bytes_are_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> doubles().encode(null))
                .withMessageContaining("null");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> doubles().encode(1.0 / 3))
                .withMessageContaining("18 bytes for a key, more than 10");
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        KeyEncoder.<String>custom(key -> null, bytes -> "", 10).encode("a"))
                .withMessageContaining("encode returned null for key a");
    }

    @Test
    void a_decode_that_throws_is_heard() {
        assertThatIllegalArgumentException().isThrownBy(() -> doubles().decode("x".getBytes(UTF_8)));
    }
}
