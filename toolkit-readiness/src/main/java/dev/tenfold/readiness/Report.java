package dev.tenfold.readiness;

import static java.util.stream.Collectors.joining;

import dev.tenfold.readiness.Outlook.Verdict;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * How full each resource is, when it will be full, and which layer comes next.
 *
 * @param day on which it was made
 * @param zone whose days the figures are of
 * @param resources by name; unmodifiable
 * @param next layers that are worth building, the cheapest first; empty if none is yet
 * @param notes what the report does not know, and why
 */
public record Report(LocalDate day, ZoneId zone, List<Headroom> resources, List<NextLayer> next, List<String> notes) {
    /**
     * One resource.
     *
     * @param name its name
     * @return its figures
     * @throws IllegalArgumentException if nothing is known of one of that name
     */
    public Headroom resource(String name) {
        return resources.stream()
                .filter(each -> each.resource().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("nothing is known of a resource \"" + name
                        + "\"; known are "
                        + resources.stream().map(Headroom::resource).collect(joining(", ", "[", "]"))));
    }

    /**
     * The resource with the least headroom at its peak.
     *
     * @return empty if there are no figures at all
     */
    public Optional<Headroom> fullest() {
        return resources.stream().min(Comparator.comparingDouble(Headroom::free));
    }

    /**
     * All of it, to be read in a terminal: a line a resource, the reasons, then what comes next.
     *
     * @return lines without a line break at the end
     */
    public String text() {
        StringBuilder text = new StringBuilder(1_000);
        text.append("Readiness on ")
                .append(day)
                .append(" (")
                .append(zone.equals(ZoneOffset.UTC) ? "UTC" : zone)
                .append(')');
        if (!resources.isEmpty()) table(text);
        for (Headroom each : resources) {
            line(text, each.resource() + ": " + each.outlook().reason());
            if (!each.note().isEmpty()) line(text, each.resource() + ": " + each.note());
        }
        text.append("\n\nNext");
        if (next.isEmpty()) withoutLayer().forEach(each -> line(text, each));
        next.forEach(layer -> line(text, layer.text()));
        notes.forEach(note -> line(text, "(" + note + ")"));
        return text.toString();
    }

    /** What fills up is to be told, also where no layer is. */
    private List<String> withoutLayer() {
        List<String> filling = resources.stream()
                .filter(each -> isFilling(each.outlook()))
                .sorted(Comparator.comparing(
                        each -> Objects.requireNonNullElse(each.outlook().expected(), day)))
                .map(each -> each.resource() + " fills up, " + full(each.outlook())
                        + ": which layer relieves it cannot be told")
                .toList();
        return filling.isEmpty() ? List.of(nothing()) : filling;
    }

    private static boolean isFilling(Outlook outlook) {
        return outlook.verdict() == Verdict.FULL || outlook.verdict() == Verdict.DATED;
    }

    private String nothing() {
        return fullest()
                .map(each -> String.format(
                        Locale.ROOT,
                        "nothing yet; the fullest resource is %s, with %.0f %% free at its peak",
                        each.resource(),
                        100 * each.free()))
                .orElse("nothing can be said yet: there are no figures");
    }

    private static void line(StringBuilder text, String line) {
        text.append("\n  ").append(line);
    }

    private void table(StringBuilder text) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("resource", "peak", "limit", "free", "a month", "full (80 %)"));
        for (Headroom each : resources) {
            rows.add(List.of(
                    each.resource(),
                    number(each.peak()),
                    number(each.limit()),
                    percent(each.free(), "%.0f %%"),
                    each.outlook().perMonth().isPresent()
                            ? percent(each.outlook().perMonth().getAsDouble(), "%+.0f %%")
                            : "",
                    full(each.outlook())));
        }
        int[] widths = new int[rows.get(0).size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        text.append('\n');
        for (List<String> row : rows) {
            text.append('\n');
            for (int i = 0; i < widths.length; i++) {
                String cell = row.get(i);
                String padding = " ".repeat(widths[i] - cell.length());
                boolean isLeft = i == 0;
                boolean isLast = i == widths.length - 1;
                text.append("  ").append(isLeft || isLast ? cell : padding + cell);
                if (isLeft) text.append(padding);
            }
        }
        text.append('\n');
    }

    private static String full(Outlook outlook) {
        return switch (outlook.verdict()) {
            case FULL -> "now";
            case DATED -> outlook.earliest() + " … " + (outlook.latest() == null ? "open" : outlook.latest());
            case NOT_IN_SIGHT -> "not in sight";
            case GROWING, NOT_ENOUGH_DATA -> "no date yet";
        };
    }

    /** Without a sign before a zero. */
    private static String percent(double share, String format) {
        return String.format(Locale.ROOT, format, Math.rint(100 * share) + 0.0);
    }

    /** Three digits, as more are noise: 5.2, 90, 4.29G. */
    static String number(double value) {
        if (value >= 1e15) return String.format(Locale.ROOT, "%.2e", value);
        if (value >= 1e12) return String.format(Locale.ROOT, "%.2fT", value / 1e12);
        if (value >= 1e9) return String.format(Locale.ROOT, "%.2fG", value / 1e9);
        if (value >= 1e6) return String.format(Locale.ROOT, "%.2fM", value / 1e6);
        if (value >= 1e4) return String.format(Locale.ROOT, "%.1fk", value / 1e3);
        if (value >= 100 || value == Math.rint(value)) return String.format(Locale.ROOT, "%.0f", value);
        if (value < 0.01) return String.format(Locale.ROOT, "%.1e", value);
        String text = String.format(Locale.ROOT, value >= 1 ? "%.1f" : "%.2f", value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }
}
