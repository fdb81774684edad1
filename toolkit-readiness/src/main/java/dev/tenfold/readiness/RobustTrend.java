package dev.tenfold.readiness;

import java.util.Arrays;

/**
 * The line that half of the points could not move, and whether there is one at all.
 *
 * <p>The slope is the median of the slopes of all pairs (Theil 1950, Sen 1968); the test is Mann–Kendall's (Mann 1945, Kendall
 * 1975), which looks at the order of the values alone. Both take O(n² log n) time for n points; they are used on weeks, not on
 * days, so that n stays below some 160.
 */
final class RobustTrend {
    /** What turns a median of absolute deviations into a standard deviation of normal noise. */
    static final double MAD_TO_SIGMA = 1.4826;

    private RobustTrend() {}

    /** The median; the mean of the middle two where they are even in number. Not a number where there are none. */
    static double median(double[] values) {
        return medianOf(values.clone(), values.length);
    }

    /** The median of the first {@code n}; sorts them in place. */
    static double medianOf(double[] values, int n) {
        if (n == 0) return Double.NaN;
        Arrays.sort(values, 0, n);
        return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    }

    /** The median of the slopes of all pairs of points with different times; 0 where there are none. */
    static double slope(double[] times, double[] values, int from) {
        int n = times.length - from;
        double[] slopes = new double[n * (n - 1) / 2];
        int count = 0;
        for (int i = from; i < times.length; i++) {
            for (int j = i + 1; j < times.length; j++) {
                if (times[j] != times[i]) slopes[count++] = (values[j] - values[i]) / (times[j] - times[i]);
            }
        }
        return count == 0 ? 0 : medianOf(slopes, count);
    }

    /** Kendall's S: pairs that rise less pairs that fall. */
    static long score(double[] values, int from) {
        long score = 0;
        for (int i = from; i < values.length; i++) {
            for (int j = i + 1; j < values.length; j++) score += Math.round(Math.signum(values[j] - values[i]));
        }
        return score;
    }

    /** The variance of {@link #score} of values in no order, ties accounted for (Kendall 1975). */
    static double scoreVariance(double[] values, int from) {
        double[] sorted = Arrays.copyOfRange(values, from, values.length);
        Arrays.sort(sorted);
        int n = sorted.length;
        double sum = n * (n - 1.0) * (2 * n + 5);
        for (int i = 0; i < n; ) {
            int j = i;
            while (j < n && sorted[j] == sorted[i]) j++;
            double ties = j - i;
            sum -= ties * (ties - 1) * (2 * ties + 5);
            i = j;
        }
        return sum / 18;
    }

    /**
     * How likely values in no order rise as much as these, or fall as much: two-sided, with the correction for continuity.
     *
     * @param inflation by what the variance grows because the noise of neighbours is alike (Hamed and Rao 1998); 1 where it is
     *     not
     */
    static double pValue(double[] values, int from, double inflation) {
        long score = score(values, from);
        double variance = scoreVariance(values, from) * inflation;
        if (variance <= 0 || score == 0) return 1;
        double z = (Math.abs(score) - 1) / Math.sqrt(variance);
        return Math.min(1, 2 * (1 - normal(z)));
    }

    /** The normal distribution's share below z; exact to 1e-7 (Abramowitz and Stegun 1964, 26.2.17). */
    static double normal(double z) {
        if (z < 0) return 1 - normal(-z);
        double t = 1 / (1 + 0.2316419 * z);
        double tail = Math.exp(-z * z / 2)
                / Math.sqrt(2 * Math.PI)
                * t
                * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
        return 1 - tail;
    }
}
