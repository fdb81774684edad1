package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.RedisServer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Small runs of each comparison: that they measure what they say, not how fast. */
@Timeout(120)
class CacheTopicTest {
    private static RedisServer server;

    @BeforeAll
    static void start() {
        server = RedisServer.start(); // one whose subscribers may be cut off
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void all_kinds_read_the_same_values() throws Exception {
        List<CacheNode> nodes = new ArrayList<>();
        try {
            List<Contender> contenders = CacheLocal.contenders(server.uri(), 200, nodes);
            assertThat(contenders).extracting(Contender::name).contains("ours", "caffeine", "jetcache", "redisson");
            long expected = contenders.get(0).request().answer(3);
            for (Contender contender : contenders) {
                assertThat(contender.request().answer(3)).as(contender.name()).isEqualTo(expected);
            }
        } finally {
            nodes.forEach(CacheNode::close);
        }
    }

    @Test
    void a_stampede_on_two_nodes_makes_one_load_of_ours_and_one_a_node_of_caffeine() throws Exception {
        assertThat(CacheStampede.loads(CachePeer.OURS, server.uri(), 2, 4, 3)).isEqualTo(1);
        assertThat(CacheStampede.loads(CachePeer.CAFFEINE, server.uri(), 2, 4, 3))
                .isEqualTo(2);
    }

    @Test
    void no_late_fill_of_ours_survives_a_write() throws Exception {
        assertThat(CacheLateFill.stale(CachePeer.OURS, server.uri(), 20, 1)).isZero();
    }

    @Test
    void ours_notices_lost_messages_in_time() throws Exception {
        assertThat(CacheLostMessages.stale(CachePeer.OURS, server.uri())).isZero();
    }

    @Test
    void most_reads_of_popular_keys_spare_the_database() throws Exception {
        List<String> reads = List.of(Popularity.zipf(1_000, 4_000, 1));
        double ours = CacheDbLoad.saved(CachePeer.OURS, server.uri(), 2, reads);
        double caffeine = CacheDbLoad.saved(CachePeer.CAFFEINE, server.uri(), 1, reads);
        assertThat(ours).isBetween(50.0, 100.0);
        assertThat(caffeine).isBetween(50.0, 100.0);
    }

    @Test
    void a_node_with_room_for_one_entry_reads_from_redis() {
        try (OurNode ours = new OurNode(new CacheNode.Place(server.uri(), "hundred", 1, key -> "of " + key))) {
            List<String> batch = List.of(Popularity.names(100));
            var unused = ours.getAll(batch);
            long before = ours.cache.stats().remoteHits();
            assertThat(ours.getAll(batch)).hasSize(100).containsEntry("user:7", "of user:7");
            assertThat(ours.cache.stats().remoteHits() - before).isGreaterThanOrEqualTo(99);
        }
    }

    @Test
    void zipf_draws_the_same_keys_for_the_same_seed_and_a_few_of_them_often() {
        String[] reads = Popularity.zipf(1_000, 20_000, 5);
        assertThat(Popularity.zipf(1_000, 20_000, 5)).isEqualTo(reads);
        Map<String, Long> counts =
                Arrays.stream(reads).collect(Collectors.groupingBy(key -> key, Collectors.counting()));
        assertThat(Collections.max(counts.values())).isBetween(1_500L, 4_000L);
    }

    @Test
    void a_trace_is_read_compressed_or_plain(@TempDir Path dir) throws Exception {
        Path plain = dir.resolve("keys");
        Files.writeString(plain, "1\n2\n\n1\n");
        Path compressed = dir.resolve("keys.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(compressed))) {
            out.write("1\n2\n1\n".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(Popularity.trace(plain)).containsExactly("user:1", "user:2", "user:1");
        assertThat(Popularity.trace(compressed)).containsExactly("user:1", "user:2", "user:1");
        Files.writeString(plain, "\n");
        assertThatThrownBy(() -> Popularity.trace(plain))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("one key a line");
    }

    @Test
    void a_trace_that_is_not_there_is_refused_before_anything_runs() {
        assertThatThrownBy(() -> Arguments.parse(List.of("cache", "--trace", "no/such/file"), Compare.TOPICS))
                .hasMessage("--trace needs a file to read, of one key a line");
    }
}
