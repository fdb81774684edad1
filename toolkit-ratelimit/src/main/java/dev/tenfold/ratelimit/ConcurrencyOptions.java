package dev.tenfold.ratelimit;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link ConcurrencyLimiter} shares, bounds and takes back what it grants. Immutable: each method returns changed
 * options. What does not fit together is refused by the limiter's factory, as is an option that its kind does not have.
 *
 * <pre>{@code
 * ConcurrencyLimiter.redis(link, "reports", 20, o -> o.lease(ofSeconds(5)).outage(Outage.CLOSED));
 * ConcurrencyLimiter.adaptive("search", o -> o.maxLimit(200).share(Priority.SHEDDABLE, 30));
 * }</pre>
 */
public final class ConcurrencyOptions {
    /** The longest {@link #lease}: {@value} s. */
    public static final int LONGEST_LEASE_SECONDS = 60;

    static final int LARGEST_LIMIT = 100_000;
    static final ConcurrencyOptions DEFAULT = new ConcurrencyOptions(new Values());

    private static final Duration SHORTEST_LEASE = Duration.ofMillis(100);
    private static final Duration LONGEST_LEASE = Duration.ofSeconds(LONGEST_LEASE_SECONDS);
    private static final Duration SHORTEST_HOLD = Duration.ofMillis(10);
    private static final Duration LONGEST_HOLD = Duration.ofDays(1);

    final Values values;

    /** Written to only before they become the options'. */
    static final class Values {
        Map<Priority, Integer> percents = new EnumMap<>(Priority.class);
        Duration maxHold = Duration.ofMinutes(1);
        boolean shadow;
        LongSupplier nanoClock = System::nanoTime;

        int minLimit = 4;
        int initialLimit = 20;
        int maxLimit = 1_000;

        /** One of those three that was set. */
        @Nullable
        String adaptiveKnob;

        String prefix = "tenfold:";
        Duration lease = Duration.ofSeconds(10);
        Outage outage = Outage.LOCAL;
        int nodes = 1;

        /** One of those four that was set. */
        @Nullable
        String redisKnob;

        Values() {
            for (Priority priority : Priority.values()) percents.put(priority, priority.defaultPercent);
        }

        Values(Values from) {
            percents = new EnumMap<>(from.percents);
            maxHold = from.maxHold;
            shadow = from.shadow;
            nanoClock = from.nanoClock;
            minLimit = from.minLimit;
            initialLimit = from.initialLimit;
            maxLimit = from.maxLimit;
            adaptiveKnob = from.adaptiveKnob;
            prefix = from.prefix;
            lease = from.lease;
            outage = from.outage;
            nodes = from.nodes;
            redisKnob = from.redisKnob;
        }
    }

    private ConcurrencyOptions(Values values) {
        this.values = values;
    }

    private ConcurrencyOptions with(Consumer<Values> change) {
        Values changed = new Values(values);
        change.accept(changed);
        return new ConcurrencyOptions(changed);
    }

    /**
     * How much of the limit has to be free for a priority to be admitted: it is refused once so many percent are taken, by
     * whomever. Rounded down, but a priority may always use one place.
     *
     * @param priority any but {@link Priority#CRITICAL}, which may always use all
     * @param percent 1 to 100; defaults {@link Priority#HIGH} 90, {@link Priority#NORMAL} 75, {@link Priority#SHEDDABLE} 50;
     *     no higher priority may have less than a lower one
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions share(Priority priority, int percent) {
        if (priority == Priority.CRITICAL) {
            throw new IllegalArgumentException("share of CRITICAL is always 100; lower those of the others");
        }
        if (percent < 1 || percent > 100) {
            throw new IllegalArgumentException(
                    "share " + percent + " of " + priority + " must be from 1 to 100 percent");
        }
        return with(v -> v.percents.put(priority, percent));
    }

    /**
     * How long a permit may be held. One that is not ended by then is taken for leaked: it is taken back, counted, and told
     * of in the log. That happens up to an eighth later, at the next {@code acquire}, on its caller's thread. If its work
     * still runs, more runs than the limit allows: set this well above the longest timeout of the work.
     *
     * @param longest 10 ms to 1 day; default 1 minute
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions maxHold(Duration longest) {
        requireBetween("maxHold", longest, SHORTEST_HOLD, "10 ms", LONGEST_HOLD, "1 day");
        return with(v -> v.maxHold = longest);
    }

    /**
     * Decides and counts, but grants everything: to see what a limit would refuse before it does. What would have been
     * refused holds no place and gives no sample.
     *
     * @return changed options
     */
    public ConcurrencyOptions shadow() {
        return with(v -> v.shadow = true);
    }

    /**
     * The clock of {@link #maxHold}, of an adaptive limit's samples, and of the pause after a failure of Redis. Leases are
     * timed by the clock of Redis, and heartbeats by the system's.
     *
     * @param nanoClock like {@link System#nanoTime}, the default; must not go back
     * @return changed options
     */
    public ConcurrencyOptions nanoClock(LongSupplier nanoClock) {
        Objects.requireNonNull(nanoClock, "nanoClock");
        return with(v -> v.nanoClock = nanoClock);
    }

    /**
     * The least that an adaptive limit comes to, whatever is measured. Must not be above {@link #initialLimit}.
     *
     * @param atLeast 1 to 100,000; default 4
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions minLimit(int atLeast) {
        requireLimit("minLimit", atLeast);
        return with(v -> {
            v.minLimit = atLeast;
            v.adaptiveKnob = "minLimit";
        });
    }

    /**
     * What an adaptive limit is before anything was measured.
     *
     * @param first 1 to 100,000; default 20
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions initialLimit(int first) {
        requireLimit("initialLimit", first);
        return with(v -> {
            v.initialLimit = first;
            v.adaptiveKnob = "initialLimit";
        });
    }

    /**
     * The most that an adaptive limit comes to. Must not be below {@link #initialLimit}.
     *
     * @param atMost 1 to 100,000; default 1,000
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions maxLimit(int atMost) {
        requireLimit("maxLimit", atMost);
        return with(v -> {
            v.maxLimit = atMost;
            v.adaptiveKnob = "maxLimit";
        });
    }

    /**
     * What the names of the keys on Redis begin with. Limiters with the same prefix and name share their permits.
     *
     * @param prefix up to 64 printable ASCII characters without blanks and braces; default {@code tenfold:}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions prefix(String prefix) {
        if (prefix.length() > 64 || prefix.chars().anyMatch(c -> c <= ' ' || c > '~' || c == '{' || c == '}')) {
            throw new IllegalArgumentException(
                    "prefix \"" + prefix + "\" must be up to 64 printable ASCII characters, without blanks and braces");
        }
        return with(v -> {
            v.prefix = prefix;
            v.redisKnob = "prefix";
        });
    }

    /**
     * How long permits on Redis outlive the node that holds them. All of a node are renewed three times in that time, in one
     * script. If a node that lives cannot reach Redis for so long, its permits are given to others while its work still runs.
     *
     * @param lease 100 ms to {@value #LONGEST_LEASE_SECONDS} s, at least three times the link's command timeout; default
     *     10 s
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions lease(Duration lease) {
        requireBetween("lease", lease, SHORTEST_LEASE, "100 ms", LONGEST_LEASE, LONGEST_LEASE_SECONDS + " s");
        return with(v -> {
            v.lease = lease;
            v.redisKnob = "lease";
        });
    }

    /**
     * What is decided while Redis does not answer. {@link Outage#LOCAL}: each node runs the permits divided by the number of
     * {@link #nodes}, rounded down, but at least one, so that with more nodes than permits more can run than are allowed.
     *
     * @param outage default {@link Outage#LOCAL}
     * @return changed options
     */
    public ConcurrencyOptions outage(Outage outage) {
        Objects.requireNonNull(outage, "outage");
        return with(v -> {
            v.outage = outage;
            v.redisKnob = "outage";
        });
    }

    /**
     * By how many the permits are divided at least in an outage under {@link Outage#LOCAL}. The nodes that are there are
     * counted while Redis answers; this is for those that start during an outage, and know of no others.
     *
     * @param atLeast 1 to 10,000; default 1; give the number of nodes that you usually run
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ConcurrencyOptions nodes(int atLeast) {
        if (atLeast < 1 || atLeast > 10_000) {
            throw new IllegalArgumentException("nodes " + atLeast + " must be from 1 to 10,000");
        }
        return with(v -> {
            v.nodes = atLeast;
            v.redisKnob = "nodes";
        });
    }

    // ---- checks of the factories ------------------------------------------------------------------------------------

    void requireNoAdaptiveKnob(String factory) {
        if (values.adaptiveKnob != null) {
            throw new IllegalArgumentException(
                    values.adaptiveKnob + " has no meaning for " + factory + "(…); leave it out, or take adaptive(…)");
        }
    }

    void requireNoRedisKnob(String factory) {
        if (values.redisKnob != null) {
            throw new IllegalArgumentException(
                    values.redisKnob + " has no meaning for " + factory + "(…); leave it out, or take redis(…)");
        }
    }

    void requireOrderedShares() {
        Priority higher = Priority.CRITICAL;
        for (Priority priority : Priority.values()) {
            int most = percent(values.percents, higher);
            int percent = percent(values.percents, priority);
            if (percent > most) {
                throw new IllegalArgumentException("share " + percent + " of " + priority + " must not exceed share "
                        + most + " of " + higher + "; lower the one or raise the other");
            }
            higher = priority;
        }
    }

    static int percent(Map<Priority, Integer> percents, Priority priority) {
        return Objects.requireNonNull(percents.get(priority), "all have one");
    }

    void requireOrderedLimits() {
        if (values.minLimit > values.initialLimit || values.initialLimit > values.maxLimit) {
            throw new IllegalArgumentException(
                    "initialLimit " + values.initialLimit + " must be from minLimit " + values.minLimit
                            + " to maxLimit " + values.maxLimit + "; set all three with initialLimit(…) between");
        }
    }

    void requireLeaseLongerThan(Duration commandTimeout) {
        Duration shortest = commandTimeout.multipliedBy(3);
        if (values.lease.compareTo(shortest) < 0) {
            throw new IllegalArgumentException("lease " + values.lease + " must be at least three command timeouts, "
                    + shortest + "; raise lease(…) or lower the link's commandTimeout(…)");
        }
    }

    static void requireLimit(String knob, int value) {
        if (value < 1 || value > LARGEST_LIMIT) {
            throw new IllegalArgumentException(knob + " " + value + " must be from 1 to 100,000"
                    + (value < 1 ? "; to refuse everything, do not ask a limiter" : ""));
        }
    }

    private static void requireBetween(
            String knob, Duration value, Duration least, String leastText, Duration most, String mostText) {
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
            throw new IllegalArgumentException(knob + " " + value + " must be from " + leastText + " to " + mostText);
        }
    }

    /** For messages. */
    @Override
    public String toString() {
        return "maxHold " + values.maxHold + ", lease " + values.lease + ", outage " + values.outage
                + (values.shadow ? ", shadow" : "");
    }
}
