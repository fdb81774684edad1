package dev.tenfold.benchmarks;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/** What a hit in this node's memory costs, in time and in garbage: one thread, keys by Zipf's law. */
final class CacheLocal {
    private static final List<CachePeer> ALL = List.of(
            CachePeer.OURS,
            CachePeer.CAFFEINE,
            CachePeer.SPRING,
            CachePeer.JETCACHE,
            CachePeer.REDISSON,
            CachePeer.REDISSON_UNBOUNDED);

    static final int KEYS = 10_000;
    static final int LOCAL_SIZE = 20_000;

    /** Reads of one request: enough of them that the clock of the rounds does not count. */
    private static final int BLOCK = 2_048;

    private static final int BLOCKS = 32;
    private static final int ALLOCATION_PASSES = 20;

    private CacheLocal() {}

    static void run(Session session, String uri) throws Exception {
        List<CacheNode> nodes = new ArrayList<>();
        try {
            List<Contender> contenders = contenders(uri, KEYS, nodes);
            session.say("");
            session.say("cache.local.hit: " + KEYS + " String keys by Zipf's law, room for " + LOCAL_SIZE
                    + ", values of some 200 characters, all hits, one thread");
            session.settings(contenders);
            Effort effort = Effort.inMemory(session.quick());
            Samples samples = Rounds.run("cache.local.hit", contenders, BLOCKS, effort, session.progress());
            session.say(samples.rounds("ours") + " rounds");
            for (Contender peer : contenders.subList(1, contenders.size())) {
                session.emit(samples.row("cache.local.hit." + peer.name(), "ours", peer.name(), "ns/op", BLOCK));
            }
            double ours = bytes(contenders.get(0));
            for (Contender peer : contenders.subList(1, contenders.size())) {
                String name = "cache.local.hit.bytes." + peer.name();
                session.emit(Row.counts(name, peer.name(), "B/op", ours, bytes(peer), Better.LOWER));
            }
        } finally {
            nodes.forEach(CacheNode::close);
        }
    }

    /** One a kind, each with all keys in memory; the nodes are for the caller to close. */
    static List<Contender> contenders(String uri, int keys, List<CacheNode> nodes) {
        String[] reads = Popularity.zipf(keys, BLOCK * BLOCKS, 42);
        Users users = new Users();
        List<Contender> contenders = new ArrayList<>();
        for (CachePeer kind : ALL) {
            CacheNode node = kind.open(new CacheNode.Place(uri, "local-" + kind.name(), LOCAL_SIZE, users::load));
            nodes.add(node);
            long loaded = node.read(reads, 0, reads.length);
            if (node.read(reads, 0, reads.length) != loaded) {
                throw new IllegalStateException(kind.name() + " returns other values the second time");
            }
            contenders.add(new Contender(
                    kind.name(), kind.settings(), block -> node.read(reads, block * BLOCK, (block + 1) * BLOCK)));
        }
        return contenders;
    }

    /** What this thread allocates for a read: the least of some passes, as a compiler at work may add to one. */
    static double bytes(Contender contender) throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long id = Thread.currentThread().getId();
        long least = Long.MAX_VALUE;
        for (int pass = 0; pass < ALLOCATION_PASSES; pass++) {
            long before = threads.getThreadAllocatedBytes(id);
            for (int block = 0; block < BLOCKS; block++) {
                long unused = contender.request().answer(block);
            }
            least = Math.min(least, threads.getThreadAllocatedBytes(id) - before);
        }
        // Asking allocates a little itself; below a tenth of a byte an operation it is not the contender's.
        double perRead = (double) least / (BLOCK * BLOCKS);
        return perRead < 0.1 ? 0 : perRead;
    }
}
