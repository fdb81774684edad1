package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.List;

/**
 * How connections are borrowed, added up since the guard began to watch: the difference of two of these tells of the time
 * between. One that never comes back counts as borrowed, and is among those that are out.
 *
 * @param watched how long the guard has watched
 * @param borrowed how many were borrowed
 * @param refused how many times the data source gave none, as when a pool's time-out was over
 * @param waited time until those borrowed were there
 * @param waitedInVain time until those refused were
 * @param returned how many came back
 * @param held time between, of those that came back
 * @param heldSquared the squares of it added up, in seconds squared: with {@link #held} and {@link #returned}, its variance
 * @param judged time held, of those of which it is known when they worked: whose driver was not used directly
 * @param worked time in which those worked, at most: result sets that fetch while they are read count as long as they are open
 * @param out those that are not back; unmodifiable
 */
public record Borrows(
        Duration watched,
        long borrowed,
        long refused,
        Duration waited,
        Duration waitedInVain,
        long returned,
        Duration held,
        double heldSquared,
        Duration judged,
        Duration worked,
        List<BorrowedConnection> out) {}
