package dev.tenfold.query.guard;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Values of statements as single numbers: those of numbers and times keep their order, all others are hashes, which are told by
 * being at least 2<sup>62</sup>. Two values of one number are rare, and only make two executions look like one.
 */
final class Values {
    static final long NULL = hashed(0x9e3779b97f4a7c15L);

    private Values() {}

    /** For what has no cheap hash, who it is. */
    @SuppressWarnings({"JavaUtilDate", "JavaLocalDateTimeGetNano"}) // JDBC's own times; seconds and nanoseconds
    static long of(@Nullable Object value) {
        if (value == null) return NULL;
        if (value instanceof String text) return hashed(text.hashCode() * 0x100000001L ^ text.length());
        if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return ((Number) value).longValue();
        }
        if (value instanceof UUID id) {
            return hashed(id.getMostSignificantBits() ^ Long.rotateLeft(id.getLeastSignificantBits(), 32));
        }
        if (value instanceof Double || value instanceof Float) return of(((Number) value).doubleValue());
        if (value instanceof BigDecimal decimal) return of(decimal);
        if (value instanceof java.util.Date date) return date.getTime();
        if (value instanceof LocalDate date) return date.toEpochDay();
        if (value instanceof LocalDateTime time) return micros(time.toEpochSecond(ZoneOffset.UTC), time.getNano());
        if (value instanceof OffsetDateTime time) return micros(time.toEpochSecond(), time.getNano());
        if (value instanceof byte[] bytes) return hashed(hash(bytes));
        // Of the application's own classes nobody knows what their hash costs, or throws.
        boolean isOfJdk = value.getClass().getName().startsWith("java.");
        return hashed(isOfJdk || value instanceof Enum ? value.hashCode() : System.identityHashCode(value));
    }

    /** Those of more digits than a double has are no keys. */
    private static long of(BigDecimal decimal) {
        if (decimal.precision() <= 15) return of(decimal.doubleValue());
        return hashed(decimal.unscaledValue().hashCode() * 31L + decimal.scale());
    }

    /** Of the length, and of 64 bytes at most. */
    private static long hash(byte[] bytes) {
        long hash = bytes.length;
        int step = Math.max(1, bytes.length / 64);
        for (int i = 0; i < bytes.length; i += step) {
            hash = hash * 31 + bytes[i];
        }
        return hash;
    }

    /** In order as long as they are not negative; the two lowest bits are lost. */
    static long of(double value) {
        return Double.doubleToLongBits(value) >> 2;
    }

    static long hashed(long hash) {
        return (hash >>> 2) | (1L << 62);
    }

    static boolean isHash(long value) {
        return value >= 1L << 62;
    }

    private static long micros(long seconds, int nanos) {
        return seconds * 1_000_000 + nanos / 1_000;
    }
}
