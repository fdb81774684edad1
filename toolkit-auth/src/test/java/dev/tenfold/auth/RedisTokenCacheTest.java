package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** On one server. */
class RedisTokenCacheTest extends RemoteTokenCacheContract {
    private static RedisLink link;

    @BeforeAll
    static void connect() {
        link = RedisLink.connect(RedisServer.shared().uri(), o -> o.commandTimeout(Await.LIMIT));
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
