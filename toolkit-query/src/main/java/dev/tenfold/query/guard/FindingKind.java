package dev.tenfold.query.guard;

/** What a {@link Finding} is about. */
public enum FindingKind {
    /** A query for each row of an earlier query. */
    N_PLUS_ONE,
    /** The same query for one key after the other; where the keys come from was not seen. */
    LOOP,
    /** The same query with the same values, again and again. */
    REPEATED_READ,
    /** Single writes in a loop, which could be a batch. */
    WRITE_LOOP,
    /** A statement that takes long. */
    SLOW,
    /** Columns that are fetched and never read. */
    UNREAD_COLUMNS,
    /** Rows that are fetched and never read. */
    UNREAD_ROWS,
    /** A connection that is held while the application does something else. */
    HELD_CONNECTION,
    /** A second connection, asked for by a thread that holds one: threads can wait for each other for ever. */
    NESTED_BORROW,
    /** More statements in one scope than it should take. */
    MANY_STATEMENTS
}
