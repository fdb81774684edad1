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
    /** Stands for a text that could not be read: it is counted, and not judged. */
    static final Text UNKNOWN = named("");
    /** What a connection does when it ends a transaction; not counted as statements. */
    static final Text COMMIT = named("commit");

    static final Text ROLLBACK = named("rollback");

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

    private static Text named(String name) {
        byte[] none = {};
        Fingerprint fingerprint = new Fingerprint("", name, 0, StatementKind.OTHER, none, false, false, true);
        return new Text(name, fingerprint, none, NO_LITERALS);
    }

    byte role(int value) {
        return value < roles.length ? roles[value] : Fingerprint.OTHER;
    }
}
