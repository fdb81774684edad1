package dev.tenfold.readiness;

/**
 * How far days and weeks lie off a line, and how alike neighbours are.
 *
 * <p>Eight weeks say little of their own noise, so the noise of the days, of which there are seven times as many, has a say too.
 */
final class Noise {
    /** Weeks on either side of a day that its own level is taken from. */
    private static final int WEEKS_AROUND = 2;

    /** The days of those weeks, of which the day itself is one. */
    private static final double DAYS_AROUND = 7 * (2 * WEEKS_AROUND + 1);

    /** Above that, noise cannot be told from growth that wanders. */
    private static final double MOST_ALIKE = 0.85;

    private static final double LEAST_ALIKE_WEEKS = 0.1;
    private static final double MOST_ALIKE_WEEKS = 0.6;

    /** As many weeks that are not alike are believed in beforehand; few weeks tell little. */
    static final int WEEKS_BELIEVED = 8;

    /** A level that is taken from the days around has some of their noise in it: an allowance for what that hides. */
    private static final double HIDDEN = 1.1;

    /**
     * The variance of a week's median to that of the mean of its days: 1.47 where days are not alike, towards 1 the more they
     * are.
     */
    private static final double OF_WEEKS_MEDIAN = 1.3;

    /** How many times larger the variance of a mean of weeks is because neighbouring weeks are alike. */
    final double weeksAlike;

    /** The same of days. */
    final double daysAlike;

    /** The variance of a week's level by the noise of its days, in logarithms. */
    final double ofWeekByDays;

    Noise(Levels levels) {
        // in a scale in which growth is not straight, the bend would look like noise that is alike: the straightest
        // counts
        int n = levels.weeks.length;
        double weeks = 1;
        for (double power : Mixture.POWERS) weeks = Math.min(weeks, correlationOfWeeks(levels, power));
        double shrunk = unbiased(weeks, 2, n) * n / (n + WEEKS_BELIEVED);
        weeksAlike = inflation(Math.max(LEAST_ALIKE_WEEKS, Math.min(MOST_ALIKE_WEEKS, shrunk)));

        int days = levels.daily.length;
        double[] dayOff = new double[days];
        int week = 0;
        for (int i = 0; i < days; i++) {
            double time = i - (days - 1);
            while (week < n - 1 && levels.weeks[week] < time - 3.5) week++;
            dayOff[i] = levels.daily[i] - levelAt(levels, week, time);
        }
        double sigma = HIDDEN * sigma(dayOff);
        double alike = unbiased(correlation(dayOff, sigma), 1, DAYS_AROUND);
        daysAlike = inflation(Math.max(0, Math.min(MOST_ALIKE, alike)));
        ofWeekByDays = OF_WEEKS_MEDIAN * sigma * sigma * daysAlike / 7;
    }

    private static double correlationOfWeeks(Levels levels, double power) {
        double[] values = Mixture.scaled(levels.weekly, power);
        double slope = RobustTrend.slope(levels.weeks, values, 0);
        double at = RobustTrend.intercept(levels.weeks, values, 0, slope);
        for (int i = 0; i < values.length; i++) values[i] -= at + slope * levels.weeks[i];
        return correlation(values, sigma(values));
    }

    /**
     * A correlation is found too low where a level, or a line, was fitted to the same {@code n} values (Kendall 1954, Marriott
     * and Pope 1954): by some (1 + 4φ)/n for a level and (2 + 4φ)/n for a line.
     */
    private static double unbiased(double phi, double constant, double n) {
        return phi + (constant + 4 * phi) / n;
    }

    /** By how much the variance of a mean is larger where noise is like that of the one before (of the first order). */
    private static double inflation(double correlation) {
        return (1 + correlation) / (1 - correlation);
    }

    /** The standard deviation, by the median of absolute deviations. */
    static double sigma(double[] off) {
        double[] sizes = new double[off.length];
        int count = 0;
        for (double each : off) {
            if (!Double.isNaN(each)) sizes[count++] = Math.abs(each);
        }
        return count == 0 ? 0 : RobustTrend.MAD_TO_SIGMA * RobustTrend.median(sizes, count);
    }

    /** Of neighbours; deviations of more than two sigma count as two. */
    private static double correlation(double[] off, double sigma) {
        if (sigma == 0) return 0;
        double cross = 0;
        double own = 0;
        for (int i = 1; i < off.length; i++) {
            if (Double.isNaN(off[i]) || Double.isNaN(off[i - 1])) continue;
            double one = Math.max(-2, Math.min(2, off[i - 1] / sigma));
            double other = Math.max(-2, Math.min(2, off[i] / sigma));
            cross += one * other;
            own += (one * one + other * other) / 2;
        }
        return own == 0 ? 0 : cross / own;
    }

    /** The least-squares line through the weeks around, at a day. */
    private static double levelAt(Levels levels, int week, double time) {
        int from = Math.max(0, week - WEEKS_AROUND);
        int to = Math.min(levels.weeks.length, week + WEEKS_AROUND + 1);
        double n = to - from;
        double x = 0;
        double y = 0;
        double xx = 0;
        double xy = 0;
        for (int i = from; i < to; i++) {
            double away = levels.weeks[i] - time;
            x += away;
            y += levels.weekly[i];
            xx += away * away;
            xy += away * levels.weekly[i];
        }
        double spread = xx - x * x / n;
        double slope = spread > 0 ? (xy - x * y / n) / spread : 0;
        return (y - slope * x) / n;
    }
}
