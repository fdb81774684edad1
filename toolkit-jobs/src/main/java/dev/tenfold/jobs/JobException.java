package dev.tenfold.jobs;

/**
 * The database did not do what was asked of it: it is away, full, or refuses. The cause says which.
 *
 * <p>Whether a job was enqueued is unknown if the connection broke while it was committed. Who must know gives it a {@link
 * EnqueueOptions#unique(String) unique key} and enqueues it again.
 */
public final class JobException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    JobException(String message, Throwable cause) {
        super(message, cause);
    }
}
