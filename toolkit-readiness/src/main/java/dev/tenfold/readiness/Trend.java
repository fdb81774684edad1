package dev.tenfold.readiness;

import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a forecast saw in the figures, for a chart: a line, and the band that the truth is in with 80 %.
 *
 * <p>Line and band are of the week's busiest day, since that day reaches the limit first. They are smooth: the weekly pattern
 * is not in them, so that most figures lie below the line. They cross the limit within a week of the dates of the {@link
 * Outlook}, whose days do follow the weekly pattern.
 *
 * <p>The band is of the level, not of single figures: incidents, holidays and the noise of a day lie outside of it. Before the
 * first day it means nothing. Immutable; a value takes some 50 microseconds.
 */
public final class Trend {
    private final LocalDate firstDay;
    private final LocalDate lastDay;
    private final @Nullable LocalDate levelShift;
    private final double pValue;
    private final Levels levels;
    private final Mixture mixture;

    Trend(
            LocalDate firstDay,
            LocalDate lastDay,
            @Nullable LocalDate levelShift,
            double pValue,
            Levels levels,
            Mixture mixture) {
        this.firstDay = firstDay;
        this.lastDay = lastDay;
        this.levelShift = levelShift;
        this.pValue = pValue;
        this.levels = levels;
        this.mixture = mixture;
    }

    /**
     * Where the line begins. That is later than the first figure where older ones do not lie on it, or the level shifted.
     *
     * @return the first day of the figures that the line was fitted to
     */
    public LocalDate firstDay() {
        return firstDay;
    }

    /**
     * Where the figures end and the forecast begins.
     *
     * @return the last day of the figures
     */
    public LocalDate lastDay() {
        return lastDay;
    }

    /**
     * The last sudden change of level, if there was one. What was before does not count.
     *
     * @return the first day of the new level, give or take a few; null if there is but one level
     */
    public @Nullable LocalDate levelShift() {
        return levelShift;
    }

    /**
     * How likely figures without a trend rise or fall as clearly (Mann–Kendall, two-sided).
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
     * @return what its week's busiest day is expected to have, in the unit of the figures
     */
    public double line(LocalDate day) {
        return level(day, 0.5);
    }

    /**
     * The lower edge of the band.
     *
     * @param day any day
     * @return what its week's busiest day exceeds with 90 %, in the unit of the figures
     */
    public double low(LocalDate day) {
        return level(day, 0.1);
    }

    /**
     * The upper edge of the band.
     *
     * @param day any day
     * @return what its week's busiest day stays below with 90 %, in the unit of the figures
     */
    public double high(LocalDate day) {
        return level(day, 0.9);
    }

    private double level(LocalDate day, double share) {
        double log = mixture.quantile((double) ChronoUnit.DAYS.between(lastDay, day), share) + levels.busiest();
        return Math.max(0, Math.exp(log) * levels.unit - levels.offset);
    }

    /** Two that saw the same in the same figures are equal. */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Trend that
                && firstDay.equals(that.firstDay)
                && lastDay.equals(that.lastDay)
                && Objects.equals(levelShift, that.levelShift)
                && levels.isSame(that.levels);
    }

    @Override
    public int hashCode() {
        return Objects.hash(firstDay, lastDay, levelShift);
    }

    @Override
    public String toString() {
        return "Trend[from " + firstDay + " to " + lastDay + ", " + Report.number(line(lastDay)) + " on the last day]";
    }
}
