package dev.tenfold.jobs;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * When a job that failed runs again.
 *
 * <pre>{@code
 * RetryPolicy.fullJitter(ofSeconds(2), ofHours(1))                          // the default
 *         .on(TooManyRequests.class, RetryPolicy.fixed(ofMinutes(1)))
 *         .rejectOn(IllegalArgumentException.class);                        // will never succeed: dead at once
 * }</pre>
 *
 * <p>How often it runs at most is the job's own {@code maxAttempts}. Of the classes given, the most specific one that the
 * exception is an instance of counts; causes are not looked at. Immutable.
 */
public final class RetryPolicy {
    private static final Duration LONGEST = Duration.ofDays(365);
    private static final RetryPolicy REJECT = new RetryPolicy(Shape.REJECT, 0, 0, Map.of());

    static final RetryPolicy DEFAULT = fullJitter(Duration.ofSeconds(2), Duration.ofHours(1));

    /** Doublings after which every cap is reached. */
    private static final int MOST_DOUBLINGS = 45;

    private enum Shape {
        FULL_JITTER,
        EXPONENTIAL,
        FIXED,
        REJECT
    }

    private final Shape shape;
    private final long baseMicros;
    private final long capMicros;
    private final Map<Class<? extends Throwable>, RetryPolicy> byClass;

    private RetryPolicy(
            Shape shape, long baseMicros, long capMicros, Map<Class<? extends Throwable>, RetryPolicy> byClass) {
        this.shape = shape;
        this.baseMicros = baseMicros;
        this.capMicros = capMicros;
        this.byClass = byClass;
    }

    /**
     * A random delay from zero to {@code base}, after the next failure from zero to twice that, and so on up to {@code cap}.
     * Of the known strategies it makes many clients that failed together compete least (AWS Architecture Blog, "Exponential
     * Backoff and Jitter").
     *
     * @param base the longest delay after the first failure: 1 millisecond to 365 days
     * @param cap the longest delay of all, not shorter than {@code base}
     * @return a policy
     * @throws IllegalArgumentException for anything else
     */
    public static RetryPolicy fullJitter(Duration base, Duration cap) {
        return backOff(Shape.FULL_JITTER, base, cap);
    }

    /**
     * The delay {@code base}, after the next failure twice that, and so on up to {@code cap}. Jobs that fail together come back
     * together: use it where the time of the next attempt has to be known, else {@link #fullJitter}.
     *
     * @param base the delay after the first failure: 1 millisecond to 365 days
     * @param cap the longest delay of all, not shorter than {@code base}
     * @return a policy
     * @throws IllegalArgumentException for anything else
     */
    public static RetryPolicy exponential(Duration base, Duration cap) {
        return backOff(Shape.EXPONENTIAL, base, cap);
    }

    /**
     * The same delay after each failure.
     *
     * @param delay 1 millisecond to 365 days
     * @return a policy
     * @throws IllegalArgumentException for anything else
     */
    public static RetryPolicy fixed(Duration delay) {
        return backOff(Shape.FIXED, delay, delay);
    }

    private static RetryPolicy backOff(Shape shape, Duration base, Duration cap) {
        requireDelay("base", base);
        requireDelay("cap", cap);
        if (cap.compareTo(base) < 0) {
            throw new IllegalArgumentException("cap " + cap + " must not be shorter than base " + base);
        }
        return new RetryPolicy(shape, Times.micros(base), Times.micros(cap), Map.of());
    }

    private static void requireDelay(String name, Duration delay) {
        if (delay.compareTo(Duration.ofMillis(1)) < 0 || delay.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(name + " " + delay + " must be from 1 millisecond to 365 days");
        }
    }

    /**
     * Another policy for exceptions of a class.
     *
     * @param type the class, or a superclass, of what the handler throws
     * @param policy its delays; its own rules for classes do not count
     * @return a changed policy
     */
    public RetryPolicy on(Class<? extends Throwable> type, RetryPolicy policy) {
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(policy, "policy");
        Map<Class<? extends Throwable>, RetryPolicy> more = new LinkedHashMap<>(byClass);
        more.put(type, policy);
        return new RetryPolicy(shape, baseMicros, capMicros, Map.copyOf(more));
    }

    /**
     * Exceptions after which there is no use in trying again: the job goes to the dead letters at once.
     *
     * @param type the class, or a superclass, of what the handler throws
     * @return a changed policy
     */
    public RetryPolicy rejectOn(Class<? extends Throwable> type) {
        return on(type, REJECT);
    }

    /** The policy for an exception. */
    RetryPolicy of(Throwable thrown) {
        if (byClass.isEmpty()) {
            return this;
        }
        for (@Nullable Class<?> type = thrown.getClass(); type != null; type = type.getSuperclass()) {
            RetryPolicy found = byClass.get(type);
            if (found != null) {
                return found;
            }
        }
        return this;
    }

    boolean rejects() {
        return shape == Shape.REJECT;
    }

    /**
     * Microseconds until the next attempt.
     *
     * @param before failures before this one
     */
    long delayMicros(int before, RandomGenerator random) {
        long most = Math.min(capMicros, shape == Shape.FIXED ? baseMicros : doubled(before));
        return shape == Shape.FULL_JITTER ? random.nextLong(most + 1) : most;
    }

    /** When there have been too many retries: about the longest delay, spread over its second half. */
    long cappedMicros(RandomGenerator random) {
        return capMicros - random.nextLong(capMicros / 2 + 1);
    }

    private long doubled(int times) {
        int doublings = Math.min(times, MOST_DOUBLINGS);
        return baseMicros > capMicros >> doublings ? capMicros : baseMicros << doublings;
    }
}
