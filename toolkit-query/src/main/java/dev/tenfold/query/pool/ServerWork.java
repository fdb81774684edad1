package dev.tenfold.query.pool;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long the server works for one borrow, as a part of the time held, and how that is known.
 *
 * <p>The driver cannot tell: while it waits for an answer, the network is on its way and the thread waits for a processor of its
 * own machine. PostgreSQL counts what its connections execute, and the transactions in which they do; where there are more
 * transactions than borrows, as with autocommit, there are as many as statements at most. So the estimate is on the careful
 * side there: more work, fewer connections. Of others the network's time is known, for what it is when nothing else happens.
 *
 * <p>A server whose processors are all taken makes connections queue for them, most of it before it counts them as active.
 * That is time held in which it does not work, and yet more connections would be of no use, but queue for longer. So it is
 * left out, by what the time held would be at rest: the application's own time, the network's, and the work; as in the
 * asymptotic bounds of closed systems (Denning and Buzen, "The Operational Analysis of Queueing Network Models", 1978).
 *
 * <p>Nothing here fails: what cannot be asked is left, and said.
 *
 * @param worked null if all of the time held has to count
 * @param queued time held in which a processor of the server's was waited for; zero if it has some to spare
 * @param from how that is known, or why nothing better is
 */
record ServerWork(@Nullable Duration worked, Duration queued, String from) {
    private static final Logger LOG = LoggerFactory.getLogger(ServerWork.class);
    private static final int FIRST_POSTGRES_THAT_COUNTS = 14;
    private static final long LEAST_TRANSACTIONS = 1_000;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final int PINGS = 5;
    /** Of all processors; beyond, one queues for them. */
    private static final double FULL = 0.7;

    private static final int SECONDS = 10;
    /** The network's time, at rest, can be more than it is under load. */
    private static final int LEAST_PART = 10;

    private static final String STATISTICS = """
            select active_time, xact_commit + xact_rollback from pg_stat_database where datname = current_database()
            """;

    /** Asks the server. Statistics of PostgreSQL: one query. The network's time: five round trips. */
    static ServerWork of(Connection connection, SizeOptions options, LongSupplier nanos) {
        try {
            boolean isPostgres =
                    connection.getMetaData().getDatabaseProductName().equals("PostgreSQL");
            if (isPostgres && connection.getMetaData().getDatabaseMajorVersion() >= FIRST_POSTGRES_THAT_COUNTS) {
                ServerWork work = statistics(connection, options);
                return work.isFull(options) ? work.withoutQueue(options, roundTrip(connection, nanos)) : work;
            }
            PoolWatch.Measured load = options.measured;
            Duration driver = options.worked;
            return load == null || driver == null
                    ? new ServerWork(driver, Duration.ZERO, options.workedFrom)
                    : withoutNetwork(options, driver, load.statements(), roundTrip(connection, nanos));
        } catch (SQLException e) {
            LOG.debug("the server does not tell how much it works", e);
            return byDriver(options, "the server does not tell: " + e.getMessage());
        }
    }

    private static ServerWork statistics(Connection connection, SizeOptions options) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(SECONDS);
            try (ResultSet rows = statement.executeQuery(STATISTICS)) {
                return rows.next()
                        ? counted(options, rows.getDouble(1), rows.getLong(2))
                        : byDriver(options, "pg_stat_database has no row of this database");
            }
        }
    }

    /** By what PostgreSQL has counted since its statistics were reset. */
    static ServerWork counted(SizeOptions options, double activeMillis, long transactions) {
        if (transactions < LEAST_TRANSACTIONS) {
            return byDriver(
                    options,
                    String.format(
                            Locale.ROOT,
                            "pg_stat_database counts %,d transactions, and it takes %,d",
                            transactions,
                            LEAST_TRANSACTIONS));
        }
        if (!(activeMillis > 0)) {
            return byDriver(options, "pg_stat_database counts no active_time; is track_activities off?");
        }
        Duration each = Duration.ofNanos((long) Math.max(1, activeMillis * NANOS_PER_MILLI / transactions));
        double atMost = options.measured == null ? 1 : Math.max(1, options.measured.statements());
        Duration worked = PoolSize.times(each, atMost);
        Duration limit = options.worked == null ? options.hold() : options.worked;
        String counted = String.format(Locale.ROOT, "pg_stat_database, %,d transactions", transactions);
        if (worked.compareTo(limit) >= 0) return byDriver(options, counted + ": no less");
        if (options.measured == null)
            return new ServerWork(worked, Duration.ZERO, counted + "; a borrow is taken for one");
        if (atMost == 1) return new ServerWork(worked, Duration.ZERO, counted);
        return new ServerWork(
                worked,
                Duration.ZERO,
                counted + " of " + PoolSize.words(each) + ", " + PoolSize.number(atMost) + " a borrow at most");
    }

    /** Whether all instances together keep its processors busy, while this was measured. */
    boolean isFull(SizeOptions options) {
        if (options.measured == null || options.cores == 0 || worked == null) return false;
        double busy = options.measured.perSecond() * PoolSize.seconds(worked) * options.instances;
        return busy >= FULL * options.cores;
    }

    /** The same, with what is held beyond what it would be at rest. */
    ServerWork withoutQueue(SizeOptions options, Duration roundTrip) {
        if (options.measured == null || options.worked == null || worked == null) return this;
        Duration own = options.hold().minus(options.worked);
        Duration network = PoolSize.times(roundTrip, options.measured.statements());
        Duration more = options.hold().minus(own).minus(network).minus(worked);
        return more.isNegative() ? this : new ServerWork(worked, more, from);
    }

    /** By the driver's time, of which the network takes one round trip a statement. */
    static ServerWork withoutNetwork(SizeOptions options, Duration driver, double statements, Duration roundTrip) {
        Duration least = driver.dividedBy(LEAST_PART).plusNanos(1);
        Duration rest = driver.minus(PoolSize.times(roundTrip, statements));
        boolean isLittle = rest.compareTo(least) < 0;
        Duration worked = isLittle ? least : rest;
        if (worked.compareTo(driver) >= 0) return byDriver(options, "the network takes no time");
        return new ServerWork(
                worked,
                Duration.ZERO,
                "the driver's " + PoolSize.words(driver) + " − " + PoolSize.number(statements)
                        + (statements == 1 ? " statement × " : " statements × ") + PoolSize.words(roundTrip)
                        + " of network" + (isLittle ? ", no less than a tenth" : ""));
    }

    /** As if nobody had been asked, and why. */
    private static ServerWork byDriver(SizeOptions options, String why) {
        return new ServerWork(
                options.worked, Duration.ZERO, options.worked == null ? why : SizeOptions.BY_DRIVER + "; " + why);
    }

    /** The fastest of some. */
    private static Duration roundTrip(Connection connection, LongSupplier nanos) throws SQLException {
        long fastest = Long.MAX_VALUE;
        for (int i = 0; i < PINGS; i++) {
            long from = nanos.getAsLong();
            if (!connection.isValid(SECONDS)) throw new SQLException("it does not answer a ping");
            fastest = Math.min(fastest, nanos.getAsLong() - from);
        }
        return Duration.ofNanos(fastest);
    }
}
