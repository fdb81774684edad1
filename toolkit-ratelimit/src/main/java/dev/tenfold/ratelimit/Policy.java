package dev.tenfold.ratelimit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The limits that one kind of call is under. A call is admitted if all of them have room, and then it takes from all of them;
 * otherwise it takes from none.
 *
 * <pre>{@code
 * static final Policy API = Policy.of("api",
 *         limit("user", 100, perMinute()).burst(20),
 *         limit("tenant", 5_000, perHour()).by("tenant"));
 * }</pre>
 *
 * <p>What is counted is kept under the policy's name, the limit's name and the key. A policy of the same name with other
 * numbers goes on from what is used already: so a changed configuration neither gives tokens away nor takes them, also while
 * old and new nodes run side by side. What is used above a smaller burst has to be refilled first. Immutable; make it once, or
 * as often as you like.
 */
public final class Policy {
    /** The most limits of one policy: {@value}. */
    public static final int MOST_LIMITS = 16;

    final String name;
    final Limit[] limits;
    final Outage outage;

    /** Limits that are counted under the same parts of the key, each group in one cell. */
    final Group[] groups;

    /** Those that are decided by Redis at each call, and those whose tokens are taken ahead. */
    final int[] strict;

    final int[] leased;
    /** The strict ones together, and each leased one alone, by its place. */
    final Counter.Counted strictly;

    final Counter.Counted[] ahead;

    private final long largestCost;
    private final int hash;

    /** Limits that are counted by one part of the key, or by all of it, and their places in the policy. */
    static final class Group {
        final @Nullable String by;
        final Limit[] limits;
        final int[] places;

        private Group(@Nullable String by, Limit[] limits, int[] places) {
            this.by = by;
            this.limits = limits;
            this.places = places;
        }
    }

    private Policy(String name, Limit[] limits, Outage outage) {
        this.name = name;
        this.limits = limits;
        this.outage = outage;
        this.groups = groups(limits);
        this.strict = IntStream.range(0, limits.length)
                .filter(i -> limits[i].lease == null)
                .toArray();
        this.leased = IntStream.range(0, limits.length)
                .filter(i -> limits[i].lease != null)
                .toArray();
        this.strictly = new Counter.Counted(this, strict);
        this.ahead = IntStream.range(0, limits.length)
                .mapToObj(i -> new Counter.Counted(this, i))
                .toArray(Counter.Counted[]::new);
        this.largestCost =
                Arrays.stream(limits).mapToLong(Limit::largestCost).min().orElseThrow();
        this.hash = 31 * (31 * name.hashCode() + Arrays.hashCode(limits)) + outage.hashCode();
    }

    /**
     * A policy that goes on with each node's share in its own memory while Redis is away, see {@link #onOutage}.
     *
     * @param name what it is called in metrics: 1 to 64 of the characters {@code a-z A-Z 0-9 - _ .}
     * @param limits 1 to {@value #MOST_LIMITS}, with different names
     * @return the policy
     * @throws IllegalArgumentException for anything else
     */
    public static Policy of(String name, Limit... limits) {
        Limit.requireName("policy", name);
        if (limits.length < 1 || limits.length > MOST_LIMITS) {
            throw new IllegalArgumentException(
                    "policy \"" + name + "\" has " + limits.length + " limits; give it 1 to " + MOST_LIMITS);
        }
        Set<String> names = new LinkedHashSet<>();
        for (Limit limit : limits) {
            if (!names.add(limit.name)) {
                throw new IllegalArgumentException("policy \"" + name + "\" has two limits named \"" + limit.name
                        + "\"; what is used is kept under the name, so give them different ones");
            }
        }
        return new Policy(name, limits.clone(), Outage.LOCAL);
    }

    /**
     * What is decided while Redis does not answer.
     *
     * @param outage default {@link Outage#LOCAL}
     * @return a changed policy
     */
    public Policy onOutage(Outage outage) {
        return new Policy(name, limits, Objects.requireNonNull(outage, "outage"));
    }

    private static Group[] groups(Limit[] limits) {
        Set<@Nullable String> parts = new LinkedHashSet<>();
        for (Limit limit : limits) parts.add(limit.by);
        List<Group> groups = new ArrayList<>();
        for (String by : parts) {
            int[] members = IntStream.range(0, limits.length)
                    .filter(i -> Objects.equals(limits[i].by, by))
                    .toArray();
            groups.add(new Group(
                    by, Arrays.stream(members).mapToObj(i -> limits[i]).toArray(Limit[]::new), members));
        }
        return groups.toArray(Group[]::new);
    }

    /** What limits with this {@code by} are counted under: a string for one part, the key for several. */
    Object counted(Object key, @Nullable String by) {
        if (by == null) return key;
        String value = key instanceof Key parts ? parts.value(by) : null;
        if (value == null) {
            throw new IllegalArgumentException("policy \"" + name + "\" counts by(\"" + by + "\"), which "
                    + (key instanceof Key ? key : "a key of one part without a name")
                    + " does not have; give it with Key.of(\"" + by + "\", …)");
        }
        return value;
    }

    /** Refuses what no call may cost. */
    void requireCost(long cost) {
        if (cost < 1) {
            throw new IllegalArgumentException("policy \"" + name + "\": cost " + cost
                    + " must be at least 1; to give tokens back, call refund(…)");
        }
    }

    /** Whether a call that costs so much could be admitted at all. */
    boolean isFeasible(long cost) {
        return cost <= largestCost;
    }

    /**
     * What it is called.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * Its limits, in order.
     *
     * @return unmodifiable
     */
    public List<Limit> limits() {
        return List.of(limits);
    }

    /**
     * What is decided while Redis does not answer.
     *
     * @return never null
     */
    public Outage outage() {
        return outage;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        if (this == other) return true;
        return other instanceof Policy that
                && hash == that.hash
                && name.equals(that.name)
                && Arrays.equals(limits, that.limits)
                && outage == that.outage;
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public String toString() {
        return "policy \"" + name + "\" " + Arrays.toString(limits) + ", " + outage + " on outage";
    }
}
