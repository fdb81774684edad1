package dev.tenfold.cache;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Forgets what others have changed in PostgreSQL: a migration, a batch job, somebody with psql.
 *
 * <pre>{@code
 * PostgresInvalidations.install(dataSource, "users", List.of("id"), "users_changed");   // once, as by a migration
 *
 * PostgresInvalidations changes = PostgresInvalidations.listen(dataSource, on -> on
 *         .changes("users_changed", key -> Long.valueOf(key.get(0)), users));
 * }</pre>
 *
 * <p><b>What it does not.</b> It comes after the commit, by a moment: whoever writes through the application and wants to read
 * the write calls {@link TieredCache#mutate} as well. It does not hear of what changes while the connection is lost, and so
 * forgets everything when it is back. It hears of nothing that fires no triggers: logical replication, a session in the
 * replica role, {@code TRUNCATE} of a single partition.
 *
 * <p><b>Where to run it.</b> One node is enough if the cache has a remote tier, since all nodes hear of its invalidations; two
 * survive the loss of one. Without a remote tier each node needs its own.
 *
 * <p><b>Cost.</b> One connection for good (of a pool: one less for others), a daemon thread, and two notifications at most
 * for each row written. A transaction of many rows is forgotten in pieces of 1,000 keys.
 *
 * <p>Needs the PostgreSQL driver, an optional dependency. Thread-safe.
 */
public final class PostgresInvalidations implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PostgresInvalidations.class);
    private static final String ALL = "*";
    private static final int MOST_KEYS = 1_000;
    private static final Duration CLOSES_WITHIN = Duration.ofSeconds(5);

    private final DataSource dataSource;
    private final Map<String, Channel<?>> channels;
    private final Duration keepAlive;
    private final Duration longestBackoff;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Under the lock.
    private @Nullable Connection connection;
    private boolean listening;
    private boolean closed;

    private PostgresInvalidations(DataSource dataSource, Options options) {
        this.dataSource = dataSource;
        this.channels = Map.copyOf(options.channels);
        this.keepAlive = options.keepAlive;
        this.longestBackoff = options.longestBackoff;
        if (options.missedAtStart) {
            channels.values().forEach(channel -> channel.missed = true);
        }
        this.thread = new Thread(this::run, "tenfold-postgres-invalidations");
        thread.setDaemon(true);
    }

    // ---- installing -------------------------------------------------------------------------------------------------

    /**
     * Installs triggers that tell a channel the keys of the rows that are inserted, updated or deleted: the old key and the
     * new one, where they differ. Does nothing if they are there, and replaces their function if the key columns are others.
     * Needs the rights of the table's owner; blocks for as long as the table is locked against writes.
     *
     * @param dataSource a PostgreSQL, 11 or later
     * @param table its name, or {@code schema.name}; any characters but a dot
     * @param keyColumns one or more: what the cache's keys are made of
     * @param channel a name of 63 bytes at most; several tables may share one if their keys mean the same
     * @throws IllegalArgumentException if a name is empty or too long
     * @throws SQLException if the table does not exist, has not these columns, or may not be changed
     */
    public static void install(DataSource dataSource, String table, List<String> keyColumns, String channel)
            throws SQLException {
        new PostgresTrigger(table, keyColumns, channel).install(dataSource);
    }

    // ---- listening --------------------------------------------------------------------------------------------------

    /** What to listen to. Not thread-safe. */
    public static final class Options {
        private final Map<String, Channel<?>> channels = new LinkedHashMap<>();
        private Duration keepAlive = Duration.ofSeconds(5);
        private Duration longestBackoff = Duration.ofSeconds(10);
        private boolean missedAtStart;

        private Options() {}

        /**
         * Invalidates a cache's keys, and clears the cache after a {@code TRUNCATE} and whenever something may have been
         * missed.
         *
         * @param channel as installed
         * @param keyOf makes the cache's key of the key columns' texts, in their order, null where a column is null; returns
         *     null for rows that are not in the cache. If it throws, the cache is cleared
         * @param cache stays open
         * @param <K> the keys' type
         * @return this
         * @throws IllegalArgumentException if the channel has no name, or has been given
         */
        public <K> Options changes(
                String channel, Function<? super List<String>, ? extends @Nullable K> keyOf, TieredCache<K, ?> cache) {
            return changes(
                    channel,
                    keyOf,
                    keys -> {
                        Stamp unused = cache.invalidateAll(keys);
                    },
                    () -> {
                        Stamp unused = cache.clear();
                    });
        }

        /**
         * As {@link #changes(String, Function, TieredCache)}, for anything that can forget. Both callbacks run on the
         * listening thread, and may block it; if one throws, {@code forgetAll} is called until it returns.
         *
         * @param channel as installed
         * @param keyOf makes a key, or null
         * @param forget is given changed keys, each once, 1,000 at most
         * @param forgetAll is called when it is unknown what has changed
         * @param <K> the keys' type
         * @return this
         * @throws IllegalArgumentException if the channel has no name, or has been given
         */
        public <K> Options changes(
                String channel,
                Function<? super List<String>, ? extends @Nullable K> keyOf,
                Consumer<? super Collection<K>> forget,
                Runnable forgetAll) {
            PostgresTrigger.checkName("channel", channel);
            if (channels.putIfAbsent(channel, new Channel<>(channel, keyOf, forget, forgetAll)) != null) {
                throw new IllegalArgumentException("channel " + channel + " is given twice; do both in one callback");
            }
            return this;
        }

        /**
         * How often a silent connection is asked whether it is alive, and how long it has to answer: a lost one is noticed
         * within twice that.
         *
         * @param newInterval 10 ms or more; default 5 s
         * @return this
         */
        public Options keepAlive(Duration newInterval) {
            keepAlive = atLeast10Millis("keepAlive", newInterval);
            return this;
        }

        /**
         * How long at most it waits before it connects again. It begins with a hundredth of that, and doubles.
         *
         * @param newLongest 10 ms or more; default 10 s
         * @return this
         */
        public Options longestBackoff(Duration newLongest) {
            longestBackoff = atLeast10Millis("longestBackoff", newLongest);
            return this;
        }

        /**
         * Forgets everything at the first connection, too: for when nobody else has been listening before.
         *
         * @return this
         */
        public Options missedAtStart() {
            missedAtStart = true;
            return this;
        }

        private static Duration atLeast10Millis(String knob, Duration value) {
            if (value.toMillis() < 10 || value.toMillis() > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        knob + " " + value + " must be 10 ms or more, and less than 24 days");
            }
            return value;
        }
    }

    /**
     * Begins to listen, in the background: does not block, also if PostgreSQL is away, and connects again by itself. What
     * changed before the first connection is not heard of; if that needs more than one attempt, it counts as missed.
     *
     * @param dataSource its connections unwrap to the PostgreSQL driver's. Give it a connect and a login time-out: only those
     *     end an attempt that nobody answers
     * @param options names the channels
     * @return to be closed before the caches
     * @throws IllegalArgumentException if there is no channel
     */
    public static PostgresInvalidations listen(DataSource dataSource, UnaryOperator<Options> options) {
        Options changed = options.apply(new Options());
        if (changed.channels.isEmpty()) {
            throw new IllegalArgumentException("nothing to listen to; name a channel with changes(…)");
        }
        PostgresInvalidations listener = new PostgresInvalidations(Objects.requireNonNull(dataSource), changed);
        listener.thread.start();
        return listener;
    }

    /** A channel and what its messages mean. Used by the listening thread only. */
    private static final class Channel<K> {
        final String name;
        private final Function<? super List<String>, ? extends @Nullable K> keyOf;
        private final Consumer<? super Collection<K>> forget;
        private final Runnable forgetAll;

        /** Whether it is unknown what has changed, so that all is to be forgotten. */
        boolean missed;

        private Set<K> keys = new LinkedHashSet<>();

        Channel(
                String name,
                Function<? super List<String>, ? extends @Nullable K> keyOf,
                Consumer<? super Collection<K>> forget,
                Runnable forgetAll) {
            this.name = name;
            this.keyOf = Objects.requireNonNull(keyOf, "keyOf");
            this.forget = Objects.requireNonNull(forget, "forget");
            this.forgetAll = Objects.requireNonNull(forgetAll, "forgetAll");
        }

        void add(String payload) {
            if (payload.equals(ALL)) {
                missed = true;
            }
            if (missed) {
                return; // forgets all anyway
            }
            List<@Nullable String> columns = PostgresKey.parse(payload);
            try {
                if (columns == null) {
                    throw new IllegalArgumentException("not a JSON array of strings");
                }
                K key = keyOf.apply(columns);
                if (key != null) {
                    keys.add(key);
                }
            } catch (RuntimeException e) {
                LOG.error("channel {}: cannot make a key of {}; forgets all keys", name, payload, e);
                missed = true;
            }
        }

        void flush() {
            Set<K> changed = keys;
            keys = new LinkedHashSet<>();
            if (!missed) {
                forgetInPieces(changed);
            }
            if (missed) {
                try {
                    forgetAll.run();
                    missed = false;
                } catch (RuntimeException e) {
                    LOG.error("channel {}: cannot forget all keys; tries again", name, e);
                }
            }
        }

        private void forgetInPieces(Set<K> changed) {
            List<K> all = new ArrayList<>(changed);
            try {
                for (int from = 0; from < all.size(); from += MOST_KEYS) {
                    forget.accept(all.subList(from, Math.min(all.size(), from + MOST_KEYS)));
                }
            } catch (RuntimeException e) {
                LOG.error("channel {}: cannot forget {} keys; forgets all", name, all.size(), e);
                missed = true;
            }
        }
    }

    // ---- the listening thread ---------------------------------------------------------------------------------------

    private void run() {
        Duration backoff = firstBackoff();
        boolean told = false;
        while (!isClosed()) {
            boolean worked = false;
            try (Connection fresh = dataSource.getConnection()) {
                if (!adopt(fresh)) {
                    return;
                }
                try {
                    PGConnection postgres = begin(fresh);
                    LOG.info("listens to {} in PostgreSQL", channels.keySet());
                    worked = true;
                    told = false;
                    receive(fresh, postgres);
                } finally {
                    discard(fresh);
                }
            } catch (SQLException | RuntimeException | Error e) { // also an error of a callback
                if (isClosed()) {
                    return;
                }
                if (!told) {
                    told = true;
                    LOG.warn(
                            "hears nothing from PostgreSQL ({}); connects again by itself, then forgets all",
                            e.toString());
                }
            }
            channels.values().forEach(channel -> channel.missed = true);
            backoff = worked ? firstBackoff() : longer(backoff);
            pause(backoff);
        }
    }

    private PGConnection begin(Connection fresh) throws SQLException {
        fresh.setAutoCommit(true);
        fresh.setNetworkTimeout(Runnable::run, (int) keepAlive.toMillis());
        try (Statement statement = fresh.createStatement()) {
            for (String channel : channels.keySet()) {
                statement.execute("listen " + PostgresTrigger.identifier(channel));
            }
        }
        return fresh.unwrap(PGConnection.class);
    }

    /** Returns when closed. */
    private void receive(Connection fresh, PGConnection postgres) throws SQLException {
        flush(); // what was missed before
        listening(true);
        while (!isClosed()) {
            PGNotification[] received = postgres.getNotifications((int) keepAlive.toMillis());
            if (received == null || received.length == 0) {
                try (Statement statement = fresh.createStatement()) {
                    statement.execute("select 1"); // what comes meanwhile is there at the next look
                }
            } else {
                for (PGNotification each : received) {
                    Channel<?> channel = channels.get(each.getName());
                    if (channel != null) {
                        channel.add(each.getParameter());
                    }
                }
            }
            flush();
        }
    }

    private void flush() {
        channels.values().forEach(Channel::flush);
    }

    private Duration firstBackoff() {
        return longestBackoff.dividedBy(100);
    }

    private Duration longer(Duration backoff) {
        Duration doubled = backoff.multipliedBy(2);
        return doubled.compareTo(longestBackoff) < 0 ? doubled : longestBackoff;
    }

    /** Up to half of it less, by chance, so that nodes do not come together. */
    private void pause(Duration backoff) {
        long nanos = backoff.toNanos() - ThreadLocalRandom.current().nextLong(backoff.toNanos() / 2 + 1);
        lock.lock();
        try {
            while (!closed && nanos > 0) {
                nanos = changed.awaitNanos(nanos);
            }
        } catch (InterruptedException e) {
            closed = true; // nobody but close() has this thread
        } finally {
            lock.unlock();
        }
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    private boolean adopt(Connection fresh) {
        lock.lock();
        try {
            connection = fresh;
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    /** It listens, so it must not go back into a pool. */
    private void discard(Connection used) throws SQLException {
        lock.lock();
        try {
            connection = null;
        } finally {
            lock.unlock();
        }
        listening(false);
        used.abort(Runnable::run);
    }

    private void listening(boolean now) {
        lock.lock();
        try {
            listening = now;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Whether it is connected now, as far as it knows.
     *
     * @return false before the first connection, and after the connection was found lost
     */
    public boolean isListening() {
        lock.lock();
        try {
            return listening;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Blocks until it listens: what is committed from then on is heard of.
     *
     * @param atMost how long to wait
     * @return whether it listens
     * @throws InterruptedException if the thread is interrupted
     */
    public boolean awaitListening(Duration atMost) throws InterruptedException {
        long nanos = atMost.toNanos();
        lock.lock();
        try {
            while (!listening && !closed && nanos > 0) {
                nanos = changed.awaitNanos(nanos);
            }
            return listening;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends the connection and the thread, in five seconds at most. A callback that runs is waited for. Idempotent.
     */
    @Override
    public void close() {
        Connection used;
        lock.lock();
        try {
            closed = true;
            used = connection;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            if (used != null) {
                used.abort(Runnable::run); // wakes the thread
            }
            thread.join(TimeUnit.NANOSECONDS.toMillis(CLOSES_WITHIN.toNanos()));
            if (thread.isAlive()) {
                LOG.warn(
                        "the thread that listens to PostgreSQL still waits for a connection or a callback; it ends after that."
                                + " Give the data source a login time-out");
            }
        } catch (SQLException e) {
            LOG.warn("cannot abort the connection that listens to PostgreSQL; it ends by its keep-alive", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
