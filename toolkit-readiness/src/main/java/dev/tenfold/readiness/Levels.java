package dev.tenfold.readiness;

import java.util.Arrays;

/**
 * Daily figures without their weekly pattern, as logarithms, and their weeks.
 *
 * <p>What a day of the week does is the median, over the weeks, of how far it lies above the median of the seven days around it.
 * It is shrunk towards nothing by as much as noise alone would explain (James and Stein 1961).
 */
final class Levels {
    /** Weeks with fewer days are left out. */
    private static final int DAYS_OF_A_WEEK = 2;

    private static final int ROUNDS = 3;

    /** A median's variance, as a multiple of a mean's. */
    private static final double OF_MEDIAN = Math.PI / 2;

    /** Added to each figure before its logarithm is taken: 0 unless there are zeros. */
    final double offset;

    /** What the days lie around; the logarithms are relative to it. */
    final double unit;

    /** By day of the week of the last day, the day before it, and so on. */
    final double[] weekdays = new double[7];

    /** The standard error of one of {@link #weekdays}. */
    final double weekdayError;

    /** Oldest first; not a number where missing or an exception. */
    final double[] daily;

    /** The middle of each week in days from the last day, oldest first. */
    final double[] weeks;

    /** The median of each week. */
    final double[] weekly;

    /** @param figures at least one positive, or none at all; oldest first; not a number where missing */
    Levels(double[] figures) {
        double[] positive = Arrays.stream(figures).filter(figure -> figure > 0).toArray();
        double middle = positive.length == 0 ? 1 : RobustTrend.median(positive);
        boolean zeros = Arrays.stream(figures).anyMatch(figure -> figure == 0);
        offset = zeros ? middle / 100 : 0;
        unit = middle + offset;
        double[] logs = new double[figures.length];
        for (int i = 0; i < logs.length; i++) logs[i] = Math.log((figures[i] + offset) / unit);

        double variance = 0;
        for (int round = 0; round < ROUNDS; round++) variance = learnWeekdays(logs);
        weekdayError = Math.sqrt(variance);
        daily = without(logs);
        double[][] all = weeksOf(daily);
        LevelShift.takeOutExceptions(daily, RobustTrend.slope(all[0], all[1], 0));
        double[][] usual = weeksOf(daily);
        weeks = usual[0];
        weekly = usual[1];
    }

    /** The largest of {@link #weekdays}. */
    double busiest() {
        return Arrays.stream(weekdays).max().orElseThrow();
    }

    /** Whether all that a line is made from is the same. */
    boolean isSame(Levels other) {
        return offset == other.offset
                && unit == other.unit
                && weekdayError == other.weekdayError
                && Arrays.equals(weekdays, other.weekdays)
                && Arrays.equals(daily, other.daily);
    }

    private double[] without(double[] logs) {
        double[] levels = new double[logs.length];
        for (int i = 0; i < levels.length; i++) levels[i] = logs[i] - weekdays[(levels.length - 1 - i) % 7];
        return levels;
    }

    /** Learns the days of the week anew, with levels by what was learnt before; gives the variance of one's error. */
    private double learnWeekdays(double[] logs) {
        double[] levels = without(logs);
        int n = levels.length;
        double[][] off = new double[7][n / 7 + 1];
        int[] count = new int[7];
        double[] near = new double[7];
        for (int i = 0; i < n; i++) {
            if (Double.isNaN(logs[i])) continue;
            int found = 0;
            for (int j = Math.max(0, i - 3); j <= Math.min(n - 1, i + 3); j++) {
                if (!Double.isNaN(levels[j])) near[found++] = levels[j];
            }
            int day = (n - 1 - i) % 7;
            off[day][count[day]++] = logs[i] - RobustTrend.median(near, found);
        }
        double noise = 0;
        double[] effect = new double[7];
        for (int day = 0; day < 7; day++) {
            if (count[day] == 0) continue;
            effect[day] = RobustTrend.median(off[day], count[day]);
            for (int j = 0; j < count[day]; j++) off[day][j] = Math.abs(off[day][j] - effect[day]);
            double sigma = RobustTrend.MAD_TO_SIGMA * RobustTrend.median(off[day], count[day]);
            noise += OF_MEDIAN * sigma * sigma / count[day] / 7;
        }
        double mean = Arrays.stream(effect).sum() / 7;
        double between = 0;
        for (double each : effect) between += (each - mean) * (each - mean) / 6;
        double kept = between <= noise ? 0 : 1 - noise / between;
        for (int day = 0; day < 7; day++) weekdays[day] = kept * (effect[day] - mean);
        return kept * noise;
    }

    /** Times and medians of the weeks that end with the last day. */
    private static double[][] weeksOf(double[] levels) {
        int n = levels.length;
        int weeks = (n + 6) / 7;
        double[] times = new double[weeks];
        double[] medians = new double[weeks];
        double[] days = new double[7];
        int found = 0;
        for (int week = weeks - 1; week >= 0; week--) {
            int end = n - 7 * week;
            int count = 0;
            double time = 0;
            for (int i = Math.max(0, end - 7); i < end; i++) {
                if (Double.isNaN(levels[i])) continue;
                days[count++] = levels[i];
                time += i - (n - 1);
            }
            if (count < DAYS_OF_A_WEEK) continue;
            times[found] = time / count;
            medians[found++] = RobustTrend.median(days, count);
        }
        return new double[][] {Arrays.copyOf(times, found), Arrays.copyOf(medians, found)};
    }
}
