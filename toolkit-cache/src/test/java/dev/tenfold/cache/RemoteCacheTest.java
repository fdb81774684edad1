package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two nodes on one Redis. */
@Timeout(30)
class RemoteCacheTest {
    private final RedisLink link = connected();
    private final RedisLink otherLink = connected();
    private final String name = "users-" + UUID.randomUUID();
    private final TieredCache<Long, String> here = node(link);
    private final TieredCache<Long, String> there = node(otherLink);
    private final AtomicInteger loads = new AtomicInteger();

    private static RedisLink connected() {
        RedisLink redis = RedisLink.connect(
                RedisServer.shared().uri(), options -> options.commandTimeout(Duration.ofSeconds(10)));
        assertThat(redis.awaitUp(Duration.ofSeconds(20))).isTrue();
        return redis;
    }

    private TieredCache<Long, String> node(RedisLink redis) {
        return TieredCache.<Long, String>builder(name)
                .remote(redis, Codec.string())
                .maxStaleness(Duration.ofMinutes(1))
                .build();
    }

    @AfterEach
    void close() {
        here.close();
        there.close();
        link.close();
        otherLink.close();
    }

    private String load(Long key) {
        return "user " + key + ", load " + loads.incrementAndGet();
    }

    @Test
    void what_one_node_loads_the_other_reads() {
        assertThat(here.get(1L, this::load)).isEqualTo("user 1, load 1");
        assertThat(here.get(1L, this::load)).isEqualTo("user 1, load 1");
        assertThat(there.get(1L, this::load)).isEqualTo("user 1, load 1");
        assertThat(there.get(1L, this::load)).isEqualTo("user 1, load 1");

        assertThat(here.stats().hits()).isEqualTo(1);
        assertThat(there.stats().remoteHits()).isEqualTo(1);
        assertThat(there.stats().hits()).isEqualTo(1);
        assertThat(loads).hasValue(1);
    }

    @Test
    void an_invalidated_value_is_loaded_again_on_both_nodes() {
        String unused = here.get(1L, this::load);
        unused = there.get(1L, this::load);

        Stamp stamp = here.invalidate(1L);

        assertThat(stamp.isDelivered()).isTrue();
        assertThat(here.get(1L, this::load)).isEqualTo("user 1, load 2");
        assertThat(there.get(1L, this::load, Stamp.parse(stamp.toString()))).isEqualTo("user 1, load 2");
    }

    @Test
    void many_keys_take_one_load() {
        String unused = there.get(2L, this::load);

        Map<Long, String> all = here.getAll(List.of(1L, 2L, 3L, 3L), missing -> {
            assertThat(missing).containsExactly(1L, 3L);
            Map<Long, String> found = new HashMap<>();
            missing.forEach(key -> found.put(key, "bulk " + key));
            return found;
        });

        assertThat(all)
                .containsExactly(Map.entry(1L, "bulk 1"), Map.entry(2L, "user 2, load 1"), Map.entry(3L, "bulk 3"));
        assertThat(there.get(3L, this::load)).isEqualTo("bulk 3");
    }

    @Test
    void a_tag_and_a_clear_reach_both_nodes() {
        LoadFunction<Long, String> tagged = (key, load) -> {
            load.tag("company:7");
            return load(key);
        };
        String unused = here.getWith(1L, tagged);
        unused = there.getWith(1L, tagged);

        Stamp stamp = here.invalidateTag("company:7");

        assertThat(here.getWith(1L, tagged)).isEqualTo("user 1, load 2");
        assertThat(there.get(1L, this::load, stamp)).isEqualTo("user 1, load 2");

        Stamp cleared = there.clear();

        assertThat(there.getWith(1L, tagged)).isEqualTo("user 1, load 3");
        assertThat(here.get(1L, this::load, cleared)).isEqualTo("user 1, load 3");
    }

    @Test
    void nothing_is_stored_while_a_writer_is_at_it() {
        String unused = here.get(1L, this::load);

        here.mutate(1L, () -> {
            assertThat(there.get(1L, this::load, here.invalidate(1L))).isEqualTo("user 1, load 2");
            assertThat(there.get(1L, this::load)).isEqualTo("user 1, load 3");
        });

        assertThat(there.get(1L, this::load)).isEqualTo("user 1, load 4");
        assertThat(here.get(1L, this::load)).isEqualTo("user 1, load 4");
    }
}
