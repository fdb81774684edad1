package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** A link over the client that an application has, with Lettuce's default options: it would reconnect and send again. */
class WrappedServerLinkTest extends LinkContract {
    private RedisClient client = RedisClient.create();

    @Override
    Network start() {
        Network network = Network.ofServer();
        RedisURI uri = RedisURI.create(network.uris().get(0));
        uri.setTimeout(Duration.ofSeconds(20)); // how long making a connection takes is the application's affair
        client.shutdown();
        client = RedisClient.create(uri);
        return network;
    }

    @Override
    RedisLink open(Network network, UnaryOperator<RedisOptions> options) {
        return RedisLink.of(client, options);
    }

    /** The client is the application's, and goes on. */
    @Override
    void afterClose(LeakCheck.Snapshot before) {
        try (var connection = client.connect()) {
            assertThat(connection.sync().ping()).isEqualTo("PONG");
        }
        Await.until("no connection is left", () -> network().proxies().get(0).connections() == 0);
        awaitNoThread();
    }

    @Test
    void a_client_that_leads_nowhere_is_refused() {
        RedisClient nowhere = RedisClient.create();
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisLink.of(nowhere))
                .withMessageContaining("made with a URI");
        before.assertNothingLeaked();
        nowhere.shutdown();
        assertThatIllegalArgumentException().isThrownBy(() -> RedisLink.of(nowhere));
    }

    @AfterAll
    void shutdown() {
        client.shutdown();
    }
}
