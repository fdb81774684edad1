package dev.tenfold.query.keyset;

import dev.tenfold.query.keyset.Column.Nulls;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Locale;

/** What databases differ in, as far as pages by key go. */
enum Dialect {
    /** And what speaks its protocol. The only one of them that reads a range of an index for a comparison of rows. */
    POSTGRES,
    /** MySQL and MariaDB. Nulls come before all values, and there are no words to change it. */
    MYSQL,
    /** H2 and any other. */
    STANDARD;

    static Dialect of(Connection connection) throws SQLException {
        String product = connection.getMetaData().getDatabaseProductName().toLowerCase(Locale.ROOT);
        if (product.contains("postgres")) return POSTGRES;
        return product.contains("mysql") || product.contains("mariadb") ? MYSQL : STANDARD;
    }

    /** Whether the order needs more than the direction of {@code column}, for nulls to be where it wants them. */
    boolean ranksNulls(Column column) {
        if (column.nulls() == Nulls.NONE) return false;
        return this != MYSQL || (column.nulls() == Nulls.FIRST) == column.descending();
    }

    /** An element of an {@code order by}. */
    String order(Column column) {
        String plain = column.name() + (column.descending() ? " desc" : " asc");
        if (!ranksNulls(column)) return plain;
        boolean first = column.nulls() == Nulls.FIRST;
        if (this == MYSQL) return "(" + column.name() + " is null)" + (first ? " desc, " : " asc, ") + plain;
        return plain + (first ? " nulls first" : " nulls last");
    }

    String limit(int rows) {
        return this == STANDARD ? "offset 0 rows fetch first " + rows + " rows only" : "limit " + rows;
    }
}
