/**
 * One link to Redis, which the modules that use Redis share: connections of its own, a bound on every wait, a breaker, and
 * scripts. A command is executed at most once.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.redis.RedisLink}: runs commands and scripts, subscribes to channels
 *   <li>{@link dev.tenfold.redis.RedisOptions}: how long it waits, when it gives up, when it tries again
 *   <li>{@link dev.tenfold.redis.RedisUnavailableException}: no answer, and whether the command may have run
 *   <li>{@link dev.tenfold.redis.RedisScript}: a Lua script and the type of its reply
 *   <li>{@link dev.tenfold.redis.RedisSubscription}: messages of one channel, and gaps between them
 *   <li>{@link dev.tenfold.redis.RedisLinkState}: up, down or closed
 *   <li>{@link dev.tenfold.redis.RedisLinkStats}: what a link did
 *   <li>{@link dev.tenfold.redis.RedisLinkMetrics}: the same for Micrometer, an optional dependency
 * </ol>
 *
 * <p>One command, followed through the private types: {@code RedisLink} takes the {@code Session} that {@code Keeper} holds
 * while the link is up, and hands out a {@code Call}, which {@code Deadlines} ends if no reply does. What goes wrong is read
 * by {@code Fault}. One connection: {@code Keeper} opens a {@code Wire} from a {@code Source}, probes it, and replaces it.
 * One message: {@code Messages}.
 */
@NullMarked
package dev.tenfold.redis;

import org.jspecify.annotations.NullMarked;
