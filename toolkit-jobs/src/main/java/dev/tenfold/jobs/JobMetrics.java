package dev.tenfold.jobs;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes jobs to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * JobQueue jobs = JobQueue.on(dataSource, o -> o.listener(JobMetrics.listener(registry)));   // what this process does
 * new JobMetrics(jobs).bindTo(registry);                                                    // what is in the database
 * }</pre>
 *
 * <p>Of this process: {@code toolkit.jobs.enqueued} (counter, by {@code queue} and {@code kind}; those of a transaction that
 * is rolled back later are counted, too), {@code toolkit.jobs.executions} (counter, by {@code queue}, {@code kind} and {@code
 * outcome}: done, retried, snoozed, dead, cancelled, released, lost), {@code toolkit.jobs.run} (timer of handlers, by the
 * same), {@code toolkit.jobs.wait} (timer from when a job was due, by the database's clock, until its handler began, by this
 * process's, by {@code queue} and {@code kind})
 * and {@code toolkit.jobs.lost} (counter by {@code queue} and {@code kind}: leases that were lost, so that the job may run
 * twice).
 *
 * <p>Of the database, by {@code queue}: {@code toolkit.jobs.ready}, {@code .leases}, {@code .scheduled}, {@code .dead} (gauges,
 * none above 10,000: see {@link BoundedCount}), {@code .oldest.age} (gauge in seconds; 0 if nothing is ready), and, without a
 * queue, {@code toolkit.jobs.workers}. All gauges share one look at the database that is at most 10 seconds old, taken on the
 * thread that reads the first of them; the others do not wait for it. While the database is away they are NaN. Ids never show.
 */
public final class JobMetrics implements MeterBinder {
    private static final Logger LOG = LoggerFactory.getLogger(JobMetrics.class);
    private static final long FRESH_NANOS = Duration.ofSeconds(10).toNanos();
    private static final String PREFIX = "toolkit.jobs.";

    private final Supplier<JobStats> stats;
    private final LongSupplier nanos;
    private final ReentrantLock looking = new ReentrantLock();
    private final List<MeterRegistry> registries = new CopyOnWriteArrayList<>();
    private final Set<String> queues = ConcurrentHashMap.newKeySet();
    private volatile @Nullable Snapshot snapshot;

    /** What was seen; nothing if the database was away. */
    private record Snapshot(long nanos, double workers, Map<String, QueueStats> queues, boolean isKnown) {}

    /**
     * Metrics of what is in the database. Several processes may publish the same.
     *
     * @param jobs held strongly
     */
    public JobMetrics(JobQueue jobs) {
        this(Objects.requireNonNull(jobs, "jobs")::stats, System::nanoTime);
    }

    JobMetrics(Supplier<JobStats> stats, LongSupplier nanos) {
        this.stats = stats;
        this.nanos = nanos;
    }

    /**
     * Counts and times what this process enqueues and runs.
     *
     * @param registry where the meters go
     * @return for {@link JobQueueOptions#listener}; does no I/O
     */
    public static JobListener listener(MeterRegistry registry) {
        return new Meters(Objects.requireNonNull(registry, "registry"), InstantSource.system());
    }

    /** Asks the database once, for which queues there are; those that come later get their gauges when they are seen. */
    @Override
    public void bindTo(MeterRegistry registry) {
        registries.add(registry);
        Gauge.builder(PREFIX + "workers", this, metrics -> metrics.current().workers())
                .description("Processes that work, seen in the last 30 s")
                .strongReference(true)
                .register(registry);
        queues.forEach(queue -> register(queue, registry));
        current();
    }

    private void register(String queue, MeterRegistry registry) {
        gauge(
                registry,
                queue,
                "ready",
                null,
                "Jobs that are due and that nobody has",
                s -> s.ready().value());
        gauge(
                registry,
                queue,
                "leases",
                null,
                "Jobs that workers have",
                s -> s.running().value());
        gauge(
                registry,
                queue,
                "scheduled",
                null,
                "Jobs due later",
                s -> s.scheduled().value());
        gauge(registry, queue, "dead", null, "Jobs given up", s -> s.dead().value());
        gauge(
                registry,
                queue,
                "oldest.age",
                "seconds",
                "How long the first ready job has been due",
                s -> s.oldestReady().orElse(Duration.ZERO).toMillis() / 1_000.0);
    }

    private void gauge(
            MeterRegistry registry,
            String queue,
            String name,
            @Nullable String unit,
            String text,
            ToDoubleFunction<QueueStats> figure) {
        Gauge.builder(PREFIX + name, this, metrics -> metrics.of(queue, figure))
                .description(text)
                .baseUnit(unit)
                .tag("queue", queue)
                .strongReference(true)
                .register(registry);
    }

    private double of(String queue, ToDoubleFunction<QueueStats> figure) {
        QueueStats known = current().queues().get(queue);
        return known == null ? Double.NaN : figure.applyAsDouble(known);
    }

    /** One thread looks when it is time; who comes meanwhile takes what was seen last. */
    private Snapshot current() {
        Snapshot seen = snapshot;
        if (seen != null && (nanos.getAsLong() - seen.nanos() < FRESH_NANOS || looking.isLocked())) {
            return seen;
        }
        looking.lock();
        try {
            seen = snapshot;
            if (seen == null || nanos.getAsLong() - seen.nanos() >= FRESH_NANOS) {
                seen = look(seen == null || seen.isKnown());
                snapshot = seen;
            }
        } finally {
            looking.unlock();
        }
        for (String queue : seen.queues().keySet()) {
            if (queues.add(queue)) {
                registries.forEach(registry -> register(queue, registry));
            }
        }
        return seen;
    }

    private Snapshot look(boolean isNews) {
        try {
            JobStats now = stats.get();
            Map<String, QueueStats> byName = new HashMap<>();
            now.queues().forEach(queue -> byName.put(queue.name(), queue));
            return new Snapshot(nanos.getAsLong(), now.workers(), byName, true);
        } catch (JobException e) {
            if (isNews) {
                LOG.warn("the gauges of jobs are NaN until the database answers again; asks every 10 s", e);
            }
            return new Snapshot(nanos.getAsLong(), Double.NaN, Map.of(), false);
        }
    }

    /** The meters of one process, each looked up once. */
    private static final class Meters implements JobListener {
        private record Key(
                String queue, String kind, @Nullable Outcome outcome) {}

        private record Ended(Counter executions, Timer run) {}

        private record Began(Counter enqueued, Timer waited, Counter lost) {}

        private final MeterRegistry registry;
        private final InstantSource clock;
        private final Map<Key, Began> began = new ConcurrentHashMap<>();
        private final Map<Key, Ended> ended = new ConcurrentHashMap<>();

        Meters(MeterRegistry registry, InstantSource clock) {
            this.registry = registry;
            this.clock = clock;
        }

        @Override
        public void enqueued(String kind, String queue, long jobs) {
            began(queue, kind).enqueued().increment((double) jobs);
        }

        @Override
        public Scope starting(JobContext context) {
            Duration waited = Duration.between(context.dueAt(), clock.instant());
            began(context.queue(), context.kind()).waited().record(waited.isNegative() ? Duration.ZERO : waited);
            return Scope.NONE;
        }

        @Override
        public void ended(JobContext context, Outcome outcome, Duration ran, @Nullable Throwable thrown) {
            Ended meters = ended(context.queue(), context.kind(), outcome);
            meters.executions().increment();
            if (outcome == Outcome.LOST) {
                began(context.queue(), context.kind()).lost().increment();
            } else if (!ran.isZero()) {
                meters.run().record(ran);
            }
        }

        private Began began(String queue, String kind) {
            Key wanted = new Key(queue, kind, null);
            Began known = began.get(wanted);
            return known != null
                    ? known
                    : began.computeIfAbsent(wanted, key -> {
                        Tags tags = Tags.of("queue", queue, "kind", kind);
                        return new Began(
                                Counter.builder(PREFIX + "enqueued")
                                        .description("Jobs enqueued")
                                        .tags(tags)
                                        .register(registry),
                                Timer.builder(PREFIX + "wait")
                                        .description("From when a job was due until its handler began")
                                        .tags(tags)
                                        .register(registry),
                                Counter.builder(PREFIX + "lost")
                                        .description("Leases lost while a job ran")
                                        .tags(tags)
                                        .register(registry));
                    });
        }

        private Ended ended(String queue, String kind, Outcome outcome) {
            Key wanted = new Key(queue, kind, outcome);
            Ended known = ended.get(wanted);
            return known != null
                    ? known
                    : ended.computeIfAbsent(wanted, key -> {
                        Tags tags = Tags.of(
                                "queue",
                                queue,
                                "kind",
                                kind,
                                "outcome",
                                outcome.name().toLowerCase(Locale.ROOT));
                        return new Ended(
                                Counter.builder(PREFIX + "executions")
                                        .description("Attempts that ended")
                                        .tags(tags)
                                        .register(registry),
                                Timer.builder(PREFIX + "run")
                                        .description("Time in handlers")
                                        .tags(tags)
                                        .register(registry));
                    });
        }
    }
}
