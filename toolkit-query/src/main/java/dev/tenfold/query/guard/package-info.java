/**
 * Finds what nobody knew of as statements pass by: N+1 queries, repeated reads, slow statements, and their like.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.query.guard.QueryGuard}: a data source that watches another one
 *   <li>{@link dev.tenfold.query.guard.GuardOptions}: from when on it reports what
 *   <li>{@link dev.tenfold.query.guard.Finding}: what it found, where, and what to do
 *   <li>{@link dev.tenfold.query.guard.FindingKind}: the kinds of it
 *   <li>{@link dev.tenfold.query.guard.QueryScope}: the statements of one request, which are judged together
 *   <li>{@link dev.tenfold.query.guard.QueryScopeFilter}: opens one for each request of a servlet container
 *   <li>{@link dev.tenfold.query.guard.IgnoreQueries}: says of code that what it does is meant
 *   <li>{@link dev.tenfold.query.guard.StatementStats}: what the executions of one statement took
 *   <li>{@link dev.tenfold.query.guard.Borrows}: how connections are borrowed
 *   <li>{@link dev.tenfold.query.guard.BorrowedConnection}: one that is out now
 *   <li>{@link dev.tenfold.query.guard.GuardMetrics}: counts for Micrometer, an optional dependency
 *   <li>{@link dev.tenfold.query.guard.QueryAssertions}: limits, growth and findings, asserted in tests
 *   <li>{@link dev.tenfold.query.guard.ExpectQueries}: a limit on a test of JUnit 5, an optional dependency
 *   <li>{@link dev.tenfold.query.guard.WatchQueries}: no new findings in the tests of a class
 *   <li>{@link dev.tenfold.query.guard.Baseline}: a file of the findings that may stay
 * </ol>
 *
 * <p>One execution, followed through the private types: {@code WatchedPreparedStatement} keeps its values and takes the time,
 * {@code QueryScope} finds the {@code Entry} of its {@code Fingerprint} and counts, {@code Verdicts} looks at the {@code
 * CallSite} once it came often, {@code Findings} keeps and tells what was found. {@code Symptoms} judges single executions,
 * borrows and result sets; {@code Executions} adds up over all scopes.
 */
@NullMarked
package dev.tenfold.query.guard;

import org.jspecify.annotations.NullMarked;
