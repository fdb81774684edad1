/**
 * Real servers for tests, without containers, and the means to misuse them.
 *
 * <p>Public types, in the order to read them in:
 *
 * <ol>
 *   <li>{@link dev.tenfold.testkit.PostgresServer} and {@link dev.tenfold.testkit.MariaDbServer}: a database a test
 *   <li>{@link dev.tenfold.testkit.RedisServer}, {@link dev.tenfold.testkit.RedisCluster},
 *       {@link dev.tenfold.testkit.RedisReplication}, {@link dev.tenfold.testkit.RedisSentinel}: Redis alone, sharded,
 *       replicated, failing over
 *   <li>{@link dev.tenfold.testkit.Servers}: all of these as test parameters
 *   <li>{@link dev.tenfold.testkit.FaultProxy}: what networks do
 *   <li>{@link dev.tenfold.testkit.CountingDataSource}: what code asks of the database
 *   <li>{@link dev.tenfold.testkit.SettableClock}: time as an argument
 *   <li>{@link dev.tenfold.testkit.LeakCheck}: what a test left behind
 *   <li>{@link dev.tenfold.testkit.Await}: what other threads bring about
 *   <li>{@link dev.tenfold.testkit.PublicTypes}: whether a package's list of its types is whole
 *   <li>{@link dev.tenfold.testkit.CodeBlocks}: whether what the documentation shows was compiled and run
 * </ol>
 *
 * <p>How servers end, whatever happens to the JVM, is in {@code Leash}. How the proxy keeps time is in {@code Pump}.
 */
@org.jspecify.annotations.NullMarked
package dev.tenfold.testkit;
