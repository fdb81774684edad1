package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link QueryGuard} found: one of these for each kind, statement and call site.
 *
 * @param kind what it is about
 * @param fingerprint sixteen hex digits that stay the same; empty where it is not about a statement
 * @param statement the statement, literals taken out; empty where it is not about one
 * @param site the application's innermost frame; null if none was seen
 * @param callers the application's frames, innermost first, at most eight
 * @param source for {@link FindingKind#N_PLUS_ONE}, the query whose rows are walked; for {@link FindingKind#NESTED_BORROW},
 *     where the first connection was borrowed, as soon as that is known; else null
 * @param scope the name of the scope it was last seen in
 * @param count how many executions, or occurrences, in all
 * @param scopes in how many scopes
 * @param lost the time that the remedy would save so far, as far as can be told
 * @param detail what was seen, in words and figures
 * @param remedy what to do
 */
public record Finding(
        FindingKind kind,
        String fingerprint,
        String statement,
        @Nullable StackTraceElement site,
        List<StackTraceElement> callers,
        @Nullable String source,
        String scope,
        long count,
        long scopes,
        Duration lost,
        String detail,
        String remedy) {

    /**
     * Says all of it in some lines, to be printed. Control characters, as line breaks in names, are escaped.
     *
     * @return lines without a line break at the end
     */
    public String text() {
        StringBuilder text = new StringBuilder(200).append(kind).append(": ");
        escape(detail, text);
        if (!statement.isEmpty()) line(text, "statement", statement);
        if (source != null) line(text, kind == FindingKind.NESTED_BORROW ? "first one" : "source", source);
        if (site != null) line(text, "at", site.toString());
        if (scopes > 1 || isLost()) line(text, "in all", totals());
        line(text, "remedy", remedy);
        return text.toString();
    }

    /** What is less is shown as nothing. */
    private boolean isLost() {
        return lost.compareTo(Duration.ofNanos(50_000)) >= 0;
    }

    private String totals() {
        String often = switch (kind) {
            case N_PLUS_ONE, LOOP, REPEATED_READ, WRITE_LOOP, MANY_STATEMENTS ->
                "seen in " + number(scopes, "scope") + ", " + number(count, "execution");
            default -> "seen " + (count == 1 ? "once" : number(count, "time"));
        };
        return isLost() ? often + ", " + Symptoms.time(lost.toNanos()) + " lost" : often;
    }

    private static String number(long count, String of) {
        return String.format(Locale.ROOT, "%,d %s%s", count, of, count == 1 ? "" : "s");
    }

    private static void line(StringBuilder text, String label, String value) {
        text.append("\n  ").append(label).append(" ".repeat(11 - label.length()));
        escape(value, text);
    }

    /** Names and statements come from outside: none may look like another line of the log. */
    private static void escape(String value, StringBuilder to) {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '\n' -> to.append("\\n");
                case '\r' -> to.append("\\r");
                case '\t' -> to.append("\\t");
                default -> {
                    boolean isPlain = !Character.isISOControl(c) && c != '\u2028' && c != '\u2029';
                    if (isPlain) to.append(c);
                    else to.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                }
            }
        }
    }
}
