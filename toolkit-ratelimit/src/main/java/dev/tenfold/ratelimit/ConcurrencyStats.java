package dev.tenfold.ratelimit;

import java.util.Map;

/**
 * What a {@link ConcurrencyLimiter} did on this node since it was made. Counts, unless said otherwise; read one after the
 * other, so that they may differ by what happened meanwhile.
 *
 * @param limit how much may run at once now; on Redis, on all nodes together
 * @param inFlight permits of this node that are not closed now
 * @param granted permits granted, degraded ones included
 * @param rejected permits refused, degraded ones included; every priority has an entry. In {@link ConcurrencyOptions#shadow}
 *     mode, those that would have been
 * @param dropped permits that ended with {@link Permit#dropped}
 * @param leaked permits that were taken back because they had not been closed in time
 * @param degraded decisions made without Redis
 */
public record ConcurrencyStats(
        int limit, int inFlight, long granted, Map<Priority, Long> rejected, long dropped, long leaked, long degraded) {

    /**
     * How many of a priority were refused.
     *
     * @param priority which
     * @return its count of {@link #rejected()}
     */
    public long rejected(Priority priority) {
        return rejected.getOrDefault(priority, 0L);
    }
}
