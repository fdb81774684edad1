package dev.tenfold.query.keyset;

import java.io.DataOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.Date;
import java.sql.Time;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Turns key values into bytes and back, each to the same value of the same class. */
final class KeyValues {
    /** PostgreSQL's numbers have up to 147,455 digits; a forged scale beyond would fill the memory when it is printed. */
    private static final int MOST_DIGITS = 200_000;

    private static final int NULL = 0;

    private interface Writer<T> {
        void write(T value, DataOutputStream out) throws IOException;
    }

    /** @param tag the byte before its values; never to be used for another type, as cursors outlive versions */
    private record Type<T>(int tag, Class<T> type, Writer<T> writer, Function<ByteBuffer, T> reader) {
        void write(Object value, DataOutputStream out) throws IOException {
            out.writeByte(tag);
            writer.write(type.cast(value), out);
        }
    }

    private static final List<Type<?>> TYPES = List.of(
            new Type<>(1, Long.class, (v, out) -> out.writeLong(v), ByteBuffer::getLong),
            new Type<>(2, Integer.class, (v, out) -> out.writeInt(v), ByteBuffer::getInt),
            new Type<>(3, Short.class, (v, out) -> out.writeShort(v), ByteBuffer::getShort),
            new Type<>(4, Byte.class, (v, out) -> out.writeByte(v), ByteBuffer::get),
            new Type<>(5, Boolean.class, (v, out) -> out.writeBoolean(v), in -> in.get() != 0),
            new Type<>(6, Double.class, (v, out) -> out.writeDouble(v), ByteBuffer::getDouble),
            new Type<>(7, Float.class, (v, out) -> out.writeFloat(v), ByteBuffer::getFloat),
            new Type<>(
                    8,
                    String.class,
                    (v, out) -> writeBytes(v.getBytes(StandardCharsets.UTF_8), out),
                    in -> new String(readBytes(in), StandardCharsets.UTF_8)),
            new Type<>(9, BigDecimal.class, KeyValues::writeDecimal, KeyValues::readDecimal),
            new Type<>(
                    10,
                    BigInteger.class,
                    (v, out) -> writeBytes(v.toByteArray(), out),
                    in -> new BigInteger(readBytes(in))),
            new Type<>(11, UUID.class, KeyValues::writeUuid, in -> new UUID(in.getLong(), in.getLong())),
            new Type<>(12, byte[].class, KeyValues::writeBytes, KeyValues::readBytes),
            new Type<>(
                    13,
                    LocalDate.class,
                    (v, out) -> out.writeLong(v.toEpochDay()),
                    in -> LocalDate.ofEpochDay(in.getLong())),
            new Type<>(
                    14,
                    LocalTime.class,
                    (v, out) -> out.writeLong(v.toNanoOfDay()),
                    in -> LocalTime.ofNanoOfDay(in.getLong())),
            new Type<>(15, LocalDateTime.class, KeyValues::writeLocal, KeyValues::readLocal),
            new Type<>(16, OffsetDateTime.class, KeyValues::writeOffset, KeyValues::readOffset),
            new Type<>(17, Instant.class, KeyValues::writeInstant, KeyValues::readInstant),
            new Type<>(18, Timestamp.class, KeyValues::writeTimestamp, KeyValues::readTimestamp),
            new Type<>(19, Date.class, (v, out) -> out.writeLong(v.getTime()), in -> new Date(in.getLong())),
            new Type<>(20, Time.class, (v, out) -> out.writeLong(v.getTime()), in -> new Time(in.getLong())));

    private static final Map<Class<?>, Type<?>> BY_CLASS =
            TYPES.stream().collect(Collectors.toUnmodifiableMap(Type::type, Function.identity()));

    private KeyValues() {}

    static boolean carries(Class<?> type) {
        return BY_CLASS.containsKey(type);
    }

    /** For a message. */
    static String unsupported(String column, Class<?> type) {
        return "column " + column + " is a " + type.getName() + ", which a cursor cannot carry; sort by a cast of it, "
                + "to a number, a text or a time, named in a subselect";
    }

    static void write(@Nullable Object value, DataOutputStream out) throws IOException {
        if (value == null) {
            out.writeByte(NULL);
            return;
        }
        Type<?> type = BY_CLASS.get(value.getClass());
        if (type == null) throw new IllegalArgumentException(unsupported("", value.getClass()));
        type.write(value, out);
    }

    /** @throws RuntimeException of one of several kinds if the bytes are none of {@link #write} */
    static @Nullable Object read(ByteBuffer in) {
        int tag = in.get();
        if (tag == NULL) return null;
        Optional<Type<?>> type =
                TYPES.stream().filter(each -> each.tag() == tag).findFirst();
        return type.orElseThrow(() -> new IllegalArgumentException("no type has tag " + tag))
                .reader()
                .apply(in);
    }

    private static void writeBytes(byte[] bytes, DataOutputStream out) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static byte[] readBytes(ByteBuffer in) {
        int length = in.getInt();
        if (length < 0 || length > in.remaining()) throw new IllegalArgumentException("length " + length);
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }

    private static void writeDecimal(BigDecimal value, DataOutputStream out) throws IOException {
        out.writeInt(value.scale());
        writeBytes(value.unscaledValue().toByteArray(), out);
    }

    private static BigDecimal readDecimal(ByteBuffer in) {
        int scale = in.getInt();
        if (scale < -MOST_DIGITS || scale > MOST_DIGITS) throw new IllegalArgumentException("scale " + scale);
        return new BigDecimal(new BigInteger(readBytes(in)), scale);
    }

    private static void writeUuid(UUID value, DataOutputStream out) throws IOException {
        out.writeLong(value.getMostSignificantBits());
        out.writeLong(value.getLeastSignificantBits());
    }

    private static void writeLocal(LocalDateTime value, DataOutputStream out) throws IOException {
        out.writeLong(value.toLocalDate().toEpochDay());
        out.writeLong(value.toLocalTime().toNanoOfDay());
    }

    private static LocalDateTime readLocal(ByteBuffer in) {
        return LocalDateTime.of(LocalDate.ofEpochDay(in.getLong()), LocalTime.ofNanoOfDay(in.getLong()));
    }

    private static void writeOffset(OffsetDateTime value, DataOutputStream out) throws IOException {
        writeLocal(value.toLocalDateTime(), out);
        out.writeInt(value.getOffset().getTotalSeconds());
    }

    private static OffsetDateTime readOffset(ByteBuffer in) {
        return OffsetDateTime.of(readLocal(in), ZoneOffset.ofTotalSeconds(in.getInt()));
    }

    private static void writeInstant(Instant value, DataOutputStream out) throws IOException {
        out.writeLong(value.getEpochSecond());
        out.writeInt(value.getNano());
    }

    private static Instant readInstant(ByteBuffer in) {
        return Instant.ofEpochSecond(in.getLong(), in.getInt());
    }

    private static void writeTimestamp(Timestamp value, DataOutputStream out) throws IOException {
        out.writeLong(value.getTime());
        out.writeInt(value.getNanos());
    }

    private static Timestamp readTimestamp(ByteBuffer in) {
        Timestamp value = new Timestamp(in.getLong());
        value.setNanos(in.getInt());
        return value;
    }
}
