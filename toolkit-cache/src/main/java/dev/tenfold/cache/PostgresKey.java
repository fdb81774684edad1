package dev.tenfold.cache;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the payload of a notification: a JSON array of strings and nulls, as PostgreSQL writes it. */
final class PostgresKey {
    private final String json;
    private int at;

    private PostgresKey(String json) {
        this.json = json;
    }

    /** The columns' texts; null if the payload is anything else. Numbers are taken as their text. */
    static @Nullable List<@Nullable String> parse(String json) {
        try {
            return new PostgresKey(json).array();
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            return null;
        }
    }

    private List<@Nullable String> array() {
        List<@Nullable String> all = new ArrayList<>();
        expect('[');
        do {
            all.add(element());
        } while (skipIf(','));
        expect(']');
        skipSpace();
        if (at != json.length()) {
            throw new IllegalArgumentException(json);
        }
        return Collections.unmodifiableList(all);
    }

    private @Nullable String element() {
        skipSpace();
        if (json.startsWith("null", at)) {
            at += 4;
            return null;
        }
        return json.charAt(at) == '"' ? string() : number();
    }

    private String number() {
        int from = at;
        while ("+-.0123456789eE".indexOf(json.charAt(at)) >= 0) {
            at++;
        }
        if (at == from) {
            throw new IllegalArgumentException(json);
        }
        return json.substring(from, at);
    }

    private String string() {
        StringBuilder text = new StringBuilder();
        at++;
        for (char c = json.charAt(at++); c != '"'; c = json.charAt(at++)) {
            text.append(c == '\\' ? escaped() : c);
        }
        return text.toString();
    }

    private char escaped() {
        char c = json.charAt(at++);
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> {
                at += 4;
                yield (char) Integer.parseInt(json, at - 4, at, 16);
            }
            default -> throw new IllegalArgumentException(json);
        };
    }

    private void expect(char c) {
        if (!skipIf(c)) {
            throw new IllegalArgumentException(json);
        }
    }

    private boolean skipIf(char c) {
        skipSpace();
        if (json.charAt(at) != c) {
            return false;
        }
        at++;
        return true;
    }

    private void skipSpace() {
        while (at < json.length() && json.charAt(at) == ' ') {
            at++;
        }
    }
}
