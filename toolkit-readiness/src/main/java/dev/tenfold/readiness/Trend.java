package dev.tenfold.readiness;

import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a forecast saw in the figures, for a chart: a line and its 80 % band.
 *
 * <p>Line and band are of the week's busiest day, since that day reaches the limit first. They are smooth: the weekly pattern
 * is not in them, so that most figures lie below the line. Immutable.
 */
public final class Trend {
    /** 90 % of a normal distribution lie below it: the upper edge of the middle 80 %. */
    static final double Z = 1.2816;

    private final LocalDate firstDay;
    private final LocalDate lastDay;
    private final @Nullable LocalDate levelShift;
    private final double pValue;
    private final Mixture mixture;
    private final double busiest;

    Trend(
            LocalDate firstDay,
            LocalDate lastDay,
            @Nullable LocalDate levelShift,
            double pValue,
            Mixture mixture,
            double busiest) {
        this.firstDay = firstDay;
        this.lastDay = lastDay;
        this.levelShift = levelShift;
        this.pValue = pValue;
        this.mixture = mixture;
        this.busiest = busiest;
    }

    /**
     * Where the line begins.
     *
     * @return the first day that the line was fitted to
     */
    public LocalDate firstDay() {
        return firstDay;
    }

    /**
     * Where the figures end.
     *
     * @return the last day of the figures
     */
    public LocalDate lastDay() {
        return lastDay;
    }

    /**
     * The last sudden change of level, if there was one: the figures before it do not count.
     *
     * @return the first day of the new level, or null
     */
    public @Nullable LocalDate levelShift() {
        return levelShift;
    }

    /**
     * How likely figures that only fluctuate move as much (Mann–Kendall, two-sided).
     *
     * @return from 0 to 1
     */
    public double pValue() {
        return pValue;
    }

    /**
     * The line.
     *
     * @param day any day
     * @return the middle of what is expected of the busiest day of its week
     */
    public double line(LocalDate day) {
        return edge(day, 0.5);
    }

    /**
     * The lower edge of the band.
     *
     * @param day any day
     * @return what that day's level stays above in nine cases of ten
     */
    public double low(LocalDate day) {
        return edge(day, 0.1);
    }

    /**
     * The upper edge of the band.
     *
     * @param day any day
     * @return what that day's level stays below in nine cases of ten
     */
    public double high(LocalDate day) {
        return edge(day, 0.9);
    }

    private double edge(LocalDate day, double share) {
        return Math.max(0, mixture.quantile((double) ChronoUnit.DAYS.between(lastDay, day), share) * busiest);
    }
}
