package dev.tenfold.jobs;

import java.sql.SQLException;
import org.jooq.exception.DataAccessException;

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

    /** Asks the database for something. */
    interface Work<T> {
        T ask() throws SQLException;
    }

    /** What the database answers; what it refuses, as an exception that says what was wanted. */
    static <T> T unless(String wanted, Work<T> work) {
        try {
            return work.ask();
        } catch (SQLException | DataAccessException e) {
            throw new JobException("cannot " + wanted + ": " + e.getMessage(), e);
        }
    }
}
