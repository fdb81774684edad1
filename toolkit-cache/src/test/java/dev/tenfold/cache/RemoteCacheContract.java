package dev.tenfold.cache;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What two nodes do that share a Redis. */
abstract class RemoteCacheContract extends TieredCacheContract {
    private final IllegalStateException down = new IllegalStateException("down");

    /** Of this node. */
    @Override
    abstract RedisLink link();

    /** Of the other one. */
    abstract RedisLink otherLink();

    final TieredCache<Long, String> here() {
        return cache();
    }

    final TieredCache<Long, String> there() {
        return closed(other().build());
    }

    final CacheBuilder<Long, String> other() {
        return other(Codec.string());
    }

    final <V> CacheBuilder<Long, V> other(Codec<V> codec) {
        return TieredCache.<Long, V>builder(name).remote(otherLink(), codec).maxStaleness(Duration.ofMinutes(1));
    }

    /** Strings with a schema, some of which cannot be written or read. */
    private record PickyCodec(int schema, String unwritable, String unreadable) implements Codec<String> {
        @Override
        public byte[] encode(String value) {
            if (value.equals(unwritable)) {
                throw new IllegalArgumentException("cannot write " + value);
            }
            return value.getBytes(UTF_8);
        }

        @Override
        public String decode(byte[] bytes) {
            String value = new String(bytes, UTF_8);
            if (value.equals(unreadable)) {
                throw new StackOverflowError("as a parser has it");
            }
            return value;
        }

        @Override
        public int id() {
            return 200;
        }
    }

    private byte[] slot(TieredCache<Long, ?> cache, long key) {
        byte[] bytes = cache.encode(key);
        RemoteTier<?> remote = cache.remote();
        String prefix = "tenfold:{" + name + "." + remote.shardOf(bytes) + "}:e:" + remote.codec.schema() + ":";
        return RemoteTier.concat(prefix.getBytes(UTF_8), bytes);
    }

    private byte @Nullable [] held(TieredCache<Long, ?> cache, long key) {
        byte[] slot = slot(cache, key);
        return link().await(link().call(redis -> redis.get(slot)));
    }

    private Map<Long, String> loadAll(List<Long> keys) {
        int number = loads.incrementAndGet();
        Map<Long, String> found = new HashMap<>();
        keys.forEach(key -> found.put(key, key + " load " + number));
        return found;
    }

    // ---- reading ----------------------------------------------------------------------------------------------------

    @Test
    void what_one_node_knows_the_other_reads() {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();

        assertThat(here.get(1L, this::load)).isEqualTo("1 load 1");
        assertThat(here.get(2L, key -> null)).isNull();
        assertThat(here.getAll(List.of(3L, 4L), this::loadAll)).hasSize(2);

        assertThat(there.get(1L, this::load)).isEqualTo("1 load 1");
        assertThat(there.get(2L, this::load)).isNull();
        assertThat(there.getAll(List.of(1L, 2L, 3L, 4L), this::loadAll)).hasSize(3);
        assertThat(there.stats().remoteHits()).isEqualTo(4);
        assertThat(there.stats().loads()).isZero();
        assertThat(loads).hasValue(2);
    }

    @Test
    void two_nodes_load_once() throws Exception {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Function<Long, String> slow = key -> {
            entered.countDown();
            Await.latch(release);
            return load(key);
        };
        List<Future<String>> all = new ArrayList<>();
        all.add(threads.submit(() -> here.get(1L, slow)));
        Await.latch(entered);
        for (int i = 0; i < 8; i++) {
            all.add(threads.submit(() -> there.get(1L, slow)));
        }
        Await.until("the other node waits for this one", () -> there.wakes.containsKey(1L));
        release.countDown();

        for (Future<String> each : all) {
            assertThat(join(each)).isEqualTo("1 load 1");
        }
        assertThat(there.stats().loads()).isZero();
    }

    @Test
    void many_keys_on_two_nodes_in_opposite_orders_are_loaded_once_each() throws Exception {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();
        AtomicInteger loaded = new AtomicInteger();
        Function<List<Long>, Map<Long, String>> counting = missing -> {
            loaded.addAndGet(missing.size());
            return loadAll(missing);
        };
        List<Long> up = LongStream.range(0, 30).boxed().toList();
        List<Long> down = LongStream.range(0, 30).map(i -> 29 - i).boxed().toList();

        Future<Map<Long, String>> one = threads.submit(() -> here.getAll(up, counting));
        Future<Map<Long, String>> other = threads.submit(() -> there.getAll(down, counting));

        assertThat(join(one)).isEqualTo(join(other)).hasSize(30);
        assertThat(loaded).hasValue(30);
    }

    /** A lease that nobody fills would keep everybody waiting for its whole minute. */
    @Test
    void pages_that_overlap_on_two_nodes_while_keys_are_invalidated_leave_no_lease_behind() throws Exception {
        List<TieredCache<Long, String>> nodes = new ArrayList<>();
        nodes.add(closed(other().remote(link(), Codec.string(), r -> r.lease(Duration.ofMinutes(1)))
                .build()));
        nodes.add(closed(other().remote(otherLink(), Codec.string(), r -> r.lease(Duration.ofMinutes(1)))
                .build()));
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            TieredCache<Long, String> node = nodes.get(i % 2);
            Random random = new Random(i);
            all.add(threads.submit(() -> {
                for (int n = 0; n < 300; n++) {
                    long from = random.nextInt(100);
                    if (random.nextInt(10) == 0) {
                        node.mutate(from, () -> {});
                    } else if (random.nextInt(10) == 0) {
                        Stamp unused = node.invalidateAll(page(from));
                    } else {
                        assertThat(node.getAll(page(from), this::loadAll)).hasSize(20);
                    }
                }
            }));
        }
        for (Future<?> each : all) {
            each.get(40, TimeUnit.SECONDS);
        }
    }

    private static List<Long> page(long from) {
        return LongStream.range(from, from + 20).boxed().toList();
    }

    @Test
    void a_node_that_waited_as_long_as_a_lease_lasts_loads_itself() throws Exception {
        TieredCache<Long, String> here = closed(builder()
                .remote(link(), Codec.string(), r -> r.lease(Duration.ofMillis(200)))
                .build());
        TieredCache<Long, String> there =
                closed(other().remote(otherLink(), Codec.string(), r -> r.lease(Duration.ofMillis(200)))
                        .build());
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> stuck = threads.submit(() -> here.get(1L, key -> {
            entered.countDown();
            Await.latch(release);
            return "stuck";
        }));
        Await.latch(entered);

        assertThat(there.get(1L, key -> "in time")).isEqualTo("in time");
        release.countDown();
        assertThat(join(stuck)).isEqualTo("stuck");
    }

    @Test
    void a_value_is_read_from_redis_after_its_local_time_and_loaded_after_its_time_there() {
        TieredCache<Long, String> cache = closed(builder()
                .local(l -> l.expireAfterWrite(Duration.ofMillis(50)))
                .remote(link(), Codec.string(), r -> r.expireAfterWrite(Duration.ofMillis(600)))
                .build());
        AtomicReference<String> last = new AtomicReference<>(cache.get(1L, this::load));

        Await.until("it is read again", () -> {
            last.set(cache.get(1L, this::load));
            return cache.stats().remoteHits() > 0;
        });
        Await.until("it is loaded again", () -> !cache.get(1L, this::load).equals(last.get()));
    }

    @Test
    void values_past_their_time_are_loaded_together_and_stand_in_if_that_fails() {
        TieredCache<Long, String> here = closed(builder()
                .remote(link(), Codec.string(), r -> r.expireAfterWrite(Duration.ofMillis(300)))
                .staleOnError(Duration.ofMinutes(10))
                .build());
        List<Long> keys = LongStream.range(0, 10).boxed().toList();
        assertThat(here.getAll(keys, this::loadAll)).hasSize(10);
        long loaded = System.nanoTime();
        // In both tiers, whose times differ by chance.
        Await.until("all are past their time", () -> System.nanoTime() - loaded > 1_000_000_000);

        assertThat(here.getAll(keys, missing -> {
                    assertThat(missing).hasSize(10);
                    throw down;
                }))
                .containsEntry(9L, "9 load 1")
                .hasSize(10);
        assertThat(here.stats().staleServed()).isEqualTo(10);

        TieredCache<Long, String> there =
                closed(other().staleOnError(Duration.ofMinutes(10)).build());
        // The leases of the load that failed go back one message each: a key whose has not yet is waited for, and
        // loaded next.
        List<Long> loadedThere = new CopyOnWriteArrayList<>();
        Map<Long, String> values = there.getAll(keys, missing -> {
            loadedThere.addAll(missing);
            return loadAll(missing);
        });
        assertThat(loadedThere).containsExactlyInAnyOrderElementsOf(keys);
        assertThat(values).hasSize(10).doesNotContainEntry(9L, "9 load 1");
    }

    @Test
    void a_value_is_refreshed_in_redis_before_its_time_is_over() {
        TieredCache<Long, String> cache = closed(builder()
                .remote(link(), Codec.string(), r -> r.expireAfterWrite(Duration.ofSeconds(3)))
                .refreshAhead(0.05)
                .build());
        AtomicReference<String> last = new AtomicReference<>(cache.get(1L, this::load));

        Await.until("a refresh has begun", () -> {
            last.set(cache.get(1L, this::load));
            return cache.stats().refreshes() > 0;
        });
        Await.until("refreshed", () -> !cache.get(1L, this::load).equals(last.get()));
    }

    // ---- values and bytes -------------------------------------------------------------------------------------------

    @Test
    void a_huge_value_stays_out_of_redis() {
        TieredCache<Long, String> here = closed(builder()
                .remote(link(), Codec.string(), r -> r.largestValue(200))
                .build());
        TieredCache<Long, String> there = there();
        String random = UUID.randomUUID().toString() + UUID.randomUUID() + UUID.randomUUID() + UUID.randomUUID();

        assertThat(here.get(1L, key -> random)).isEqualTo(random);
        assertThat(here.peek(1L)).contains(random);
        Await.until("the lease is given back", () -> held(here, 1L) == null);
        assertThat(there.get(1L, this::load)).isEqualTo("1 load 1");
    }

    @Test
    void a_large_value_is_compressed() {
        TieredCache<Long, String> here = here();
        String value = "scale ".repeat(20_000);

        String unused = here.get(1L, key -> value);

        assertThat(held(here, 1L)).hasSizeBetween(100, 5_000);
        assertThat(there().get(1L, this::load)).isEqualTo(value);
    }

    @Test
    void a_value_that_cannot_be_written_is_kept_locally() {
        TieredCache<Long, String> here =
                closed(builder().remote(link(), new PickyCodec(1, "bad", "")).build());

        assertThat(here.get(1L, key -> "bad")).isEqualTo("bad");
        assertThat(here.peek(1L)).contains("bad");
        assertThat(here.stats().codecFailures()).isEqualTo(1);
        Await.until("the lease is given back", () -> held(here, 1L) == null);
    }

    @Test
    void a_value_that_cannot_be_read_is_loaded_again() {
        TieredCache<Long, String> here =
                closed(builder().remote(link(), new PickyCodec(1, "", "")).build());
        TieredCache<Long, String> there =
                closed(other().remote(otherLink(), new PickyCodec(1, "", "bad")).build());
        assertThat(here.getAll(List.of(1L, 2L), missing -> Map.of(1L, "bad", 2L, "bad")))
                .hasSize(2);

        assertThat(there.get(1L, key -> "good")).isEqualTo("good");
        assertThat(there.getAll(List.of(2L), missing -> Map.of(2L, "good"))).containsEntry(2L, "good");
        assertThat(there.stats().codecFailures()).isEqualTo(2);

        TieredCache<Long, String> third =
                closed(builder().remote(link(), new PickyCodec(1, "", "")).build());
        assertThat(third.getAll(List.of(1L, 2L), missing -> Map.of()))
                .containsExactly(Map.entry(1L, "good"), Map.entry(2L, "good"));
    }

    @Test
    void versions_with_other_values_keep_entries_of_their_own_and_share_invalidations() {
        TieredCache<Long, String> old =
                closed(builder().remote(link(), new PickyCodec(1, "", "")).build());
        TieredCache<Long, String> young =
                closed(other().remote(otherLink(), new PickyCodec(2, "", "")).build());
        assertThat(old.get(1L, key -> "old")).isEqualTo("old");
        assertThat(young.get(1L, key -> "young")).isEqualTo("young");
        assertThat(held(old, 1L)).isNotNull();
        assertThat(held(young, 1L)).isNotNull();

        Stamp stamp = young.invalidate(1L);

        assertThat(held(old, 1L)).isNull();
        assertThat(held(young, 1L)).isNull();
        assertThat(old.get(1L, key -> "old again", stamp)).isEqualTo("old again");
    }

    @Test
    void bytes_that_mean_nothing_are_replaced() {
        TieredCache<Long, String> cache = here();
        String unused = cache.get(1L, this::load);
        byte[] good = Objects.requireNonNull(held(cache, 1L));
        byte[] flipped = good.clone();
        flipped[flipped.length - 6] ^= 1;
        List<byte[]> poisons = List.of(
                "x".getBytes(UTF_8),
                "hello".getBytes(UTF_8),
                "L".getBytes(UTF_8),
                "F".repeat(3).getBytes(UTF_8),
                new byte[100],
                Arrays.copyOf(good, 20),
                Arrays.copyOf(good, good.length - 1),
                flipped);
        for (byte[] poison : poisons) {
            TieredCache<Long, String> fresh = closed(builder().build());
            byte[] slot = slot(fresh, 1L);
            String set = link().await(link().call(redis -> redis.set(slot, poison)));
            assertThat(set).isEqualTo("OK");
            String expected = "1 load " + (loads.get() + 1);

            assertThat(fresh.get(1L, this::load))
                    .as("over %s", new String(poison, UTF_8))
                    .isEqualTo(expected);
            assertThat(fresh.stats().codecFailures()).isEqualTo(1);
            assertThat(there().get(1L, this::load)).isEqualTo(expected);
            fresh.close();
        }
    }

    // ---- invalidating -----------------------------------------------------------------------------------------------

    @Test
    void the_other_node_hears_of_invalidations() {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();
        LoadFunction<Long, String> tagged = (key, load) -> {
            load.tag("t");
            return load(key);
        };
        List<Runnable> invalidations = List.of(
                () -> here.invalidate(1L),
                () -> here.invalidateAll(List.of(2L, 1L)),
                () -> here.expire(1L),
                () -> here.invalidateTag("t"),
                here::clear,
                () -> here.mutate(1L, () -> {}));
        for (Runnable invalidation : invalidations) {
            String before = there.getWith(1L, tagged);
            assertThat(there.peek(1L)).contains(before);

            invalidation.run();

            Await.until("the other node forgets it", () -> there.peek(1L).isEmpty());
            assertThat(there.getWith(1L, tagged)).isNotEqualTo(before);
        }
        assertThat(there.stats().invalidationsReceived()).isPositive();
    }

    @Test
    void with_a_stamp_a_node_that_has_not_heard_of_it_reads_no_older_value() {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();
        LoadFunction<Long, String> tagged = (key, load) -> {
            load.tag("t");
            return load(key);
        };
        Map<String, Function<TieredCache<Long, String>, Stamp>> invalidations = new LinkedHashMap<>();
        invalidations.put("invalidate", cache -> cache.invalidate(1L));
        invalidations.put("tag", cache -> cache.invalidateTag("t"));
        invalidations.put("clear", TieredCache::clear);
        Shard shard = there.captureOf(1L, there.encode(1L)).shard();
        for (Map.Entry<String, Function<TieredCache<Long, String>, Stamp>> each : invalidations.entrySet()) {
            String before = there.getWith(1L, tagged);
            Stamp stamp;
            shard.lock.lock(); // messages wait for it; so would a heartbeat, which the read with the stamp waits for
            try {
                stamp = each.getValue().apply(here);
                assertThat(there.getWith(1L, tagged)).as("has not heard of it").isEqualTo(before);
            } finally {
                shard.lock.unlock();
            }

            String after = there.get(1L, this::load, stamp);

            assertThat(after).as(each.getKey()).isNotEqualTo(before);
            assertThat(there.get(1L, this::load, stamp)).isEqualTo(after);
            there.mutate(1L, () -> {});
        }
    }

    @Test
    void with_a_stamp_that_redis_has_not_heard_of_the_loader_is_asked() {
        TieredCache<Long, String> there = there();
        String unused = there.get(1L, this::load);
        Stamp undelivered = new Stamp(List.of(), false);

        assertThat(there.get(1L, this::load, Stamp.parse(undelivered.toString())))
                .isEqualTo("1 load 2");
        assertThat(there.peek(1L)).contains("1 load 2");
    }

    @Test
    void a_value_that_the_other_node_was_loading_is_not_stored() throws Exception {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();
        Map<String, Consumer<TieredCache<Long, String>>> invalidations = new LinkedHashMap<>();
        invalidations.put("invalidate", cache -> cache.invalidate(1L));
        invalidations.put("mutate", cache -> cache.mutate(1L, () -> {}));
        invalidations.put("tag", cache -> cache.invalidateTag("t"));
        invalidations.put("clear", TieredCache::clear);
        for (Map.Entry<String, Consumer<TieredCache<Long, String>>> each : invalidations.entrySet()) {
            CountDownLatch entered = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            Future<String> late = threads.submit(() -> there.getWith(1L, (key, load) -> {
                entered.countDown();
                Await.latch(release);
                load.tag("t");
                return "late";
            }));
            Await.latch(entered);

            each.getValue().accept(here);
            release.countDown();

            assertThat(join(late)).isEqualTo("late");
            assertThat(here.get(1L, key -> "new")).as(each.getKey()).isEqualTo("new");
            Stamp stamp = here.invalidate(2L);
            assertThat(stamp.isDelivered()).isTrue();
            Await.until(
                    "the other node has it", () -> there.get(1L, key -> "newer").startsWith("new"));
            here.mutate(1L, () -> {});
            Await.until("the other node forgets it", () -> there.peek(1L).isEmpty());
        }
    }

    @Test
    void while_a_writer_is_at_it_loads_are_stored_nowhere() throws Exception {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();
        String unused = here.get(1L, this::load);

        here.mutate(1L, () -> {
            there.mutate(1L, () -> assertThat(here.get(1L, this::load)).isEqualTo("1 load 2"));
            Stamp plain = there.invalidate(1L);
            assertThat(plain.isDelivered()).isTrue();
            assertThat(here.get(1L, this::load))
                    .as("the inner writer left, the outer is there")
                    .isEqualTo("1 load 3");
            assertThat(here.getAll(List.of(1L), this::loadAll)).containsEntry(1L, "1 load 4");
            assertThat(here.peek(1L)).isEmpty();
        });

        assertThat(here.get(1L, this::load)).isEqualTo("1 load 5");
        assertThat(here.get(1L, this::load)).isEqualTo("1 load 5");
    }

    @Test
    void the_fence_of_a_writer_that_died_falls_by_itself() {
        TieredCache<Long, String> here = here();
        byte[] key = here.encode(1L);
        RemoteTier<String> remote = here.remote();
        Object unused =
                link().await(remote.fence(remote.shardOf(key), key, RemoteTier.newId(), true, Duration.ofMillis(400)));

        Await.until("loads are stored again", () -> {
            String value = here.get(1L, this::load);
            return here.peek(1L).isPresent() && value.equals(here.peek(1L).orElseThrow());
        });
        assertThat(there().get(1L, this::load)).isEqualTo("1 load " + loads.get());
    }

    @Test
    void an_expired_value_stands_in_on_both_nodes_and_an_invalidated_one_on_none() {
        TieredCache<Long, String> here =
                closed(builder().staleOnError(Duration.ofMinutes(10)).build());
        TieredCache<Long, String> there =
                closed(other().staleOnError(Duration.ofMinutes(10)).build());
        String unused = here.get(1L, this::load);

        Stamp expired = here.expire(1L);
        assertThat(here.get(1L, failing(down))).isEqualTo("1 load 1");
        assertThat(there.get(1L, failing(down), expired)).isEqualTo("1 load 1");

        Stamp invalidated = here.invalidate(1L);
        assertThatThrownBy(() -> here.get(1L, failing(down))).isSameAs(down);
        assertThatThrownBy(() -> there.get(1L, failing(down), invalidated)).isSameAs(down);
    }

    // ---- cost -------------------------------------------------------------------------------------------------------

    private int shards = 1;

    @Test
    void each_operation_costs_what_it_says() {
        TieredCache<Long, String> here = here();
        TieredCache<Long, String> there = there();
        List<Long> page = LongStream.range(1_000, 1_050).boxed().toList();
        shards = here.remote().shards;

        assertCommands("a miss", 3, key -> here.get(key, this::load));
        assertCommands("a hit in Redis", 1, key -> {
            String unused = here.get(key, this::load);
            return measured(() -> there.get(key, this::load));
        });
        assertCommands("a hit in memory", 0, key -> {
            String unused = here.get(key, this::load);
            return measured(() -> here.get(key, this::load));
        });
        assertCommands("invalidate", 1, here::invalidate);
        assertCommands("expire", 1, here::expire);
        assertCommands("invalidateAll of 200 keys", 1, key -> {
            List<Long> keys = sameShard(here, 200);
            return measured(() -> here.invalidateAll(keys));
        });
        assertCommands("mutate", 2, key -> {
            here.mutate(key, () -> {});
            return key;
        });
        assertCommands("invalidateTag", shards, key -> here.invalidateTag("t"));
        assertCommands("clear", shards, key -> here.clear());
        int parts = (int) page.stream()
                .map(key -> here.remote().shardOf(here.encode(key)))
                .distinct()
                .count();
        assertCommands("getAll of what is not there: MGET, leases, fills", 1 + 2 * parts, key -> {
            Stamp unused = here.invalidateAll(page);
            return measured(() -> here.getAll(page, this::loadAll));
        });
        assertCommands("getAll of what is in Redis", 1, key -> {
            Stamp unused = here.invalidateAll(page);
            Await.until(
                    "the other node forgets them",
                    () -> page.stream().noneMatch(each -> there.peek(each).isPresent()));
            assertThat(here.getAll(page, this::loadAll)).hasSize(page.size());
            return measured(() -> there.getAll(page, this::loadAll));
        });
    }

    /**
     * Heartbeats take commands, too, about one a second: one of some attempts has none within. In a cluster one takes a
     * command a shard, all at once, and a node that has just been made beats at once: one of these may be within.
     */
    private void assertCommands(String what, int expected, Function<Long, Object> prepare) {
        long[] counts = new long[20];
        for (int i = 0; i < counts.length; i++) {
            long before = commands();
            Object measured = prepare.apply((long) i);
            if (measured instanceof Measured later) {
                before = commands();
                Object unused = later.run();
            }
            counts[i] = commands() - before;
            if (counts[i] == expected || (shards > 1 && counts[i] == expected + shards)) {
                return;
            }
            assertThat(counts[i]).as(what).isGreaterThan(expected);
        }
        throw new AssertionError(what + " took not " + expected + " commands, but " + Arrays.toString(counts));
    }

    /** What is measured, after what only prepares it. */
    private interface Measured {
        Object run();
    }

    private static Measured measured(Measured what) {
        return what;
    }

    private long commands() {
        return link().stats().commands() + otherLink().stats().commands();
    }

    private static List<Long> sameShard(TieredCache<Long, String> cache, int count) {
        int shard = cache.remote().shardOf(cache.encode(0L));
        return LongStream.iterate(0, key -> key + 1)
                .filter(key -> cache.remote().shardOf(cache.encode(key)) == shard)
                .limit(count)
                .boxed()
                .toList();
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    @Test
    void closing_leaves_nothing_and_takes_bounded_time() {
        TieredCache<Long, String> cache = here();
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        Await.until("its thread has begun", () -> ownThreads() > 0);

        long began = System.nanoTime();
        cache.close();
        cache.close();

        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
        Await.until("its thread has ended", () -> ownThreads() == 0);
        Await.until("nobody listens any more", () -> listeners(cache.remote().channel) == 0);
        assertThat(there().get(1L, this::load)).as("the entries stay").isEqualTo("1 load 1");
    }

    private long ownThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().contains(name))
                .count();
    }

    private long listeners(byte[] channel) {
        Map<byte[], Long> counts = link().await(link().call(redis -> redis.pubsubNumsub(channel)));
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    @Test
    void a_reader_with_a_time_out_does_not_spend_it_on_another_nodes_load() {
        CountDownLatch isLoading = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        TieredCache<Long, String> slow = here();
        TieredCache<Long, String> hasty =
                closed(other().hardTimeout(Duration.ofSeconds(8)).build());
        CompletableFuture<String> first = CompletableFuture.supplyAsync(() -> slow.get(1L, key -> {
            isLoading.countDown();
            Await.latch(goOn);
            return "slow";
        }));
        try {
            Await.latch(isLoading); // its lease lasts 10 s
            assertThat(hasty.get(1L, key -> "own")).isEqualTo("own");
        } finally {
            goOn.countDown();
        }
        assertThat(first.join()).isEqualTo("slow");
    }
}
