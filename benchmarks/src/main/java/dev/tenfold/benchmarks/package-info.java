/**
 * What Tenfold costs, and what its peers cost on the same work.
 *
 * <p>Side by side, with servers of its own, in rounds that take turns:
 *
 * <pre>{@code
 * java -cp benchmarks/target/benchmarks.jar dev.tenfold.benchmarks.Compare <query|cache|ratelimit|auth|jobs|readiness|all> [--quick] [--json FILE]
 * }</pre>
 *
 * <p>The hot paths alone, under JMH:
 *
 * <pre>{@code
 * java -jar benchmarks/target/benchmarks.jar LoaderBenchmark
 * }</pre>
 *
 * <p>Read {@link dev.tenfold.benchmarks.Compare} first, then the topic that you are after.
 */
@NullMarked
package dev.tenfold.benchmarks;

import org.jspecify.annotations.NullMarked;
