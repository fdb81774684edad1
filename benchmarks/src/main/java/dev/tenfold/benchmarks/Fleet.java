package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** Some nodes with the same cache. */
final class Fleet implements AutoCloseable {
    private final List<CacheNode> nodes = new ArrayList<>();

    Fleet(CachePeer kind, CacheNode.Place place, int size) {
        try {
            for (int i = 0; i < size; i++) {
                nodes.add(kind.open(place));
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    CacheNode node(int index) {
        return nodes.get(index);
    }

    @Override
    public void close() {
        nodes.forEach(CacheNode::close);
    }
}
