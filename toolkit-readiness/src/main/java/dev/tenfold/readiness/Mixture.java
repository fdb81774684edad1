package dev.tenfold.readiness;

import java.util.Arrays;

/**
 * The level of days to come, as a mixture of lines, each straight in its own scale.
 *
 * <p>Two months of figures do not tell whether a load grows by the same amount or by the same share each week, and it makes
 * months of difference to the date. So four ways to grow are fitted, powers of the level that rise in a straight line (Box and
 * Cox 1964): faster than exponential, exponential, linear, and slower than linear. Each weighs as much as it fits.
 *
 * <p>How much of the past counts is chosen for each: the longest window whose slope agrees with that of all shorter ones (the
 * intersection of confidence intervals of Goldenshluger and Nemirovski 1997, after Lepski 1990). So a load that began to grow,
 * or to slow down, is judged by what it does now.
 *
 * <p>The further ahead, the less the slope of today is worth: it is taken to wander, so that after as many days as the window
 * has, its standard deviation is a share of itself: {@value #WANDER_STEADY} where the window has three quarters of the weeks or
 * more, and {@value #WANDER_CHANGED} where it has less, since a slope that has changed may do so again. Without that an interval
 * covers the truth only if the future is like the past. Both were set on synthetic loads of fourteen kinds, so that the 80 %
 * intervals hold four days of five over all of them: some nine of ten where growth is steady, and seven where it is not.
 */
final class Mixture {
    static final double[] POWERS = {-1, 0, 1, 2};
    /** Weeks; as many as a date takes. */
    private static final int SHORTEST_WINDOW = 8;

    /** Standard errors: slopes that are no further apart than twice that agree. */
    private static final double AGREE = 1.2;

    private static final double WANDER_STEADY = 0.25;
    private static final double WANDER_CHANGED = 0.5;

    /** Of a relative misfit: more is as bad. */
    private static final double WORST_MISFIT = 0.5;

    /** Of a relative misfit: less is as good, so that figures without noise do not weigh without bound. */
    private static final double BEST_MISFIT = 1e-6;

    /** A standard deviation, so that none is nothing. */
    private static final double TINY = 1e-9;

    /** Logarithms that a level stays between: ten thousand millionth and ten thousand million of its unit. */
    private static final double FURTHEST = 23;

    /** Halvings of that range: to a rounding error. */
    private static final int HALVINGS = 45;

    private final Line[] lines;
    private final double[] weights;
    private final double weekdayError;

    /** The first week that any line was fitted to. */
    final int firstWeek;

    private Mixture(Line[] lines, double[] weights, double weekdayError, int firstWeek) {
        this.lines = lines;
        this.weights = weights;
        this.weekdayError = weekdayError;
        this.firstWeek = firstWeek;
    }

    /**
     * One way to grow. Days are counted from the last day of the figures.
     *
     * @param power the power of the level that is linear in time; 0 is the logarithm
     * @param now on the last day
     * @param slope a day
     * @param middle the mean day of the window
     * @param middleVariance of the line there
     * @param slopeVariance of the slope
     * @param wander by what the variance of the slope grows a day
     */
    private record Line(
            double power,
            double now,
            double slope,
            double middle,
            double middleVariance,
            double slopeVariance,
            double wander) {
        double at(double day) {
            return now + slope * day;
        }

        double variance(double day) {
            double away = day - middle;
            double ahead = Math.max(0, day);
            return middleVariance + slopeVariance * away * away + wander * ahead * ahead * ahead / 3;
        }
    }

    /** Fits all lines; at least two weeks. */
    static Mixture of(Levels levels, Noise noise) {
        int weeks = levels.weeks.length;
        Line[] lines = new Line[POWERS.length];
        double[][] values = new double[POWERS.length][];
        int first = weeks;
        for (int k = 0; k < POWERS.length; k++) {
            values[k] = scaled(levels.weekly, POWERS[k]);
            int from = window(levels.weeks, values[k], POWERS[k], noise);
            lines[k] = line(levels.weeks, values[k], from, POWERS[k], noise);
            first = Math.min(first, from);
        }
        double[] weights = new double[POWERS.length];
        for (int k = 0; k < POWERS.length; k++) {
            double independent = (weeks - first) / noise.weeksAlike;
            weights[k] = -independent * Math.log(misfit(levels, values[k], first, POWERS[k]));
        }
        double best = Arrays.stream(weights).max().orElseThrow();
        double sum =
                Arrays.stream(weights).map(weight -> Math.exp(weight - best)).sum();
        for (int k = 0; k < POWERS.length; k++) weights[k] = Math.exp(weights[k] - best) / sum;
        return new Mixture(lines, weights, levels.weekdayError, first);
    }

    /** The first week of the longest window whose slope agrees with that of all shorter ones. */
    private static int window(double[] times, double[] values, double power, Noise noise) {
        int n = times.length;
        int chosen = Math.max(0, n - SHORTEST_WINDOW);
        double low = Double.NEGATIVE_INFINITY;
        double high = Double.POSITIVE_INFINITY;
        for (int from = chosen; ; from = Math.max(0, from - Math.max(2, (n - from) / 4))) {
            Line line = line(times, values, from, power, noise);
            double margin = AGREE * Math.sqrt(line.slopeVariance);
            low = Math.max(low, line.slope - margin);
            high = Math.min(high, line.slope + margin);
            if (low > high) return chosen;
            chosen = from;
            if (from == 0) return 0;
        }
    }

    /** The Theil–Sen line since a week, and how far it may be off: by the noise of weeks, with a say of that of days. */
    private static Line line(double[] times, double[] values, int from, double power, Noise noise) {
        double slope = RobustTrend.slope(times, values, from);
        double now = RobustTrend.intercept(times, values, from, slope);
        int n = times.length - from;
        double[] off = new double[n];
        double middle = 0;
        double typical = 0;
        for (int i = from; i < times.length; i++) {
            off[i - from] = values[i] - now - slope * times[i];
            middle += times[i] / n;
            typical += values[i] / n;
        }
        double spread = 0;
        for (int i = from; i < times.length; i++) spread += (times[i] - middle) * (times[i] - middle);

        // the slope of the scale turns noise of logarithms into noise of values
        double steep = power == 0 ? 1 : power * typical;
        double byDays = noise.ofWeekByDays * steep * steep;
        double sigma = Noise.sigma(off) * Math.sqrt(n / Math.max(1, n - 2.0)) * (1 + 1.0 / n);
        double byWeeks = sigma * sigma * noise.weeksAlike;
        double variance = TINY * TINY
                + Math.max(byDays, (byWeeks * n + byDays * Noise.WEEKS_BELIEVED) / (n + Noise.WEEKS_BELIEVED));
        double days = times[times.length - 1] - times[from] + 1;
        double share = slope * (4 * from < times.length ? WANDER_STEADY : WANDER_CHANGED);
        double wander = share * share / days;
        return new Line(power, now, slope, middle, variance / n, variance / spread, wander);
    }

    /** The mean distance from one line through all weeks since {@code from}, as a share of the level. */
    private static double misfit(Levels levels, double[] values, int from, double power) {
        double slope = RobustTrend.slope(levels.weeks, values, from);
        double now = RobustTrend.intercept(levels.weeks, values, from, slope);
        double sum = 0;
        for (int i = from; i < values.length; i++) {
            double off = unscaled(now + slope * levels.weeks[i], power) / Math.exp(levels.weekly[i]) - 1;
            sum += Math.min(WORST_MISFIT, Math.abs(off));
        }
        return Math.max(BEST_MISFIT, sum / (values.length - from));
    }

    static double[] scaled(double[] logs, double power) {
        return Arrays.stream(logs).map(log -> scaled(log, power)).toArray();
    }

    /** A power of a level that is given as a logarithm; rises with it. */
    private static double scaled(double log, double power) {
        return power == 0 ? log : Math.signum(power) * Math.exp(power * log);
    }

    /** The level, not its logarithm. Without bound where the line has left the scale. */
    private static double unscaled(double value, double power) {
        if (power == 0) return Math.exp(value);
        if (power < 0) return value < 0 ? Math.pow(-value, 1 / power) : Double.POSITIVE_INFINITY;
        return value > 0 ? Math.pow(value, 1 / power) : 0;
    }

    /**
     * How likely the level of a day is at or above a limit.
     *
     * @param day from the last day of the figures
     * @param log the limit's logarithm, relative to the unit of the levels
     */
    double above(double day, double log) {
        double sum = 0;
        for (int k = 0; k < lines.length; k++) {
            Line line = lines[k];
            double limit = scaled(log, line.power);
            double weekday = weekdayError * (line.power == 0 ? 1 : line.power * limit);
            double sigma = Math.sqrt(line.variance(day) + weekday * weekday);
            sum += weights[k] * RobustTrend.normalUpTo((line.at(day) - limit) / sigma);
        }
        return sum;
    }

    /** The logarithm that a share of what may be on a day lies below; by bisection, between e⁻²³ and e²³ units. */
    double quantile(double day, double share) {
        double low = -FURTHEST;
        double high = FURTHEST;
        for (int i = 0; i < HALVINGS; i++) {
            double middle = (low + high) / 2;
            if (1 - above(day, middle) < share) low = middle;
            else high = middle;
        }
        return (low + high) / 2;
    }
}
