package dev.tenfold.query.pool;

import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the size of a pool is computed from. Nothing is needed by itself; the more is given the better it is, and {@link
 * PoolSize#explain} says what was missing. Figures of the load are those of the busiest hour, for one instance.
 *
 * <p>Immutable: each method returns changed options.
 */
public final class SizeOptions {
    static final SizeOptions NONE = new SizeOptions(null);

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

    double holdVariation = 1;

    @Nullable
    Duration worked;

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
     *     java.util.function.UnaryOperator)} asks it
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
     * @param variation at least 0; default 1; more if some are long, as reports among page views
     * @return changed options
     * @throws IllegalArgumentException if it is less
     */
    public SizeOptions holdVariation(double variation) {
        SizeOptions changed = new SizeOptions(this);
        changed.holdVariation = notNegative("holdVariation", variation);
        return changed;
    }

    /**
     * How much of {@link #hold} the database works, on average. In the rest, as while the application computes or calls others
     * inside of a transaction, the connection takes no processor there, so that more of them are of use.
     *
     * @param mean more than zero, at most {@link #hold}; default all of it
     * @return changed options
     * @throws IllegalArgumentException if it is zero or less
     */
    public SizeOptions worked(Duration mean) {
        SizeOptions changed = new SizeOptions(this);
        changed.worked = positive("worked", mean);
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

    /** Refuses what does not go together, before anything is asked. */
    SizeOptions checked() {
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
