package dev.tenfold.benchmarks;

import dev.tenfold.ratelimit.Limit;
import dev.tenfold.ratelimit.Policy;
import dev.tenfold.ratelimit.RateLimiter;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.RedisClient;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanCursor;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** How much memory of Redis one key takes whose limit is half used. */
final class RateLimitBytes {
    private static final List<RateLimitPeer> PEERS =
            List.of(RateLimitPeer.SCRIPT, RateLimitPeer.BUCKET4J, RateLimitPeer.REDISSON);
    private static final String KEY = "user:4711";
    private static final int PERMITS = 100;
    private static final int USED = 50;

    private RateLimitBytes() {}

    static void run(Session session, RedisServer server) throws Exception {
        session.say("");
        session.say("ratelimit.bytes: MEMORY USAGE of all that Redis keeps of one key, " + USED + " of " + PERMITS
                + " per minute used; ours with the default prefix");
        RedisClient client = RedisClient.create(server.uri());
        try (StatefulRedisConnection<String, String> connection = client.connect()) {
            RedisCommands<String, String> redis = connection.sync();
            double ours = ours(server.uri(), redis);
            for (RateLimitPeer peer : PEERS) {
                double theirs = theirs(peer, server.uri(), redis);
                session.emit(
                        Row.of("ratelimit.bytes." + peer.name(), peer.name(), "bytes", ours, theirs, Better.LOWER));
            }
        } finally {
            client.shutdown(0, 2, TimeUnit.SECONDS);
        }
    }

    /** Without the one key that all limiters share, which tells the nodes that are there. */
    private static long ours(String uri, RedisCommands<String, String> redis) {
        Policy policy = Policy.of("api", Limit.limit("limit", PERMITS, Limit.perMinute()));
        try (RedisLink link = RateLimitOurs.link(uri, UnaryOperator.identity());
                RateLimiter limiter = RateLimiter.redis(link)) {
            for (int i = 0; i < USED; i++) {
                if (!limiter.acquire(policy, KEY).allowed()) throw new IllegalStateException("ours refuses a call");
            }
            Set<String> keys = keys(redis, "tenfold:*");
            keys.removeIf(key -> !redis.type(key).equals("string"));
            if (keys.size() != 1) {
                throw new IllegalStateException("ours keeps " + keys.size() + " keys for one limit");
            }
            return bytes(redis, keys);
        }
    }

    private static long theirs(RateLimitPeer peer, String uri, RedisCommands<String, String> redis) throws Exception {
        // A short name, as an application would choose; ours are digests.
        RateLimitNode.Place place = new RateLimitNode.Place(uri, "limits", PERMITS, Duration.ofMinutes(1));
        try (RateLimitNode node = peer.opener().open(place)) {
            for (int i = 0; i < USED; i++) {
                if (!node.admits(KEY)) throw new IllegalStateException(peer.name() + " refuses a call");
            }
            Set<String> keys = keys(redis, "*limits:*");
            long bytes = bytes(redis, keys);
            redis.del(keys.toArray(String[]::new));
            return bytes;
        }
    }

    private static Set<String> keys(RedisCommands<String, String> redis, String pattern) {
        Set<String> keys = new LinkedHashSet<>();
        ScanCursor cursor = ScanCursor.INITIAL;
        do {
            KeyScanCursor<String> found = redis.scan(cursor, ScanArgs.Builder.matches(pattern));
            keys.addAll(found.getKeys());
            cursor = found;
        } while (!cursor.isFinished());
        return keys;
    }

    private static long bytes(RedisCommands<String, String> redis, Set<String> keys) {
        long bytes = 0;
        for (String key : keys) {
            Long usage = redis.memoryUsage(key);
            if (usage == null) throw new IllegalStateException("the key " + key + " has gone while it was measured");
            bytes += usage;
        }
        return bytes;
    }
}
