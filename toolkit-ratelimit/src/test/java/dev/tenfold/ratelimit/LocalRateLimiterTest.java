package dev.tenfold.ratelimit;

import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;

/** In this node's memory. */
class LocalRateLimiterTest extends RateLimiterContract {
    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private final RateLimiter limiter = RateLimiter.local(o -> o.nanoClock(clock.nanoClock()));

    @Override
    RateLimiter limiter() {
        return limiter;
    }

    @Override
    RateLimiter plainLimiter() {
        return limiter;
    }

    @Override
    void pass(Duration time) {
        clock.advance(time);
    }
}
