package dev.tenfold.cache;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationConfig;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.introspect.AnnotatedMember;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Values as JSON, by Jackson 2. It is an optional dependency
 * ({@code com.fasterxml.jackson.core:jackson-databind}); only this class needs it.
 *
 * <pre>{@code
 * JacksonCodec.of(User.class)
 * JacksonCodec.of(new TypeReference<List<User>>() {})
 * JacksonCodec.of(User.class, applicationsMapper).withSchema(3)
 * }</pre>
 *
 * <p><b>A changed class never meets old bytes</b>, unless you ask for it. By default the {@linkplain #schema() schema}
 * follows from what Jackson writes for the type: the names and types of its properties, and of theirs. Whatever changes
 * there, an annotation that renames a property included, makes the old entries misses. What it cannot see is a property
 * that means something else now, a changed serializer, or a changed setting of your own mapper, such as a date format:
 * then raise the number of {@link #withSchema} by hand.
 *
 * <p><b>The default mapper</b> writes dates and durations as ISO-8601, enums by name, and nulls as nulls. It never takes the
 * class to make from the bytes (no default typing; {@code @JsonTypeInfo} on a type works as ever). It ignores properties
 * that it does not know, and leaves null or zero what is missing: that happens under {@link #withSchema} alone, where an
 * older class reads what a newer one wrote. For {@code java.time} and {@code Optional} it registers the modules
 * {@code jackson-datatype-jsr310} and {@code jackson-datatype-jdk8} if they are on the class path, and no others; a type
 * that needs one that is missing is refused when the codec is made.
 *
 * <p><b>What JSON loses, the remote tier loses</b>: a field of type {@code Object} or {@code Number} comes back as the
 * simplest type that holds it, an interface's field only with {@code @JsonTypeInfo}, a property that can be read but not
 * set not at all. A record of plain types, lists, maps and records comes back equal.
 *
 * <p>Immutable, and safe for use by many threads.
 *
 * @param <V> the values' type
 */
public final class JacksonCodec<V> implements Codec<V> {
    private final ObjectReader reader;
    private final ObjectWriter writer;
    private final String type;
    private final int schema;

    private JacksonCodec(ObjectReader reader, ObjectWriter writer, String type, int schema) {
        this.reader = reader;
        this.writer = writer;
        this.type = type;
        this.schema = schema;
    }

    /**
     * Values of a class, by the default mapper.
     *
     * @param type a record, class or enum, without type parameters
     * @param <V> the values' type
     * @return a new codec
     * @throws IllegalArgumentException if {@code type} has type parameters, or needs a Jackson module that is missing
     */
    public static <V> JacksonCodec<V> of(Class<V> type) {
        return byDefault(notRaw(type));
    }

    /**
     * Values of a generic type, by the default mapper.
     *
     * @param type for example {@code new TypeReference<List<User>>() {}}
     * @param <V> the values' type
     * @return a new codec
     * @throws IllegalArgumentException if {@code type} needs a Jackson module that is missing
     */
    public static <V> JacksonCodec<V> of(TypeReference<V> type) {
        return byDefault(type.getType());
    }

    /**
     * Values of a class, by a mapper of your own.
     *
     * @param type a record, class or enum, without type parameters
     * @param mapper used as it is set now; later changes to it have no effect
     * @param <V> the values' type
     * @return a new codec
     * @throws IllegalArgumentException if {@code type} has type parameters, or {@code mapper} default typing
     */
    public static <V> JacksonCodec<V> of(Class<V> type, ObjectMapper mapper) {
        return by(mapper, mapper.constructType(notRaw(type)));
    }

    /**
     * Values of a generic type, by a mapper of your own.
     *
     * @param type for example {@code new TypeReference<List<User>>() {}}
     * @param mapper used as it is set now; later changes to it have no effect
     * @param <V> the values' type
     * @return a new codec
     * @throws IllegalArgumentException if {@code mapper} has default typing
     */
    public static <V> JacksonCodec<V> of(TypeReference<V> type, ObjectMapper mapper) {
        return by(mapper, mapper.constructType(type.getType()));
    }

    /**
     * This codec with a schema that is kept by hand: from then on a changed class reads the old bytes, until you raise the
     * number.
     *
     * @param number any number
     * @return a new codec
     */
    public JacksonCodec<V> withSchema(int number) {
        return new JacksonCodec<>(reader, writer, type, number);
    }

    @Override
    public byte[] encode(V value) throws IOException {
        return writer.writeValueAsBytes(value);
    }

    @Override
    public V decode(byte[] bytes) throws IOException {
        return decode(bytes, 0, bytes.length);
    }

    @Override
    public V decode(byte[] bytes, int offset, int length) throws IOException {
        V value = reader.readValue(bytes, offset, length);
        if (value == null) {
            throw new IOException("JSON null is no value of " + type);
        }
        return value;
    }

    @Override
    public int id() {
        return PlainCodecs.JACKSON_2_ID;
    }

    /** {@inheritDoc} By default it follows from the type; see above. */
    @Override
    public int schema() {
        return schema;
    }

    @Override
    public String toString() {
        return "JacksonCodec(" + type + ", schema " + schema + ")";
    }

    // ---- making one -------------------------------------------------------------------------------------------------

    private static <V> JacksonCodec<V> byDefault(Type type) {
        JavaType resolved = Default.MAPPER.constructType(type);
        Fingerprint<JavaType> fingerprint = fingerprint(Default.MAPPER, resolved);
        fingerprint.foreign().forEach((met, path) -> {
            if (met.getName().startsWith("java.time.") && !Default.JAVA_TIME) {
                throw missing(path, met, "jackson-datatype-jsr310");
            }
            if (met.getName().startsWith("java.util.Optional") && !Default.OPTIONAL) {
                throw missing(path, met, "jackson-datatype-jdk8");
            }
        });
        return by(Default.MAPPER, resolved, fingerprint);
    }

    private static <V> JacksonCodec<V> by(ObjectMapper mapper, JavaType type) {
        if (mapper.getDeserializationConfig().getDefaultTyper(type) != null) {
            throw new IllegalArgumentException(
                    "the mapper for " + type.toCanonical() + " has default typing, so the bytes"
                            + " in Redis would choose the classes to make; use a mapper without it, and @JsonTypeInfo where a"
                            + " type has subtypes");
        }
        return by(mapper, type, fingerprint(mapper, type));
    }

    private static <V> JacksonCodec<V> by(ObjectMapper mapper, JavaType type, Fingerprint<JavaType> fingerprint) {
        return new JacksonCodec<>(
                mapper.readerFor(type), mapper.writerFor(type), type.toCanonical(), fingerprint.schema());
    }

    static Fingerprint<JavaType> fingerprint(ObjectMapper mapper, JavaType type) {
        return new Fingerprint<>(new Introspection(mapper), PlainCodecs.JACKSON_2_ID, type);
    }

    private static <V> Class<V> notRaw(Class<V> type) {
        if (type.getTypeParameters().length > 0) {
            throw new IllegalArgumentException(type.getSimpleName()
                    + " has type parameters, and its contents would come"
                    + " back as maps; use JacksonCodec.of(new TypeReference<" + type.getSimpleName() + "<…>>() {})");
        }
        return type;
    }

    private static IllegalArgumentException missing(String path, Class<?> met, String module) {
        return new IllegalArgumentException(path + " is a " + met.getName()
                + ", which Jackson 2 writes with a module that"
                + " is not on the class path; add com.fasterxml.jackson.datatype:" + module
                + ", or give JacksonCodec.of a mapper of your own"
                + (PlainCodecs.isPresent("tools.jackson.databind.ObjectMapper") ? ", or use Jackson3Codec" : ""));
    }

    /** Made when it is first asked for. */
    private static final class Default {
        static final boolean JAVA_TIME = PlainCodecs.isPresent("com.fasterxml.jackson.datatype.jsr310.JavaTimeModule");
        static final boolean OPTIONAL = PlainCodecs.isPresent("com.fasterxml.jackson.datatype.jdk8.Jdk8Module");
        static final ObjectMapper MAPPER = mapper();

        private static ObjectMapper mapper() {
            JsonMapper.Builder mapper = JsonMapper.builder()
                    .enable(MapperFeature.BLOCK_UNSAFE_POLYMORPHIC_BASE_TYPES)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    // A class without visible properties would be written as {}, and read as one that has lost all.
                    .enable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
                    // A zoned time keeps the zone and the offset that it had.
                    .disable(DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
                    .enable(SerializationFeature.WRITE_DATES_WITH_ZONE_ID)
                    .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
                    .disable(SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS);
            if (JAVA_TIME) {
                JavaTime.addTo(mapper);
            }
            if (OPTIONAL) {
                Optionals.addTo(mapper);
            }
            return mapper.build();
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

    /** What a mapper would write of types. */
    private record Introspection(ObjectMapper mapper) implements Fingerprint.Library<JavaType> {
        @Override
        public JavaType type(Class<?> type) {
            return mapper.constructType(type);
        }

        @Override
        public Class<?> raw(JavaType type) {
            return type.getRawClass();
        }

        @Override
        public List<JavaType> contents(JavaType type) {
            List<JavaType> contents = new ArrayList<>(2);
            if (type.getKeyType() != null) {
                contents.add(type.getKeyType());
            }
            if (type.getContentType() != null) {
                contents.add(type.getContentType());
            }
            if (contents.isEmpty() && Fingerprint.isForeign(type.getRawClass())) {
                contents.addAll(type.getBindings().getTypeParameters()); // Optional, Map.Entry
            }
            return contents;
        }

        @Override
        public @Nullable JavaType standIn(JavaType type) {
            AnnotatedMember value = bean(type).findJsonValueAccessor();
            return value == null ? null : value.getType();
        }

        @Override
        public @Nullable SortedMap<String, JavaType> properties(JavaType type) {
            SortedMap<String, JavaType> properties = new TreeMap<>();
            try {
                for (BeanPropertyDefinition property : bean(type).findProperties()) {
                    AnnotatedMember accessor = property.getAccessor();
                    if (accessor != null) {
                        properties.put(property.getName(), accessor.getType());
                    }
                }
            } catch (IllegalArgumentException e) {
                return null; // two getters of one property, say: a serializer of its own writes it, or Jackson will
                // complain
            }
            return properties;
        }

        @Override
        public Set<Class<?>> subtypes(JavaType type) {
            SerializationConfig config = mapper.getSerializationConfig();
            return config
                    .getSubtypeResolver()
                    .collectAndResolveSubtypesByClass(config, bean(type).getClassInfo())
                    .stream()
                    .<Class<?>>map(NamedType::getType)
                    .collect(Collectors.toSet());
        }

        @Override
        public String constant(Enum<?> constant) {
            try {
                return mapper.writeValueAsString(constant);
            } catch (JsonProcessingException e) {
                return constant.name(); // a serializer that needs its surroundings
            }
        }

        private BeanDescription bean(JavaType type) {
            return mapper.getSerializationConfig().introspect(type);
        }
    }
}
