package dev.tenfold.query.guard;

import java.sql.ResultSet;
import org.jspecify.annotations.Nullable;

/** A result set whose rows, and the columns read of them, are counted. */
final class WatchedRows {
    private WatchedRows() {}

    /**
     * Watches a result set.
     *
     * @param entry whose rows they are; null if the scope does not follow the statement
     */
    static ResultSet watch(
            QueryGuard guard, ResultSet rows, WatchedStatement statement, Text text, @Nullable Entry entry) {
        return rows;
    }
}
