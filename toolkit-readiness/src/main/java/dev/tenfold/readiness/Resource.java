package dev.tenfold.readiness;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Samples one resource, and adds up its hour. Its caller holds the sampling lock, but for {@link #live} and {@link #limit},
 * which any thread may read.
 *
 * <p>An hour is told by the wall clock, the time between samples by the nano clock: a clock that is set makes a day longer or
 * shorter, never a value.
 */
final class Resource {
    private static final Logger LOG = LoggerFactory.getLogger(Readiness.class);

    /** A longer time between two samples than that is not vouched for, as after a pause of the process. */
    private static final long MOST_BETWEEN = Duration.ofMinutes(5).toNanos();
    /** An hour of which less was seen is no hour, unless instances' values add up. */
    private static final long LEAST_OF_HOUR = Duration.ofMinutes(5).toNanos();

    /** So many hours are known again when the clock is set back. */
    private static final int MOST_TOLD = 48;

    private static final double HOUR = Duration.ofHours(1).toNanos();

    final String name;
    /** Whether each instance has a part, and the parts add up; else the fullest instance counts. */
    final boolean adds;

    private final DoubleSupplier value;
    private final DoubleSupplier limits;
    private @Nullable LocalDate day;
    private int hour;
    /** Values times nanoseconds, and nanoseconds. */
    private double area;

    private double seen;
    /** Of parts that add up: nanoseconds of the latest hours that were told already. */
    private final Map<Part, Double> told = new LinkedHashMap<>();

    private boolean failing;
    private volatile double last = Double.NaN;
    private volatile double mean = Double.NaN;
    private volatile double limit = Double.NaN;

    /** What was seen of one hour. */
    record Hour(LocalDate day, int hour, double value, double limit) {}

    private record Part(LocalDate day, int hour) {}

    Resource(String name, DoubleSupplier value, DoubleSupplier limits, boolean adds) {
        this.name = name;
        this.value = value;
        this.limits = limits;
        this.adds = adds;
    }

    /**
     * Takes a sample.
     *
     * @param elapsed nanoseconds since the sample before; 0 for the first
     * @return the hour that has ended by it; null if none has
     */
    @Nullable
    Hour sample(Instant now, ZoneId zone, long elapsed) {
        LocalDate today = now.atZone(zone).toLocalDate();
        // 0 to 24: a day on which clocks go back has 25 hours.
        int thisHour = (int)
                Duration.between(today.atStartOfDay(zone).toInstant(), now).toHours();
        Hour ended = today.equals(day) && thisHour == hour ? null : end();
        day = today;
        hour = thisHour;
        read(Math.min(Math.max(elapsed, 0), MOST_BETWEEN));
        return ended;
    }

    private void read(long elapsed) {
        double now;
        double most;
        try {
            now = value.getAsDouble();
            most = limits.getAsDouble();
        } catch (RuntimeException | Error e) {
            failed("threw", e);
            unknown();
            return;
        }
        // Nothing known yet, or just now.
        if (Double.isNaN(now) || Double.isNaN(most)) {
            unknown();
            return;
        }
        if (now < 0 || Double.isInfinite(now) || most <= 0 || Double.isInfinite(most)) {
            failed("gave " + now + " of " + most + "; a value is at least 0, a limit above 0, both finite", null);
            unknown();
            return;
        }
        failing = false;
        area += now * elapsed;
        seen += elapsed;
        last = now;
        mean = seen > 0 ? area / seen : now;
        limit = most;
    }

    /** What was last is not what is now; what was seen of this hour stays. */
    private void unknown() {
        last = Double.NaN;
        if (seen == 0) mean = Double.NaN;
    }

    private void failed(String what, @Nullable Throwable why) {
        if (!failing) LOG.warn("the gauge of {} {}; it is left out until it works again. Said once", name, what, why);
        failing = true;
    }

    /** Ends the hour; null if too little of it was seen. */
    @Nullable
    Hour end() {
        boolean isEnough = adds ? seen > 0 : seen >= LEAST_OF_HOUR;
        Hour ended = day == null || !isEnough
                ? null
                : new Hour(day, hour, adds ? part(new Part(day, hour)) : area / seen, limit);
        area = 0;
        seen = 0;
        return ended;
    }

    /** Of an hour that comes again, as the clock was set back, only what is left counts: the rest was told before. */
    private double part(Part hourOfDay) {
        Double before = told.get(hourOfDay);
        double most = before == null ? HOUR + MOST_BETWEEN : Math.max(0, HOUR - before);
        double counts = Math.min(seen, most);
        told.merge(hourOfDay, counts, Double::sum);
        if (told.size() > MOST_TOLD) told.remove(told.keySet().iterator().next());
        return area / seen * counts / HOUR;
    }

    /** This instance's mean of the hour so far, or the value just seen; empty if there is none. */
    OptionalDouble live() {
        double known = mean;
        return Double.isNaN(known) ? OptionalDouble.empty() : OptionalDouble.of(known);
    }

    /** The value of the last sample; empty if it gave none. */
    OptionalDouble last() {
        double known = last;
        return Double.isNaN(known) ? OptionalDouble.empty() : OptionalDouble.of(known);
    }

    /** The limit seen last. */
    OptionalDouble limit() {
        double known = limit;
        return Double.isNaN(known) ? OptionalDouble.empty() : OptionalDouble.of(known);
    }
}
