package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.SQLException;
import org.jooq.DSLContext;
import org.jooq.exception.DataAccessException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The transaction that ends a job, see {@link JobContext#transaction}. For use within its work, by one thread.
 */
public final class JobTransaction {
    private static final Logger LOG = LoggerFactory.getLogger(JobTransaction.class);

    /** What is done in it. */
    @FunctionalInterface
    public interface Work {
        /**
         * Does the work.
         *
         * @param transaction what it is done with
         * @throws Exception rolls everything back
         */
        void run(JobTransaction transaction) throws Exception;
    }

    private final Connection connection;
    private final JobQueue jobs;

    private JobTransaction(Connection connection, JobQueue jobs) {
        this.connection = connection;
        this.jobs = jobs;
    }

    /**
     * The transaction's connection, of the queue's data source, with its isolation.
     *
     * @return not to be committed, rolled back or closed
     */
    public Connection connection() {
        return connection;
    }

    /**
     * jOOQ on that connection.
     *
     * @return not to be committed, rolled back or closed
     */
    public DSLContext dsl() {
        return jobs.db.dsl(connection);
    }

    /**
     * Enqueues jobs in this transaction: they are there if it is committed.
     *
     * @return an enqueuer on its connection
     */
    public Enqueuer jobs() {
        return jobs.in(connection);
    }

    static void run(Execution execution, Work work) throws Exception {
        try {
            once(execution, work);
        } catch (InterruptedException | JobException e) {
            if (execution.isLost) {
                JobContext.LeaseLostException lost = lost(execution); // which is why it was interrupted
                lost.addSuppressed(e);
                throw lost;
            }
            throw e;
        } finally {
            execution.inTransaction = false;
        }
    }

    /** Leases are renewed by statements for many jobs, which must not wait for the row that is locked from here on. */
    private static void announce(Execution execution) throws InterruptedException {
        execution.shared.renewal.readLock().lockInterruptibly();
        try {
            execution.inTransaction = true;
        } finally {
            execution.shared.renewal.readLock().unlock();
        }
    }

    private static void once(Execution execution, Work work) throws Exception {
        Db db = execution.shared.jobs.db;
        boolean auto;
        @Nullable Connection opened = null;
        try {
            opened = db.dataSource.getConnection();
            auto = opened.getAutoCommit();
            opened.setAutoCommit(false);
        } catch (SQLException e) {
            close(opened);
            throw new JobException("cannot begin the transaction of " + name(execution), e);
        }
        try {
            // Not before it has a connection, for which it may wait long: until here the lease is renewed.
            announce(execution);
            within(execution, opened, new JobTransaction(opened, execution.shared.jobs), work);
        } catch (Throwable t) {
            rollBack(opened, t);
            throw t;
        } finally {
            if (auto) {
                restore(opened);
            }
            close(opened);
        }
    }

    private static void within(Execution execution, Connection connection, JobTransaction transaction, Work work)
            throws Exception {
        JobStore store = execution.shared.jobs.store;
        Claimed job = execution.job;
        try {
            if (!store.lock(connection, job.id, job.lease, execution.shared.worker, execution.shared.leaseMicros)) {
                throw lost(execution);
            }
        } catch (SQLException e) {
            throw new JobException("cannot lock the row of " + name(execution), e);
        }
        work.run(transaction);
        try {
            boolean ours = store.finish(
                    connection,
                    execution.ending(),
                    execution.shared.worker,
                    execution.shared.jobs.options.history,
                    DONE);
            if (!ours) {
                throw lost(execution);
            }
            connection.commit();
        } catch (SQLException | DataAccessException e) {
            throw new JobException(
                    "cannot commit the transaction of " + name(execution) + ", or it is unknown whether it was", e);
        }
        execution.doneInTransaction = true;
    }

    private static final String DONE = JobListener.Outcome.DONE.name();

    private static JobContext.LeaseLostException lost(Execution execution) {
        execution.isLost = true;
        return new JobContext.LeaseLostException(name(execution)
                + " is no longer this worker's: its lease has ended, or somebody removed it; rolled back");
    }

    private static void rollBack(Connection connection, Throwable because) {
        try {
            connection.rollback();
        } catch (SQLException e) {
            because.addSuppressed(e);
        }
    }

    private static void restore(Connection connection) {
        try {
            connection.setAutoCommit(true);
        } catch (SQLException e) {
            LOG.debug("a connection is lost: {}; its pool replaces it", e.toString());
        }
    }

    private static void close(@Nullable Connection connection) {
        if (connection == null) {
            return;
        }
        try {
            connection.close();
        } catch (SQLException e) {
            LOG.debug("a connection did not close: {}", e.toString());
        }
    }

    private static String name(Execution execution) {
        return execution.handled.named(execution.job);
    }
}
