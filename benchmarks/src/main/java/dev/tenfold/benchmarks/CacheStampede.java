package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** How often a cold key is loaded that all threads of all nodes ask for at the same moment. */
final class CacheStampede {
    private static final List<CachePeer> ALL =
            List.of(CachePeer.OURS, CachePeer.CAFFEINE, CachePeer.SPRING, CachePeer.JETCACHE, CachePeer.REDISSON);
    private static final int NODES = 8;
    private static final int THREADS = 32;
    private static final long LOAD_MILLIS = 50;
    private static final long LIMIT_SECONDS = 60;

    private CacheStampede() {}

    static void run(Session session, String uri) throws Exception {
        int keys = session.quick() ? 5 : 20;
        session.say("");
        session.say("cache.stampede: " + NODES + " nodes of " + THREADS
                + " threads ask for a cold key at once, a load takes " + LOAD_MILLIS + " ms; loads per key, mean of "
                + keys + " keys");
        double ours = loads(CachePeer.OURS, uri, NODES, THREADS, keys);
        for (CachePeer peer : ALL.subList(1, ALL.size())) {
            double theirs = loads(peer, uri, NODES, THREADS, keys);
            session.emit(
                    Row.counts("cache.stampede." + peer.name(), peer.name(), "loads/key", ours, theirs, Better.LOWER));
        }
    }

    static double loads(CachePeer kind, String uri, int nodes, int threads, int keys) throws Exception {
        Users users = new Users(LOAD_MILLIS);
        CacheNode.Place place = new CacheNode.Place(uri, "stampede-" + kind.name(), CacheLocal.LOCAL_SIZE, users::load);
        ExecutorService executor = Executors.newFixedThreadPool(nodes * threads);
        try (Fleet fleet = new Fleet(kind, place, nodes)) {
            CyclicBarrier start = new CyclicBarrier(nodes * threads);
            for (int k = 0; k < keys; k++) {
                String key = "cold:" + k;
                List<Future<String>> answers = new ArrayList<>();
                for (int i = 0; i < nodes * threads; i++) {
                    CacheNode node = fleet.node(i % nodes);
                    answers.add(executor.submit(() -> {
                        start.await(LIMIT_SECONDS, TimeUnit.SECONDS);
                        return node.get(key);
                    }));
                }
                for (Future<String> answer : answers) {
                    if (!users.isCurrent(key, answer.get(LIMIT_SECONDS, TimeUnit.SECONDS))) {
                        throw new IllegalStateException(kind.name() + " returns what nobody wrote");
                    }
                }
            }
        } finally {
            executor.shutdownNow();
        }
        return (double) users.loads() / keys;
    }
}
