package dev.tenfold.demo;

import dev.tenfold.readiness.Forecast;
import dev.tenfold.readiness.Headroom;
import dev.tenfold.readiness.Outlook;
import dev.tenfold.readiness.Readiness;
import dev.tenfold.readiness.ReadinessSchema;
import dev.tenfold.readiness.Report;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * After the last stage: what would break next. Readiness is asked twice: of this run, which is too short for any date; and of a
 * {@link SyntheticYear}, which is not.
 */
final class NextBreak {
    static final String TITLE = "What would break next";

    /** The year's resources: the one that grows, and the one that does not. */
    static final String DATABASE = "database";

    static final String POOL = "pool";

    /** The day of the year whose forecast is compared with what came. */
    static final int EARLIER = 200;

    /** As Readiness documents. */
    private static final int DAYS_TO_DATE = 56;

    /** So many days may the date that is expected be away from the one on which the year's database is full. */
    static final int DAYS_OFF = 45;

    private NextBreak() {}

    /**
     * What Readiness said.
     *
     * @param run its report on the last stage
     * @param year its report on the synthetic year
     * @param earlier its outlook on the year's database, on day {@link #EARLIER}
     * @param full when that is full, as its maker knows
     */
    record Said(Report run, Report year, Outlook earlier, LocalDate full) {}

    /**
     * What came of it.
     *
     * @param kept whether Readiness said what it should, and nothing that it cannot know
     * @param sentence what it said, or what it should have said
     */
    record Result(Said said, boolean kept, String sentence) {}

    /**
     * Puts the year into Readiness' own table, and asks.
     *
     * @param run the report on the last stage
     * @param dataSource where the table is made
     */
    static Said ask(Report run, DataSource dataSource) {
        SyntheticYear database = SyntheticYear.ofDatabase(SyntheticYear.SEED, SyntheticYear.DAYS);
        SyntheticYear pool = SyntheticYear.ofPool(SyntheticYear.SEED + 1, SyntheticYear.DAYS);
        Instant end = SyntheticYear.FIRST_DAY
                .plusDays(SyntheticYear.DAYS)
                .atStartOfDay(ZoneOffset.UTC)
                .toInstant();
        ReadinessSchema.install(dataSource);
        try (Readiness readiness =
                Readiness.on(dataSource).clock(() -> end, System::nanoTime).build()) {
            readiness.record(DATABASE, database.figures(), SyntheticYear.LIMIT);
            readiness.record(POOL, pool.figures(), SyntheticYear.LIMIT);
            return new Said(run, readiness.report(), earlier(database), database.full());
        }
    }

    /** By the method that the report is made by. */
    private static Outlook earlier(SyntheticYear year) {
        return Forecast.of(year.figures().headMap(SyntheticYear.FIRST_DAY.plusDays(EARLIER)), SyntheticYear.LIMIT);
    }

    static Result judge(Said said) {
        List<String> failures = new ArrayList<>();
        run(failures, said.run());
        grown(failures, said);
        flat(failures, said.year().resource(POOL).outlook());
        String sentence = failures.isEmpty() ? sentence(said) : "FAILED: " + String.join(" ", failures);
        return new Result(said, failures.isEmpty(), sentence);
    }

    private static void run(List<String> failures, Report run) {
        if (run.resources().isEmpty()) {
            failures.add("Readiness should have figures of the last stage, but has none.");
        }
        for (Headroom each : run.resources()) {
            if (isDated(each.outlook())) {
                failures.add("Minutes cannot tell a date, but Readiness tells one of " + each.resource() + ": "
                        + each.outlook().reason() + ".");
            }
        }
    }

    private static void grown(List<String> failures, Said said) {
        Outlook outlook = said.year().resource(DATABASE).outlook();
        LocalDate expected = outlook.expected();
        if (expected == null) {
            failures.add("A year of growth should tell a date, but Readiness says: " + outlook.reason() + ".");
        } else if (Math.abs(ChronoUnit.DAYS.between(said.full(), expected)) > DAYS_OFF) {
            failures.add(String.format(
                    Locale.ROOT,
                    "The synthetic database is full on %s. Readiness should expect that at most %d days off, but says: %s.",
                    said.full(),
                    DAYS_OFF,
                    outlook.reason()));
        }
    }

    private static void flat(List<String> failures, Outlook outlook) {
        if (isDated(outlook) || outlook.verdict() == Outlook.Verdict.FULL) {
            failures.add("The synthetic pool does not grow, but Readiness says: " + outlook.reason() + ".");
        }
    }

    private static boolean isDated(Outlook outlook) {
        return outlook.earliest() != null || outlook.expected() != null || outlook.latest() != null;
    }

    private static String sentence(Said said) {
        Outlook outlook = said.year().resource(DATABASE).outlook();
        Headroom fullest = said.run().fullest().orElseThrow();
        return String.format(
                Locale.ROOT,
                "Under the last stage's load the fullest is %s, with %.0f %% free at its peak%s. There is no date: it takes"
                        + " %d days of figures to tell one, and a run has none. Of a synthetic year Readiness expects the"
                        + " database to be full about %s, %s; its maker knows that it is on %s. Of a pool that does not"
                        + " grow it tells no date.",
                fullest.resource(),
                100 * Math.max(0, fullest.free()),
                layer(said.run()),
                DAYS_TO_DATE,
                OutlookChart.date(required(outlook.expected())),
                OutlookChart.interval(outlook),
                OutlookChart.date(said.full()));
    }

    private static String layer(Report run) {
        if (run.next().isEmpty()) return "";
        String name = run.next().get(0).layer().name().toLowerCase(Locale.ROOT).replace('_', ' ');
        return ", and the layer that would come next is: " + name;
    }

    /** What is said on the last day of the year. */
    static OutlookChart.View atTheEnd(Said said) {
        Headroom database = said.year().resource(DATABASE);
        return new OutlookChart.View(
                database.figures(),
                new TreeMap<>(),
                SyntheticYear.LIMIT,
                database.outlook(),
                SyntheticYear.mishaps(),
                null,
                end(said));
    }

    /** What was said on day {@link #EARLIER}, and the figures that came then, up to the day on which it is full. */
    static OutlookChart.View before(Said said) {
        int days = (int) ChronoUnit.DAYS.between(SyntheticYear.FIRST_DAY, said.full()) + 1;
        SortedMap<LocalDate, Double> all =
                SyntheticYear.ofDatabase(SyntheticYear.SEED, days).figures();
        LocalDate day = SyntheticYear.FIRST_DAY.plusDays(EARLIER);
        return new OutlookChart.View(
                all.headMap(day),
                all.tailMap(day),
                SyntheticYear.LIMIT,
                said.earlier(),
                Map.of(),
                said.full(),
                end(said));
    }

    /** Of the time in both pictures: what an interval says of later is not drawn. */
    private static LocalDate end(Said said) {
        return said.full().plusDays(100);
    }

    /** What was said on day {@link #EARLIER}, beside what came; empty if it told no date. */
    static String earlier(Said said) {
        Outlook outlook = said.earlier();
        LocalDate day = SyntheticYear.FIRST_DAY.plusDays(EARLIER);
        if (outlook.expected() == null) {
            return String.format(
                    Locale.ROOT,
                    "On day %d, %s, it told no date: %s.",
                    EARLIER,
                    OutlookChart.date(day),
                    outlook.reason());
        }
        long before = ChronoUnit.DAYS.between(day, said.full());
        return String.format(
                Locale.ROOT,
                "On day %d, %s, it expected %s, %s. That is %d days ahead, and %s.",
                EARLIER,
                OutlookChart.date(day),
                OutlookChart.date(required(outlook.expected())),
                OutlookChart.interval(outlook),
                before,
                off(ChronoUnit.DAYS.between(said.full(), outlook.expected())));
    }

    private static String off(long days) {
        if (days == 0) return "to the day";
        return Math.abs(days) + " days too " + (days < 0 ? "early" : "late");
    }

    private static LocalDate required(@Nullable LocalDate day) {
        if (day == null) throw new IllegalStateException("no date");
        return day;
    }
}
