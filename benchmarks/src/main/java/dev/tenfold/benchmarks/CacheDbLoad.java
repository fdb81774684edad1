package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many reads of the database a cache saves when keys are as popular as in life, and one operation in a hundred is a
 * write. The first half of the operations warms it up; the second counts.
 */
final class CacheDbLoad {
    private static final int KEYS = 20_000;
    private static final int READS = 400_000;
    private static final int LOCAL_SIZE = 10_000;
    private static final int WRITES_IN_100 = 1;

    private CacheDbLoad() {}

    /** @param reads what is read, in order */
    record Workload(String title, List<String> reads) {}

    static Workload workload(Session session) throws Exception {
        return session.trace() == null
                ? new Workload("Zipf's law, " + KEYS + " keys", List.of(Popularity.zipf(KEYS, READS, 7)))
                : new Workload(
                        "the trace " + session.trace().getFileName(), List.of(Popularity.trace(session.trace())));
    }

    static void run(Session session, String uri) throws Exception {
        Workload workload = workload(session);
        session.say("");
        session.say(
                "cache.dbload: " + workload.title() + ", " + workload.reads().size() + " operations, " + WRITES_IN_100
                        + " % writes, room for " + LOCAL_SIZE
                        + " entries a node; share of reads that the database is spared in the"
                        + " second half; ours on 2 nodes, Caffeine on 1 node, where it needs no messages");
        double ours = saved(CachePeer.OURS, uri, 2, workload.reads());
        double theirs = saved(CachePeer.CAFFEINE, uri, 1, workload.reads());
        session.emit(Row.counts("cache.dbload.caffeine", "caffeine", "% saved", ours, theirs, Better.HIGHER));
    }

    /** In percent. Each node works through every n-th operation, on a thread of its own. */
    static double saved(CachePeer kind, String uri, int nodes, List<String> keys) throws Exception {
        Users users = new Users();
        CacheNode.Place place = new CacheNode.Place(uri, "dbload-" + kind.name(), LOCAL_SIZE, users::load);
        ExecutorService executor = Executors.newFixedThreadPool(nodes);
        try (Fleet fleet = new Fleet(kind, place, nodes)) {
            boolean[] writes = writes(keys.size());
            int half = keys.size() / 2;
            long warm = play(fleet, nodes, users, keys, writes, 0, half, executor);
            long before = users.loads();
            long reads = play(fleet, nodes, users, keys, writes, half, keys.size(), executor);
            if (warm == 0 || reads == 0) {
                throw new IllegalStateException("the trace has " + keys.size() + " keys; give one of hundreds or more");
            }
            return 100 * (1 - (double) (users.loads() - before) / reads);
        } finally {
            executor.shutdownNow();
        }
    }

    private static boolean[] writes(int operations) {
        Random random = new Random(3);
        boolean[] writes = new boolean[operations];
        for (int i = 0; i < operations; i++) {
            writes[i] = random.nextInt(100) < WRITES_IN_100;
        }
        return writes;
    }

    /** How many reads there were. */
    private static long play(
            Fleet fleet,
            int nodes,
            Users users,
            List<String> keys,
            boolean[] writes,
            int from,
            int to,
            ExecutorService executor)
            throws Exception {
        AtomicLong reads = new AtomicLong();
        List<Future<?>> running = new ArrayList<>();
        for (int n = 0; n < nodes; n++) {
            CacheNode node = fleet.node(n);
            int first = from + n;
            running.add(executor.submit(() -> {
                long mine = 0;
                for (int i = first; i < to; i += nodes) {
                    if (writes[i]) {
                        users.write(keys.get(i));
                        node.invalidate(keys.get(i));
                    } else {
                        String unused = node.get(keys.get(i));
                        mine++;
                    }
                }
                reads.addAndGet(mine);
            }));
        }
        for (Future<?> each : running) {
            Object unused = each.get();
        }
        return reads.get();
    }
}
