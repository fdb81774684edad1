package dev.tenfold.jobs;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Prints how fast jobs that do nothing are drained: {@code main} with the number of jobs, and of rounds. Asserts nothing. */
final class WorkerBench {
    private WorkerBench() {}

    @JobKind("nothing")
    record Nothing(long number, String text) {}

    public static void main(String[] args) {
        int jobsARound = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
        int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 5;
        boolean virtual = args.length > 2;
        PostgresServer server = PostgresServer.shared();
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(server.jdbcUrl(server.createDatabase()));
        config.setMaximumPoolSize(10);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            JobSchema.install(pool);
            try (JobQueue jobs = JobQueue.on(pool)) {
                for (int round = 0; round < rounds; round++) {
                    drain(jobs, jobsARound, virtual);
                }
            }
        }
    }

    private static void drain(JobQueue jobs, int count, boolean virtual) {
        List<Nothing> payloads = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            payloads.add(new Nothing(i, "some eighty characters of text as a payload usually has them, more or less"));
        }
        long insertedAt = System.nanoTime();
        jobs.enqueueAll(payloads);
        long inserted = System.nanoTime() - insertedAt;
        AtomicLong ran = new AtomicLong();
        long start = System.nanoTime();
        try (Worker worker = jobs.worker()
                .handle(Nothing.class, (job, ctx) -> ran.incrementAndGet())
                .concurrency(50)
                .virtualThreads(virtual)
                .start()) {
            while (worker.stats().done() < count) {
                LockSupport.parkNanos(500_000);
            }
            long took = System.nanoTime() - start;
            System.out.printf(
                    "inserted %,d a second, drained %,d a second (%d ms), ran %d, %s%n",
                    count * TimeUnit.SECONDS.toNanos(1) / inserted,
                    count * TimeUnit.SECONDS.toNanos(1) / took,
                    took / 1_000_000,
                    ran.get(),
                    worker.stats());
        }
    }
}
