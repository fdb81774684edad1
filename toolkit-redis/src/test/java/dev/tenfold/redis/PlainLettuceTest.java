package dev.tenfold.redis;

import static dev.tenfold.redis.Network.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What the link is there to prevent. If this fails one day, Lettuce has changed its ways, and the link may be simpler. */
class PlainLettuceTest {
    @Test
    void a_plain_connection_executes_again_what_was_on_its_way_when_it_broke() throws Exception {
        try (Network network = Network.ofServer();
                RedisClient client = RedisClient.create(network.uris().get(0));
                StatefulRedisConnection<byte[], byte[]> connection = client.connect(ByteArrayCodec.INSTANCE)) {
            network.delay(Duration.ofSeconds(6));
            var unused = connection.async().incr(bytes("first")); // fails with the reset
            RedisFuture<Long> reply = connection.async().incr(bytes("second"));
            Await.until("executed", () -> "1".equals(network.get("second")));
            network.cut(); // three seconds before the replies are due
            network.heal();
            assertThat(reply.get(30, TimeUnit.SECONDS)).isEqualTo(2);
        }
    }
}
