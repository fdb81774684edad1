package dev.tenfold.cache;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keys that carry their type, so that {@code 1}, {@code 1L} and {@code "1"} differ, and that a node can read the keys of
 * others:
 *
 * <pre>
 *   s:hello                      String, UTF-8
 *   u:…                          String with half a surrogate pair, its chars
 *   i:42  l:42  uuid:…  date:…   see {@link SimpleKey}
 *   e:app.Status:OPEN            enum
 *   r:app.Key:4:i:42,7:s:hello,  record: each component with its length in front
 *   list:4:i:42,                 list, likewise
 * </pre>
 *
 * <p><b>Reading back.</b> Bytes name the class of a record or enum, but never make this node load one: it knows those whose
 * keys it has encoded itself, and takes others for keys that it cannot hold. That is sound, though another thread may be
 * about to encode the first key of such a class: whatever that thread then loads, it loads after the invalidation that was
 * not understood.
 *
 * <p>Record classes must be values: equal if their components are, and made anew from their components equal to before.
 * The latter is checked with the first key of each class.
 */
final class TypedKeys<K> implements KeyEncoder<K> {
    /** Of lists and records within each other. */
    static final int MOST_DEPTH = 16;

    private static final byte[] STRING = ascii("s:");
    private static final byte[] CHARS = ascii("u:");
    private static final byte[] INT = ascii("i:");
    private static final byte[] LONG = ascii("l:");
    private static final byte[] LIST = ascii("list:");

    private final int mostBytes;
    private final Map<Class<?>, KeyClass> byClass = new ConcurrentHashMap<>();
    private final Map<String, KeyClass> byName = new ConcurrentHashMap<>();

    TypedKeys(int mostBytes) {
        this.mostBytes = mostBytes;
    }

    // ---- writing ----------------------------------------------------------------------------------------------------

    @Override
    public byte[] encode(K key) {
        if (key instanceof String text) {
            return string(text);
        }
        if (key instanceof Long number) {
            return number(LONG, number);
        }
        if (key instanceof Integer number) {
            return number(INT, number);
        }
        Writer writer = new Writer();
        writer.value(key, null, 0, 0);
        return writer.bytes();
    }

    private byte[] string(String text) {
        int utf8 = utf8Length(text);
        byte[] bytes = new byte[size(text, utf8)];
        writeString(text, utf8, bytes, 0);
        return bytes;
    }

    private byte[] number(byte[] tag, long number) {
        int size = tag.length + digits(number);
        checkSize(size);
        byte[] bytes = new byte[size];
        writeNumber(tag, number, bytes, 0, size);
        return bytes;
    }

    /** Without the tag; -1 for half a surrogate pair, of which there is no UTF-8. */
    private int utf8Length(String text) {
        checkSize(text.length()); // it has no fewer bytes than chars; a longer one would overflow
        int length = Utf8.length(text);
        checkSize(size(text, length));
        return length;
    }

    private static int size(String text, int utf8Length) {
        return utf8Length < 0 ? CHARS.length + 2 * text.length() : STRING.length + utf8Length;
    }

    private static void writeString(String text, int utf8Length, byte[] bytes, int at) {
        if (utf8Length >= 0) {
            System.arraycopy(STRING, 0, bytes, at, STRING.length);
            Utf8.write(text, bytes, at + STRING.length);
        } else {
            System.arraycopy(CHARS, 0, bytes, at, CHARS.length);
            ByteBuffer.wrap(bytes).position(at + CHARS.length).asCharBuffer().put(text);
        }
    }

    private static void writeNumber(byte[] tag, long number, byte[] bytes, int at, int size) {
        System.arraycopy(tag, 0, bytes, at, tag.length);
        writeDigits(number, bytes, at + size);
    }

    /** How many characters the number has, its sign included. */
    private static int digits(long number) {
        int digits = number < 0 ? 2 : 1;
        for (long rest = number / 10; rest != 0; rest /= 10) {
            digits++;
        }
        return digits;
    }

    /** Writes the number so that it ends before {@code end}. */
    private static void writeDigits(long number, byte[] bytes, int end) {
        int at = end;
        long rest = number;
        do {
            bytes[--at] = (byte) ('0' + Math.abs(rest % 10)); // the smallest long has no positive twin
            rest /= 10;
        } while (rest != 0);
        if (number < 0) {
            bytes[--at] = '-';
        }
    }

    private void checkSize(int size) {
        if (size > mostBytes) {
            throw tooLong();
        }
    }

    private IllegalArgumentException tooLong() {
        return new IllegalArgumentException("a key is longer than " + mostBytes
                + " bytes; use less of it as the key, or keys(encode, decode) with a digest");
    }

    private KeyClass register(Class<?> type, Object sample) {
        KeyClass made = KeyClass.of(type, sample);
        KeyClass other = byName.putIfAbsent(type.getName(), made);
        if (other != null && other.type() != type) {
            throw new IllegalArgumentException("two classes are named " + type.getName()
                    + ", loaded by different class loaders; keep one cache for each, or use keys(encode, decode)");
        }
        KeyClass known = other == null ? made : other;
        byClass.put(type, known);
        return known;
    }

    /** Where the bytes of one key grow. */
    private final class Writer {
        private byte[] bytes = new byte[64];
        private int at;

        byte[] bytes() {
            return Arrays.copyOf(bytes, at);
        }

        /** Writes a key, or what it consists of: the {@code index}-th component of {@code owner}, null for lists. */
        void value(@Nullable Object value, @Nullable KeyClass owner, int index, int depth) {
            if (value instanceof String text) {
                string(text);
            } else if (value instanceof Long number) {
                number(LONG, number);
            } else if (value instanceof Integer number) {
                number(INT, number);
            } else if (value instanceof Enum<?> constant) {
                put(keyClass(constant.getDeclaringClass(), constant).head());
                put(constant.name().getBytes(StandardCharsets.UTF_8));
            } else if (value instanceof Record) {
                record(value, owner, index, depth);
            } else if (value instanceof List<?> list) {
                list(list, owner, index, depth);
            } else {
                simple(value, owner, index, depth);
            }
        }

        private void string(String text) {
            int utf8 = utf8Length(text);
            int size = size(text, utf8);
            room(size);
            writeString(text, utf8, bytes, at);
            at += size;
        }

        private void number(byte[] tag, long number) {
            int size = tag.length + digits(number);
            room(size);
            writeNumber(tag, number, bytes, at, size);
            at += size;
        }

        private void simple(@Nullable Object value, @Nullable KeyClass owner, int index, int depth) {
            SimpleKey simple = value == null ? null : SimpleKey.ofType(value.getClass());
            if (value == null || simple == null) {
                throw refuse(value, owner, index, depth);
            }
            put(ascii(simple.write(value)));
        }

        private void record(Object value, @Nullable KeyClass owner, int index, int depth) {
            checkDepth(owner, index, depth);
            KeyClass type = keyClass(value.getClass(), value);
            put(type.head());
            for (int i = 0; i < type.size(); i++) {
                component(type.component(value, i), type, i, depth);
            }
        }

        private void list(List<?> list, @Nullable KeyClass owner, int index, int depth) {
            checkDepth(owner, index, depth);
            put(LIST);
            int i = 0;
            for (Object element : list) {
                component(element, null, i++, depth);
            }
        }

        /** Writes {@code length:value,}: room for a length of one digit first, and then for the others that it has. */
        private void component(@Nullable Object value, @Nullable KeyClass owner, int index, int depth) {
            int start = at;
            room(2);
            at += 2;
            value(value, owner, index, depth + 1);
            int length = at - start - 2;
            int digits = digits(length);
            room(digits); // one more than the first, and the comma
            System.arraycopy(bytes, start + 2, bytes, start + digits + 1, length);
            writeDigits(length, bytes, start + digits);
            bytes[start + digits] = ':';
            at += digits - 1;
            bytes[at++] = ',';
        }

        private KeyClass keyClass(Class<?> type, Object sample) {
            KeyClass known = byClass.get(type);
            return known != null ? known : register(type, sample);
        }

        private void put(byte[] more) {
            room(more.length);
            System.arraycopy(more, 0, bytes, at, more.length);
            at += more.length;
        }

        private void room(int length) {
            if (length > mostBytes - at) {
                throw tooLong();
            }
            if (length > bytes.length - at) {
                bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, at + length));
            }
        }

        private void checkDepth(@Nullable KeyClass owner, int index, int depth) {
            if (depth == MOST_DEPTH) {
                throw new IllegalArgumentException(
                        what(owner, index, depth) + " is within " + MOST_DEPTH
                                + " other records and lists, and no more are allowed; use a flatter key, or keys(encode, decode)");
            }
        }

        private IllegalArgumentException refuse(
                @Nullable Object value, @Nullable KeyClass owner, int index, int depth) {
            if (value == null && owner != null) {
                return owner.isNull(index);
            }
            String what = what(owner, index, depth);
            if (value == null) {
                return new IllegalArgumentException(
                        what + " is null; give it a value that stands for none, or use keys(encode, decode)");
            }
            return new IllegalArgumentException(
                    what + " is a " + value.getClass().getTypeName()
                            + ", which has no encoding: keys are strings, integral and decimal numbers, booleans, UUIDs, dates,"
                            + " enums, and records and lists of such; for others use keys(encode, decode)");
        }

        private String what(@Nullable KeyClass owner, int index, int depth) {
            if (depth == 0) {
                return "a key";
            }
            return owner == null
                    ? "element " + index + " of a key's list"
                    : "component " + owner.name(index) + " of key "
                            + owner.type().getSimpleName();
        }
    }

    // ---- reading ----------------------------------------------------------------------------------------------------

    @Override
    @SuppressWarnings("unchecked") // bytes carry their type: a key of another type is equal to none of ours
    public @Nullable K decode(byte[] bytes) {
        return bytes.length > mostBytes ? null : (K) new Reader(bytes).value(0, bytes.length, 0);
    }

    /** Reads one key; null at any point if no key has these bytes. */
    private final class Reader {
        private final byte[] bytes;

        Reader(byte[] bytes) {
            this.bytes = bytes;
        }

        @Nullable
        Object value(int from, int to, int depth) {
            int colon = colon(from, to);
            if (colon < 0) {
                return null;
            }
            String tag = text(from, colon);
            int start = colon + 1;
            return switch (tag) {
                case "s" -> text(start, to);
                case "u" -> chars(start, to);
                case "e" -> enumConstant(start, to);
                case "r" -> record(start, to, depth);
                case "list" -> list(start, to, depth);
                default -> simple(tag, start, to);
            };
        }

        private @Nullable String chars(int start, int to) {
            boolean whole = (to - start) % 2 == 0;
            return whole
                    ? ByteBuffer.wrap(bytes, start, to - start).asCharBuffer().toString()
                    : null;
        }

        private @Nullable Object simple(String tag, int start, int to) {
            SimpleKey simple = SimpleKey.ofTag(tag);
            return simple == null ? null : simple.read(text(start, to));
        }

        private @Nullable Object enumConstant(int start, int to) {
            int colon = colon(start, to);
            KeyClass type = colon < 0 ? null : byName.get(text(start, colon));
            return type == null ? null : type.constant(text(colon + 1, to));
        }

        private @Nullable Object record(int start, int to, int depth) {
            int colon = colon(start, to);
            KeyClass type = colon < 0 ? null : byName.get(text(start, colon));
            List<Object> components = type == null ? null : components(colon + 1, to, depth);
            return type == null || components == null ? null : type.make(components);
        }

        private @Nullable Object list(int start, int to, int depth) {
            List<Object> elements = components(start, to, depth);
            return elements == null ? null : Collections.unmodifiableList(elements);
        }

        private @Nullable List<Object> components(int start, int to, int depth) {
            if (depth == MOST_DEPTH) {
                return null;
            }
            List<Object> components = new ArrayList<>();
            int at = start;
            while (at < to) {
                int colon = colon(at, Math.min(to, at + 10));
                int length = colon < 0 ? -1 : length(at, colon);
                if (length < 0 || length > to - colon - 2 || bytes[colon + 1 + length] != ',') {
                    return null;
                }
                Object component = value(colon + 1, colon + 1 + length, depth + 1);
                if (component == null) {
                    return null;
                }
                components.add(component);
                at = colon + length + 2;
            }
            return components;
        }

        private int length(int from, int to) {
            int length = from == to ? -1 : 0;
            for (int i = from; i < to; i++) {
                int digit = bytes[i] - '0';
                if (digit < 0 || digit > 9) {
                    return -1;
                }
                length = 10 * length + digit;
            }
            return length;
        }

        private int colon(int from, int to) {
            for (int i = from; i < to; i++) {
                if (bytes[i] == ':') {
                    return i;
                }
            }
            return -1;
        }

        private String text(int from, int to) {
            return new String(bytes, from, to - from, StandardCharsets.UTF_8);
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
