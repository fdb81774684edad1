package dev.tenfold.jobs;

import java.time.Instant;
import java.util.List;

/**
 * What is in the queues. Counted with bounds: it costs the same with a million jobs as with some ten thousand.
 *
 * @param at when it was counted, by the database's clock
 * @param queues by name; unmodifiable
 * @param workers processes that work, seen in the last 30 seconds
 */
public record JobStats(Instant at, List<QueueStats> queues, int workers) {}
