package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class RedisSentinelTest {
    @Test
    void the_replica_is_the_primary_soon_after_the_primary_is_killed() throws IOException {
        try (RedisReplication pair = RedisReplication.start();
                RedisSentinel sentinel = RedisSentinel.start(pair);
                Resp primary = Resp.connect(pair.primary().uri())) {
            assertThat(sentinel.uri()).matches("redis-sentinel://127\\.0\\.0\\.1:\\d+/0#primary");
            assertThat(sentinel.primaryPort()).isEqualTo(pair.primary().port());
            primary.call("SET", "before", "1");
            assertThat(primary.call("WAIT", "1", "20000")).isEqualTo(1L);

            pair.primary().kill();

            String replica = pair.replica().uri();
            assertThat(Local.await(
                            Duration.ofSeconds(30),
                            () -> sentinel.primaryPort() == pair.replica().port()
                                    && pair.replica()
                                            .info("replication", "role")
                                            .equals("master")))
                    .isTrue();
            assertThat(Resp.ask(replica, "SET", "after", "2")).isEqualTo("OK");
            assertThat(Resp.ask(replica, "GET", "before")).isEqualTo("1");
        }
    }

    @Test
    void close_ends_the_sentinel_and_leaves_the_servers() {
        try (RedisReplication pair = RedisReplication.start()) {
            RedisSentinel sentinel = RedisSentinel.start(pair);
            sentinel.close();
            sentinel.close();
            assertThat(Resp.ask(pair.primary().uri(), "PING")).isEqualTo("PONG");
            assertThat(Resp.ask(pair.replica().uri(), "PING")).isEqualTo("PONG");
        }
    }
}
