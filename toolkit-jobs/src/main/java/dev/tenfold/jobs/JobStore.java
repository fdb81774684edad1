package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Every SQL statement in a job's life, in the order of that life. Here in the form that all databases understand; {@code
 * PostgresStore} has the hot ones as one statement for many jobs.
 *
 * <p>A method with a connection runs on it as it is: its statements belong to the transaction of who calls. The others open
 * one of their own. Everything that a worker says of a job names the job's lease and the worker's incarnation: a job that
 * somebody else has claimed since then is left alone, and missing in the answer.
 */
class JobStore {
    final Db db;

    JobStore(Db db) {
        this.db = db;
    }

    static JobStore of(Db db) {
        return new JobStore(db);
    }

    // ---- names ------------------------------------------------------------------------------------------------------

    /** A name in one of the two dictionaries. */
    record Name(int id, String name, boolean paused) {}

    /** The id of a queue, made if there is none. */
    int queueId(String name) throws SQLException {
        throw new UnsupportedOperationException();
    }

    int kindId(String name) throws SQLException {
        throw new UnsupportedOperationException();
    }

    List<Name> queues() throws SQLException {
        throw new UnsupportedOperationException();
    }

    List<Name> kinds() throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Whether the name was there. */
    boolean pauseQueue(String name, boolean paused) throws SQLException {
        throw new UnsupportedOperationException();
    }

    boolean pauseKind(String name, boolean paused) throws SQLException {
        throw new UnsupportedOperationException();
    }

    // ---- enqueue ----------------------------------------------------------------------------------------------------

    /** What came of an insert: the new job, or the one that was there with its unique key (0 if that is done meanwhile). */
    record Inserted(long id, boolean isNew) {}

    Inserted insert(Connection connection, NewJob job, byte[] payload) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** As many jobs as there are payloads, none with a unique key; one statement for at most some thousands of them. */
    void insertAll(Connection connection, NewJob job, List<byte[]> payloads) throws SQLException {
        throw new UnsupportedOperationException();
    }

    // ---- batches and chains -----------------------------------------------------------------------------------------

    /** A batch of so many jobs, which lets {@code callback} (a job due at {@link Times#WAITING}) run when they are done. */
    long insertBatch(Connection connection, int members, long callback, boolean runsAnyway) throws SQLException {
        throw new UnsupportedOperationException();
    }

    // ---- claim ------------------------------------------------------------------------------------------------------

    /** The first job that is due in each lane, behind the lane's cursor, of the kinds given; no row for an empty lane. */
    List<Lane.Head> heads(Connection connection, List<Lane> lanes, List<Lane.Cursor> cursors, int[] kinds)
            throws SQLException {
        throw new UnsupportedOperationException();
    }

    /**
     * Claims due jobs of a lane, in order: gives each the next lease and counts the attempt.
     *
     * @param after where to begin
     * @param limit 1 to 1,000
     */
    List<Claimed> claim(Lane lane, Lane.Cursor after, int[] kinds, int limit, long worker, long leaseMicros)
            throws SQLException {
        throw new UnsupportedOperationException();
    }

    /**
     * Gives places under their concurrency keys to claimed jobs that have none yet; parks the others (not leased, not charged).
     *
     * @return those that have a place
     */
    List<Claimed> admit(List<Claimed> keyed, long worker) throws SQLException {
        throw new UnsupportedOperationException();
    }

    // ---- while it runs ----------------------------------------------------------------------------------------------

    /** A job whose lease is renewed. */
    record Renewed(long id, boolean cancelled) {}

    /** Leases that end a lease's length from now. Jobs that are missing in the answer are lost. */
    List<Renewed> renew(long[] ids, long[] leases, long worker, long leaseMicros) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Locks a job's row until the transaction ends, if it is still this worker's. */
    boolean lock(Connection connection, long id, long lease, long worker) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Notes how far a job is; {@code result} null leaves the one that is there. Not fenced: the last one to write is seen. */
    void progress(long id, int percent, @Nullable String message, byte @Nullable [] result) throws SQLException {
        throw new UnsupportedOperationException();
    }

    // ---- how it ends ------------------------------------------------------------------------------------------------

    /** A job that is done, cancelled, failed, or given back. */
    static final class Ending {
        final Claimed job;
        final long runMicros;
        /** After how many microseconds it may run again; of retries and snoozes. */
        final long delayMicros;

        final @Nullable JobError error;

        Ending(Claimed job, long runMicros, long delayMicros, @Nullable JobError error) {
            this.job = job;
            this.runMicros = runMicros;
            this.delayMicros = delayMicros;
            this.error = error;
        }
    }

    /**
     * Removes jobs that are done: plain ones with one statement; where others wait for one ({@link Claimed#isLinked}), in a
     * transaction that also counts down its batch, gives its place away, and removes its errors. Keeps history if {@code
     * history} is not OFF.
     *
     * @return the ids that were still this worker's
     */
    long[] finish(List<Ending> done, long worker, History history, String outcome) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** The same of one job, in the caller's transaction; false if it is no longer this worker's. */
    boolean finish(Connection connection, Ending done, long worker, History history, String outcome)
            throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Due again after their delays, with one failure more and the error kept. */
    long[] retry(List<Ending> failed, long worker) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Given back, due after their delays (0: as they were), the attempt not charged. */
    long[] release(List<Ending> unharmed, long worker) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Moved to the dead letters, with the error kept; a batch that runs anyway counts it as done, a place is given away. */
    long[] bury(List<Ending> given, long worker, DeadReason reason) throws SQLException {
        throw new UnsupportedOperationException();
    }

    // ---- from outside -----------------------------------------------------------------------------------------------

    /** What a cancellation met. */
    enum Cancelled {
        /** It had not begun, and is gone. */
        REMOVED,
        /** It runs, or is about to; its worker is asked to stop it. */
        ASKED,
        /** There is none: done, dead, or never there. */
        UNKNOWN
    }

    Cancelled cancel(long id, History history) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** An unfinished, dead or (with history) finished job. */
    @Nullable
    JobInfo find(long id) throws SQLException {
        throw new UnsupportedOperationException();
    }

    // ---- upkeep -----------------------------------------------------------------------------------------------------

    /** Whether a chore is this process's turn: it is if the time has come and nobody else was faster. */
    boolean takeTurn(String chore, long intervalMicros) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Buries up to {@code limit} jobs whose last attempt's lease has ended: the process died each time. Returns how many. */
    int buryCrashLoops(int limit) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Promotes parked jobs that a place is free for, forgets concurrency keys without jobs. Repairs what a crash left. */
    int mendConcurrency() throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** Deletes windows, progress and workers that have expired; drops old history. Returns rows deleted. */
    int prune(long historyMicros) throws SQLException {
        throw new UnsupportedOperationException();
    }

    /** A worker as the others see it. */
    void beat(
            long worker,
            String name,
            long startedAt,
            int concurrency,
            int running,
            List<String> queues,
            List<String> kinds)
            throws SQLException {
        throw new UnsupportedOperationException();
    }

    void leave(long worker) throws SQLException {
        throw new UnsupportedOperationException();
    }
}
