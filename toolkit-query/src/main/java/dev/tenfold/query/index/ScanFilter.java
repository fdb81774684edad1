package dev.tenfold.query.index;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What the filter of a sequential scan asks of single columns, read from PostgreSQL's own rendering of it.
 *
 * <p>Only shapes that a B-tree surely serves are understood: {@code column op value}, either way round, connected by {@code
 * AND}, where the value needs no column of the scanned table. All else is one term with the reason why it is not. That
 * rendering is regular: verbose plans write each column with its alias and each cast, and put each operation in parentheses.
 */
final class ScanFilter {
    /** What a term asks. */
    enum Test {
        /** One value, one of a list, or null. */
        EQUAL,
        /** Values from or up to one. */
        RANGE,
        /** Not for a B-tree of the column. */
        OTHER
    }

    /**
     * One of the conditions that must all hold.
     *
     * @param column its bare name; of an OTHER, the one it is about, or null if that is not known
     * @param cast the type that the column is cast to, without length; null if it is not
     * @param why of an OTHER, why no B-tree of the column serves it; else empty
     */
    record Term(
            Test test, @Nullable String column, @Nullable String cast, String why) {}

    private static final int DEEPEST = 100;
    private static final Set<String> EQUALITIES = Set.of("=");
    private static final Set<String> RANGES = Set.of("<", "<=", ">", ">=");
    private static final Set<String> PATTERNS = Set.of("~~", "~~*", "~", "~*");
    private static final Set<String> COMPARISONS =
            Set.of("=", "<", "<=", ">", ">=", "<>", "~~", "~~*", "!~~", "!~~*", "~", "~*", "!~", "!~*");
    /** Words that no type's name goes on with. */
    private static final Set<String> NO_TYPE = Set.of("collate", "at", "is", "and", "or", "not", "any", "all");
    /** The same during a whole statement, so that an index can be searched for their results. */
    private static final Set<String> STEADY =
            Set.of("now", "date_trunc", "current_date", "current_timestamp", "localtimestamp", "array", "row");

    private final String alias;
    private final List<Term> terms = new ArrayList<>();

    private ScanFilter(String alias) {
        this.alias = alias;
    }

    /**
     * Reads a filter.
     *
     * @param filter of a verbose plan
     * @param alias of the scanned table, as the plan names it
     * @return the terms that must all hold, in their order
     */
    static List<Term> terms(String filter, String alias) {
        ScanFilter reader = new ScanFilter(alias);
        reader.read(tokens(filter), 0);
        return List.copyOf(reader.terms);
    }

    /**
     * The column that a sort key is.
     *
     * @param key of a verbose plan, for example {@code o.created DESC NULLS LAST}
     * @return the column's bare name and what an index must add to it to be in that order; null if it is no column
     */
    static @Nullable SortColumn sortColumn(String key) {
        List<String> tokens = tokens(key);
        if (tokens.size() < 3 || !isName(tokens.get(0)) || !tokens.get(1).equals(".") || !isName(tokens.get(2))) {
            return null;
        }
        String order = String.join(" ", tokens.subList(3, tokens.size())).toLowerCase(Locale.ROOT);
        // Rendered only where it is not what the direction brings along; then reading backwards does not give it.
        return switch (order) {
            case "", "desc" -> new SortColumn(bare(tokens.get(2)), "");
            case "nulls first", "desc nulls last" -> new SortColumn(bare(tokens.get(2)), " " + order);
            default -> null;
        };
    }

    /** A column and, with a blank before it, the order of it. */
    record SortColumn(String column, String order) {}

    // ---- the grammar ------------------------------------------------------------------------------------------------

    private void read(List<String> wrapped, int depth) {
        List<String> tokens = unwrapped(wrapped);
        if (tokens.isEmpty()) return;
        if (depth > DEEPEST) {
            other(tokens, "it is nested too deeply");
            return;
        }
        int from = 0;
        for (int at : places(tokens, token -> token.equals("AND"))) {
            read(tokens.subList(from, at), depth + 1);
            from = at + 1;
        }
        if (from > 0) {
            read(tokens.subList(from, tokens.size()), depth + 1);
        } else {
            term(tokens);
        }
    }

    private void term(List<String> tokens) {
        if (!places(tokens, token -> token.equals("OR")).isEmpty()) {
            other(tokens, "it is an \"or\", for which no single index serves");
            return;
        }
        List<Integer> is = places(tokens, token -> token.equals("IS"));
        if (is.size() == 1) {
            nullTest(tokens, is.get(0));
            return;
        }
        List<Integer> comparisons = places(tokens, COMPARISONS::contains);
        if (comparisons.size() != 1) {
            other(tokens, "it is no comparison");
            return;
        }
        int at = comparisons.get(0);
        String operator = tokens.get(at);
        List<String> left = tokens.subList(0, at);
        List<String> right = tokens.subList(at + 1, tokens.size());
        if (right.size() > 2 && right.get(0).equals("ANY") && right.get(1).equals("(")) {
            if (EQUALITIES.contains(operator)) {
                compare(tokens, Test.EQUAL, left, right.subList(1, right.size()));
            } else {
                other(tokens, "only = any(…) can use an index");
            }
        } else if (EQUALITIES.contains(operator) || RANGES.contains(operator)) {
            Test test = EQUALITIES.contains(operator) ? Test.EQUAL : Test.RANGE;
            if (column(left) != null || !isValue(left)) compare(tokens, test, left, right);
            else compare(tokens, test, right, left);
        } else if (PATTERNS.contains(operator)) {
            other(tokens, "it is a pattern, which takes an index with text_pattern_ops or of pg_trgm");
        } else {
            other(tokens, "it excludes values");
        }
    }

    private void nullTest(List<String> tokens, int at) {
        Term column = column(tokens.subList(0, at));
        if (column != null
                && String.join(" ", tokens.subList(at, tokens.size())).equals("IS NULL")) {
            terms.add(new Term(Test.EQUAL, column.column(), column.cast(), ""));
        } else {
            other(tokens, "it excludes values");
        }
    }

    private void compare(List<String> all, Test test, List<String> columnSide, List<String> valueSide) {
        if (!isValue(valueSide)) {
            other(all, "it is not compared with a value that stays the same during the statement");
            return;
        }
        List<String> side = unwrapped(columnSide);
        if (side.size() > 3 && side.get(0).equals("ROW") && side.get(1).equals("(") && test == Test.RANGE) {
            // The first column of a row is in the range, or at its edge.
            int end = firstOr(places(side.subList(2, side.size() - 1), token -> token.equals(",")), side.size() - 3);
            side = side.subList(2, 2 + end);
        }
        Term column = column(side);
        if (column != null) {
            terms.add(new Term(test, column.column(), column.cast(), ""));
        } else if (side.contains("COLLATE")) {
            other(all, "it has a collation of its own, which an index must have too");
        } else {
            other(all, "it is about an expression, not a column alone");
        }
    }

    private static int firstOr(List<Integer> places, int none) {
        return places.isEmpty() ? none : places.get(0);
    }

    /** Remembers why; and which column it is about, if it is about one only. */
    private void other(List<String> tokens, String why) {
        String only = null;
        for (int i = 0; i + 2 < tokens.size(); i++) {
            if (isOurs(tokens, i)) {
                String name = bare(tokens.get(i + 2));
                if (only != null && !only.equals(name)) {
                    only = null;
                    break;
                }
                only = name;
            }
        }
        terms.add(new Term(Test.OTHER, only, null, why));
    }

    /** {@code alias.column}, or a cast of it. */
    private @Nullable Term column(List<String> wrapped) {
        List<String> tokens = unwrapped(wrapped);
        List<Integer> casts = places(tokens, token -> token.equals("::"));
        if (!casts.isEmpty()) {
            int at = casts.get(casts.size() - 1);
            if (typeEnd(tokens, at + 1) != tokens.size()) return null;
            Term inner = column(tokens.subList(0, at));
            if (inner == null || inner.cast() != null) return null;
            return new Term(Test.OTHER, inner.column(), typeName(tokens.subList(at + 1, tokens.size())), "");
        }
        if (tokens.size() != 3 || !isOurs(tokens, 0)) return null;
        return new Term(Test.OTHER, bare(tokens.get(2)), null, "");
    }

    private static String typeName(List<String> tokens) {
        StringBuilder name = new StringBuilder();
        int depth = 0;
        for (String token : tokens) {
            if (token.equals("(")) depth++;
            if (depth == 0) {
                boolean words = !name.isEmpty() && isName(token) && name.charAt(name.length() - 1) != '.';
                name.append(words ? " " : "").append(token);
            }
            if (token.equals(")")) depth--;
        }
        return name.toString();
    }

    /** Whether it is made of parameters, literals, other tables' columns and steady functions, and nothing else. */
    private boolean isValue(List<String> tokens) {
        int i = 0;
        while (i < tokens.size()) {
            String token = tokens.get(i);
            if (token.equals("::")) {
                i = typeEnd(tokens, i + 1);
            } else if (isInitPlan(tokens, i)) {
                i += 6;
            } else if (isName(token)
                    && i + 2 < tokens.size()
                    && tokens.get(i + 1).equals(".")) {
                if (isOurs(tokens, i) || !isName(tokens.get(i + 2))) return false;
                if (i + 3 < tokens.size() && tokens.get(i + 3).equals("(")) return false;
                i += 3;
            } else if (isName(token) && !isSteady(token)) {
                return false;
            } else {
                i++;
            }
        }
        return !tokens.isEmpty();
    }

    private static boolean isSteady(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return STEADY.contains(lower) || lower.equals("true") || lower.equals("false") || lower.equals("null");
    }

    /** {@code (InitPlan 1).col1}: run once, before. */
    private static boolean isInitPlan(List<String> tokens, int at) {
        return at + 5 < tokens.size()
                && tokens.get(at).equals("(")
                && tokens.get(at + 1).equals("InitPlan")
                && tokens.get(at + 3).equals(")")
                && tokens.get(at + 4).equals(".");
    }

    private boolean isOurs(List<String> tokens, int at) {
        return isName(tokens.get(at))
                && bare(tokens.get(at)).equals(alias)
                && tokens.get(at + 1).equals(".")
                && isName(tokens.get(at + 2));
    }

    /** Past a type's name: words, a schema, lengths, brackets. */
    private static int typeEnd(List<String> tokens, int from) {
        int i = from;
        while (i < tokens.size()) {
            String token = tokens.get(i);
            if (token.equals("(") && i > from) {
                int close = i + 1;
                while (close < tokens.size()
                        && (isNumber(tokens.get(close)) || tokens.get(close).equals(","))) close++;
                if (close >= tokens.size() || !tokens.get(close).equals(")")) return i;
                i = close + 1;
            } else if ((isName(token) && !NO_TYPE.contains(token.toLowerCase(Locale.ROOT)))
                    || token.equals(".")
                    || token.equals("[")
                    || token.equals("]")) {
                i++;
            } else {
                return i;
            }
        }
        return i;
    }

    // ---- tokens -----------------------------------------------------------------------------------------------------

    /** Without the parentheses around all of it. */
    private static List<String> unwrapped(List<String> tokens) {
        List<String> inner = tokens;
        while (inner.size() >= 2 && inner.get(0).equals("(") && closes(inner) == inner.size() - 1) {
            inner = inner.subList(1, inner.size() - 1);
        }
        return inner;
    }

    /** Where the first token's parenthesis closes. */
    private static int closes(List<String> tokens) {
        int depth = 0;
        for (int i = 0; i < tokens.size(); i++) {
            depth += step(tokens.get(i));
            if (depth == 0) return i;
        }
        return -1;
    }

    /** Where such tokens are, outside of all parentheses. */
    private static List<Integer> places(List<String> tokens, Predicate<String> wanted) {
        List<Integer> places = new ArrayList<>();
        int depth = 0;
        for (int i = 0; i < tokens.size(); i++) {
            String token = tokens.get(i);
            depth += step(token);
            if (depth == 0 && wanted.test(token)) places.add(i);
        }
        return places;
    }

    private static int step(String token) {
        return switch (token) {
            case "(", "[" -> 1;
            case ")", "]" -> -1;
            default -> 0;
        };
    }

    private static List<String> tokens(String text) {
        List<String> tokens = new ArrayList<>();
        int i = 0;
        while (i < text.length()) {
            int end = tokenEnd(text, i);
            if (!Character.isWhitespace(text.charAt(i))) tokens.add(text.substring(i, end));
            i = end;
        }
        return tokens;
    }

    private static int tokenEnd(String text, int from) {
        char first = text.charAt(from);
        if (first == '\'' || first == '"') return quoteEnd(text, from, false);
        if ((first == 'E' || first == 'e') && from + 1 < text.length() && text.charAt(from + 1) == '\'') {
            return quoteEnd(text, from + 1, true);
        }
        if (isWord(first)) return runEnd(text, from, ScanFilter::isWordPart);
        if (first == '$' || isDigit(first)) return runEnd(text, from + 1, c -> isWordPart(c) || c == '.');
        if (first == ':' && text.startsWith("::", from)) return from + 2;
        if (isOperator(first)) return runEnd(text, from, ScanFilter::isOperator);
        return from + 1;
    }

    private static int runEnd(String text, int from, Predicate<Character> part) {
        int end = from;
        while (end < text.length() && part.test(text.charAt(end))) end++;
        return end;
    }

    private static int quoteEnd(String text, int open, boolean escapes) {
        char quote = text.charAt(open);
        int i = open + 1;
        while (i < text.length()) {
            char c = text.charAt(i);
            if (escapes && c == '\\') {
                i += 2;
            } else if (c != quote) {
                i++;
            } else if (i + 1 < text.length() && text.charAt(i + 1) == quote) {
                i += 2;
            } else {
                return i + 1;
            }
        }
        return text.length();
    }

    private static boolean isName(String token) {
        return token.charAt(0) == '"' || (isWord(token.charAt(0)) && !token.endsWith("'"));
    }

    private static boolean isNumber(String token) {
        return isDigit(token.charAt(0));
    }

    private static boolean isWord(char c) {
        return Character.isLetter(c) || c == '_';
    }

    private static boolean isWordPart(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '$';
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isOperator(char c) {
        return "+-*/<>=~!@#%^&|`?".indexOf(c) >= 0;
    }

    /** A name without its quotes. */
    private static String bare(String name) {
        boolean quoted = name.length() > 1 && name.startsWith("\"") && name.endsWith("\"");
        return quoted ? name.substring(1, name.length() - 1).replace("\"\"", "\"") : name;
    }
}
