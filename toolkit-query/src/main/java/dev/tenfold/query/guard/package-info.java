/**
 * Finds what nobody knew of: N+1 queries and their like as statements pass by, and missing indexes in the catalog.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.query.guard.QueryGuard}: a data source that watches another one
 *   <li>{@link dev.tenfold.query.guard.GuardOptions}: from when on it reports what
 *   <li>{@link dev.tenfold.query.guard.Finding}: what it found, where, and what to do
 *   <li>{@link dev.tenfold.query.guard.FindingKind}: the kinds of it
 *   <li>{@link dev.tenfold.query.guard.QueryScope}: the statements of one request, which are judged together
 *   <li>{@link dev.tenfold.query.guard.StatementStats}: what the executions of one statement took
 *   <li>{@link dev.tenfold.query.guard.IndexCheck}: finds missing, doubled and unused indexes
 *   <li>{@link dev.tenfold.query.guard.IndexReport}: what it found
 *   <li>{@link dev.tenfold.query.guard.IndexAdvice}: one index to add or to drop
 * </ol>
 */
@NullMarked
package dev.tenfold.query.guard;

import org.jspecify.annotations.NullMarked;
