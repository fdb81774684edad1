package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.StatusOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A node to which Redis answers for one of two shards only, as a cluster does that lacks a node. */
@Timeout(60)
class ShardOutageTest {
    private static final String ALL = "~*";
    private static final String SECOND = "~tenfold:{halves.1}*";
    private static final String NONE = "~nothing";

    private final AtomicLong nanos = new AtomicLong(System.nanoTime());
    private final AtomicLong row = new AtomicLong(1);
    private RedisServer redis;
    private RedisLink admin;
    private RedisLink link;
    private TieredCache<Long, Long> node;
    private TieredCache<Long, Long> other;
    private long first;
    private long second;

    @BeforeEach
    void start() {
        redis = RedisServer.start();
        admin = link(redis.uri());
        acl("on", "nopass", "+@all", "&*", ALL);
        link = link("redis://node:any@" + redis.host() + ":" + redis.port());
        node = builder(link).nanoClock(nanos::get).build();
        other = builder(admin).build();
        first = keyOf(0);
        second = keyOf(1);
    }

    private static RedisLink link(String uri) {
        RedisLink link = RedisLink.connect(uri, options -> options.commandTimeout(Duration.ofSeconds(10)));
        assertThat(link.awaitUp(Await.LIMIT)).isTrue();
        return link;
    }

    private static CacheBuilder<Long, Long> builder(RedisLink link) {
        return TieredCache.<Long, Long>builder("halves")
                .local(local -> local.expireAfterWrite(Duration.ofMinutes(5)))
                .remote(link, Codec.longs(), remote -> remote.shards(2))
                .maxStaleness(Duration.ofSeconds(2));
    }

    private long keyOf(int shard) {
        return LongStream.range(0, 1_000)
                .filter(key -> node.remote().shardOf(node.encode(key)) == shard)
                .findFirst()
                .orElseThrow();
    }

    /** What the node may do. */
    private void acl(String... rules) {
        CommandArgs<byte[], byte[]> args =
                new CommandArgs<>(ByteArrayCodec.INSTANCE).add("SETUSER").add("node");
        for (String rule : rules) args.add(rule);
        String reply = admin.await(admin.call(
                commands -> commands.dispatch(CommandType.ACL, new StatusOutput<>(ByteArrayCodec.INSTANCE), args)));
        assertThat(reply).isEqualTo("OK");
    }

    @AfterEach
    void stop() {
        node.close();
        other.close();
        link.close();
        admin.close();
        redis.close();
    }

    private long read(TieredCache<Long, Long> cache, long key) {
        return cache.get(key, unused -> row.get());
    }

    @Test
    void what_waits_for_a_shard_that_answers_again_is_not_held_up_by_one_that_does_not() {
        assertThat(read(other, second)).isEqualTo(1);
        acl("resetkeys", NONE);
        row.set(2);
        assertThat(node.invalidate(first).isDelivered()).isFalse();
        assertThat(node.invalidate(second).isDelivered()).isFalse();
        assertThat(read(other, second)).isEqualTo(1);

        acl("resetkeys", SECOND);

        Await.until("the other node has heard of it", () -> read(other, second) == 2);
        Await.until("one waits", () -> node.stats().waiting() == 1);
        acl(ALL);
        Await.until("none waits", () -> node.stats().waiting() == 0);
    }

    @Test
    void more_than_can_wait_becomes_one_clear_of_a_shard_that_answers_however_long_the_other_does_not() {
        assertThat(read(other, second)).isEqualTo(1);
        acl("resetkeys", NONE);
        row.set(2);
        Stamp stamp = node.invalidateAll(
                LongStream.rangeClosed(0, Outbox.MOST).boxed().toList());
        assertThat(stamp.isDelivered()).isFalse();
        assertThat(node.stats().waiting()).isEqualTo(Outbox.MOST);

        acl("resetkeys", SECOND);

        Await.until("the other node has heard of it", () -> read(other, second) == 2);
        long failures = node.stats().heartbeatFailures();
        Await.until("some heartbeats", () -> node.stats().heartbeatFailures() > failures + 3);
        assertThat(node.stats().resent()).as("clears of the second shard").isEqualTo(1);
        assertThat(node.stats().waiting()).isEqualTo(Outbox.MOST);
        acl(ALL);
        Await.until("none waits", () -> node.stats().waiting() == 0);
        assertThat(node.stats().resent()).as("clears").isEqualTo(2);
    }

    @Test
    void memory_answers_for_a_shard_that_answers_while_an_invalidation_waits_for_another() {
        assertThat(read(node, second)).isEqualTo(1);
        acl("resetkeys", SECOND);
        assertThat(node.invalidate(first).isDelivered()).isFalse();

        for (int i = 0; i < 3; i++) {
            nanos.addAndGet(Duration.ofSeconds(30).toNanos()); // longer than maxStaleness
            Await.until("a heartbeat has proved it", () -> node.peek(second).isPresent());
        }

        row.set(2);
        assertThat(other.invalidate(second).isDelivered()).isTrue();
        Await.until("it is heard of", () -> read(node, second) == 2);
        assertThat(node.stats().waiting()).isEqualTo(1);
    }
}
