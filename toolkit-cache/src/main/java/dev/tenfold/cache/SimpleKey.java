package dev.tenfold.cache;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A type of keys that is written as its tag, a colon and its text: {@code i:42}. Two unequal values of such a type differ
 * in their texts, and each text is parsed to a value equal to the one that it came from.
 *
 * <p>Not among them: floating point, where {@code 0.1 + 0.2} is no key that anybody finds again.
 */
record SimpleKey(String tag, Class<?> type, Function<Object, String> print, Function<String, Object> parse) {
    private static final Logger LOG = LoggerFactory.getLogger(SimpleKey.class);

    private static final Map<Class<?>, SimpleKey> BY_TYPE = Stream.of(
                    of("i", Integer.class, Integer::valueOf),
                    of("l", Long.class, Long::valueOf),
                    of("short", Short.class, Short::valueOf),
                    of("byte", Byte.class, Byte::valueOf),
                    of("bool", Boolean.class, Boolean::valueOf),
                    of("uuid", UUID.class, UUID::fromString),
                    of("bigint", BigInteger.class, BigInteger::new),
                    of("decimal", BigDecimal.class, BigDecimal::new), // keeps its scale, which equals compares
                    of("date", LocalDate.class, LocalDate::parse),
                    of("datetime", LocalDateTime.class, LocalDateTime::parse),
                    of("instant", Instant.class, Instant::parse),
                    // By its number: half a surrogate pair has no text in UTF-8.
                    new SimpleKey("char", Character.class, SimpleKey::number, SimpleKey::character))
            .collect(Collectors.toUnmodifiableMap(SimpleKey::type, Function.identity()));

    private static final Map<String, SimpleKey> BY_TAG =
            BY_TYPE.values().stream().collect(Collectors.toUnmodifiableMap(SimpleKey::tag, Function.identity()));

    static @Nullable SimpleKey ofType(Class<?> type) {
        return BY_TYPE.get(type);
    }

    static @Nullable SimpleKey ofTag(String tag) {
        return BY_TAG.get(tag);
    }

    String write(Object value) {
        return tag + ':' + print.apply(value);
    }

    /** The value of a text, or null if no value has it. */
    @Nullable
    Object read(String text) {
        try {
            return parse.apply(text);
        } catch (IllegalArgumentException | DateTimeException | ArithmeticException e) {
            LOG.debug("no {} is written as {}", type.getSimpleName(), text, e);
            return null;
        }
    }

    private static <T> SimpleKey of(String tag, Class<T> type, Function<String, T> parse) {
        return new SimpleKey(tag, type, Object::toString, parse::apply);
    }

    private static String number(Object character) {
        return Integer.toString((Character) character);
    }

    private static Character character(String number) {
        return (char) Integer.parseInt(number);
    }
}
