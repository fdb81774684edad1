package dev.tenfold.ratelimit;

import java.time.Duration;

/**
 * What was left of one limit when a decision was made.
 *
 * @param limit the limit
 * @param remaining whole tokens, or calls in the window, that were left; of those taken ahead by other nodes nothing is known
 * @param moreIn how long until there is at least one more, if nobody takes any; zero if no more fit
 */
public record Quota(Limit limit, long remaining, Duration moreIn) {}
