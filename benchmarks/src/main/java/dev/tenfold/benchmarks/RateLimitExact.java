package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** That each contender admits just the burst when many threads ask at once: a faster wrong answer is none. */
final class RateLimitExact {
    static final int THREADS = 64;

    private static final int BURST = 1_000;
    private static final int CALLS = 3_000;
    /** So long that nothing is refilled meanwhile. */
    private static final Duration PERIOD = Duration.ofDays(1);

    private RateLimitExact() {}

    static void run(Session session, RedisServer server) throws Exception {
        session.say("Redis " + server.version() + ", on loopback, a new one for each comparison");
        verify(server.uri(), CALLS);
        session.say("verified: of " + CALLS + " calls by " + THREADS + " threads at a limit of " + BURST
                + " a day, each contender admits " + BURST
                + " (ours leased, on 4 nodes: no more; not Guava, which knows no burst)");
    }

    static void verify(String uri, int calls) throws Exception {
        RateLimitNode.Place place = new RateLimitNode.Place(uri, "exact", BURST, PERIOD);
        String[] keys = new String[calls];
        Arrays.fill(keys, "tight");
        List<RateLimitNode> nodes = new ArrayList<>();
        try (RateLimitThreads threads = new RateLimitThreads(THREADS)) {
            for (Contender contender : RateLimitPeer.contenders(RateLimitPeer.ALL, place, keys, nodes)) {
                require(contender, threads.total(contender, calls), BURST, BURST);
            }
            for (Contender contender : RateLimitLocal.contenders(keys, 1, BURST, PERIOD)) {
                if (contender.name().equals("guava")) continue;
                require(contender, threads.total(contender, calls), BURST, BURST);
            }
            Contender leased = RateLimitLeased.ours(place.of("leased"), "tight", nodes);
            require(leased, threads.total(leased, calls), 1, BURST);
        } finally {
            nodes.forEach(RateLimitNode::close);
        }
    }

    private static void require(Contender contender, long admitted, long fewest, long most) {
        if (admitted < fewest || admitted > most) {
            throw new IllegalStateException(
                    contender.name() + " admits " + admitted + " calls where a burst of " + most + " is allowed");
        }
    }
}
