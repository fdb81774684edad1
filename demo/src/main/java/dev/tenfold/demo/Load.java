package dev.tenfold.demo;

import org.HdrHistogram.Histogram;

/**
 * What became of an offered load.
 *
 * @param requests how many were offered
 * @param served how many were answered well before the grace was over
 * @param failed how many were answered with an error
 * @param seconds how long requests were offered
 * @param tookSeconds the same, or the time until the last answer if that is longer
 * @param latencyMicros from the intended start of each request; one without an answer counts with the time it waited
 * @param offeredPerSecond by the second of the intended start
 * @param servedPerSecond by the second of the answer
 */
@SuppressWarnings("ArrayRecordComponent") // read once, by the chart
record Load(
        int requests,
        int served,
        int failed,
        double seconds,
        double tookSeconds,
        Histogram latencyMicros,
        int[] offeredPerSecond,
        int[] servedPerSecond) {

    double offeredRate() {
        return requests / seconds;
    }

    /** Counts the answers that came within the grace, too: that favours the slower version. */
    double servedRate() {
        return served / seconds;
    }

    /** Requests that failed, and those that had no answer when the grace was over. */
    int errors() {
        return requests - served;
    }

    double servedShare() {
        return (double) served / requests;
    }

    double millisAt(double percentile) {
        return latencyMicros.getValueAtPercentile(percentile) / 1e3;
    }
}
