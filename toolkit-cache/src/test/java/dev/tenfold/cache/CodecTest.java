package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.InvocationTargetException;
import java.nio.charset.CharacterCodingException;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The codecs that need no library, and which library {@code json} takes. */
class CodecTest {
    record User(long id, String name) {}

    record Event(Instant at) {}

    record Profile(Optional<String> nick) {}

    private static byte[] within(byte[] bytes) {
        byte[] within = new byte[bytes.length + 5];
        System.arraycopy(bytes, 0, within, 3, bytes.length);
        return within;
    }

    @Test
    void bytes_go_through_uncopied() throws Exception {
        byte[] value = {1, 2, 3};

        assertThat(Codec.bytes().encode(value)).isSameAs(value);
        assertThat(Codec.bytes().decode(value)).isSameAs(value);
        assertThat(Codec.bytes().decode(value, 0, 3)).isSameAs(value);
        assertThat(Codec.bytes().decode(within(value), 3, 3)).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "hello", "grüße", "日本", "a\0b", "😀 smile"})
    void strings_come_back_equal(String value) throws Exception {
        byte[] bytes = Codec.string().encode(value);

        assertThat(Codec.string().decode(bytes)).isEqualTo(value);
        assertThat(Codec.string().decode(within(bytes), 3, bytes.length)).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\uD83D", "a\uDE00", "\uDE00\uD83D", "a\uD83Db"})
    void a_string_that_utf8_would_change_is_refused(String broken) {
        assertThatThrownBy(() -> Codec.string().encode(broken)).isInstanceOf(CharacterCodingException.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 0x0102030405060708L})
    void longs_come_back_equal(long value) throws Exception {
        byte[] bytes = Codec.longs().encode(value);

        assertThat(bytes).hasSize(8);
        assertThat(Codec.longs().decode(bytes)).isEqualTo(value);
        assertThat(Codec.longs().decode(within(bytes), 3, 8)).isEqualTo(value);
    }

    @Test
    void seven_bytes_are_no_long() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Codec.longs().decode(new byte[7]))
                .withMessageContaining("7 bytes");
    }

    @Test
    void no_two_formats_share_an_id() {
        assertThat(Stream.of(
                                Codec.bytes(),
                                Codec.string(),
                                Codec.longs(),
                                JacksonCodec.of(User.class),
                                Jackson3Codec.of(User.class))
                        .map(Codec::id))
                .containsExactly(1, 2, 3, 4, 5);
    }

    @Test
    void formats_without_a_shape_have_schema_zero() {
        assertThat(Codec.bytes().schema()).isZero();
        assertThat(Codec.string().schema()).isZero();
        assertThat(Codec.longs().schema()).isZero();
    }

    @Test
    void json_takes_jackson_2_if_both_are_there() {
        assertThat(Codec.json(User.class)).isInstanceOf(JacksonCodec.class);
        assertThat(Codec.json(User.class).schema())
                .isEqualTo(JacksonCodec.of(User.class).schema());
        assertThat(Codec.json(User.class, 7).schema()).isEqualTo(7);
    }

    @Test
    void json_takes_jackson_3_if_2_is_not_there() throws Throwable {
        HidingLoader loader = new HidingLoader("com.fasterxml.jackson.databind", "com.fasterxml.jackson.core");

        assertThat(json(loader, User.class).getClass().getSimpleName()).isEqualTo("Jackson3Codec");
    }

    @Test
    void json_without_jackson_names_the_dependency() {
        HidingLoader loader = new HidingLoader("com.fasterxml.jackson", "tools.jackson");

        assertThatThrownBy(() -> json(loader, User.class))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("Codec.json(User.class)")
                .hasMessageContaining("com.fasterxml.jackson.core:jackson-databind")
                .hasMessageContaining("tools.jackson.core:jackson-databind");
    }

    @Test
    void a_time_without_the_module_that_writes_it_is_refused_when_the_codec_is_made() {
        HidingLoader loader = new HidingLoader("com.fasterxml.jackson.datatype", "tools.jackson");

        assertThatThrownBy(() -> json(loader, Event.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("Event.at is a java.time.Instant")
                .hasMessageContaining("com.fasterxml.jackson.datatype:jackson-datatype-jsr310")
                .hasMessageNotContaining("Jackson3Codec");
    }

    @Test
    void an_optional_without_the_module_that_writes_it_is_refused_likewise() {
        HidingLoader loader = new HidingLoader("com.fasterxml.jackson.datatype");

        assertThatThrownBy(() -> json(loader, Profile.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("Profile.nick is a java.util.Optional")
                .hasMessageContaining("jackson-datatype-jdk8")
                .hasMessageContaining("Jackson3Codec");
    }

    @Test
    void plain_records_need_no_module() throws Throwable {
        HidingLoader loader = new HidingLoader("com.fasterxml.jackson.datatype");

        assertThat(json(loader, User.class).getClass().getSimpleName()).isEqualTo("JacksonCodec");
    }

    private static Object json(ClassLoader loader, Class<?> type) throws Throwable {
        try {
            return Class.forName("dev.tenfold.cache.Codec", true, loader)
                    .getMethod("json", Class.class)
                    .invoke(null, type);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
