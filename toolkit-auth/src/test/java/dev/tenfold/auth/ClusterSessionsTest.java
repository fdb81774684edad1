package dev.tenfold.auth;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisCluster;
import dev.tenfold.testkit.RedisServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** On a cluster of three. */
class ClusterSessionsTest extends SessionsContract {
    private static RedisLink link;

    @BeforeAll
    static void connect() {
        link = RedisLink.connectCluster(RedisCluster.shared().uris(), o -> o.commandTimeout(Await.LIMIT));
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
    }

    @AfterAll
    static void disconnect() {
        link.close();
    }

    @Override
    Sessions open(SessionsOptions options) {
        return new Sessions(options, new ClockedRedisSessions(link, options));
    }

    @Test
    void subjects_are_spread_over_the_nodes_and_by_the_servers_clock_too() {
        Sessions sessions = Sessions.redis(link);
        for (int i = 0; i < 50; i++) {
            String id = id(sessions.create("spread" + i));
            assertThat(sessions.find(sessions.rotate(id).orElseThrow())).isPresent();
        }
        for (RedisServer node : RedisCluster.shared().nodes()) {
            try (RedisLink one = RedisLink.connect(node.uri(), o -> o.commandTimeout(Await.LIMIT))) {
                assertThat(one.awaitUp(ofSeconds(20))).isTrue();
                long keys = one.await(one.call(redis -> redis.dbsize()));
                assertThat(keys).isPositive();
            }
        }
        for (int i = 0; i < 50; i++) assertThat(sessions.endAll("spread" + i)).isEqualTo(1);
    }
}
