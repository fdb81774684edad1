package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** How many decisions a second a node makes about one key that all its threads ask for, and how long one takes. */
final class RateLimitHotKey {
    private static final int THREADS = 64;

    private RateLimitHotKey() {}

    static void run(Session session, RedisServer server) throws Exception {
        RateLimitNode.Place place = new RateLimitNode.Place(server.uri(), "hotkey", 1_000_000, Duration.ofSeconds(1));
        List<RateLimitNode> nodes = new ArrayList<>();
        try (RateLimitThreads threads = new RateLimitThreads(THREADS)) {
            List<Contender> contenders =
                    RateLimitPeer.contenders(RateLimitPeer.ALL, place, new String[] {"hot"}, nodes);
            session.say("");
            session.say("ratelimit.hotkey64: " + THREADS
                    + " threads, each asks again as soon as it has its answer; one key, " + place + ", all admitted");
            session.settings(contenders);
            RateLimitThreads.Outcome outcome = threads.compare(
                    "ratelimit.hotkey64",
                    contenders,
                    1,
                    1,
                    RateLimitThreads.onServer(session.quick(), contenders.size()),
                    session.progress());
            session.say(outcome.rates().rounds("ours") + " rounds");
            for (Contender peer : contenders.subList(1, contenders.size())) {
                session.emit(outcome.rate("ratelimit.hotkey64." + peer.name(), peer.name()));
            }
            for (Contender peer : contenders.subList(1, contenders.size())) {
                session.emit(outcome.p99("ratelimit.hotkey64.p99." + peer.name(), peer.name()));
            }
        } finally {
            nodes.forEach(RateLimitNode::close);
        }
    }
}
