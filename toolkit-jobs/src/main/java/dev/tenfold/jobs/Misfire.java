package dev.tenfold.jobs;

import java.util.Objects;

/**
 * What a cron does about fires that nobody was there for: those that are more than 60 seconds late when a worker looks, because
 * all workers were down, or the database was. Immutable.
 */
public final class Misfire {
    /** Nothing: it fires again when it is next due. */
    public static final Misfire SKIP = new Misfire("SKIP", 0);

    /** The latest one that was missed is made up for, once. The default. */
    public static final Misfire FIRE_ONCE = new Misfire("FIRE_ONCE", 1);

    private static final String ALL = "FIRE_ALL";
    private static final int MOST = 1_000;

    /** What the column has. */
    final String name;

    /** How many are made up for. */
    final int limit;

    private Misfire(String name, int limit) {
        this.name = name;
        this.limit = limit;
    }

    /**
     * Those that were missed are made up for, one job each, the oldest first. A job tells them apart by its header {@code
     * cron-at}.
     *
     * @param latest how many at most, of which the latest count: 1 to 1,000
     * @return the policy
     * @throws IllegalArgumentException for another number
     */
    public static Misfire fireAll(int latest) {
        if (latest < 1 || latest > MOST) {
            throw new IllegalArgumentException(
                    "fireAll(" + latest + ") must be from 1 to 1,000; SKIP makes up for none");
        }
        return new Misfire(ALL, latest);
    }

    /** Of a row; what a later version has written there counts as the default. */
    static Misfire of(String name, int limit) {
        if (name.equals(SKIP.name)) {
            return SKIP;
        }
        return name.equals(ALL) ? new Misfire(ALL, limit) : FIRE_ONCE;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Misfire that && name.equals(that.name) && limit == that.limit;
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, limit);
    }

    /** Its name; of {@link #fireAll} with the number. */
    @Override
    public String toString() {
        return name.equals(ALL) ? "fireAll(" + limit + ")" : name;
    }
}
