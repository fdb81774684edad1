package dev.tenfold.query;

import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * Reads a value from the row that a result set is at.
 *
 * @param <V> the value's type
 */
@FunctionalInterface
public interface RowMapper<V> {
    /**
     * Reads the current row.
     *
     * @param row positioned on a row; must not be moved
     * @return the value, never null
     * @throws SQLException if a column cannot be read; the batch fails
     */
    V map(ResultSet row) throws SQLException;
}
