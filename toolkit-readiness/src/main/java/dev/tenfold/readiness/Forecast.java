package dev.tenfold.readiness;

import dev.tenfold.readiness.Outlook.Verdict;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/** From daily figures to an outlook. */
public final class Forecast {
    private static final int DAYS_TO_SAY_ANYTHING = 14;
    private static final int DAYS_TO_DATE = 56;
    private static final int LONGEST = 1096;
    private static final double HORIZON = 1.5;
    private static final double SIGNIFICANT = 0.01;
    private static final double[] POWERS = {0, 1, 2};
    static double LEPSKI = 1.5;
    static double DRIFT = 0;
    static double INFLATE = 1.0;
    static double SHIFT = 5;

    private final LocalDate last;
    private final double limit;
    /** By day, oldest first, the last day at the end; not a number where missing. */
    private double[] figures;

    private double offset;
    private double[] logs;
    private double[] weekday = new double[7];
    private @Nullable LocalDate shifted;

    private Forecast(LocalDate last, double[] figures, double limit) {
        this.last = last;
        this.figures = figures;
        this.limit = limit;
        this.logs = figures;
    }

    /**
     * Looks ahead from the last day given.
     *
     * @param figures one figure a day, the day's 95th percentile or peak; days may be missing
     * @param limit what the figures must stay below
     * @return the outlook
     * @throws IllegalArgumentException if the limit is not above 0, or a figure is negative or not a number
     */
    public static Outlook of(SortedMap<LocalDate, Double> figures, double limit) {
        if (!(limit > 0) || Double.isInfinite(limit)) {
            throw new IllegalArgumentException("limit must be above 0, was " + limit);
        }
        for (Map.Entry<LocalDate, Double> each : figures.entrySet()) {
            double figure = each.getValue();
            if (!(figure >= 0) || Double.isInfinite(figure)) {
                throw new IllegalArgumentException(
                        "figure " + figure + " of " + each.getKey() + " must be a number from 0 on");
            }
        }
        if (figures.size() < DAYS_TO_SAY_ANYTHING) return tooFew(figures.size(), "");
        LocalDate last = figures.lastKey();
        int days = (int) Math.min(LONGEST, ChronoUnit.DAYS.between(figures.firstKey(), last) + 1);
        double[] daily = new double[days];
        Arrays.fill(daily, Double.NaN);
        figures.tailMap(last.minusDays(days - 1))
                .forEach((day, figure) -> daily[days - 1 - (int) ChronoUnit.DAYS.between(day, last)] = figure);
        return new Forecast(last, daily, limit).look();
    }

    private static Outlook tooFew(int days, String since) {
        return new Outlook(
                Verdict.NOT_ENOUGH_DATA,
                days,
                OptionalDouble.empty(),
                null,
                null,
                null,
                String.format(
                        Locale.ROOT,
                        "%d days of figures%s: it takes %d to tell a direction and %d to tell a date",
                        days,
                        since,
                        DAYS_TO_SAY_ANYTHING,
                        DAYS_TO_DATE));
    }

    private Outlook look() {
        takeLogs();
        takeOutWeekdays();
        int shift = LevelShift.last(levels(), SHIFT);
        if (shift > 0) {
            shifted = last.minusDays(figures.length - 1 - shift);
            figures = Arrays.copyOfRange(figures, shift, figures.length);
            takeLogs();
            takeOutWeekdays();
        }
        int days = present(figures);
        if (days < DAYS_TO_SAY_ANYTHING) return tooFew(days, " since the level shifted on " + shifted);

        double[] z = levels();
        int blocks = (z.length + 6) / 7;
        double[] times = new double[blocks];
        double[] weekly = new double[blocks];
        int n = 0;
        for (int b = blocks - 1; b >= 0; b--) {
            int to = z.length - 7 * b;
            int from = Math.max(0, to - 7);
            double[] in = new double[7];
            int count = 0;
            double time = 0;
            for (int i = from; i < to; i++) {
                if (!Double.isNaN(z[i])) {
                    in[count++] = z[i];
                    time += i - (z.length - 1);
                }
            }
            if (count >= 3) {
                times[n] = time / count;
                weekly[n++] = RobustTrend.medianOf(in, count);
            }
        }
        times = Arrays.copyOf(times, n);
        weekly = Arrays.copyOf(weekly, n);
        if (n < 2) return tooFew(days, " too far apart");
        double alike = alike(times, weekly);

        double[] levels = new double[n];
        for (int i = 0; i < n; i++) levels[i] = Math.max(0, Math.exp(weekly[i]) - offset);
        Mixture.Line[] lines = new Mixture.Line[POWERS.length];
        double[] weights = new double[POWERS.length];
        int widest = n;
        for (int k = 0; k < POWERS.length; k++) {
            double[] values = transformed(levels, weekly, POWERS[k]);
            int from = window(times, values, alike);
            widest = Math.min(widest, from);
            lines[k] = line(POWERS[k], times, values, from, alike);
        }
        double total = 0;
        for (int k = 0; k < POWERS.length; k++) {
            double[] values = transformed(levels, weekly, POWERS[k]);
            double slope = RobustTrend.slope(times, values, widest);
            double at = intercept(times, values, widest, slope);
            double misfit = 0;
            for (int i = widest; i < n; i++) {
                double fit = Mixture.back(at + slope * times[i], POWERS[k]);
                misfit += Math.min(0.5, Math.abs(levels[i] - fit) / Math.max(1e-12, levels[i]));
            }
            weights[k] = -Math.log(Math.max(1e-6, misfit / (n - widest))) * (n - widest) / alike;
        }
        double best = Arrays.stream(weights).max().orElseThrow();
        for (int k = 0; k < weights.length; k++) {
            weights[k] = Math.exp(weights[k] - best);
            total += weights[k];
        }
        for (int k = 0; k < weights.length; k++) weights[k] /= total;
        Mixture mixture = new Mixture(lines, weights);
        double p = RobustTrend.pValue(weekly, widest, alike);

        double busiest = Math.exp(Arrays.stream(weekday).max().orElseThrow());
        LocalDate first = last.plusDays(Math.round(times[widest]) - 3);
        Trend trend = new Trend(first, last, shifted, p, mixture, busiest);
        double now = mixture.quantile(0, 0.5);
        double perMonth = now <= 0 ? 0 : (now - mixture.quantile(-30, 0.5)) / now;
        return verdict(days, mixture, trend, p, perMonth, now * busiest);
    }

    private Outlook verdict(int days, Mixture mixture, Trend trend, double p, double perMonth, double peak) {
        OptionalDouble growth = OptionalDouble.of(perMonth);
        if (peak >= limit) {
            return new Outlook(
                    Verdict.FULL,
                    days,
                    growth,
                    null,
                    null,
                    null,
                    says("is full now: %.4g of %.4g", peak, limit),
                    trend);
        }
        if (perMonth <= 0 || p >= SIGNIFICANT) {
            return new Outlook(
                    Verdict.NOT_IN_SIGHT,
                    days,
                    growth,
                    null,
                    null,
                    null,
                    says("no growth that is more than noise (p = %.2g)", p),
                    trend);
        }
        if (days < DAYS_TO_DATE) {
            return new Outlook(
                    Verdict.GROWING,
                    days,
                    growth,
                    null,
                    null,
                    null,
                    says(
                            "grows %.2g %% a month over %d days; it takes %d to tell a date",
                            perMonth * 100, days, DAYS_TO_DATE),
                    trend);
        }
        int horizon = (int) (HORIZON * figures.length);
        @Nullable LocalDate earliest = null;
        @Nullable LocalDate expected = null;
        @Nullable LocalDate latest = null;
        for (int d = 1; d <= 3 * horizon && latest == null; d++) {
            LocalDate day = last.plusDays(d);
            double above =
                    mixture.above(d, limit / Math.exp(weekday[day.getDayOfWeek().getValue() - 1]));
            if (above >= 0.1 && earliest == null) earliest = day;
            if (above >= 0.5 && expected == null) expected = day;
            if (above >= 0.9) latest = day;
        }
        if (earliest == null || expected == null || expected.isAfter(last.plusDays(horizon))) {
            return new Outlook(
                    Verdict.NOT_IN_SIGHT,
                    days,
                    growth,
                    null,
                    null,
                    null,
                    says(
                            "grows %.2g %% a month over %d days: does not reach %.4g within %d days",
                            perMonth * 100, days, limit, horizon),
                    trend);
        }
        return new Outlook(
                Verdict.DATED,
                days,
                growth,
                earliest,
                expected,
                latest,
                says(
                        "grows %.2g %% a month over %d days (p = %.1g): reaches %.4g between %s and %s (80 %%)",
                        perMonth * 100, days, p, limit, earliest, latest == null ? "an open end" : latest),
                trend);
    }

    private static String says(String format, Object... figures) {
        return String.format(Locale.ROOT, format, figures);
    }

    private double[] transformed(double[] levels, double[] weekly, double power) {
        double[] values = new double[levels.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = power == 0 ? weekly[i] : Mixture.transform(levels[i], power);
        }
        return values;
    }

    private static double intercept(double[] times, double[] values, int from, double slope) {
        double[] at = new double[times.length - from];
        for (int i = from; i < times.length; i++) at[i - from] = values[i] - slope * times[i];
        return RobustTrend.median(at);
    }

    private static double scatter(double[] times, double[] values, int from, double slope, double at) {
        double[] off = new double[times.length - from];
        for (int i = from; i < times.length; i++) off[i - from] = Math.abs(values[i] - at - slope * times[i]);
        int n = off.length;
        return RobustTrend.MAD_TO_SIGMA * RobustTrend.median(off) * Math.sqrt(n / (n - 2.0 + 1e-9)) * (1 + 1.0 / n);
    }

    /** The first of the weeks that lie on one line: the longest window whose slope agrees with all shorter ones. */
    private int window(double[] times, double[] values, double alike) {
        int n = times.length;
        double low = Double.NEGATIVE_INFINITY;
        double high = Double.POSITIVE_INFINITY;
        int chosen = Math.max(0, n - 8);
        for (int size = 8; ; size = Math.min(n, size + Math.max(2, size / 4))) {
            if (size > n) break;
            Mixture.Line line = line(1, times, values, n - size, alike);
            double margin = LEPSKI * Math.sqrt(line.slopeVariance());
            low = Math.max(low, line.slope() - margin);
            high = Math.min(high, line.slope() + margin);
            if (low > high) break;
            chosen = n - size;
            if (size == n) break;
        }
        return chosen;
    }

    private Mixture.Line line(double power, double[] times, double[] values, int from, double alike) {
        double slope = RobustTrend.slope(times, values, from);
        double at = intercept(times, values, from, slope);
        double sigma = scatter(times, values, from, slope, at);
        double mean = 0;
        int n = times.length - from;
        for (int i = from; i < times.length; i++) mean += times[i] / n;
        double spread = 0;
        for (int i = from; i < times.length; i++) spread += (times[i] - mean) * (times[i] - mean);
        double v = sigma * sigma * alike * INFLATE * INFLATE * 1.1;
        double slopeVariance = v / spread;
        return new Mixture.Line(power, slope, at, mean, v / n + 1e-18, slopeVariance, DRIFT * slopeVariance);
    }

    /** By what the variance of a mean of weeks grows because the noise of neighbouring days is alike. */
    private static double alike(double[] times, double[] weekly) {
        double slope = RobustTrend.slope(times, weekly, 0);
        double at = intercept(times, weekly, 0, slope);
        int n = weekly.length;
        double[] off = new double[n];
        for (int i = 0; i < n; i++) off[i] = weekly[i] - at - slope * times[i];
        double[] abs = new double[n];
        for (int i = 0; i < n; i++) abs[i] = Math.abs(off[i]);
        double mad = RobustTrend.median(abs) * RobustTrend.MAD_TO_SIGMA;
        if (mad == 0 || n < 4) return 1;
        double cross = 0;
        double own = 0;
        for (int i = 0; i < n; i++) {
            double a = clip(off[i] / mad);
            own += a * a;
            if (i > 0) cross += a * clip(off[i - 1] / mad);
        }
        double rho = cross / own;
        rho = rho + (2 + 4 * rho) / n;
        rho = Math.max(0.1, Math.min(0.6, rho * n / (n + 8.0)));
        return (1 + rho) / (1 - rho);
    }

    private static double clip(double v) {
        return Math.max(-2, Math.min(2, v));
    }

    private static int present(double[] values) {
        return (int) Arrays.stream(values).filter(v -> !Double.isNaN(v)).count();
    }

    private void takeLogs() {
        double[] positive = Arrays.stream(figures).filter(v -> v > 0).toArray();
        boolean zeros = Arrays.stream(figures).anyMatch(v -> v == 0);
        offset = zeros && positive.length > 0 ? RobustTrend.median(positive) / 100 : zeros ? limit / 100 : 0;
        logs = new double[figures.length];
        for (int i = 0; i < logs.length; i++) logs[i] = Math.log(figures[i] + offset);
    }

    private int dayOfWeek(int i) {
        return (int) Math.floorMod(last.toEpochDay() - (figures.length - 1 - i) + 3, 7L);
    }

    private double[] levels() {
        double[] z = new double[logs.length];
        for (int i = 0; i < z.length; i++) z[i] = logs[i] - weekday[dayOfWeek(i)];
        return z;
    }

    /** Medians of what each day of the week lies above the median of the seven days around it; shrunk by their noise. */
    private void takeOutWeekdays() {
        Arrays.fill(weekday, 0);
        for (int round = 0; round < 3; round++) {
            double[] z = levels();
            double[][] off = new double[7][z.length / 7 + 1];
            int[] count = new int[7];
            double[] in = new double[7];
            for (int i = 0; i < z.length; i++) {
                if (Double.isNaN(z[i])) continue;
                int k = 0;
                for (int j = Math.max(0, i - 3); j <= Math.min(z.length - 1, i + 3); j++) {
                    if (!Double.isNaN(z[j])) in[k++] = z[j];
                }
                int day = dayOfWeek(i);
                off[day][count[day]++] = logs[i] - RobustTrend.medianOf(in, k);
            }
            double mean = 0;
            double[] effect = new double[7];
            for (int day = 0; day < 7; day++) {
                if (count[day] > 0) effect[day] = RobustTrend.medianOf(off[day], count[day]);
            }
            mean = Arrays.stream(effect).sum() / 7;
            for (int day = 0; day < 7; day++) weekday[day] = effect[day] - mean;
        }
    }
}
