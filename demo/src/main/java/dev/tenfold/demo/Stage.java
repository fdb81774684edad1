package dev.tenfold.demo;

import java.util.List;

/** One row of the launch-day story: a number of users, what breaks there, and what a module makes of it. */
interface Stage {
    /** Runs every version under the same load and judges the outcome. */
    Result run(Site site) throws Exception;

    /**
     * What a stage found.
     *
     * @param title for the table and the report
     * @param versions what was measured, the naive one first
     * @param p99ObjectiveMillis how late the 99th of 100 answers may be
     * @param kept whether the stage's claim held
     * @param sentence what happened, or what failed
     */
    record Result(String title, List<Measured> versions, double p99ObjectiveMillis, boolean kept, String sentence) {}
}
