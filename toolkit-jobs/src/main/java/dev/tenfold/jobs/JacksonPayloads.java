package dev.tenfold.jobs;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** JSON by Jackson 2, an optional dependency: only this class needs it. A reader and a writer are made once a class. */
final class JacksonPayloads implements PayloadCodec {
    static final JacksonPayloads DEFAULT = new JacksonPayloads(defaultMapper());

    private final ObjectMapper mapper;
    private final Map<Class<?>, ObjectWriter> writers = new ConcurrentHashMap<>();
    private final Map<Class<?>, ObjectReader> readers = new ConcurrentHashMap<>();

    JacksonPayloads(ObjectMapper mapper) {
        if (mapper.getDeserializationConfig().getDefaultTyper(mapper.constructType(Object.class)) != null) {
            throw new IllegalArgumentException(
                    "the mapper has default typing, so the bytes in the table would choose the"
                            + " classes to make; use a mapper without it, and @JsonTypeInfo where a type has subtypes");
        }
        this.mapper = mapper;
    }

    @Override
    public byte[] encode(Object payload) throws IOException {
        ObjectWriter known = writers.get(payload.getClass());
        ObjectWriter writer = known != null ? known : writers.computeIfAbsent(payload.getClass(), this::writer);
        return writer.writeValueAsBytes(payload);
    }

    @Override
    public <T> T decode(byte[] bytes, Class<T> type) throws IOException {
        ObjectReader known = readers.get(type);
        ObjectReader reader = known != null ? known : readers.computeIfAbsent(type, mapper::readerFor);
        T payload = reader.readValue(bytes);
        if (payload == null) {
            throw new IOException("JSON null is no " + type.getName());
        }
        return payload;
    }

    private ObjectWriter writer(Class<?> type) {
        ObjectWriter writer = mapper.writerFor(type);
        return isEmpty(type) ? writer.without(SerializationFeature.FAIL_ON_EMPTY_BEANS) : writer;
    }

    /** A class without anything to store is {}; one whose fields Jackson does not see would lose them, and is refused. */
    private static boolean isEmpty(Class<?> type) {
        for (Class<?> each = type; each != null; each = each.getSuperclass()) {
            if (!Arrays.stream(each.getDeclaredFields()).allMatch(field -> Modifier.isStatic(field.getModifiers()))) {
                return false;
            }
        }
        return true;
    }

    @Override
    public String toString() {
        return "JSON";
    }

    private static ObjectMapper defaultMapper() {
        JsonMapper.Builder mapper = JsonMapper.builder()
                .enable(MapperFeature.BLOCK_UNSAFE_POLYMORPHIC_BASE_TYPES)
                .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
                .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                .enable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
                // A zoned time keeps the zone and the offset that it had.
                .disable(DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
                .enable(SerializationFeature.WRITE_DATES_WITH_ZONE_ID)
                .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
                .disable(SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS);
        if (isPresent("com.fasterxml.jackson.datatype.jsr310.JavaTimeModule")) {
            JavaTime.addTo(mapper);
        }
        if (isPresent("com.fasterxml.jackson.datatype.jdk8.Jdk8Module")) {
            Optionals.addTo(mapper);
        }
        return mapper.build();
    }

    private static boolean isPresent(String type) {
        try {
            Class<?> unused = Class.forName(type, false, JacksonPayloads.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    /** Apart, so that it is loaded only if the module is there. */
    private static final class JavaTime {
        static void addTo(JsonMapper.Builder mapper) {
            mapper.addModule(new JavaTimeModule().disable(JavaTimeFeature.NORMALIZE_DESERIALIZED_ZONE_ID));
        }
    }

    /** Apart, so that it is loaded only if the module is there. */
    private static final class Optionals {
        static void addTo(JsonMapper.Builder mapper) {
            mapper.addModule(new Jdk8Module());
        }
    }
}
