package dev.tenfold.jobs;

/** The settings of a {@link JobQueue}. Immutable. */
public final class JobQueueOptions {
    static final JobQueueOptions DEFAULT = new JobQueueOptions();

    final History history = History.OFF;
    final JobListener listener = new JobListener() {};

    private JobQueueOptions() {}
}
