package dev.tenfold.query.replica;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Which servers a {@link Database} has, and how it treats them. Immutable: each method returns changed options. */
public final class DatabaseOptions {
    private static final Duration LONGEST = Duration.ofDays(1);

    /** A replica as given. */
    record Named(String name, DataSource pool) {}

    // Assigned by the method that makes changed options, before anyone else sees them.
    private final DataSource primary;
    private List<Named> replicas = List.of();
    private boolean readsYourWrites;
    private long maxLag = Duration.ofSeconds(10).toNanos();
    private long maxWait;
    private int fallbackLimit = Integer.MAX_VALUE;
    private boolean staleWhilePrimaryDown;
    private boolean checksEachRead;
    private LongSupplier nanoClock = System::nanoTime;
    private @Nullable RandomGenerator random;

    DatabaseOptions(DataSource primary) {
        this.primary = Objects.requireNonNull(primary, "primary");
    }

    private DatabaseOptions(DatabaseOptions from) {
        primary = from.primary;
        replicas = from.replicas;
        readsYourWrites = from.readsYourWrites;
        maxLag = from.maxLag;
        maxWait = from.maxWait;
        fallbackLimit = from.fallbackLimit;
        staleWhilePrimaryDown = from.staleWhilePrimaryDown;
        checksEachRead = from.checksEachRead;
        nanoClock = from.nanoClock;
        random = from.random;
    }

    /**
     * Adds a replica, which is called {@code replica-1}, {@code replica-2} and so on in logs and metrics.
     *
     * @param pool leads to one streaming replica of the primary, as a user with {@code pg_read_all_stats}: without that, the
     *     timeline of the replica is not seen, and it gets no reads. Its timeouts to connect and to read should be short, for a
     *     reader waits that long when the server dies silently
     * @return changed options
     * @throws IllegalArgumentException if it is the primary's, or another replica's
     */
    public DatabaseOptions replica(DataSource pool) {
        return replica("replica-" + (replicas.size() + 1), pool);
    }

    /**
     * Adds a replica.
     *
     * @param name for logs and metrics
     * @param pool as for {@link #replica(DataSource)}
     * @return changed options
     * @throws IllegalArgumentException if the name is blank or taken, or the pool is the primary's or another replica's
     */
    @SuppressWarnings("ReferenceEquality") // the very same pool
    public DatabaseOptions replica(String name, DataSource pool) {
        Objects.requireNonNull(pool, "pool");
        if (name.isBlank() || name.equals("primary")) {
            throw new IllegalArgumentException("replica \"" + name + "\" needs a name, and not \"primary\"");
        }
        if (pool == primary) {
            throw new IllegalArgumentException(
                    "replica " + name + " has the primary's pool; give it one of its own that leads to a replica");
        }
        for (Named other : replicas) {
            if (other.name.equals(name) || other.pool == pool) {
                throw new IllegalArgumentException("replica " + name + " has the name or the pool of replica "
                        + other.name + "; each has its own");
            }
        }
        DatabaseOptions changed = new DatabaseOptions(this);
        List<Named> more = new ArrayList<>(replicas);
        more.add(new Named(name, pool));
        changed.replicas = List.copyOf(more);
        return changed;
    }

    /**
     * Reads outside of sessions see what was written before through the same {@link Database}, by whomever. Under many writes
     * most reads go to the primary then, as replicas are always some milliseconds behind the last of all writes: {@link
     * Database#session} compares each user's reads with that user's writes alone. Default: off; sessions always see their own.
     *
     * @return changed options
     */
    public DatabaseOptions readYourWrites() {
        DatabaseOptions changed = new DatabaseOptions(this);
        changed.readsYourWrites = true;
        return changed;
    }

    /**
     * How old what is read may be, whoever wrote it. A replica is compared with where the primary was that long ago, by this
     * process's clock: no clocks are compared, and an idle primary is no lag. The primary is asked for its position eight times
     * in that time, but at most 200 times a second, and at least once.
     *
     * @param age 20 ms to 1 day; default 10 s
     * @return changed options
     * @throws IllegalArgumentException if it is outside of these
     */
    public DatabaseOptions maxLag(Duration age) {
        if (age.compareTo(Duration.ofMillis(20)) < 0 || age.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("maxLag " + age + " must be from 20 milliseconds to 1 day");
        }
        DatabaseOptions changed = new DatabaseOptions(this);
        changed.maxLag = age.toNanos();
        return changed;
    }

    /**
     * How long a read waits for a replica to catch up before it goes to the primary. It holds no connection meanwhile.
     *
     * @param time 0 to 1 day; default 0
     * @return changed options
     * @throws IllegalArgumentException if it is outside of these
     */
    public DatabaseOptions maxWait(Duration time) {
        if (time.isNegative() || time.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("maxWait " + time + " must be from 0 to 1 day");
        }
        DatabaseOptions changed = new DatabaseOptions(this);
        changed.maxWait = time.toNanos();
        return changed;
    }

    /**
     * How many reads run on the primary at once for want of a replica; more are refused with {@link
     * java.sql.SQLTransientConnectionException}, so that writes keep going when all replicas are down. 0 lets none: choose it
     * below the primary's pool, and above what read-after-write needs. Default: no limit but the pool.
     *
     * @param reads 0 or more
     * @return changed options
     * @throws IllegalArgumentException if it is negative
     */
    public DatabaseOptions fallbackLimit(int reads) {
        if (reads < 0) throw new IllegalArgumentException("fallbackLimit " + reads + " must not be negative");
        DatabaseOptions changed = new DatabaseOptions(this);
        changed.fallbackLimit = reads;
        return changed;
    }

    /**
     * Reads go on from replicas while the primary does not answer, however old they are, past {@link #maxLag}, where none is known
     * to be within it. A session still never sees less than it wrote. Default: off; such reads go to the primary, and fail.
     *
     * @return changed options
     */
    public DatabaseOptions staleWhilePrimaryDown() {
        DatabaseOptions changed = new DatabaseOptions(this);
        changed.staleWhilePrimaryDown = true;
        return changed;
    }

    /**
     * Asks the replica at each read how far it is: one round trip more. Needed where something between here and there keeps
     * connections open while a server is restarted behind it, as PgBouncer does. It is asked before the read's transaction, so
     * this is no help where each transaction may go to another server. Default:
     * off; a position is remembered as long as the connection lives, where the driver is PostgreSQL's.
     *
     * @return changed options
     */
    public DatabaseOptions checkEachRead() {
        DatabaseOptions changed = new DatabaseOptions(this);
        changed.checksEachRead = true;
        return changed;
    }

    /** For tests: elapsed time, and which replicas are compared. */
    DatabaseOptions with(LongSupplier clock, RandomGenerator generator) {
        DatabaseOptions changed = new DatabaseOptions(this);
        changed.nanoClock = clock;
        changed.random = generator;
        return changed;
    }

    /**
     * Makes the database. Returns at once; the servers are asked for their positions from now on, each by a daemon thread of its
     * own, once a second or as {@link #maxLag} needs it.
     *
     * @return a database; close it
     */
    public Database build() {
        return new Database(this);
    }

    DataSource primary() {
        return primary;
    }

    List<Named> replicas() {
        return replicas;
    }

    boolean readsYourWrites() {
        return readsYourWrites;
    }

    long maxLag() {
        return maxLag;
    }

    long maxWait() {
        return maxWait;
    }

    int fallbackLimit() {
        return fallbackLimit;
    }

    boolean isStaleWhilePrimaryDown() {
        return staleWhilePrimaryDown;
    }

    boolean checksEachRead() {
        return checksEachRead;
    }

    LongSupplier nanoClock() {
        return nanoClock;
    }

    @Nullable
    RandomGenerator random() {
        return random;
    }
}
