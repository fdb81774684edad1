package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * One kind of limiter on Redis.
 *
 * @param name {@code ours}, or the peer's
 * @param settings what it runs with, printed
 * @param opener opens a node
 */
record RateLimitPeer(String name, String settings, Opener opener) {
    static final RateLimitPeer OURS = new RateLimitPeer("ours", RateLimitOurs.SETTINGS, RateLimitOurs::new);
    static final RateLimitPeer SCRIPT = new RateLimitPeer("script", RateLimitScript.SETTINGS, RateLimitScript::new);
    static final RateLimitPeer BUCKET4J =
            new RateLimitPeer("bucket4j", RateLimitBucket4j.SETTINGS, RateLimitBucket4j::plain);
    static final RateLimitPeer BATCHING =
            new RateLimitPeer("bucket4j-batching", RateLimitBucket4j.BATCHING_SETTINGS, RateLimitBucket4j::batching);
    static final RateLimitPeer REDISSON =
            new RateLimitPeer("redisson", RateLimitRedisson.SETTINGS, RateLimitRedisson::new);

    static final List<RateLimitPeer> ALL = List.of(OURS, SCRIPT, BUCKET4J, BATCHING, REDISSON);

    /** Opens a node. */
    interface Opener {
        RateLimitNode open(RateLimitNode.Place place);
    }

    /**
     * One a kind, each with a node.
     *
     * @param keys what request after request asks for
     * @param nodes gets the nodes, which are for the caller to close
     */
    static List<Contender> contenders(
            List<RateLimitPeer> kinds, RateLimitNode.Place place, String[] keys, List<RateLimitNode> nodes) {
        List<Contender> contenders = new ArrayList<>();
        for (RateLimitPeer kind : kinds) {
            RateLimitNode node = kind.opener.open(place.of(kind.name));
            nodes.add(node);
            contenders.add(new Contender(kind.name, kind.settings, page -> node.admits(keys[page]) ? 1 : 0));
        }
        return contenders;
    }
}
