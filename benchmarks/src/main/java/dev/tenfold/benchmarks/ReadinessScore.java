package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * How right one method was about some series.
 *
 * <p>The rules, written down before anything was run:
 *
 * <ul>
 *   <li>A method looks ahead each day from day 14 on, until the true day or the end of the series.
 *   <li>A <em>false alarm</em> is a day with a warning on a series that is never full.
 *   <li>The <em>lead</em> of a series is the number of days just before the true day on which the method warned without a break;
 *       0 if it did not on the last. It may be longer than the horizon: the warning came too early then, by so much.
 *   <li>A warning is <em>early</em> if the true day is more than twice the horizon away.
 *   <li>A forecast with a date is <em>covered</em> if the true day is in its interval. Where the series is never full, the true day
 *       is beyond all days: only an interval without an end has it.
 *   <li>All forecasts count alike, and none is left out, also those made before a step that nobody could know of.
 * </ul>
 */
final class ReadinessScore {
    private static final int FIRST_DAY = 14;

    private int days;
    private int warned;
    private int early;
    private int dated;
    private int covered;
    private int tooLate;
    private final List<Double> leads = new ArrayList<>();

    /** Of one series, looking ahead every so many days. */
    static ReadinessScore of(ReadinessMethod method, ReadinessSeries series, int step) {
        ReadinessScore score = new ReadinessScore();
        int lead = 0;
        // Backwards from the last day, so that the lead is exact to the step whatever the length.
        boolean unbroken = true;
        for (int today = series.days() - 1; today >= FIRST_DAY; today -= step) {
            ReadinessMethod.Call call = method.on(series, today);
            score.add(call, series.full(), today);
            unbroken &= call.warns();
            if (unbroken) lead += step;
        }
        if (series.kind().fills()) {
            score.leads.add((double) lead);
        }
        return score;
    }

    private void add(ReadinessMethod.Call call, int full, int today) {
        days++;
        if (call.warns()) {
            warned++;
            if (full != ReadinessSeries.NEVER && full - today > 2 * ReadinessMethod.HORIZON) early++;
        }
        if (call.dated()) {
            dated++;
            if (call.covers(full)) covered++;
            if (call.earliest() > full) tooLate++;
        }
    }

    /** Of all series of several scores. */
    static ReadinessScore sum(List<ReadinessScore> scores) {
        ReadinessScore sum = new ReadinessScore();
        for (ReadinessScore score : scores) {
            sum.days += score.days;
            sum.warned += score.warned;
            sum.early += score.early;
            sum.dated += score.dated;
            sum.covered += score.covered;
            sum.tooLate += score.tooLate;
            sum.leads.addAll(score.leads);
        }
        return sum;
    }

    int dated() {
        return dated;
    }

    /** The share of days with a warning, in percent. */
    double warned() {
        return percent(warned, days);
    }

    /** The share of days with an early warning, in percent. */
    double early() {
        return percent(early, days);
    }

    /** The share of dated forecasts whose interval has the true day, in percent; not a number if there are none. */
    double covered() {
        return percent(covered, dated);
    }

    /** The share of dated forecasts whose whole interval lies after the true day, in percent; not a number if there are none. */
    double tooLate() {
        return percent(tooLate, dated);
    }

    private static double percent(int part, int all) {
        return 100.0 * part / all;
    }

    /** The lead that a share of the series falls short of, in days; not a number if none fills. */
    double lead(double share) {
        if (leads.isEmpty()) {
            return Double.NaN;
        }
        double[] sorted =
                leads.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return sorted[(int) Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    }
}
