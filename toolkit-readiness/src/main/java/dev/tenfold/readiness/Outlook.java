package dev.tenfold.readiness;

import java.time.LocalDate;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * When a resource will be full, or why that cannot be told.
 *
 * <p>The true day is in four of five intervals, over all kinds of growth; in fewer where growth is about to bend or jump. Dates
 * are of the busiest day of the week, and follow the weekly pattern. Immutable.
 *
 * @param verdict what can be told
 * @param days how many days of figures it rests on: those since the last sudden change of level
 * @param perMonth growth in the next thirty days as a share of today's level, 0.1 is a tenth, negative where it falls;
 *     empty below 14 days
 * @param earliest the first day of the 80 % interval: the limit is reached before it in one case of ten; null unless dated
 * @param expected the middle; null unless dated
 * @param latest the last day of the interval; null unless dated, and where the interval has no end within three times the
 *     history
 * @param reason the verdict in a sentence, with its figures
 * @param trend line and band, for a chart; null where there is not enough data
 */
public record Outlook(
        Verdict verdict,
        int days,
        OptionalDouble perMonth,
        @Nullable LocalDate earliest,
        @Nullable LocalDate expected,
        @Nullable LocalDate latest,
        String reason,
        @Nullable Trend trend) {

    /** Without a line to draw. */
    Outlook(
            Verdict verdict,
            int days,
            OptionalDouble perMonth,
            @Nullable LocalDate earliest,
            @Nullable LocalDate expected,
            @Nullable LocalDate latest,
            String reason) {
        this(verdict, days, perMonth, earliest, expected, latest, reason, null);
    }

    /**
     * Whether it is time to build.
     *
     * @param horizonDays how many days ahead counts, at least 0
     * @return true if the limit is reached now, or is expected to be within that many days after the last figure; by {@link
     *     #expected}, not by {@link #earliest}, which cries wolf more often
     * @throws IllegalArgumentException if less than 0
     */
    public boolean warns(int horizonDays) {
        if (horizonDays < 0) throw new IllegalArgumentException("horizonDays " + horizonDays + " must be at least 0");
        if (verdict == Verdict.FULL) return true;
        return expected != null
                && trend != null
                && !expected.isAfter(trend.lastDay().plusDays(horizonDays));
    }

    /** What can be told. */
    public enum Verdict {
        /** Less than 14 days of figures, or less since the last sudden change of level. */
        NOT_ENOUGH_DATA,
        /** No growth that is more than noise (p at or above 0.01), or the limit is beyond 1.5 times the history. */
        NOT_IN_SIGHT,
        /** Less than 56 days: it grows, no date yet. */
        GROWING,
        /** A date with its interval. */
        DATED,
        /** The usual level of the week's busiest day is at the limit now or above it, with at least 80 %. */
        FULL
    }
}
