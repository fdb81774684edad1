package dev.tenfold.query.replica;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where reads went, and why.
 *
 * @param replicas each replica, in the order given
 * @param readsOnPrimary reads that went to the primary, by reason: {@code lag} no replica had enough, {@code down} none
 *     answered, {@code writing} of a session in the middle of a write, {@code uncertain} the place of a write was not known,
 *     {@code silent} the primary's position was not known, so nor how old replicas are, {@code none} there are no replicas
 * @param refused reads beyond {@link DatabaseOptions#fallbackLimit}
 */
public record DatabaseStats(List<ReplicaStats> replicas, Map<String, Long> readsOnPrimary, long refused) {
    /**
     * One replica.
     *
     * @param name as given
     * @param isUp whether it gets reads
     * @param problem why not, with what to do; empty if it does
     * @param lag how old the newest thing is at most that it lacks, as far as this is known: empty if it is not, or is more than
     *     {@link DatabaseOptions#maxLag}
     * @param inFlight reads that run on it now
     * @param reads reads so far
     */
    public record ReplicaStats(
            String name, boolean isUp, String problem, Optional<Duration> lag, int inFlight, long reads) {}
}
