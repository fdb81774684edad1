package dev.tenfold.cache;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Tells old JSON from new: a number that follows from the names and types of all that a JSON library writes for a type.
 *
 * <p>The library is asked, rather than the fields, because annotations and naming strategies rename, add and hide
 * properties, and bytes hold what they make of the class. The number is the same on every JVM. It does not depend on the
 * order of fields, nor on the names of the classes whose properties are listed; those of the JDK, whose insides are not
 * ours to look at, count by name. What it cannot see is code: serializers, and settings such as a date format.
 *
 * <p>It looks at no more than {@value #MOST_TYPES} types; those beyond count by name.
 *
 * @param <T> how the library refers to types; equal by value
 */
final class Fingerprint<T> {
    static final int MOST_TYPES = 256;

    /** What a JSON library knows of types. */
    interface Library<T> {
        T type(Class<?> type);

        Class<?> raw(T type);

        /** The types in a container: of elements, of keys and values, of what is optional. Empty if it is no container. */
        List<T> contents(T type);

        /** The type that is written in the place of this one, or null. */
        @Nullable
        T standIn(T type);

        /** What is written of an object, by name; null if the library cannot tell. */
        @Nullable
        SortedMap<String, T> properties(T type);

        /** The classes that a property of this type may hold, as far as they were declared to the library. */
        Set<Class<?>> subtypes(T type);

        String constant(Enum<?> constant);
    }

    private final Library<T> library;
    private final Map<T, Integer> seen = new HashMap<>();
    private final Map<Class<?>, String> foreign = new LinkedHashMap<>();
    private final StringBuilder text = new StringBuilder();

    Fingerprint(Library<T> library, int codec, T root) {
        this.library = library;
        text.append(codec).append(' ');
        describe(root, library.raw(root).getSimpleName());
    }

    /** Never 0, which stands for "no shape". */
    int schema() {
        CRC32C crc = new CRC32C();
        crc.update(text.toString().getBytes(StandardCharsets.UTF_8));
        int hash = (int) crc.getValue();
        return hash == 0 ? 1 : hash;
    }

    /** What was hashed. */
    String text() {
        return text.toString();
    }

    /** The classes of the JDK that were met, each with the path to where it was met first. */
    Map<Class<?>, String> foreign() {
        return foreign;
    }

    private void describe(T type, String path) {
        Class<?> raw = library.raw(type);
        List<T> contents = library.contents(type);
        if (!contents.isEmpty()) {
            contents(raw, contents, path);
            return;
        }
        if (isForeign(raw)) {
            foreign.putIfAbsent(raw, path);
            text.append(raw.getName());
            return;
        }
        Integer number = seen.get(type);
        if (number != null) {
            text.append('#').append(number.intValue());
        } else if (seen.size() == MOST_TYPES) {
            text.append(raw.getName());
        } else {
            seen.put(type, seen.size());
            ours(type, raw, path);
        }
    }

    private void contents(Class<?> raw, List<T> contents, String path) {
        if (isForeign(raw)) {
            foreign.putIfAbsent(raw, path);
        }
        text.append(raw.isArray() ? "array" : raw.getName()).append('<');
        for (T content : contents) {
            describe(content, path);
            text.append(',');
        }
        text.append('>');
    }

    private void ours(T type, Class<?> raw, String path) {
        if (raw.isEnum()) {
            text.append("enum(");
            for (Object constant : raw.getEnumConstants()) {
                name(library.constant((Enum<?>) constant));
            }
            text.append(')');
            return;
        }
        T standIn = library.standIn(type);
        if (standIn != null) {
            text.append('=');
            describe(standIn, path);
            return;
        }
        SortedMap<String, T> properties = library.properties(type);
        if (properties == null) {
            text.append(raw.getName());
            return;
        }
        text.append('{');
        properties.forEach((name, property) -> {
            name(name);
            describe(property, path + "." + name);
            text.append(',');
        });
        text.append('}');
        for (Class<?> subtype : subtypes(type, raw)) {
            text.append('|');
            describe(library.type(subtype), subtype.getSimpleName());
        }
    }

    private List<Class<?>> subtypes(T type, Class<?> raw) {
        Set<Class<?>> subtypes = new LinkedHashSet<>(library.subtypes(type));
        if (raw.isSealed()) {
            subtypes.addAll(Arrays.asList(raw.getPermittedSubclasses()));
        }
        subtypes.remove(raw);
        return subtypes.stream().sorted(Comparator.comparing(Class::getName)).toList();
    }

    /** With its length in front, as a name may hold any character. */
    private void name(String name) {
        text.append(name.length()).append(':').append(name).append(' ');
    }

    static boolean isForeign(Class<?> raw) {
        return raw.isPrimitive()
                || raw.getName().startsWith("java.")
                || raw.getName().startsWith("javax.");
    }
}
