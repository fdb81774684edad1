package dev.tenfold.query.pool;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import dev.tenfold.query.guard.BorrowedConnection;
import dev.tenfold.query.guard.Borrows;
import dev.tenfold.query.guard.FindingKind;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.guard.StatementStats;
import dev.tenfold.query.pool.PoolHealth.Figures;
import dev.tenfold.query.pool.PoolHealth.Finding;
import dev.tenfold.query.pool.PoolHealth.Level;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The figures of a pool at work, and what they say.
 *
 * <p>It has no thread and writes no log: it looks when it is asked, and compares with what it saw a {@link #window} ago. Ask at
 * least once a window, as a scrape or a health check does; else the time since the last look counts. A borrow that does not go
 * by way of the guard is not seen.
 *
 * <p>A pool is judged by waits, not by how many connections are out: with 80 % of them out one waits half of a hold for one of
 * 5, and a sixteenth for one of 20. What the wait should be is computed, as {@link Pools} does; how much more it is tells a small
 * pool from a load that comes in bursts. {@link Figures#heldOverWorked} says whether connections work at all; the network's time
 * counts as work there.
 *
 * <p>Thread-safe; borrowers wait for none of this. Options give a new watch, which begins anew.
 */
public final class PoolWatch {
    private static final double MOST_WAIT = 0.1;
    /** Shorter waits are a round trip, as HikariCP tests connections that were idle for half a second. */
    private static final Duration LEAST_WAIT = Duration.ofMillis(1);
    /** Fewer borrows say nothing of means. */
    private static final int FEW = 30;
    /** Held ÷ worked. */
    private static final double MUCH = 3;
    /** Beneath, one waits for something other than others. */
    private static final double LOW_UTILISATION = 0.3;

    private static final int LOOKS_A_WINDOW = 30;

    private final QueryGuard guard;
    private final HikariDataSource hikari;
    private final Duration heldFor;
    private final Duration window;
    private final ReentrantLock looking = new ReentrantLock();
    /** The oldest first, which is a window old. */
    private final Deque<Look> looks = new ArrayDeque<>();

    /**
     * The totals at one moment.
     *
     * @param busy seconds that connections were out, added up, those that are out still too
     */
    private record Look(Borrows totals, double busy, boolean isQueue) {
        double at() {
            return PoolSize.seconds(totals.watched());
        }

        /** To be kept: without the threads of those that are out. */
        Look bare() {
            Borrows bare = new Borrows(
                    totals.watched(),
                    totals.borrowed(),
                    totals.refused(),
                    totals.waited(),
                    totals.waitedInVain(),
                    totals.returned(),
                    totals.held(),
                    totals.heldSquared(),
                    totals.judged(),
                    totals.worked(),
                    List.of());
            return new Look(bare, busy, isQueue);
        }
    }

    /** What happened between the oldest look and now. */
    private record Span(Look from, Look to, boolean isQueue) {
        double seconds() {
            return to.at() - from.at();
        }

        long borrowed() {
            return to.totals.borrowed() - from.totals.borrowed();
        }

        long refused() {
            return to.totals.refused() - from.totals.refused();
        }

        long returned() {
            return to.totals.returned() - from.totals.returned();
        }

        Duration meanWait() {
            Duration sum = to.totals.waited().plus(to.totals.waitedInVain());
            Duration before = from.totals.waited().plus(from.totals.waitedInVain());
            return sum.minus(before).dividedBy(Math.max(1, borrowed() + refused()));
        }

        Duration meanHold() {
            return to.totals.held().minus(from.totals.held()).dividedBy(Math.max(1, returned()));
        }

        double heldOverWorked() {
            Duration judged = to.totals.judged().minus(from.totals.judged());
            Duration worked = to.totals.worked().minus(from.totals.worked());
            return PoolSize.seconds(judged) / PoolSize.seconds(worked);
        }

        /** The standard deviation of times held over their mean; 1 if they are few. */
        double holdVariation() {
            double mean = PoolSize.seconds(meanHold());
            if (returned() < FEW || mean <= 0) return 1;
            double squares = (to.totals.heldSquared() - from.totals.heldSquared()) / returned();
            return Math.sqrt(Math.max(0, squares / (mean * mean) - 1));
        }

        /** Of arrivals as they come by chance, and holds that vary as these did. */
        double burstiness() {
            return Erlang.burstiness(1, holdVariation());
        }

        double utilisation(int size) {
            return seconds() <= 0 ? 0 : Math.max(0, (to.busy - from.busy) / seconds() / size);
        }

        Figures figures(int size, int busy, int waiting) {
            double utilisation = utilisation(size);
            double expected = Erlang.meanWait(size, utilisation * size, burstiness());
            return new Figures(
                    to.totals.watched().minus(from.totals.watched()),
                    size,
                    busy,
                    waiting,
                    seconds() <= 0 ? 0 : borrowed() / seconds(),
                    refused(),
                    meanWait(),
                    meanHold(),
                    utilisation,
                    returned() == 0 ? Double.NaN : PoolSize.seconds(meanWait()) / PoolSize.seconds(meanHold()),
                    expected,
                    heldOverWorked(),
                    utilisation * size / Erlang.mostLoad(size, burstiness(), MOST_WAIT));
        }
    }

    /**
     * What a size is computed from, over the window.
     *
     * @param perSecond borrows, refused ones too
     * @param hold mean time held
     * @param holdVariation its standard deviation over its mean
     * @param worked mean time of it in which the driver executed; null if that is not known, as where it was used directly
     * @param statements how many a borrow executes, since the guard began to watch
     */
    record Measured(
            double perSecond,
            Duration hold,
            double holdVariation,
            @Nullable Duration worked,
            double statements) {}

    private PoolWatch(QueryGuard guard, HikariDataSource hikari, Duration heldFor, Duration window) {
        this.guard = guard;
        this.hikari = hikari;
        this.heldFor = heldFor;
        this.window = window;
        looks.add(look().bare());
    }

    static PoolWatch of(QueryGuard guard) {
        return new PoolWatch(guard, beneath(guard), Duration.ofSeconds(10), Duration.ofMinutes(1));
    }

    private static HikariDataSource beneath(QueryGuard guard) {
        try {
            if (guard.isWrapperFor(HikariDataSource.class)) return guard.unwrap(HikariDataSource.class);
        } catch (SQLException e) {
            throw new IllegalArgumentException("cannot look beneath " + guard, e);
        }
        throw new IllegalArgumentException(
                "there is no HikariDataSource beneath the " + guard + "; watch the pool: QueryGuard.watch(hikari)");
    }

    /**
     * From when on a connection that is out is looked at.
     *
     * @param time more than zero; default 10 s; more than any transaction should take
     * @return a new watch
     * @throws IllegalArgumentException if it is zero or less
     */
    public PoolWatch heldFor(Duration time) {
        return new PoolWatch(guard, hikari, positive("heldFor", time), window);
    }

    /**
     * Over how long is measured.
     *
     * @param time more than zero; default a minute; shorter ones see shorter spikes, of fewer borrows
     * @return a new watch
     * @throws IllegalArgumentException if it is zero or less
     */
    public PoolWatch window(Duration time) {
        return new PoolWatch(guard, hikari, heldFor, positive("window", time));
    }

    private static Duration positive(String knob, Duration time) {
        Objects.requireNonNull(time, knob);
        if (time.isZero() || time.isNegative() || time.compareTo(Duration.ofDays(1)) > 0) {
            throw new IllegalArgumentException(knob + " " + time + " must be more than zero, and at most a day");
        }
        return time;
    }

    /**
     * How many connections are out now; {@link #size} is the limit. Cheap.
     *
     * @return 0 if the pool has not begun, or is closed
     */
    public int busy() {
        HikariPoolMXBean pool = pool();
        return pool == null ? 0 : pool.getActiveConnections();
    }

    /**
     * How many connections there can be. Cheap.
     *
     * @return {@code maximumPoolSize} as it is now
     */
    public int size() {
        return hikari.getMaximumPoolSize();
    }

    /**
     * How many threads wait for a connection now. Cheap.
     *
     * @return 0 if the pool has not begun, or is closed
     */
    public int waiting() {
        HikariPoolMXBean pool = pool();
        return pool == null ? 0 : pool.getThreadsAwaitingConnection();
    }

    HikariDataSource hikari() {
        return hikari;
    }

    private @Nullable HikariPoolMXBean pool() {
        return hikari.isClosed() ? null : hikari.getHikariPoolMXBean();
    }

    /**
     * How long one waits for a connection, as a part of the time that it is held then. The figure to alarm on; the limit is 0.1.
     *
     * @return at least 0, over the {@link #window}; NaN if nothing came back in it
     */
    public double waitOverHold() {
        return figures().waitOverHold();
    }

    /**
     * How much of the load that the pool can bear there is. The figure to forecast, with limit 1.
     *
     * @return {@link Figures#load}, over the {@link #window}
     */
    public double load() {
        return figures().load();
    }

    /**
     * What was measured. Takes some microseconds.
     *
     * @return figures, over the {@link #window}
     */
    public Figures figures() {
        return figures(span());
    }

    private Figures figures(Span span) {
        return span.figures(size(), busy(), waiting());
    }

    Measured measured() {
        Span span = span();
        if (span.returned() < FEW) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "measured(…) needs %d connections that came back, and %s saw %d within %s; let the application work for"
                            + " longer before, look at the watch at least once a window, or give arrivals(…) and hold(…)",
                    FEW,
                    this,
                    span.returned(),
                    PoolSize.words(span.to.totals.watched().minus(span.from.totals.watched()))));
        }
        Duration mean = span.meanHold();
        Duration hold = mean.isZero() ? Duration.ofNanos(1) : mean;
        double heldOverWorked = span.heldOverWorked();
        return new Measured(
                (Math.max(span.borrowed(), span.returned()) + span.refused()) / span.seconds(),
                hold,
                span.holdVariation(),
                Double.isNaN(heldOverWorked) ? null : atLeastOneNano(PoolSize.seconds(hold) / heldOverWorked),
                (double) executed() / span.to.totals.borrowed());
    }

    private long executed() {
        return guard.statements().stream().mapToLong(StatementStats::count).sum();
    }

    private static Duration atLeastOneNano(double seconds) {
        return Duration.ofNanos((long) Math.max(1, seconds * 1e9));
    }

    /**
     * How many connections are out for long, execute nothing, and have been left by the code that borrowed them, or seem so. Takes
     * stacks of the threads that borrowed them.
     *
     * @return at least 0
     */
    public int leaks() {
        return new LongHolds(guard, heldFor).look(guard.borrows().out(), new ArrayList<>());
    }

    /**
     * Measures, and judges. Takes stacks of the threads whose connections are out for long; asks no database.
     *
     * @return what was found
     */
    public PoolHealth health() {
        Span span = span();
        Figures figures = figures(span);
        List<Finding> findings = new ArrayList<>();
        if (figures.refused() > 0) findings.add(refused(figures));
        if (span.borrowed() + span.refused() >= FEW && isShort(figures)) findings.add(waits(figures, span));
        if (span.returned() >= FEW && figures.heldOverWorked() > MUCH) findings.add(idle(figures));
        new LongHolds(guard, heldFor).look(span.to.totals.out(), findings);
        nested(findings);
        Pools.oldHikari()
                .ifPresent(why -> findings.add(new Finding(
                        Level.WARNING, "virtual-threads", why, "see HikariCP's change log before you raise it")));
        findings.sort(Comparator.comparing(Finding::level).reversed());
        return new PoolHealth(figures, List.copyOf(findings));
    }

    private Look look() {
        Borrows totals = guard.borrows();
        Duration busy = totals.held();
        for (BorrowedConnection one : totals.out()) busy = busy.plus(one.held());
        return new Look(totals, PoolSize.seconds(busy), waiting() > 0);
    }

    /** Looks, and keeps that for later: some thirty of a window. */
    private Span span() {
        looking.lock();
        try {
            Look now = look();
            double windowEnds = now.at() - PoolSize.seconds(window);
            while (looks.size() > 1 && secondOldest().at() <= windowEnds) looks.remove();
            Span span =
                    new Span(looks.element(), now, now.isQueue || looks.stream().anyMatch(Look::isQueue));
            double newest = looks.getLast().at();
            if (now.at() - newest >= PoolSize.seconds(window) / LOOKS_A_WINDOW) looks.add(now.bare());
            return span;
        } finally {
            looking.unlock();
        }
    }

    private Look secondOldest() {
        return looks.stream().skip(1).findFirst().orElseThrow();
    }

    private Finding refused(Figures figures) {
        HikariPoolMXBean pool = pool();
        int there = pool == null ? 0 : pool.getTotalConnections();
        String what = figures.refused() + (figures.refused() == 1 ? " borrow was" : " borrows were")
                + " refused within " + PoolSize.words(figures.over());
        if (there < figures.size() && figures.waiting() == 0 && figures.utilisation() < 0.9) {
            return new Finding(
                    Level.ERROR,
                    "timeouts",
                    what + ", with " + there + " of " + figures.size() + " connections there",
                    "the database is away, or grants no more: look at its log, and at max_connections");
        }
        return new Finding(
                Level.ERROR,
                "timeouts",
                what + ", with all of " + figures.size() + " connections out",
                "see the other findings for why; if there are none, the load is more than the pool serves: Pools.size(…)");
    }

    private static boolean isShort(Figures figures) {
        return figures.meanWait().compareTo(LEAST_WAIT) >= 0
                && (figures.waitOverHold() > MOST_WAIT || figures.meanHold().isZero());
    }

    private static Finding waits(Figures figures, Span span) {
        String what = String.format(
                Locale.ROOT,
                "a borrow waits %s on average, for a connection that it holds for %s; the pool is busy to %.0f %%, of which the wait"
                        + " should be %s",
                PoolSize.words(figures.meanWait()),
                PoolSize.words(figures.meanHold()),
                figures.utilisation() * 100,
                figures.expectedWaitOverHold() > 100
                        ? "without end"
                        : PoolSize.words(Duration.ofNanos(
                                (long) (figures.meanHold().toNanos() * figures.expectedWaitOverHold()))));
        if (!span.isQueue && figures.refused() == 0 && figures.utilisation() < LOW_UTILISATION) {
            return new Finding(
                    Level.INFO,
                    "wait",
                    what,
                    "nobody was seen to queue: what takes time is to make connections, or to test them; keep minimumIdle at"
                            + " maximumPoolSize, and see that a test is one round trip");
        }
        Level level = figures.waitOverHold() > 1 || figures.meanHold().isZero() ? Level.ERROR : Level.WARNING;
        return new Finding(level, "wait", what, remedyOfWaits(figures, span));
    }

    private static String remedyOfWaits(Figures figures, Span span) {
        if (figures.heldOverWorked() > MUCH) {
            return String.format(
                    Locale.ROOT,
                    "connections are held %.1f times as long as they work: take other work out of transactions; a larger pool"
                            + " would hide that for a while",
                    figures.heldOverWorked());
        }
        double load = figures.utilisation() * figures.size();
        if (figures.expectedWaitOverHold() > MOST_WAIT) {
            int fewest = Erlang.fewest(load, span.burstiness(), MOST_WAIT);
            return String.format(
                    Locale.ROOT,
                    "the pool is too small for the load: at least %d connections, if Pools.size(…) says that the database serves so"
                            + " many; else fewer queries, shorter ones, or a cache",
                    Math.max(fewest, figures.size() + 1));
        }
        return "the size would do if the load were even: borrows come in bursts, or a few hold connections for long; spread"
                + " scheduled work, and give long work a pool of its own";
    }

    private static Finding idle(Figures figures) {
        boolean matters = figures.utilisation() >= 0.5 || figures.waitOverHold() > MOST_WAIT;
        return new Finding(
                matters ? Level.WARNING : Level.INFO,
                "held-idle",
                String.format(
                        Locale.ROOT,
                        "connections are held for %s and work for %s of it on average",
                        PoolSize.words(figures.meanHold()),
                        PoolSize.words(
                                Duration.ofNanos((long) (figures.meanHold().toNanos() / figures.heldOverWorked())))),
                "no larger pool: call other services, and compute, before the transaction or after it; borrow late, and close"
                        + " early (Spring: no open-in-view)");
    }

    private void nested(List<Finding> findings) {
        for (dev.tenfold.query.guard.Finding each : guard.findings()) {
            if (each.kind() != FindingKind.NESTED_BORROW) continue;
            String inner =
                    each.site() == null ? "an unknown place" : each.site().toString();
            String outer = each.source() == null ? "" : ", the first one borrowed in " + each.source();
            findings.add(new Finding(
                    Level.WARNING,
                    "nested-borrow",
                    "a thread that holds a connection asks for another one in " + inner + outer,
                    "with " + size()
                            + " such threads at once, all wait for ever: pass the first one on, or join its transaction;"
                            + " else see Pools.size(…) with connectionsPerThread(2)"));
        }
    }

    @Override
    public String toString() {
        return "watch of " + hikari.getPoolName() + ", " + busy() + " of " + size() + " busy";
    }
}
