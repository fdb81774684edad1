package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;
import java.util.List;

/**
 * Rate limits: that all contenders admit the same; then what a decision costs on Redis, for one key that all ask for and for
 * many, with leases, for who is refused, and in memory; how much a key takes; and what callers feel when Redis falls silent.
 */
final class RateLimitTopic implements Topic {
    private static final List<Comparison> ALL = List.of(
            RateLimitExact::run,
            RateLimitBytes::run,
            RateLimitHotKey::run,
            RateLimitUniform::run,
            RateLimitLeased::run,
            RateLimitDenied::run,
            RateLimitLocal::run,
            RateLimitOutage::run);

    private interface Comparison {
        void run(Session session, RedisServer server) throws Exception;
    }

    @Override
    public String name() {
        return "ratelimit";
    }

    @Override
    public void run(Session session) throws Exception {
        for (Comparison comparison : ALL) {
            // One each, so that nothing is left over from the comparison before.
            try (RedisServer server = RedisServer.start()) {
                comparison.run(session, server);
            }
        }
    }
}
