/**
 * A primary and its replicas as one database. Where a transaction runs is decided when it begins.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.query.replica.Database}: runs reads on replicas and writes on the primary
 *   <li>{@link dev.tenfold.query.replica.DatabaseOptions}: how stale, how long to wait, what if servers fail
 *   <li>{@link dev.tenfold.query.replica.Session}: one user's reads see that user's writes, on whatever instance
 *   <li>{@link dev.tenfold.query.replica.DatabaseStats}: where reads went, and why
 *   <li>{@link dev.tenfold.query.replica.DatabaseMetrics}: the same for Micrometer
 * </ol>
 *
 * <p>Private: {@code Token} is a place in a cluster's log, {@code Written} what reads have to see, {@code Lineage} why a
 * position may be remembered, {@code Replica} and {@code Primary} the servers, {@code Router} the choice among them, {@code Wal} every
 * statement; {@code RoutedConnection} is what a routed data source gives.
 */
@NullMarked
package dev.tenfold.query.replica;

import org.jspecify.annotations.NullMarked;
