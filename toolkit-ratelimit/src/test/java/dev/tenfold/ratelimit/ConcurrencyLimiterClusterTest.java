package dev.tenfold.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.RedisCluster;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** On a cluster of three. */
class ConcurrencyLimiterClusterTest extends ConcurrencyLimiterRedisContract {
    private static RedisLink link;
    private static RedisLink otherLink;
    private static RedisLink quickLink;
    private static RedisLink observer;

    @BeforeAll
    static void connect() {
        // The longest that the default lease permits.
        link = connected(Duration.ofSeconds(3));
        otherLink = connected(Duration.ofSeconds(3));
        quickLink = connected(Duration.ofSeconds(1));
        observer = connected(Duration.ofSeconds(10));
    }

    @AfterAll
    static void disconnect() {
        link.close();
        otherLink.close();
        quickLink.close();
        observer.close();
    }

    private static RedisLink connected(Duration commandTimeout) {
        RedisLink redis = RedisLink.connectCluster(RedisCluster.shared().uris(), o -> o.commandTimeout(commandTimeout));
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

    @Override
    RedisLink quickLink() {
        return quickLink;
    }

    @Override
    RedisLink observer() {
        return observer;
    }

    @Override
    RedisLink anotherLink() {
        return connected(Duration.ofSeconds(1));
    }
}
