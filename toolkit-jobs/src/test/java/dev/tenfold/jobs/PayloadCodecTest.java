package dev.tenfold.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Test;

/** Payloads to bytes and back, and bytes that somebody has changed. */
class PayloadCodecTest {
    private static final byte[] KEY_1 = key(1);
    private static final byte[] KEY_2 = key(2);

    record Order(long id, String text, List<Line> lines, Map<String, Integer> counts, Optional<Instant> at) {}

    record Line(String sku, Duration lasts, ZonedDateTime when) {}

    record Text(String text) {}

    record Tick() {}

    private static final Order ORDER = new Order(
            7,
            "grün \0 \"",
            List.of(new Line(
                    "a", Duration.ofMinutes(90), ZonedDateTime.of(2026, 3, 29, 1, 0, 0, 0, ZoneId.of("Europe/Paris")))),
            Map.of("x", 1),
            Optional.of(Instant.parse("2026-01-02T03:04:05.123456Z")));

    // ---- JSON -------------------------------------------------------------------------------------------------------

    @Test
    void every_codec_returns_what_was_put_in() throws Exception {
        PayloadKeys keys = PayloadKeys.of(1, KEY_1);
        for (PayloadCodec codec : List.of(
                PayloadCodec.json(),
                PayloadCodec.compressed(PayloadCodec.json()),
                PayloadCodec.encrypted(PayloadCodec.json(), keys),
                PayloadCodec.encrypted(PayloadCodec.compressed(PayloadCodec.json()), keys),
                PayloadCodec.compressed(PayloadCodec.encrypted(PayloadCodec.json(), keys)))) {
            assertThat(codec.decode(codec.encode(ORDER), Order.class))
                    .as(codec.toString())
                    .isEqualTo(ORDER);
            Text large = new Text("tenfold ".repeat(10_000));
            assertThat(codec.decode(codec.encode(large), Text.class))
                    .as(codec.toString())
                    .isEqualTo(large);
        }
    }

    @Test
    void times_are_written_as_iso_8601() throws Exception {
        String json = new String(PayloadCodec.json().encode(ORDER), UTF_8);

        assertThat(json)
                .contains("\"2026-01-02T03:04:05.123456Z\"")
                .contains("\"PT1H30M\"")
                .contains("[Europe/Paris]");
    }

    @Test
    void a_job_without_data_is_an_empty_object() throws Exception {
        assertThat(PayloadCodec.json().encode(new Tick())).asString().isEqualTo("{}");
        assertThat(PayloadCodec.json().decode("{}".getBytes(UTF_8), Tick.class)).isEqualTo(new Tick());
    }

    @Test
    void what_is_unknown_is_ignored_and_what_is_missing_is_null_or_zero() throws Exception {
        Order read = PayloadCodec.json().decode("{\"text\":\"a\",\"colour\":\"red\"}".getBytes(UTF_8), Order.class);

        assertThat(read.id()).isZero();
        assertThat(read.text()).isEqualTo("a");
        assertThat((Object) read.lines()).isNull();
    }

    @Test
    void json_null_is_no_payload() {
        assertThatThrownBy(() -> PayloadCodec.json().decode("null".getBytes(UTF_8), Text.class))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(Text.class.getName());
    }

    @Test
    void a_class_whose_data_cannot_be_seen_is_refused() {
        assertThatThrownBy(() -> PayloadCodec.json().encode(new Hidden(7)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no properties");
    }

    /** Neither a record nor a bean. */
    static final class Hidden {
        private final int number;

        Hidden(int number) {
            this.number = number;
        }

        @Override
        public String toString() {
            return Integer.toString(number);
        }
    }

    @Test
    void maps_that_are_equal_have_the_same_bytes() throws Exception {
        Map<String, Integer> one = new LinkedHashMap<>();
        one.put("b", 2);
        one.put("a", 1);
        Map<String, Integer> other = new LinkedHashMap<>();
        other.put("a", 1);
        other.put("b", 2);

        assertThat(PayloadCodec.json().canonical(new Order(1, "", List.of(), one, Optional.empty())))
                .isEqualTo(PayloadCodec.json().canonical(new Order(1, "", List.of(), other, Optional.empty())));
    }

    @Test
    @SuppressWarnings("deprecation")
    void a_mapper_with_default_typing_is_refused() {
        ObjectMapper typing = new ObjectMapper().enableDefaultTyping();

        assertThatThrownBy(() -> PayloadCodec.json(typing))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("default typing");
    }

    @Test
    void later_changes_to_a_mapper_have_no_effect() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        PayloadCodec codec = PayloadCodec.json(mapper);

        mapper.setPropertyNamingStrategy(com.fasterxml.jackson.databind.PropertyNamingStrategies.UPPER_CAMEL_CASE);

        assertThat(codec.encode(new Text("a"))).asString().isEqualTo("{\"text\":\"a\"}");
    }

    @Test
    void without_jackson_the_message_names_the_dependency() throws Exception {
        URL classes = PayloadCodec.class.getProtectionDomain().getCodeSource().getLocation();
        try (WithoutJackson loader = new WithoutJackson(classes)) {
            var json = loader.loadClass(PayloadCodec.class.getName() + "Probe", PayloadCodecProbe.class);

            assertThat(json)
                    .contains("com.fasterxml.jackson.core:jackson-databind")
                    .contains("codec(");
        }
    }

    /** Calls the static method in the loader where Jackson is missing. */
    public static final class PayloadCodecProbe {
        private PayloadCodecProbe() {}

        /** The message of what it throws. */
        public static String message() {
            try {
                return PayloadCodec.json().toString();
            } catch (IllegalStateException e) {
                return String.valueOf(e.getMessage());
            }
        }
    }

    private static final class WithoutJackson extends URLClassLoader {
        WithoutJackson(URL classes) {
            super(new URL[] {classes}, PayloadCodecTest.class.getClassLoader());
        }

        String loadClass(String unused, Class<?> probe) throws Exception {
            Class<?> here = defined(probe);
            return String.valueOf(here.getMethod("message").invoke(null));
        }

        private Class<?> defined(Class<?> type) throws IOException {
            String file = '/' + type.getName().replace('.', '/') + ".class";
            try (InputStream in = type.getResourceAsStream(file)) {
                byte[] bytes = in == null ? new byte[0] : in.readAllBytes();
                return defineClass(type.getName(), bytes, 0, bytes.length);
            }
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("com.fasterxml.")) {
                throw new ClassNotFoundException(name);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                if (loaded == null && name.startsWith("dev.tenfold.jobs.")) {
                    loaded = findClass(name);
                }
                return loaded == null ? super.loadClass(name, resolve) : loaded;
            }
        }
    }

    // ---- compressed -------------------------------------------------------------------------------------------------

    @Test
    void large_payloads_shrink_and_small_ones_stay_as_they_are() throws Exception {
        PayloadCodec codec = PayloadCodec.compressed(PayloadCodec.json());

        assertThat(codec.encode(new Text("tenfold ".repeat(1_000))).length).isLessThan(500);
        assertThat(codec.encode(new Text("a"))).asString().isEqualTo("{\"text\":\"a\"}");
    }

    @Test
    void what_was_written_uncompressed_is_read() throws Exception {
        Text large = new Text("tenfold ".repeat(1_000));

        assertThat(PayloadCodec.compressed(PayloadCodec.json())
                        .decode(PayloadCodec.json().encode(large), Text.class))
                .isEqualTo(large);
    }

    @Test
    void bytes_that_look_like_the_marker_survive() throws Exception {
        PayloadCodec codec = PayloadCodec.compressed(new Raw());
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 500; i++) {
            byte[] bytes = new byte[random.nextInt(2_000)];
            random.nextBytes(bytes);
            if (bytes.length > 0) {
                bytes[0] = (byte) random.nextInt(4);
            }
            assertThat(codec.decode(codec.encode(bytes), byte[].class))
                    .as("seed " + seed)
                    .isEqualTo(bytes);
        }
    }

    /** Bytes as they are. */
    private static final class Raw implements PayloadCodec {
        @Override
        public byte[] encode(Object payload) {
            return (byte[]) payload;
        }

        @Override
        public <T> T decode(byte[] bytes, Class<T> type) {
            return type.cast(bytes);
        }
    }

    @Test
    void a_bomb_is_not_expanded() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(1);
        try (DeflaterOutputStream deflate = new DeflaterOutputStream(out, new Deflater(9))) {
            for (int megabyte = 0; megabyte < 64; megabyte++) {
                deflate.write(new byte[1_024 * 1_024]);
            }
        }

        assertThatThrownBy(() -> PayloadCodec.compressed(PayloadCodec.json()).decode(out.toByteArray(), Text.class))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("more than 16 MB");
    }

    @Test
    void what_is_cut_short_or_damaged_is_refused() throws Exception {
        PayloadCodec codec = PayloadCodec.compressed(PayloadCodec.json());
        byte[] good = codec.encode(new Text("tenfold ".repeat(1_000)));

        assertThatThrownBy(() -> codec.decode(Arrays.copyOf(good, good.length / 2), Text.class))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cut short");
        good[1] ^= 0x55;
        assertThatThrownBy(() -> codec.decode(good, Text.class))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("damaged");
    }

    // ---- encrypted --------------------------------------------------------------------------------------------------

    @Test
    void a_secret_is_not_to_be_seen_and_never_looks_the_same() throws Exception {
        PayloadCodec codec = PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(1, KEY_1));
        byte[] once = codec.encode(new Text("the secret"));

        assertThat(new String(once, UTF_8)).doesNotContain("secret");
        assertThat(codec.encode(new Text("the secret"))).isNotEqualTo(once);
        assertThat(codec.canonical(new Text("the secret"))).isEqualTo(codec.canonical(new Text("the secret")));
    }

    @Test
    void a_new_key_writes_and_the_old_one_is_still_read() throws Exception {
        byte[] old = PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(1, KEY_1))
                .encode(ORDER);
        PayloadCodec rotated = PayloadCodec.encrypted(
                PayloadCodec.json(), PayloadKeys.of(2, KEY_2).reading(1, KEY_1));

        assertThat(rotated.decode(old, Order.class)).isEqualTo(ORDER);
        assertThat(rotated.encode(ORDER)).startsWith(2, 0, 0, 0, 2);
    }

    @Test
    void a_key_that_is_not_there_is_named() throws Exception {
        byte[] bytes = PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(7, KEY_1))
                .encode(ORDER);
        PayloadCodec other = PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(8, KEY_1));

        assertThatThrownBy(() -> other.decode(bytes, Order.class))
                .isInstanceOf(GeneralSecurityException.class)
                .hasMessageContaining("key 7")
                .hasMessageNotContaining(HexFormat.of().formatHex(KEY_1));
    }

    @Test
    void another_key_of_the_same_number_reads_nothing() throws Exception {
        byte[] bytes = PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(1, KEY_1))
                .encode(ORDER);
        PayloadCodec other = PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(1, KEY_2));

        assertThatThrownBy(() -> other.decode(bytes, Order.class))
                .isInstanceOf(GeneralSecurityException.class)
                .hasMessageContaining("key 1");
    }

    @Test
    void every_changed_byte_is_noticed() throws Exception {
        PayloadKeys keys = PayloadKeys.of(1, KEY_1).reading(0x01_00_00_01, KEY_1);
        PayloadCodec codec = PayloadCodec.encrypted(PayloadCodec.json(), keys);
        byte[] bytes = codec.encode(new Text("a"));

        for (int at = 0; at < bytes.length; at++) {
            byte[] changed = bytes.clone();
            changed[at] ^= 1;
            assertThatThrownBy(() -> codec.decode(changed, Text.class))
                    .as("byte " + at)
                    .isInstanceOf(GeneralSecurityException.class);
        }
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> codec.decode(cut, Text.class))
                    .as("length " + length)
                    .isInstanceOf(GeneralSecurityException.class);
        }
    }

    @Test
    void what_is_not_encrypted_is_read_only_if_asked_for() throws Exception {
        byte[] plain = PayloadCodec.json().encode(ORDER);
        PayloadKeys keys = PayloadKeys.of(1, KEY_1);

        assertThatThrownBy(
                        () -> PayloadCodec.encrypted(PayloadCodec.json(), keys).decode(plain, Order.class))
                .isInstanceOf(GeneralSecurityException.class)
                .hasMessageContaining("readingPlain");
        assertThat(PayloadCodec.encrypted(PayloadCodec.json(), keys.readingPlain())
                        .decode(plain, Order.class))
                .isEqualTo(ORDER);
    }

    @Test
    void bad_keys_are_refused_and_never_shown() {
        assertThatThrownBy(() -> PayloadKeys.of(1, new byte[16])).hasMessageContaining("16 bytes");
        assertThatThrownBy(() -> PayloadKeys.of(-1, KEY_1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> PayloadKeys.of(1, KEY_1).reading(1, KEY_2)).hasMessageContaining("two payload keys");
        assertThat(PayloadKeys.of(2, KEY_2).reading(1, KEY_1)).hasToString("writes with key 2, reads [1, 2]");
    }

    private static byte[] key(int fill) {
        byte[] key = new byte[32];
        Arrays.fill(key, (byte) fill);
        return key;
    }
}
