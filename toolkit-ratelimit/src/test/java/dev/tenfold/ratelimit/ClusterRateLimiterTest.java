package dev.tenfold.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisCluster;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** On a cluster of three. */
class ClusterRateLimiterTest extends RemoteRateLimiterContract {
    private static RedisLink link;

    @BeforeAll
    static void connect() {
        link = RedisLink.connectCluster(RedisCluster.shared().uris(), o -> o.commandTimeout(Await.LIMIT));
        assertThat(link.awaitUp(Duration.ofSeconds(20))).isTrue();
    }

    @AfterAll
    static void disconnect() {
        link.close();
    }

    @Override
    RedisLink link() {
        return link;
    }
}
