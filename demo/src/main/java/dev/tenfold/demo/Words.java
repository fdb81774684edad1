package dev.tenfold.demo;

import static java.util.stream.Collectors.joining;

import dev.tenfold.query.guard.Finding;
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

    /** What the guard and the index check say of a few requests, for a terminal. */
    static String inspection(Inspection.Found found) {
        StringBuilder out = new StringBuilder(1_000);
        out.append(String.format(
                Locale.ROOT,
                "%n1,000 users, before the load: %d requests of the naive code through QueryGuard.watch(pool)%n",
                Inspection.REQUESTS));
        for (Finding finding : found.naive().byCost()) {
            out.append('\n').append(indented(finding.text()));
            out.append("    so far     ").append(toll(finding)).append('\n');
        }
        out.append("\n  IndexCheck.of(dataSource).statements(guard.statements())\n");
        out.append(indented(found.before().text()));
        out.append("\n  The same requests with toolkit-query, after the statements above: ")
                .append(contrast(found))
                .append('\n');
        for (Finding finding : found.batched().findings()) {
            out.append('\n').append(indented(finding.text()));
        }
        return out.append(indented(found.after().text())).toString();
    }

    /** What Readiness said after the last stage, as it said it, for a terminal. */
    static String next(NextBreak.Result result) {
        NextBreak.Said said = result.said();
        return "\n" + NextBreak.TITLE + "\n"
                + "\n  Of this run: both nodes with toolkit-jobs, under the last stage's load:\n\n"
                + indented(said.run().text())
                + "\n  SYNTHETIC: a year of daily figures made from seed " + SyntheticYear.SEED
                + ", which no database has had, through\n  Readiness's own table:\n\n"
                + indented(said.year().text())
                + "\n" + result.sentence() + "\n" + NextBreak.earlier(said);
    }

    private static String indented(String text) {
        return text.lines()
                .map(line -> line.isEmpty() ? "\n" : "  " + line + "\n")
                .collect(joining());
    }

    /** What a finding has cost. */
    static String toll(Finding finding) {
        String count = String.format(Locale.ROOT, "%,d executions in %d requests", finding.count(), finding.scopes());
        double millis = finding.lost().toNanos() / 1e6;
        return millis == 0 ? count : String.format(Locale.ROOT, "%s, %,.0f ms lost", count, millis);
    }

    /** What has changed in a request. */
    static String contrast(Inspection.Found found) {
        int findings = found.batched().findings().size();
        return String.format(
                Locale.ROOT,
                "%d statements a request instead of %d, and %s.",
                found.batched().statements(),
                found.naive().statements(),
                findings == 0 ? "no findings" : findings + " findings");
    }

    /** What was found before the load, in a sentence; only what went well. */
    static String summary(Inspection.Found found) {
        Finding loop = found.loop();
        String named = loop == null ? "no N+1" : "the N+1 at " + site(loop);
        String index = found.proposed().isEmpty()
                ? "no missing index"
                : "that an index is missing on " + String.join(" and ", found.proposed());
        return String.format(
                Locale.ROOT,
                "Before the load, %d requests through QueryGuard and IndexCheck named %s, and %s. Afterwards they say: %s %s",
                Inspection.REQUESTS,
                named,
                index,
                contrast(found),
                found.after().advice().isEmpty() ? "No index is missing." : "Indexes are still missing.");
    }

    /** As an editor finds it. */
    static String site(Finding finding) {
        StackTraceElement site = finding.site();
        if (site == null) return "an unknown place";
        String type = site.getClassName().substring(site.getClassName().lastIndexOf('.') + 1);
        return type + "." + site.getMethodName() + "(" + site.getFileName() + ":" + site.getLineNumber() + ")";
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
