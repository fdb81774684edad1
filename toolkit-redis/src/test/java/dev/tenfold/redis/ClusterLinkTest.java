package dev.tenfold.redis;

import static dev.tenfold.redis.Network.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A link to a cluster, with a client of its own. */
class ClusterLinkTest extends LinkContract {
    @Override
    Network start() {
        return Network.ofCluster();
    }

    @Override
    RedisLink open(Network network, UnaryOperator<RedisOptions> options) {
        return RedisLink.connectCluster(network.uris(), options);
    }

    @Test
    void it_says_that_it_is_a_cluster() {
        assertThat(link().isCluster()).isTrue();
    }

    @Test
    void a_script_reaches_every_node_as_text_once() {
        RedisLink link = link();
        RedisScript<Long> script =
                RedisScript.of("return #KEYS + " + System.nanoTime() % 1 + " + 1", RedisScript.Reply.INTEGER);
        network().each(redis -> redis.scriptFlush());
        for (int i = 0; i < 60; i++)
            assertThat(link.await(link.eval(script, keys(key())))).isEqualTo(2);
        assertThat(link.stats().scriptLoads()).isEqualTo(3);
    }

    @Test
    void commands_to_the_other_nodes_go_on_while_one_is_cut_off() {
        RedisLink link = link();
        warmUp(link);
        proxy(1).cut();
        // Nodes get a third of the keys each. Keys of the lost one fail, at once and without taking the link down.
        int served = 0;
        int failed = 0;
        for (int i = 0; i < 300; i++) {
            try {
                set(link, key(), "value");
                served++;
            } catch (RedisUnavailableException e) {
                failed++;
            }
        }
        assertThat(served).as("served, beside %d failures", failed).isGreaterThan(150);
        assertThat(failed).isPositive();
        assertThat(link.stats().opened()).isZero();
        proxy(1).resume();
        Await.until("all nodes serve", () -> allServe(link));
    }

    @Test
    void a_silent_node_is_found_and_its_connection_replaced_while_the_others_serve() {
        RedisLink link =
                link(options -> options.commandTimeout(Duration.ofMillis(100)).failuresToOpen(1_000_000));
        warmUp(link);
        long connects = link.stats().connects();
        proxy(1).halfOpen();
        int[] served = {0};
        Await.until(() -> "replaced, and " + served[0] + " served: " + link.stats(), () -> {
            try {
                set(link, key(), "value");
                served[0]++;
            } catch (RedisUnavailableException e) {
                LockSupport.parkNanos(100_000);
            }
            return served[0] > 0 && link.stats().connects() > connects;
        });
        proxy(1).resume();
        Await.until("all nodes serve", () -> allServe(link));
    }

    @Test
    void a_cluster_that_lacks_a_node_is_down_until_the_node_is_back() {
        try (Network mine = Network.ofCluster()) {
            RedisLink link = open(mine, LinkContract::patient);
            closeAfterwards(link);
            warmUp(link);
            mine.servers().get(2).kill();
            // At first the others serve their keys; then they agree that the cluster is down.
            Await.until(() -> "down: " + link.stats(), () -> {
                allServe(link);
                return !link.isAvailable();
            });
            mine.servers().get(2).restart();
            awaitUp(link);
            Await.until("all nodes serve", () -> allServe(link));
        }
    }

    private static boolean allServe(RedisLink link) {
        for (int i = 0; i < 30; i++) {
            String key = key();
            try {
                link.await(link.call(redis -> redis.set(bytes(key), bytes("value"))));
            } catch (RedisUnavailableException e) {
                return false;
            }
        }
        return true;
    }
}
