package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import java.util.List;
import org.junit.jupiter.api.Test;

class JacksonCodecTest extends JsonCodecContract {
    private static final ObjectMapper PLAIN = new ObjectMapper();

    @Override
    <V> Codec<V> codec(Class<V> type) {
        return JacksonCodec.of(type);
    }

    @Override
    <V> Codec<V> codec(Class<V> type, int schema) {
        return JacksonCodec.of(type).withSchema(schema);
    }

    @Override
    Codec<List<User>> listOfUsers() {
        return JacksonCodec.of(new TypeReference<List<User>>() {});
    }

    @Override
    <V> Codec<V> snakeCase(Class<V> type) {
        return JacksonCodec.of(
                type,
                JsonMapper.builder()
                        .addModule(new Jdk8Module())
                        .propertyNamingStrategy(PropertyNamingStrategies.UPPER_SNAKE_CASE)
                        .build());
    }

    @Override
    Codec<User> withDefaultTyping() {
        JsonMapper mapper = JsonMapper.builder().build();
        mapper.activateDefaultTyping(mapper.getPolymorphicTypeValidator());
        return JacksonCodec.of(User.class, mapper);
    }

    @Override
    String shape(Class<?> type) {
        return JacksonCodec.fingerprint(PLAIN, PLAIN.constructType(type)).text();
    }

    @Test
    void the_schema_is_the_same_number_on_every_jvm() {
        assertThat(JacksonCodec.of(First.Order.class).schema()).isEqualTo(-1_372_557_308);
    }

    @Test
    void it_says_what_it_is() {
        assertThat(JacksonCodec.of(User.class).withSchema(3))
                .hasToString("JacksonCodec(" + User.class.getName() + ", schema 3)");
    }
}
