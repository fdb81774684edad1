package dev.tenfold.jobs;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Some of a long list, and where the rest begins. Found by key, not by counting from the start: the thousandth page costs as
 * much as the first, and what is added or removed meanwhile shifts nothing.
 *
 * @param items in order; unmodifiable
 * @param next to be given with the same filter for the page behind this one: opaque, safe in a URL; empty if this is the last
 * @param <T> what is listed
 */
public record Page<T>(List<T> items, Optional<String> next) {
    /** Whether a page holds no more than it may. */
    static void checkLimit(int limit) {
        if (limit < 1 || limit > 1_000) {
            throw new IllegalArgumentException("limit " + limit + " must be from 1 to 1,000; next() leads to the rest");
        }
    }

    /** A place between rows that are ordered by a time and an id. */
    record Place(long at, long id) {
        static Place parse(String cursor) {
            int dot = cursor.indexOf('.');
            try {
                if (dot > 0) {
                    return new Place(
                            Long.parseLong(cursor.substring(0, dot), 36),
                            Long.parseLong(cursor.substring(dot + 1), 36));
                }
            } catch (NumberFormatException e) {
                throw noCursor(cursor, e);
            }
            throw noCursor(cursor, null);
        }

        private static IllegalArgumentException noCursor(String cursor, @Nullable Throwable cause) {
            return new IllegalArgumentException(
                    "\"" + cursor + "\" is no place in a list; give what next() of a page returned, or leave it out",
                    cause);
        }

        @Override
        public String toString() {
            return Long.toString(at, 36) + '.' + Long.toString(id, 36);
        }
    }
}
