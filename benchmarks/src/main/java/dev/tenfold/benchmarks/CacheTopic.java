package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;

/**
 * The two-tier cache: what hits cost in memory and in Redis; then what happens when many ask at once, when a write overtakes a
 * load, and when messages are lost; and how much of the database's work is left.
 */
final class CacheTopic implements Topic {
    @Override
    public String name() {
        return "cache";
    }

    @Override
    public void run(Session session) throws Exception {
        try (RedisServer server = RedisServer.start()) {
            session.say("Redis " + server.version() + " of its own, on loopback");
            CacheLocal.run(session, server.uri());
            CacheRemote.run(session, server.uri());
            CacheStampede.run(session, server.uri());
            CacheLateFill.run(session, server.uri());
            CacheLostMessages.run(session, server.uri());
            CacheDbLoad.run(session, server.uri());
        }
    }
}
