package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.junit.jupiter.api.Test;

class RedisLinkMetricsTest {
    @Test
    void meters_show_what_the_stats_show() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (Network network = Network.ofServer();
                RedisLink link = RedisLink.connect(network.uris().get(0), LinkContract::patient)) {
            new RedisLinkMetrics(link, "cache").bindTo(registry);
            new RedisLinkMetrics(link, "cache").bindTo(registry);
            LinkContract.set(link, "key", "text");
            assertThatThrownBy(() -> link.await(link.call(redis -> redis.incr(Network.bytes("key")))))
                    .hasMessageContaining("integer");
            assertThat(commands(registry, "ok")).isEqualTo(1);
            assertThat(commands(registry, "error")).isEqualTo(1);
            assertThat(registry.get("toolkit.redis.up")
                            .tag("link", "cache")
                            .gauge()
                            .value())
                    .isEqualTo(1);
            assertThat(registry.get("toolkit.redis.connects")
                            .tag("connection", "commands")
                            .functionCounter()
                            .count())
                    .isEqualTo(1);
            network.cut();
            LinkContract.callUntilDown(link);
            LinkContract.awaitLost(link);
            assertThatThrownBy(() -> LinkContract.get(link, "key")).isInstanceOf(RedisUnavailableException.class);
            assertThat(registry.get("toolkit.redis.up").gauge().value()).isZero();
            assertThat(commands(registry, "rejected")).isPositive();
            assertThat(registry.get("toolkit.redis.breaker.opened")
                            .functionCounter()
                            .count())
                    .isEqualTo(1);
        }
    }

    private static double commands(SimpleMeterRegistry registry, String outcome) {
        return registry.get("toolkit.redis.commands")
                .tag("link", "cache")
                .tag("outcome", outcome)
                .functionCounter()
                .count();
    }
}
