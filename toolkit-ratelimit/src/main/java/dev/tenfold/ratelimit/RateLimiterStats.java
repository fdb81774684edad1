package dev.tenfold.ratelimit;

import java.util.Map;

/**
 * What a limiter did since it was made.
 *
 * @param policies decisions by the policies' names
 * @param scripts scripts that Redis was asked to run
 * @param coalesced decisions that shared a script with an earlier one
 * @param leased decisions by tokens that were taken ahead, without a script
 * @param remembered refusals that were remembered, without a script
 * @param failures scripts without an answer
 * @param outages how often the limiter has stopped asking Redis
 * @param clockJumps how often the clock of Redis was found to have gone back by more than five seconds
 * @param nodes limiters that share the limits, this one included, as last counted
 * @param keys keys that this node has in memory, about
 * @param away whether Redis is not asked now
 */
public record RateLimiterStats(
        Map<String, Outcomes> policies,
        long scripts,
        long coalesced,
        long leased,
        long remembered,
        long failures,
        long outages,
        long clockJumps,
        int nodes,
        long keys,
        boolean away) {

    /**
     * Decisions under one policy.
     *
     * @param allowed by the limits
     * @param denied by the limits
     * @param infeasible as they cost more than a limit ever holds
     * @param degradedAllowed by the outage setting
     * @param degradedDenied by the outage setting
     */
    public record Outcomes(long allowed, long denied, long infeasible, long degradedAllowed, long degradedDenied) {
        static final Outcomes NONE = new Outcomes(0, 0, 0, 0, 0);
    }

    /**
     * Decisions under a policy.
     *
     * @param policy its name
     * @return all noughts if it was never asked
     */
    public Outcomes of(String policy) {
        return policies.getOrDefault(policy, Outcomes.NONE);
    }
}
