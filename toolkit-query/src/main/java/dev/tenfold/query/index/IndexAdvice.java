package dev.tenfold.query.index;

import org.jspecify.annotations.Nullable;

/**
 * One thing to do about an index.
 *
 * @param kind what is wrong
 * @param table with its schema where that is not on the search path, quoted where needed
 * @param subject the foreign key's, or the index's name, or the statement's fingerprint
 * @param detail what was seen, in words and figures; of a statement its text, cut to 200 characters, in a line before
 * @param ddl the statement to run; several, a semicolon and a line's end between them, are run one by one; outside of a
 *     transaction; the same text in all advice that one index serves; null where there is nothing to run
 * @param gain how many times cheaper the statement is expected to be: by the planner's own costs for a statement, estimated
 *     from the tables' sizes for a foreign key; null where that is not known
 * @param verified whether the planner was asked (by HypoPG) and takes the proposed index
 */
public record IndexAdvice(
        Kind kind,
        String table,
        String subject,
        String detail,
        @Nullable String ddl,
        @Nullable Double gain,
        boolean verified) {

    /** What is wrong. */
    public enum Kind {
        /** A foreign key without an index: each delete or change of a parent reads the whole child table. */
        MISSING_FOREIGN_KEY_INDEX,
        /** A statement reads a whole large table for a few rows. */
        SEQUENTIAL_SCAN,
        /** Another index does all that this one does. */
        DUPLICATE_INDEX,
        /** Nothing has read it for long, and each write keeps it up. */
        UNUSED_INDEX,
        /** It was never finished, and helps nobody. */
        INVALID_INDEX
    }

    /**
     * Names this advice in a list of what is known: the same from run to run while the object keeps its name, whatever the
     * figures are.
     *
     * @return the kind, the table and the subject, with a space between
     */
    public String key() {
        return kind + " " + table + " " + subject;
    }
}
