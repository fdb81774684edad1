package dev.tenfold.cache;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** On one server. */
class RedisCacheTest extends RemoteCacheContract {
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
        RedisLink redis = RedisLink.connect(
                RedisServer.shared().uri(), options -> options.commandTimeout(Duration.ofSeconds(10)));
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

    @Test
    void during_an_outage_a_load_and_the_loads_inside_it_count_as_one() {
        try (RedisLink away = RedisLink.connect("redis://127.0.0.1:1")) {
            TieredCache<Long, String> cache = closed(
                    builder().remote(away, Codec.string()).loadsDuringOutage(1).build());

            String value = cache.get(1L, one -> {
                Map<Long, String> both = cache.getAll(List.of(2L, 3L), missing -> Map.of(2L, "b", 3L, "c"));
                return "a" + both.get(2L) + both.get(3L) + cache.get(4L, four -> "d");
            });

            assertThat(value).isEqualTo("abcd");
            assertThat(cache.invalidate(1L).isDelivered()).isFalse();
            assertThat(cache.stats().waiting()).isEqualTo(1);
            assertThat(cache.outageLoads.availablePermits()).isEqualTo(1);
        }
    }

    /** One is thrown to who hands the message over, the other one to the heartbeat that reads the journal after it. */
    @Test
    void errors_at_a_message_do_not_end_the_heartbeats() {
        AtomicInteger errors = new AtomicInteger();
        AtomicLong nanos = new AtomicLong(System.nanoTime());
        TieredCache<Long, String> here = closed(builder()
                .keys(RedisCacheTest::encoded, bytes -> {
                    if (errors.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                        throw new OutOfMemoryError("for a moment, by the test");
                    }
                    return Long.valueOf(new String(bytes, US_ASCII));
                })
                .nanoClock(nanos::get)
                .maxStaleness(Duration.ofSeconds(2))
                .build());
        TieredCache<Long, String> there =
                closed(other().keys(RedisCacheTest::encoded, bytes -> Long.valueOf(new String(bytes, US_ASCII)))
                        .build());
        assertThat(here.get(1L, this::load)).isEqualTo("1 load 1");

        errors.set(2);
        assertThat(there.invalidate(2L).isDelivered()).isTrue();
        Await.until("both are thrown", () -> errors.get() == 0);
        nanos.addAndGet(Duration.ofSeconds(10).toNanos()); // longer than maxStaleness

        Await.until("a heartbeat has proved it", () -> here.peek(1L).isPresent());
    }

    private static byte[] encoded(Long key) {
        return Long.toString(key).getBytes(US_ASCII);
    }
}
