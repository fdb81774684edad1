/**
 * Pools of connections: how many it takes, and whether those that there are suffice.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.query.pool.Pools}: computes sizes, makes pools, watches them
 *   <li>{@link dev.tenfold.query.pool.SizeOptions}: what a size is computed from
 *   <li>{@link dev.tenfold.query.pool.PoolSize}: how many connections, and why
 *   <li>{@link dev.tenfold.query.pool.PoolWatch}: the figures of a pool at work
 *   <li>{@link dev.tenfold.query.pool.PoolHealth}: what they say, and what to do
 *   <li>{@link dev.tenfold.query.pool.PoolMetrics}: the same for Micrometer, an optional dependency
 * </ol>
 *
 * <p>Private: {@code Erlang} is the queueing theory, {@code ServerLimits} reads what a database grants, {@code
 * ServerWork} how much of the time held it works, {@code LongHolds} tells
 * a leak from a slow statement.
 */
@NullMarked
package dev.tenfold.query.pool;

import org.jspecify.annotations.NullMarked;
