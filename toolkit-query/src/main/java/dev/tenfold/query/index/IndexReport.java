package dev.tenfold.query.index;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * What an {@link IndexCheck} found.
 *
 * @param database the database's name and version
 * @param advice most urgent first
 * @param notes what was not looked at, and why, and what was ignored in vain
 */
public record IndexReport(String database, List<IndexAdvice> advice, List<String> notes) {

    /**
     * Says all of it, to be printed: the most urgent first, the statements to run as they are, each once, the notes last.
     *
     * @return lines without a line break at the end
     */
    public String text() {
        return text(advice);
    }

    private String text(List<IndexAdvice> shown) {
        StringBuilder text = new StringBuilder(200).append(database).append(": ");
        text.append(shown.isEmpty() ? "nothing to do" : shown.size() + " to do");
        int kinds = width(shown.stream().map(one -> words(one.kind())).toList());
        int tables = width(shown.stream().map(IndexAdvice::table).toList());
        Map<String, String> printed = new HashMap<>();
        for (IndexAdvice one : shown) {
            text.append("\n\n").append(padded(words(one.kind()), kinds));
            text.append("  ").append(padded(one.table(), tables));
            text.append("  ").append(one.subject());
            indented(text, one.detail() + gain(one));
            if (one.ddl() == null) continue;
            String before = printed.putIfAbsent(one.ddl(), one.subject());
            indented(text, before == null ? one.ddl() : "to run: the same as for " + before);
        }
        if (!notes.isEmpty()) text.append("\n\nnotes");
        for (String note : notes) text.append("\n  ").append(note);
        return text.toString();
    }

    private static String words(IndexAdvice.Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static String gain(IndexAdvice one) {
        if (one.gain() == null) return "";
        return String.format(
                Locale.ROOT,
                one.gain() < 10 ? "; about %,.1f times cheaper with it%s" : "; about %,.0f times cheaper with it%s",
                one.gain(),
                one.verified() ? ", says the planner" : "");
    }

    private static int width(List<String> texts) {
        return texts.stream().mapToInt(String::length).max().orElse(0);
    }

    private static String padded(String text, int width) {
        return text + " ".repeat(width - text.length());
    }

    private static void indented(StringBuilder text, String lines) {
        lines.lines().forEach(line -> text.append("\n    ").append(line));
    }

    /**
     * Fails a test if there is anything to do. Notes do not count.
     *
     * @throws AssertionError with {@link #text}
     */
    public void assertClean() {
        assertNothingNew(Set.of());
    }

    /**
     * Fails a test if there is anything to do that is not known yet.
     *
     * @param known keys of advice that may stay, see {@link IndexAdvice#key}; one that is found no more does not fail the test
     * @throws AssertionError with the text of what is new, its keys, and the known ones that are found no more
     */
    public void assertNothingNew(Set<String> known) {
        Objects.requireNonNull(known, "known");
        List<IndexAdvice> fresh = new ArrayList<>(advice);
        fresh.removeIf(one -> known.contains(one.key()));
        if (fresh.isEmpty()) return;
        StringBuilder text = new StringBuilder(text(fresh)).append("\n\nto let it stay, add to what is known:");
        for (IndexAdvice one : fresh) text.append("\n    ").append(one.key());
        Set<String> gone = new TreeSet<>(known);
        advice.forEach(one -> gone.remove(one.key()));
        if (!gone.isEmpty()) text.append("\n\nfound no more, take from what is known:");
        for (String key : gone) text.append("\n    ").append(key);
        throw new AssertionError(text);
    }
}
