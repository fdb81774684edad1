package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** How many decisions a second a node makes about many keys, of which hardly two threads ask for the same at once. */
final class RateLimitUniform {
    private static final List<RateLimitPeer> KINDS =
            List.of(RateLimitPeer.OURS, RateLimitPeer.SCRIPT, RateLimitPeer.BUCKET4J, RateLimitPeer.REDISSON);
    private static final int THREADS = 64;
    private static final int KEYS = 100_000;
    private static final int DRAWN = 1 << 20;

    private RateLimitUniform() {}

    static void run(Session session, RedisServer server) throws Exception {
        // No bucket is full again at once, so that state is read and written; and none is ever empty at such rates.
        RateLimitNode.Place place = new RateLimitNode.Place(server.uri(), "uniform", 100, Duration.ofMinutes(1));
        String[] names = Popularity.names(KEYS);
        String[] keys =
                new Random(42).ints(DRAWN, 0, KEYS).mapToObj(i -> names[i]).toArray(String[]::new);
        List<RateLimitNode> nodes = new ArrayList<>();
        try (RateLimitThreads threads = new RateLimitThreads(THREADS)) {
            List<Contender> contenders = RateLimitPeer.contenders(KINDS, place, keys, nodes);
            session.say("");
            session.say("ratelimit.uniform: " + THREADS + " threads, " + KEYS + " keys uniformly at random, " + place
                    + ", all admitted");
            session.settings(contenders);
            for (int i = 0; i < contenders.size(); i++) {
                // All keys have been seen before: Redisson's rates are set, and no contender pays for its first sight
                // of one.
                RateLimitNode node = nodes.get(i);
                Contender first = new Contender(contenders.get(i).name(), "", page -> node.admits(names[page]) ? 1 : 0);
                if (threads.total(first, KEYS) != KEYS) {
                    throw new IllegalStateException(first.name() + " refuses the first call of a key");
                }
            }
            RateLimitThreads.Outcome outcome = threads.compare(
                    "ratelimit.uniform",
                    contenders,
                    DRAWN,
                    1,
                    RateLimitThreads.onServer(session.quick(), contenders.size()),
                    session.progress());
            session.say(outcome.rates().rounds("ours") + " rounds");
            for (Contender peer : contenders.subList(1, contenders.size())) {
                session.emit(outcome.rate("ratelimit.uniform." + peer.name(), peer.name()));
            }
        } finally {
            nodes.forEach(RateLimitNode::close);
        }
    }
}
