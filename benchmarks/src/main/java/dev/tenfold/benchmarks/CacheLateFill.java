package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Whether a load that was overtaken by a write leaves its old value behind. A load has read its row and stands still; the
 * row is written, and the key invalidated; then the load goes on. Which node loads, which one writes, how often, and
 * whether a third one asks meanwhile, is drawn from a seed, the same for all. When all is quiet, every node reads every
 * key.
 */
final class CacheLateFill {
    private static final int NODES = 3;
    private static final long LIMIT_SECONDS = 30;
    private static final long INVALIDATION_MILLIS = 500;

    private CacheLateFill() {}

    static void run(Session session, String uri) throws Exception {
        int schedules = session.quick() ? 100 : 1_000;
        session.say("");
        session.say("cache.latefill: " + schedules + " keys on " + NODES
                + " nodes, each invalidated while a load of it is on;" + " stale results among the " + schedules * NODES
                + " reads afterwards");
        int ours = stale(CachePeer.OURS, uri, schedules, 42);
        for (CachePeer peer : CachePeer.SHARED.subList(1, CachePeer.SHARED.size())) {
            int theirs = stale(peer, uri, schedules, 42);
            session.emit(Row.counts(
                    "cache.latefill." + peer.name(), peer.name(), "stale reads", ours, theirs, Better.LOWER));
        }
    }

    static int stale(CachePeer kind, String uri, int schedules, long seed) throws Exception {
        Users users = new Users();
        CacheNode.Place place = new CacheNode.Place(uri, "late-" + kind.name(), CacheLocal.LOCAL_SIZE, users::load);
        ExecutorService executor = Executors.newCachedThreadPool();
        try (Fleet fleet = new Fleet(kind, place, NODES)) {
            Random random = new Random(seed);
            for (int i = 0; i < schedules; i++) {
                play("late:" + i, fleet, users, random, executor);
            }
            Users.pause(OurNode.MAX_STALENESS.toNanos());
            int stale = 0;
            for (int i = 0; i < schedules; i++) {
                for (int node = 0; node < NODES; node++) {
                    String key = "late:" + i;
                    stale += users.isCurrent(key, fleet.node(node).get(key)) ? 0 : 1;
                }
            }
            return stale;
        } finally {
            executor.shutdownNow();
        }
    }

    private static void play(String key, Fleet fleet, Users users, Random random, ExecutorService executor)
            throws Exception {
        CacheNode loading = fleet.node(random.nextInt(NODES));
        CacheNode writing = fleet.node(random.nextInt(NODES));
        CacheNode asking = fleet.node(random.nextInt(NODES));
        boolean asks = random.nextInt(4) == 0;
        int writes = 1 + random.nextInt(2);

        Users.Gate gate = users.gate(key);
        List<Future<?>> running = new ArrayList<>();
        running.add(executor.submit(() -> loading.get(key)));
        if (!gate.awaitLoad(LIMIT_SECONDS)) {
            throw new IllegalStateException("no load of " + key + " within " + LIMIT_SECONDS + " s");
        }
        if (asks) {
            running.add(executor.submit(() -> asking.get(key)));
        }
        for (int i = 0; i < writes; i++) {
            users.write(key);
            Future<?> invalidation = executor.submit(() -> writing.invalidate(key));
            running.add(invalidation);
            try {
                Object unused = invalidation.get(INVALIDATION_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // A cache may make the invalidation wait for the load: then the load goes first.
                break;
            }
        }
        gate.open();
        for (Future<?> each : running) {
            Object unused = each.get(LIMIT_SECONDS, TimeUnit.SECONDS);
        }
    }
}
