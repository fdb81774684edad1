package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RobustTrendTest {
    /** Cloud seeding and rainfall, five years: Hollander and Wolfe, Nonparametric Statistical Methods, example 9.1. */
    private static final double[] RAIN = {1.26, 1.27, 1.12, 1.16, 1.03};

    /** Gilbert, Statistical Methods for Environmental Pollution Monitoring, 1987, chapter 16: ties; traces are 1 here. */
    private static final double[] TIED = {23, 24, 1, 6, 1, 24, 24, 1, 23};

    @Test
    void slope_and_score_are_those_of_the_book() {
        assertThat(RobustTrend.slope(new double[] {1, 2, 3, 4, 5}, RAIN, 0)).isCloseTo(-0.05625, within(1e-12));
        assertThat(RobustTrend.score(RAIN, 0)).isEqualTo(-6);
    }

    @Test
    void the_variance_with_ties_is_that_of_the_book() {
        assertThat(RobustTrend.scoreVariance(TIED, 0)).isCloseTo(1506 / 18.0, within(1e-9));
    }

    @Test
    void the_variance_with_ties_is_that_of_all_orders() {
        double[] values = {1, 1, 2, 3, 3, 3, 4};
        double[] sums = new double[2];
        permute(values, 0, sums);
        assertThat(RobustTrend.scoreVariance(values, 0)).isCloseTo(sums[1] / sums[0], within(1e-9));
    }

    private static void permute(double[] values, int from, double[] sums) {
        if (from == values.length) {
            sums[0]++;
            sums[1] += Math.pow(RobustTrend.score(values, 0), 2);
            return;
        }
        for (int i = from; i < values.length; i++) {
            swap(values, from, i);
            permute(values, from + 1, sums);
            swap(values, from, i);
        }
    }

    private static void swap(double[] values, int i, int j) {
        double one = values[i];
        values[i] = values[j];
        values[j] = one;
    }

    @Test
    void medians_and_slopes_are_those_of_sorting() {
        Random random = new Random(42);
        for (int run = 0; run < 300; run++) {
            int n = 1 + random.nextInt(40);
            double[] times = new double[n];
            double[] values = new double[n];
            for (int i = 0; i < n; i++) {
                times[i] = (i == 0 ? 0 : times[i - 1]) + 0.5 + random.nextDouble();
                values[i] = run % 3 == 0 ? random.nextInt(4) : random.nextGaussian();
            }
            int from = random.nextInt(n);
            assertThat(RobustTrend.median(values)).as("seed 42, run %d", run).isEqualTo(sortedMedian(values));
            assertThat(RobustTrend.slope(times, values, from))
                    .as("seed 42, run %d", run)
                    .isEqualTo(bruteSlope(times, values, from));
        }
    }

    private static double bruteSlope(double[] times, double[] values, int from) {
        double[] slopes = new double[times.length * times.length];
        int count = 0;
        for (int j = from; j < times.length; j++) {
            for (int i = from; i < j; i++) slopes[count++] = (values[j] - values[i]) / (times[j] - times[i]);
        }
        return count == 0 ? 0 : sortedMedian(Arrays.copyOf(slopes, count));
    }

    private static double sortedMedian(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    @Test
    void a_quarter_of_wild_points_does_not_move_the_slope() {
        double[] times = new double[40];
        double[] values = new double[40];
        for (int i = 0; i < 40; i++) {
            times[i] = i;
            values[i] = i % 4 == 3 ? 1e9 : 2 * i + 1;
        }
        assertThat(RobustTrend.slope(times, values, 0)).isEqualTo(2);
        assertThat(RobustTrend.intercept(times, values, 0, 2)).isEqualTo(1);
    }

    @Test
    void values_without_order_have_a_p_value_that_is_uniform() {
        Random random = new Random(7);
        int below = 0;
        for (int run = 0; run < 4000; run++) {
            double[] values = random.doubles(20).toArray();
            if (RobustTrend.pValue(values, 0, 1) < 0.05) below++;
        }
        assertThat(below / 4000.0).as("seed 7").isBetween(0.03, 0.06);
    }

    @Test
    void neighbours_that_are_alike_make_evidence_weaker() {
        double[] values = {1, 2, 3, 4, 6, 5, 7, 8};
        assertThat(RobustTrend.pValue(values, 0, 2)).isGreaterThan(RobustTrend.pValue(values, 0, 1));
    }

    @Test
    void equal_values_are_no_evidence() {
        assertThat(RobustTrend.pValue(new double[] {5, 5, 5, 5, 5, 5}, 0, 1)).isEqualTo(1);
        assertThat(RobustTrend.pValue(new double[0], 0, 1)).isEqualTo(1);
    }

    @Test
    void the_normal_distribution_is_that_of_the_table() {
        assertThat(RobustTrend.normalUpTo(0)).isCloseTo(0.5, within(1e-7));
        assertThat(RobustTrend.normalUpTo(1.281551565545)).isCloseTo(0.9, within(1e-7));
        assertThat(RobustTrend.normalUpTo(-2.326347874041)).isCloseTo(0.01, within(1e-7));
        assertThat(RobustTrend.normalUpTo(40)).isEqualTo(1);
    }
}
