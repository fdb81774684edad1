package dev.tenfold.jobs;

/**
 * A number of rows, counted up to {@value #MOST} and no further, so that counting never takes long.
 *
 * @param value how many; {@value #MOST} if there are more
 * @param isExact false if there may be more
 */
public record BoundedCount(int value, boolean isExact) {
    /** Where counting ends: {@value}. */
    public static final int MOST = 10_000;

    static final BoundedCount ZERO = new BoundedCount(0, true);

    /** Of a scan that ends after {@code MOST + 1} rows. */
    static BoundedCount of(long counted) {
        return counted > MOST ? new BoundedCount(MOST, false) : new BoundedCount((int) counted, true);
    }

    /** Both, as one. */
    BoundedCount plus(BoundedCount other) {
        BoundedCount sum = of((long) value + other.value);
        return isExact && other.isExact ? sum : new BoundedCount(sum.value, false);
    }

    /** As {@code 12}, or {@code 10000+}. */
    @Override
    public String toString() {
        return isExact ? Integer.toString(value) : value + "+";
    }
}
