package dev.tenfold.auth;

import com.nimbusds.jose.util.JSONObjectUtils;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads claims out of a JSON object, and takes nothing for what it is not: a wrong type is an error, never an absent claim. A
 * member that is null is absent. Errors name the claim and not its value.
 */
final class JsonClaims {
    /** The last second of the year 9999. */
    private static final double LATEST = 253_402_300_799d;

    private final Map<String, Object> members;

    private JsonClaims(Map<String, Object> members) {
        this.members = members;
    }

    /** @throws ParseException unless it is UTF-8, and a JSON object without duplicates */
    static JsonClaims parse(byte[] utf8) throws ParseException {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(utf8))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ParseException("it is not UTF-8", 0);
        }
        @Nullable Map<String, Object> members;
        try {
            // The parser would take an array of pairs for an object.
            members = text.stripLeading().startsWith("{") ? JSONObjectUtils.parse(text) : null;
        } catch (ParseException e) {
            members = null; // its message may quote what it read
        }
        if (members == null) throw new ParseException("it is not a JSON object", 0);
        return new JsonClaims(members);
    }

    /** @throws IllegalStateException if there is no JSON parser */
    static void requireParser(String who) {
        try {
            Class.forName("com.nimbusds.jose.util.JSONObjectUtils", false, JsonClaims.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(
                    who + " needs com.nimbusds:nimbus-jose-jwt 10, which is not on the class path; add that dependency",
                    e);
        }
    }

    boolean has(String name) {
        return members.containsKey(name);
    }

    @Nullable
    Object get(String name) {
        return members.get(name);
    }

    @Nullable
    String text(String name) throws ParseException {
        Object value = members.get(name);
        if (value == null || value instanceof String) return (String) value;
        throw wrong(name, "a string");
    }

    /** One string or an array of them. */
    List<String> texts(String name) throws ParseException {
        Object value = members.get(name);
        if (value == null) return List.of();
        if (value instanceof String one) return List.of(one);
        List<String> texts = new ArrayList<>();
        if (!(value instanceof List<?> all)) throw wrong(name, "a string or an array of strings");
        for (Object one : all) {
            if (!(one instanceof String text)) throw wrong(name, "a string or an array of strings");
            texts.add(text);
        }
        return texts;
    }

    /** A {@code NumericDate} of RFC 7519; parts of a second are dropped. */
    @Nullable
    Instant time(String name) throws ParseException {
        Object value = members.get(name);
        if (value == null) return null;
        if (!(value instanceof Number number)) throw wrong(name, "a number");
        double seconds = number.doubleValue();
        if (!(seconds >= 0 && seconds <= LATEST)) {
            throw wrong(name, "a time from 1970 to 9999 in seconds; it may be in milliseconds");
        }
        return Instant.ofEpochSecond(number.longValue());
    }

    /** A member that is an object itself. */
    @Nullable
    Map<String, Object> object(String name) throws ParseException {
        Object value = members.get(name);
        if (value == null) return null;
        if (!(value instanceof Map<?, ?> map)) throw wrong(name, "an object");
        Map<String, Object> object = new LinkedHashMap<>();
        map.forEach((key, one) -> object.put(String.valueOf(key), one));
        return object;
    }

    /** All members but some. */
    Map<String, Object> without(Iterable<String> names) {
        Map<String, Object> rest = new LinkedHashMap<>(members);
        names.forEach(rest::remove);
        return rest;
    }

    private static ParseException wrong(String name, String right) {
        return new ParseException("\"" + name + "\" is not " + right, 0);
    }
}
