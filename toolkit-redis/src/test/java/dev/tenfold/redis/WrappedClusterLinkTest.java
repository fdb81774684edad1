package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import io.lettuce.core.RedisURI;
import io.lettuce.core.cluster.RedisClusterClient;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;

/** A link beside the cluster client that an application has, with Lettuce's default options. */
class WrappedClusterLinkTest extends LinkContract {
    private @Nullable RedisClusterClient client;

    @Override
    Network start() {
        Network network = Network.ofCluster();
        client = RedisClusterClient.create(
                network.uris().stream().map(RedisURI::create).toList());
        return network;
    }

    @Override
    RedisLink open(Network network, UnaryOperator<RedisOptions> options) {
        return RedisLink.of(client(), options);
    }

    private RedisClusterClient client() {
        RedisClusterClient started = client;
        if (started == null) throw new IllegalStateException("not started");
        return started;
    }

    /** The client is the application's, and goes on. */
    @Override
    void afterClose(LeakCheck.Snapshot before) {
        try (var connection = client().connect()) {
            assertThat(connection.sync().ping()).isEqualTo("PONG");
        }
        Await.until(
                () -> "no connection is left of " + network().clients(),
                () -> network().proxies().stream().allMatch(proxy -> proxy.connections() == 0));
        awaitNoThread();
    }

    @AfterAll
    void shutdown() {
        client().shutdown();
    }
}
