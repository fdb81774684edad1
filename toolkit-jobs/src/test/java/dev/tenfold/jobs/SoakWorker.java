package dev.tenfold.jobs;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A process of the soak: one worker, until its standard input ends (at once, as if killed) or says "stop" (in good order).
 *
 * <p>It says on its standard output what the soak cannot see in the database: {@code READY}; {@code + P key} and {@code - P key}
 * around the long waits of jobs that do not let themselves be interrupted (T if a transaction follows); {@code REFUSED key} when
 * a transaction was refused because the lease was lost; {@code LOST id} when an end was not recorded for that reason.
 */
final class SoakWorker {
    private static final int STUBBORN_ATTEMPTS = 20;

    static final Duration LEASE = Duration.ofSeconds(4);
    static final Duration HEARTBEAT = Duration.ofSeconds(1);
    /** Enough for what is stuck elsewhere, too: a lease that ends is to be claimed at once, not when there is room. */
    private static final int CONCURRENCY = 24;

    /** Leaves its traces as it goes, on connections of its own: at least once. */
    record Plain(
            String key,
            @Nullable String concurrencyKey,
            int millis,
            boolean stubborn,
            int throwsFirst,
            boolean snoozes) {}

    /** Leaves its trace in the transaction that ends it, and may enqueue another in it: once. */
    record Effect(
            String key,
            int millis,
            int millisInside,
            boolean stubborn,
            int throwsFirst,
            boolean snoozes,
            @Nullable String child) {
        static Effect of(String key) {
            return new Effect(key, 0, 0, false, 0, false, null);
        }
    }

    /** Never succeeds. */
    record Poison(String key, boolean rejects) {}

    private final String name;
    private final DataSource dataSource;
    private final PrintStream out;

    private SoakWorker(String name, DataSource dataSource, PrintStream out) {
        this.name = name;
        this.dataSource = dataSource;
        this.out = out;
    }

    /** Gives up on a silent server before a lease ends. */
    static HikariDataSource pool(String url, int size) {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setUrl(url + "&connectTimeout=2&loginTimeout=2&socketTimeout=3");
        HikariConfig config = new HikariConfig();
        config.setDataSource(dataSource); // by a URL the pool would set the time-out that all tests share
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(2);
        config.setConnectionTimeout(2_000);
        config.setValidationTimeout(500);
        config.setInitializationFailTimeout(-1);
        return new HikariDataSource(config);
    }

    /** Arguments: the URL and the process's name. */
    public static void main(String[] arguments) throws IOException {
        PrintStream out = System.out;
        try (HikariDataSource pool = pool(arguments[0], CONCURRENCY + 6)) {
            new SoakWorker(arguments[1], pool, out).run(System.in);
        }
    }

    private void run(InputStream parent) throws IOException {
        try (JobQueue jobs = open();
                Worker worker = start(jobs)) {
            say(worker.isRunning() ? "READY" : "ended");
            int word = parent.read();
            if (word < 0) {
                Runtime.getRuntime().halt(1);
            }
        }
        say("STOPPED");
    }

    private JobQueue open() {
        while (true) {
            try {
                return JobQueue.on(dataSource, o -> o.listener(new Losses()));
            } catch (JobException away) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
        }
    }

    private Worker start(JobQueue jobs) {
        while (true) {
            try {
                return jobs.worker()
                        .handle(Plain.class, this::plain)
                        .handle(Effect.class, this::effect)
                        .handle(Poison.class, SoakWorker::poison)
                        .name(name)
                        .concurrency(CONCURRENCY)
                        .lease(LEASE)
                        .heartbeat(HEARTBEAT)
                        .pollInterval(Duration.ofMillis(50), Duration.ofMillis(500))
                        .drainTimeout(Duration.ofSeconds(5))
                        .retry(RetryPolicy.fullJitter(Duration.ofMillis(100), Duration.ofSeconds(1)))
                        .retryBudget(1, 100)
                        .start();
            } catch (JobException away) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
        }
    }

    private final class Losses implements JobListener {
        @Override
        public void ended(JobContext context, Outcome outcome, Duration ran, @Nullable Throwable thrown) {
            if (outcome == Outcome.LOST) {
                say("LOST " + context.id());
            }
        }
    }

    // ---- handlers ---------------------------------------------------------------------------------------------------

    private void plain(Plain job, JobContext context) throws Exception {
        note(job.key, job.concurrencyKey, "start", context);
        misbehave(job.throwsFirst, job.snoozes, context);
        work("P " + job.key, job.millis, job.stubborn);
        note(job.key, job.concurrencyKey, "end", context);
    }

    private void effect(Effect job, JobContext context) throws Exception {
        if (job.stubborn) {
            note(job.key, null, "start", context);
        }
        misbehave(job.throwsFirst, job.snoozes, context);
        work("T " + job.key, job.millis, job.stubborn);
        // A zombie that does not listen goes on trying, until it is told that the job is no longer its own.
        for (int attempt = 1; ; attempt++) {
            try {
                commit(job, context);
                return;
            } catch (JobContext.LeaseLostException e) {
                say("REFUSED " + job.key);
                throw e;
            } catch (InterruptedException | JobException e) {
                if (!job.stubborn || attempt == STUBBORN_ATTEMPTS) throw e;
                // A pool that was interrupted leaves the mark, and then gives nobody anything.
                boolean unused = Thread.interrupted();
            }
        }
    }

    private void commit(Effect job, JobContext context) throws Exception {
        context.transaction(transaction -> {
            insertEffect(transaction.connection(), job.key, context);
            work("", job.millisInside, false);
            if (job.child != null) {
                Enqueued unused =
                        transaction.jobs().enqueue(Effect.of(job.child), o -> o.maxAttempts(SoakProducer.ATTEMPTS));
            }
        });
    }

    private static void poison(Poison job, JobContext context) {
        if (job.rejects) {
            throw context.reject("poison");
        }
        throw new IllegalStateException("poison");
    }

    private static void misbehave(int throwsFirst, boolean snoozes, JobContext context) {
        if (context.failures() < throwsFirst) {
            throw new IllegalStateException("planned failure " + (context.failures() + 1) + " of " + throwsFirst);
        }
        if (snoozes && context.fencingToken() == 1) {
            throw context.snooze(Duration.ofMillis(200));
        }
    }

    /** A stubborn one goes on when it is interrupted, as handlers do that catch everything. */
    private void work(String what, int millis, boolean stubborn) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        if (stubborn) {
            say("+ " + what);
        }
        for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
            if (Thread.interrupted() && !stubborn) {
                throw new InterruptedException("told to stop");
            }
        }
        if (stubborn) {
            say("- " + what);
        }
    }

    private void note(String key, @Nullable String concurrencyKey, String what, JobContext context)
            throws SQLException {
        try (Connection connection = dataSource.getConnection();
                var statement = connection.prepareStatement(
                        "insert into soak_event (key, concurrency_key, what, worker, lease) values (?, ?, ?, ?, ?)")) {
            statement.setString(1, key);
            statement.setString(2, concurrencyKey);
            statement.setString(3, what);
            statement.setString(4, name);
            statement.setLong(5, context.fencingToken());
            statement.executeUpdate();
        }
    }

    private void insertEffect(Connection connection, String key, JobContext context) throws SQLException {
        try (var statement =
                connection.prepareStatement("insert into soak_effect (key, worker, lease) values (?, ?, ?)")) {
            statement.setString(1, key);
            statement.setString(2, name);
            statement.setLong(3, context.fencingToken());
            statement.executeUpdate();
        }
    }

    private void say(String line) {
        out.println(line);
        out.flush();
    }
}
