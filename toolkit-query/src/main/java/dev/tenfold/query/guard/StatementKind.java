package dev.tenfold.query.guard;

/** What a statement does, by its first words. */
enum StatementKind {
    /** Reads, and surely changes nothing: a {@code with} that changes data is {@link #OTHER}. */
    SELECT,
    INSERT,
    UPDATE,
    DELETE,
    /** All else: calls, DDL, {@code merge}, settings, texts of several statements. */
    OTHER
}
