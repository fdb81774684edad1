package dev.tenfold.jobs;

import java.util.Objects;
import javax.sql.DataSource;

/** A durable queue in the database that the application has. */
public final class JobQueue implements AutoCloseable {
    final Db db;
    final JobStore store;
    final Kinds kinds;
    final Wakeups wakeups = new Wakeups();
    final JobQueueOptions options;

    private JobQueue(Db db, JobStore store, JobQueueOptions options) {
        this.db = db;
        this.store = store;
        this.options = options;
        kinds = new Kinds(store);
    }

    /** Not yet. */
    public static JobQueue on(DataSource dataSource) {
        Objects.requireNonNull(dataSource, "dataSource");
        Db db = new Db(dataSource, Db.dialectOf(dataSource), null, null);
        return new JobQueue(db, JobStore.of(db), JobQueueOptions.DEFAULT);
    }

    JobStats stats() {
        return JobException.unless("count the jobs", () -> new JobSurvey(db, store).stats());
    }

    @Override
    public void close() {}
}
