package dev.tenfold.query.pool;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How many connections a pool should have, and why. Immutable.
 *
 * <p>Weakness: it is a model. It takes the load as steady, each borrow as independent, and the database as no slower when more
 * of it is used. {@link PoolWatch} says what a pool at work needs; measure before you believe either.
 */
public final class PoolSize {
    private static final int UNKNOWN = Integer.MAX_VALUE;

    private final SizeOptions options;
    /** Busy on average, by Little's law; NaN if the load was not given. */
    private final double load;

    private final int need;
    private final int byServer;
    private final int byProcessors;
    private final int useful;
    private final int floor;
    private final int connections;
    private final List<String> conflicts = new ArrayList<>();

    PoolSize(SizeOptions options) {
        this.options = options;
        load = options.hold == null ? Double.NaN : options.arrivals * seconds(options.hold);
        need = need();
        byServer = byServer();
        byProcessors = byProcessors();
        useful = options.threads == 0 ? UNKNOWN : capped((double) options.threads * options.perThread);
        floor = options.threads == 0 ? 1 : capped((double) options.threads * (options.perThread - 1) + 1);
        int wanted = Math.min(Math.min(need, useful), Math.min(byServer, byProcessors));
        if (need == UNKNOWN && byServer == UNKNOWN && byProcessors == UNKNOWN && floor == 1) {
            throw new IllegalArgumentException(
                    "there is nothing to compute a size from; give cores(…) of the database's"
                            + " server, its maxConnections(…), or arrivals(…) and hold(…)");
        }
        connections = Math.min(Math.max(wanted, floor), byServer);
        findConflicts();
    }

    private int need() {
        if (Double.isNaN(load)) return UNKNOWN;
        int fewest = load >= Erlang.MOST ? Erlang.MOST : Erlang.fewest(load, burstiness(), options.mostWait);
        if (fewest < Erlang.MOST) return fewest;
        throw new IllegalArgumentException(String.format(
                Locale.ROOT,
                "arrivals %s a second, held for %s, keep %,.0f connections busy on average: no pool serves that; is hold in the"
                        + " right unit?",
                number(options.arrivals),
                words(hold()),
                load));
    }

    private int byServer() {
        if (options.maxConnections == 0) return UNKNOWN;
        int share = (options.maxConnections - reserved()) / options.instances;
        if (share >= 1) return share;
        throw new IllegalArgumentException(
                "maxConnections " + options.maxConnections + " without reserved " + reserved()
                        + " leave none for each of " + options.instances
                        + " instances; raise max_connections on the server, or put a"
                        + " connection proxy before it");
    }

    /** A connection that is held while the database does nothing for it takes no processor. */
    private int byProcessors() {
        if (options.cores == 0) return UNKNOWN;
        double atOnce = 2.0 * options.cores + options.spindles;
        double held = options.worked == null ? atOnce : atOnce * atRest().toNanos() / options.worked.toNanos();
        return Math.max(1, capped(held / options.instances));
    }

    /** How long it would be held if no processor had to be waited for. */
    private Duration atRest() {
        return hold().minus(options.queued);
    }

    private double burstiness() {
        return Erlang.burstiness(options.arrivalVariation, options.holdVariation);
    }

    private Duration hold() {
        return options.hold();
    }

    private int reserved() {
        return Math.max(0, options.reserved);
    }

    private void findConflicts() {
        if (floor > byServer) {
            conflicts.add(String.format(
                    Locale.ROOT,
                    "deadlock: %d threads that hold %d connections each can wait for each other for ever unless there are %d, and"
                            + " the server grants %d; let a thread hold one (pass it on, no new transaction inside of another), or"
                            + " use at most %d threads, or let the server grant more",
                    options.threads,
                    options.perThread,
                    floor,
                    byServer,
                    Math.max(1, (byServer - 1) / (options.perThread - 1))));
        } else if (floor > byProcessors) {
            conflicts.add(String.format(
                    Locale.ROOT,
                    "threads: it takes %d connections so that %d threads that hold %d each do not wait for each other for ever,"
                            + " while the server's processors are busy with %d; let a thread hold one, or expect it to be slower"
                            + " under full load",
                    floor,
                    options.threads,
                    options.perThread,
                    byProcessors));
        }
        if (need != UNKNOWN && need > connections && useful >= need) {
            conflicts.add(String.format(
                    Locale.ROOT,
                    "load: it needs %d connections, and there can be %d, with which %s; hold connections for less long, ask for"
                            + " less (a cache, fewer queries), or move reads to a replica",
                    need,
                    connections,
                    expectedWait()
                            .map(wait -> "one waits " + words(wait) + " on average")
                            .orElse("the queue grows without end")));
        }
    }

    /**
     * How many connections, at least 1: for {@code maximumPoolSize}.
     *
     * @return the size
     */
    public int connections() {
        return connections;
    }

    /**
     * How many the load needs, whether or not it can have them.
     *
     * @return empty if the load was not given
     */
    public OptionalInt needed() {
        return need == UNKNOWN ? OptionalInt.empty() : OptionalInt.of(need);
    }

    /**
     * How long the load waits for a connection of a pool of this size, on average over all borrows.
     *
     * @return empty if the load was not given, or is more than these can serve
     */
    public Optional<Duration> expectedWait() {
        if (Double.isNaN(load) || load >= connections) return Optional.empty();
        return Optional.of(times(hold(), Erlang.meanWait(connections, load, burstiness())));
    }

    /**
     * What does not go together, in sentences that say what to do. The first words stay the same: {@code deadlock} if threads
     * can wait for each other for ever, {@code threads} if what prevents it is more than the processors serve, {@code load} if
     * the load needs more than there can be.
     *
     * @return the gravest first; empty if all is well; unmodifiable
     */
    public List<String> conflicts() {
        return List.copyOf(conflicts);
    }

    /**
     * Says which figure decides, and all of them, in some lines to be printed.
     *
     * @return lines without a line break at the end
     */
    public String explain() {
        StringBuilder text = new StringBuilder(600);
        text.append(counted(connections)).append(": ").append(reason());
        line(text, "load", need, load());
        line(text, "processors", byProcessors, processors());
        line(text, "server", byServer, server());
        line(text, "threads", useful, threads());
        if (options.perThread > 1) {
            line(
                    text,
                    "no deadlock",
                    floor,
                    options.threads + " threads × (" + options.perThread + " connections each − 1) + 1; never less");
        }
        for (String conflict : conflicts) text.append("\n  conflict     ").append(conflict);
        return text.toString();
    }

    private String reason() {
        if (connections == floor && floor > 1) return "fewer could deadlock";
        if (connections == need) return "what the load needs";
        if (connections == useful) return "threads that are there cannot use more";
        if (connections == byProcessors) {
            return need == UNKNOWN ? "what the processors serve at once" : "the processors serve no more at once";
        }
        return byProcessors == UNKNOWN && need == UNKNOWN
                ? "all that the server grants, which is a limit and no goal: give cores(…), or arrivals(…) and hold(…)"
                : "the server grants no more";
    }

    private String load() {
        if (need == UNKNOWN) return "not given: arrivals(…), hold(…)";
        String waits = String.format(
                Locale.ROOT,
                "; with %d the mean wait is %s, %.1f %% of that (at most %s %%)",
                need,
                words(times(hold(), Erlang.meanWait(need, load, burstiness()))),
                Erlang.meanWait(need, load, burstiness()) * 100,
                number(options.mostWait * 100));
        return String.format(
                Locale.ROOT,
                "%s borrows a second × %s held = %s busy on average%s%s",
                number(options.arrivals),
                words(hold()),
                number(load),
                waits,
                burstiness() == 1 ? "" : ", × " + number(burstiness()) + " for how they vary");
    }

    private String processors() {
        if (byProcessors == UNKNOWN) return "not given: cores(…) of the database's server";
        String atOnce =
                "2 × " + options.cores + " cores + " + options.spindles + (options.spindles == 1 ? " disk" : " disks");
        if (options.worked == null) {
            String why = options.workedFrom.isEmpty() ? "" : ": all of hold counts as work; " + options.workedFrom;
            return atOnce + shared() + why;
        }
        String queued = options.queued.isZero()
                ? ""
                : "; " + words(options.queued) + " more were waited for its processors, which are full";
        return "(" + atOnce + ") × " + number(seconds(atRest()) / seconds(options.worked)) + " held ÷ worked" + shared()
                + ": the server works " + words(options.worked) + " of " + words(atRest()) + " held ("
                + options.workedFrom
                + queued + ")";
    }

    private String server() {
        if (byServer == UNKNOWN) return "not given: maxConnections(…)";
        String from = options.limitsFrom.isEmpty() ? "" : " (" + options.limitsFrom + ", as it says)";
        return options.maxConnections + " connections" + from + " − " + reserved() + " reserved" + shared();
    }

    private String threads() {
        if (useful == UNKNOWN) return "not given: threads(…)";
        return options.threads + " threads × " + options.perThread
                + (options.perThread == 1 ? " connection" : " connections") + " each; more are never out";
    }

    private String shared() {
        return options.instances == 1 ? "" : ", over " + options.instances + " instances";
    }

    private static void line(StringBuilder text, String label, int figure, String why) {
        text.append(String.format(Locale.ROOT, "%n  %-11s %6s  %s", label, figure == UNKNOWN ? "–" : figure, why)
                .replace(System.lineSeparator(), "\n"));
    }

    private static String counted(int count) {
        return count + (count == 1 ? " connection" : " connections");
    }

    private static int capped(double value) {
        return (int) Math.min(value, Erlang.MOST);
    }

    static double seconds(Duration time) {
        return time.toNanos() / 1e9;
    }

    static Duration times(Duration time, double factor) {
        return Duration.ofNanos((long) Math.min(time.toNanos() * factor, Long.MAX_VALUE));
    }

    /** For people: 12 ms, 1.5 s. */
    static String words(Duration time) {
        double seconds = seconds(time);
        if (seconds >= 1) return number(seconds) + " s";
        return seconds >= 0.001 || seconds == 0 ? number(seconds * 1e3) + " ms" : number(seconds * 1e6) + " µs";
    }

    /** Three digits are enough. */
    static String number(double value) {
        String text = String.format(Locale.ROOT, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
        return text.contains(".") ? text.replaceAll("\\.?0+$", "") : text;
    }

    @Override
    public String toString() {
        return counted(connections) + ": " + reason();
    }
}
