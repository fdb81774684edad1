package dev.tenfold.jobs;

/**
 * How many retries a worker allows the jobs of a queue: a token each; a job that is done earns a share of one, and some come
 * with time. When everything fails there are soon none left, and jobs come back after their longest delay only, instead of
 * adding to what is wrong. Thread-safe.
 */
final class RetryBudget {
    private static final double SECOND = 1e9;
    private static final double SHORTEST_BURST_SECONDS = 10;

    private final double share;
    private final double perSecond;
    private final double most;
    private double tokens;
    private long countedAt;

    RetryBudget(double share, double perSecond, long nanos) {
        this.share = share;
        this.perSecond = perSecond;
        most = Math.max(1, SHORTEST_BURST_SECONDS * perSecond);
        tokens = most;
        countedAt = nanos;
    }

    synchronized void earn(int done) {
        // Up to twice what time alone brings, and no less than a hundred, is kept for later.
        tokens = Math.min(Math.max(100, 2 * most), tokens + done * share);
    }

    synchronized boolean spend(long nanos) {
        double byTime = (nanos - countedAt) / SECOND * perSecond;
        countedAt = nanos;
        tokens = Math.max(tokens, Math.min(most, tokens + byTime));
        if (tokens < 1) {
            return false;
        }
        tokens--;
        return true;
    }
}
