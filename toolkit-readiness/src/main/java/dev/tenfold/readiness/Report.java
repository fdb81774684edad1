package dev.tenfold.readiness;

import static java.util.stream.Collectors.joining;

import dev.tenfold.readiness.Outlook.Verdict;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
    /** Who has less than that free at its peak has no reserve, whatever the trend. */
    private static final double LITTLE = 0.2;

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
        reasons().forEach((reason, of) -> line(text, String.join(", ", of) + ": " + reason));
        text.append("\n\nNext");
        next.forEach(layer -> line(text, layer.text()));
        withoutLayer().forEach(each -> line(text, each));
        notes.forEach(note -> line(text, "(" + note + ")"));
        return text.toString();
    }

    /** By what is said of them, in order: many resources that are new say the same. */
    private Map<String, List<String>> reasons() {
        Map<String, List<String>> all = new LinkedHashMap<>();
        for (Headroom each : resources) {
            all.computeIfAbsent(each.outlook().reason(), unused -> new ArrayList<>())
                    .add(each.resource());
            if (!each.note().isEmpty()) {
                all.computeIfAbsent(each.note(), unused -> new ArrayList<>()).add(each.resource());
            }
        }
        return all;
    }

    /** What fills up is to be told, also where no layer says so: each but that of pools does so of the database. */
    private List<String> withoutLayer() {
        String why = next.isEmpty() ? ": which layer relieves it cannot be told" : "";
        boolean isDatabaseTold = next.stream().anyMatch(each -> each.layer() != NextLayer.Layer.POOL);
        List<String> filling = resources.stream()
                .filter(each -> isFilling(each.outlook()))
                .filter(each -> !(isDatabaseTold && each.resource().equals(Readiness.DATABASE)))
                .sorted(Comparator.comparing(
                        each -> Objects.requireNonNullElse(each.outlook().expected(), day)))
                .map(each -> each.resource() + " fills up, " + full(each.outlook()) + why)
                .toList();
        return next.isEmpty() && filling.isEmpty() ? List.of(nothing()) : filling;
    }

    private static boolean isFilling(Outlook outlook) {
        return outlook.verdict() == Verdict.FULL || outlook.verdict() == Verdict.DATED;
    }

    private String nothing() {
        Headroom fullest = fullest().orElse(null);
        if (fullest == null) return "nothing can be said yet: there are no figures";
        String free = percent(Math.max(0, fullest.free()), "%.0f %% free at its peak");
        return fullest.free() < LITTLE
                ? fullest.resource() + " is the fullest, with " + free + ": which layer relieves it cannot be told"
                : "nothing yet; the fullest resource is " + fullest.resource() + ", with " + free;
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
