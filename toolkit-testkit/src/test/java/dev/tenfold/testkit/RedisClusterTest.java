package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RedisClusterTest {
    private static final int SLOTS = 16_384;

    @Test
    void every_node_knows_a_master_for_each_of_the_16384_slots() throws IOException {
        for (RedisServer node : RedisCluster.shared().nodes()) {
            BitSet served = new BitSet(SLOTS);
            try (Resp connection = Resp.connect(node.uri())) {
                for (Object range : list(connection.call("CLUSTER", "SLOTS"))) {
                    List<?> bounds = list(range);
                    served.set(number(bounds.get(0)), number(bounds.get(1)) + 1);
                }
            }
            assertThat(served.cardinality()).isEqualTo(SLOTS);
        }
    }

    @Test
    void each_master_takes_a_key_that_the_others_redirect_to_it() {
        List<String> uris = RedisCluster.shared().uris();
        assertThat(uris).hasSize(3).doesNotHaveDuplicates();
        for (int master = 0; master < 3; master++) {
            String key = keyOf(master, uris.get(0));
            String mine = uris.get(master);
            String other = uris.get((master + 1) % 3);
            assertThat(Resp.ask(mine, "SET", key, "value")).isEqualTo("OK");
            assertThat(Resp.ask(mine, "GET", key)).isEqualTo("value");
            assertThatIllegalStateException()
                    .isThrownBy(() -> Resp.ask(other, "GET", key))
                    .withMessageContaining("MOVED")
                    .withMessageEndingWith(mine.substring("redis://".length()));
        }
    }

    @Test
    void a_node_killed_and_restarted_serves_its_slots_again() {
        try (RedisCluster cluster = RedisCluster.start()) {
            RedisServer node = cluster.nodes().get(1);
            String key = keyOf(1, cluster.uris().get(0));
            Resp.ask(node.uri(), "SET", key, "value");
            node.kill();
            node.restart();
            Await.until(
                    "it serves", () -> Resp.ask(node.uri(), "CLUSTER", "INFO").contains("cluster_state:ok"));
            assertThat(Resp.ask(node.uri(), "GET", key)).isEqualTo("null");
            assertThat(Resp.ask(node.uri(), "SET", key, "again")).isEqualTo("OK");
        }
    }

    @Test
    void clients_of_a_cluster_behind_proxies_are_sent_to_the_proxies_and_cut_off_with_them() {
        try (RedisCluster cluster = RedisCluster.startBehindProxies()) {
            List<String> uris = cluster.uris();
            assertThat(uris)
                    .hasSize(3)
                    .doesNotContainAnyElementsOf(
                            cluster.nodes().stream().map(RedisServer::uri).toList());
            String key = keyOf(1, uris.get(0));
            assertThatIllegalStateException()
                    .isThrownBy(() -> Resp.ask(uris.get(0), "GET", key))
                    .withMessageEndingWith(uris.get(1).substring("redis://".length()));
            assertThat(Resp.ask(uris.get(1), "SET", key, "value")).isEqualTo("OK");

            cluster.proxies().get(1).cut();
            assertThatThrownBy(() -> Resp.ask(uris.get(1), "GET", key)).isInstanceOf(UncheckedIOException.class);
            assertThat(Resp.ask(uris.get(0), "CLUSTER", "INFO")).contains("cluster_state:ok");
        }
    }

    @Test
    void close_ends_the_nodes_of_ones_own_cluster_alone() {
        RedisCluster shared = RedisCluster.shared();
        shared.close();
        assertThat(Resp.ask(shared.uris().get(0), "PING")).isEqualTo("PONG");
    }

    /** A key whose slot is in the given third. */
    private static String keyOf(int master, String anyNode) {
        return IntStream.range(0, 1_000)
                .mapToObj(i -> "key-" + i)
                .filter(key -> Integer.parseInt(Resp.ask(anyNode, "CLUSTER", "KEYSLOT", key)) * 3 / SLOTS == master)
                .findFirst()
                .orElseThrow();
    }

    private static List<?> list(@org.jspecify.annotations.Nullable Object reply) {
        return (List<?>) Objects.requireNonNull(reply);
    }

    private static int number(@org.jspecify.annotations.Nullable Object reply) {
        return Math.toIntExact((Long) Objects.requireNonNull(reply));
    }
}
