package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link QueryGuard} found: one of these for each kind, statement and call site.
 *
 * @param kind what it is about
 * @param fingerprint sixteen hex digits that stay the same; empty where it is not about a statement
 * @param statement the statement, literals taken out; empty where it is not about one
 * @param site the application's innermost frame; null if none was seen
 * @param callers the application's frames, innermost first, at most eight
 * @param source for {@link FindingKind#N_PLUS_ONE}, the query whose rows are walked
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
     * Says all of it in some lines, to be printed.
     *
     * @return lines without a line break at the end
     */
    public String text() {
        StringBuilder text = new StringBuilder(200).append(kind).append(": ").append(detail);
        if (!statement.isEmpty()) text.append("\n  statement  ").append(statement);
        if (source != null) text.append("\n  source     ").append(source);
        if (site != null) text.append("\n  at         ").append(site);
        return text.append("\n  remedy     ").append(remedy).toString();
    }
}
