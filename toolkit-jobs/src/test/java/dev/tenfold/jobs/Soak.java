package dev.tenfold.jobs;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.sql.DataSource;

/**
 * Three processes work on a queue while they are killed, stopped and cut off, and the database is killed, too; in the end nothing
 * may be lost, and nothing committed twice.
 *
 * <pre>
 * java -cp … dev.tenfold.jobs.Soak [minutes, default 10] [seed]
 * </pre>
 *
 * <p>The seed decides what is done to whom and when, and what is enqueued; not how the processes interleave.
 */
final class Soak implements AutoCloseable {
    private static final Duration DRAINS_WITHIN = Duration.ofSeconds(90);

    private final PrintStream out;
    private final long start = System.nanoTime();
    private final Path logs;
    private final PostgresServer server;
    private final DataSource direct;
    private final HikariDataSource pool;
    private final FaultProxy toProducer;
    private final SoakProducer producer;
    private final SoakFaults faults;
    private final SoakWatch watch;
    private final Duration late;
    private boolean isWell;

    private Soak(long seed, int perSecond, Duration late, PrintStream out) throws IOException {
        this.out = out;
        this.late = late;
        logs = Files.createTempDirectory("tenfold-soak-");
        // The first is what a queue in production needs, too: else a process that hangs in a transaction keeps its
        // locks.
        server = PostgresServer.start("idle_in_transaction_session_timeout=1500", "max_wal_size=1GB");
        String database = server.createDatabase();
        direct = server.dataSource(database);
        JobSchema.install(direct);
        makeTables();
        pool = SoakWorker.pool(server.jdbcUrl(database), 2);
        toProducer = FaultProxy.to(server.host(), server.port());
        producer = new SoakProducer(server.jdbcUrl(database, toProducer), new Random(seed), perSecond);
        faults = new SoakFaults(start, server, database, producer, toProducer, logs, this::tell);
        watch = new SoakWatch(direct, faults, late.toNanos());
    }

    private void makeTables() {
        String now = "bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint";
        try (Connection connection = direct.getConnection();
                Statement statement = connection.createStatement()) {
            // Some commits take long enough to be interrupted.
            statement.execute("create table soak_marker (name text primary key, slow boolean not null);"
                    + " create function soak_slowly() returns trigger language plpgsql as $$ begin"
                    + " if new.slow then perform pg_sleep(0.3); end if; return null; end $$;"
                    + " create constraint trigger slow after insert on soak_marker deferrable initially deferred"
                    + " for each row execute function soak_slowly();"
                    + " create table soak_effect (key text not null, worker text not null, lease bigint not null, at "
                    + now
                    + "); create table soak_event (id bigint generated always as identity, key text not null,"
                    + " concurrency_key text, what text not null, worker text not null, lease bigint not null, at "
                    + now
                    + "); create index on soak_event (key)");
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Arguments: minutes, seed. Ends with 1 if something was wrong. */
    public static void main(String[] arguments) throws Exception {
        long minutes = arguments.length > 0 ? Long.parseLong(arguments[0]) : 10;
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : System.nanoTime();
        PrintStream out = System.out;
        Duration length = Duration.ofMinutes(minutes);
        List<SoakFaults.Planned> plan = SoakFaults.plan(length, new Random(seed));
        List<String> wrong = run(seed, plan, length, 20, Duration.ofSeconds(1), out);
        System.exit(wrong.isEmpty() ? 0 : 1);
    }

    /**
     * Runs it and prints what comes of it.
     *
     * @param late how long after a lease's end its job has to be claimed again
     * @return what is wrong
     */
    static List<String> run(
            long seed, List<SoakFaults.Planned> plan, Duration length, int perSecond, Duration late, PrintStream out)
            throws IOException, SQLException, InterruptedException {
        out.println("soak of " + length.toSeconds() + " s, seed " + seed);
        try (Soak soak = new Soak(seed, perSecond, late, out)) {
            return soak.run(plan, length);
        }
    }

    private List<String> run(List<SoakFaults.Planned> plan, Duration length)
            throws IOException, SQLException, InterruptedException {
        faults.startAll();
        tell("three workers are ready; their logs are in " + logs);
        long began = System.nanoTime();
        producer.start();
        watch.start();
        Thread acting = new Thread(() -> faults.execute(plan), "soak-plan");
        acting.setDaemon(true);
        acting.start();
        while (!over(began, length)) {
            boolean unused = SoakFaults.await(() -> over(began, length), Duration.ofSeconds(10));
            tell(progress());
        }
        acting.join();
        faults.end();
        producer.stop();
        tell("no more faults; all is to be drained");
        List<String> wrong = new ArrayList<>();
        boolean drained = SoakFaults.await(
                () -> ask(pool, "select count(*) from tenfold_job").equals("0"), DRAINS_WITHIN);
        if (!drained) {
            wrong.add("not drained within " + DRAINS_WITHIN + ": "
                    + ask(
                            pool,
                            "select string_agg(r::text, E'\\n') from (select j.id, j.run_at, j.lease_until, j.lease,"
                                    + " j.attempt, j.failures, j.admitted, j.concurrency_key, j.batch_id,"
                                    + " convert_from(j.payload, 'UTF8') from tenfold_job j limit 20) r"));
        }
        watch.close();
        faults.stopAll();
        report(plan, wrong);
        return wrong;
    }

    private static boolean over(long began, Duration length) {
        return System.nanoTime() - began >= length.toNanos();
    }

    // ---- what came of it --------------------------------------------------------------------------------------------

    private String progress() {
        return producer.deals.size() + " deals (" + producer.askedAgain.get() + " asked again), "
                + ask(pool, "select count(*) from soak_effect") + " effects, "
                + ask(pool, "select count(*) from soak_event") + " events, "
                + ask(pool, "select count(*) from tenfold_job_dead") + " dead, "
                + ask(pool, "select count(*) from tenfold_job") + " waiting; " + recoveries()
                + "; transactions refused "
                + faults.refused.get() + ", ends refused " + faults.lost.get();
    }

    private String recoveries() {
        long[] sorted =
                watch.recoveries.stream().mapToLong(each -> each).sorted().toArray();
        return sorted.length == 0
                ? "no lease has ended"
                : sorted.length + " leases ended, claimed after (ms) p50 " + millis(sorted, 0.5) + ", p99 "
                        + millis(sorted, 0.99) + ", most " + millis(sorted, 1);
    }

    private static long millis(long[] sorted, double share) {
        return TimeUnit.NANOSECONDS.toMillis(sorted[(int) Math.min(sorted.length - 1, sorted.length * share)]);
    }

    private void report(List<SoakFaults.Planned> plan, List<String> wrong) throws SQLException {
        SoakChecks checks = new SoakChecks(producer.deals);
        Map<String, List<String>> violations = checks.run(direct);
        violations.put("places taken above the limit", List.copyOf(watch.crowds));
        violations.put(
                "leases not claimed within " + late.toMillis() + " ms",
                watch.late.stream().sorted(Comparator.reverseOrder()).toList());
        violations.put(
                "surprises",
                Stream.concat(producer.surprises.stream(), faults.surprises.stream())
                        .toList());
        long now = System.nanoTime();
        line("jobs", checks.jobs + " of " + producer.deals.size() + " deals");
        line("commits of unknown outcome", checks.unknown + ", and " + producer.askedAgain.get() + " enqueued again");
        line("faults", faults.done.toString());
        line("nobody could work for", TimeUnit.NANOSECONDS.toSeconds(faults.outage(start, now)) + " s");
        line("jobs run again (at least once)", Integer.toString(checks.secondRuns));
        line("recovery", recoveries());
        line("transactions refused", Integer.toString(faults.refused.get()));
        line("ends refused", Integer.toString(faults.lost.get()));
        violations.forEach((check, found) -> {
            line(check, Integer.toString(found.size()));
            found.stream().limit(10).forEach(each -> out.println("      " + each));
            if (!found.isEmpty()) {
                wrong.add(check + ": " + found.size() + ", among them " + found.subList(0, Math.min(5, found.size())));
            }
        });
        for (SoakFaults.Fault each : EnumSet.allOf(SoakFaults.Fault.class)) {
            if (plan.stream().anyMatch(planned -> planned.fault() == each) && !faults.done.containsKey(each)) {
                wrong.add("the fault " + each + " has not been had");
            }
        }
        if (faults.done.containsKey(SoakFaults.Fault.ZOMBIE) && (faults.refused.get() == 0 || faults.lost.get() == 0)) {
            wrong.add(
                    "no zombie was refused: " + faults.refused.get() + " transactions, " + faults.lost.get() + " ends");
        }
        isWell = wrong.isEmpty();
        line("verdict", wrong.isEmpty() ? "all is well" : String.join("; ", wrong));
    }

    private void line(String what, String value) {
        out.println(String.format("  %-36s %s", what, value));
    }

    private void tell(String what) {
        out.println(String.format("%7.1f s  %s", (System.nanoTime() - start) / 1e9, what));
    }

    /** The first value, as text; tries again while the database is away. */
    static String ask(DataSource dataSource, String sql, String... values) {
        String[] answer = {"?"};
        boolean unused = SoakFaults.await(
                () -> {
                    try (Connection connection = dataSource.getConnection();
                            var statement = connection.prepareStatement(sql)) {
                        for (int i = 0; i < values.length; i++) {
                            statement.setString(i + 1, values[i]);
                        }
                        try (var rows = statement.executeQuery()) {
                            rows.next();
                            answer[0] = String.valueOf(rows.getString(1));
                            return true;
                        }
                    } catch (SQLException away) {
                        return false;
                    }
                },
                Duration.ofSeconds(30));
        return answer[0];
    }

    @Override
    public void close() throws IOException {
        watch.close();
        faults.close();
        toProducer.resume();
        producer.close();
        toProducer.close();
        pool.close();
        server.close();
        if (isWell) {
            for (File log : Objects.requireNonNull(logs.toFile().listFiles())) {
                Files.deleteIfExists(log.toPath());
            }
            Files.deleteIfExists(logs);
        }
    }
}
