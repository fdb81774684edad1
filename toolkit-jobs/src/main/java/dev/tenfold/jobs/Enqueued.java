package dev.tenfold.jobs;

/**
 * What came of enqueuing a job.
 *
 * @param id the job's, or that of the one that has its unique key; 0 if that one ended while we looked
 * @param isNew false if nothing was enqueued, because another job has the unique key
 */
public record Enqueued(long id, boolean isNew) {}
