package dev.tenfold.query.keyset;

import org.jspecify.annotations.Nullable;

/**
 * A cursor that cannot be used: cut, changed, signed by somebody else, or made for another sort. An HTTP service answers it
 * with 400, and its client starts again at the first page. It is thrown before any statement is sent. The message says what is
 * wrong and does not repeat the cursor, so it is safe to log and to show.
 */
public final class InvalidCursorException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    InvalidCursorException(String message) {
        super(message);
    }

    InvalidCursorException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
