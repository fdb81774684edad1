package dev.tenfold.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/**
 * A clock that moves when told to: a wall clock, which steps, and a nano clock, which only runs.
 *
 * <p>{@link #advance} moves both, as time does. {@link #set} moves the wall clock alone, forwards or back, as an operator or
 * a time server does: what measures elapsed time must not notice. Thread-safe; the two clocks move together.
 */
public final class SettableClock implements InstantSource {
    private final AtomicReference<Reading> reading;

    private record Reading(Instant wall, long nanos) {}

    private SettableClock(Instant start) {
        reading = new AtomicReference<>(new Reading(start, 0));
    }

    /**
     * Creates a clock that stands still.
     *
     * @param start what the wall clock shows; the nano clock shows zero
     * @return a clock
     */
    public static SettableClock at(Instant start) {
        return new SettableClock(Objects.requireNonNull(start, "start"));
    }

    @Override
    public Instant instant() {
        return reading().wall;
    }

    /**
     * Reads the nano clock, the counterpart of {@link System#nanoTime()}.
     *
     * @return nanoseconds since the clock was created; never less than before
     */
    public long nanoTime() {
        return reading().nanos;
    }

    /**
     * Returns the nano clock alone, for code that takes one.
     *
     * @return a view of {@link #nanoTime()}
     */
    public LongSupplier nanoClock() {
        return this::nanoTime;
    }

    /**
     * Lets time pass on both clocks.
     *
     * @param time how much
     * @throws IllegalArgumentException if negative: time does not run backwards, but {@link #set} can step the wall clock
     */
    public void advance(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException(
                    "advance by " + time + " would run time backwards; use set() to step the wall clock back");
        }
        reading.updateAndGet(old -> new Reading(old.wall.plus(time), Math.addExact(old.nanos, time.toNanos())));
    }

    /**
     * Steps the wall clock, forwards or back. The nano clock stays as it is.
     *
     * @param wall what the wall clock shows from now on
     */
    public void set(Instant wall) {
        Objects.requireNonNull(wall, "wall");
        reading.updateAndGet(old -> new Reading(wall, old.nanos));
    }

    private Reading reading() {
        return Objects.requireNonNull(reading.get());
    }
}
