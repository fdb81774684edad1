package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;
import java.util.List;

/**
 * Authentication: what a token costs that was seen before, beside Spring Security and beside the least it can cost; how many
 * look-ups it takes that all ask for a new one at once, or try tokens at random; how soon a revocation is heard of everywhere;
 * and what a login session costs on Redis.
 */
final class AuthTopic implements Topic {
    private static final List<Comparison> ALL = List.of(
            (session, server) -> AuthHit.run(session),
            (session, server) -> AuthJwt.run(session),
            AuthMisses::run,
            AuthFlood::run,
            AuthRevoke::run,
            AuthSessions::run);

    private interface Comparison {
        void run(Session session, RedisServer server) throws Exception;
    }

    @Override
    public String name() {
        return "auth";
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
