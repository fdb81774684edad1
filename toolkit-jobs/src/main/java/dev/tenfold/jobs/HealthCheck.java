package dev.tenfold.jobs;

import dev.tenfold.jobs.JobHealth.Finding;
import dev.tenfold.jobs.JobHealth.Level;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jooq.SQLDialect;
import org.jooq.exception.DataAccessException;

/** Looks for what keeps jobs from running, in the order in which one thing hides the next. */
final class HealthCheck {
    private static final long DEAD_TO_LIVE = 10;

    /** MySQL's and MariaDB's: the account lacks the right to see what others do. */
    private static final int NEEDS_PROCESS_RIGHT = 1227;

    private final Db db;
    private final JobStore store;
    private final JobSurvey survey;
    private final HealthOptions options;
    private final List<Finding> findings = new ArrayList<>();

    HealthCheck(Db db, JobStore store, HealthOptions options) {
        this.db = db;
        this.store = store;
        this.options = options;
        survey = new JobSurvey(db, store);
    }

    JobHealth run() {
        try {
            JobSchema.validate(db);
            List<JobStore.Name> queues = store.queues();
            List<JobStore.Name> kinds = store.kinds();
            db.autocommit(connection -> {
                checkWork(connection, queues, kinds);
                if (db.isPostgres()) {
                    checkVacuum(connection);
                    checkPostgresTransactions(connection);
                    checkPreparedTransactions(connection);
                } else if (db.dialect == SQLDialect.MARIADB || db.dialect == SQLDialect.MYSQL) {
                    checkInnodbTransactions(connection);
                }
                return findings;
            });
        } catch (IllegalStateException e) {
            found(Level.ERROR, "schema", String.valueOf(e.getMessage()), "bring the tables and the library together");
        } catch (SQLException | DataAccessException | JobException e) {
            found(
                    Level.ERROR,
                    "database",
                    "the database does not answer as it should: " + root(e).getMessage(),
                    "see that it is up and that the pool has connections to give; the jobs in it are safe meanwhile");
        }
        return JobHealth.of(findings);
    }

    private static Throwable root(Throwable thrown) {
        Throwable root = thrown;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }

    private void found(Level level, String check, String what, String remedy) {
        findings.add(new Finding(level, check, what, remedy));
    }

    // ---- jobs -------------------------------------------------------------------------------------------------------

    private void checkWork(Connection connection, List<JobStore.Name> queues, List<JobStore.Name> kinds)
            throws SQLException {
        long now = db.currentMicros(connection);
        List<JobSurvey.LiveWorker> workers = survey.workers(connection, now);
        List<JobSurvey.Ready> ready = survey.ready(connection, queues, now);
        if (workers.isEmpty()) {
            boolean isWaited = !ready.isEmpty();
            found(
                    isWaited ? Level.ERROR : Level.WARNING,
                    "workers",
                    "no worker has been seen in the last 30 s" + (isWaited ? ", and jobs are ready" : ""),
                    "start a process with jobs.worker()…start(), or see why those that run do not reach the database");
        }
        Map<Integer, JobStore.Name> queueOf = byId(queues);
        Map<Integer, JobStore.Name> kindOf = byId(kinds);
        Map<String, Long> oldestOf = new HashMap<>();
        for (JobSurvey.Ready each : ready) {
            JobStore.Name queue = queueOf.get(each.queue());
            JobStore.Name kind = kindOf.get(each.kind());
            if (queue == null || kind == null) {
                continue; // made after we had asked for the names
            }
            if (queue.paused() || kind.paused()) {
                paused(queue, kind, each, now);
            } else if (!workers.isEmpty() && workers.stream().noneMatch(w -> w.takes(queue.name(), kind.name()))) {
                unhandled(queue, kind, each, now);
            } else {
                oldestOf.merge(queue.name(), each.oldest(), Math::min);
            }
        }
        oldestOf.forEach((queue, oldest) -> checkAge(queue, JobSurvey.micros(now - oldest)));
    }

    private static Map<Integer, JobStore.Name> byId(List<JobStore.Name> names) {
        return names.stream().collect(Collectors.toMap(JobStore.Name::id, name -> name));
    }

    private void paused(JobStore.Name queue, JobStore.Name kind, JobSurvey.Ready ready, long now) {
        found(
                Level.INFO,
                "paused",
                ready.jobs() + " ready " + kind.name() + " jobs of queue " + queue.name() + " wait, the first for "
                        + age(now, ready) + ", as the " + (queue.paused() ? "queue" : "kind") + " is paused",
                queue.paused()
                        ? "jobs.resume(\"" + queue.name() + "\")"
                        : "jobs.resumeKind(…) with the class of " + kind.name());
    }

    private void unhandled(JobStore.Name queue, JobStore.Name kind, JobSurvey.Ready ready, long now) {
        found(
                Level.WARNING,
                "unhandled-kind",
                "no live worker takes " + kind.name() + " jobs of queue " + queue.name() + ": " + ready.jobs()
                        + " are ready, the first for " + age(now, ready),
                "deploy a worker with a handler for that kind on that queue, or give the new kind the old one's name as"
                        + " an alias");
    }

    private void checkAge(String queue, Duration age) {
        if (age.compareTo(options.readyAge) > 0) {
            found(
                    Level.WARNING,
                    "ready-age",
                    "the first ready job of queue " + queue + " has been due for " + words(age),
                    "add workers, raise concurrency(…), or find out which kind takes so long");
        }
    }

    private static String age(long now, JobSurvey.Ready ready) {
        return words(JobSurvey.micros(now - ready.oldest()));
    }

    private static String words(Duration time) {
        if (time.compareTo(Duration.ofMinutes(2)) < 0) {
            return time.toSeconds() + " s";
        }
        return time.compareTo(Duration.ofHours(2)) < 0 ? time.toMinutes() + " min" : time.toHours() + " h";
    }

    // ---- PostgreSQL -------------------------------------------------------------------------------------------------

    private void checkVacuum(Connection connection) throws SQLException {
        try (var statement = connection.prepareStatement("select s.n_live_tup, s.n_dead_tup, s.last_autovacuum::text,"
                + " current_setting('autovacuum') = 'off' as off_everywhere,"
                + " coalesce(array_to_string(c.reloptions, ','), '') ~* 'autovacuum_enabled=(false|off|no|0)' as off_here"
                + " from pg_stat_user_tables s join pg_class c on c.oid = s.relid where s.relid = ?::regclass")) {
            statement.setString(1, db.table("tenfold_job"));
            try (var rows = statement.executeQuery()) {
                if (!rows.next()) {
                    return;
                }
                long live = rows.getLong(1);
                long dead = rows.getLong(2);
                if (dead > options.deadRows && dead > DEAD_TO_LIVE * live) {
                    String last = rows.getString(3);
                    found(
                            Level.WARNING,
                            "dead-rows",
                            "tenfold_job has " + dead + " dead rows to " + live + " live ones; autovacuum was there "
                                    + (last == null ? "never" : "last at " + last),
                            "end what holds it up, such as an old transaction or a replication slot, then: vacuum "
                                    + db.table("tenfold_job"));
                }
                if (rows.getBoolean(4) || rows.getBoolean(5)) {
                    found(
                            Level.WARNING,
                            "autovacuum",
                            "autovacuum is off for " + (rows.getBoolean(4) ? "the whole server" : "tenfold_job")
                                    + ": dead rows are never removed",
                            rows.getBoolean(4)
                                    ? "alter system set autovacuum = on; select pg_reload_conf()"
                                    : "alter table " + db.table("tenfold_job") + " reset (autovacuum_enabled)");
                }
            }
        }
    }

    /** The oldest one that has a snapshot or an id: no row that died since then can be removed. */
    private void checkPostgresTransactions(Connection connection) throws SQLException {
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery("select pid, coalesce(application_name, ''), coalesce(state, ''),"
                        + " (extract(epoch from clock_timestamp() - xact_start) * 1000000)::bigint from pg_stat_activity"
                        + " where datname = current_database() and backend_type = 'client backend'"
                        + " and (backend_xid is not null or backend_xmin is not null) and pid <> pg_backend_pid()"
                        + " and xact_start is not null order by xact_start limit 1")) {
            if (rows.next()) {
                Duration age = JobSurvey.micros(rows.getLong(4));
                if (age.compareTo(options.transactionAge) > 0) {
                    int pid = rows.getInt(1);
                    found(
                            Level.WARNING,
                            "old-transaction",
                            "a transaction of \"" + rows.getString(2) + "\" (pid " + pid + ", " + rows.getString(3)
                                    + ") has been open for " + words(age)
                                    + ": no row that died since then can be removed, and claims get slower",
                            "commit it, or: select pg_terminate_backend(" + pid
                                    + "); against the next one: set idle_in_transaction_session_timeout");
                }
            }
        }
    }

    private void checkPreparedTransactions(Connection connection) throws SQLException {
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery(
                        "select gid, (extract(epoch from clock_timestamp() - prepared) * 1000000)::bigint"
                                + " from pg_prepared_xacts where database = current_database() order by prepared limit 1")) {
            if (rows.next()) {
                Duration age = JobSurvey.micros(rows.getLong(2));
                if (age.compareTo(options.transactionAge) > 0) {
                    found(
                            Level.WARNING,
                            "prepared-transaction",
                            "the prepared transaction '" + rows.getString(1) + "' has been open for " + words(age)
                                    + ": no row that died since then can be removed",
                            "commit prepared '" + rows.getString(1) + "', or rollback prepared; its transaction"
                                    + " manager has forgotten it");
                }
            }
        }
    }

    // ---- MariaDB, MySQL ---------------------------------------------------------------------------------------------

    private void checkInnodbTransactions(Connection connection) throws SQLException {
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery(
                        "select trx_mysql_thread_id, timestampdiff(second, convert_tz(trx_started, 'SYSTEM', '+00:00'),"
                                + " utc_timestamp()) from information_schema.innodb_trx"
                                + " where trx_mysql_thread_id not in (0, connection_id()) order by trx_started limit 1")) {
            if (rows.next()) {
                Duration age = Duration.of(Math.max(0, rows.getLong(2)), ChronoUnit.SECONDS);
                if (age.compareTo(options.transactionAge) > 0) {
                    found(
                            Level.WARNING,
                            "old-transaction",
                            "the transaction of connection " + rows.getLong(1) + " has been open for " + words(age)
                                    + ": no row that was deleted since then can be purged, and claims get slower",
                            "commit it, or: kill " + rows.getLong(1));
                }
            }
        } catch (SQLException e) {
            if (e.getErrorCode() != NEEDS_PROCESS_RIGHT) {
                throw e;
            }
            found(
                    Level.INFO,
                    "old-transaction",
                    "the database's account may not see the transactions of others, so old ones are not found",
                    "grant process on *.* to that account");
        }
    }
}
