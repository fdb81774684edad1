package dev.tenfold.query.guard;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A statement's text, split into tokens: one pass, no regular expressions, no recursion, and no text that it refuses.
 * White space and comments are not among the tokens, hints ({@code /*+}) are.
 *
 * <p>It knows no dialect, so some texts can be read in two ways:
 *
 * <ul>
 *   <li>A backslash in {@code '…'} is a character, as the standard says, or escapes, as in MySQL. It is a character, unless that
 *       leaves a string open or a backslash outside of strings: then it escapes, unless that leaves a string open, too. In
 *       {@code E'…'} it always escapes.
 *   <li>{@code #} begins a comment only where nothing stands before it on its line, and no {@code #>} or {@code #-} of
 *       PostgreSQL begins there; else it is an operator.
 *   <li>{@code --} always begins a comment; MySQL would want white space after it.
 *   <li>Comments nest, as in PostgreSQL, unless that leaves one open: then none does, as in MySQL.
 *   <li>{@code "…"} is a name; MySQL's strings in double quotes are not seen as literals.
 *   <li>{@code [name]} is a name where no operand stands before it, else an index into an array.
 *   <li>{@code ??}, {@code ??|} and {@code ??&} are the operators that pgjdbc makes of them. {@code ?|} and {@code ?&}
 *       are operators behind an operand, {@code ?} is one between an operand and a string; all other are parameters.
 *   <li>{@code $1} and {@code :name} are places for values, yet no parameters of JDBC.
 * </ul>
 *
 * What is left open (a quote, a comment, a dollar quote) goes to the end of the text.
 */
final class SqlTokens {
    /** A name without quotes, or a keyword: {@link #words} tells which. */
    static final char WORD = 'w';
    /** A name in quotes. */
    static final char QUOTED = 'q';
    /** A string, or a place for a value that is no parameter. */
    static final char LITERAL = 'l';

    static final char NUMBER = 'n';
    static final char PARAMETER = '?';
    static final char OPERATOR = 'o';
    /** {@code ::}. */
    static final char CAST = 'c';
    /** {@code ...}, by which normalised texts stand for what they leave out. */
    static final char MORE = 'm';
    /** {@code /*+ … * /}, or MySQL's {@code /*! … * /}. */
    static final char HINT = 'h';
    // all others are their own first character: ( ) [ ] , ; . : { } and what has no meaning

    /** What a word can mean to us. */
    enum Word {
        NAME(false),
        /** {@code true}, {@code false}, {@code null}. */
        CONSTANT(false),
        DEFAULT(false),
        /** {@code any} and {@code some}. */
        ANY(false),
        ARRAY(false),
        /** Functions that make rows of one value. */
        UNNEST(false),
        /** Functions whose result is compared as if it were their argument. */
        TRANSPARENT(false),
        TABLE(false),
        /** {@code first} and {@code next}. */
        FIRST(false),
        KEY(false),
        SHARE(false),
        LOCK(false),
        ROWNUM(false),
        REPLACE(false),
        ALL(true),
        AND(true),
        AS(true),
        BETWEEN(true),
        DELETE(true),
        DISTINCT(true),
        FETCH(true),
        FOR(true),
        FROM(true),
        IN(true),
        INSERT(true),
        INTO(true),
        IS(true),
        JOIN(true),
        LIKE(true),
        LIMIT(true),
        MERGE(true),
        NO(true),
        NOT(true),
        OFFSET(true),
        SELECT(true),
        SET(true),
        TOP(true),
        UPDATE(true),
        VALUES(true),
        /** {@code where}, {@code on} and {@code having}. */
        WHERE(true),
        WITH(true),
        /** Begins another part of a statement, such as {@code order by}. */
        TAIL(true),
        /** Any other word that is no operand. */
        OTHER(true);

        /** Whether it is no operand: what follows is not an operator. */
        final boolean breaks;

        Word(boolean breaks) {
            this.breaks = breaks;
        }

        private static final int LONGEST = 24;

        private static final Map<String, Word> ALL_WORDS = Map.ofEntries(
                        group(CONSTANT, "true", "false", "null"),
                        group(DEFAULT, "default"),
                        group(ANY, "any", "some"),
                        group(ARRAY, "array"),
                        group(
                                UNNEST,
                                "unnest",
                                "json_table",
                                "openjson",
                                "string_split",
                                "json_array_elements",
                                "jsonb_array_elements",
                                "json_to_recordset",
                                "jsonb_to_recordset",
                                "find_in_set"),
                        group(TRANSPARENT, "cast", "convert", "try_cast", "coalesce", "ifnull", "nvl", "isnull"),
                        group(TABLE, "table"),
                        group(FIRST, "first", "next"),
                        group(KEY, "key"),
                        group(SHARE, "share"),
                        group(LOCK, "lock"),
                        group(ROWNUM, "rownum"),
                        group(REPLACE, "replace"),
                        group(ALL, "all"),
                        group(AND, "and"),
                        group(AS, "as"),
                        group(BETWEEN, "between"),
                        group(DELETE, "delete"),
                        group(DISTINCT, "distinct"),
                        group(FETCH, "fetch"),
                        group(FOR, "for"),
                        group(FROM, "from"),
                        group(IN, "in"),
                        group(INSERT, "insert"),
                        group(INTO, "into"),
                        group(IS, "is"),
                        group(JOIN, "join", "lateral"),
                        group(LIKE, "like", "ilike", "rlike", "regexp", "similar", "escape", "glob"),
                        group(LIMIT, "limit"),
                        group(MERGE, "merge"),
                        group(NO, "no"),
                        group(NOT, "not"),
                        group(OFFSET, "offset"),
                        group(SELECT, "select"),
                        group(SET, "set"),
                        group(TOP, "top"),
                        group(UPDATE, "update"),
                        group(VALUES, "values"),
                        group(WHERE, "where", "on", "having"),
                        group(WITH, "with"),
                        group(TAIL, "by", "returning", "using", "union", "except", "intersect", "minus", "window"),
                        group(
                                OTHER, "or", "xor", "when", "then", "else", "case", "call", "do", "return", "over",
                                "order", "to"))
                .entrySet()
                .stream()
                .flatMap(entry -> entry.getValue().stream().map(text -> Map.entry(text, entry.getKey())))
                .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));

        private static Map.Entry<Word, List<String>> group(Word word, String... texts) {
            return Map.entry(word, List.of(texts));
        }

        static Word of(String sql, int from, int to) {
            if (to - from > LONGEST) return NAME;
            return ALL_WORDS.getOrDefault(sql.substring(from, to).toLowerCase(Locale.ROOT), NAME);
        }
    }

    private static final String IGNORE = "tenfold:ignore";

    final String sql;
    int count;
    /** By token: what it is. */
    char[] types;
    /** By token: where it begins and ends in the text. */
    int[] starts;

    int[] ends;
    /** By token: what the word means; {@link Word#NAME} for all that are not words. */
    Word[] words;

    /** Whether a comment says {@code tenfold:ignore}. */
    boolean ignored;
    /** Whether there is an executable comment of MySQL, whose content is not looked at. */
    boolean executable;

    private final boolean escapes;
    private int at;
    /** Where {@link #IGNORE} stands next, in a comment or not; -1 if nowhere. */
    private int mark;
    /** Whether no token stands before on this line. */
    private boolean fresh = true;

    private boolean nests = true;
    /** Whether a string has no end. */
    private boolean open;
    /** Whether a backslash stands outside of strings. */
    private boolean stray;

    private SqlTokens(String sql, boolean escapes) {
        this.sql = sql;
        this.escapes = escapes;
        mark = sql.indexOf(IGNORE);
        int capacity = 8 + sql.length() / 4;
        types = new char[capacity];
        starts = new int[capacity];
        ends = new int[capacity];
        words = new Word[capacity];
    }

    static SqlTokens of(String sql) {
        SqlTokens standard = new SqlTokens(sql, false);
        standard.read();
        if ((!standard.open && !standard.stray) || sql.indexOf('\\') < 0) return standard;
        SqlTokens escaped = new SqlTokens(sql, true);
        escaped.read();
        return escaped.open ? standard : escaped;
    }

    /** Whether an operator can follow the token. */
    boolean isOperand(int token) {
        if (token < 0) return false;
        return switch (types[token]) {
            case WORD -> !words[token].breaks;
            case QUOTED, LITERAL, NUMBER, PARAMETER, MORE, ')', ']' -> true;
            default -> false;
        };
    }

    /** Whether the token is a value, by whatever means. */
    boolean isValue(int token) {
        char type = types[token];
        return type == LITERAL || type == NUMBER || type == PARAMETER;
    }

    boolean is(int token, Word word) {
        return token >= 0 && token < count && words[token] == word;
    }

    boolean is(int token, char type) {
        return token >= 0 && token < count && types[token] == type;
    }

    boolean isOperator(int token, String operator) {
        return types[token] == OPERATOR
                && ends[token] - starts[token] == operator.length()
                && sql.startsWith(operator, starts[token]);
    }

    private void read() {
        while (at < sql.length()) {
            char c = sql.charAt(at);
            if (isSpace(c)) {
                if (c == '\n' || c == '\r') fresh = true;
                at++;
            } else if ((c == '-' && next() == '-') || (c == '#' && hashComments())) {
                lineComment();
            } else if (c == '/' && next() == '*') {
                blockComment();
            } else {
                token(c);
            }
        }
    }

    private void token(char c) {
        switch (c) {
            case '\'' -> add(LITERAL, string(at + 1, escapes));
            case '"', '`' -> add(QUOTED, quoted(c));
            case '[' -> bracket();
            case '$' -> dollar();
            case '?' -> question();
            case ':' -> colon();
            case '.' -> dot();
            default -> {
                if (isDigit(c)) {
                    number();
                } else if (isName(c)) {
                    word();
                } else if (isOperator(c)) {
                    add(OPERATOR, operator());
                } else {
                    if (c == '\\') stray = true;
                    add(c, at + 1);
                }
            }
        }
    }

    private void add(char type, int end) {
        if (count == types.length) {
            int capacity = count * 2;
            types = Arrays.copyOf(types, capacity);
            starts = Arrays.copyOf(starts, capacity);
            ends = Arrays.copyOf(ends, capacity);
            words = Arrays.copyOf(words, capacity);
        }
        types[count] = type;
        starts[count] = at;
        ends[count] = end;
        words[count] = type == WORD ? meaning(end) : Word.NAME;
        count++;
        fresh = false;
        at = end;
    }

    private Word meaning(int end) {
        if (is(count - 1, '.')) return Word.NAME;
        Word word = Word.of(sql, at, end);
        boolean top = word != Word.TOP || is(count - 1, Word.SELECT) || is(count - 1, Word.DISTINCT);
        return top ? word : Word.NAME;
    }

    // comments

    private boolean hashComments() {
        if (!fresh) return false;
        if (count == 0) return true;
        return next() != '>' && (next() != '-' || charAt(at + 2) == '-');
    }

    private void lineComment() {
        int end = at;
        while (end < sql.length() && sql.charAt(end) != '\n' && sql.charAt(end) != '\r') end++;
        comment(end);
    }

    private void blockComment() {
        char mark = charAt(at + 2);
        int end = endOfComment();
        if (mark == '!') executable = true;
        if ((mark == '+' || mark == '!') && end > 0) {
            add(HINT, end);
        } else {
            comment(end > 0 ? end : sql.length());
        }
    }

    /** Behind the comment that begins here, or -1 if it has no end. */
    private int endOfComment() {
        if (nests) {
            int depth = 1;
            for (int i = at + 2; i + 1 < sql.length(); i++) {
                if (sql.charAt(i) == '*' && sql.charAt(i + 1) == '/') {
                    i++;
                    if (--depth == 0) return i + 1;
                } else if (sql.charAt(i) == '/' && sql.charAt(i + 1) == '*') {
                    i++;
                    depth++;
                }
            }
            nests = false; // from now on, or each would be searched to the end of the text
        }
        int end = sql.indexOf("*/", at + 2);
        return end < 0 ? -1 : end + 2;
    }

    private void comment(int end) {
        while (mark >= 0 && mark < at) mark = sql.indexOf(IGNORE, mark + 1);
        if (mark >= 0 && mark + IGNORE.length() <= end) ignored = true;
        at = end;
    }

    // quotes

    private int string(int from, boolean escapes) {
        int i = from;
        while (i < sql.length()) {
            char c = sql.charAt(i);
            if (c == '\'') {
                if (charAt(i + 1) != '\'') return i + 1;
                i++;
            } else if (escapes && c == '\\') {
                i++;
            }
            i++;
        }
        open = true;
        return sql.length();
    }

    private int quoted(char quote) {
        int i = at + 1;
        while (i < sql.length()) {
            if (sql.charAt(i) == quote) {
                if (charAt(i + 1) != quote) return i + 1;
                i++;
            }
            i++;
        }
        return sql.length();
    }

    private void bracket() {
        int end = at + 1;
        if (!isOperand(count - 1) && isName(charAt(end)) && !isDigit(charAt(end))) {
            int limit = Math.min(sql.length(), at + 130); // a name of SQL Server has 128 characters
            while (end < limit && (isName(sql.charAt(end)) || " .-@#".indexOf(sql.charAt(end)) >= 0)) end++;
            if (end < limit && sql.charAt(end) == ']') {
                add(QUOTED, end + 1);
                return;
            }
        }
        add('[', at + 1);
    }

    private void dollar() {
        int i = at + 1;
        if (isDigit(charAt(i))) {
            while (isDigit(charAt(i))) i++;
            add(LITERAL, i);
            return;
        }
        while (isName(charAt(i)) && charAt(i) != '$') i++;
        if (charAt(i) != '$') {
            word();
            return;
        }
        String tag = sql.substring(at, i + 1);
        int end = sql.indexOf(tag, i + 1);
        add(LITERAL, end < 0 ? sql.length() : end + tag.length());
    }

    // the rest

    private void question() {
        char next = next();
        char then = charAt(at + 2);
        if (next == '?') {
            boolean three = (then == '|' || then == '&') && charAt(at + 3) != then;
            add(OPERATOR, at + (three ? 3 : 2));
        } else if ((next == '|' || next == '&') && then != next && isOperand(count - 1)) {
            add(OPERATOR, at + 2);
        } else if (isOperand(count - 1) && stringFollows()) {
            add(OPERATOR, at + 1);
        } else {
            add(PARAMETER, at + 1);
        }
    }

    private boolean stringFollows() {
        int i = at + 1;
        while (i < sql.length() && i < at + 16 && isSpace(sql.charAt(i))) i++;
        return charAt(i) == '\'';
    }

    private void colon() {
        char before = charAt(at - 1);
        if (next() == ':') {
            add(CAST, at + 2);
        } else if (next() == '=') {
            add(OPERATOR, at + 2);
        } else if (isName(next()) && !isDigit(next()) && !isName(before) && ":)]'\"`".indexOf(before) < 0) {
            add(LITERAL, endOfName(at + 1));
        } else {
            add(':', at + 1);
        }
    }

    private void dot() {
        char before = charAt(at - 1);
        if (isDigit(next()) && !isName(before) && ")]\"`".indexOf(before) < 0) {
            number();
        } else if (next() == '.' && charAt(at + 2) == '.') {
            add(MORE, at + 3);
        } else {
            add('.', at + 1);
        }
    }

    private void number() {
        int end = digits(at);
        if (charAt(end) == '.' && charAt(end + 1) != '.' && (isDigit(charAt(end + 1)) || !isName(charAt(end + 1)))) {
            end = exponent(digits(end + 1));
        } else if (end > at) {
            end = exponent(end);
            if (isName(charAt(end))) { // 0x1F, and MySQL's names that begin with a digit
                boolean radix = charAt(at) == '0' && end == at + 1 && "xXbBoO".indexOf(charAt(end)) >= 0;
                add(radix ? NUMBER : WORD, endOfName(end));
                return;
            }
        }
        add(NUMBER, end);
    }

    private int digits(int from) {
        int end = from;
        while (isDigit(charAt(end)) || (charAt(end) == '_' && end > from && isDigit(charAt(end + 1)))) end++;
        return end;
    }

    private int exponent(int from) {
        if (charAt(from) != 'e' && charAt(from) != 'E') return from;
        int sign = charAt(from + 1) == '-' || charAt(from + 1) == '+' ? 1 : 0;
        return isDigit(charAt(from + 1 + sign)) ? digits(from + 1 + sign) : from;
    }

    private void word() {
        int end = endOfName(at);
        char first = sql.charAt(at);
        if (end == at + 1 && charAt(end) == '\'' && "eExXbBnN".indexOf(first) >= 0) {
            add(LITERAL, string(end + 1, escapes || first == 'e' || first == 'E'));
        } else if (end == at + 1 && (first == 'u' || first == 'U') && sql.startsWith("&'", end)) {
            add(LITERAL, string(end + 2, escapes));
        } else {
            add(WORD, end);
        }
    }

    private int endOfName(int from) {
        int end = from;
        while (isName(charAt(end))) end++;
        return end;
    }

    /** By PostgreSQL's rule: the longest run, which ends with a sign only if it has a character that no number has before it. */
    private int operator() {
        int end = at + 1;
        boolean special = "~!@#%^&|".indexOf(sql.charAt(at)) >= 0;
        while (isOperator(charAt(end)) && !sql.startsWith("--", end) && !sql.startsWith("/*", end)) {
            if ("~!@#%^&|".indexOf(sql.charAt(end)) >= 0) special = true;
            end++;
        }
        if (special && !sql.startsWith("!=", at) && !sql.startsWith("||", at)) return end;
        while (end > at + 1 && (sql.charAt(end - 1) == '-' || sql.charAt(end - 1) == '+')) end--;
        return end;
    }

    private char next() {
        return charAt(at + 1);
    }

    /** A space outside of the text. */
    private char charAt(int index) {
        return index >= 0 && index < sql.length() ? sql.charAt(index) : ' ';
    }

    private static boolean isSpace(char c) {
        return c <= ' ' || (c >= 0x7f && (Character.isWhitespace(c) || c == 0x7f || c == 0xa0 || c == 0xfeff));
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isName(char c) {
        return (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || isDigit(c)
                || c == '_'
                || c == '$'
                || (c > 0x7f && !isSpace(c));
    }

    private static boolean isOperator(char c) {
        return "+-*/<>=~!@#%^&|".indexOf(c) >= 0;
    }
}
