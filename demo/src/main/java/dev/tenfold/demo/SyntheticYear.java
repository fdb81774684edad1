package dev.tenfold.demo;

import java.time.DayOfWeek;
import java.time.LocalDate;
import java.time.MonthDay;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongToDoubleFunction;

/**
 * A year of daily figures of a database that nobody has run: made from a seed, as three minutes cannot show what a year does.
 *
 * <p>It is not made in the way in which a forecast reads it. The growth is the sum of a part that slows down and one that
 * speeds up, neither a straight line nor exponential; the noise remembers the day before, and is larger where there is more load;
 * a week has its quiet days; Christmas is quiet; there are two incidents; and some days have no figure, as nobody wrote one down.
 */
final class SyntheticYear {
    static final long SEED = 2_026;
    static final int DAYS = 365;
    static final LocalDate FIRST_DAY = LocalDate.of(2025, 10, 1);

    /** Per cent of its capacity up to which a database answers in time. */
    static final double LIMIT = 80;

    private static final MonthDay QUIET_FROM = MonthDay.of(12, 22);
    private static final MonthDay QUIET_TO = MonthDay.of(1, 2);
    private static final double QUIET = 0.66;

    /** Days of the year, and what they did to the figure. */
    private static final Map<Integer, Double> INCIDENTS = Map.of(147, 1.55, 148, 1.7, 149, 1.25, 268, 1.4, 269, 1.3);

    private static final double REMEMBERED = 0.6;
    private static final double NOISE = 0.035;
    private static final double LOST = 0.02;
    private static final double HIGHEST = 100;

    private final SortedMap<LocalDate, Double> figures = new TreeMap<>();
    private final LongToDoubleFunction level;

    private SyntheticYear(long seed, int days, LongToDoubleFunction level) {
        this.level = level;
        Random random = new Random(seed);
        double noise = 0;
        for (int n = 0; n < days; n++) {
            noise = REMEMBERED * noise + NOISE * random.nextGaussian();
            boolean lost = random.nextDouble() < LOST;
            LocalDate day = FIRST_DAY.plusDays(n);
            double figure = truth(day) * Math.exp(noise) * (isQuiet(day) ? QUIET : 1) * INCIDENTS.getOrDefault(n, 1.0);
            if (!lost) figures.put(day, Math.min(HIGHEST, figure));
        }
    }

    /** How busy the database is: it grows. */
    static SyntheticYear ofDatabase(long seed, int days) {
        return new SyntheticYear(
                seed, days, n -> 19.5 + 19.5 * (1 - Math.exp(-n / 90.0)) + 24.5 * Math.pow((double) n / DAYS, 1.8));
    }

    /** How much of the pool is borrowed: the same weeks and the same mishaps, and no growth. */
    static SyntheticYear ofPool(long seed, int days) {
        return new SyntheticYear(seed, days, n -> 38);
    }

    /** Per cent, by day; a day without a figure is not there. */
    SortedMap<LocalDate, Double> figures() {
        return figures;
    }

    /** What the day's figure would be without noise, holidays and incidents. */
    double truth(LocalDate day) {
        return level.applyAsDouble(ChronoUnit.DAYS.between(FIRST_DAY, day)) * ofWeek(day.getDayOfWeek());
    }

    /** The first day on which the database is full, and no mishap is to blame; only for a level that gets there. */
    LocalDate full() {
        LocalDate day = FIRST_DAY;
        while (truth(day) < LIMIT) {
            day = day.plusDays(1);
            if (day.isAfter(FIRST_DAY.plusDays(10L * DAYS))) throw new IllegalStateException("it is never full");
        }
        return day;
    }

    /** What happened in the year, by a day of it. */
    static Map<LocalDate, String> mishaps() {
        return Map.of(
                FIRST_DAY.plusDays(88), "Christmas",
                FIRST_DAY.plusDays(148), "incident",
                FIRST_DAY.plusDays(268), "incident");
    }

    private static double ofWeek(DayOfWeek day) {
        return switch (day) {
            case MONDAY, THURSDAY -> 1.06;
            case TUESDAY -> 1.1;
            case WEDNESDAY -> 1.08;
            case FRIDAY -> 1;
            case SATURDAY -> 0.74;
            case SUNDAY -> 0.68;
        };
    }

    private static boolean isQuiet(LocalDate day) {
        MonthDay date = MonthDay.from(day);
        return !date.isBefore(QUIET_FROM) || !date.isAfter(QUIET_TO);
    }
}
