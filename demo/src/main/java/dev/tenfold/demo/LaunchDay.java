package dev.tenfold.demo;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Launch day: one small application meets ten times the users, stage by stage, then their tokens, a scraper, and their pictures,
 * as first written and with one module more; and then what would break next.
 *
 * <p>Starts its own PostgreSQL and Redis, offers every version the same load, prints a table and a sentence a stage, and writes a
 * report. Takes about three and a half minutes, and stops by itself.
 */
public final class LaunchDay {
    /** In the order in which things break. */
    private static final List<Stage> STAGES = List.of(
            new HundredUsers(),
            new ThousandUsers(),
            new TenThousandUsers(),
            new TokensOnEveryRequest(),
            new ClientsInALoop(),
            new HundredThousandUsers());

    private LaunchDay() {}

    /**
     * Runs the demo and ends the JVM: with status 0, with 1 if a stage did not keep what it claims, with 2 if an argument
     * is wrong.
     *
     * @param args see {@code --help}
     * @throws Exception if a server cannot be started or the report cannot be written
     */
    public static void main(String[] args) throws Exception {
        int status = run(System.out, Progress.isTerminal(), args);
        System.exit(status);
    }

    static int run(PrintStream out, boolean terminal, String... args) throws Exception {
        Options options;
        try {
            options = Options.parse(args);
        } catch (Options.Wrong e) {
            out.println("launch day: " + e.getMessage());
            return 2;
        }
        if (options.help()) {
            out.print(Options.HELP);
            return 0;
        }
        Progress progress = new Progress(out, terminal);
        progress.say("Launch day. Starting PostgreSQL and Redis; the keys are "
                + options.keys().describe() + ".");
        List<Stage.Result> results = new ArrayList<>();
        NextBreak.Result next;
        Report report;
        try (Site site = new Site(options, progress)) {
            if (!site.sameAnswers(20)) {
                progress.say("FAILED: the versions answer differently.");
                return 1;
            }
            for (Stage stage : STAGES) {
                Stage.Result result = stage.run(site);
                results.add(result);
                progress.say(Words.table(result) + "\n");
            }
            next = NextBreak.judge(NextBreak.ask(ofRun(results), site.direct()));
            progress.say(Words.next(next) + "\n");
            report = new Report(results, next, options.keys().describe(), site.postgresVersion(), site.redisVersion());
        }
        report.write(options.report());
        progress.say("DB busy: statements in progress, on average. Report: "
                + options.report().toAbsolutePath().normalize());
        return next.kept() && results.stream().allMatch(Stage.Result::kept) ? 0 : 1;
    }

    /** What Readiness said of the stage that it ran in. */
    private static dev.tenfold.readiness.Report ofRun(List<Stage.Result> results) {
        return results.stream()
                .map(Stage.Result::readiness)
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("Readiness ran in no stage"));
    }
}
