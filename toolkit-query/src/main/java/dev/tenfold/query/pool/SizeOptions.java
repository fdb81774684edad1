package dev.tenfold.query.pool;

import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What the size of a pool is computed from. Nothing is needed by itself; the more is given the better it is, and {@link
 * PoolSize#explain} says what was missing. Figures of the load are those of the busiest hour, for one instance.
 *
 * <p>Immutable: each method returns changed options.
 */
public final class SizeOptions {
    static final SizeOptions NONE = new SizeOptions(null);
    /** Where {@link #worked} comes from if the watch alone tells. */
    static final String BY_DRIVER = "at most: the driver's time, network and all";

    private static final double USUAL_VARIATION = 1;

    // Assigned by the method that makes changed options, before anyone else sees them. 0 stands for what was not given.
    int cores;
    int spindles = 1;
    int maxConnections;
    int reserved = -1;
    int instances = 1;
    int threads;
    int perThread = 1;
    double arrivals;
    double arrivalVariation = 1;

    @Nullable
    Duration hold;

    double holdVariation = -1;

    @Nullable
    Duration worked;

    /** How that is known, or why it is not; empty if nobody was asked. */
    String workedFrom = "";

    private boolean isWorkedGiven;
    /** Of {@link #hold}, what was waited for a processor of the server's. */
    Duration queued = Duration.ZERO;
    /** What the application's pool does, where something else is not given. */
    PoolWatch.@Nullable Measured measured;

    double mostWait = 0.1;
    /** Where the server's limits come from. */
    String limitsFrom = "";

    private SizeOptions(@Nullable SizeOptions from) {
        if (from == null) return;
        cores = from.cores;
        spindles = from.spindles;
        maxConnections = from.maxConnections;
        reserved = from.reserved;
        instances = from.instances;
        threads = from.threads;
        perThread = from.perThread;
        arrivals = from.arrivals;
        arrivalVariation = from.arrivalVariation;
        hold = from.hold;
        holdVariation = from.holdVariation;
        worked = from.worked;
        workedFrom = from.workedFrom;
        isWorkedGiven = from.isWorkedGiven;
        queued = from.queued;
        measured = from.measured;
        mostWait = from.mostWait;
        limitsFrom = from.limitsFrom;
    }

    /**
     * The processor cores of the database's server, hyper-threads not counted. Not this machine's; no database tells them.
     *
     * @param count at least 1; not known by default
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions cores(int count) {
        SizeOptions changed = new SizeOptions(this);
        changed.cores = atLeast(1, "cores", count);
        return changed;
    }

    /**
     * How many disks of the database work at once: 0 if all that is read is in its memory.
     *
     * @param count at least 0; default 1, as for an SSD or a volume of a cloud
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions spindles(int count) {
        SizeOptions changed = new SizeOptions(this);
        changed.spindles = atLeast(0, "spindles", count);
        return changed;
    }

    /**
     * How many connections the database grants to all of its clients together.
     *
     * @param count at least 1; not known by default, unless {@link Pools#size(javax.sql.DataSource,
     *     UnaryOperator)} asks it
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions maxConnections(int count) {
        SizeOptions changed = new SizeOptions(this);
        changed.maxConnections = atLeast(1, "maxConnections", count);
        return changed;
    }

    /**
     * How many of them are not for these pools: for superusers, backups, migrations, replicas, other applications.
     *
     * @param count at least 0; default what the database keeps for superusers where it is asked, else 0
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions reserved(int count) {
        SizeOptions changed = new SizeOptions(this);
        changed.reserved = atLeast(0, "reserved", count);
        return changed;
    }

    /**
     * How many pools share the database: the most instances of the application that run at once, during a deployment too.
     *
     * @param count at least 1; default 1
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions instances(int count) {
        SizeOptions changed = new SizeOptions(this);
        changed.instances = atLeast(1, "instances", count);
        return changed;
    }

    /**
     * How many threads of one instance use the pool at once, at most: those of the server's pool and of workers. With virtual
     * threads, what limits them, as a semaphore.
     *
     * @param count at least 1; not known by default
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions threads(int count) {
        SizeOptions changed = new SizeOptions(this);
        changed.threads = atLeast(1, "threads", count);
        return changed;
    }

    /**
     * How many connections one thread holds at the same time, at most: 2 if something opens a new transaction inside of another.
     * {@link dev.tenfold.query.guard.FindingKind#NESTED_BORROW} tells.
     *
     * @param count at least 1; default 1; above, {@link #threads} is needed
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions connectionsPerThread(int count) {
        SizeOptions changed = new SizeOptions(this);
        changed.perThread = atLeast(1, "connectionsPerThread", count);
        return changed;
    }

    /**
     * How often one instance borrows a connection.
     *
     * @param perSecond more than 0; not known by default; {@link #hold} is needed with it
     * @return changed options
     * @throws IllegalArgumentException if it is not
     */
    public SizeOptions arrivals(double perSecond) {
        SizeOptions changed = new SizeOptions(this);
        changed.arrivals = positive("arrivals", perSecond);
        return changed;
    }

    /**
     * How irregular arrivals are: the standard deviation of the times between two, over their mean.
     *
     * @param variation at least 0; default 1, as of requests that know nothing of each other; bursts have more
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions arrivalVariation(double variation) {
        SizeOptions changed = new SizeOptions(this);
        changed.arrivalVariation = notNegative("arrivalVariation", variation);
        return changed;
    }

    /**
     * How long a connection is held, from borrow to close, on average. Not the time of a statement: what the application does
     * meanwhile counts.
     *
     * @param mean more than zero; not known by default; {@link #arrivals} is needed with it
     * @return changed options
     * @throws IllegalArgumentException if it is not
     */
    public SizeOptions hold(Duration mean) {
        SizeOptions changed = new SizeOptions(this);
        changed.hold = positive("hold", mean);
        return changed;
    }

    /**
     * How much the times held differ: their standard deviation over their mean.
     *
     * @param variation at least 0; default 1, or what was {@link #measured}; more if some are long, as reports among page views
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions holdVariation(double variation) {
        SizeOptions changed = new SizeOptions(this);
        changed.holdVariation = notNegative("holdVariation", variation);
        return changed;
    }

    /**
     * How much of {@link #hold} the database's server works for a connection, on average. In the rest, as while the network
     * transports, or while the application computes or calls others inside of a transaction, the connection takes no processor
     * there, so that more of them are of use.
     *
     * <p>What a driver takes to execute is no such figure: it counts the network, and with statements of some microseconds it is
     * nearly all of the time. Ask the server: {@link Pools#size(javax.sql.DataSource, UnaryOperator)} does so if this is
     * not given.
     *
     * @param mean more than zero, at most {@link #hold}; default what {@link #measured} and the server say, else all of it
     * @return changed options
     * @throws IllegalArgumentException if it is zero or less, or more than a day
     */
    public SizeOptions worked(Duration mean) {
        SizeOptions changed = new SizeOptions(this);
        changed.worked = positive("worked", mean);
        changed.workedFrom = "as given";
        changed.isWorkedGiven = true;
        return changed;
    }

    /**
     * Takes from a pool at work what is not given: {@link #arrivals}, {@link #hold}, {@link #holdVariation}, {@link #worked},
     * all over the watch's {@link PoolWatch#window}, up to now; and how many statements a borrow executes. What is given wins,
     * before or after. Call it in the busiest hour.
     *
     * <p>Weakness: a pool that is too small lets in no more than it serves, so that arrivals are too few, and holds take longer
     * where the database is overloaded. Give {@link #arrivals} if you know better, or measure again with the new size.
     *
     * <p>For {@link #worked} the watch has the driver's time only, network and all. Let {@link Pools#size(javax.sql.DataSource,
     * UnaryOperator)} ask the server.
     *
     * @param watch of the application's pool; looked at once, now
     * @return changed options
     * @throws IllegalArgumentException if fewer than 30 connections came back within the window
     */
    public SizeOptions measured(PoolWatch watch) {
        return measured(Objects.requireNonNull(watch, "watch").measured());
    }

    SizeOptions measured(PoolWatch.Measured load) {
        SizeOptions changed = new SizeOptions(this);
        changed.measured = load;
        return changed;
    }

    /**
     * How long the load may wait for a connection on average, as a part of {@link #hold}.
     *
     * @param part more than 0; default 0.1
     * @return changed options
     * @throws IllegalArgumentException if it is not
     */
    public SizeOptions mostWait(double part) {
        SizeOptions changed = new SizeOptions(this);
        changed.mostWait = positive("mostWait", part);
        return changed;
    }

    /** These, with the server's own limits where none were given. */
    SizeOptions with(ServerLimits limits) {
        SizeOptions changed = new SizeOptions(this);
        if (maxConnections == 0) {
            changed.maxConnections = limits.connections();
            changed.limitsFrom = limits.from();
        }
        if (reserved < 0) changed.reserved = limits.reserved();
        return changed;
    }

    /** These, with what the server works. */
    SizeOptions with(ServerWork work) {
        SizeOptions changed = new SizeOptions(this);
        changed.worked = work.worked();
        changed.workedFrom = work.from();
        changed.queued = work.queued();
        return changed;
    }

    /** Whether the server can say something of use: what part of the time held it works. */
    boolean asksForWork() {
        return hold != null && !isWorkedGiven;
    }

    Duration hold() {
        if (hold == null) throw new IllegalStateException("asked for hold, which was not given");
        return hold;
    }

    /** These, with what was measured in place of what was not given, and what is usual in place of the rest. */
    SizeOptions complete() {
        SizeOptions filled = measured == null ? this : filled(measured);
        if (filled.holdVariation >= 0) return filled.checked();
        SizeOptions usual = new SizeOptions(filled);
        usual.holdVariation = USUAL_VARIATION;
        return usual.checked();
    }

    private SizeOptions filled(PoolWatch.Measured load) {
        SizeOptions changed = new SizeOptions(this);
        if (arrivals == 0) changed.arrivals = load.perSecond();
        if (holdVariation < 0) changed.holdVariation = load.holdVariation();
        Duration held = hold == null ? load.hold() : hold;
        changed.hold = held;
        if (isWorkedGiven) return changed;
        Duration driver = load.worked();
        if (driver == null) {
            changed.workedFrom = "the watch cannot tell, as the driver was used directly";
        } else {
            changed.worked = driver.compareTo(held) < 0 ? driver : held;
            changed.workedFrom = BY_DRIVER + "; size(dataSource, …) asks the server";
        }
        return changed;
    }

    /** Refuses what does not go together, before anything is asked. */
    private SizeOptions checked() {
        if ((arrivals > 0) != (hold != null)) {
            throw new IllegalArgumentException(
                    hold == null
                            ? String.format(
                                    Locale.ROOT,
                                    "arrivals %s say nothing without hold(…): how long is a connection held?",
                                    arrivals)
                            : "hold " + PoolSize.words(hold)
                                    + " says nothing without arrivals(…): how often is one borrowed?");
        }
        if (worked != null && (hold == null || worked.compareTo(hold) > 0)) {
            throw new IllegalArgumentException("worked " + PoolSize.words(worked) + " must be a part of hold"
                    + (hold == null ? "(…), which was not given" : " " + PoolSize.words(hold)));
        }
        if (perThread > 1 && threads == 0) {
            throw new IllegalArgumentException("connectionsPerThread " + perThread
                    + " needs threads(…): how many it takes so that they do not wait for each other depends on both");
        }
        return this;
    }

    private static int atLeast(int least, String knob, int value) {
        if (value < least) throw new IllegalArgumentException(knob + " " + value + " must be at least " + least);
        return value;
    }

    private static double positive(String knob, double value) {
        if (value > 0 && value <= Double.MAX_VALUE) return value;
        throw new IllegalArgumentException(knob + " " + value + " must be more than 0, and finite");
    }

    private static double notNegative(String knob, double value) {
        if (value >= 0 && value <= Double.MAX_VALUE) return value;
        throw new IllegalArgumentException(knob + " " + value + " must be at least 0, and finite");
    }

    private static Duration positive(String knob, Duration value) {
        Objects.requireNonNull(value, knob);
        if (value.isZero() || value.isNegative() || value.compareTo(Duration.ofDays(1)) > 0) {
            throw new IllegalArgumentException(knob + " " + value + " must be more than zero, and at most a day");
        }
        return value;
    }
}
