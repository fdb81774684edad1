package dev.tenfold.query.guard;

import static dev.tenfold.query.guard.Fingerprint.EQUAL;
import static dev.tenfold.query.guard.Fingerprint.LIMIT;
import static dev.tenfold.query.guard.Fingerprint.LIST;
import static dev.tenfold.query.guard.Fingerprint.OFFSET;
import static dev.tenfold.query.guard.Fingerprint.OTHER;
import static dev.tenfold.query.guard.Fingerprint.RANGE;
import static dev.tenfold.query.guard.Fingerprint.WRITTEN;

import dev.tenfold.query.guard.SqlTokens.Word;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * What one statement's text says: its normalised form, what its parameters are for, and whether it only reads.
 *
 * <p>It knows words, not grammar, and reads the SQL of PostgreSQL, MySQL, MariaDB and H2, and the usual of others. So a role
 * can be wrong in a text that no one would write; the number of parameters is right. It takes any text, in time that grows
 * with its length. Immutable once made.
 *
 * <p>The normalised form: lower case outside of quotes, one space between tokens where there is any, no comments but hints,
 * {@code ?} for literals and for the places of values, {@code (...)} for the elements of {@code in} and of {@code array[…]} if
 * there are two or more that differ in their values only, {@code , ...} for the second and all further rows of {@code
 * values}, no semicolon at the end. Normalising it again changes nothing.
 */
final class SqlText {
    /** Of the normalised form; the hash is over all of it. */
    static final int MAX_TEXT = 4_000;

    private static final byte NONE = -1;

    // what an opening parenthesis opens
    private static final byte PLAIN = 0;
    private static final byte FUNCTION = 1;
    private static final byte TRANSPARENT = 2;
    private static final byte QUERY = 3;
    private static final byte IN = 4;
    private static final byte NOT_IN = 5;
    private static final byte ANY = 6;
    private static final byte ALL = 7;
    private static final byte ROWS = 8;
    private static final byte TOP = 9;
    private static final byte VALUES = 10;
    private static final byte ARRAY = 11;
    private static final byte INDEX = 12;

    // the part of a statement that a token stands in
    private static final byte SELECT_LIST = 1;
    private static final byte FROM_LIST = 2;
    private static final byte CONDITION = 3;
    private static final byte SET_LIST = 4;
    private static final byte LIMIT_LIST = 5;
    private static final byte TAIL = 6;

    /** Stand in {@link #shown} for what is left out, with and without parameters in it. */
    private static final int MORE_PARAMETERS = -1;

    private static final int MORE_LITERALS = -2;

    /** How deep the elements of a list may be nested to be compared: keeps the time linear. */
    private static final int MAX_HEIGHT = 4;

    private static final int MAX_STEPS = 32;

    private final SqlTokens tokens;
    /** By token: the other parenthesis; -1 if there is none. */
    private final int[] match;
    /** By token: the parenthesis around it; -1 if there is none. */
    private final int[] around;
    /** By token: the part of the statement. */
    private final byte[] clauses;
    /** By token: for an opening parenthesis, what it opens. */
    private final byte[] opens;
    /** By token: for an {@code and}, whether it belongs to {@code between}. */
    private final boolean[] ofBetween;
    /** By group (its opening parenthesis + 1; 0 is the statement itself). */
    private final Group[] groups;
    /** The tokens of the normalised form. */
    private final int[] shown;

    private int size;

    private StatementKind kind = StatementKind.OTHER;
    private byte[] roles = new byte[0];
    private String form = "";
    private long hash;
    private int literals;
    private byte[] rolesOfLiterals = new byte[0];
    private long[] valuesOfLiterals = Text.NO_LITERALS;
    /** Whether a list of literals stands in it. */
    private boolean listed;
    /** Whether {@code values} has more than one row. */
    private boolean severalRows;

    private boolean limited;
    private boolean locks;
    private boolean several;
    /** Whether it may change or store something, wherever in it. */
    private boolean changes;
    /** How many parentheses stand before its first word. */
    private int outer;

    private static final class Group {
        byte clause;
        int commas;
        /** How deep the parentheses in it are nested, in the normalised form. */
        int height;
        /** The place of its parenthesis in the normalised form. */
        int shownFrom;
        /** Whether an {@code and} is missing. */
        boolean between;
        /** Whether it has the name of a column in it. */
        boolean named;
        /** Whether it has a parameter in it. */
        boolean parameters;
    }

    private SqlText(String sql) {
        tokens = SqlTokens.of(sql);
        int count = tokens.count;
        match = new int[count];
        around = new int[count];
        clauses = new byte[count];
        opens = new byte[count];
        ofBetween = new boolean[count];
        groups = new Group[count + 1];
        shown = new int[count + 2];
        Arrays.fill(match, -1);
        groups[0] = new Group();
    }

    /**
     * Reads a text.
     *
     * @param sql any text, also one that no database would take
     */
    static SqlText of(String sql) {
        SqlText text = new SqlText(sql);
        text.readGroups();
        text.readKind();
        text.readRoles();
        text.writeForm();
        return text;
    }

    StatementKind kind() {
        return kind;
    }

    /** By parameter, all of them. */
    byte[] roles() {
        return roles.clone();
    }

    /** How many parameters JDBC wants. */
    int parameters() {
        return roles.length;
    }

    /** The roles of the literals that the normalised form leaves out: bit {@code 1 << role}. */
    int literals() {
        return literals;
    }

    /** Whether the outermost query asks for some rows only. */
    boolean limited() {
        return limited;
    }

    /**
     * Whether it carries many keys or rows at once: {@code values} has several rows, a parameter is {@link Fingerprint#LIST}, or a list of literals stands in it and no
     * parameter is {@link Fingerprint#EQUAL} (in {@code where author = ? and state in ('A', 'B')} the list is no list of keys).
     */
    boolean batched() {
        if (severalRows) return true;
        boolean equal = false;
        for (byte role : roles) {
            if (role == LIST) return true;
            if (role == EQUAL) equal = true;
        }
        return !equal && (listed || (literals & (1 << LIST)) != 0);
    }

    /** Whether a comment says {@code tenfold:ignore}. */
    boolean ignored() {
        return tokens.ignored;
    }

    /** Whether it locks the rows that it reads: {@code for update}, {@code for share}, {@code lock in share mode}. */
    boolean locks() {
        return locks;
    }

    /** Whether something follows a semicolon. */
    boolean several() {
        return several;
    }

    /** The text with {@code $1}, {@code $2} … for its parameters and {@code ?} for {@code ??}, as PostgreSQL's PREPARE takes it. */
    String numbered() {
        String sql = tokens.sql;
        StringBuilder text = new StringBuilder(sql.length() + 16);
        int copied = 0;
        int number = 0;
        for (int token = 0; token < tokens.count; token++) {
            int start = tokens.starts[token];
            boolean parameter = tokens.types[token] == SqlTokens.PARAMETER;
            if (!parameter && !(tokens.types[token] == SqlTokens.OPERATOR && sql.startsWith("??", start))) continue;
            text.append(sql, copied, start);
            if (parameter) text.append('$').append(++number);
            copied = start + 1; // of ?? the second stays
        }
        return text.append(sql, copied, sql.length()).toString();
    }

    /** {@link #numbered()} of a text. */
    static String numbered(String sql) {
        return of(sql).numbered();
    }

    /** The normalised form, at most {@link #MAX_TEXT} characters. */
    String normalised() {
        return form;
    }

    /**
     * Sixteen hex digits: a hash of the whole normalised form, of which of its values are parameters, and of {@link #ignored}.
     * The same in every process.
     */
    String id() {
        return HexFormat.of().toHexDigits(hash);
    }

    /** A new fingerprint of it. */
    Fingerprint fingerprint() {
        int kept = Math.min(roles.length, Fingerprint.MAX_ROLES);
        return new Fingerprint(
                id(), form, (int) hash, kind, Arrays.copyOf(roles, kept), limited, batched(), ignored(), literals);
    }

    // groups: one walk over the tokens

    private void readGroups() {
        int open = -1;
        while (tokens.is(outer, '(')) outer++;
        for (int token = 0; token < tokens.count; token++) {
            nameBefore(token, open);
            around[token] = open;
            Group group = groups[open + 1];
            switch (tokens.types[token]) {
                case '(', '[' -> {
                    if (tokens.is(token - 1, Word.LIMIT)) limit(group, token);
                    clauses[token] = group.clause;
                    opens[token] = opened(token, open);
                    Group inner = new Group();
                    inner.shownFrom = size;
                    groups[token + 1] = inner;
                    show(token);
                    open = token;
                    continue;
                }
                case ')', ']' -> {
                    if (open >= 0 && tokens.types[open] == (tokens.types[token] == ')' ? '(' : '[')) {
                        int parent = around[open];
                        around[token] = parent;
                        clauses[token] = groups[parent + 1].clause;
                        close(open, token, groups[parent + 1]);
                        open = parent;
                        continue;
                    }
                }
                case ',' -> group.commas++;
                case ';' -> several |= token + 1 < tokens.count && !tokens.is(token + 1, ';');
                case SqlTokens.PARAMETER -> group.parameters = true;
                case SqlTokens.MORE -> listed |= open >= 0 && (opens[open] == IN || opens[open] == ARRAY);
                case SqlTokens.WORD -> word(token, open, group);
                default -> {}
            }
            if (tokens.is(token - 1, Word.LIMIT) && tokens.isValue(token)) limit(group, token);
            clauses[token] = group.clause;
            show(token);
        }
        while (size > 0 && shown[size - 1] >= 0 && tokens.types[shown[size - 1]] == ';') size--;
    }

    private void limit(Group group, int token) {
        group.clause = LIMIT_LIST;
        limited |= around[token] < outer;
    }

    private void word(int token, int open, Group group) {
        switch (tokens.words[token]) {
            case SELECT -> group.clause = SELECT_LIST;
            case FROM -> {
                if (!tokens.is(token - 1, Word.DISTINCT)) group.clause = FROM_LIST;
            }
            case JOIN -> group.clause = FROM_LIST;
            case WHERE -> group.clause = CONDITION;
            case SET -> group.clause = SET_LIST;
            case TAIL, FETCH, OFFSET -> group.clause = TAIL;
            case FIRST -> limited |= tokens.is(token - 1, Word.FETCH) && open < outer;
            case TOP -> limited |= open < outer;
            case ROWNUM -> limited |= group.clause == CONDITION && open < outer;
            case BETWEEN -> group.between = true;
            case AND -> {
                ofBetween[token] = group.between;
                group.between = false;
            }
            case UPDATE, INSERT, DELETE, MERGE -> {
                if (tokens.is(token - 1, Word.KEY)) group.clause = SET_LIST;
                changes |= !tokens.is(token - 1, Word.FOR) && !tokens.is(token - 1, Word.KEY) && namesTable(token + 1);
            }
            case INTO -> changes = true;
            case FOR ->
                locks |= tokens.is(token + 1, Word.UPDATE)
                        || tokens.is(token + 1, Word.SHARE)
                        || tokens.is(token + 1, Word.NO)
                        || tokens.is(token + 1, Word.KEY);
            case LOCK -> locks |= tokens.is(token + 1, Word.IN);
            case CONSTANT -> {
                if (isCompared(token) || isElement(open)) tokens.types[token] = SqlTokens.LITERAL;
            }
            case DEFAULT -> {
                if (open >= 0 && opens[open] == VALUES) tokens.types[token] = SqlTokens.LITERAL;
            }
            default -> {}
        }
    }

    private boolean namesTable(int token) {
        return tokens.is(token, SqlTokens.WORD)
                || tokens.is(token, SqlTokens.QUOTED)
                || tokens.is(token, SqlTokens.HINT);
    }

    private boolean isCompared(int token) {
        return token > 0 && tokens.is(token - 1, SqlTokens.OPERATOR) && comparison(token - 1) != OTHER;
    }

    private boolean isElement(int open) {
        if (open < 0) return false;
        byte what = opens[open];
        if (what == PLAIN && around[open] >= 0) what = opens[around[open]];
        return what == IN || what == NOT_IN || what == VALUES || what == ARRAY;
    }

    /** Notes that a group has a column in it, once what follows the name is known. */
    private void nameBefore(int token, int open) {
        int name = token - 1;
        if (open < 0 || name <= open || tokens.is(token, '(')) return;
        boolean column = tokens.is(name, SqlTokens.QUOTED)
                || (tokens.is(name, SqlTokens.WORD) && tokens.words[name] == Word.NAME);
        if (column && !tokens.is(name - 1, SqlTokens.CAST) && !tokens.is(name - 1, Word.AS))
            groups[open + 1].named = true;
    }

    private byte opened(int token, int open) {
        int before = token - 1;
        if (tokens.types[token] == '[') return tokens.is(before, Word.ARRAY) ? ARRAY : INDEX;
        if (tokens.is(token + 1, Word.SELECT) || tokens.is(token + 1, Word.WITH) || startsChange(token + 1))
            return QUERY;
        if (tokens.is(before, ',') && tokens.is(before - 1, ')')) {
            int row = match[before - 1];
            return row >= 0 && opens[row] == VALUES ? VALUES : PLAIN;
        }
        if (tokens.is(before, SqlTokens.QUOTED)) return FUNCTION;
        if (before < 0 || tokens.types[before] != SqlTokens.WORD || before == open) return PLAIN;
        return switch (tokens.words[before]) {
            case IN -> tokens.is(before - 1, Word.NOT) ? NOT_IN : IN;
            case ANY -> ANY;
            case ALL -> ALL;
            case UNNEST, TABLE -> ROWS;
            case TRANSPARENT -> TRANSPARENT;
            case TOP -> TOP;
            case VALUES -> VALUES;
            default -> tokens.words[before].breaks ? PLAIN : FUNCTION;
        };
    }

    private boolean startsChange(int token) {
        return (tokens.is(token, Word.INSERT)
                        || tokens.is(token, Word.UPDATE)
                        || tokens.is(token, Word.DELETE)
                        || tokens.is(token, Word.MERGE))
                && namesTable(token + 1);
    }

    private void close(int open, int token, Group parent) {
        Group group = groups[open + 1];
        match[open] = token;
        match[token] = open;
        parent.named |= group.named;
        parent.parameters |= group.parameters;
        int height = group.height + 1;
        byte what = opens[open];
        boolean list = what == IN || what == NOT_IN || what == ARRAY;
        if (list && group.commas > 0 && height <= MAX_HEIGHT && isUniform(group.shownFrom)) {
            size = group.shownFrom + 1;
            shown[size++] = group.parameters ? MORE_PARAMETERS : MORE_LITERALS;
            if (what != NOT_IN) listed |= !group.parameters;
            height = 1;
        }
        if (what == VALUES && tokens.is(open - 1, ',')) { // a further row
            severalRows = true;
            size = group.shownFrom - 1;
            if (shown[size - 1] >= 0) {
                show(open - 1);
                shown[size++] = MORE_LITERALS;
            }
            return;
        }
        parent.height = Math.max(parent.height, height);
        show(token);
    }

    // the normalised form

    private void show(int token) {
        if (tokens.is(token, SqlTokens.NUMBER) && size > 0 && isSign(shown[size - 1])) {
            int before = size > 1 ? shown[size - 2] : -3;
            boolean operand = before == MORE_LITERALS || before == MORE_PARAMETERS || tokens.isOperand(before);
            if (!operand) size--;
        }
        shown[size++] = token;
    }

    private boolean isSign(int token) {
        return token >= 0
                && tokens.types[token] == SqlTokens.OPERATOR
                && (tokens.isOperator(token, "-") || tokens.isOperator(token, "+"));
    }

    /** Whether the elements of a list, of which there are at least two, are the same but for their values. */
    private boolean isUniform(int from) {
        int first = from + 1;
        int end = first;
        int depth = 0;
        boolean value = false;
        for (; end < size; end++) {
            int token = shown[end];
            if (token < 0) {
                value = true;
                continue;
            }
            char type = tokens.types[token];
            if (type == ',' && depth == 0) break;
            if (type == '(' || type == '[') depth++;
            if (type == ')' || type == ']') depth--;
            value |= tokens.isValue(token) || type == SqlTokens.MORE;
        }
        int length = end - first;
        if (!value || length == 0 || end == size || (size - first + 1) % (length + 1) != 0) return false;
        for (int comma = end; comma < size; comma += length + 1) {
            if (shown[comma] < 0 || tokens.types[shown[comma]] != ',') return false;
            for (int i = 0; i < length; i++) {
                if (!isSame(shown[first + i], shown[comma + 1 + i])) return false;
            }
        }
        return true;
    }

    private boolean isSame(int one, int other) {
        boolean more = one < 0 || tokens.types[one] == SqlTokens.MORE;
        if (more || other < 0) return more && (other < 0 || tokens.types[other] == SqlTokens.MORE);
        if (tokens.isValue(one)) return tokens.isValue(other);
        int length = tokens.ends[one] - tokens.starts[one];
        return tokens.types[one] == tokens.types[other]
                && length == tokens.ends[other] - tokens.starts[other]
                && tokens.sql.regionMatches(
                        tokens.types[one] != SqlTokens.QUOTED,
                        tokens.starts[one],
                        tokens.sql,
                        tokens.starts[other],
                        length);
    }

    private void writeForm() {
        StringBuilder text = new StringBuilder(Math.min(MAX_TEXT, tokens.sql.length()) + 8);
        hash = tokens.ignored ? 0x69676e6f726564L : 0x74656e666f6c6421L;
        for (int i = 0; i < size; i++) {
            int token = shown[i];
            if (i > 0 && isApart(shown[i - 1], token)) put(text, ' ', ' ');
            if (token < 0) {
                put(text, '.', token == MORE_PARAMETERS ? '?' : '\0');
                put(text, '.', '.');
                put(text, '.', '.');
            } else if (tokens.isValue(token)) {
                put(text, '?', tokens.is(token, SqlTokens.PARAMETER) ? '?' : '\0');
            } else {
                boolean raw = tokens.is(token, SqlTokens.QUOTED) || tokens.is(token, SqlTokens.HINT);
                for (int at = tokens.starts[token]; at < tokens.ends[token]; at++) {
                    char c = raw ? tokens.sql.charAt(at) : lower(tokens.sql.charAt(at));
                    put(text, c, c);
                }
            }
        }
        int length = text.length();
        boolean half = length == MAX_TEXT && Character.isHighSurrogate(text.charAt(length - 1));
        form = half ? text.substring(0, length - 1) : text.toString();
        hash ^= hash >>> 33; // the finisher of MurmurHash3
        hash *= 0xff51afd7ed558ccdL;
        hash ^= hash >>> 33;
        hash *= 0xc4ceb9fe1a85ec53L;
        hash ^= hash >>> 33;
    }

    /** Makes no letter of a keyword from another: the dotless and the dotted i, the Kelvin sign. */
    private static char lower(char c) {
        char lower = Character.toLowerCase(c);
        return lower < 0x80 && c >= 0x80 ? c : lower;
    }

    private void put(StringBuilder text, char c, char hashed) {
        if (text.length() < MAX_TEXT) text.append(c);
        hash = (hash ^ hashed) * 0x9e3779b97f4a7c15L;
        hash ^= hash >>> 32;
    }

    /** Whether a space stands between two tokens: such that reading the normalised form gives the same tokens. */
    private boolean isApart(int left, int right) {
        char before = left < 0 ? SqlTokens.MORE : tokens.types[left];
        char after = right < 0 ? SqlTokens.MORE : tokens.types[right];
        switch (after) {
            case ')', ']', ',', ';' -> {
                return false;
            }
            case '.' -> {
                if (isOwner(left)) return false;
            }
            case SqlTokens.CAST -> {
                if (isOwner(left) || (left >= 0 && tokens.isValue(left))) return false;
            }
            case '[' -> {
                if (left >= 0 && tokens.isOperand(left)) return false;
            }
            case '(' -> {
                if (before == SqlTokens.QUOTED || (before == SqlTokens.WORD && !tokens.words[left].breaks))
                    return false;
            }
            default -> {}
        }
        return switch (before) {
            case '(' -> false;
            case '[' -> after == SqlTokens.WORD && !tokens.isOperand(left - 1);
            case '.' -> !(isOwner(left - 1) && isNameOrStar(right));
            case SqlTokens.CAST -> !(after == SqlTokens.WORD || after == SqlTokens.QUOTED);
            default -> true;
        };
    }

    private boolean isOwner(int token) {
        if (token < 0) return false;
        char type = tokens.types[token];
        return type == SqlTokens.WORD || type == SqlTokens.QUOTED || type == ')' || type == ']';
    }

    private boolean isNameOrStar(int token) {
        if (token < 0) return false;
        char type = tokens.types[token];
        return type == SqlTokens.WORD
                || type == SqlTokens.QUOTED
                || (type == SqlTokens.OPERATOR && tokens.isOperator(token, "*"));
    }

    // what it does

    private void readKind() {
        int first = outer;
        while (tokens.is(first, SqlTokens.HINT)) first++;
        if (several || first >= tokens.count) return;
        StatementKind seen = switch (tokens.words[first]) {
            case SELECT, VALUES, WITH -> StatementKind.SELECT;
            case TABLE -> namesTable(first + 1) ? StatementKind.SELECT : StatementKind.OTHER;
            case INSERT -> StatementKind.INSERT;
            case REPLACE -> tokens.is(first + 1, Word.INTO) ? StatementKind.INSERT : StatementKind.OTHER;
            case UPDATE -> StatementKind.UPDATE;
            case DELETE -> StatementKind.DELETE;
            default -> StatementKind.OTHER;
        };
        boolean harmless = !changes && !tokens.executable;
        kind = seen == StatementKind.SELECT && !harmless ? StatementKind.OTHER : seen;
    }

    // roles

    private void readRoles() {
        byte[] found = new byte[16];
        int count = 0;
        byte[] literal = new byte[Text.MOST_LITERALS];
        long[] values = new long[Text.MOST_LITERALS];
        int fixed = 0;
        for (int token = 0; token < tokens.count; token++) {
            if (!tokens.isValue(token)) continue;
            byte role = role(token);
            if (tokens.types[token] != SqlTokens.PARAMETER) {
                literals |= 1 << role;
                int i = Math.min(fixed, Text.MOST_LITERALS - 1);
                literal[i] = role;
                values[i] = values[i] * 31 + valueOf(token);
                fixed++;
                continue;
            }
            if (count == found.length) found = Arrays.copyOf(found, count * 2);
            found[count++] = role;
        }
        roles = Arrays.copyOf(found, count);
        int kept = Math.min(fixed, Text.MOST_LITERALS);
        if (kept == 0) return;
        rolesOfLiterals = Arrays.copyOf(literal, kept);
        valuesOfLiterals = Arrays.copyOf(values, kept);
    }

    /** A whole number as it is, so that it is seen to grow; anything else as a hash. */
    private long valueOf(int token) {
        long number = 0;
        long hash = 0;
        boolean whole = tokens.is(token, SqlTokens.NUMBER) && tokens.ends[token] - tokens.starts[token] <= 18;
        for (int at = tokens.starts[token]; at < tokens.ends[token]; at++) {
            char c = tokens.sql.charAt(at);
            whole &= c >= '0' && c <= '9';
            number = number * 10 + (c - '0');
            hash = (hash ^ c) * 0x9e3779b97f4a7c15L;
        }
        return whole ? number : hash;
    }

    /** The text itself, with the fingerprint that it shares with others. */
    Text text(Fingerprint fingerprint) {
        byte[] shared = fingerprint.roles;
        int kept = Math.min(roles.length, Fingerprint.MAX_ROLES);
        // Lists of other lengths have the same fingerprint.
        byte[] own = Arrays.equals(shared, 0, shared.length, roles, 0, kept) ? shared : Arrays.copyOf(roles, kept);
        if (valuesOfLiterals.length == 0) return new Text(tokens.sql, fingerprint, own, valuesOfLiterals);
        byte[] all = Arrays.copyOf(roles, roles.length + rolesOfLiterals.length);
        System.arraycopy(rolesOfLiterals, 0, all, roles.length, rolesOfLiterals.length);
        return new Text(tokens.sql, fingerprint, all, valuesOfLiterals);
    }

    /** Looks at what stands before and behind the value, then at what stands so around the parentheses that it is in. */
    private byte role(int value) {
        int first = value;
        int last = value;
        for (int climbs = 0; climbs < MAX_STEPS; climbs++) {
            int open = around[first];
            if (open >= 0 && opens[open] == ROWS) return LIST; // also in H2's table(id bigint = ?)
            last = behindCasts(last);
            byte role = roleByLeft(first, last);
            if (role == NONE) role = roleByRight(last);
            if (role != NONE) return role;
            if (open < 0) return byClause(first);
            switch (opens[open]) {
                case IN -> {
                    return groups[open + 1].commas > 0 ? LIST : EQUAL;
                }
                case ANY -> {
                    return LIST;
                }
                case TOP -> {
                    return LIMIT;
                }
                case VALUES -> {
                    return kind == StatementKind.SELECT ? LIST : WRITTEN;
                }
                case NOT_IN, ALL, INDEX -> {
                    return OTHER;
                }
                case QUERY -> {
                    return byClause(first);
                }
                case FUNCTION -> {
                    if (groups[open + 1].named) return OTHER;
                    first = beginOfName(open - 1);
                    if (clauses[first] == FROM_LIST && beginsItem(first)) return EQUAL;
                }
                case TRANSPARENT, ARRAY -> first = open - 1;
                default -> first = open;
            }
            if (match[open] < 0) return OTHER;
            last = match[open];
        }
        return OTHER;
    }

    /** Of a value that is compared with nothing. */
    private byte byClause(int token) {
        byte clause = clauses[token];
        boolean written = clause == SET_LIST || (clause == SELECT_LIST && kind != StatementKind.SELECT);
        return written ? WRITTEN : OTHER;
    }

    private int beginOfName(int token) {
        int first = token;
        while (tokens.is(first - 1, '.') && isOwner(first - 2) && tokens.types[first - 2] != ')') first -= 2;
        return first;
    }

    private boolean beginsItem(int token) {
        return tokens.is(token - 1, Word.FROM) || tokens.is(token - 1, Word.JOIN) || tokens.is(token - 1, ',');
    }

    private int behindCasts(int token) {
        int last = token;
        for (int steps = 0; steps < MAX_STEPS && tokens.is(last + 1, SqlTokens.CAST); steps++) {
            last++;
            while ((tokens.is(last + 1, SqlTokens.WORD) && (tokens.is(last, SqlTokens.CAST) || tokens.is(last, '.')))
                    || tokens.is(last + 1, '.')) {
                last++;
            }
            while ((tokens.is(last + 1, '(') || tokens.is(last + 1, '[')) && match[last + 1] >= 0)
                last = match[last + 1];
        }
        return last;
    }

    private byte roleByLeft(int first, int last) {
        int token = first - 1;
        for (int steps = 0; steps < MAX_STEPS && token >= 0; steps++, token--) {
            switch (tokens.types[token]) {
                case ',' -> {
                    return clauses[token] == LIMIT_LIST ? LIMIT : NONE;
                }
                case '(', '[', ';' -> {
                    return NONE;
                }
                case ')', ']' -> {
                    if (match[token] < 0) return NONE;
                    token = match[token];
                }
                case SqlTokens.OPERATOR -> {
                    byte role = comparison(token);
                    if (role == EQUAL) return clauses[token] == SET_LIST ? WRITTEN : EQUAL;
                    if (role == RANGE) return tokens.is(token - 1, Word.ROWNUM) ? LIMIT : RANGE;
                    if (!isArithmetic(token)) return OTHER;
                }
                case SqlTokens.WORD -> {
                    byte role = roleByWord(token, last);
                    if (role != NONE || tokens.words[token].breaks) return role;
                }
                default -> {}
            }
        }
        return NONE;
    }

    private byte roleByWord(int token, int last) {
        return switch (tokens.words[token]) {
            case BETWEEN -> RANGE;
            case AND -> ofBetween[token] ? RANGE : NONE;
            case LIKE, IS -> OTHER;
            case LIMIT -> tokens.is(last + 1, ',') ? OFFSET : LIMIT;
            case OFFSET -> OFFSET;
            case FIRST -> tokens.is(token - 1, Word.FETCH) ? LIMIT : NONE;
            case TOP -> LIMIT;
            case IN -> LIST;
            case FROM -> {
                if (!tokens.is(token - 1, Word.DISTINCT)) yield NONE;
                yield tokens.is(token - 2, Word.NOT) ? EQUAL : OTHER;
            }
            default -> NONE;
        };
    }

    private byte roleByRight(int last) {
        int token = last + 1;
        for (int steps = 0; steps < MAX_STEPS && token < tokens.count; steps++, token++) {
            switch (tokens.types[token]) {
                case ',', ';', ')', ']' -> {
                    return NONE;
                }
                case '(', '[' -> {
                    if (match[token] < 0) return NONE;
                    token = match[token];
                }
                case SqlTokens.OPERATOR -> {
                    byte role = comparison(token);
                    if (role != OTHER) return role;
                    if (!isArithmetic(token)) return OTHER;
                }
                case SqlTokens.WORD -> {
                    Word word = tokens.words[token];
                    if (word == Word.BETWEEN) return RANGE;
                    if (word == Word.IN || word == Word.IS || word == Word.LIKE) return OTHER;
                    if (word.breaks) return NONE;
                }
                default -> {}
            }
        }
        return NONE;
    }

    /** {@link Fingerprint#OTHER} for operators that compare in another way, or not. */
    private byte comparison(int token) {
        return switch (tokens.sql.substring(tokens.starts[token], tokens.ends[token])) {
            case "=", "==", "<=>" -> EQUAL;
            case "<", ">", "<=", ">=" -> RANGE;
            default -> OTHER;
        };
    }

    private boolean isArithmetic(int token) {
        return switch (tokens.sql.substring(tokens.starts[token], tokens.ends[token])) {
            case "+", "-", "*", "/", "%", "||", "&", "|", "^", "<<", ">>" -> true;
            default -> false;
        };
    }
}
