package dev.tenfold.benchmarks;

import dev.tenfold.ratelimit.RateLimiterStats;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** How many refusals a second a node makes for someone who has used up his limit and goes on, and what Redis notices of it. */
final class RateLimitDenied {
    private static final List<RateLimitPeer> KINDS =
            List.of(RateLimitPeer.OURS, RateLimitPeer.SCRIPT, RateLimitPeer.BUCKET4J);
    private static final int THREADS = 64;
    private static final int BURST = 10;

    private RateLimitDenied() {}

    static void run(Session session, RedisServer server) throws Exception {
        // One token comes back every 2.4 hours: while it is measured, all are refused.
        RateLimitNode.Place place = new RateLimitNode.Place(server.uri(), "denied", BURST, Duration.ofDays(1));
        List<RateLimitNode> nodes = new ArrayList<>();
        try (RateLimitThreads threads = new RateLimitThreads(THREADS)) {
            List<Contender> contenders = RateLimitPeer.contenders(KINDS, place, new String[] {"attacker"}, nodes);
            session.say("");
            session.say("ratelimit.denied: " + THREADS + " threads ask for one key whose limit, " + place
                    + ", is used up; all refused");
            session.settings(contenders);
            for (RateLimitNode node : nodes) {
                for (int i = 0; i < BURST; i++) {
                    if (!node.admits("attacker")) throw new IllegalStateException("refused before the burst is used");
                }
            }
            RateLimitOurs ours = (RateLimitOurs) nodes.get(0);
            RateLimiterStats before = ours.limiter.stats();
            RateLimitThreads.Outcome outcome = threads.compare(
                    "ratelimit.denied",
                    contenders,
                    1,
                    0,
                    RateLimitThreads.onServer(session.quick(), contenders.size()),
                    session.progress());
            session.say(outcome.rates().rounds("ours") + " rounds");
            for (Contender peer : contenders.subList(1, contenders.size())) {
                session.emit(outcome.rate("ratelimit.denied." + peer.name(), peer.name()));
            }
            double scripts = scriptsPerRefusal(before, ours);
            session.emit(
                    Row.counts("ratelimit.denied.scripts", "script", "round trips/decision", scripts, 1, Better.LOWER));
        } finally {
            nodes.forEach(RateLimitNode::close);
        }
    }

    private static double scriptsPerRefusal(RateLimiterStats before, RateLimitOurs ours) {
        RateLimiterStats after = ours.limiter.stats();
        String policy = ours.policy.name();
        long refused = after.of(policy).denied() - before.of(policy).denied();
        return (double) (after.scripts() - before.scripts()) / refused;
    }
}
