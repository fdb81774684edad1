package dev.tenfold.cache;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many threads of many nodes ask for a key that nobody has: one of them loads it. */
@Timeout(120)
class StampedeTest {
    private static final int NODES = 8;
    private static final int THREADS = 32;
    private static final int ROUNDS = 6;

    private final List<RedisLink> links = new ArrayList<>();
    private final List<TieredCache<Long, Long>> nodes = new ArrayList<>();
    private final ExecutorService threads = Executors.newFixedThreadPool(NODES * THREADS);

    StampedeTest() {
        String name = "stampede-" + UUID.randomUUID();
        for (int i = 0; i < NODES; i++) {
            RedisLink link = RedisLink.connect(
                    RedisServer.shared().uri(), options -> options.commandTimeout(Duration.ofSeconds(10)));
            links.add(link);
            assertThat(link.awaitUp(Duration.ofSeconds(20))).isTrue();
            nodes.add(TieredCache.<Long, Long>builder(name)
                    .remote(link, Codec.longs(), remote -> remote.lease(Duration.ofMinutes(1)))
                    .build());
        }
    }

    @AfterEach
    void close() {
        threads.shutdownNow();
        nodes.forEach(TieredCache::close);
        links.forEach(RedisLink::close);
    }

    @Test
    void a_cold_key_is_loaded_once_by_all_nodes_together() throws Exception {
        for (long round = 0; round < ROUNDS; round++) {
            assertThat(loads(round)).as("loads in round %d", round).isEqualTo(1);
        }
    }

    @Test
    void an_invalidated_key_is_loaded_once_more_by_all_nodes_together() throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            assertThat(loads(-1)).as("loads in round %d", round).isEqualTo(1);
            Stamp stamp = nodes.get(round).invalidate(-1L);
            for (TieredCache<Long, Long> node : nodes) { // so that each has heard of it
                assertThat(node.get(-2L, key -> 0L, stamp)).isZero();
            }
        }
    }

    /** How often the loader was called, when all threads ask while the first one loads. */
    private int loads(long key) throws Exception {
        CountDownLatch asking = new CountDownLatch(NODES * THREADS);
        AtomicInteger loads = new AtomicInteger();
        List<Future<Long>> values = new ArrayList<>();
        for (int i = 0; i < NODES * THREADS; i++) {
            TieredCache<Long, Long> node = nodes.get(i % NODES);
            values.add(threads.submit(() -> {
                asking.countDown();
                return node.getWith(key, (k, load) -> {
                    assertThat(asking.await(50, SECONDS)).isTrue();
                    return (long) loads.incrementAndGet();
                });
            }));
        }
        for (Future<Long> value : values) {
            assertThat(value.get(60, SECONDS)).isEqualTo(1L);
        }
        return loads.get();
    }
}
