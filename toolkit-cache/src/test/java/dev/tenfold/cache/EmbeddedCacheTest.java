package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A cache without a Redis, and with a clock that can be set: all that depends on time. */
class EmbeddedCacheTest extends TieredCacheContract {
    private final SettableClock clock = SettableClock.at(Instant.parse("2030-01-01T00:00:00Z"));
    private final IllegalStateException down = new IllegalStateException("down");

    @Override
    @Nullable
    RedisLink link() {
        return null;
    }

    private CacheBuilder<Long, String> timed() {
        return builder()
                .nanoClock(clock.nanoClock())
                .withoutJitter()
                .local(l -> l.expireAfterWrite(Duration.ofSeconds(60)));
    }

    private void pass(long seconds) {
        clock.advance(Duration.ofSeconds(seconds));
    }

    @Test
    void a_value_is_good_for_its_time() {
        TieredCache<Long, String> cache = closed(timed().build());
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");

        pass(59);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        pass(1);
        assertThat(cache.peek(1L)).isEmpty();
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");
    }

    @Test
    void a_loader_can_shorten_it_and_not_lengthen_it() {
        TieredCache<Long, String> cache = closed(timed().build());
        String unused = cache.getWith(1L, (key, load) -> {
            load.ttl(Duration.ofSeconds(10));
            return load(key);
        });
        unused = cache.getWith(2L, (key, load) -> {
            load.ttl(Duration.ofHours(10));
            return load(key);
        });

        pass(10);
        assertThat(cache.peek(1L)).isEmpty();
        assertThat(cache.peek(2L)).isPresent();
        pass(50);
        assertThat(cache.peek(2L)).isEmpty();
    }

    @Test
    void that_there_is_no_value_is_known_for_a_shorter_time() {
        TieredCache<Long, String> cache =
                closed(timed().negativeTtl(Duration.ofSeconds(5)).build());
        assertThat(cache.get(1L, key -> null)).isNull();

        pass(4);
        assertThat(cache.get(1L, this::load)).isNull();
        pass(1);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
    }

    @Test
    void a_value_past_its_time_stands_in_for_one_that_cannot_be_loaded() {
        TieredCache<Long, String> cache =
                closed(timed().staleOnError(Duration.ofMinutes(10)).build());
        String unused = cache.get(1L, this::load);
        pass(60);

        assertThat(cache.get(1L, failing(down))).isEqualTo("1 load 1");
        assertThat(cache.stats().staleServed()).isEqualTo(1);

        assertThat(cache.get(1L, this::load))
                .as("no second try within a second")
                .isEqualTo("1 load 1");
        assertThat(loads).hasValue(1);

        pass(1);
        assertThat(cache.getAll(List.of(1L), missing -> {
                    throw down;
                }))
                .containsExactly(Map.entry(1L, "1 load 1"));
        assertThat(cache.stats().staleServed()).isEqualTo(2);

        pass(1);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");

        pass(60 + 600);
        assertThatThrownBy(() -> cache.get(1L, failing(down)))
                .as("it has its bound")
                .isSameAs(down);
    }

    @Test
    void an_invalidated_value_never_stands_in_and_an_expired_one_does() {
        TieredCache<Long, String> cache =
                closed(timed().staleOnError(Duration.ofMinutes(10)).build());
        LoadFunction<Long, String> tagged = (key, load) -> {
            load.tag("t");
            return load(key);
        };
        List<Runnable> invalidations = List.of(
                () -> cache.invalidate(1L),
                () -> cache.invalidateTag("t"),
                cache::clear,
                () -> cache.mutate(1L, () -> {}));
        for (Runnable invalidation : invalidations) {
            String unused = cache.getWith(1L, tagged);
            pass(61);
            invalidation.run();
            assertThatThrownBy(() -> cache.get(1L, failing(down))).isSameAs(down);
        }

        String value = cache.getWith(1L, tagged);
        Stamp unused = cache.expire(1L);
        assertThat(cache.get(1L, failing(down))).isEqualTo(value);
    }

    @Test
    void an_invalidation_during_the_load_forbids_the_stand_in() {
        TieredCache<Long, String> cache =
                closed(timed().staleOnError(Duration.ofMinutes(10)).build());
        String unused = cache.get(1L, this::load);
        pass(61);

        assertThatThrownBy(() -> cache.get(1L, key -> {
                    Stamp stamp = cache.invalidate(1L);
                    throw new IllegalStateException("after " + stamp);
                }))
                .hasMessageStartingWith("after");
    }

    @Test
    void who_has_something_to_return_does_not_wait_longer_than_the_soft_timeout() {
        TieredCache<Long, String> cache = closed(timed().staleOnError(Duration.ofMinutes(10))
                .softTimeout(Duration.ofMillis(30))
                .build());
        CountDownLatch release = new CountDownLatch(1);
        String unused = cache.get(1L, this::load);
        pass(61);

        assertThat(cache.get(1L, key -> {
                    Await.latch(release);
                    return load(key);
                }))
                .isEqualTo("1 load 1");
        assertThat(cache.stats().staleServed()).isEqualTo(1);
        release.countDown();

        Await.until("the load is done", () -> cache.peek(1L).isPresent());
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");
    }

    @Test
    void a_value_is_refreshed_before_its_time_is_over() {
        TieredCache<Long, String> cache = closed(timed().refreshAhead(0.5).build());
        CountDownLatch release = new CountDownLatch(1);
        String unused = cache.get(1L, this::load);

        pass(29);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        assertThat(cache.stats().refreshes()).isZero();
        pass(1);
        for (int i = 0; i < 3; i++) {
            assertThat(cache.get(1L, key -> {
                        Await.latch(release);
                        return load(key);
                    }))
                    .as("nobody waits")
                    .isEqualTo("1 load 1");
        }
        release.countDown();

        Await.until("refreshed", () -> cache.peek(1L).orElseThrow().equals("1 load 2"));
        assertThat(loads).hasValue(2);
        assertThat(cache.stats().refreshes()).isEqualTo(1);
    }

    @Test
    void a_refresh_that_an_invalidation_overtakes_is_not_stored() {
        TieredCache<Long, String> cache = closed(timed().refreshAhead(0.5).build());
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        String unused = cache.get(1L, this::load);
        pass(30);
        unused = cache.get(1L, key -> {
            entered.countDown();
            Await.latch(release);
            return "late";
        });
        Await.latch(entered);

        Stamp stamp = cache.invalidate(1L);
        release.countDown();

        assertThat(stamp.isDelivered()).isTrue();
        Await.until("the refresh is refused", () -> cache.stats().lateFillsRefused() == 1);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");
    }

    @Test
    void nothing_is_left_of_a_closed_cache() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        TieredCache<Long, String> cache = TieredCache.<Long, String>builder("leaks")
                .hardTimeout(Duration.ofSeconds(20))
                .build();
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        cache.close();

        // Where there are no virtual ones, the pool keeps its threads for a second after their work.
        Await.until(
                "the pool's threads have ended",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("tenfold-cache-load-")));
        before.assertNothingLeaked();
    }

    @Test
    void keys_without_a_value_push_no_values_out() {
        TieredCache<Long, String> cache = closed(
                timed().local(l -> l.maximumSize(100).maximumNegatives(50)).build());
        for (long key = 0; key < 100; key++) cache.get(key, this::load);
        for (long key = 1_000; key < 11_000; key++)
            assertThat(cache.get(key, k -> null)).isNull();

        for (long key = 0; key < 100; key++) assertThat(cache.peek(key)).isPresent();
        assertThat(cache.stats().localSize()).isLessThanOrEqualTo(150);
    }

    @Test
    void a_key_may_get_a_value_and_lose_it_where_the_two_have_rooms_of_their_own() {
        TieredCache<Long, String> cache =
                closed(timed().local(l -> l.maximumNegatives(50)).build());
        assertThat(cache.get(1L, key -> null)).isNull();
        assertThat(cache.get(1L, this::load)).as("remembered").isNull();
        cache.invalidate(1L);
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 1");
        cache.expire(1L);
        assertThat(cache.get(1L, key -> null)).isNull();
        assertThat(cache.get(1L, this::load)).as("remembered").isNull();
        cache.clear();
        assertThat(cache.get(1L, this::load)).isEqualTo("1 load 2");
    }
}
