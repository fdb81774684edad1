package dev.tenfold.readiness;

import java.time.LocalDate;
import java.util.OptionalDouble;
import java.util.SortedMap;

/**
 * One resource: how full it is, and how full it will be.
 *
 * @param resource its name
 * @param now what the gauge gives on this instance now; empty if this instance has no such gauge, or it gives nothing
 * @param peak the highest daily figure of the last seven days, today's hours so far and this instance's present hour among them
 * @param limit what the values must stay below, as it is now, or was on the last day stored
 * @param figures the daily figures that the outlook rests on, the oldest first: days that are over, and of which at least 12
 *     hours were seen; unmodifiable
 * @param outlook when it will be full, or why that cannot be told
 * @param note what else is to be known, as a limit that was changed; may be empty
 */
public record Headroom(
        String resource,
        OptionalDouble now,
        double peak,
        double limit,
        SortedMap<LocalDate, Double> figures,
        Outlook outlook,
        String note) {

    /**
     * The part of the limit that is free at the peak.
     *
     * @return 1 is all; below 0 if the peak is above the limit
     */
    public double free() {
        return 1 - peak / limit;
    }
}
