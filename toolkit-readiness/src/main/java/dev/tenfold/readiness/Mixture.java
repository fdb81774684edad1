package dev.tenfold.readiness;

/**
 * The level ahead, as a mixture of a few lines, each in its own scale.
 *
 * <p>Nobody can tell from two months whether growth is by the same amount or by the same share each week, and it makes months
 * of difference to the date. So each way is fitted, and each has a weight by how well it fits.
 */
final class Mixture {
    private final Line[] lines;
    private final double[] weights;

    /**
     * One way to grow.
     *
     * @param power the power of the level that is linear in time: 1 is the same amount a day, 0 the same share (the logarithm),
     *     2 less and less
     * @param slope a day
     * @param now its value on the last day
     * @param middle the mean time of its points, in days from the last day, negative
     * @param levelVariance of the line at {@code middle}
     * @param slopeVariance of the slope
     * @param driftVariance by what the slope's variance grows a day ahead
     */
    record Line(
            double power,
            double slope,
            double now,
            double middle,
            double levelVariance,
            double slopeVariance,
            double driftVariance) {
        double at(double day) {
            return now + slope * day;
        }

        double sigma(double day) {
            double away = day - middle;
            double ahead = Math.max(0, day);
            return Math.sqrt(levelVariance + slopeVariance * away * away + driftVariance * ahead * ahead * ahead / 3);
        }
    }

    Mixture(Line[] lines, double[] weights) {
        this.lines = lines;
        this.weights = weights;
    }

    static double transform(double level, double power) {
        if (power == 0) return level > 0 ? Math.log(level) : Double.NEGATIVE_INFINITY;
        return power == 1 ? level : Math.signum(level) * Math.pow(Math.abs(level), power);
    }

    static double back(double value, double power) {
        if (power == 0) return Math.exp(value);
        return power == 1 ? value : Math.signum(value) * Math.pow(Math.abs(value), 1 / power);
    }

    /** How likely the level on a day is at or above a limit. */
    double above(double day, double limit) {
        double sum = 0;
        for (int i = 0; i < lines.length; i++) {
            Line line = lines[i];
            sum += weights[i] * RobustTrend.normal((line.at(day) - transform(limit, line.power)) / line.sigma(day));
        }
        return sum;
    }

    /** The level that a share of what is expected on a day lies below; by bisection. */
    double quantile(double day, double share) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (Line line : lines) {
            low = Math.min(low, back(line.at(day) - 4 * line.sigma(day), line.power));
            high = Math.max(high, back(line.at(day) + 4 * line.sigma(day), line.power));
        }
        for (int i = 0; i < 60; i++) {
            double middle = (low + high) / 2;
            if (1 - above(day, middle) < share) low = middle;
            else high = middle;
        }
        return (low + high) / 2;
    }
}
