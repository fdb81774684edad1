package dev.tenfold.ratelimit;

import java.util.concurrent.atomic.LongAdder;

/** Counts the decisions of one policy, by kind. */
final class Tally {
    private final LongAdder allowed = new LongAdder();
    private final LongAdder denied = new LongAdder();
    private final LongAdder infeasible = new LongAdder();
    private final LongAdder degradedAllowed = new LongAdder();
    private final LongAdder degradedDenied = new LongAdder();

    void count(Decision decision) {
        if (decision instanceof Decision.Allowed) {
            allowed.increment();
        } else if (decision instanceof Decision.Denied) {
            denied.increment();
        } else if (decision instanceof Decision.Infeasible) {
            infeasible.increment();
        } else if (decision.allowed()) {
            degradedAllowed.increment();
        } else {
            degradedDenied.increment();
        }
    }

    RateLimiterStats.Outcomes outcomes() {
        return new RateLimiterStats.Outcomes(
                allowed.sum(), denied.sum(), infeasible.sum(), degradedAllowed.sum(), degradedDenied.sum());
    }
}
