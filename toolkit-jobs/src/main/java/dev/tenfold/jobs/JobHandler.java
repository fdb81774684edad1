package dev.tenfold.jobs;

/**
 * Does the work of a job.
 *
 * <p>It may run a second time for the same job: if its process dies, or its lease ends, before its end is recorded. What it does
 * in the database happens once if it does it in {@link JobContext#transaction}; what it does elsewhere should be harmless when
 * repeated, or name {@link JobContext#fencingToken}.
 *
 * @param <T> the payload's class
 */
@FunctionalInterface
public interface JobHandler<T> {
    /**
     * Runs once an attempt, on a thread of the worker; many run at the same time, on the same handler.
     *
     * <p>To return means that the job is done. To throw means that the attempt has failed, {@link Error}s included; the {@link
     * RetryPolicy} says when the next one begins. {@link JobContext#snooze}, {@link JobContext#reject} and {@link
     * JobContext#cancel} make exceptions that say something else. The thread is interrupted when the job's time is up, somebody
     * cancels it, its lease is lost, or the worker stops: then throw, {@link InterruptedException} or anything else, and do not
     * return as if it were done.
     *
     * @param job the payload
     * @param context the attempt
     * @throws Exception if the attempt has failed
     */
    void run(T job, JobContext context) throws Exception;
}
