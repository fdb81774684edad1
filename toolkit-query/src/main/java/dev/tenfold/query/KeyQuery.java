package dev.tenfold.query;

import java.util.Collections;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The text of a batch query: what the user wrote with {@code = any(?)}, in the form that suits the database and the
 * number of keys. Pure text, no I/O.
 */
final class KeyQuery {
    /** Keys of a {@code union all}, which has one branch each. */
    static final int UNION_KEYS = 64;

    private static final Pattern COLUMN = Pattern.compile("[\\w.\"`\\[\\]]+");
    private static final Pattern ANY = Pattern.compile(
            "(?<columns>(?<![\\w\"])\\([^()]+\\)|[\\w.\"`\\[\\]]+)\\s*=\\s*any\\s*\\(\\s*\\?\\s*\\)",
            Pattern.CASE_INSENSITIVE);

    private final String before;
    private final String[] columns;
    private final String after;
    private final int perKey;

    private KeyQuery(String before, String[] columns, String after, int perKey) {
        this.before = before;
        this.columns = columns;
        this.after = after;
        this.perKey = perKey;
    }

    /** @param perKey the most rows of one key; 0 means all */
    static KeyQuery parse(String sql, int perKey) {
        Matcher matcher = ANY.matcher(sql);
        if (!matcher.find()) {
            throw new IllegalArgumentException("the query has no \"column = any(?)\" to put the keys into: " + sql);
        }
        String before = sql.substring(0, matcher.start());
        String after = sql.substring(matcher.end());
        if (before.contains("?") || after.contains("?")) {
            throw new IllegalArgumentException("the query has parameters besides \"= any(?)\": " + sql
                    + "; write their values into it, or make them columns of a composite key");
        }
        String list = matcher.group("columns");
        String[] columns = (list.startsWith("(") ? list.substring(1, list.length() - 1) : list).split(",", -1);
        for (int i = 0; i < columns.length; i++) {
            columns[i] = columns[i].strip();
            if (!COLUMN.matcher(columns[i]).matches()) {
                throw new IllegalArgumentException("\"" + columns[i] + "\" is not a column, in: " + sql);
            }
        }
        return new KeyQuery(before, columns, after, perKey);
    }

    int columns() {
        return columns.length;
    }

    boolean isTop() {
        return perKey > 0;
    }

    /** For one key: plain comparisons, which every planner knows best. */
    String forOne() {
        return limited(where(" = ?", " and "));
    }

    /** One array bind a column: the same text for any number of keys. */
    String forArrays() {
        if (perKey > 0) {
            return lateral("unnest(" + repeat("?", ", ", columns.length) + ")");
        }
        if (columns.length == 1) {
            return before + columns[0] + " = any(?)" + after;
        }
        return before + row() + " in (select * from unnest(" + repeat("?", ", ", columns.length) + "))" + after;
    }

    /** A list of {@code keys} binds, or of as many rows of binds. */
    String forList(int keys) {
        if (columns.length == 1) {
            return before + columns[0] + " in (" + repeat("?", ", ", keys) + ")" + after;
        }
        String one = "(" + repeat("?", ", ", columns.length) + ")";
        return before + row() + " in (" + repeat(one, ", ", keys) + ")" + after;
    }

    /** A derived table of {@code keys} rows, each joined to its own limited query. */
    String forLateralRows(int keys) {
        StringBuilder rows = new StringBuilder("(select ");
        for (int i = 0; i < columns.length; i++) {
            rows.append(i == 0 ? "" : ", ").append("? as k").append(i);
        }
        rows.append(
                " union all select ".concat(repeat("?", ", ", columns.length)).repeat(keys - 1));
        return lateral(rows.append(")").toString());
    }

    /** One limited query a key. */
    String forUnion(int keys) {
        String one = "(" + limited(where(" = ?", " and ")) + ")";
        return repeat(one, " union all ", keys);
    }

    private String lateral(String source) {
        StringBuilder names = new StringBuilder();
        StringBuilder match = new StringBuilder();
        for (int i = 0; i < columns.length; i++) {
            names.append(i == 0 ? "k" : ", k").append(i);
            match.append(i == 0 ? "" : " and ")
                    .append(columns[i])
                    .append(" = tenfold_key.k")
                    .append(i);
        }
        return "select tenfold_row.* from " + source + " as tenfold_key(" + names + ") cross join lateral ("
                + limited(before + match + after) + ") as tenfold_row";
    }

    private String where(String comparison, String glue) {
        return before + String.join(comparison + glue, columns) + comparison + after;
    }

    private String limited(String query) {
        return perKey == 0 ? query : query + " limit " + perKey;
    }

    private String row() {
        return "(" + String.join(", ", columns) + ")";
    }

    private static String repeat(String part, String glue, int times) {
        return String.join(glue, Collections.nCopies(times, part));
    }
}
