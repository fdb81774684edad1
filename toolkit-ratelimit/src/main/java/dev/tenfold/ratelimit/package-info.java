/**
 * Exact rate limits in one round trip, and limits of what runs at once.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.ratelimit.RateLimiter}: decides, in this node's memory or on Redis
 *   <li>{@link dev.tenfold.ratelimit.RateLimiterOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.ratelimit.Policy}: the limits that one kind of call is under
 *   <li>{@link dev.tenfold.ratelimit.Limit}: so many permits in a period
 *   <li>{@link dev.tenfold.ratelimit.Key}: who or what is counted
 *   <li>{@link dev.tenfold.ratelimit.Decision}: the answer
 *   <li>{@link dev.tenfold.ratelimit.Quota}: what is left of one limit
 *   <li>{@link dev.tenfold.ratelimit.Outage}: what is decided while Redis is away
 *   <li>{@link dev.tenfold.ratelimit.RateLimitListener}: hears of refusals
 *   <li>{@link dev.tenfold.ratelimit.RateLimiterStats}: what a limiter did
 *   <li>{@link dev.tenfold.ratelimit.RateLimiterMetrics}: the same for Micrometer, an optional dependency
 *   <li>{@link dev.tenfold.ratelimit.RateLimitFilter}: refuses HTTP requests in a servlet container
 *   <li>{@link dev.tenfold.ratelimit.ClientAddress}: from where a request comes, behind proxies
 *   <li>{@link dev.tenfold.ratelimit.RateLimitHeaders}: the header fields that tell a client what is left
 *   <li>{@link dev.tenfold.ratelimit.ConcurrencyLimiter}: limits what runs at once, on this node or on all together
 *   <li>{@link dev.tenfold.ratelimit.ConcurrencyOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.ratelimit.Permit}: the answer, and the place that work holds while it runs
 *   <li>{@link dev.tenfold.ratelimit.Priority}: what is shed last
 *   <li>{@link dev.tenfold.ratelimit.ConcurrencyStats}: what it did
 *   <li>{@link dev.tenfold.ratelimit.ConcurrencyMetrics}: the same for Micrometer, an optional dependency
 * </ol>
 *
 * <p>One decision, followed through the private types. In memory: {@code LocalEngine} finds the key's {@code Cell} among the
 * {@code Cells}, and asks the limits' {@code Algorithm}, a {@code TokenBucket} or a {@code SlidingWindow}. On Redis: {@code
 * RedisEngine} finds the key's {@code Counter}, which may know the answer, from a {@code Lender}'s tokens or a remembered
 * refusal, or runs {@code bucket.lua} or {@code limits.lua}, where the same arithmetic decides; {@code Breaker} and {@code Nodes} are for when
 * Redis does not answer.
 */
@NullMarked
package dev.tenfold.ratelimit;

import org.jspecify.annotations.NullMarked;
