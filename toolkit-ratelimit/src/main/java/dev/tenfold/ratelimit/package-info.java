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
 *   <li>{@link dev.tenfold.ratelimit.ConcurrencyLimiter}: limits what runs at once, on this node or on all together
 *   <li>{@link dev.tenfold.ratelimit.ConcurrencyOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.ratelimit.Permit}: the answer, and the place that work holds while it runs
 *   <li>{@link dev.tenfold.ratelimit.Priority}: what is shed last
 *   <li>{@link dev.tenfold.ratelimit.ConcurrencyStats}: what it did
 * </ol>
 */
@NullMarked
package dev.tenfold.ratelimit;

import org.jspecify.annotations.NullMarked;
