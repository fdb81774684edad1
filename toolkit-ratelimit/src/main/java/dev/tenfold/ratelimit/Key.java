package dev.tenfold.ratelimit;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Who or what is counted: one part, or several with names, the widest first.
 *
 * <pre>{@code
 * Key.of("42")                                        // the same as the string itself
 * Key.of("tenant", "acme").and("user", "42")          // for limits by("tenant"), and limits by the whole
 * }</pre>
 *
 * <p>Values may be what users type: any characters, {@value #LONGEST} in all. Redis never sees them, only a keyed digest in
 * which parts cannot run into each other. In a Redis Cluster all parts live where the first does, so a limit by another part
 * alone has to be {@link Limit#leased leased} there. Immutable.
 */
public final class Key {
    /** The longest key, all its values together: {@value} characters. */
    public static final int LONGEST = 1_024;

    /** The name of the only part of a key that is just a string. */
    static final String ONLY = "";

    final List<String> names;
    final List<String> values;
    private final int hash;

    private Key(List<String> names, List<String> values) {
        this.names = names;
        this.values = values;
        this.hash = 31 * names.hashCode() + values.hashCode();
    }

    /**
     * A key of one part without a name.
     *
     * @param value 1 to {@value #LONGEST} characters
     * @return the key
     * @throws IllegalArgumentException if it is empty or too long
     */
    public static Key of(String value) {
        requireValue(value);
        return new Key(List.of(ONLY), List.of(value));
    }

    /**
     * A key of one part, to which more can be added.
     *
     * @param name what {@link Limit#by} asks for
     * @param value 1 to {@value #LONGEST} characters
     * @return the key
     * @throws IllegalArgumentException if the value is empty or too long, or the name is none
     */
    public static Key of(String name, String value) {
        Limit.requireName("part", name);
        requireValue(value);
        return new Key(List.of(name), List.of(value));
    }

    /**
     * Adds a narrower part.
     *
     * @param name unlike the others
     * @param value at least one character
     * @return a longer key
     * @throws IllegalArgumentException if the value is empty, or the whole too long, or the name is none or is there already
     */
    public Key and(String name, String value) {
        Limit.requireName("part", name);
        requireValue(value);
        if (names.contains(name) || names.contains(ONLY)) {
            throw new IllegalArgumentException("the key " + names
                    + (names.contains(name) ? " has a part " + name + " already" : " has a part without a name")
                    + "; give each part a name of its own");
        }
        int length = values.stream().mapToInt(String::length).sum() + value.length();
        if (length > LONGEST) throw tooLong(length);
        return new Key(append(names, name), append(values, value));
    }

    private static List<String> append(List<String> list, String last) {
        return IntStream.rangeClosed(0, list.size())
                .mapToObj(i -> i < list.size() ? list.get(i) : last)
                .toList();
    }

    /** The string itself if there is one part without a name, else the key. */
    Object plain() {
        return names.get(0).equals(ONLY) ? values.get(0) : this;
    }

    /** The value of a part, or null if there is no such part. */
    @Nullable
    String value(String name) {
        int at = names.indexOf(name);
        return at < 0 ? null : values.get(at);
    }

    static void requireValue(String value) {
        Objects.requireNonNull(value, "key");
        if (value.isEmpty()) {
            throw new IllegalArgumentException(
                    "a key must not be empty, or all callers without one would share a limit;"
                            + " name what you count by, for example the client's address");
        }
        if (value.length() > LONGEST) throw tooLong(value.length());
    }

    private static IllegalArgumentException tooLong(int length) {
        return new IllegalArgumentException("a key of " + length + " characters is too long, at most " + LONGEST
                + " are allowed; count by an identifier, or by a digest of yours");
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Key that && hash == that.hash && names.equals(that.names) && values.equals(that.values);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    /** The names of its parts; values do not show, as keys may be personal data. */
    @Override
    public String toString() {
        return names.stream()
                .map(name -> name.isEmpty() ? "…" : name + "=…")
                .collect(Collectors.joining(" ", "Key[", "]"));
    }
}
