package dev.tenfold.demo;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.jobs.BoundedCount;
import dev.tenfold.jobs.DeadLetters;
import dev.tenfold.jobs.JobException;
import dev.tenfold.jobs.JobQueue;
import dev.tenfold.jobs.JobSchema;
import dev.tenfold.jobs.QueueStats;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.readiness.Readiness;
import dev.tenfold.readiness.ReadinessSchema;
import dev.tenfold.readiness.Report;
import dev.tenfold.testkit.PostgresServer;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Stream;
import javax.sql.DataSource;

/**
 * Users post pictures: first to nodes that make the thumbnail and send the mail while the user waits; then to nodes that leave it
 * to two workers, of which one is killed amidst the load, as PostgreSQL is after it.
 */
final class PictureDay implements AutoCloseable {
    static final String IN_REQUEST = "slow work in requests";
    static final String AS_JOBS = "with toolkit-jobs";

    /** 100,000 users have twenty nodes; these are two of them, with their share of the requests. */
    static final int SHARE = 10;

    /** One request in so many is a picture. With the time that a mail takes, that is more than two nodes have threads for. */
    static final int PICTURE_EVERY = 11;

    /** Longer than elsewhere: two workers have just begun, and share the processors with the nodes. */
    static final Duration WARM_UP = Duration.ofSeconds(2);

    /** What a node's queue needs of connections for itself, to tell workers of new jobs. */
    private static final int QUEUE_POOL = 2;

    /** As many mails as two workers send in half a minute: so long may one wait. */
    private static final double MOST_JOBS =
            2.0 * PictureWorker.CONCURRENCY * TimeUnit.SECONDS.toMillis(30) / MailServer.TAKES.toMillis();

    private static final long LONGEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long LOOK_EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long SAMPLE_EVERY_MILLIS = 200;
    private static final int GROUPS = 10;

    private final Site site;
    private final PostgresServer postgres;
    private final DataSource database;
    private final int users;
    private final Duration length;
    private final Path directory = Files.createTempDirectory("tenfold-pictures-");
    private final MailServer mails = MailServer.start();
    private final Set<Long> accepted = ConcurrentHashMap.newKeySet();
    private final AtomicInteger acceptedOdd = new AtomicInteger();
    private final Deque<Runnable> closes = new ArrayDeque<>();

    PictureDay(Site site, PostgresServer postgres, boolean quick, int users) throws IOException, SQLException {
        this.site = site;
        this.postgres = postgres;
        this.database = site.direct();
        this.users = users;
        this.length = Duration.ofSeconds(quick ? 4 : 6);
        Runtime.getRuntime().addShutdownHook(new Thread(this::deleteDirectory, "delete-pictures"));
        PictureTables.create(database);
    }

    /**
     * What {@link #run} found.
     *
     * @param backlog jobs that were not done yet, all of the time
     * @param readiness Readiness' report on the load with toolkit-jobs, while it lasted
     */
    record Found(
            Measured inRequest,
            Measured asJobs,
            Effects effects,
            Deaths deaths,
            Letters letters,
            List<Stage.Backlog.Sample> backlog,
            Report readiness) {}

    /**
     * What became of the pictures that were accepted with toolkit-jobs.
     *
     * @param accepted pictures whose sender was told so
     * @param lost of those, not in the database any more
     * @param withoutThumbnail pictures without one in the end
     * @param twoThumbnails pictures with more than one
     * @param withoutMail pictures without one in the end
     * @param twoMails pictures with more than one delivered
     * @param mailsRepeated mails that were sent once more, and dropped because of their key
     * @param unfinished jobs left in the end
     */
    record Effects(
            int accepted,
            int lost,
            int withoutThumbnail,
            int twoThumbnails,
            int withoutMail,
            int twoMails,
            int mailsRepeated,
            long unfinished) {}

    /**
     * What died under the jobs; seconds count from the first request.
     *
     * @param killedAt when one of the two workers was
     * @param underWay mails that it was sending just then
     * @param downAt when PostgreSQL was killed
     * @param left jobs that were not done by then
     * @param upAt when it was back
     * @param doneAt when no job was left but the dead ones
     */
    record Deaths(double killedAt, int underWay, double downAt, long left, double upAt, double doneAt) {}

    /**
     * Jobs that died because of a bug, until that was mended.
     *
     * @param expected pictures accepted that the first version of the worker cannot read
     * @param found dead letters
     * @param groups of errors alike
     * @param error of the largest group
     * @param replayed dead letters made jobs again, for a worker that can
     * @param left dead letters afterwards
     * @param replayedAt in seconds from the first request
     */
    record Letters(int expected, long found, int groups, String error, long replayed, long left, double replayedAt) {}

    Found run() throws Exception {
        Measured inRequest = inRequest();
        PictureTables.clear(database);
        accepted.clear();
        acceptedOdd.set(0);
        return asJobs(inRequest);
    }

    private Measured inRequest() throws Exception {
        StaleReads stale = new StaleReads(CachedFeed.MAX_STALENESS, CachedFeed.LOCAL_LIFE);
        try (TwoNodes nodes = TwoNodes.withCacheAndPictures(
                site.database(),
                site.redisUri(),
                stale,
                pool -> new PicturesInRequest(pool, directory, mails.port()))) {
            return offer(nodes, IN_REQUEST, stale, () -> {});
        }
    }

    private Found asJobs(Measured inRequest) throws Exception {
        JobSchema.install(database);
        ReadinessSchema.install(database);
        QueryGuard guard = QueryGuard.watch(site.database());
        StaleReads stale = new StaleReads(CachedFeed.MAX_STALENESS, CachedFeed.LOCAL_LIFE);
        try (WorkerProcess first = worker("first", false);
                WorkerProcess second = worker("second", false);
                JobQueue jobs = JobQueue.on(database);
                Watch watch = new Watch(jobs);
                TwoNodes nodes = TwoNodes.withCacheAndPictures(
                        guard, site.redisUri(), stale, pool -> new PicturesAsJobs(pool, queueOfNode(), directory));
                Readiness readiness = readiness(guard, nodes, watch)) {
            first.awaitReady();
            second.awaitReady();
            AtomicReference<Future<Killed>> killed = new AtomicReference<>();
            AtomicReference<Future<Report>> reported = new AtomicReference<>();
            Measured asJobs = offer(nodes, AS_JOBS, stale, () -> {
                readiness.start();
                watch.begin();
                killed.set(watch.after(length.dividedBy(2), () -> kill(first, watch)));
                reported.set(watch.after(length.multipliedBy(9).dividedBy(10), () -> lastReport(readiness)));
            });
            Killed worker = Objects.requireNonNull(killed.get(), "it has begun").get();
            Report report =
                    Objects.requireNonNull(reported.get(), "it has begun").get();
            Deaths deaths = restartPostgres(worker, second, watch);
            second.stop();
            Letters letters = replay(jobs, watch);
            return new Found(inRequest, asJobs, effects(watch), deaths, letters, watch.samples(), report);
        }
    }

    /** What the application adds to know what would break next: both nodes are in this process, so it is of both. */
    private Readiness readiness(QueryGuard guard, TwoNodes nodes, Watch watch) {
        int requestThreads = nodes.servers().size() * FeedServer.REQUEST_THREADS;
        return Readiness.on(database)
                .guard(guard, 2.0 * Runtime.getRuntime().availableProcessors())
                .gauge("pool", nodes::borrowed, nodes.connections())
                .gauge("request-threads", () -> inProgress(nodes.servers()), requestThreads)
                .gauge("jobs", watch::sampled, MOST_JOBS)
                .every(Duration.ofSeconds(1))
                .build();
    }

    private static int inProgress(List<FeedServer> servers) {
        return servers.stream().mapToInt(FeedServer::inProgress).sum();
    }

    /** Before PostgreSQL is killed: it takes the last hour, too. */
    private static Report lastReport(Readiness readiness) {
        Report report = readiness.report();
        readiness.close();
        return report;
    }

    private WorkerProcess worker(String name, boolean mended) throws IOException {
        return WorkerProcess.start(name, site.jdbcUrl(), mails.port(), mended, directory);
    }

    private JobQueue queueOfNode() {
        HikariDataSource pool = Site.pool(site.database(), QUEUE_POOL);
        closes.push(pool::close);
        JobQueue queue = JobQueue.on(pool);
        closes.push(queue::close);
        return queue;
    }

    // ---- the load ---------------------------------------------------------------------------------------------------

    private Measured offer(TwoNodes nodes, String version, StaleReads stale, Runnable begin) throws SQLException {
        nodes.fillCachesOnce();
        List<FeedServer> servers = nodes.servers();
        double perSecond = users / Site.USER_ASKS_EVERY_SECONDS / SHARE;
        Site.Sender sender = n -> isPicture(n) ? post(servers, n) : site.send(servers, n, users, stale);
        return site.onTwoNodes(nodes, version, users, perSecond, sender, stale, length, begin);
    }

    private static boolean isPicture(int n) {
        return n % PICTURE_EVERY == PICTURE_EVERY / 2 && !Site.isComment(n);
    }

    private CompletableFuture<Boolean> post(List<FeedServer> servers, int n) {
        int picture = n / PICTURE_EVERY;
        return site.post(servers, n, Photo.sample(picture)).thenApply(answer -> {
            boolean good = answer.statusCode() == 200;
            if (good && accepted.add(Long.parseLong(answer.body())) && Photo.isOdd(picture)) {
                acceptedOdd.incrementAndGet();
            }
            return good;
        });
    }

    // ---- what dies --------------------------------------------------------------------------------------------------

    private record Killed(double second, int underWay) {}

    /** As soon as it is in the middle of something. */
    private Killed kill(WorkerProcess worker, Watch watch) throws InterruptedException {
        AtomicInteger underWay = new AtomicInteger();
        boolean unused = await(() -> {
            underWay.set(mails.underWay(worker.name()));
            return underWay.get() > 0;
        });
        worker.kill();
        return new Killed(watch.second(), underWay.get());
    }

    /** As soon as the worker that is left is in the middle of something; and waits until it has done all that can be done. */
    private Deaths restartPostgres(Killed worker, WorkerProcess other, Watch watch) {
        boolean isBusy = await(() -> mails.underWay(other.name()) > 0);
        long left = isBusy ? watch.unfinished() : 0;
        double down = watch.second();
        postgres.kill();
        postgres.restart();
        double up = watch.second();
        boolean unused = await(watch::isDone);
        return new Deaths(worker.second(), worker.underWay(), down, left, up, watch.second());
    }

    /** The bug is mended, and what died of it is done by the new version. */
    private Letters replay(JobQueue jobs, Watch watch) throws IOException {
        List<DeadLetters.Group> groups = jobs.deadLetters().groups(all -> all, GROUPS);
        long found = groups.stream().mapToLong(group -> group.count().value()).sum();
        String error = groups.isEmpty()
                ? ""
                : groups.get(0).type() + ": " + groups.get(0).message();
        try (WorkerProcess mended = worker("mended", true)) {
            mended.awaitReady();
            double at = watch.second();
            long replayed = jobs.deadLetters().replayAll(all -> all.kind("make-thumbnail"));
            boolean unused = await(watch::isDone);
            return new Letters(acceptedOdd.get(), found, groups.size(), error, replayed, watch.dead(), at);
        }
    }

    private static boolean await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + LONGEST_WAIT_NANOS;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline >= 0) {
                return false;
            }
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
        return true;
    }

    // ---- what came of it --------------------------------------------------------------------------------------------

    private Effects effects(Watch watch) throws SQLException {
        Set<Long> pictures = PictureTables.pictures(database);
        Map<Long, AtomicInteger> delivered = mails.delivered();
        Set<Long> withoutMail = new HashSet<>(pictures);
        withoutMail.removeAll(delivered.keySet());
        Set<Long> lost = new HashSet<>(accepted);
        lost.removeAll(pictures);
        return new Effects(
                accepted.size(),
                lost.size(),
                PictureTables.withoutThumbnail(database).size(),
                PictureTables.withTwoThumbnails(database).size(),
                withoutMail.size(),
                (int) delivered.values().stream().filter(n -> n.get() > 1).count(),
                mails.repeated(),
                watch.unfinished());
    }

    /** Looks at the queue now and then. */
    private static final class Watch implements AutoCloseable {
        private final JobQueue jobs;
        private final Queue<Stage.Backlog.Sample> samples = new ConcurrentLinkedQueue<>();
        private final ScheduledExecutorService threads = Executors.newScheduledThreadPool(2, body -> {
            Thread thread = new Thread(body, "picture-day");
            thread.setDaemon(true);
            return thread;
        });
        private volatile long began;
        private volatile double sampled = Double.NaN;

        Watch(JobQueue jobs) {
            this.jobs = jobs;
        }

        void begin() {
            began = System.nanoTime();
            Future<?> unused =
                    threads.scheduleWithFixedDelay(this::sample, 0, SAMPLE_EVERY_MILLIS, TimeUnit.MILLISECONDS);
        }

        <T> Future<T> after(Duration time, Callable<T> work) {
            return threads.schedule(work, time.toNanos(), TimeUnit.NANOSECONDS);
        }

        double second() {
            return (System.nanoTime() - began) / 1e9;
        }

        private void sample() {
            double second = second();
            try {
                long jobs = unfinished();
                samples.add(new Stage.Backlog.Sample(second, jobs));
                sampled = jobs;
            } catch (JobException databaseIsDead) {
                // Nobody can tell, then. The chart has a gap.
                return;
            }
        }

        long unfinished() {
            return count(queue ->
                    Stream.of(queue.ready(), queue.running(), queue.scheduled(), queue.parked(), queue.waiting()));
        }

        /** Jobs that were not done when it last looked; not a number before. */
        double sampled() {
            return sampled;
        }

        long dead() {
            return count(queue -> Stream.of(queue.dead()));
        }

        private long count(Function<QueueStats, Stream<BoundedCount>> which) {
            return jobs.stats().queues().stream()
                    .flatMap(which)
                    .mapToLong(BoundedCount::value)
                    .sum();
        }

        boolean isDone() {
            try {
                return unfinished() == 0;
            } catch (JobException databaseIsDead) {
                return false;
            }
        }

        List<Stage.Backlog.Sample> samples() {
            return List.copyOf(samples);
        }

        @Override
        public void close() {
            threads.shutdownNow();
        }
    }

    /** Last opened, first closed. */
    @Override
    public void close() {
        while (!closes.isEmpty()) {
            closes.pop().run();
        }
        mails.close();
        deleteDirectory();
    }

    private void deleteDirectory() {
        File[] files = directory.toFile().listFiles();
        if (files != null) {
            for (File file : files) {
                boolean unused = file.delete();
            }
        }
        boolean unused = directory.toFile().delete();
    }
}
