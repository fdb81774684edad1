package dev.tenfold.query.keyset;

import dev.tenfold.query.keyset.Column.Nulls;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes the conditions of the rows beyond a position, as templates in which <code>{i}</code> is column i of n and
 * <code>{n+i}</code> the position's value of it.
 *
 * <p>Where all columns go the same way and nulls do not disturb, that is a comparison of rows, {@code (a, b) > (?, ?)}: a range
 * of an index on PostgreSQL. Else it is written out, {@code a >= ? and (a > ? or (a = ? and b < ?))}. The first comparison says
 * nothing new, but it alone is a range of the first column; without it databases read the index from its start (see
 * spring-data-jpa#4250).
 *
 * <p>If the first column may be null, a sort falls into two parts, rows with a value and rows without. {@code (a > ? or a is
 * null)} is no range of any index, and where nulls belong is no order of an index made for the other place. So each part is a
 * statement of its own, and the second is sent only when the first leaves the page open.
 */
final class Seek {
    private final Dialect dialect;
    private final List<Column> columns;
    private final List<@Nullable Object> key;
    private final boolean inclusive;

    private Seek(Dialect dialect, List<Column> columns, Position from) {
        this.dialect = dialect;
        this.columns = columns;
        this.key = from.key();
        this.inclusive = from.inclusive();
    }

    /**
     * The parts to read, in order, as long as rows are missing.
     *
     * @param columns in the direction that is read
     * @param from null is the start
     * @return one or two conditions, of which an empty one is true
     */
    static List<String> parts(Dialect dialect, List<Column> columns, @Nullable Position from) {
        Nulls nulls = columns.get(0).nulls();
        String values = "{0} is not null";
        String nullRows = "{0} is null";
        if (from == null) {
            return switch (nulls) {
                case NONE -> List.of("");
                case FIRST -> List.of(nullRows, values);
                case LAST -> List.of(values, nullRows);
            };
        }
        Seek seek = new Seek(dialect, columns, from);
        if (seek.isNull(0)) {
            String rest = "(" + nullRows + " and " + seek.ranged(1) + ")";
            return nulls == Nulls.FIRST ? List.of(rest, values) : List.of(rest);
        }
        return nulls == Nulls.LAST ? List.of(seek.ranged(0), nullRows) : List.of(seek.ranged(0));
    }

    /** The order of each part. The first column has no nulls to rank there, or nothing else. */
    static List<Column> order(List<Column> columns) {
        List<Column> order = new ArrayList<>(columns);
        order.set(0, new Column(columns.get(0).name(), columns.get(0).descending(), Nulls.NONE));
        return order;
    }

    private String ranged(int start) {
        String beyond = beyond(start);
        boolean isWrittenOut = beyond.contains(" or ");
        if (!isWrittenOut) return beyond;
        boolean hasRange = start == 0 || (!isNull(start) && columns.get(start).nulls() != Nulls.LAST);
        return hasRange ? "(" + compared(start, true) + " and (" + beyond + "))" : "(" + beyond + ")";
    }

    private String beyond(int i) {
        int n = columns.size();
        if (i == n - 1) return last(i);
        if (dialect == Dialect.POSTGRES && comparesAsRows(i)) {
            return row(i, n) + operator(i, inclusive) + row(n + i, 2 * n);
        }
        Column column = columns.get(i);
        String deeper = beyond(i + 1);
        if (deeper.contains(" or ")) deeper = "(" + deeper + ")";
        if (isNull(i)) {
            String amongNulls = "{" + i + "} is null and " + deeper;
            return column.nulls() == Nulls.FIRST ? "{" + i + "} is not null or (" + amongNulls + ")" : amongNulls;
        }
        String past = compared(i, false);
        if (i > 0 && column.nulls() == Nulls.LAST) past += " or {" + i + "} is null";
        return past + " or ({" + i + "} = {" + (n + i) + "} and " + deeper + ")";
    }

    /** Only a column that decides nothing is the last one and null: a unique key is among those before it. */
    private String last(int i) {
        if (!isNull(i)) return compared(i, inclusive);
        return "{" + i + "} is " + (inclusive ? "null" : "not null");
    }

    /**
     * A null compares as unknown, which leaves its row out: right for nulls that come before the position. A row with a null
     * in a later column is decided by an earlier one, or is equal up to there and so before the position too.
     */
    private boolean comparesAsRows(int start) {
        for (int i = start; i < columns.size(); i++) {
            Column column = columns.get(i);
            if (column.descending() != columns.get(start).descending()) return false;
            if (isNull(i) || (i > 0 && column.nulls() == Nulls.LAST)) return false;
        }
        return true;
    }

    private boolean isNull(int i) {
        return key.get(i) == null;
    }

    private String compared(int i, boolean orEqual) {
        return "{" + i + "}" + operator(i, orEqual) + "{" + (columns.size() + i) + "}";
    }

    private String operator(int i, boolean orEqual) {
        return (columns.get(i).descending() ? " <" : " >") + (orEqual ? "= " : " ");
    }

    private static String row(int start, int end) {
        return IntStream.range(start, end).mapToObj(i -> "{" + i + "}").collect(Collectors.joining(", ", "(", ")"));
    }
}
