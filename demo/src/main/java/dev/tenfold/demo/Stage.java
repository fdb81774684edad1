package dev.tenfold.demo;

import dev.tenfold.readiness.Report;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
     * @param notes what else is worth telling
     * @param away when Redis was away in the last version's run; null if it never was
     * @param backlog the jobs of the last version's run; null if it has none
     * @param inspection what was found before the load; null if nobody looked
     * @param readiness what Readiness said of the last version's load; null if it did not run
     */
    record Result(
            String title,
            List<Measured> versions,
            double p99ObjectiveMillis,
            boolean kept,
            String sentence,
            List<String> notes,
            @Nullable Away away,
            @Nullable Backlog backlog,
            Inspection.@Nullable Found inspection,
            @Nullable Report readiness) {
        Result(
                String title,
                List<Measured> versions,
                double p99ObjectiveMillis,
                boolean kept,
                String sentence,
                List<String> notes,
                @Nullable Away away) {
            this(title, versions, p99ObjectiveMillis, kept, sentence, notes, away, null, null, null);
        }

        Result(String title, List<Measured> versions, double p99ObjectiveMillis, boolean kept, String sentence) {
            this(title, versions, p99ObjectiveMillis, kept, sentence, List.of(), null, null, null, null);
        }
    }

    /**
     * A time without Redis.
     *
     * @param fromSecond of the load: killed
     * @param toSecond of the load: started again, and empty
     * @param inStepSeconds how much later all nodes had told it, and heard from it, what they had missed
     */
    record Away(double fromSecond, double toSecond, double inStepSeconds) {}

    /**
     * Jobs that were not done yet, over time; seconds count from the first request.
     *
     * @param samples in the order of time
     * @param marks what happened meanwhile
     */
    record Backlog(List<Sample> samples, List<Mark> marks) {
        record Sample(double second, long jobs) {}

        record Mark(double second, String text) {}
    }
}
