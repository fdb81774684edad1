package dev.tenfold.query.replica;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides where a read goes, once, before it begins: what it needs to see, then which replica has that, then the primary.
 *
 * <p>Of the replicas that are known to have enough two are drawn, and the one with fewer reads in flight is taken (Mitzenmacher,
 * "The Power of Two Choices in Randomized Load Balancing"). If none is known to, those that might are asked.
 */
final class Router {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);
    private static final long LOOK_EVERY = TimeUnit.MILLISECONDS.toNanos(1);

    /** Why a read went to the primary. */
    enum Reason {
        LAG,
        DOWN,
        WRITING,
        UNCERTAIN,
        SILENT,
        NONE
    }

    /** What a read has to see; or the reason why only the primary is sure to show it. */
    private record Need(@Nullable Token token, @Nullable Reason reason) {}

    private final DatabaseOptions options;
    private final Primary primary;
    private final List<Replica> replicas;
    private final Written own;
    private final AtomicInteger fallbacks = new AtomicInteger();
    private final Map<Reason, LongAdder> onPrimary = new EnumMap<>(Reason.class);
    private final LongAdder refused = new LongAdder();

    Router(DatabaseOptions options, Primary primary, List<Replica> replicas, Written own) {
        this.options = options;
        this.primary = primary;
        this.replicas = replicas;
        this.own = own;
        for (Reason reason : Reason.values()) onPrimary.put(reason, new LongAdder());
    }

    /** A connection for one transaction, and what is to be noted when it goes back. */
    final class Lease implements AutoCloseable {
        final Connection connection;
        private final @Nullable Replica replica;
        private final boolean isFallback;
        private final @Nullable Token has;
        private final long began;
        private boolean closed;

        private Lease(Connection connection, @Nullable Replica replica, boolean isFallback, @Nullable Token has) {
            this.connection = connection;
            this.replica = replica;
            this.isFallback = isFallback;
            this.has = has;
            this.began = options.nanoClock().getAsLong();
        }

        boolean isOnReplica() {
            return replica != null;
        }

        /** Whether a read on behalf of that session may join what began here. */
        boolean shows(Written session) {
            if (replica == null) return true;
            if (session.isOpen()) return false;
            Written.Mark mark = session.mark();
            Token token = mark.token();
            return token == null ? !mark.isUncertain() : has != null && has.covers(token);
        }

        void succeeded() {
            if (replica != null) replica.health.succeeded();
        }

        /** The work failed; if that is because the server went away, the next reads do not try it. */
        void failed(SQLException e) {
            if (replica != null && Health.isBroken(e)) replica.health.failed(e, began);
        }

        @Override
        public void close() {
            if (closed) return;
            closed = true;
            if (replica != null) replica.inFlight.decrementAndGet();
            if (isFallback) fallbacks.decrementAndGet();
            try {
                connection.close();
            } catch (SQLException e) {
                LOG.debug("a connection did not close; what was done on it stands", e);
            }
        }
    }

    Lease write() throws SQLException {
        return new Lease(primary.borrow(), null, false, null);
    }

    Lease read(@Nullable Written session) throws SQLException {
        long deadline = options.nanoClock().getAsLong() + options.maxWait();
        while (true) {
            Need written = written(session);
            Need need = recent(written);
            Reason reason = need.reason;
            if (reason == null) {
                Lease lease = onReplica(need.token, () -> recent(written(session)));
                if (lease == null && options.isStaleWhilePrimaryDown() && !primary.health.isUp()) {
                    lease = onReplica(written.token, () -> written(session));
                }
                if (lease != null) return lease;
                reason = replicas.stream().anyMatch(replica -> replica.health.isUp()) ? Reason.LAG : Reason.DOWN;
            }
            boolean mayWait = reason == Reason.LAG && !Thread.currentThread().isInterrupted();
            if (!mayWait || options.nanoClock().getAsLong() - deadline >= 0) return onPrimary(session, reason);
            LockSupport.parkNanos(this, LOOK_EVERY);
        }
    }

    /** What was written and has to be seen. */
    private Need written(@Nullable Written session) {
        if (replicas.isEmpty()) return new Need(null, Reason.NONE);
        Primary.Sample newest = primary.newest();
        Need need = new Need(null, null);
        if (session != null) need = and(need, session, newest);
        return options.readsYourWrites() ? and(need, own, newest) : need;
    }

    /** That, and all that is older than may be missed. */
    private Need recent(Need need) {
        if (need.reason != null) return need;
        Primary.Sample recent = primary.recentEnough(options.nanoClock().getAsLong());
        if (recent != null) return and(need, recent.at());
        return options.isStaleWhilePrimaryDown() ? need : new Need(null, Reason.SILENT);
    }

    /**
     * A place of a timeline that the primary has left is replaced by where the primary is now: what of it survived the failover
     * is before that. So is one of another cluster or unknown, if the primary was asked after it came up.
     */
    private static Need and(Need need, Written written, Primary.@Nullable Sample newest) {
        if (need.reason != null) return need;
        if (written.isOpen()) return new Need(null, Reason.WRITING);
        Written.Mark mark = written.mark();
        Token token = mark.token();
        if (token == null && !mark.isUncertain()) return need;
        boolean isAskedSince = newest != null && newest.nanos() - mark.since() > 0;
        if (token == null)
            return isAskedSince && newest != null ? and(need, newest.at()) : new Need(null, Reason.UNCERTAIN);
        if (newest == null || newest.at().isOnLineOf(token)) return and(need, token);
        boolean isSameCluster = newest.at().cluster() == token.cluster();
        boolean isReplaced = isSameCluster ? newest.at().timeline() > token.timeline() : isAskedSince;
        return isReplaced ? and(need, newest.at()) : new Need(null, Reason.UNCERTAIN);
    }

    private static Need and(Need need, Token more) {
        Token token = need.token;
        if (token == null || more.covers(token)) return new Need(more, null);
        return token.covers(more) ? need : new Need(null, Reason.UNCERTAIN);
    }

    /**
     * Null if none has what is needed.
     *
     * @param needed chooses the replica
     * @param need asked again once there is a connection, for a pool may have had it waited for
     */
    private @Nullable Lease onReplica(@Nullable Token needed, Supplier<Need> need) {
        Set<Replica> tried = new HashSet<>();
        while (true) {
            Replica replica = choose(tried, needed);
            if (replica == null) return null;
            tried.add(replica);
            Lease lease = tryOn(replica, need);
            if (lease != null) return lease;
        }
    }

    private @Nullable Lease tryOn(Replica replica, Supplier<Need> need) {
        long began = options.nanoClock().getAsLong();
        replica.inFlight.incrementAndGet();
        boolean isLent = false;
        try {
            Connection connection = replica.borrow();
            Need now = need.get();
            Lease lease = new Lease(connection, replica, false, now.token);
            isLent = true;
            boolean isEnough = false;
            try {
                isEnough = now.reason == null && replica.covers(connection, now.token);
            } finally {
                if (!isEnough) lease.close();
            }
            if (!isEnough) return null;
            replica.reads.increment();
            return lease;
        } catch (SQLException e) {
            boolean isReaders =
                    Thread.currentThread().isInterrupted(); // its pool had it wait: no fault of the server's
            if (!isReaders) replica.health.failed(e, began);
            return null;
        } finally {
            if (!isLent) replica.inFlight.decrementAndGet();
        }
    }

    private @Nullable Replica choose(Set<Replica> tried, @Nullable Token needed) {
        List<Replica> sure = new ArrayList<>(replicas.size());
        List<Replica> perhaps = new ArrayList<>(replicas.size());
        for (Replica replica : replicas) {
            if (tried.contains(replica) || !replica.health.isUp()) continue;
            Token known = replica.upTo();
            if (needed == null || (known != null && known.covers(needed))) sure.add(replica);
            else if (replica.mayAsk()) perhaps.add(replica);
        }
        List<Replica> from = sure.isEmpty() ? perhaps : sure;
        if (from.size() < 2) return from.isEmpty() ? null : from.get(0);
        RandomGenerator given = options.random();
        RandomGenerator random = given == null ? ThreadLocalRandom.current() : given;
        int one = random.nextInt(from.size());
        int other = (one + 1 + random.nextInt(from.size() - 1)) % from.size();
        return from.get(one).inFlight.get() <= from.get(other).inFlight.get() ? from.get(one) : from.get(other);
    }

    private Lease onPrimary(@Nullable Written session, Reason reason) throws SQLException {
        boolean isFallback = reason != Reason.NONE;
        if (isFallback && fallbacks.incrementAndGet() > options.fallbackLimit()) {
            fallbacks.decrementAndGet();
            refused.increment();
            throw new SQLTransientConnectionException(
                    "no replica can be read (" + reason.name().toLowerCase(Locale.ROOT) + "), and fallbackLimit "
                            + options.fallbackLimit() + " reads run on the primary already; " + problems(),
                    "08004");
        }
        Lease lease;
        try {
            lease = new Lease(primary.borrow(), null, isFallback, null);
        } catch (SQLException | RuntimeException | Error e) {
            if (isFallback) fallbacks.decrementAndGet();
            throw e;
        }
        try {
            // What is not known is known after this, so the next reads need not come here.
            if (reason == Reason.UNCERTAIN) {
                Token unused = primary.ask(lease.connection);
            }
            primary.verify(
                    lease.connection, (session == null ? own : session).mark().token());
            Objects.requireNonNull(onPrimary.get(reason)).increment();
            return lease;
        } catch (SQLException | RuntimeException | Error e) {
            lease.close();
            throw e;
        }
    }

    private String problems() {
        StringBuilder text = new StringBuilder();
        for (Replica replica : replicas) {
            String problem = replica.health.problem();
            if (!text.isEmpty()) text.append("; ");
            text.append("replica ").append(replica.name).append(problem.isEmpty() ? " lags" : ": " + problem);
        }
        return text.toString();
    }

    Map<String, Long> readsOnPrimary() {
        Map<String, Long> reads = new TreeMap<>();
        onPrimary.forEach((reason, count) -> reads.put(reason.name().toLowerCase(Locale.ROOT), count.sum()));
        return Map.copyOf(reads);
    }

    long refused() {
        return refused.sum();
    }
}
