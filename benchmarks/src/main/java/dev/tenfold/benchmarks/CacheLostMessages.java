package dev.tenfold.benchmarks;

import io.lettuce.core.KillArgs;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import java.util.concurrent.TimeUnit;

/**
 * Whether a node goes on with old values that it was never told of: its subscription is cut, 200 keys that it has in memory
 * are written on another node, and after the time within which ours promises to notice, it reads them.
 */
final class CacheLostMessages {
    private static final int KEYS = 200;
    private static final long CONTROL_NANOS = TimeUnit.SECONDS.toNanos(10);

    private CacheLostMessages() {}

    static void run(Session session, String uri) throws Exception {
        session.say("");
        session.say("cache.lostmessages: CLIENT KILL TYPE pubsub, then " + KEYS
                + " writes; stale keys on the other node " + OurNode.MAX_STALENESS.toSeconds() + " s later");
        int ours = stale(CachePeer.OURS, uri);
        for (CachePeer peer : CachePeer.SHARED.subList(1, CachePeer.SHARED.size())) {
            int theirs = stale(peer, uri);
            String name = "cache.lostmessages." + peer.name();
            session.emit(Row.counts(name, peer.name(), "stale keys", ours, theirs, Better.LOWER));
        }
    }

    static int stale(CachePeer kind, String uri) throws Exception {
        Users users = new Users();
        CacheNode.Place place = new CacheNode.Place(uri, "lost-" + kind.name(), CacheLocal.LOCAL_SIZE, users::load);
        RedisClient client = RedisClient.create(uri);
        try (Fleet fleet = new Fleet(kind, place, 2);
                StatefulRedisConnection<String, String> redis = client.connect()) {
            String[] keys = Popularity.names(KEYS);
            for (int node = 0; node < 2; node++) {
                long unused = fleet.node(node).read(keys, 0, KEYS);
            }
            control(kind, fleet, users, keys[0]);
            long killed = redis.sync().clientKill(KillArgs.Builder.typePubsub());
            if (killed == 0) {
                throw new IllegalStateException(kind.name() + " has no subscription to cut");
            }
            for (String key : keys) {
                users.write(key);
                fleet.node(0).invalidate(key);
            }
            Users.pause(OurNode.MAX_STALENESS.toNanos());
            int stale = 0;
            for (String key : keys) {
                stale += users.isCurrent(key, fleet.node(1).get(key)) ? 0 : 1;
            }
            return stale;
        } finally {
            client.shutdown(0, 2, TimeUnit.SECONDS);
        }
    }

    /** While the subscription lives, a write on one node reaches the other. */
    private static void control(CachePeer kind, Fleet fleet, Users users, String key) {
        long start = System.nanoTime();
        users.write(key);
        do {
            // Again and again, as a subscription may not have been there yet when the first message was sent.
            fleet.node(0).invalidate(key);
            Users.pause(TimeUnit.MILLISECONDS.toNanos(50));
            if (users.isCurrent(key, fleet.node(1).get(key))) {
                return;
            }
        } while (System.nanoTime() - start < CONTROL_NANOS);
        throw new IllegalStateException(kind.name() + " does not tell other nodes of a write even undisturbed");
    }
}
