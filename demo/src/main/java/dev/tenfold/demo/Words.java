package dev.tenfold.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The last step before print: measurements in words, and as lines of a table. */
final class Words {
    static final List<String> COLUMNS =
            List.of("version", "offered/s", "served/s", "errors", "p50 ms", "p99 ms", "queries/request", "DB busy");

    private Words() {}

    /** What a version missed; only for one that did not keep up. */
    static String shortfall(Measured measured, double p99ObjectiveMillis) {
        Load load = measured.load();
        List<String> missed = new ArrayList<>();
        if (load.servedShare() < 0.999) {
            missed.add(String.format(
                    Locale.ROOT, "it serves %.1f of %.1f requests a second", load.servedRate(), load.offeredRate()));
        }
        if (load.failed() > 0) {
            missed.add(String.format(Locale.ROOT, "%,d requests fail", load.failed()));
        }
        if (load.millisAt(99) > p99ObjectiveMillis) {
            missed.add(String.format(
                    Locale.ROOT,
                    "its p99 is %.1f s where %.1f s are allowed",
                    load.millisAt(99) / 1e3,
                    p99ObjectiveMillis / 1e3));
        }
        return String.join(", and ", missed);
    }

    static String shortfallByName(Measured measured, double p99ObjectiveMillis) {
        return measured.version() + ": " + shortfall(measured, p99ObjectiveMillis) + ".";
    }

    static List<String> cells(Measured measured) {
        Load load = measured.load();
        return List.of(
                measured.version(),
                format("%.1f", load.offeredRate()),
                format("%.1f", load.servedRate()),
                format("%,d", load.errors()),
                format("%,.1f", load.millisAt(50)),
                format("%,.1f", load.millisAt(99)),
                format("%.1f", measured.queriesPerRequest()),
                format("%.2f", measured.databaseBusy()));
    }

    /** The stage's table and sentence, for a terminal. */
    static String table(Stage.Result result) {
        StringBuilder out = new StringBuilder("\n" + result.title() + "\n");
        row(out, COLUMNS);
        result.versions().forEach(measured -> row(out, cells(measured)));
        return out.append(String.join("\n", sentences(result))).toString();
    }

    private static List<String> sentences(Stage.Result result) {
        List<String> all = new ArrayList<>(List.of(result.sentence()));
        all.addAll(result.notes());
        return all;
    }

    private static void row(StringBuilder out, List<String> cells) {
        out.append(String.format("  %-22s", cells.get(0)));
        for (int i = 1; i < cells.size(); i++) {
            out.append(String.format("%" + (COLUMNS.get(i).length() + 3) + "s", cells.get(i)));
        }
        out.append('\n');
    }

    private static String format(String pattern, Object value) {
        return String.format(Locale.ROOT, pattern, value);
    }
}
