package dev.tenfold.jobs;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How jobs of one kind are run. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * worker.handle(SendReceipt.class, mailer, h -> h.timeout(ofMinutes(1)).breaker(0.5, ofSeconds(30)));
 * }</pre>
 */
public final class HandlerOptions {
    static final HandlerOptions DEFAULT = new HandlerOptions(null, null, 0, Duration.ZERO);

    private static final Duration LONGEST = Duration.ofDays(30);

    /** Null for none. */
    final @Nullable Duration timeout;

    /** Null for the worker's. */
    final @Nullable RetryPolicy retry;

    /** 0 for no breaker. */
    final double breakerRate;

    final Duration breakerOpen;

    private HandlerOptions(
            @Nullable Duration timeout, @Nullable RetryPolicy retry, double breakerRate, Duration breakerOpen) {
        this.timeout = timeout;
        this.retry = retry;
        this.breakerRate = breakerRate;
        this.breakerOpen = breakerOpen;
    }

    /**
     * How long a handler may run; then it is interrupted, once, and the attempt has failed when it returns, however it does.
     * As long as it does not return, the job stays leased, so that it does not run twice at once, and a warning with the
     * handler's stack is logged each minute.
     *
     * @param time 1 millisecond to 30 days; default none: a handler that hangs keeps its slot for ever
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public HandlerOptions timeout(Duration time) {
        requireTime("timeout", time);
        return new HandlerOptions(time, retry, breakerRate, breakerOpen);
    }

    /**
     * When failed jobs of this kind run again.
     *
     * @param policy default the worker's, see {@link WorkerBuilder#retry}
     * @return changed options
     */
    public HandlerOptions retry(RetryPolicy policy) {
        Objects.requireNonNull(policy, "policy");
        return new HandlerOptions(timeout, policy, breakerRate, breakerOpen);
    }

    /**
     * Stops claiming jobs of this kind while most of them fail, as they do when what they call is down: their attempts are not
     * used up in vain. Per worker. After the time one job is tried; if it succeeds, all are claimed again.
     *
     * @param failureRate of the last 100 attempts, more than 0 to 1; there is no breaker by default
     * @param open how long none is claimed: 1 millisecond to 30 days
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public HandlerOptions breaker(double failureRate, Duration open) {
        if (!(failureRate > 0 && failureRate <= 1)) {
            throw new IllegalArgumentException(
                    "breaker " + failureRate + " must be a share of the last 100 attempts: more than 0, at most 1");
        }
        requireTime("breaker", open);
        return new HandlerOptions(timeout, retry, failureRate, open);
    }

    private static void requireTime(String name, Duration time) {
        if (time.compareTo(Duration.ofMillis(1)) < 0 || time.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(name + " " + time + " must be from 1 millisecond to 30 days");
        }
    }
}
