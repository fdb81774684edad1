package dev.tenfold.readiness;

import dev.tenfold.readiness.Outlook.Verdict;
import java.time.LocalDate;
import java.util.OptionalDouble;
import java.util.SortedMap;

/** From daily figures to an outlook. */
public final class Forecast {
    private Forecast() {}

    /**
     * Looks ahead from the last day given.
     *
     * @param figures one figure a day, the day's 95th percentile or peak; days may be missing
     * @param limit what the figures must stay below
     * @return the outlook
     * @throws IllegalArgumentException if the limit is not above 0, or a figure is negative or not a number
     */
    public static Outlook of(SortedMap<LocalDate, Double> figures, double limit) {
        if (!(limit > 0)) {
            throw new IllegalArgumentException("limit must be above 0, was " + limit);
        }
        return new Outlook(
                Verdict.NOT_ENOUGH_DATA, figures.size(), OptionalDouble.empty(), null, null, null, "no method yet");
    }
}
