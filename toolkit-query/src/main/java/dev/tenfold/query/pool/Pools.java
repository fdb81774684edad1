package dev.tenfold.query.pool;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.QueryGuard;
import java.io.IOException;
import java.io.InputStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pools of connections whose size is computed, and whose work is watched; on HikariCP, an optional dependency.
 *
 * <pre>{@code
 * PoolSize size = Pools.size(migrations, o -> o                       // asks the database for its limits
 *         .cores(8).reserved(10).instances(2).threads(200)
 *         .arrivals(300).hold(Duration.ofMillis(12)));               // or measured(pool), once it is at work
 * log.info(size.explain());                                           // 6 connections: what the load needs …
 * HikariDataSource hikari = Pools.hikari(config, size);
 * QueryGuard dataSource = QueryGuard.watch(hikari);                   // what the application uses
 * PoolWatch pool = Pools.watch(dataSource);
 * pool.health().findings();                                           // saturated? a leak, or a slow statement?
 * }</pre>
 *
 * <p>The size is the least that serves the load, {@code min(need, ceilings)}, and never so small that threads wait for each
 * other for ever:
 *
 * <ul>
 *   <li>need: the fewest with which one waits a tenth of the time that a connection is held, on average (Erlang C, times
 *       Allen's and Cunneen's factor for bursts)
 *   <li>ceilings: {@code (2 × cores + disks) × held ÷ worked}, and what the server grants, each shared by all instances; and as
 *       many as threads can have out. {@code 2 × cores + disks} is that of PostgreSQL's and HikariCP's wikis: beyond, connections
 *       wait inside of the database. It bounds those for which the server works at once. One that is held while nothing works
 *       there, as the network transports or the application computes, takes no processor, so that there can be more by as
 *       much as the time held is longer than the time that the server works
 *   <li>floor: {@code threads × (connections each − 1) + 1}
 * </ul>
 *
 * <p>Stateless and thread-safe.
 */
public final class Pools {
    private static final Logger LOG = LoggerFactory.getLogger(Pools.class);
    private static final int FIRST_JDK_WITH_VIRTUAL_THREADS = 21;

    private Pools() {}

    /**
     * Computes a size from what is given. No I/O.
     *
     * @param options what is known
     * @return how many, and why
     * @throws IllegalArgumentException if it is too little, or does not go together
     */
    public static PoolSize size(UnaryOperator<SizeOptions> options) {
        return new PoolSize(chosen(options));
    }

    /**
     * Computes a size, and asks the database for what is not given: on PostgreSQL {@code max_connections}, what it reserves, and
     * the limits of the database and the role; on MariaDB and MySQL {@code max_connections} and {@code max_user_connections}.
     * Others are not asked.
     *
     * <p>Where the time held is known ({@link SizeOptions#hold}, {@link SizeOptions#measured}) and {@link SizeOptions#worked} is
     * not given, the server is asked for that too. PostgreSQL from 14 on tells in {@code pg_stat_database} how long a transaction
     * of this database works there, once it has counted 1,000 of them; with {@code measured}, a borrow is taken for as many
     * transactions as statements, at least one, and without it for one; and if the server's {@link SizeOptions#cores} were busy to 70 %
     * or more with all instances together, time held that is neither work nor network nor the application's was waited for
     * them, and does not count: more connections would not shorten it. On others, with {@code measured}, the driver's time
     * counts without the network's round trips, one a statement, as the fastest of five pings tells, but never less than a tenth of
     * it. Where neither can be had the driver's time counts, or all of the time held; {@link PoolSize#explain} says which.
     *
     * <p>Weakness: PostgreSQL counts all transactions since {@code pg_stat_reset()}, those of other applications and of
     * health checks too. If they are many and short next to the application's, it works longer than they tell, and the size is
     * too large: give {@code worked} then.
     *
     * <p>Borrows one connection; one query, one more for the work, five round trips for the network's time.
     *
     * @param dataSource of the user that the pool will have; behind a connection proxy, as PgBouncer, give {@link
     *     SizeOptions#maxConnections} instead, since the proxy's limit is another one
     * @param options what is known; wins over what the database says
     * @return how many, and why
     * @throws IllegalArgumentException if it is too little, or does not go together
     * @throws IllegalStateException if the database does not answer
     */
    public static PoolSize size(DataSource dataSource, UnaryOperator<SizeOptions> options) {
        Objects.requireNonNull(dataSource, "dataSource");
        SizeOptions chosen = chosen(options);
        DataSource asked = dataSource instanceof QueryGuard guard ? guard.target() : dataSource;
        return new PoolSize(asked(asked, chosen));
    }

    /** With what the database says, where something is not given. */
    private static SizeOptions asked(DataSource dataSource, SizeOptions chosen) {
        try (Connection connection = dataSource.getConnection()) {
            SizeOptions limited = chosen.with(ServerLimits.of(connection));
            return limited.asksForWork() ? limited.with(ServerWork.of(connection, limited, System::nanoTime)) : limited;
        } catch (SQLException e) {
            throw new IllegalStateException(
                    "cannot ask " + dataSource + " how many connections it grants: " + e.getMessage()
                            + "; let it be up, or give maxConnections(…) and use size(options)",
                    e);
        }
    }

    private static SizeOptions chosen(UnaryOperator<SizeOptions> options) {
        Objects.requireNonNull(options, "options");
        return Objects.requireNonNull(options.apply(SizeOptions.NONE), "options gave null; return what they change")
                .complete();
    }

    /**
     * Starts a pool of that size. Unless {@code minimumIdle} is set, all connections are kept open, as HikariCP advises: under
     * a spike there is no time to make them. Logs the size and its conflicts.
     *
     * @param config where to; copied, so that it can be used again; its {@code maximumPoolSize} does not count
     * @param size how many
     * @return a pool, the caller's to close
     * @throws RuntimeException what HikariCP throws if the config is wrong, or the database is away
     */
    public static HikariDataSource hikari(HikariConfig config, PoolSize size) {
        Objects.requireNonNull(size, "size");
        HikariConfig sized = new HikariConfig();
        Objects.requireNonNull(config, "config").copyStateTo(sized);
        sized.setMaximumPoolSize(size.connections());
        HikariDataSource pool = new HikariDataSource(sized);
        LOG.info("{} has {}", pool.getPoolName(), size.explain());
        size.conflicts().forEach(conflict -> LOG.warn("{}: {}", pool.getPoolName(), conflict));
        oldHikari().ifPresent(warning -> LOG.warn("{}: {}", pool.getPoolName(), warning));
        return pool;
    }

    /**
     * Watches a pool beneath a guard, from now on. No threads, no I/O: it reads what the guard and HikariCP count, when it is
     * asked.
     *
     * @param guard {@code QueryGuard.watch(hikari)}, which the application borrows from
     * @return a watch
     * @throws IllegalArgumentException if there is no {@link HikariDataSource} beneath
     */
    public static PoolWatch watch(QueryGuard guard) {
        return PoolWatch.of(Objects.requireNonNull(guard, "guard"));
    }

    /** Why this HikariCP does not go with virtual threads; empty if it does, or there are none here. */
    static Optional<String> oldHikari() {
        return oldHikari(Runtime.version().feature(), hikariVersion());
    }

    static Optional<String> oldHikari(int jdk, @Nullable String version) {
        if (jdk < FIRST_JDK_WITH_VIRTUAL_THREADS || version == null || isAtLeast71(version)) return Optional.empty();
        return Optional.of("HikariCP " + version + " on Java " + jdk
                + ": virtual threads that give connections back can spin on all"
                + " carriers at once until nothing runs (HikariCP#2398); take HikariCP 7.1.0 or later, or borrow from"
                + " platform threads only");
    }

    private static boolean isAtLeast71(String version) {
        String[] parts = version.split("\\D+", 3);
        try {
            int major = Integer.parseInt(parts[0]);
            return major > 7 || (major == 7 && parts.length > 1 && Integer.parseInt(parts[1]) >= 1);
        } catch (NumberFormatException e) {
            LOG.debug("{} is no version of HikariCP that is known", version, e);
            return true;
        }
    }

    static @Nullable String hikariVersion() {
        try (InputStream in =
                HikariDataSource.class.getResourceAsStream("/META-INF/maven/com.zaxxer/HikariCP/pom.properties")) {
            if (in == null) return null;
            Properties properties = new Properties();
            properties.load(in);
            return properties.getProperty("version");
        } catch (IOException e) {
            LOG.debug("cannot read HikariCP's version", e);
            return null;
        }
    }
}
