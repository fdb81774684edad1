package dev.tenfold.query.guard;

/**
 * A statement's text with its literals taken out, and what its executions have in common.
 *
 * <p>Compared by identity: {@link Fingerprints} makes one of each.
 */
final class Fingerprint {
    /** What a parameter is compared with or used for; by its place in the text. */
    static final byte OTHER = 0;
    /** {@code column = ?}, or the only element of {@code in (?)}. */
    static final byte EQUAL = 1;
    /** {@code column < ?}, {@code > ?}, {@code between ? and ?}, {@code (a, b) > (?, ?)}. */
    static final byte RANGE = 2;
    /** {@code limit ?}, {@code fetch first ? rows}, {@code top (?)}. */
    static final byte LIMIT = 3;
    /** {@code offset ?}. */
    static final byte OFFSET = 4;
    /** One of several elements of {@code in (?, ?)}, {@code = any(?)}, {@code unnest(?)}. */
    static final byte LIST = 5;
    /** {@code values (?)}, {@code set column = ?}: what is written. */
    static final byte WRITTEN = 6;

    /** Roles that are kept: those of further parameters are {@link #OTHER}. */
    static final int MAX_ROLES = 512;

    /** Sixteen hex digits, the same in every process. */
    final String id;
    /** In lower case outside of quotes, literals as {@code ?}, lists as {@code (...)}, at most 4,000 characters. */
    final String text;
    /** Well spread. */
    final int hash;

    final StatementKind kind;
    /**
     * By parameter, from 0; parameters beyond are {@link #OTHER}. Texts whose lists are of different lengths have one
     * fingerprint: where it is {@link #batched}, these are the roles of the first of them.
     */
    final byte[] roles;
    /** Whether it asks for some rows only: {@code limit}, {@code fetch first}, {@code top}. */
    final boolean limited;
    /** Whether it carries a list: many keys at once. */
    final boolean batched;
    /** Whether a comment in it says {@code tenfold:ignore}. */
    final boolean ignored;
    /**
     * The roles of the literals that were taken out: bit {@code 1 << role}. If there is any, two texts of this fingerprint may
     * differ in values without a parameter that tells: then take the text's own hash for one more bind.
     */
    final int literals;

    Fingerprint(
            String id,
            String text,
            int hash,
            StatementKind kind,
            byte[] roles,
            boolean limited,
            boolean batched,
            boolean ignored) {
        this(id, text, hash, kind, roles, limited, batched, ignored, 0);
    }

    Fingerprint(
            String id,
            String text,
            int hash,
            StatementKind kind,
            byte[] roles,
            boolean limited,
            boolean batched,
            boolean ignored,
            int literals) {
        this.id = id;
        this.text = text;
        this.hash = hash;
        this.kind = kind;
        this.roles = roles;
        this.limited = limited;
        this.batched = batched;
        this.ignored = ignored;
        this.literals = literals;
    }

    byte role(int parameter) {
        return parameter < roles.length ? roles[parameter] : OTHER;
    }

    /** What its executions took. */
    final Executions executions = new Executions();

    /** Where it was found. */
    final KnownSites knownSites = new KnownSites();

    @Override
    public String toString() {
        return text;
    }
}
