package dev.tenfold.jobs;

/**
 * What a worker does and has done since it started. The numbers are of about the same moment.
 *
 * @param running jobs whose handlers run
 * @param buffered jobs that are claimed and wait for a thread of this worker
 * @param claimed jobs claimed
 * @param done jobs whose end is recorded
 * @param retried attempts that failed and are repeated
 * @param snoozed attempts that asked to run later
 * @param dead jobs given up
 * @param cancelled jobs cancelled
 * @param released jobs given back: the worker stopped, or they were not for it
 * @param lost jobs whose lease was lost, so that nothing was recorded of them
 */
public record WorkerStats(
        int running,
        int buffered,
        long claimed,
        long done,
        long retried,
        long snoozed,
        long dead,
        long cancelled,
        long released,
        long lost) {}
