package dev.tenfold.demo;

/**
 * One version of the application under one load.
 *
 * @param version its name
 * @param load what became of the load
 * @param queriesPerRequest statements executed, by requests answered
 * @param databaseBusy statements in progress, on average: the time inside them, by the time that passed
 * @param stale what readers were shown although it was out of date
 */
record Measured(String version, Load load, double queriesPerRequest, double databaseBusy, StaleReads.Found stale) {
    /** Whether every request but one in a thousand was answered, none with an error, and 99 % of them in time. */
    boolean keepsUp(double p99ObjectiveMillis) {
        return load.failed() == 0 && load.servedShare() >= 0.999 && load.millisAt(99) <= p99ObjectiveMillis;
    }
}
