package dev.tenfold.benchmarks;

import java.time.LocalDate;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A resource's past as a service would have measured it, and the day on which it is really full.
 *
 * <p>Days are counted from 0. The measured values are hourly, or one a day where {@link #hours} is 1; those of days that are
 * missing are not numbers.
 */
final class ReadinessSeries {
    /** The true day of a series that is never full. */
    static final int NEVER = Integer.MAX_VALUE;

    /** What a series is made of. */
    enum Kind {
        FLAT,
        FLAT_STEPS,
        FLAT_HOLIDAYS,
        FLAT_INCIDENTS,
        FLAT_WANDER,
        LINEAR,
        EXPONENTIAL,
        PIECEWISE,
        LOGISTIC,
        STEPS,
        HOLIDAYS,
        INCIDENTS,
        MIXTURE,
        /** Grows and levels off below the limit: neither flat nor ever full. */
        LEVELLING;

        boolean isFlat() {
            return name().startsWith("FLAT");
        }

        /** Whether it is full some day. */
        boolean fills() {
            return !isFlat() && this != LEVELLING;
        }
    }

    private final Kind kind;
    private final LocalDate start;
    private final int hours;
    private final double[] raw;
    private final double[] daily;
    private final double limit;
    private final int full;

    /**
     * A series.
     *
     * @param start the date of day 0
     * @param raw the measured values, {@code hours} a day
     * @param full the day on which the level reaches the limit, or {@link #NEVER}
     */
    ReadinessSeries(Kind kind, LocalDate start, int hours, double[] raw, double limit, int full) {
        this.kind = kind;
        this.start = start;
        this.hours = hours;
        this.raw = raw;
        this.daily = new double[raw.length / hours];
        for (int day = 0; day < daily.length; day++) {
            daily[day] = percentile95(Arrays.copyOfRange(raw, day * hours, (day + 1) * hours));
        }
        this.limit = limit;
        this.full = full;
    }

    Kind kind() {
        return kind;
    }

    /** How many values a day has. */
    int hours() {
        return hours;
    }

    double limit() {
        return limit;
    }

    /** The true day. */
    int full() {
        return full;
    }

    /** How many days there are to look ahead on: none once it is full. */
    int days() {
        return Math.min(full, daily.length);
    }

    /** A measured value; {@code index} is day × hours + hour. */
    double raw(int index) {
        return raw[index];
    }

    /** A day's figure: the 95th percentile of its values. */
    double daily(int day) {
        return daily[day];
    }

    LocalDate date(int day) {
        return start.plusDays(day);
    }

    int day(LocalDate date) {
        return Math.toIntExact(date.toEpochDay() - start.toEpochDay());
    }

    /** The figures of all days before {@code today}. */
    SortedMap<LocalDate, Double> before(int today) {
        SortedMap<LocalDate, Double> figures = new TreeMap<>();
        for (int day = 0; day < today; day++) {
            if (!Double.isNaN(daily[day])) {
                figures.put(date(day), daily[day]);
            }
        }
        return figures;
    }

    /** Between the two nearest ranks. Sorts the values. */
    static double percentile95(double[] values) {
        Arrays.sort(values); // what is no number goes last
        double rank = 0.95 * (values.length - 1);
        int below = (int) rank;
        int above = Math.min(below + 1, values.length - 1);
        return values[below] + (rank - below) * (values[above] - values[below]);
    }
}
