package dev.tenfold.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.BeanDescription;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.SerializationConfig;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.DateTimeFeature;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.introspect.AnnotatedMember;
import tools.jackson.databind.introspect.BeanPropertyDefinition;
import tools.jackson.databind.introspect.ClassIntrospector;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.jsontype.NamedType;

/**
 * Values as JSON, by Jackson 3. It is an optional dependency ({@code tools.jackson.core:jackson-databind}); only this class
 * needs it.
 *
 * <pre>{@code
 * Jackson3Codec.of(User.class)
 * Jackson3Codec.of(new TypeReference<List<User>>() {})
 * Jackson3Codec.of(User.class, applicationsMapper).withSchema(3)
 * }</pre>
 *
 * <p>It does what {@link JacksonCodec} does with Jackson 2, with the same settings; dates and {@code Optional} need no
 * modules here. The two never read each other's bytes: a service that moves from one to the other begins with an empty
 * remote tier.
 *
 * <p>Immutable, and safe for use by many threads.
 *
 * @param <V> the values' type
 */
public final class Jackson3Codec<V> implements Codec<V> {
    private final ObjectReader reader;
    private final ObjectWriter writer;
    private final String type;
    private final int schema;

    private Jackson3Codec(ObjectReader reader, ObjectWriter writer, String type, int schema) {
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
     * @throws IllegalArgumentException if {@code type} has type parameters
     */
    public static <V> Jackson3Codec<V> of(Class<V> type) {
        return by(Default.MAPPER, Default.MAPPER.constructType(notRaw(type)));
    }

    /**
     * Values of a generic type, by the default mapper.
     *
     * @param type for example {@code new TypeReference<List<User>>() {}}
     * @param <V> the values' type
     * @return a new codec
     */
    public static <V> Jackson3Codec<V> of(TypeReference<V> type) {
        return by(Default.MAPPER, Default.MAPPER.constructType(type.getType()));
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
    public static <V> Jackson3Codec<V> of(Class<V> type, ObjectMapper mapper) {
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
    public static <V> Jackson3Codec<V> of(TypeReference<V> type, ObjectMapper mapper) {
        return by(mapper, mapper.constructType(type.getType()));
    }

    /**
     * This codec with a schema that is kept by hand: from then on a changed class reads the old bytes, until you raise the
     * number.
     *
     * @param number any number
     * @return a new codec
     */
    public Jackson3Codec<V> withSchema(int number) {
        return new Jackson3Codec<>(reader, writer, type, number);
    }

    @Override
    public byte[] encode(V value) {
        return writer.writeValueAsBytes(value);
    }

    @Override
    public V decode(byte[] bytes) {
        return decode(bytes, 0, bytes.length);
    }

    @Override
    public V decode(byte[] bytes, int offset, int length) {
        V value = reader.readValue(bytes, offset, length);
        if (value == null) {
            throw new IllegalArgumentException("JSON null is no value of " + type);
        }
        return value;
    }

    @Override
    public int id() {
        return PlainCodecs.JACKSON_3_ID;
    }

    /** {@inheritDoc} By default it follows from the type; see above. */
    @Override
    public int schema() {
        return schema;
    }

    @Override
    public String toString() {
        return "Jackson3Codec(" + type + ", schema " + schema + ")";
    }

    // ---- making one -------------------------------------------------------------------------------------------------

    private static <V> Jackson3Codec<V> by(ObjectMapper mapper, JavaType type) {
        if (mapper.deserializationConfig().getDefaultTyper(type) != null) {
            throw new IllegalArgumentException(
                    "the mapper for " + type.toCanonical() + " has default typing, so the bytes"
                            + " in Redis would choose the classes to make; use a mapper without it, and @JsonTypeInfo where a"
                            + " type has subtypes");
        }
        int schema = fingerprint(mapper, type).schema();
        return new Jackson3Codec<>(mapper.readerFor(type), mapper.writerFor(type), type.toCanonical(), schema);
    }

    static Fingerprint<JavaType> fingerprint(ObjectMapper mapper, JavaType type) {
        return new Fingerprint<>(new Introspection(mapper), PlainCodecs.JACKSON_3_ID, type);
    }

    private static <V> Class<V> notRaw(Class<V> type) {
        if (type.getTypeParameters().length > 0) {
            throw new IllegalArgumentException(type.getSimpleName()
                    + " has type parameters, and its contents would come"
                    + " back as maps; use Jackson3Codec.of(new TypeReference<" + type.getSimpleName() + "<…>>() {})");
        }
        return type;
    }

    /** Made when it is first asked for. */
    private static final class Default {
        static final ObjectMapper MAPPER = JsonMapper.builder()
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                // A class without visible properties would be written as {}, and read as one that has lost all.
                .enable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
                // A zoned time keeps the zone and the offset that it had.
                .disable(
                        DateTimeFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE,
                        DateTimeFeature.NORMALIZE_DESERIALIZED_ZONE_ID)
                .enable(DateTimeFeature.WRITE_DATES_WITH_ZONE_ID)
                .disable(DateTimeFeature.WRITE_DATES_AS_TIMESTAMPS, DateTimeFeature.WRITE_DURATIONS_AS_TIMESTAMPS)
                // An enum's toString is for people: two constants may share it.
                .disable(EnumFeature.WRITE_ENUMS_USING_TO_STRING, EnumFeature.READ_ENUMS_USING_TO_STRING)
                .build();
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
            SerializationConfig config = mapper.serializationConfig();
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
            } catch (JacksonException e) {
                return constant.name(); // a serializer that needs its surroundings
            }
        }

        private BeanDescription bean(JavaType type) {
            ClassIntrospector introspector = mapper.serializationConfig().classIntrospectorInstance();
            return introspector.introspectForSerialization(type, introspector.introspectClassAnnotations(type));
        }
    }
}
