package dev.tenfold.query.keyset;

import java.util.List;

/**
 * A column of a sort.
 *
 * @param name as it is in statements
 */
record Column(String name, boolean descending, Nulls nulls) {
    /** Where a column's nulls are. */
    enum Nulls {
        NONE,
        FIRST,
        LAST
    }

    /** The same column, read from the end. */
    Column reversed() {
        return new Column(
                name,
                !descending,
                switch (nulls) {
                    case NONE -> Nulls.NONE;
                    case FIRST -> Nulls.LAST;
                    case LAST -> Nulls.FIRST;
                });
    }

    static List<Column> inDirection(List<Column> columns, boolean backwards) {
        return backwards ? columns.stream().map(Column::reversed).toList() : columns;
    }

    /** For people, and for the hash that a cursor is bound to; must not change from version to version. */
    @Override
    public String toString() {
        return name
                + (descending ? " desc" : " asc")
                + switch (nulls) {
                    case NONE -> "";
                    case FIRST -> " nulls first";
                    case LAST -> " nulls last";
                };
    }
}
