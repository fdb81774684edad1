package dev.tenfold.readiness;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.pool.PoolHealth.Figures;
import dev.tenfold.query.pool.PoolWatch;
import dev.tenfold.readiness.Resource.Hour;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells how full each resource is, when it will be full, and which layer comes next:
 *
 * <pre>{@code
 * ReadinessSchema.install(dataSource);
 * Readiness readiness = Readiness.on(dataSource)
 *         .guard(queryGuard, 16)                                  // "database": statements at once, of 16 that it can run
 *         .gauge("heap", runtime::usedAfterGc, runtime::maxMemory)
 *         .pool("pool", Pools.watch(queryGuard))
 *         .shared("sessions", sessions::size, 50_000)             // this instance's part of all
 *         .rate("jobs", jobs::done, 300)                          // a counter, as a rate a second
 *         .build();
 * readiness.start();
 * log.info(readiness.report().text());
 * }</pre>
 *
 * <p>It cannot know what is new: a launch, a customer who leaves, a change of the code. It says what happens if things go on as
 * they did, and says nothing before it has seen enough: a direction takes 14 days, a date 56.
 *
 * <p>Each minute it samples the gauges. When an hour ends, its mean goes into the row of its resource and day in {@code
 * tenfold_daily}; the day's figure is the 95th percentile of the hours. Of a {@link Builder#gauge} the fullest instance counts;
 * of {@link Builder#shared}, {@link Builder#rate} and {@link Builder#guard} the instances' parts add up. Instances may come and
 * go. {@link #close} writes the hour so far; a crash loses at most an hour of its instance. If a connection breaks while it
 * commits, an instance's part of one hour may count twice; the percentile leaves out the highest hour of a day of which 20 or
 * more were seen.
 *
 * <p>While the database is away, hours are kept in memory, two days of them. A gauge that throws is left out until it works
 * again. Days with less than 12 hours are no daily figures; the forecast copes with missing ones.
 *
 * <p>Thread-safe.
 */
public final class Readiness implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Readiness.class);

    /** The resource that {@link Builder#guard} adds. */
    static final String DATABASE = "database";

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
    private static final int MOST_HOURS = 48;
    /** A resource without a gauge here is shown as long as another instance may have written it. */
    private static final int STILL_THERE = 30;

    private static final int PEAK_DAYS = 7;
    private static final Duration CLOSING = Duration.ofSeconds(5);

    private final DailyTable table;
    private final Map<String, Resource> resources;
    private final Map<String, PoolWatch> pools;
    private final @Nullable Workload workload;
    private final @Nullable Growth growth;
    private final InstantSource clock;
    private final LongSupplier nanos;
    private final ZoneId zone;
    private final int retention;
    private final Duration every;

    // Guarded by this lock, as the resources' hours are.
    private final ReentrantLock sampling = new ReentrantLock();
    private final Deque<Pending> pending = new ArrayDeque<>();
    private boolean hasSampled;
    private long sampledAt;
    private @Nullable LocalDate prunedOn;
    private @Nullable Instant toldIn;
    private boolean isFailing;
    private volatile @Nullable ScheduledExecutorService executor;
    private final AtomicBoolean isClosed = new AtomicBoolean();

    private final List<Consumer<Report>> listeners = new CopyOnWriteArrayList<>();
    private volatile @Nullable Report latest;

    /** An hour that is not written yet. */
    private record Pending(String resource, boolean adds, Hour hour) {}

    private Readiness(Builder builder) {
        this.table = new DailyTable(builder.dataSource);
        this.resources = Collections.unmodifiableMap(new LinkedHashMap<>(builder.resources));
        this.pools = Map.copyOf(builder.pools);
        this.workload = builder.workload;
        this.growth = builder.growth;
        this.clock = builder.clock;
        this.nanos = builder.nanos;
        this.zone = builder.zone;
        this.retention = builder.retention;
        this.every = builder.every;
    }

    /**
     * Begins with the database that keeps the daily figures.
     *
     * @param dataSource where {@link ReadinessSchema#install} made the table; beneath a {@link QueryGuard} it is asked
     *     directly, so that nothing is counted
     * @return what to add gauges to; no I/O
     */
    public static Builder on(DataSource dataSource) {
        Objects.requireNonNull(dataSource, "dataSource");
        return new Builder(dataSource instanceof QueryGuard guard ? guard.target() : dataSource);
    }

    /** Says what is sampled. Not thread-safe. */
    public static final class Builder {
        private final DataSource dataSource;
        private final Map<String, Resource> resources = new LinkedHashMap<>();
        private final Map<String, PoolWatch> pools = new LinkedHashMap<>();
        private @Nullable Workload workload;
        private @Nullable Growth growth;
        private InstantSource clock = InstantSource.system();
        private LongSupplier nanos = System::nanoTime;
        private ZoneId zone = ZoneOffset.UTC;
        private int retention = 400;
        private Duration every = Duration.ofMinutes(1);

        private Builder(DataSource dataSource) {
            this.dataSource = dataSource;
        }

        /**
         * A resource of which each instance has its own, as a pool or a heap, or which all of them see whole, as a table's
         * size. The fullest instance counts.
         *
         * @param name 1 to 100 letters, digits, dots, dashes and underscores, a letter or digit first
         * @param value what is used, at least 0; NaN if it is not known just now; called each minute, must not block
         * @param limit what it must stay below, above 0
         * @return this
         * @throws IllegalArgumentException if the limit is not above 0, or the name is none, or is taken
         */
        public Builder gauge(String name, DoubleSupplier value, double limit) {
            return gauge(name, value, fixed(name, limit));
        }

        /**
         * The same with a limit that may change.
         *
         * @param name as above
         * @param value as above
         * @param limit asked each minute; NaN if it is not known just now
         * @return this
         * @throws IllegalArgumentException if the name is none, or is taken
         */
        public Builder gauge(String name, DoubleSupplier value, DoubleSupplier limit) {
            return add(name, value, limit, false);
        }

        /**
         * A resource that all instances use together, each its part: the parts add up.
         *
         * @param name as above
         * @param part what this instance uses, at least 0; NaN if it is not known just now; must not block
         * @param limit what the sum must stay below, above 0
         * @return this
         * @throws IllegalArgumentException if the limit is not above 0, or the name is none, or is taken
         */
        public Builder shared(String name, DoubleSupplier part, double limit) {
            return add(name, part, fixed(name, limit), true);
        }

        /**
         * The same with a limit that may change.
         *
         * @param name as above
         * @param part as above
         * @param limit of the sum; asked each minute; NaN if it is not known just now
         * @return this
         * @throws IllegalArgumentException if the name is none, or is taken
         */
        public Builder shared(String name, DoubleSupplier part, DoubleSupplier limit) {
            return add(name, part, limit, true);
        }

        /**
         * A counter, watched as a rate a second; the instances' rates add up. A counter that was reset is left out once.
         *
         * @param name as above
         * @param total what has been counted so far; must not block
         * @param limit a second, above 0
         * @return this
         * @throws IllegalArgumentException if the limit is not above 0, or the name is none, or is taken
         */
        public Builder rate(String name, LongSupplier total, double limit) {
            Objects.requireNonNull(total, "total");
            return add(name, new Rate(total, () -> nanos.getAsLong()), fixed(name, limit), true);
        }

        /**
         * The statements of a database: the resource {@code database} is how many run at once, all instances together. From
         * their mix the report tells which layer comes next.
         *
         * @param guard watches the database
         * @param atOnce how many statements the database can run at once, at least 1: twice its cores is a start
         * @return this
         * @throws IllegalArgumentException if that is less, or there is a guard, or a resource {@code database}, already
         */
        public Builder guard(QueryGuard guard, double atOnce) {
            Objects.requireNonNull(guard, "guard");
            if (!(atOnce >= 1) || Double.isInfinite(atOnce)) {
                throw new IllegalArgumentException("atOnce " + atOnce + " must be at least 1: how many statements the"
                        + " database can run at once, twice its cores for a start");
            }
            Workload watched = new Workload(guard);
            add(DATABASE, watched::busy, () -> atOnce, true);
            workload = watched;
            growth = new Growth(guard);
            return this;
        }

        /**
         * A pool: the resource is its load, of 1, which is where a borrow waits a tenth of the time that a connection is
         * held. The fullest instance counts.
         *
         * @param name as above, {@code pool} if there is one
         * @param watch of {@link dev.tenfold.query.pool.Pools#watch}
         * @return this
         * @throws IllegalArgumentException if the name is none, or is taken
         */
        public Builder pool(String name, PoolWatch watch) {
            Objects.requireNonNull(watch, "watch");
            gauge(name, watch::load, 1);
            pools.put(name, watch);
            return this;
        }

        /**
         * Whose days the figures are of. All instances must say the same.
         *
         * @param newZone default UTC
         * @return this
         */
        public Builder zone(ZoneId newZone) {
            zone = Objects.requireNonNull(newZone, "zone");
            return this;
        }

        /**
         * How long daily figures are kept; older ones are deleted once a day.
         *
         * @param days 90 to 4,000; default 400, as a year's holidays come again
         * @return this
         * @throws IllegalArgumentException for anything else
         */
        public Builder keepDays(int days) {
            if (days < 90 || days > 4_000) {
                throw new IllegalArgumentException(
                        "keepDays " + days + " must be from 90 to 4,000: a date needs 56 days");
            }
            retention = days;
            return this;
        }

        /**
         * How often {@link Readiness#start} samples.
         *
         * @param interval 1 second to 5 minutes; default 1 minute
         * @return this
         * @throws IllegalArgumentException for anything else
         */
        public Builder every(Duration interval) {
            if (interval.compareTo(Duration.ofSeconds(1)) < 0 || interval.compareTo(Duration.ofMinutes(5)) > 0) {
                throw new IllegalArgumentException("every " + interval + " must be from 1 second to 5 minutes");
            }
            every = interval;
            return this;
        }

        /**
         * Another clock, for tests.
         *
         * @param wall tells days and hours
         * @param nanoClock tells elapsed time
         * @return this
         */
        public Builder clock(InstantSource wall, LongSupplier nanoClock) {
            clock = Objects.requireNonNull(wall, "wall");
            nanos = Objects.requireNonNull(nanoClock, "nanoClock");
            return this;
        }

        /**
         * Ends it.
         *
         * @return samples nothing before {@link Readiness#start} or {@link Readiness#sample}; no I/O
         */
        public Readiness build() {
            return new Readiness(this);
        }

        private Builder add(String name, DoubleSupplier value, DoubleSupplier limit, boolean adds) {
            requireName(name);
            Objects.requireNonNull(value, "value");
            Objects.requireNonNull(limit, "limit");
            if (resources.containsKey(name)) {
                throw new IllegalArgumentException(
                        "there is a resource \"" + name + "\" already; name this one otherwise");
            }
            resources.put(name, new Resource(name, value, limit, adds));
            return this;
        }

        private static DoubleSupplier fixed(String name, double limit) {
            requireLimit(name, limit);
            return () -> limit;
        }
    }

    /** A counter's increase a second, from one call to the next. */
    private static final class Rate implements DoubleSupplier {
        private final LongSupplier total;
        private final LongSupplier nanos;
        private boolean begun;
        private long before;
        private long at;

        Rate(LongSupplier total, LongSupplier nanos) {
            this.total = total;
            this.nanos = nanos;
        }

        @Override
        public double getAsDouble() {
            long now = total.getAsLong();
            long time = nanos.getAsLong();
            boolean isKnown = begun && now >= before && time > at;
            double rate = isKnown ? (now - before) * 1e9 / (time - at) : Double.NaN;
            begun = true;
            before = now;
            at = time;
            return rate;
        }
    }

    private static void requireName(String name) {
        if (!NAME.matcher(Objects.requireNonNull(name, "name")).matches()) {
            throw new IllegalArgumentException(
                    "\"" + name + "\" is no name for a resource: 1 to 100 letters, digits, dots,"
                            + " dashes and underscores, a letter or digit first");
        }
    }

    private static void requireLimit(String name, double limit) {
        if (!(limit > 0) || Double.isInfinite(limit)) {
            throw new IllegalArgumentException(
                    "limit " + limit + " of " + name + " must be above 0 and finite: what the values must stay below");
        }
    }

    // ---- sampling ---------------------------------------------------------------------------------------------------

    /**
     * Samples each minute from now on, on a thread of its own. Asks the database once whether the table is there, and blocks
     * for that.
     *
     * @throws IllegalStateException if the table is not there, the database is away, or this was started or closed before
     */
    public void start() {
        table.require();
        sampling.lock();
        try {
            requireOpen();
            if (executor != null) throw new IllegalStateException("readiness was started already; start it once");
            ScheduledExecutorService made = Executors.newSingleThreadScheduledExecutor(task -> {
                Thread thread = new Thread(task, "tenfold-readiness");
                thread.setDaemon(true);
                return thread;
            });
            executor = made;
            var unused = made.scheduleWithFixedDelay(this::tick, 0, every.toMillis(), TimeUnit.MILLISECONDS);
        } finally {
            sampling.unlock();
        }
    }

    /** Whatever is thrown: the next one comes. */
    private void tick() {
        try {
            sample();
        } catch (RuntimeException | Error e) {
            if (!isClosed.get()) LOG.warn("a sample failed; the next one follows in {} s", every.toSeconds(), e);
        }
    }

    /**
     * Takes one sample of each gauge, and writes the hour if one has ended; {@link #start} calls this each minute. For
     * schedulers of your own. Does I/O once an hour. While the database is away, hours are kept, and written later.
     *
     * @throws IllegalStateException if this is closed
     */
    public void sample() {
        sampling.lock();
        try {
            requireOpen();
            look();
            flush();
            if (pending.isEmpty()) prune();
            if (!listeners.isEmpty()) tell();
        } finally {
            sampling.unlock();
        }
    }

    private void requireOpen() {
        if (isClosed.get()) throw new IllegalStateException("readiness is closed; build another one");
    }

    private void look() {
        Instant now = clock.instant();
        long at = nanos.getAsLong();
        long elapsed = hasSampled ? at - sampledAt : 0;
        hasSampled = true;
        sampledAt = at;
        if (workload != null) workload.sample(elapsed);
        Hour ended = null;
        for (Resource each : resources.values()) {
            Hour hour = each.sample(now, zone, elapsed);
            if (hour == null) continue;
            keep(new Pending(each.name, each.adds, hour));
            ended = hour;
        }
        if (ended != null) lookAtGrowth(ended);
    }

    private void lookAtGrowth(Hour ended) {
        if (growth == null) return;
        try {
            growth.hour().forEach((name, value) -> {
                keep(new Pending(name, false, new Hour(ended.day(), ended.hour(), value, 1)));
            });
        } catch (SQLException e) {
            LOG.warn("cannot ask the catalog how many rows tables have; asks again in an hour", e);
        }
    }

    private void keep(Pending hour) {
        int most = MOST_HOURS * (resources.size() + (growth == null ? 0 : Growth.MOST_FIGURES));
        if (pending.size() == most) {
            Pending lost = pending.removeFirst();
            LOG.warn(
                    "the hour {} of {} of {} is lost: the database has been away for two days",
                    lost.hour().hour(),
                    lost.hour().day(),
                    lost.resource());
        }
        pending.addLast(hour);
    }

    private void flush() {
        try {
            for (Pending next = pending.peekFirst(); next != null; next = pending.peekFirst()) {
                Hour hour = next.hour();
                table.merge(next.resource(), hour.day(), hour.hour(), hour.value(), hour.limit(), next.adds());
                pending.removeFirst();
                isFailing = false;
            }
        } catch (IllegalStateException e) {
            if (!isFailing)
                LOG.warn("daily figures are kept in memory until the database takes them; tries each sample", e);
            isFailing = true;
        }
    }

    /** Once a day, and once after the start. */
    private void prune() {
        LocalDate today = today();
        if (today.equals(prunedOn)) return;
        prunedOn = today;
        try {
            int deleted = table.prune(today, retention);
            if (deleted > 0) LOG.info("deleted {} daily figures older than {} days", deleted, retention);
        } catch (IllegalStateException e) {
            LOG.warn("old daily figures stay until tomorrow", e);
        }
    }

    /** Once an hour, and after the first sample. */
    private void tell() {
        Instant hour = clock.instant().truncatedTo(ChronoUnit.HOURS);
        if (hour.equals(toldIn)) return;
        toldIn = hour;
        try {
            Report report = report();
            latest = report;
            listeners.forEach(listener -> listener.accept(report));
        } catch (IllegalStateException e) {
            LOG.warn("gauges of headroom stay as they were until the next hour", e);
        }
    }

    /**
     * Stops, and writes the hour so far. Waits for a sample that is being taken, five seconds at most, and for the database,
     * as long as the data source does. A second call does nothing.
     */
    @Override
    public void close() {
        if (!isClosed.compareAndSet(false, true)) return;
        stop();
        boolean isMine = false;
        try {
            isMine = sampling.tryLock(CLOSING.toMillis(), TimeUnit.MILLISECONDS);
            if (!isMine) {
                LOG.warn("readiness was closed while the database did not answer; the hour so far is lost");
                return;
            }
            // Of a start that came in between.
            stop();
            for (Resource each : resources.values()) {
                Hour hour = each.end();
                if (hour != null) keep(new Pending(each.name, each.adds, hour));
            }
            flush();
            if (!pending.isEmpty())
                LOG.warn("{} hours of figures are lost: the database did not take them", pending.size());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            LOG.warn("interrupted while closing; the hour so far is lost");
        } finally {
            if (isMine) sampling.unlock();
        }
    }

    private void stop() {
        ScheduledExecutorService running = executor;
        if (running != null) running.shutdown();
    }

    // ---- import and report ------------------------------------------------------------------------------------------

    /**
     * Imports one day's figure, as from a monitoring system. It replaces what is there.
     *
     * @param resource its name, as it is given to {@link Builder#gauge}
     * @param day before today
     * @param value the day's 95th percentile of hourly values, at least 0
     * @param limit what it had to stay below on that day, above 0
     * @throws IllegalArgumentException for anything else
     * @throws IllegalStateException if the database is away
     */
    public void record(String resource, LocalDate day, double value, double limit) {
        record(resource, Map.of(day, value), limit);
    }

    /**
     * Imports a history, all of it or nothing: with 56 days of it there is a date on the first day. It replaces what is there.
     *
     * @param resource its name, as it is given to {@link Builder#gauge}
     * @param figures by day, each before today: the 95th percentile of the day's hourly values, at least 0
     * @param limit what they had to stay below, above 0
     * @throws IllegalArgumentException for anything else
     * @throws IllegalStateException if the database is away
     */
    public void record(String resource, Map<LocalDate, Double> figures, double limit) {
        requireName(resource);
        requireLimit(resource, limit);
        LocalDate today = today();
        figures.forEach((day, value) -> {
            if (!(value >= 0) || Double.isInfinite(value)) {
                throw new IllegalArgumentException(
                        "figure " + value + " of " + resource + " on " + day + " must be at least 0 and finite");
            }
            if (!day.isBefore(today)) {
                throw new IllegalArgumentException("the figure of " + resource + " on " + day
                        + " cannot be imported: only" + " days before today, " + today + ", are over");
            }
        });
        table.put(resource, figures, limit);
    }

    /**
     * Tells what is known: from the table, whoever wrote it, and from this instance's gauges. Blocks for one query, then
     * computes for some milliseconds a resource.
     *
     * @return the same for the same table, gauges and time
     * @throws IllegalStateException if the database is away, or the table is not there
     */
    public Report report() {
        LocalDate today = today();
        SortedMap<String, SortedMap<LocalDate, Day>> stored = table.read(today.minusDays(retention));
        List<Headroom> known = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        for (String name : names(stored, today)) {
            Resource resource = resources.get(name);
            Headroom headroom = headroom(name, resource, stored.getOrDefault(name, new TreeMap<>()), today);
            if (headroom == null) unknown.add(name);
            else known.add(headroom);
        }
        if (!unknown.isEmpty()) {
            notes.add(String.join(", ", unknown)
                    + ": no figures yet; the gauge gave nothing, or too few samples were taken, as a rate needs two");
        }
        List<NextLayer> next = next(known, stored, notes);
        return new Report(today, zone, List.copyOf(known), next, List.copyOf(notes));
    }

    private Set<String> names(SortedMap<String, SortedMap<LocalDate, Day>> stored, LocalDate today) {
        TreeSet<String> names = new TreeSet<>(resources.keySet());
        stored.forEach((name, days) -> {
            boolean isResource = name.indexOf(':') < 0;
            if (isResource && !days.tailMap(today.minusDays(STILL_THERE)).isEmpty()) names.add(name);
        });
        return names;
    }

    private static @Nullable Headroom headroom(
            String name, @Nullable Resource resource, SortedMap<LocalDate, Day> all, LocalDate today) {
        // Days that a clock which was wrong has written are not yet.
        SortedMap<LocalDate, Day> days = all.headMap(today.plusDays(1));
        OptionalDouble live = resource == null ? OptionalDouble.empty() : resource.live();
        OptionalDouble limitNow = resource == null ? OptionalDouble.empty() : resource.limit();
        if (days.isEmpty() && (live.isEmpty() || limitNow.isEmpty())) return null;
        double limit = limitNow.orElseGet(() -> Day.last(days).limit());
        SortedMap<LocalDate, Double> figures = new TreeMap<>();
        days.headMap(today).forEach((day, each) -> {
            if (each.isWhole()) figures.put(day, each.figure());
        });
        double peak = days.tailMap(today.minusDays(PEAK_DAYS)).values().stream()
                .mapToDouble(Day::figure)
                .reduce(live.orElse(Double.NaN), Readiness::higher);
        if (Double.isNaN(peak)) peak = Day.last(days).figure();
        return new Headroom(
                name,
                resource == null ? OptionalDouble.empty() : resource.last(),
                peak,
                limit,
                Collections.unmodifiableSortedMap(figures),
                Forecast.of(figures, limit),
                changedLimit(days, limit));
    }

    /** NaN is not known. */
    private static double higher(double a, double b) {
        return Double.isNaN(a) ? b : Math.max(a, b);
    }

    private static String changedLimit(SortedMap<LocalDate, Day> days, double limit) {
        LocalDate since = null;
        double before = limit;
        for (Map.Entry<LocalDate, Day> each : days.entrySet()) {
            double then = each.getValue().limit();
            if (then != limit) {
                since = each.getKey();
                before = then;
            }
        }
        return since == null
                ? ""
                : String.format(
                        Locale.ROOT,
                        "the limit was %s until %s, and is %s now",
                        Report.number(before),
                        since,
                        Report.number(limit));
    }

    private List<NextLayer> next(
            List<Headroom> known, SortedMap<String, SortedMap<LocalDate, Day>> stored, List<String> notes) {
        if (workload == null || growth == null) {
            notes.add("which layer comes next is told from statements: add guard(queryGuard, atOnce)");
            return List.of();
        }
        Headroom database = known.stream()
                .filter(each -> each.resource().equals(DATABASE))
                .findFirst()
                .orElse(null);
        Workload.Mix mix = workload.mix();
        if (!mix.isEnough()) {
            notes.add(String.format(
                    Locale.ROOT,
                    "which layer comes next needs 1,000 statements; this instance saw %,d in the last %s",
                    mix.executions(),
                    Layers.time(mix.elapsed())));
        }
        notes.add(Usl.fit(workload.points()).text());
        return Layers.of(database, mix, workload.mostRepeated(), growth.slowing(stored), pools(known));
    }

    private List<Layers.Pool> pools(List<Headroom> known) {
        List<Layers.Pool> all = new ArrayList<>();
        for (Headroom each : known) {
            PoolWatch watch = pools.get(each.resource());
            if (watch == null) continue;
            Figures figures = watch.figures();
            all.add(new Layers.Pool(each, figures.waitOverHold(), figures.heldOverWorked()));
        }
        return all;
    }

    private LocalDate today() {
        return clock.instant().atZone(zone).toLocalDate();
    }

    // ---- for metrics ------------------------------------------------------------------------------------------------

    /** Names of the resources that this instance samples. */
    Iterable<String> resources() {
        return resources.keySet();
    }

    /** Who is told of a new report, each hour, on the sampling thread. */
    void onReport(Consumer<Report> listener) {
        listeners.add(listener);
    }

    /** The free part of the limit: at the peak of the last report, or now if that is less; NaN if nothing is known. */
    double free(String name) {
        Resource resource = resources.get(name);
        if (resource == null) return Double.NaN;
        double limit = resource.limit().orElse(Double.NaN);
        double now = 1 - resource.live().orElse(Double.NaN) / limit;
        Report report = latest;
        if (report == null) return now;
        return report.resources().stream()
                .filter(each -> each.resource().equals(name))
                .mapToDouble(Headroom::free)
                .reduce(now, (a, b) -> Double.isNaN(a) ? b : Math.min(a, b));
    }
}
