package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.OptionalDouble;

/**
 * What the executions of one statement took since the guard began to watch.
 *
 * @param fingerprint sixteen hex digits that stay the same
 * @param statement the statement, literals taken out
 * @param sample one text as it was executed, with its parameters' marks and its literals
 * @param reads whether it is a query that changes nothing
 * @param count how many executions
 * @param rows rows an execution, over those that were looked at; empty if none was
 * @param total their time, added up
 * @param repeated of that time, the part of queries that came with the same values a minute or two before, on whatever thread:
 *     what a cache would save at most. Batches and lists bound as arrays do not count
 * @param max the longest
 * @param trend how many times longer the newest are than those before; empty while that cannot be told
 */
public record StatementStats(
        String fingerprint,
        String statement,
        String sample,
        boolean reads,
        long count,
        OptionalDouble rows,
        Duration total,
        Duration repeated,
        Duration max,
        OptionalDouble trend) {}
