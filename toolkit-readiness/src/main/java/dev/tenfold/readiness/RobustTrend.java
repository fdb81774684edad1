package dev.tenfold.readiness;

import java.util.Arrays;

/**
 * The slope that a quarter of the points could not move, and whether there is one at all.
 *
 * <p>The slope is the median of the slopes of all pairs (Theil 1950, Sen 1968). The test is Mann–Kendall's (Mann 1945, Kendall
 * 1975): it looks at the order of the values alone. Both take O(n²) time for n points. They are used on weeks, so that n stays
 * below 160.
 */
final class RobustTrend {
    /** What turns a median of absolute deviations into the standard deviation of normal noise. */
    static final double MAD_TO_SIGMA = 1.4826;

    private RobustTrend() {}

    /** The median; the mean of the middle two where the number is even; not a number where there are none. */
    static double median(double[] values) {
        return median(values.clone(), values.length);
    }

    /** The median of the first {@code n}, which it puts into another order (quickselect, Hoare 1961). */
    static double median(double[] values, int n) {
        if (n == 0) return Double.NaN;
        int middle = n / 2;
        select(values, n, middle);
        if (n % 2 == 1) return values[middle];
        double below = values[0];
        for (int i = 1; i < middle; i++) below = Math.max(below, values[i]);
        return (below + values[middle]) / 2;
    }

    /** Puts the k-th smallest at k, and none above it before it. */
    private static void select(double[] values, int n, int k) {
        int low = 0;
        int high = n - 1;
        while (low < high) {
            double pivot = values[(low + high) >>> 1];
            int i = low;
            int j = high;
            while (i <= j) {
                while (values[i] < pivot) i++;
                while (values[j] > pivot) j--;
                if (i <= j) {
                    double swapped = values[i];
                    values[i++] = values[j];
                    values[j--] = swapped;
                }
            }
            if (k <= j) high = j;
            else if (k >= i) low = i;
            else return;
        }
    }

    /** The median of the slopes of all pairs of points from {@code from} on; 0 where there are none. Times rise. */
    static double slope(double[] times, double[] values, int from) {
        int n = times.length - from;
        double[] slopes = new double[Math.max(0, n * (n - 1) / 2)];
        int count = 0;
        for (int i = from; i < times.length; i++) {
            for (int j = i + 1; j < times.length; j++) {
                slopes[count++] = (values[j] - values[i]) / (times[j] - times[i]);
            }
        }
        return count == 0 ? 0 : median(slopes, count);
    }

    /** Where the line of a slope is at time 0: the median of what the points say. */
    static double intercept(double[] times, double[] values, int from, double slope) {
        double[] at = new double[times.length - from];
        for (int i = 0; i < at.length; i++) at[i] = values[from + i] - slope * times[from + i];
        return median(at, at.length);
    }

    /** Kendall's S: how many pairs rise, less how many fall. */
    static int score(double[] values, int from) {
        int score = 0;
        for (int i = from; i < values.length; i++) {
            for (int j = i + 1; j < values.length; j++) {
                if (values[j] > values[i]) score++;
                else if (values[j] < values[i]) score--;
            }
        }
        return score;
    }

    /** The variance of {@link #score} for values in random order, with the correction for ties (Kendall 1975). */
    static double scoreVariance(double[] values, int from) {
        double[] sorted = Arrays.copyOfRange(values, from, values.length);
        Arrays.sort(sorted);
        double variance = timesPairs(sorted.length);
        int first = 0;
        while (first < sorted.length) {
            int next = first;
            while (next < sorted.length && sorted[next] == sorted[first]) next++;
            variance -= timesPairs(next - first);
            first = next;
        }
        return variance / 18;
    }

    private static double timesPairs(double n) {
        return n * (n - 1) * (2 * n + 5);
    }

    /**
     * How likely values without a trend rise as much as these, or fall as much: two-sided, corrected for continuity.
     *
     * @param inflation how many times larger the variance is because the noise of neighbours is alike (the idea of Hamed and
     *     Rao 1998, here for noise of the first order); 1 where it is not
     */
    static double pValue(double[] values, int from, double inflation) {
        double score = Math.abs(score(values, from));
        double variance = scoreVariance(values, from) * inflation;
        if (variance <= 0 || score == 0) return 1;
        return Math.min(1, 2 * (1 - normalUpTo((score - 1) / Math.sqrt(variance))));
    }

    /** The share of a normal distribution below z, to 1e-7 (Abramowitz and Stegun 1964, 26.2.17). */
    static double normalUpTo(double z) {
        if (z < 0) return 1 - normalUpTo(-z);
        if (z > 6) return 1;
        double t = 1 / (1 + 0.2316419 * z);
        double sum = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
        return 1 - sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
    }
}
