package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.RedisCluster;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** On a cluster of three. */
class ClusterCacheTest extends RemoteCacheContract {
    private static RedisLink link;
    private static RedisLink otherLink;

    @BeforeAll
    static void connect() {
        link = connected();
        otherLink = connected();
    }

    @AfterAll
    static void disconnect() {
        link.close();
        otherLink.close();
    }

    private static RedisLink connected() {
        RedisLink redis = RedisLink.connectCluster(
                RedisCluster.shared().uris(), options -> options.commandTimeout(Duration.ofSeconds(10)));
        assertThat(redis.awaitUp(Duration.ofSeconds(20))).isTrue();
        return redis;
    }

    @Override
    RedisLink link() {
        return link;
    }

    @Override
    RedisLink otherLink() {
        return otherLink;
    }
}
