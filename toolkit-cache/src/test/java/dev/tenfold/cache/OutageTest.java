package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisLinkState;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisReplication;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.ClientListArgs;
import io.lettuce.core.KillArgs;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.sync.RedisCommands;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A writer, a reader, and a Redis that is disturbed while 200 rows are written. In strict mode no read returns a version
 * older than the one that was acknowledged {@code maxStaleness} before it began, whatever happens; and when Redis is well
 * again, nobody has to do anything.
 */
@Timeout(120)
class OutageTest {
    private static final int ROWS = 200;
    private static final Duration MAX_STALENESS = Duration.ofSeconds(1);
    private static final Duration LIMIT = Duration.ofSeconds(30);
    /** For outages that are silent. */
    private static final Duration SHORT = Duration.ofMillis(250);

    private final ArrayDeque<AutoCloseable> opened = new ArrayDeque<>();
    private final VersionedRows rows = new VersionedRows(ROWS);

    @AfterEach
    void close() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }

    private <C extends AutoCloseable> C closed(C resource) {
        opened.push(resource);
        return resource;
    }

    /** For outages that connections break at. */
    private RedisLink link(String host, int port) {
        return link(host, port, Duration.ofSeconds(10));
    }

    private RedisLink link(String host, int port, Duration commandTimeout) {
        RedisLink link = closed(
                RedisLink.connect("redis://" + host + ":" + port, options -> options.commandTimeout(commandTimeout)));
        assertThat(link.awaitUp(LIMIT)).isTrue();
        return link;
    }

    private CacheBuilder<Long, Long> node(RedisLink link) {
        return TieredCache.<Long, Long>builder("outage")
                .remote(link, Codec.longs())
                .maxStaleness(MAX_STALENESS)
                .onOutage(Outage.BYPASS);
    }

    private static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - deadline)
                    .as("time left for: %s", what)
                    .isNegative();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
        }
    }

    private long read(TieredCache<Long, Long> node, long key) {
        return node.get(key, rows::read);
    }

    private void warm(TieredCache<Long, Long> node) {
        LongStream.range(0, ROWS).forEach(key -> read(node, key));
    }

    private void write(TieredCache<Long, Long> node, long from, long to) {
        for (long key = from; key < to; key++) {
            long version = rows.write(key);
            Stamp unused = node.invalidate(key);
            rows.acknowledged(key, version);
            assertThat(read(node, key))
                    .as("row %d on the node that wrote it", key)
                    .isGreaterThanOrEqualTo(version);
        }
    }

    /** Reads all rows again and again until maxStaleness after the last write, and once more: strictly. */
    private void assertNeverTooStale(TieredCache<Long, Long> node) {
        long end = System.nanoTime() + MAX_STALENESS.toNanos();
        boolean last;
        do {
            last = System.nanoTime() - end > 0;
            for (long key = 0; key < ROWS; key++) {
                long begun = System.nanoTime();
                long version = read(node, key);
                assertThat(version)
                        .as("row %d, acknowledged more than %s before the read", key, MAX_STALENESS)
                        .isGreaterThanOrEqualTo(rows.acknowledgedAt(key, begun - MAX_STALENESS.toNanos()));
            }
        } while (!last);
        for (long key = 0; key < ROWS; key++) {
            assertThat(read(node, key)).as("row %d at last", key).isEqualTo(rows.read(key));
        }
    }

    private static void awaitInStep(RedisLink link, TieredCache<?, ?> node) {
        await("link up", link::isAvailable);
        await("outbox empty", () -> node.stats().waiting() == 0);
    }

    @Test
    void a_killed_subscription_leaves_nothing_stale() {
        RedisServer redis = closed(RedisServer.start());
        RedisLink writing = link(redis.host(), redis.port());
        RedisLink reading = link(redis.host(), redis.port());
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader = closed(node(reading).build());
        warm(reader);

        for (int from = 0; from < ROWS; from += 50) {
            long killed = writing.await(writing.call(commands -> commands.clientKill(KillArgs.Builder.typePubsub())));
            assertThat(killed).isNotNegative();
            write(writer, from, from + 50);
        }

        assertNeverTooStale(reader);
        await("the reader hears messages again", () -> {
            long before = reader.stats().invalidationsReceived();
            write(writer, 0, 1);
            return reader.stats().invalidationsReceived() > before;
        });
    }

    @Test
    void a_network_gone_silent_makes_nobody_read_what_is_too_old() {
        RedisServer redis = closed(RedisServer.start());
        FaultProxy proxy = closed(FaultProxy.to(redis.host(), redis.port()));
        RedisLink writing = link(redis.host(), redis.port());
        RedisLink reading = link(proxy.host(), proxy.port(), SHORT);
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader = closed(node(reading).build());
        warm(reader);

        proxy.halfOpen();
        write(writer, 0, ROWS);
        assertNeverTooStale(reader); // while nothing comes through
        proxy.resume();
        awaitInStep(reading, reader);
        write(writer, 0, ROWS);

        assertNeverTooStale(reader);
        await("its memory answers", () -> {
            long unused = read(reader, 1);
            return reader.stats().hits() > 0;
        });
    }

    @Test
    void what_is_too_old_does_not_stand_in_for_a_load_that_fails() {
        RedisServer redis = closed(RedisServer.start());
        FaultProxy proxy = closed(FaultProxy.to(redis.host(), redis.port()));
        RedisLink reading = link(proxy.host(), proxy.port());
        TieredCache<Long, Long> reader =
                closed(node(reading).staleOnError(Duration.ofMinutes(10)).build());
        read(reader, 1);

        proxy.cut();

        await("nobody can tell", () -> failsToRead(reader, 1));
        for (int i = 0; i < 100; i++) assertThat(failsToRead(reader, 1)).isTrue();
    }

    private static boolean failsToRead(TieredCache<Long, Long> node, long key) {
        try {
            Long unused = node.get(key, any -> {
                throw new IllegalStateException("the database is away, too");
            });
            return false;
        } catch (IllegalStateException away) {
            return true;
        }
    }

    @Test
    void a_subscription_gone_silent_leaves_nothing_stale_and_is_made_anew() {
        RedisServer redis = closed(RedisServer.start());
        FaultProxy proxy = closed(FaultProxy.to(redis.host(), redis.port()));
        RedisLink writing = link(redis.host(), redis.port());
        RedisLink reading = link(proxy.host(), proxy.port(), Duration.ofSeconds(2));
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader = closed(node(reading).build());
        warm(reader);
        List<Integer> silenced = new ArrayList<>();
        await("the reader's subscription is there, and silent", () -> {
            silenced.addAll(silenceSubscribers(writing, proxy));
            return !silenced.isEmpty();
        });
        assertThat(silenced).hasSize(1);

        write(writer, 0, ROWS);
        assertNeverTooStale(reader); // by what the heartbeat reads
        assertThat(reading.isAvailable()).isTrue();
        await("the reader hears messages again, though nobody resumed", () -> {
            long before =
                    reader.stats().invalidationsReceived() - reader.stats().missed();
            write(writer, 0, 1);
            return reader.stats().invalidationsReceived() - reader.stats().missed() > before;
        });
        assertNeverTooStale(reader);
    }

    private static List<Integer> silenceSubscribers(RedisLink asked, FaultProxy proxy) {
        Pattern address = Pattern.compile(" addr=127\\.0\\.0\\.1:(\\d+)");
        List<Integer> silenced = new ArrayList<>();
        String subscribers =
                asked.await(asked.call(commands -> commands.clientList(ClientListArgs.Builder.typePubsub())));
        for (Matcher port = address.matcher(subscribers); port.find(); ) {
            try {
                proxy.halfOpen(Integer.parseInt(port.group(1)));
                silenced.add(Integer.valueOf(port.group(1)));
            } catch (IllegalArgumentException writers) {
                assertThat(writers).hasMessageContaining("no connection"); // goes past the proxy
            }
        }
        return silenced;
    }

    @Test
    void a_suspended_redis_gets_all_invalidations_when_it_wakes() {
        RedisServer redis = closed(RedisServer.start());
        RedisLink writing = link(redis.host(), redis.port(), SHORT);
        RedisLink reading = link(redis.host(), redis.port(), SHORT);
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader = closed(node(reading).build());
        warm(reader);

        redis.suspend();
        write(writer, 0, ROWS);
        assertThat(writer.invalidate(0L).isDelivered()).isFalse();
        assertThat(writer.stats().waiting()).isBetween(1L, (long) ROWS);
        assertNeverTooStale(reader); // while nobody answers
        redis.resume();
        awaitInStep(writing, writer);
        awaitInStep(reading, reader);

        assertNeverTooStale(reader);
        await("delivered at once again", () -> writer.invalidate(0L).isDelivered());
    }

    @Test
    void a_flush_leaves_nothing_stale() {
        RedisServer redis = closed(RedisServer.start());
        RedisLink writing = link(redis.host(), redis.port());
        RedisLink reading = link(redis.host(), redis.port());
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader = closed(node(reading).build());
        warm(reader);

        write(writer, 0, ROWS / 2);
        String flushed = writing.await(writing.call(commands -> commands.flushall()));
        assertThat(flushed).isEqualTo("OK");
        write(writer, ROWS / 2, ROWS);

        assertNeverTooStale(reader);
    }

    @Test
    void after_a_failover_that_loses_invalidations_everything_is_loaded_anew() {
        RedisReplication pair = closed(RedisReplication.start());
        RedisServer primary = pair.primary();
        FaultProxy proxy = closed(FaultProxy.to(primary.host(), primary.port()));
        RedisLink writing = link(proxy.host(), proxy.port());
        RedisLink reading = link(proxy.host(), proxy.port());
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader = closed(node(reading).build());
        warm(reader);
        write(writer, 0, 10); // so that there is a history
        warm(reader);
        copied(pair);
        pair.promote(); // from here on it hears of nothing
        write(writer, 0, ROWS);

        proxy.cut();
        primary.restart();
        becomeCopyOf(pair.replica(), primary);
        proxy.resume();
        awaitInStep(writing, writer);
        awaitInStep(reading, reader);

        // A failover may bring old values back, until the nodes have noticed: within a heartbeat or two of the new
        // primary.
        await("all rows are current", () -> {
            for (long key = 0; key < ROWS; key++) {
                if (read(reader, key) != rows.read(key) || read(writer, key) != rows.read(key)) {
                    return false;
                }
            }
            return writer.stats().waiting() == 0;
        });
        await(
                "both have noticed",
                () -> writer.stats().localClears() > 0 && reader.stats().localClears() > 0);
        write(writer, 0, ROWS);
        assertNeverTooStale(reader);
    }

    /** Waits until the replica has all that the primary has. */
    private static void copied(RedisReplication pair) {
        try (RedisClient client = RedisClient.create()) {
            RedisCommands<String, String> primary = commands(client, pair.primary());
            assertThat(primary.set("written", "last")).isEqualTo("OK"); // WAIT is for this connection's own writes
            assertThat(primary.waitForReplication(1, LIMIT.toMillis())).isEqualTo(1);
        }
    }

    /** Makes {@code empty} what {@code source} is. */
    private static void becomeCopyOf(RedisServer source, RedisServer empty) {
        try (RedisClient client = RedisClient.create()) {
            RedisCommands<String, String> commands = commands(client, empty);
            assertThat(commands.replicaof(source.host(), source.port())).isEqualTo("OK");
            await("the copy is there", () -> commands.info("replication").contains("master_link_status:up"));
            assertThat(commands.replicaofNoOne()).isEqualTo("OK");
        }
    }

    private static RedisCommands<String, String> commands(RedisClient client, RedisServer server) {
        return client.connect(io.lettuce.core.RedisURI.create(server.uri())).sync();
    }

    @Test
    void without_redis_one_node_serves_what_it_has_and_a_strict_one_loads() {
        RedisServer redis = closed(RedisServer.start());
        RedisLink link = link(redis.host(), redis.port());
        TieredCache<Long, Long> strict = closed(node(link).build());
        TieredCache<Long, Long> serving =
                closed(node(link).onOutage(Outage.SERVE).build());
        warm(strict);
        warm(serving);

        redis.kill();
        await("link down", () -> link.state() == RedisLinkState.DOWN);
        for (long key = 0; key < ROWS; key++) {
            long unused = rows.write(key); // by somebody else, who cannot tell
        }
        long downAt = System.nanoTime();
        await("the strict node's time is over", () -> System.nanoTime() - downAt > MAX_STALENESS.toNanos());

        for (long key = 0; key < ROWS; key++) {
            assertThat(read(strict, key)).isEqualTo(2);
            assertThat(read(serving, key)).isEqualTo(1);
        }
        assertThat(serving.invalidate(0L).isDelivered()).isFalse();
        assertThat(read(serving, 0)).isEqualTo(2);

        redis.restart();
        awaitInStep(link, serving);
        await("both are current", () -> read(serving, 1) == 2 && read(strict, 1) == 2);
    }

    /** Loads wait in the gate: whoever else comes is shown what was there before, but not what was invalidated. */
    @Test
    void when_redis_comes_back_empty_few_readers_load_and_the_others_see_what_was_there() throws Exception {
        RedisServer redis = closed(RedisServer.start());
        RedisLink reading = link(redis.host(), redis.port());
        RedisLink writing = link(redis.host(), redis.port());
        TieredCache<Long, Long> reader =
                closed(node(reading).onOutage(Outage.SERVE).maxStaleness(LIMIT).build());
        TieredCache<Long, Long> writer = closed(node(writing).build());
        warm(reader);
        redis.kill();
        await("links down", () -> reading.state() == RedisLinkState.DOWN && writing.state() == RedisLinkState.DOWN);
        write(writer, 0, 10);
        redis.restart();
        awaitInStep(writing, writer);
        await("noticed", () -> reader.stats().localClears() == 1);
        awaitInStep(reading, reader);
        await("the outage's invalidations are known", () -> reader.stats().invalidationsReceived() > 0);

        CountDownLatch gate = new CountDownLatch(1);
        CountDownLatch loading = new CountDownLatch(TieredCache.RELOADS_AT_ONCE);
        ExecutorService threads = Executors.newFixedThreadPool(TieredCache.RELOADS_AT_ONCE);
        closed(threads::shutdownNow);
        List<Future<Long>> loads = new ArrayList<>();
        for (long i = 0; i < TieredCache.RELOADS_AT_ONCE; i++) {
            long key = 100 + i;
            loads.add(threads.submit(() -> reader.getWith(key, (k, load) -> {
                loading.countDown();
                assertThat(gate.await(20, TimeUnit.SECONDS)).isTrue();
                return rows.read(k);
            })));
        }
        assertThat(loading.await(20, TimeUnit.SECONDS)).isTrue();
        for (long key = 10; key < ROWS; key++) {
            long unused = rows.write(key); // by somebody who does not tell: shows who was asked
        }

        for (long key = 0; key < 10; key++) {
            assertThat(read(reader, key)).as("invalidated meanwhile").isEqualTo(2);
        }
        for (long key = 10; key < ROWS; key++) {
            assertThat(read(reader, key)).as("row %d", key).isEqualTo(1);
        }
        List<Long> all = LongStream.range(10, ROWS).boxed().toList();
        assertThat(reader.getAll(all, missing -> Map.of())).hasSize(ROWS - 10).doesNotContainValue(2L);
        assertThat(reader.stats().loads()).as("the warm-up and the invalidated").isEqualTo(ROWS + 10);
        gate.countDown();
        for (Future<Long> load : loads) {
            assertThat(load.get(20, TimeUnit.SECONDS)).isEqualTo(2);
        }
        for (long key = 10; key < ROWS; key++) {
            assertThat(read(reader, key))
                    .as("row %d, loaded by its first reader", key)
                    .isEqualTo(2);
        }
    }

    @Test
    void a_strict_node_shows_nothing_after_its_time_when_redis_comes_back_empty() {
        RedisServer redis = closed(RedisServer.start());
        RedisLink link = link(redis.host(), redis.port());
        TieredCache<Long, Long> node = closed(node(link).build());
        warm(node);
        redis.kill();
        await("link down", () -> link.state() == RedisLinkState.DOWN);
        long downAt = System.nanoTime();
        await("its time is over", () -> System.nanoTime() - downAt > MAX_STALENESS.toNanos());
        for (long key = 0; key < ROWS; key++) {
            long unused = rows.write(key); // by somebody else, who cannot tell
        }
        redis.restart();
        await("noticed", () -> node.stats().localClears() == 1);

        for (long key = 0; key < ROWS; key++) {
            assertThat(read(node, key)).isEqualTo(2);
        }
    }

    @Test
    void without_redis_no_more_loads_run_at_once_than_the_database_bears() throws Exception {
        RedisServer redis = closed(RedisServer.start());
        RedisLink link = link(redis.host(), redis.port());
        TieredCache<Long, Long> node = closed(node(link).loadsDuringOutage(4).build());
        redis.kill();
        await("link down", () -> link.state() == RedisLinkState.DOWN);
        ExecutorService threads = Executors.newFixedThreadPool(32);
        closed(threads::shutdownNow);
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch four = new CountDownLatch(4);

        List<Future<Long>> values = new ArrayList<>();
        for (long i = 0; i < ROWS; i++) {
            long key = i;
            values.add(threads.submit(() -> node.getWith(key, (k, load) -> {
                int now = running.incrementAndGet();
                int unused = most.accumulateAndGet(now, Math::max);
                four.countDown();
                assertThat(four.await(20, TimeUnit.SECONDS)).isTrue(); // nobody is done before four are at it
                running.decrementAndGet();
                return k;
            })));
        }
        for (int i = 0; i < ROWS; i++) {
            assertThat(values.get(i).get(60, TimeUnit.SECONDS)).isEqualTo(i);
        }
        assertThat(most).hasValue(4);
    }

    @Test
    void what_waited_for_redis_is_sent_many_at_a_time() {
        RedisServer redis = closed(RedisServer.start());
        FaultProxy proxy = closed(FaultProxy.to(redis.host(), redis.port()));
        RedisLink writing = link(proxy.host(), proxy.port());
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader =
                closed(node(link(redis.host(), redis.port())).build());

        proxy.cut();
        await("link down", () -> writing.state() == RedisLinkState.DOWN);
        LongStream.range(0, 1_000).forEach(key -> {
            Stamp unused = writer.invalidate(key);
        });
        assertThat(writer.stats().waiting()).isEqualTo(1_000);
        proxy.resume();
        awaitInStep(writing, writer);

        await("all are counted", () -> writer.stats().resent() >= 1_000);
        await("all heard", () -> reader.stats().invalidationsReceived() >= 5);
        assertThat(reader.stats().invalidationsReceived()).as("messages").isLessThan(50);
    }

    @Test
    void more_invalidations_than_can_wait_become_a_clear() {
        RedisServer redis = closed(RedisServer.start());
        FaultProxy proxy = closed(FaultProxy.to(redis.host(), redis.port()));
        RedisLink writing = link(proxy.host(), proxy.port());
        RedisLink reading = link(redis.host(), redis.port());
        TieredCache<Long, Long> writer = closed(node(writing).build());
        TieredCache<Long, Long> reader = closed(node(reading).build());
        warm(reader);

        proxy.cut();
        await("link down", () -> writing.state() == RedisLinkState.DOWN);
        for (long key = 0; key < ROWS; key++) {
            long unused = rows.write(key);
        }
        Stamp stamp = writer.invalidateAll(
                LongStream.rangeClosed(0, Outbox.MOST).boxed().toList());
        assertThat(stamp.isDelivered()).isFalse();
        assertThat(writer.stats().waiting()).isEqualTo(Outbox.MOST);
        for (long key = 0; key < ROWS; key++) {
            assertThat(read(writer, key)).isEqualTo(2);
        }
        proxy.resume();
        awaitInStep(writing, writer);

        await("the reader has heard of the clear", () -> read(reader, 0) == 2);
        for (long key = 0; key < ROWS; key++) {
            assertThat(read(reader, key)).isEqualTo(2);
        }
        assertThat(writer.stats().resent()).as("clears, not keys").isBetween(1L, 20L);
    }
}
