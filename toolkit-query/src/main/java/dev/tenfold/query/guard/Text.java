package dev.tenfold.query.guard;

/**
 * A statement's text as the application sends it.
 *
 * <p>Its values are its parameters, in their order, and after them its literals.
 */
final class Text {
    static final long[] NO_LITERALS = {};
    /** Those beyond are taken together as the last. */
    static final int MOST_LITERALS = 16;

    final String sql;
    final Fingerprint fingerprint;
    /** What each value is for; values beyond are {@link Fingerprint#OTHER}. */
    final byte[] roles;
    /** What each literal is: a whole number as it is, anything else as a hash. */
    final long[] literals;

    Text(String sql, Fingerprint fingerprint, byte[] roles, long[] literals) {
        this.sql = sql;
        this.fingerprint = fingerprint;
        this.roles = roles;
        this.literals = literals;
    }

    byte role(int value) {
        return value < roles.length ? roles[value] : Fingerprint.OTHER;
    }
}
