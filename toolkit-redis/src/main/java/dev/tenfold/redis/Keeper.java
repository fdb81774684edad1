package dev.tenfold.redis;

import dev.tenfold.redis.RedisUnavailableException.Reason;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the connection for commands, and is the breaker: while there is a {@link Session} the link is up and commands are
 * sent, without one it is down and they are refused.
 *
 * <p>A session ends when its connection is lost or too many failures came in a row. The next begins when the server has
 * answered a probe, on the old connection or, if that stays silent, on a new one. Probes are the link's own; no command of
 * a user is ever sent to find out.
 *
 * <p>Transitions happen under the lock, which is held neither for I/O nor while calls of users end; commands only read
 * {@link #session}.
 */
final class Keeper {
    private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);
    private static final long LONGEST_PENANCE = TimeUnit.SECONDS.toNanos(1);
    private static final long COLD_START = TimeUnit.SECONDS.toNanos(1); // loading Netty takes longer than connecting
    private static final long STABLE = TimeUnit.SECONDS.toNanos(2);

    final RedisLinkStats.Recorder stats;
    private final Source source;
    private final RedisOptions options;
    private final LinkThreads threads;
    private final Deadlines deadlines;
    private final StateListeners listeners;
    private final String timedOut;
    private final Fault lateReply;
    private final CompletableFuture<@Nullable Void> firstAttempt = new CompletableFuture<>();

    private volatile @Nullable Session session;
    private volatile boolean closed;

    /** Connections that were replaced, and are about to be closed. */
    private final Set<Wire> retired = ConcurrentHashMap.newKeySet();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Backoff backoff;
    private @Nullable Wire wire;
    private boolean connecting;
    private boolean probing;
    private boolean announced; // that the link is down: once an outage
    private long downSince = System.nanoTime();
    private long upSince;
    private long penance;
    private long notBefore = System.nanoTime();

    Keeper(
            Source source,
            RedisOptions options,
            LinkThreads threads,
            Deadlines deadlines,
            StateListeners listeners,
            RedisLinkStats.Recorder stats) {
        this.source = source;
        this.options = options;
        this.threads = threads;
        this.deadlines = deadlines;
        this.listeners = listeners;
        this.stats = stats;
        this.backoff = new Backoff(options.retryInterval);
        this.timedOut = "no reply within " + options.commandTimeout.toMillis() + " ms from " + source
                + "; raise commandTimeout if the server is only slow";
        this.lateReply =
                new Fault(new RedisUnavailableException(Reason.TIMEOUT, true, timedOut, null), Fault.Kind.TIMEOUT);
    }

    /**
     * Makes the first connection, and waits for the outcome as long as connecting may take.
     *
     * @throws IllegalArgumentException if no attempt can ever succeed
     */
    void start() {
        connect();
        threads.every(options.probeInterval, this::lookAfter);
        try {
            firstAttempt.get(options.connectTimeout.toNanos() + COLD_START, TimeUnit.NANOSECONDS);
        } catch (TimeoutException slow) {
            lock.lock();
            try {
                if (session == null) announce("no connection yet", slow);
            } finally {
                lock.unlock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            // Lettuce was not asked for an address that is away, but has none, or no threads any more.
            throw new IllegalArgumentException(
                    source + " cannot connect; hand in one that was made with a URI and is not shut down",
                    e.getCause());
        }
    }

    @Nullable
    Session session() {
        return session;
    }

    String timedOut() {
        return timedOut;
    }

    Deadlines deadlines() {
        return deadlines;
    }

    Fault lateReply() {
        return lateReply;
    }

    RedisLinkState state() {
        if (closed) return RedisLinkState.CLOSED;
        return session == null ? RedisLinkState.DOWN : RedisLinkState.UP;
    }

    /** The future of a call that is not sent. */
    <T> CompletableFuture<T> refuse() {
        stats.rejected.increment();
        return CompletableFuture.failedFuture(refusal());
    }

    RedisUnavailableException refusal() {
        return closed
                ? new RedisUnavailableException(Reason.CLOSED, false, "the link to " + source + " is closed", null)
                : new RedisUnavailableException(Reason.DOWN, false, source + " is down; nothing was sent", null);
    }

    /** Of what is on its way while the link is closed. */
    RedisUnavailableException closing() {
        return new RedisUnavailableException(Reason.CLOSED, true, "the link to " + source + " was closed", null);
    }

    /** Reads a failure. Once the link is closed, that is the reason for all of them. */
    Fault fault(Throwable error) {
        Fault fault = Fault.of(error, source.isCluster());
        if (!closed || fault.isReply()) return fault;
        boolean mayHaveRun = !(fault.error() instanceof RedisUnavailableException known) || known.mayHaveRun();
        return new Fault(
                new RedisUnavailableException(
                        Reason.CLOSED, mayHaveRun, "the link to " + source + " was closed", error),
                Fault.Kind.LOST);
    }

    /** Counts a failure of a session, and ends the session after too many in a row. */
    void judge(Session of, Fault fault) {
        if (!fault.countsAgainstServer()) {
            if (fault.isReply()) of.answered();
            return;
        }
        if (of.failed(fault) < options.failuresToOpen) return;
        if (source.isCluster()) inquire(of, fault);
        else trip(of, fault);
    }

    /**
     * In a cluster, one node may fail for its own keys. The link goes on for the others, unless the cluster says that it is
     * down, or says nothing.
     */
    private void inquire(Session of, Fault fault) {
        if (!of.beginInquiry()) return;
        Pending.of(of.wire.probe(), deadlines, timedOut).onEnd((answer, failure) -> {
            of.endInquiry();
            if (failure != null) {
                trip(of, fault);
            } else if (session == of) {
                of.answered();
                var unused = of.wire.sweep(true);
            }
        });
    }

    // ---- up → down

    private void trip(Session of, Fault fault) {
        lock.lock();
        try {
            if (session != of) return;
            penance = nextPenance();
            notBefore = System.nanoTime() + penance;
            down(fault);
            if (fault.kind() != Fault.Kind.MISLED) {
                threads.later(penance, this::probe);
                return;
            }
            if (wire == of.wire) wire = null;
            connect();
        } finally {
            lock.unlock();
        }
        of.wire.close();
    }

    /**
     * A server that answers every probe and then fails three commands again would take the link up and down many times a
     * second. A session that ended soon after it began delays the next, twice as long each time.
     */
    private long nextPenance() {
        if (wasStable()) return 0;
        return Math.min(LONGEST_PENANCE, Math.max(options.probeInterval.toNanos(), penance * 2));
    }

    private boolean wasStable() {
        return System.nanoTime() - upSince > STABLE;
    }

    private void lost(Wire which) {
        lock.lock();
        try {
            if (wire != which || closed) return;
            if (!which.survivesLoss()) {
                wire = null;
                if (session != null) down(Fault.of(connectionLost(), source.isCluster()));
            }
            connect();
        } finally {
            lock.unlock();
        }
    }

    private RedisUnavailableException connectionLost() {
        return new RedisUnavailableException(Reason.DISCONNECTED, true, "the connection to " + source + " broke", null);
    }

    private void down(Fault fault) {
        session = null;
        if (wasStable()) backoff.reset();
        downSince = System.nanoTime();
        stats.opened.increment();
        listeners.changed(RedisLinkState.DOWN);
        announce(String.valueOf(fault.error().getMessage()), fault.error());
    }

    private void announce(String why, Throwable cause) {
        if (announced || closed) return;
        announced = true;
        LOG.warn(
                "{} is down ({}). Commands are refused at once until it answers a PING; asking every {} ms or so",
                source,
                why,
                Math.max(options.probeInterval.toMillis(), options.retryInterval.toMillis()));
        LOG.debug("What took {} down", source, cause);
    }

    // ---- down → up

    private void up(Wire on) {
        session = new Session(on);
        upSince = System.nanoTime();
        announced = false;
        LOG.info("{} is up, after {} ms", source, TimeUnit.NANOSECONDS.toMillis(upSince - downSince));
        changed.signalAll();
        listeners.changed(RedisLinkState.UP);
    }

    boolean awaitUp(Duration atMost) {
        lock.lock();
        try {
            long left = atMost.toNanos();
            while (session == null && !closed) {
                if (left <= 0) return false;
                left = changed.awaitNanos(left);
            }
            return !closed;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }

    /** Asks the server on the connection there is, unless one is being made, which is asked then. */
    private void probe() {
        Wire asked;
        lock.lock();
        try {
            asked = wire;
            if (asked == null || session != null || probing || closed || System.nanoTime() - notBefore < 0) return;
            probing = true;
        } finally {
            lock.unlock();
        }
        Pending.of(asked.probe(), deadlines, timedOut).onEnd((answer, failure) -> probed(asked, failure));
    }

    private void probed(Wire asked, @Nullable Throwable failure) {
        lock.lock();
        try {
            probing = false;
            if (wire != asked || session != null || closed) return;
            if (failure == null) {
                up(asked);
                return;
            }
            Fault fault = Fault.of(failure, source.isCluster());
            // A server that is loading will answer on this connection; a silent one, or a replica, calls for another.
            if (fault.isReply() && fault.kind() != Fault.Kind.MISLED) return;
            wire = null;
            connect();
        } finally {
            lock.unlock();
        }
        asked.close();
    }

    // ---- connections

    /** Makes a connection, at once or after a pause, unless that is under way. */
    private void connect() {
        lock.lock();
        try {
            if (connecting || closed) return;
            connecting = true;
            threads.later(backoff.next(), () -> threads.connect(this::attempt));
        } finally {
            lock.unlock();
        }
    }

    private void attempt() {
        Wire fresh = null;
        try {
            fresh = source.openCommands();
            fresh.probe().toCompletableFuture().get(options.commandTimeout.toNanos(), TimeUnit.NANOSECONDS);
            awaitNodes(fresh);
            established(fresh);
        } catch (TimeoutException e) {
            if (fresh != null) fresh.close();
            failed(new RedisUnavailableException(Reason.TIMEOUT, true, timedOut, e));
        } catch (RuntimeException | ExecutionException | Error e) {
            if (fresh != null) fresh.close();
            if (fresh == null && e instanceof IllegalStateException) firstAttempt.completeExceptionally(e);
            failed(e);
        } catch (InterruptedException e) {
            throw new AssertionError("nobody interrupts the threads that connect", e);
        } finally {
            firstAttempt.complete(null);
        }
    }

    /** Connections to nodes that answer are there before the first command asks for one; silent nodes hold nobody up. */
    private void awaitNodes(Wire fresh) throws InterruptedException, ExecutionException {
        try {
            fresh.sweep(false).get(options.commandTimeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException silent) {
            LOG.debug("{}: not every node answers", source);
        }
    }

    private void failed(Throwable e) {
        lock.lock();
        try {
            connecting = false;
            LOG.debug("No connection to {}", source, e);
            if (session == null) announce(reason(e), e);
            connect();
        } finally {
            lock.unlock();
        }
    }

    private void established(Wire fresh) {
        Wire old;
        lock.lock();
        try {
            connecting = false;
            if (closed) {
                fresh.close();
                return;
            }
            old = wire;
            wire = fresh;
            stats.connects.increment();
            if (session == null) up(fresh);
            else session = new Session(fresh);
        } finally {
            lock.unlock();
        }
        fresh.onLost(() -> lost(fresh));
        if (old != null) retire(old);
    }

    /** What is on its way on the old one, to nodes that are well, has the time it would have had. */
    private void retire(Wire old) {
        retired.add(old);
        threads.later(options.commandTimeout.toNanos(), () -> {
            old.close();
            retired.remove(old);
        });
    }

    /** Ours says it all; of Lettuce's, the innermost cause says what happened. */
    private static String reason(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null && !(root instanceof RedisUnavailableException)) root = root.getCause();
        return String.valueOf(root.getMessage() == null ? root : root.getMessage());
    }

    // ---- at each interval

    private void lookAfter() {
        Session current = session;
        if (current == null) {
            probe();
            return;
        }
        boolean doubtful = current.isDoubtful();
        if (doubtful) check(current);
        var unused = current.wire.sweep(doubtful);
    }

    /** Nothing was heard, or not in time: ask, as often as failures are allowed. */
    private void check(Session current) {
        Pending.of(current.wire.ping(), deadlines, timedOut).onEnd((pong, failure) -> {
            if (failure == null) {
                current.answered();
                return;
            }
            Fault fault = fault(failure);
            judge(current, fault);
            if (fault.countsAgainstServer() && session == current) threads.later(0, () -> check(current));
        });
    }

    /** Fails what is on its way and makes no more connections. Does not block; completes when all are closed. */
    CompletableFuture<?> close() {
        lock.lock();
        try {
            closed = true;
            session = null;
            if (wire != null) retired.add(wire);
            wire = null;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        firstAttempt.complete(null);
        listeners.changed(RedisLinkState.CLOSED);
        retired.forEach(Wire::close);
        return CompletableFuture.allOf(retired.stream().map(Wire::ended).toArray(CompletableFuture<?>[]::new));
    }
}
