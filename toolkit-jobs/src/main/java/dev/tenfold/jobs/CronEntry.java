package dev.tenfold.jobs;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A cron as it is in the database.
 *
 * @param name its name
 * @param expression when it fires
 * @param zone by the clocks of which zone, as {@link java.time.ZoneId#getId}
 * @param kind the kind of its jobs
 * @param queue their queue
 * @param priority how urgent they are
 * @param misfire what becomes of missed fires
 * @param next the next five fires, soonest first; empty if it is paused, or if this version cannot read the expression
 * @param last the instant that the last job was for; empty if there was none yet
 * @param paused whether it is paused
 */
public record CronEntry(
        String name,
        String expression,
        String zone,
        String kind,
        String queue,
        Priority priority,
        Misfire misfire,
        List<Instant> next,
        Optional<Instant> last,
        boolean paused) {}
