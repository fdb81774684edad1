package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import java.io.IOException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a cache does on one node, whether or not it has a Redis. */
@Timeout(60)
abstract class TieredCacheContract {
    final String name = "contract-" + UUID.randomUUID();
    final AtomicInteger loads = new AtomicInteger();
    final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<AutoCloseable> opened = new ArrayList<>();

    /** This node's; null where there is no Redis. */
    abstract @Nullable RedisLink link();

    final <K, V> CacheBuilder<K, V> builder(Codec<V> codec) {
        return builder(codec, Duration.ofSeconds(10));
    }

    private <K, V> CacheBuilder<K, V> builder(Codec<V> codec, Duration lease) {
        CacheBuilder<K, V> builder = TieredCache.builder(name);
        RedisLink link = link();
        return link == null
                ? builder
                : builder.remote(link, codec, r -> r.lease(lease)).maxStaleness(Duration.ofMinutes(1));
    }

    final CacheBuilder<Long, String> builder() {
        return builder(Codec.string());
    }

    final <C extends AutoCloseable> C closed(C closeable) {
        opened.add(closeable);
        return closeable;
    }

    final TieredCache<Long, String> cache() {
        return closed(builder().build());
    }

    @AfterEach
    void close() throws Exception {
        threads.shutdownNow();
        for (AutoCloseable each : opened) {
            each.close();
        }
        assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    }

    final String load(Long key) {
        return key + " load " + loads.incrementAndGet();
    }

    static <T> T join(Future<T> future) throws InterruptedException, ExecutionException {
        try {
            return future.get(20, TimeUnit.SECONDS);
        } catch (java.util.concurrent.TimeoutException e) {
            throw new AssertionError("does not end within 20 s", e);
        }
    }

    static Function<Long, String> failing(RuntimeException thrown) {
        return key -> {
            throw thrown;
        };
    }

    // ---- reading ----------------------------------------------------------------------------------------------------

    @Test
    void a_value_is_loaded_once_whichever_way_it_is_read() throws Exception {
        TieredCache<Long, String> cache = cache();

        assertThat(cache.peek(1L)).isEmpty();
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        assertThat(cache.getWith(1L, (key, load) -> load(key))).isEqualTo("1 load 1");
        assertThat(join(cache.getAsync(1L, (key, load) -> load(key)))).isEqualTo("1 load 1");
        assertThat(cache.getAll(List.of(1L), missing -> Map.of())).containsExactly(Map.entry(1L, "1 load 1"));
        assertThat(cache.peek(1L)).contains("1 load 1");
        assertThat(loads).hasValue(1);
        assertThat(cache.stats().hits()).isEqualTo(4);
        assertThat(cache.stats().loads()).isEqualTo(1);
        assertThat(cache.stats().localSize()).isEqualTo(1);
        assertThat(cache.stats().hitRatio()).isEqualTo(0.8);
    }

    @Test
    void a_future_loads_on_another_thread_and_tells_of_failures() throws Exception {
        TieredCache<Long, String> cache = cache();
        Thread caller = Thread.currentThread();
        AtomicReference<Thread> loader = new AtomicReference<>();

        assertThat(join(cache.getAsync(1L, (key, load) -> {
                    loader.set(Thread.currentThread());
                    return load(key);
                })))
                .isEqualTo("1 load 1");
        assertThat(loader.get()).isNotSameAs(caller);

        CompletableFuture<String> failed = cache.getAsync(2L, (key, load) -> {
            throw new IOException("disk");
        });
        assertThatThrownBy(() -> join(failed))
                .hasCauseInstanceOf(CacheException.LoadFailed.class)
                .hasRootCauseMessage("disk");
    }

    @Test
    void a_key_without_a_value_is_remembered() {
        TieredCache<Long, String> cache = cache();
        Function<Long, String> none = key -> {
            loads.incrementAndGet();
            return null;
        };

        assertThat(cache.get(1L, none)).isNull();
        assertThat(cache.get(1L, none)).isNull();
        assertThat(cache.peek(1L)).isEmpty();
        assertThat(cache.getAll(List.of(1L), missing -> Map.of(1L, "not asked")))
                .isEmpty();
        assertThat(loads).hasValue(1);

        Stamp unused = cache.invalidate(1L);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");
    }

    @Test
    void with_a_negative_ttl_of_zero_it_is_asked_for_each_time() {
        TieredCache<Long, String> cache =
                closed(builder().negativeTtl(Duration.ZERO).build());
        Function<Long, String> none = key -> {
            loads.incrementAndGet();
            return null;
        };

        assertThat(cache.get(1L, none)).isNull();
        assertThat(cache.get(1L, none)).isNull();
        assertThat(loads).hasValue(2);
    }

    @Test
    void a_value_that_is_not_to_be_stored_is_loaded_each_time() {
        TieredCache<Long, String> cache = cache();
        LoadFunction<Long, String> volatileOne = (key, load) -> {
            load.doNotStore();
            return load(key);
        };

        assertThat(cache.getWith(1L, volatileOne)).isEqualTo("1 load 1");
        assertThat(cache.getWith(1L, volatileOne)).isEqualTo("1 load 2");
        assertThat(cache.peek(1L)).isEmpty();
    }

    @Test
    void a_loading_cache_has_its_loader() throws Exception {
        LoadingCache<Long, String> cache = closed(builder().build((key, load) -> load(key)));

        assertThat(cache.get(1L)).isEqualTo("1 load 1");
        assertThat(join(cache.getAsync(1L))).isEqualTo("1 load 1");
        Stamp unused = cache.cache().invalidate(1L);
        assertThat(join(cache.getAsync(1L))).isEqualTo("1 load 2");
    }

    @Test
    void what_a_reader_changes_stays_its_own_if_reads_copy() throws Exception {
        CacheBuilder<Long, byte[]> builder = builder(Codec.bytes());
        TieredCache<Long, byte[]> cache =
                closed(builder.copyOnRead(byte[]::clone).build());

        cache.get(1L, key -> new byte[] {1})[0] = 9;
        cache.get(1L, key -> new byte[0])[0] = 9;
        cache.peek(1L).orElseThrow()[0] = 9;
        join(cache.getAsync(1L, (key, load) -> new byte[0]))[0] = 9;
        cache.getAll(List.of(1L), missing -> Map.of()).values().forEach(value -> value[0] = 9);

        assertThat(cache.get(1L, key -> new byte[0])).containsExactly(1);
    }

    @Test
    void memory_is_bounded_by_weight() {
        TieredCache<Long, String> cache = closed(builder()
                .local(l -> l.maximumWeight(10, (key, value) -> value.length()))
                .build());

        for (long key = 0; key < 20; key++) {
            String unused = cache.get(key, k -> "6chars");
        }

        assertThat(LongStream.range(0, 20).filter(key -> cache.peek(key).isPresent()))
                .hasSizeLessThanOrEqualTo(1);
        assertThat(cache.get(20L, k -> "more than it all may weigh")).isEqualTo("more than it all may weigh");
    }

    // ---- many keys --------------------------------------------------------------------------------------------------

    private Map<Long, String> loadAll(List<Long> keys) {
        int number = loads.incrementAndGet();
        Map<Long, String> found = new HashMap<>();
        keys.forEach(key -> found.put(key, key + " load " + number));
        return found;
    }

    @Test
    void many_keys_take_one_call_of_the_loader() {
        TieredCache<Long, String> cache = cache();
        String unused = cache.get(2L, this::load);

        Map<Long, String> all = cache.getAll(List.of(3L, 2L, 1L, 3L, 4L), missing -> {
            assertThat(missing).containsExactly(3L, 1L, 4L);
            Map<Long, String> found = loadAll(missing);
            found.remove(4L);
            found.put(99L, "not asked for");
            return found;
        });

        assertThat(all)
                .containsExactly(Map.entry(3L, "3 load 2"), Map.entry(2L, "2 load 1"), Map.entry(1L, "1 load 2"));
        assertThat(cache.peek(99L)).isEmpty();
        assertThat(cache.get(4L, this::load)).as("known not to exist").isNull();
        assertThatThrownBy(() -> all.put(5L, "")).isInstanceOf(UnsupportedOperationException.class);
        assertThat(cache.getAll(List.of(), missing -> Map.of())).isEmpty();
        assertThat(cache.getAll(List.of(1L, 2L, 3L, 4L), this::loadAll)).hasSize(3);
        assertThat(loads).hasValue(2);
    }

    @Test
    void when_many_keys_cannot_be_loaded_all_are_told_and_nothing_is_remembered() throws Exception {
        TieredCache<Long, String> cache = cache();
        IllegalStateException down = new IllegalStateException("down");
        CountDownLatch release = new CountDownLatch(1);
        Future<?> all = threads.submit(() -> cache.getAll(List.of(1L, 2L, 3L), missing -> {
            Await.latch(release);
            throw down;
        }));
        Await.until("the load is on", () -> cache.flights.isOn(3L));
        Future<String> other = threads.submit(() -> cache.get(3L, this::load));
        Await.until("the other one waits", () -> cache.stats().coalesced() == 1);
        release.countDown();

        assertThatThrownBy(() -> join(all)).hasCause(down);
        assertThatThrownBy(() -> join(other)).hasCause(down);
        assertThat(cache.getAll(List.of(1L, 2L, 3L), this::loadAll)).hasSize(3);
        assertThatIllegalStateException()
                .isThrownBy(() -> cache.getAll(List.of(7L), missing -> noMap()))
                .withMessageContaining("return an empty map");
    }

    @SuppressWarnings("NullAway") // what careless callers do
    private static Map<Long, String> noMap() {
        return null;
    }

    @SuppressWarnings("NullAway")
    private static Long noKey() {
        return null;
    }

    @Test
    void overlapping_loads_of_many_keys_in_opposite_orders_end() throws Exception {
        TieredCache<Long, String> cache = cache();
        List<Long> up = LongStream.range(0, 40).boxed().toList();
        List<Long> down = new ArrayList<>(up);
        Collections.reverse(down);

        for (int round = 0; round < 10; round++) {
            CyclicBarrier start = new CyclicBarrier(4);
            List<Future<Map<Long, String>>> all = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                List<Long> keys = i % 2 == 0 ? up : down;
                all.add(threads.submit(() -> {
                    Await.barrier(start);
                    return cache.getAll(keys, this::loadAll);
                }));
            }
            for (Future<Map<Long, String>> each : all) {
                assertThat(join(each)).hasSize(40);
            }
            Stamp unused = cache.clear();
        }
    }

    @Test
    void a_key_that_has_no_encoding_leaves_no_load_behind() {
        CacheBuilder<Object, String> builder = builder(Codec.string());
        TieredCache<Object, String> cache = closed(builder.build());

        assertThatIllegalArgumentException().isThrownBy(() -> cache.getAll(List.of("a", 1.5), missing -> Map.of()));

        assertThat(cache.get("a", key -> "A")).isEqualTo("A");
    }

    // ---- one load at a time -----------------------------------------------------------------------------------------

    @Test
    void threads_share_one_load() throws Exception {
        shareOneLoad(threads, 64);
    }

    @Test
    void hundreds_of_threads_share_one_load_virtual_ones_where_there_are_some() throws Exception {
        ExecutorService many = newVirtualThreads();
        try {
            shareOneLoad(many, 500);
        } finally {
            many.shutdownNow();
        }
    }

    private static ExecutorService newVirtualThreads() throws ReflectiveOperationException {
        Method factory;
        try {
            factory = Executors.class.getMethod("newVirtualThreadPerTaskExecutor");
        } catch (NoSuchMethodException before21) {
            return Executors.newCachedThreadPool();
        }
        return (ExecutorService) factory.invoke(null);
    }

    private void shareOneLoad(ExecutorService on, int readers) throws Exception {
        TieredCache<Long, String> cache = cache();
        CountDownLatch release = new CountDownLatch(1);
        List<Future<String>> all = new ArrayList<>();
        for (int i = 0; i < readers; i++) {
            all.add(on.submit(() -> cache.get(1L, key -> {
                Await.latch(release);
                return load(key);
            })));
        }
        Await.until("all others wait", () -> cache.stats().coalesced() == readers - 1);
        release.countDown();

        for (Future<String> each : all) {
            assertThat(join(each)).isEqualTo("1 load 1");
        }
        assertThat(cache.flights.size()).isZero();
    }

    @Test
    void what_the_loader_throws_reaches_everybody_and_is_not_remembered() throws Exception {
        TieredCache<Long, String> cache = cache();
        for (Throwable thrown : List.of(
                new IllegalArgumentException("unchecked"), new IOException("checked"), new AssertionError("error"))) {
            CountDownLatch release = new CountDownLatch(1);
            List<Future<String>> all = new ArrayList<>();
            long before = cache.stats().coalesced();
            for (int i = 0; i < 8; i++) {
                all.add(threads.submit(() -> cache.getWith(1L, (key, load) -> {
                    Await.latch(release);
                    throw sneaky(thrown);
                })));
            }
            Await.until("all others wait", () -> cache.stats().coalesced() - before == 7);
            release.countDown();
            for (Future<String> each : all) {
                if (thrown instanceof IOException) {
                    assertThatThrownBy(() -> join(each))
                            .cause()
                            .isInstanceOf(CacheException.LoadFailed.class)
                            .hasCause(thrown);
                } else {
                    assertThatThrownBy(() -> join(each)).cause().isSameAs(thrown);
                }
            }
        }
        assertThat(cache.stats().loadFailures()).isEqualTo(3);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException sneaky(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @Test
    void a_loader_that_asks_for_its_own_key_gets_an_error() {
        TieredCache<Long, String> cache = cache();

        assertThatIllegalStateException()
                .isThrownBy(() -> cache.get(1L, key -> cache.get(1L, this::load)))
                .withMessageContaining("a loader asked for a key whose loader waits for it");
        assertThatIllegalStateException()
                .isThrownBy(() -> cache.get(1L, key -> cache.get(2L, two -> cache.get(1L, this::load))));
        assertThatIllegalStateException()
                .isThrownBy(() -> cache.getAll(List.of(1L, 2L), missing -> Map.of(1L, cache.get(2L, this::load))));

        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        assertThat(cache.get(2L, this::load)).isEqualTo("2 load 2");
    }

    @Test
    void a_loader_may_ask_for_other_keys() {
        TieredCache<Long, String> cache = cache();

        assertThat(countdown(cache, 60L)).startsWith("60 59 58 ").endsWith(" 2 1 0");
        assertThat(cache.peek(30L)).isPresent();
    }

    private static String countdown(TieredCache<Long, String> cache, Long key) {
        return cache.get(key, k -> k == 0 ? "0" : k + " " + countdown(cache, k - 1));
    }

    @Test
    void threads_whose_loaders_wait_for_each_other_get_an_error() throws Exception {
        TieredCache<Long, String> cache = cache();
        CyclicBarrier both = new CyclicBarrier(2);

        assertOneFails(
                () -> cache.get(1L, key -> {
                    Await.barrier(both);
                    return cache.get(2L, this::load);
                }),
                () -> cache.get(2L, key -> {
                    Await.barrier(both);
                    return cache.get(1L, this::load);
                }));
    }

    @Test
    void also_if_each_waits_within_a_load_of_its_own() throws Exception {
        TieredCache<Long, String> cache = cache();
        CyclicBarrier both = new CyclicBarrier(2);

        assertOneFails(
                () -> cache.get(
                        1L,
                        key -> cache.get(11L, inner -> {
                            Await.barrier(both);
                            return cache.get(2L, this::load);
                        })),
                () -> cache.get(
                        2L,
                        key -> cache.get(12L, inner -> {
                            Await.barrier(both);
                            return cache.get(1L, this::load);
                        })));
    }

    private void assertOneFails(Callable<String> one, Callable<String> other) throws InterruptedException {
        int failures = 0;
        for (Future<String> each : List.of(threads.submit(one), threads.submit(other))) {
            try {
                String unused = join(each);
            } catch (ExecutionException e) {
                assertThat(e).hasCauseInstanceOf(IllegalStateException.class);
                failures++;
            }
        }
        assertThat(failures).isPositive();
    }

    @Test
    void an_interrupted_reader_leaves_and_the_load_goes_on() throws Exception {
        TieredCache<Long, String> cache = cache();
        CountDownLatch release = new CountDownLatch(1);
        Future<String> loading = threads.submit(() -> cache.get(1L, key -> {
            Await.latch(release);
            return load(key);
        }));
        Await.until("the load is on", () -> cache.flights.isOn(1L));

        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> cache.get(1L, this::load)).isInstanceOf(CacheException.Interrupted.class);
        assertThat(Thread.interrupted()).isTrue();
        release.countDown();

        assertThat(join(loading)).isEqualTo("1 load 1");
    }

    @Test
    void when_the_loading_thread_is_interrupted_the_next_one_loads() throws Exception {
        TieredCache<Long, String> cache = cache();
        CountDownLatch entered = new CountDownLatch(1);
        CompletableFuture<Thread> loader = new CompletableFuture<>();
        Future<Boolean> interrupted = threads.submit(() -> {
            loader.complete(Thread.currentThread());
            assertThatThrownBy(() -> cache.getWith(1L, (key, load) -> {
                        entered.countDown();
                        TimeUnit.MINUTES.sleep(1);
                        return "never";
                    }))
                    .isInstanceOf(CacheException.Interrupted.class);
            return Thread.interrupted();
        });
        Await.latch(entered);
        Future<String> other = threads.submit(() -> cache.get(1L, this::load));
        Await.until("the other one waits", () -> cache.stats().coalesced() == 1);

        loader.join().interrupt();

        assertThat(join(interrupted)).as("stays interrupted").isTrue();
        assertThat(join(other)).isEqualTo("1 load 1");
    }

    @Test
    void when_the_loading_thread_is_interrupted_who_asked_for_many_loads_what_it_waited_for() throws Exception {
        TieredCache<Long, String> cache = cache();
        CountDownLatch entered = new CountDownLatch(1);
        CompletableFuture<Thread> loader = new CompletableFuture<>();
        Future<Boolean> interrupted = threads.submit(() -> {
            loader.complete(Thread.currentThread());
            assertThatThrownBy(() -> cache.getAll(List.of(1L, 2L), keys -> {
                        entered.countDown();
                        try {
                            TimeUnit.MINUTES.sleep(1);
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                            throw new CacheException.Interrupted("told to stop", e);
                        }
                        return Map.of();
                    }))
                    .isInstanceOf(CacheException.Interrupted.class);
            return Thread.interrupted();
        });
        Await.latch(entered);
        List<List<Long>> asked = new CopyOnWriteArrayList<>();
        Future<Map<Long, String>> other = threads.submit(() -> cache.getAll(List.of(1L, 2L, 3L), keys -> {
            asked.add(keys);
            Map<Long, String> found = new HashMap<>();
            keys.forEach(key -> found.put(key, load(key)));
            return found;
        }));
        Await.until("the other one waits", () -> cache.stats().coalesced() == 2 && asked.size() == 1);

        loader.join().interrupt();

        assertThat(join(interrupted)).as("stays interrupted").isTrue();
        assertThat(join(other))
                .containsExactly(Map.entry(1L, "1 load 2"), Map.entry(2L, "2 load 3"), Map.entry(3L, "3 load 1"));
        assertThat(asked).containsExactly(List.of(3L), List.of(1L, 2L));
    }

    @Test
    void who_waits_longer_than_the_hard_timeout_leaves_and_the_value_comes() {
        TieredCache<Long, String> cache =
                closed(builder().hardTimeout(Duration.ofMillis(50)).build());
        CountDownLatch release = new CountDownLatch(1);

        assertThatThrownBy(() -> cache.get(1L, key -> {
                    Await.latch(release);
                    return load(key);
                }))
                .isInstanceOf(CacheException.TimedOut.class)
                .hasMessageContaining("hardTimeout PT0.05S");
        release.countDown();

        Await.until("the value is there", () -> cache.peek(1L).isPresent());
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
    }

    // ---- invalidating -----------------------------------------------------------------------------------------------

    @Test
    void what_was_invalidated_is_loaded_again_and_nothing_else() {
        TieredCache<Long, String> cache = cache();
        LoadFunction<Long, String> tagged = (key, load) -> {
            load.tag("odd:" + key % 2, "all");
            return load(key);
        };
        for (long key = 1; key <= 4; key++) {
            String loaded = cache.getWith(key, tagged);
            assertThat(loaded).isNotNull();
        }

        Stamp stamp = cache.invalidate(1L);
        assertThat(stamp.isDelivered()).isTrue();
        assertThat(cache.peek(1L)).isEmpty();
        assertThat(cache.getWith(1L, tagged)).isEqualTo("1 load 5");
        assertThat(cache.getWith(2L, tagged)).isEqualTo("2 load 2");

        Stamp unused = cache.invalidateAll(List.of(1L, 2L));
        assertThat(cache.getWith(1L, tagged)).isEqualTo("1 load 6");
        assertThat(cache.getWith(2L, tagged)).isEqualTo("2 load 7");

        unused = cache.expire(3L);
        assertThat(cache.peek(3L)).isEmpty();
        assertThat(cache.getWith(3L, tagged)).isEqualTo("3 load 8");

        unused = cache.invalidateTag("odd:0");
        assertThat(cache.peek(2L)).isEmpty();
        assertThat(cache.getWith(2L, tagged)).isEqualTo("2 load 9");
        assertThat(cache.getWith(3L, tagged)).isEqualTo("3 load 8");

        unused = cache.clear();
        assertThat(cache.peek(3L)).isEmpty();
        assertThat(cache.getWith(1L, tagged)).isEqualTo("1 load 10");
        assertThat(cache.getWith(3L, tagged)).isEqualTo("3 load 11");
        assertThat(cache.stats().invalidations()).isEqualTo(6);
    }

    @Test
    void hundreds_of_keys_are_invalidated_at_once() {
        TieredCache<Long, String> cache = cache();
        List<Long> keys = LongStream.range(0, 450).boxed().toList();
        assertThat(cache.getAll(keys, this::loadAll)).hasSize(450);

        Stamp unused = cache.invalidateAll(keys);

        assertThat(keys).noneMatch(key -> cache.peek(key).isPresent());
        assertThat(cache.getAll(keys, this::loadAll)).containsEntry(449L, "449 load 2");
    }

    @Test
    void a_value_that_was_being_loaded_when_its_key_was_invalidated_is_not_stored() throws Exception {
        // A tag or a clear leaves the earlier load its lease: later ones wait for its end.
        TieredCache<Long, String> cache = closed(this.<Long, String>builder(Codec.string(), Duration.ofMillis(300))
                .build());
        Map<String, Consumer<TieredCache<Long, String>>> invalidations = new HashMap<>();
        invalidations.put("invalidate", c -> c.invalidate(1L));
        invalidations.put("invalidateAll", c -> c.invalidateAll(List.of(1L, 2L)));
        invalidations.put("expire", c -> c.expire(1L));
        invalidations.put("invalidateTag", c -> c.invalidateTag("tag"));
        invalidations.put("clear", TieredCache::clear);
        invalidations.put("mutate", c -> c.mutate(1L, () -> {}));
        for (Map.Entry<String, Consumer<TieredCache<Long, String>>> each : invalidations.entrySet()) {
            CountDownLatch entered = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            Future<String> late = threads.submit(() -> cache.getWith(1L, (key, load) -> {
                entered.countDown();
                Await.latch(release);
                load.tag("tag");
                return "late";
            }));
            Await.latch(entered);

            each.getValue().accept(cache);
            assertThat(cache.getWith(1L, (key, load) -> {
                        load.doNotStore();
                        return "not shared with the earlier load";
                    }))
                    .as(each.getKey())
                    .isEqualTo("not shared with the earlier load");
            release.countDown();

            assertThat(join(late)).as(each.getKey()).isEqualTo("late");
            assertThat(cache.peek(1L)).as(each.getKey()).isEmpty();
            assertThat(cache.get(1L, key -> "new")).as(each.getKey()).isEqualTo("new");
            cache.mutate(1L, () -> {});
        }
        assertThat(cache.stats().lateFillsRefused()).isPositive();
    }

    @Test
    void a_write_forgets_the_value_and_hands_on_what_it_did() throws Exception {
        TieredCache<Long, String> cache = cache();
        String unused = cache.get(1L, this::load);

        assertThat(cache.<String>mutate(1L, Duration.ofSeconds(30), () -> "written"))
                .isEqualTo("written");
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");

        IOException disk = new IOException("disk");
        assertThatThrownBy(() -> cache.<String>mutate(1L, Duration.ofSeconds(30), () -> {
                    throw disk;
                }))
                .isSameAs(disk);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 3");

        IllegalStateException refused = new IllegalStateException("refused");
        assertThatThrownBy(() -> cache.mutate(1L, () -> {
                    throw refused;
                }))
                .isSameAs(refused);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 4");
    }

    @Test
    void writes_nest_and_overlap_and_nothing_loaded_during_one_survives_it() throws Exception {
        TieredCache<Long, String> cache = cache();
        cache.mutate(1L, () -> {
            cache.mutate(1L, () -> cache.get(1L, this::load));
            assertThat(cache.get(1L, this::load)).endsWith("load 2");
        });
        assertThat(cache.get(1L, this::load)).endsWith("load 3");

        CountDownLatch secondIn = new CountDownLatch(1);
        CountDownLatch firstOut = new CountDownLatch(1);
        Future<?> second = threads.submit(() -> cache.mutate(1L, () -> {
            secondIn.countDown();
            Await.latch(firstOut);
            assertThat(cache.get(1L, this::load)).endsWith("load 4");
        }));
        cache.mutate(1L, () -> Await.latch(secondIn));
        firstOut.countDown();
        Object unused = join(second);

        assertThat(cache.get(1L, this::load)).endsWith("load 5");
    }

    @Test
    void a_stamp_survives_as_text() {
        TieredCache<Long, String> cache = cache();
        String unused = cache.get(1L, this::load);
        Stamp stamp = cache.invalidate(1L);

        assertThat(Stamp.parse(stamp.toString()).toString()).isEqualTo(stamp.toString());
        assertThat(stamp.toString()).matches("[A-Za-z0-9_-]+");
        assertThat(cache.get(1L, this::load, Stamp.parse(stamp.toString()))).isEqualTo("1 load 2");
        assertThat(cache.get(1L, this::load, Stamp.parse(stamp.toString()))).isEqualTo("1 load 2");
        for (String text : List.of("", "!", "AAAA", stamp + "AA", "Ag")) {
            assertThatIllegalArgumentException()
                    .as(text)
                    .isThrownBy(() -> Stamp.parse(text))
                    .withMessageStartingWith("not a stamp");
        }
    }

    // ---- bad input --------------------------------------------------------------------------------------------------

    @Test
    void what_makes_no_sense_is_refused_and_the_message_names_it() {
        TieredCache<Long, String> cache = cache();
        LoadOptions load = new LoadOptions();
        Map<String, ThrowingCallable> all = new HashMap<>();
        all.put("a cache's name", () -> TieredCache.builder(""));
        all.put("no braces", () -> TieredCache.builder("a{b"));
        all.put("maximumSize 0", () -> builder().local(l -> l.maximumSize(0)));
        all.put("maximumWeight 0", () -> builder().local(l -> l.maximumWeight(0, (k, v) -> 1)));
        all.put("local expireAfterWrite PT0S", () -> builder().local(l -> l.expireAfterWrite(Duration.ZERO)));
        all.put("maxStaleness PT0.049S", () -> builder().maxStaleness(Duration.ofMillis(49)));
        all.put("hundred years", () -> builder().maxStaleness(Duration.ofSeconds(Long.MAX_VALUE)));
        all.put("loadsDuringOutage 0", () -> builder().loadsDuringOutage(0));
        all.put("staleOnError PT-1S", () -> builder().staleOnError(Duration.ofSeconds(-1)));
        all.put("0 to 31 days", () -> builder().staleOnError(Duration.ofDays(32)));
        all.put("softTimeout PT0S", () -> builder().softTimeout(Duration.ZERO));
        all.put("hardTimeout PT-1S", () -> builder().hardTimeout(Duration.ofSeconds(-1)));
        all.put("refreshAhead 0.0", () -> builder().refreshAhead(0));
        all.put("refreshAhead NaN", () -> builder().refreshAhead(Double.NaN));
        all.put("refreshAhead 1.1", () -> builder().refreshAhead(1.1));
        all.put("negativeTtl PT-1S", () -> builder().negativeTtl(Duration.ofSeconds(-1)));
        all.put(
                "set staleOnError",
                () -> builder().softTimeout(Duration.ofSeconds(1)).build());
        all.put(
                "must be below hardTimeout PT1S",
                () -> builder()
                        .staleOnError(Duration.ofSeconds(9))
                        .softTimeout(Duration.ofSeconds(1))
                        .hardTimeout(Duration.ofSeconds(1))
                        .build());
        all.put("remote expireAfterWrite PT0S", () -> RemoteOptions.DEFAULT.expireAfterWrite(Duration.ZERO));
        all.put("prefix a} has a brace", () -> RemoteOptions.DEFAULT.prefix("a}"));
        all.put("shards 0", () -> RemoteOptions.DEFAULT.shards(0));
        all.put("lease PT0.000999S", () -> RemoteOptions.DEFAULT.lease(Duration.ofNanos(999_000)));
        all.put("largestValue 0", () -> RemoteOptions.DEFAULT.largestValue(0));
        all.put("compressAbove -1", () -> RemoteOptions.DEFAULT.compressAbove(-1));
        all.put("journal 0", () -> RemoteOptions.DEFAULT.journal(0));
        all.put("a key is null", () -> cache.get(noKey(), this::load));
        all.put("a key is null; skip", () -> cache.getAll(Collections.singletonList(noKey()), this::loadAll));
        all.put("a key is null; skip what", () -> cache.invalidate(noKey()));
        all.put("a key is null; skip what has", () -> cache.expire(noKey()));
        all.put("a key is null; skip what has no", () -> cache.invalidateAll(Collections.singletonList(noKey())));
        all.put("a key is null; skip what has no key", () -> cache.mutate(noKey(), () -> {}));
        all.put("guard PT0S", () -> cache.<String>mutate(1L, Duration.ZERO, () -> ""));
        all.put("guard PT0.000001S", () -> cache.<String>mutate(1L, Duration.ofNanos(1_000), () -> ""));
        all.put("a tag is empty", () -> cache.invalidateTag(""));
        all.put("half a surrogate pair", () -> cache.invalidateTag("\uD800"));
        all.put("more than 65,535 bytes", () -> load.tag("x".repeat(65_536)));
        all.put("ttl PT0S", () -> load.ttl(Duration.ZERO));
        all.put("65,535 tags", () -> load.tag(Collections.nCopies(65_536, "t").toArray(new String[0])));

        all.forEach((message, call) -> assertThatThrownBy(call)
                .as(message)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message));
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    @Test
    void a_closed_cache_loads_and_stores_noKey() {
        TieredCache<Long, String> cache = cache();
        String unused = cache.get(1L, this::load);
        cache.close();
        cache.close();

        assertThat(cache.peek(1L)).isEmpty();
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 3");
        assertThat(cache.getAll(List.of(1L, 2L), this::loadAll)).hasSize(2);
        Stamp stamp = cache.invalidate(1L);
        assertThat(stamp.isDelivered()).isTrue();
        stamp = cache.clear();
        assertThat(cache.get(1L, this::load, stamp)).isEqualTo("1 load 5");
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 6");
        assertThat(cache.stats().localSize()).isZero();
    }
}
