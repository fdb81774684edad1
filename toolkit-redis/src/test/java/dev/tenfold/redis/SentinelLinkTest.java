package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.RedisReplication;
import dev.tenfold.testkit.RedisSentinel;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A link to the primary that Sentinel names. */
class SentinelLinkTest {
    @Test
    void the_promoted_replica_is_found_after_a_failover() {
        try (RedisReplication pair = RedisReplication.start();
                RedisSentinel sentinel = RedisSentinel.start(pair);
                RedisLink link = RedisLink.connect(sentinel.uri(), LinkContract::patient)) {
            assertThat(link.isCluster()).isFalse();
            LinkContract.Recorder recorder = new LinkContract.Recorder();
            link.subscribe(Network.bytes("channel"), recorder);
            recorder.await("subscribed", 1);
            LinkContract.set(link, "key", "before");
            awaitReplicated(pair, "key", "before");

            pair.primary().kill();

            recorder.await("lost", 1);
            LinkContract.awaitLost(link);
            LinkContract.awaitUp(link);
            assertThat(LinkContract.get(link, "key")).isEqualTo("before");
            LinkContract.set(link, "key", "after");
            recorder.await("subscribed", 2);
            link.await(
                    link.call(redis -> redis.publish(Network.bytes("channel"), Network.bytes("from the new primary"))));
            recorder.await("from the new primary", 1);
            assertThat(sentinel.primaryPort()).isEqualTo(pair.replica().port());
        }
    }

    private static void awaitReplicated(RedisReplication pair, String key, String value) {
        try (RedisClient client = RedisClient.create(pair.replica().uri());
                StatefulRedisConnection<String, String> replica = client.connect()) {
            Await.until("replicated", () -> value.equals(replica.sync().get(key)));
        }
    }

    @Test
    void nothing_is_executed_twice_across_a_failover() {
        try (RedisReplication pair = RedisReplication.start();
                RedisSentinel sentinel = RedisSentinel.start(pair);
                RedisLink link = RedisLink.connect(sentinel.uri(), LinkContract::patient)) {
            List<CompletableFuture<Long>> calls = new ArrayList<>();
            for (int i = 0; i < 2_000; i++) {
                String key = "key-" + i;
                calls.add(link.call(redis -> redis.incr(Network.bytes(key))));
            }
            pair.primary().kill();
            for (CompletableFuture<Long> call : calls) {
                try {
                    assertThat(link.await(call)).isEqualTo(1);
                } catch (RedisUnavailableException e) {
                    assertThat(e.reason()).isNotEqualTo(RedisUnavailableException.Reason.REFUSED);
                }
            }
            LinkContract.awaitLost(link);
            LinkContract.awaitUp(link);
            for (int i = 0; i < 2_000; i++)
                assertThat(LinkContract.get(link, "key-" + i)).isIn(null, "1");
        }
    }

    @Test
    void closing_leaves_no_thread_and_no_socket() {
        try (RedisReplication pair = RedisReplication.start();
                RedisSentinel sentinel = RedisSentinel.start(pair)) {
            LeakCheck.Snapshot before = LeakCheck.snapshot();
            try (RedisLink link = RedisLink.connect(sentinel.uri(), LinkContract::patient)) {
                LinkContract.set(link, "key", "value");
            }
            before.assertNothingLeaked();
        }
    }
}
