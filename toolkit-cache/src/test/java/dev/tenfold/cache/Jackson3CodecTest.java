package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DefaultTyping;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.jsontype.BasicPolymorphicTypeValidator;

class Jackson3CodecTest extends JsonCodecContract {
    private static final ObjectMapper PLAIN = new JsonMapper();

    @Override
    <V> Codec<V> codec(Class<V> type) {
        return Jackson3Codec.of(type);
    }

    @Override
    <V> Codec<V> codec(Class<V> type, int schema) {
        return Jackson3Codec.of(type).withSchema(schema);
    }

    @Override
    Codec<List<User>> listOfUsers() {
        return Jackson3Codec.of(new TypeReference<List<User>>() {});
    }

    @Override
    <V> Codec<V> snakeCase(Class<V> type) {
        return Jackson3Codec.of(
                type,
                JsonMapper.builder()
                        .propertyNamingStrategy(PropertyNamingStrategies.UPPER_SNAKE_CASE)
                        .build());
    }

    @Override
    Codec<User> withDefaultTyping() {
        return Jackson3Codec.of(
                User.class,
                JsonMapper.builder()
                        .activateDefaultTyping(
                                BasicPolymorphicTypeValidator.builder().build(), DefaultTyping.NON_FINAL)
                        .build());
    }

    @Override
    String shape(Class<?> type) {
        return Jackson3Codec.fingerprint(PLAIN, PLAIN.constructType(type)).text();
    }

    @Test
    void the_schema_is_the_same_number_on_every_jvm() {
        assertThat(Jackson3Codec.of(First.Order.class).schema()).isEqualTo(-425_548_237);
    }

    @Test
    void the_two_versions_keep_their_entries_apart() {
        assertThat(Jackson3Codec.of(First.Order.class).schema())
                .isNotEqualTo(JacksonCodec.of(First.Order.class).schema());
    }

    @Test
    void it_says_what_it_is() {
        assertThat(Jackson3Codec.of(User.class).withSchema(3))
                .hasToString("Jackson3Codec(" + User.class.getName() + ", schema 3)");
    }
}
