/**
 * Batched loaders: one query a level, in plain loops and in straight-line code.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.query.Loader}: loads values by key, many at a time
 *   <li>{@link dev.tenfold.query.BatchFunction}: what it calls
 *   <li>{@link dev.tenfold.query.Peers}: the values of a page, in a plain loop
 *   <li>{@link dev.tenfold.query.LoadScope}: straight-line code for many items at once
 *   <li>{@link dev.tenfold.query.ScopeOptions}: how a scope runs
 *   <li>{@link dev.tenfold.query.Subtask}: a member that a scope forked
 *   <li>{@link dev.tenfold.query.LoadContext}: tenant, transaction and route, which no batch mixes
 *   <li>{@link dev.tenfold.query.LoadException}: how loads fail
 *   <li>{@link dev.tenfold.query.Result}: the outcome of one key, for batch functions that tell
 *   <li>{@link dev.tenfold.query.RowMapper}: reads a row, for loaders over JDBC
 *   <li>{@link dev.tenfold.query.JooqLoader}: loaders over jOOQ, an optional dependency
 *   <li>{@link dev.tenfold.query.LoaderStats}: what a loader did
 *   <li>{@link dev.tenfold.query.Trigger}: what made its batches go
 *   <li>{@link dev.tenfold.query.LoaderMetrics}: the same for Micrometer, an optional dependency
 * </ol>
 *
 * <p>One blocking load, followed through the private types: {@code LoadScope} starts members, {@code Quiescence} counts
 * those that can run, {@code Batcher} dispatches when none can, {@code Batch} fetches and tells the waiters.
 */
@NullMarked
package dev.tenfold.query;

import org.jspecify.annotations.NullMarked;
