package dev.tenfold.jobs;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * The settings of a worker, from {@link JobQueue#worker()}. Each method changes them and returns this builder. Not thread-safe.
 *
 * <pre>{@code
 * try (Worker worker = jobs.worker()
 *         .queue("default", 3).queue("mail", 1)                             // of four jobs three are of "default"
 *         .handle(SendReceipt.class, (job, ctx) -> mail(job))
 *         .handle(Rollup.class, rollups, h -> h.timeout(ofMinutes(10)))
 *         .concurrency(50)
 *         .start()) {
 *     worker.awaitStop();
 * }
 * }</pre>
 */
public final class WorkerBuilder {
    private static final Pattern QUEUE = Pattern.compile("[A-Za-z0-9._:/-]{1,100}");
    private static final int MOST_CONCURRENCY = 100_000;
    private static final int MOST_WEIGHT = 1_000;
    private static final Duration LONGEST = Duration.ofDays(1);

    /** Nobody may rely on the last tenth of a lease: two machines' clocks do not run equally fast. */
    private static final long MARGIN_SHARE = 10;

    private record Handling<T>(Kind<T> kind, JobHandler<T> handler, HandlerOptions options) {
        Handled<T> with(RetryPolicy workers) {
            return new Handled<>(kind, handler, options, workers);
        }
    }

    private final JobQueue jobs;
    private final Map<String, Integer> queues = new LinkedHashMap<>();
    private final List<Handling<?>> handlings = new ArrayList<>();
    private String name = "";
    private int concurrency = 20;
    private Duration lease = Duration.ofSeconds(30);
    private Duration heartbeat = Duration.ofSeconds(10);
    private Duration drainTimeout = Duration.ofSeconds(30);
    private Duration pollMin = Duration.ofMillis(50);
    private Duration pollMax = Duration.ofMillis(500);
    private Duration ageing = Duration.ofMinutes(1);
    private RetryPolicy retry = RetryPolicy.DEFAULT;
    private double budgetShare = 0.2;
    private double budgetPerSecond = 10;
    private boolean virtualThreads = true;
    private boolean started;

    WorkerBuilder(JobQueue jobs) {
        this.jobs = jobs;
    }

    /**
     * A queue that it takes jobs from. While several have jobs, they get shares of the worker by their weights; one that is
     * empty leaves its share to the others.
     *
     * @param queue 1 to 100 letters, digits and {@code . _ : / -}; without any call it is {@code default} alone
     * @param weight 1 to 1,000
     * @return this builder
     * @throws IllegalArgumentException for anything else, or a queue named twice
     */
    public WorkerBuilder queue(String queue, int weight) {
        if (!QUEUE.matcher(queue).matches()) {
            throw new IllegalArgumentException(
                    "queue \"" + queue + "\" must be named by 1 to 100 letters, digits and . _ : / -");
        }
        if (weight < 1 || weight > MOST_WEIGHT) {
            throw new IllegalArgumentException("weight " + weight + " of queue " + queue + " must be from 1 to 1,000");
        }
        if (queues.putIfAbsent(queue, weight) != null) {
            throw new IllegalArgumentException("queue " + queue + " is named twice; keep one");
        }
        return this;
    }

    /**
     * What runs jobs of a class, with the default options.
     *
     * @param type the payload's class
     * @param handler used by many threads at once
     * @param <T> the payload's class
     * @return this builder
     * @throws IllegalArgumentException if the class makes no kind, or has a handler already
     */
    public <T> WorkerBuilder handle(Class<T> type, JobHandler<T> handler) {
        return handle(type, handler, options -> options);
    }

    /**
     * What runs jobs of a class.
     *
     * @param type the payload's class
     * @param handler used by many threads at once
     * @param options changes the default options
     * @param <T> the payload's class
     * @return this builder
     * @throws IllegalArgumentException if the class makes no kind, or has a handler already
     */
    public <T> WorkerBuilder handle(Class<T> type, JobHandler<T> handler, UnaryOperator<HandlerOptions> options) {
        return handle(jobs.kinds.of(type), handler, options);
    }

    /**
     * What runs jobs of a kind, under its name and its former ones, with the default options.
     *
     * @param kind the kind; registered with the queue when the worker starts
     * @param handler used by many threads at once
     * @param <T> the payload's class
     * @return this builder
     * @throws IllegalArgumentException if one of the names has a handler already
     */
    public <T> WorkerBuilder handle(Kind<T> kind, JobHandler<T> handler) {
        return handle(kind, handler, options -> options);
    }

    /**
     * What runs jobs of a kind, under its name and its former ones.
     *
     * @param kind the kind; registered with the queue when the worker starts
     * @param handler used by many threads at once
     * @param options changes the default options
     * @param <T> the payload's class
     * @return this builder
     * @throws IllegalArgumentException if one of the names has a handler already
     */
    public <T> WorkerBuilder handle(Kind<T> kind, JobHandler<T> handler, UnaryOperator<HandlerOptions> options) {
        Objects.requireNonNull(handler, "handler");
        List<String> taken = new ArrayList<>();
        for (Handling<?> each : handlings) {
            taken.addAll(names(each.kind));
        }
        for (String each : names(kind)) {
            if (taken.contains(each)) {
                throw new IllegalArgumentException("\"" + each + "\" has two handlers; keep one");
            }
        }
        handlings.add(new Handling<>(kind, handler, options.apply(HandlerOptions.DEFAULT)));
        return this;
    }

    private static List<String> names(Kind<?> kind) {
        List<String> names = new ArrayList<>(kind.aliases);
        names.add(kind.name);
        return names;
    }

    /**
     * How many jobs run at the same time.
     *
     * @param handlers 1 to 100,000; default 20. On platform threads each costs a thread; where handlers use connections, not
     *     more than the pool has
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder concurrency(int handlers) {
        if (handlers < 1 || handlers > MOST_CONCURRENCY) {
            throw new IllegalArgumentException("concurrency " + handlers + " must be from 1 to 100,000");
        }
        concurrency = handlers;
        return this;
    }

    /**
     * For how long a job is this worker's after a claim or a heartbeat: so long after its death its jobs run elsewhere, and a
     * pause of the process beyond that loses them.
     *
     * @param time 100 milliseconds to a day, at least twice the heartbeat; default 30 seconds
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder lease(Duration time) {
        lease = positive("lease", time, Duration.ofMillis(100));
        return this;
    }

    /**
     * How often leases are renewed; one statement each time, whatever the number of jobs up to 1,000.
     *
     * @param time 20 milliseconds to a day, at most half of the lease; default 10 seconds
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder heartbeat(Duration time) {
        heartbeat = positive("heartbeat", time, Duration.ofMillis(20));
        return this;
    }

    /**
     * How long {@link Worker#close} waits for handlers before it interrupts them.
     *
     * @param time 0 to a day; default 30 seconds
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder drainTimeout(Duration time) {
        drainTimeout = positive("drainTimeout", time, Duration.ZERO);
        return this;
    }

    /**
     * How often an idle worker looks for jobs that nobody has told it of: first after {@code least}, then after twice that and
     * so on up to {@code most}, each time a random part of up to a half less. Jobs that become due by time are found that way.
     *
     * @param least 1 millisecond to a day; default 50 milliseconds
     * @param most not less than that; default 500 milliseconds
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder pollInterval(Duration least, Duration most) {
        pollMin = positive("pollInterval", least, Duration.ofMillis(1));
        pollMax = positive("pollInterval", most, Duration.ofMillis(1));
        if (most.compareTo(least) < 0) {
            throw new IllegalArgumentException("pollInterval " + least + " to " + most + " is the wrong way round");
        }
        return this;
    }

    /**
     * After how long a job that waits is as urgent as a new one of the next {@link Priority}; so the less urgent are late while
     * there is more to do than can be done, but not for ever.
     *
     * @param interval 1 millisecond to a day; default 1 minute
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder ageing(Duration interval) {
        ageing = positive("ageing", interval, Duration.ofMillis(1));
        return this;
    }

    /**
     * When failed jobs run again, of kinds that do not say so themselves.
     *
     * @param policy default {@link RetryPolicy#fullJitter} from 2 seconds up to 1 hour
     * @return this builder
     */
    public WorkerBuilder retry(RetryPolicy policy) {
        retry = Objects.requireNonNull(policy, "policy");
        return this;
    }

    /**
     * How many retries the jobs of a queue may have: a share of those that this worker has done, and some by time. Beyond that a
     * failed job comes back after its policy's longest delay only (Google, "Site Reliability Engineering", chapter 22).
     *
     * @param share 0 to 1 of the jobs done; default 0.2
     * @param perSecond 0 to 1,000,000; default 10
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder retryBudget(double share, double perSecond) {
        if (!(share >= 0 && share <= 1 && perSecond >= 0 && perSecond <= 1_000_000)) {
            throw new IllegalArgumentException("retryBudget " + share + ", " + perSecond
                    + " must be a share from 0 to 1 and from 0 to 1,000,000 a second");
        }
        budgetShare = share;
        budgetPerSecond = perSecond;
        return this;
    }

    /**
     * Whether handlers run on virtual threads.
     *
     * @param virtual default true: where the runtime has them, from Java 21 on
     * @return this builder
     */
    public WorkerBuilder virtualThreads(boolean virtual) {
        virtualThreads = virtual;
        return this;
    }

    /**
     * What it is called in lists of workers.
     *
     * @param newName 1 to 200 characters; default the host's name and the process's number
     * @return this builder
     * @throws IllegalArgumentException for anything else
     */
    public WorkerBuilder name(String newName) {
        if (newName.isBlank() || newName.length() > 200) {
            throw new IllegalArgumentException("name \"" + newName + "\" must have 1 to 200 characters");
        }
        name = newName;
        return this;
    }

    private static Duration positive(String knob, Duration time, Duration least) {
        if (time.compareTo(least) < 0 || time.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(knob + " " + time + " must be from " + least + " to " + LONGEST);
        }
        return time;
    }

    /**
     * Starts a worker. Blocks for some statements: it makes its kinds and queues known to the database.
     *
     * @return a worker that runs; close it
     * @throws IllegalArgumentException if there is no handler, or settings contradict one another
     * @throws IllegalStateException if the queue is closed, or this builder has started one before
     * @throws JobException if the database is away
     */
    public Worker start() {
        jobs.refuseClosed();
        check();
        if (started) {
            throw new IllegalStateException(
                    "this builder has started its worker; begin with jobs.worker() for another one");
        }
        try {
            Worker worker = new Worker(jobs, settings(), handled(), weights());
            started = true;
            worker.start();
            return worker;
        } catch (SQLException e) {
            throw new JobException("cannot start a worker; is the database up, and JobSchema installed?", e);
        }
    }

    private void check() {
        if (handlings.isEmpty()) {
            throw new IllegalArgumentException("the worker has no handler; add one with handle(SomeJob.class, …)");
        }
        if (heartbeat.multipliedBy(2).compareTo(lease) > 0) {
            throw new IllegalArgumentException("heartbeat " + heartbeat + " must be at most half of lease " + lease
                    + "; raise lease(…) or lower heartbeat(…)");
        }
    }

    /** What is handled, by the numbers of its kinds' names; asks the database for those that are not known. */
    Map<Integer, Handled<?>> handled() {
        Map<Integer, Handled<?>> handled = new HashMap<>();
        for (Handling<?> each : handlings) {
            jobs.kinds.register(each.kind);
            Handled<?> one = each.with(retry);
            for (String known : names(each.kind)) {
                handled.put(jobs.kinds.kindId(known), one);
            }
        }
        return handled;
    }

    private Map<Integer, Integer> weights() {
        Map<Integer, Integer> weights = new LinkedHashMap<>();
        named().forEach((queue, weight) -> weights.put(jobs.kinds.queueId(queue), weight));
        return weights;
    }

    private Map<String, Integer> named() {
        return queues.isEmpty() ? Map.of("default", 1) : queues;
    }

    Settings settings() {
        return new Settings(this);
    }

    /** What a worker needs of it, in units that it computes with. */
    static final class Settings {
        final String name;
        final List<String> queues;
        final int concurrency;
        final long leaseMicros;
        /** How long after a claim or renewal was sent the job is surely this worker's. */
        final long trustNanos;

        final long heartbeatNanos;
        final long drainNanos;
        final long pollMinNanos;
        final long pollMaxNanos;
        final long ageingMicros;
        final double budgetShare;
        final double budgetPerSecond;
        final boolean virtualThreads;

        private Settings(WorkerBuilder from) {
            name = from.name.isEmpty() ? defaultName() : from.name;
            queues = List.copyOf(from.named().keySet());
            concurrency = from.concurrency;
            leaseMicros = Times.micros(from.lease);
            trustNanos = from.lease.toNanos() - from.lease.toNanos() / MARGIN_SHARE;
            heartbeatNanos = from.heartbeat.toNanos();
            drainNanos = from.drainTimeout.toNanos();
            pollMinNanos = from.pollMin.toNanos();
            pollMaxNanos = from.pollMax.toNanos();
            ageingMicros = Times.micros(from.ageing);
            budgetShare = from.budgetShare;
            budgetPerSecond = from.budgetPerSecond;
            virtualThreads = from.virtualThreads;
        }

        private static String defaultName() {
            String host;
            try {
                host = InetAddress.getLocalHost().getHostName();
            } catch (UnknownHostException unnamed) {
                host = "localhost";
            }
            return (host.length() > 150 ? host.substring(0, 150) : host) + ":"
                    + ProcessHandle.current().pid();
        }
    }
}
