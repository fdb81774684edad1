package dev.tenfold.readiness;

import dev.tenfold.readiness.Outlook.Verdict;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * From daily figures to the date on which a limit is reached, with an interval, or to the reason why there is none.
 *
 * <pre>{@code
 * Outlook outlook = Forecast.of(figures, 90);
 * log.info(outlook.reason());      // grows 8 % a month over 84 days (p = 0.0001): reaches 90 between 3 March and 20 April 2027 (80 %)
 * if (outlook.warns(90)) page(outlook);
 * }</pre>
 *
 * <p>It knows the past of one figure and nothing else. It cannot see the campaign of next month, a change of level that is to
 * come, or a ceiling that growth slows down towards but shows no sign of yet; then the date is wrong and so is the interval. It
 * sees one cycle only, that of the week: the year's is growth to it for half of the time.
 *
 * <p>What is dated is the day on which the usual level of the week's busiest day reaches the limit. Single figures do so
 * earlier, by noise and in incidents.
 *
 * <ol>
 *   <li>Weekly pattern: the median effect of each day of the week, taken out of the logarithms.
 *   <li>Incidents of days, and holidays of up to two weeks: left out.
 *   <li>Level: after a sudden change that has lasted for 16 days, only the days since count, and are counted anew.
 *   <li>No growth without evidence: Mann–Kendall's test (Mann 1945, Kendall 1975) with p &lt; 0.01, on the medians of weeks,
 *       its variance corrected for noise of neighbours that is alike (after Hamed and Rao 1998).
 *   <li>Growth: Theil–Sen lines (Theil 1950, Sen 1968) through the medians of weeks, in four scales from faster than
 *       exponential to slower than linear; each over the longest window that it is straight in, each weighing as much as it fits.
 *   <li>Dates: the days on which the level is at the limit with 10, 50 and 90 %.
 * </ol>
 *
 * <p>It takes 14 days to say anything, 56 to say a date, and looks ahead 1.5 times as far as the days that count go back. Days
 * older than three years are not looked at. About a millisecond for a year of figures, five for three years; time grows with
 * the square of the weeks. No state, no I/O, no randomness: the same figures give the same outlook.
 */
public final class Forecast {
    static final int DAYS_TO_SAY_ANYTHING = 14;
    static final int DAYS_TO_DATE = 56;

    private static final int WEEKS_TO_DATE = 8;
    private static final int MOST_DAYS = 3 * 365 + 1;
    private static final double HORIZON = 1.5;
    private static final double SIGNIFICANT = 0.01;

    /** That the limit is reached now is said when it is this likely, and not by half of the noise. */
    private static final double SURE_IT_IS_FULL = 0.8;

    /** A level that is at the limit but for rounding is at the limit. */
    private static final double ROUNDING = 1e-9;

    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("d MMMM uuuu", Locale.ENGLISH);

    private final LocalDate last;
    private final int days;
    private final int span;
    private final double limit;
    private final @Nullable LocalDate shift;
    private final Levels levels;

    private Forecast(LocalDate last, double[] figures, double limit, @Nullable LocalDate shift, Levels levels) {
        this.last = last;
        this.days = present(figures);
        this.span = figures.length;
        this.limit = limit;
        this.shift = shift;
        this.levels = levels;
    }

    /**
     * Looks ahead from the last day given.
     *
     * @param figures one figure a day, the day's 95th percentile or peak, from 0 on; days may be missing, and so may all
     * @param limit what the figures must stay below, above 0
     * @return the outlook
     * @throws IllegalArgumentException if the limit is not a number above 0, or a figure is negative or not a number
     */
    public static Outlook of(SortedMap<LocalDate, Double> figures, double limit) {
        Objects.requireNonNull(figures, "figures");
        if (!(limit > 0) || Double.isInfinite(limit)) {
            throw new IllegalArgumentException("limit " + limit + " must be a number above 0");
        }
        for (Map.Entry<LocalDate, Double> each : figures.entrySet()) {
            double figure = each.getValue();
            if (!(figure >= 0) || Double.isInfinite(figure)) {
                throw new IllegalArgumentException("figure " + figure + " of " + each.getKey()
                        + " must be a number from 0 on; leave the day out where there is none");
            }
        }
        if (figures.size() < DAYS_TO_SAY_ANYTHING) return tooFew(figures.size(), null);

        LocalDate last = figures.lastKey();
        double[] daily = daily(figures, last);
        int known = present(daily);
        if (known < DAYS_TO_SAY_ANYTHING) return tooFew(known, null);
        Levels levels = new Levels(daily);
        int first = LevelShift.lastIn(levels.daily);
        if (first == 0) return new Forecast(last, daily, limit, null, levels).look();

        LocalDate shift = last.minusDays(daily.length - 1L - first);
        double[] since = Arrays.copyOfRange(daily, first, daily.length);
        return new Forecast(last, since, limit, shift, new Levels(since)).look();
    }

    /** Oldest first, the last day at the end, not a number where missing. */
    private static double[] daily(SortedMap<LocalDate, Double> figures, LocalDate last) {
        long span = Math.min(MOST_DAYS, ChronoUnit.DAYS.between(figures.firstKey(), last) + 1);
        double[] daily = new double[(int) span];
        Arrays.fill(daily, Double.NaN);
        figures.tailMap(last.minusDays(span - 1)).forEach((day, figure) -> {
            daily[(int) (span - 1 - ChronoUnit.DAYS.between(day, last))] = figure;
        });
        return daily;
    }

    private static int present(double[] figures) {
        return (int) Arrays.stream(figures).filter(each -> !Double.isNaN(each)).count();
    }

    private Outlook look() {
        if (days < DAYS_TO_SAY_ANYTHING || levels.weeks.length < 2) return tooFew(days, shift);
        Noise noise = new Noise(levels);
        Mixture mixture = Mixture.of(levels, noise);
        double now = mixture.quantile(0, 0.5);
        double perMonth = Math.exp(mixture.quantile(30, 0.5) - now) - 1;
        boolean datable = days >= DAYS_TO_DATE && levels.weeks.length >= WEEKS_TO_DATE;
        double p = datable ? pOfWeeks(mixture.firstWeek, noise) : pOfDays(noise);
        LocalDate first = last.plusDays(Math.max(1L - span, Math.round(levels.weeks[mixture.firstWeek]) - 3));
        Trend trend = new Trend(first, last, shift, p, levels, mixture);

        double full = mixture.above(0, logOfLimit(levels.busiest()) - ROUNDING);
        String trending = trending(perMonth, p);
        if (full >= SURE_IT_IS_FULL) {
            return undated(
                    Verdict.FULL,
                    perMonth,
                    "is full: the week's busiest day is at " + Report.number(trend.line(last)) + " of "
                            + Report.number(limit) + "; " + trending,
                    trend);
        }
        if (p >= SIGNIFICANT || perMonth <= 0) {
            return undated(
                    Verdict.NOT_IN_SIGHT, perMonth, trending + ": " + Report.number(limit) + " is not in sight", trend);
        }
        if (!datable) {
            String needed = days < DAYS_TO_DATE
                    ? "it takes " + DAYS_TO_DATE + " to tell a date"
                    : "it takes " + WEEKS_TO_DATE + " weeks with figures to tell a date";
            return undated(Verdict.GROWING, perMonth, trending + "; " + needed, trend);
        }
        return dated(mixture, perMonth, trending, trend);
    }

    /** Over the window, or over all that counts: growth may have begun lately, or have gone on for long and slowly. */
    private double pOfWeeks(int firstWeek, Noise noise) {
        double ofAll = RobustTrend.pValue(levels.weekly, 0, noise.weeksAlike);
        return Math.min(ofAll, RobustTrend.pValue(levels.weekly, firstWeek, noise.weeksAlike));
    }

    /** Few weeks have too few orders to be told from chance. */
    private double pOfDays(Noise noise) {
        double[] known =
                Arrays.stream(levels.daily).filter(each -> !Double.isNaN(each)).toArray();
        return RobustTrend.pValue(known, 0, noise.daysAlike);
    }

    private Outlook dated(Mixture mixture, double perMonth, String trending, Trend trend) {
        int horizon = (int) (HORIZON * span);
        @Nullable LocalDate earliest = null;
        @Nullable LocalDate expected = null;
        @Nullable LocalDate latest = null;
        for (int day = 1; day <= 2 * horizon && latest == null; day++) {
            if (day > horizon && expected == null) break;
            double above = mixture.above(day, logOfLimit(levels.weekdays[Math.floorMod(-day, 7)]));
            if (above >= 0.1 && earliest == null) earliest = last.plusDays(day);
            if (above >= 0.5 && expected == null) expected = last.plusDays(day);
            if (above >= 0.9) latest = last.plusDays(day);
        }
        if (earliest == null || expected == null) {
            String beyond = ": does not reach " + Report.number(limit) + " within " + horizon
                    + " days, and that is as far as the figures tell";
            return undated(Verdict.NOT_IN_SIGHT, perMonth, trending + beyond, trend);
        }
        String when = latest == null
                ? "after " + DAY.format(earliest) + " (90 %), expected " + DAY.format(expected) + ", or much later"
                : between(earliest, latest) + " (80 %)";
        String reason = trending + ": reaches " + Report.number(limit) + " " + when;
        return new Outlook(Verdict.DATED, days, OptionalDouble.of(perMonth), earliest, expected, latest, reason, trend);
    }

    /** What the level without its weekday is when the figure is at the limit. */
    private double logOfLimit(double weekday) {
        return Math.log((limit + levels.offset) / levels.unit) - weekday;
    }

    private Outlook undated(Verdict verdict, double perMonth, String reason, Trend trend) {
        return new Outlook(verdict, days, OptionalDouble.of(perMonth), null, null, null, reason, trend);
    }

    private static Outlook tooFew(int days, @Nullable LocalDate shift) {
        String since = shift == null ? "" : " since the level shifted about " + DAY.format(shift);
        String reason = days + (days == 1 ? " day" : " days") + " of figures" + since + ": it takes "
                + DAYS_TO_SAY_ANYTHING + " to tell a direction and " + DAYS_TO_DATE + " to tell a date";
        return new Outlook(Verdict.NOT_ENOUGH_DATA, days, OptionalDouble.empty(), null, null, null, reason, null);
    }

    private String trending(double perMonth, double p) {
        String change = perMonth >= 0 ? "grows " : "falls ";
        if (p >= SIGNIFICANT) change = "no trend that is more than noise, ";
        String since = shift == null ? "" : " since the level shifted about " + DAY.format(shift);
        String evidence = p < 0.0001 ? "p < 0.0001" : String.format(Locale.ROOT, p < 0.01 ? "p = %.4f" : "p = %.2f", p);
        return change + percent(100 * Math.abs(perMonth)) + " % a month over " + days + " days" + since + " ("
                + evidence + ")";
    }

    private static String between(LocalDate earliest, LocalDate latest) {
        if (earliest.equals(latest)) return "on " + DAY.format(latest);
        String pattern = earliest.getYear() == latest.getYear() ? "d MMMM" : "d MMMM uuuu";
        String from = DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(earliest);
        return "between " + from + " and " + DAY.format(latest);
    }

    /** Two digits below ten, one after the point below a hundred, else whole; no zero after the point. */
    private static String percent(double value) {
        String format = Math.abs(value) >= 100 ? "%.0f" : Math.abs(value) >= 10 ? "%.1f" : "%.2g";
        String text = String.format(Locale.ROOT, format, value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }
}
