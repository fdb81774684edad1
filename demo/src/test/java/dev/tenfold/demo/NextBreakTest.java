package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.readiness.Forecast;
import dev.tenfold.readiness.Headroom;
import dev.tenfold.readiness.Report;
import dev.tenfold.testkit.PostgresServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Readiness has to say after the last stage, and that the demo fails if it says less, or more than it can know. */
class NextBreakTest {
    private static final SyntheticYear GROWING = SyntheticYear.ofDatabase(SyntheticYear.SEED, SyntheticYear.DAYS);
    private static final LocalDate END = SyntheticYear.FIRST_DAY.plusDays(SyntheticYear.DAYS);

    private static final Headroom RUN = headroom("run", new TreeMap<>());
    private static final NextBreak.Said ASKED = asked();

    private final Headroom database = ASKED.year().resource(NextBreak.DATABASE);
    private final Headroom pool = ASKED.year().resource(NextBreak.POOL);

    @Test
    void a_year_tells_a_date_and_a_run_tells_none() {
        NextBreak.Result result = NextBreak.judge(ASKED);

        assertThat(result.kept()).as(result.sentence()).isTrue();
        assertThat(result.sentence())
                .contains(
                        "the fullest is run, with 38 % free at its peak. There is no date: it takes 56 days",
                        "expects the database to be full about ", " (80 %)");
    }

    @Test
    void a_date_of_a_run_fails_the_demo() {
        NextBreak.Result result = NextBreak.judge(said(List.of(RUN, database), List.of(database, pool)));

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence())
                .startsWith("FAILED: Minutes cannot tell a date, but Readiness tells one of database: ");
    }

    @Test
    void a_run_without_figures_fails_the_demo() {
        assertThat(NextBreak.judge(said(List.of(), List.of(database, pool))).sentence())
                .isEqualTo("FAILED: Readiness should have figures of the last stage, but has none.");
    }

    @Test
    void a_year_without_a_date_fails_the_demo() {
        Headroom short_ = headroom(NextBreak.DATABASE, GROWING.figures().headMap(SyntheticYear.FIRST_DAY.plusDays(40)));

        NextBreak.Result result = NextBreak.judge(said(List.of(RUN), List.of(short_, pool)));

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence()).startsWith("FAILED: A year of growth should tell a date, but Readiness says: ");
    }

    @Test
    void a_date_far_from_the_true_one_fails_the_demo() {
        NextBreak.Said said = said(List.of(RUN), List.of(database, pool));
        LocalDate other = said.full().plusDays(2 * NextBreak.DAYS_OFF + 1);

        NextBreak.Result result = NextBreak.judge(new NextBreak.Said(said.run(), said.year(), said.earlier(), other));

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence())
                .startsWith("FAILED: The synthetic database is full on " + other)
                .contains("at most 45 days off");
    }

    @Test
    void a_date_of_what_does_not_grow_fails_the_demo() {
        Headroom wrong = headroom(NextBreak.POOL, GROWING.figures());

        assertThat(NextBreak.judge(said(List.of(RUN), List.of(database, wrong))).sentence())
                .startsWith("FAILED: The synthetic pool does not grow, but Readiness says: ");
    }

    @Test
    void what_was_said_on_day_200_stands_beside_what_came() {
        assertThat(NextBreak.earlier(ASKED))
                .startsWith("On day 200, 19 Apr 2026, it expected ")
                .containsPattern("days ahead, and (to the day|\\d+ days too (early|late))\\.$");
    }

    @Test
    void the_terminal_and_the_report_say_what_readiness_says_and_that_the_year_is_made_up(@TempDir Path directory)
            throws IOException {
        NextBreak.Result result = NextBreak.judge(ASKED);

        assertThat(Words.next(result))
                .contains("SYNTHETIC", result.sentence(), NextBreak.earlier(ASKED))
                .contains(ASKED.year()
                        .text()
                        .lines()
                        .map(line -> "  " + line)
                        .toList()
                        .get(3))
                .contains("56 to tell a date");

        Stage.Result stage = HundredUsers.judge(
                StageTest.measured("naive", 1_000, 300, 241), StageTest.measured("with toolkit-query", 1_000, 20, 4));
        Path file = directory.resolve("report.html");
        new dev.tenfold.demo.Report(List.of(stage), result, "keys", "18", "8").write(file);

        assertThat(Files.readString(file))
                .contains("<h2>What would break next</h2>", "<b>Synthetic</b>", "56 to tell a date")
                .contains(">today, 1 Oct 2026<", ">today, 19 Apr 2026<", ">Christmas<", ">incident<", ">limit<")
                .contains(">full on " + OutlookChart.date(ASKED.full()) + "<");
    }

    /** By way of the table. */
    private static NextBreak.Said asked() {
        PostgresServer postgres = PostgresServer.shared();
        return NextBreak.ask(report(List.of(RUN)), postgres.dataSource(postgres.createDatabase()));
    }

    private static NextBreak.Said said(List<Headroom> run, List<Headroom> year) {
        return new NextBreak.Said(report(run), report(year), ASKED.earlier(), ASKED.full());
    }

    static Report report(List<Headroom> resources) {
        return new Report(END, ZoneOffset.UTC, resources, List.of(), List.of());
    }

    private static Headroom headroom(String name, SortedMap<LocalDate, Double> figures) {
        return new Headroom(
                name,
                OptionalDouble.empty(),
                50,
                SyntheticYear.LIMIT,
                figures,
                Forecast.of(figures, SyntheticYear.LIMIT),
                "");
    }
}
