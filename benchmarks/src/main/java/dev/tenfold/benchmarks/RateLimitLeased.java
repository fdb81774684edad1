package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** How many decisions a second several nodes make about one key, ours with tokens taken ahead. */
final class RateLimitLeased {
    private static final int NODES = 4;
    private static final int THREADS = 16;
    private static final Duration LEASE = Duration.ofSeconds(1);

    private RateLimitLeased() {}

    static void run(Session session, RedisServer server) throws Exception {
        // Far above what two processors can ask for, so that the limit itself never is what is measured.
        RateLimitNode.Place place = new RateLimitNode.Place(server.uri(), "leased", 100_000_000, Duration.ofSeconds(1));
        List<RateLimitNode> nodes = new ArrayList<>();
        try (RateLimitThreads threads = new RateLimitThreads(NODES * THREADS)) {
            List<Contender> contenders = List.of(
                    ours(place.of("ours"), "hot", nodes),
                    contender(
                            "script",
                            RateLimitScript.SETTINGS,
                            RateLimitScript::new,
                            place.of("script"),
                            "hot",
                            nodes));
            session.say("");
            session.say("ratelimit.leased4nodes: " + NODES + " nodes in this JVM, each with a connection and " + THREADS
                    + " threads; one key, " + place + ", all admitted");
            session.settings(contenders);
            RateLimitThreads.Outcome outcome = threads.compare(
                    "ratelimit.leased4nodes",
                    contenders,
                    NODES * THREADS,
                    1,
                    RateLimitThreads.onServer(session.quick(), contenders.size()),
                    session.progress());
            session.say(outcome.rates().rounds("ours") + " rounds");
            session.emit(outcome.rate("ratelimit.leased4nodes.script", "script"));
        } finally {
            nodes.forEach(RateLimitNode::close);
        }
    }

    static Contender ours(RateLimitNode.Place place, String key, List<RateLimitNode> nodes) {
        String settings = RateLimitOurs.SETTINGS + "; leased(" + LEASE + ")";
        return contender("ours", settings, each -> RateLimitOurs.leased(each, LEASE), place, key, nodes);
    }

    private static Contender contender(
            String name,
            String settings,
            RateLimitPeer.Opener opener,
            RateLimitNode.Place place,
            String key,
            List<RateLimitNode> all) {
        List<RateLimitNode> nodes = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            RateLimitNode node = opener.open(place);
            nodes.add(node);
            all.add(node);
        }
        return new Contender(name, settings, page -> nodes.get(page % NODES).admits(key) ? 1 : 0);
    }
}
