package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static dev.tenfold.ratelimit.Limit.perMinute;
import static dev.tenfold.ratelimit.Limit.perSecond;
import static java.time.Duration.ofDays;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every engine does, whichever keeps the counts. The clock is the test's. */
abstract class RateLimiterContract {
    private static final AtomicLong NAMES = new AtomicLong();

    /** A limiter on a clock that stands still unless {@link #pass} moves it. */
    abstract RateLimiter limiter();

    /** One that remembers no refusals, and so can always tell what is left just now. */
    abstract RateLimiter plainLimiter();

    abstract void pass(Duration time);

    final String name() {
        return getClass().getSimpleName() + NAMES.incrementAndGet();
    }

    private static Key key(String value) {
        return Key.of(value);
    }

    // ---- token buckets ----------------------------------------------------------------------------------------------

    @Test
    void a_bucket_holds_its_burst_and_is_refilled_steadily() {
        Policy policy = Policy.of(name(), limit("user", 100, perMinute()).burst(20));

        for (int i = 19; i >= 0; i--) {
            assertThat(limiter().acquire(policy, "42").remaining()).isEqualTo(i);
        }
        Decision denied = limiter().acquire(policy, "42");
        assertThat(denied).isInstanceOf(Decision.Denied.class);
        assertThat(denied.retryAfter()).isEqualTo(ofMillis(600));
        assertThat(denied.violated()).extracting(Limit::name).containsExactly("user");

        pass(ofMillis(599));
        assertThat(limiter().acquire(policy, "42").retryAfter()).isEqualTo(ofMillis(1));
        pass(ofMillis(1));
        assertThat(limiter().acquire(policy, "42").allowed()).isTrue();
        assertThat(limiter().acquire(policy, "42").allowed()).isFalse();
        assertThat(limiter().acquire(policy, "43").allowed()).isTrue();
    }

    @Test
    void a_rate_below_one_a_second_is_kept() {
        Policy policy = Policy.of(name(), limit("slow", 3, ofSeconds(10)).burst(1));

        int admitted = 0;
        for (int i = 0; i < 600; i++) {
            if (limiter().acquire(policy, "a").allowed()) admitted++;
            pass(ofMillis(100));
        }

        // One at once, then three every ten seconds, each at the first try after it is there: at 3.4 s, 6.7 s, 10 s.
        assertThat(admitted).isEqualTo(1 + 17);
    }

    @Test
    void a_call_may_cost_more_than_one_token() {
        Policy policy = Policy.of(name(), limit("points", 10, perSecond()));

        assertThat(limiter().acquire(policy, "a", 7).remaining()).isEqualTo(3);
        Decision denied = limiter().acquire(policy, "a", 4);
        assertThat(denied.allowed()).isFalse();
        assertThat(denied.retryAfter()).isEqualTo(ofMillis(100));
        assertThat(limiter().acquire(policy, "a", 3).allowed()).isTrue();
    }

    @Test
    void a_call_that_costs_more_than_the_burst_is_infeasible() {
        Policy policy = Policy.of(name(), limit("points", 100, perSecond()).burst(5), limit("day", 50, ofDays(1)));

        Decision decision = limiter().acquire(policy, "a", 6);

        assertThat(decision).isInstanceOf(Decision.Infeasible.class);
        assertThat(decision.allowed()).isFalse();
        assertThat(decision.retryAfter()).isEqualTo(ChronoUnit.FOREVER.getDuration());
        assertThat(decision.violated()).extracting(Limit::name).containsExactly("points");
        assertThat(limiter().acquire(policy, "a", 5).allowed()).isTrue();
    }

    @Test
    void several_limits_are_all_debited_or_none() {
        Policy policy = Policy.of(name(), limit("second", 5, perSecond()), limit("hour", 7, perHour()));

        for (int i = 0; i < 5; i++)
            assertThat(limiter().acquire(policy, "a").allowed()).isTrue();
        Decision first = limiter().acquire(policy, "a");
        assertThat(first.violated()).extracting(Limit::name).containsExactly("second");
        assertThat(first.quotas()).extracting(Quota::remaining).containsExactly(0L, 2L);
        pass(ofSeconds(1));
        assertThat(limiter().acquire(policy, "a", 2).allowed()).isTrue();
        Decision second = limiter().acquire(policy, "a");
        assertThat(second.violated()).extracting(Limit::name).containsExactly("hour");
        assertThat(second.quotas()).extracting(Quota::remaining).containsExactly(3L, 0L);
    }

    @Test
    void a_limit_by_a_part_is_shared_by_all_keys_with_that_part() {
        Policy policy = Policy.of(
                name(),
                limit("user", 2, perMinute()),
                limit("tenant", 3, perMinute()).by("tenant"));
        Key ada = Key.of("tenant", "acme").and("user", "ada");
        Key bo = Key.of("tenant", "acme").and("user", "bo");
        Key other = Key.of("tenant", "emca").and("user", "ada");

        assertThat(limiter().acquire(policy, ada).allowed()).isTrue();
        assertThat(limiter().acquire(policy, ada).allowed()).isTrue();
        assertThat(limiter().acquire(policy, ada).violated())
                .extracting(Limit::name)
                .containsExactly("user");
        assertThat(limiter().acquire(policy, bo).allowed()).isTrue();
        Decision full = limiter().acquire(policy, bo);
        assertThat(full.violated()).extracting(Limit::name).containsExactly("tenant");
        assertThat(full.quotas()).extracting(Quota::remaining).containsExactly(1L, 0L);
        assertThat(limiter().acquire(policy, other).allowed()).isTrue();
    }

    @Test
    void a_policy_by_a_part_that_the_key_has_not_says_so() {
        Policy policy = Policy.of(name(), limit("tenant", 3, perMinute()).by("tenant"));

        assertThatThrownBy(() -> limiter().acquire(policy, "acme"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("by(\"tenant\")");
    }

    @Test
    void quotas_tell_what_is_left_and_when_there_is_more() {
        Policy policy = Policy.of(name(), limit("user", 10, perSecond()));

        Decision d = limiter().acquire(policy, "a", 4);

        assertThat(d.quotas()).singleElement().satisfies(quota -> {
            assertThat(quota.limit().name()).isEqualTo("user");
            assertThat(quota.remaining()).isEqualTo(6);
            assertThat(quota.moreIn()).isEqualTo(ofMillis(100));
        });
        pass(ofMillis(350));
        Quota later = limiter().peek(policy, key("a"), 1).quotas().get(0);
        assertThat(later.remaining()).isEqualTo(9);
        assertThat(later.moreIn()).isEqualTo(ofMillis(50));
    }

    // ---- sliding windows --------------------------------------------------------------------------------------------

    @Test
    void a_window_admits_its_permits_and_more_as_they_slide_out() {
        Policy policy = Policy.of(name(), limit("login", 4, ofSeconds(8)).slidingWindow());

        for (int i = 3; i >= 0; i--) {
            assertThat(limiter().acquire(policy, "a").remaining()).isEqualTo(i);
        }
        // The window ends in 8 s; then its 4 calls slide out over another 8 s, the first after a quarter of that.
        Decision denied = limiter().acquire(policy, "a");
        assertThat(denied.retryAfter()).isEqualTo(ofSeconds(10));
        pass(ofSeconds(10).minusNanos(1_000));
        assertThat(limiter().acquire(policy, "a").retryAfter()).isEqualTo(Duration.ofNanos(1_000));
        pass(Duration.ofNanos(1_000));
        assertThat(limiter().acquire(policy, "a").allowed()).isTrue();
        assertThat(limiter().acquire(policy, "a").retryAfter()).isEqualTo(ofSeconds(2));
        pass(ofSeconds(30));
        assertThat(limiter().acquire(policy, "a", 4).allowed()).isTrue();
    }

    @Test
    void buckets_and_windows_go_together() {
        Policy policy = Policy.of(
                name(),
                limit("burst", 2, perSecond()),
                limit("hour", 5, perHour()).slidingWindow());

        int admitted = 0;
        for (int i = 0; i < 10; i++) {
            for (int j = 0; j < 3; j++)
                admitted += limiter().acquire(policy, "a").allowed() ? 1 : 0;
            pass(ofSeconds(1));
        }

        assertThat(admitted).isEqualTo(5);
    }

    // ---- peek, refund, reset ----------------------------------------------------------------------------------------

    @Test
    void a_peek_takes_nothing() {
        Policy policy = Policy.of(name(), limit("user", 2, perMinute()));

        for (int i = 0; i < 5; i++) {
            assertThat(limiter().peek(policy, key("a"), 2).allowed()).isTrue();
        }
        assertThat(limiter().acquire(policy, "a").allowed()).isTrue();
        Decision peeked = limiter().peek(policy, key("a"), 2);
        assertThat(peeked.allowed()).isFalse();
        assertThat(peeked.remaining()).isEqualTo(1);
        assertThat(peeked.retryAfter()).isEqualTo(ofSeconds(30));
    }

    @Test
    void a_refund_gives_back_no_more_than_was_taken() {
        Policy policy = Policy.of(
                name(),
                limit("user", 5, perMinute()),
                limit("day", 5, ofDays(1)).slidingWindow());

        assertThat(limiter().acquire(policy, "a", 5).allowed()).isTrue();
        assertThat(limiter().acquire(policy, "a").allowed()).isFalse();
        assertThat(limiter().refund(policy, key("a"), 2)).isTrue();
        assertThat(limiter().acquire(policy, "a").remaining()).isEqualTo(1);
        assertThat(limiter().refund(policy, key("a"), 5)).isTrue();
        assertThat(limiter().acquire(policy, "a").remaining()).isEqualTo(4);
        assertThatThrownBy(() -> limiter().refund(policy, key("a"), 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> limiter().refund(policy, key("a"), 6)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_reset_forgets_what_was_used() {
        Policy policy = Policy.of(
                name(), limit("user", 2, perHour()), limit("day", 3, ofDays(1)).slidingWindow());

        assertThat(limiter().acquire(policy, "a", 2).allowed()).isTrue();
        assertThat(limiter().acquire(policy, "a").allowed()).isFalse();
        assertThat(limiter().reset(policy, key("a"))).isTrue();
        assertThat(limiter().acquire(policy, "a", 2).allowed()).isTrue();
        assertThat(limiter().acquire(policy, "a").allowed()).isFalse();
    }

    // ---- configuration changes --------------------------------------------------------------------------------------

    @Test
    void a_larger_burst_keeps_what_is_used() {
        String name = name();
        assertThat(limiter()
                        .acquire(Policy.of(name, limit("user", 10, perMinute())), "a", 8)
                        .remaining())
                .isEqualTo(2);

        Policy larger = Policy.of(name, limit("user", 20, perMinute()));

        assertThat(limiter().acquire(larger, "a", 12).remaining()).isZero();
        Decision denied = limiter().acquire(larger, "a");
        assertThat(denied.retryAfter()).isEqualTo(ofSeconds(3));
    }

    @Test
    void a_smaller_burst_has_to_be_refilled_first() {
        String name = name();
        assertThat(limiter()
                        .acquire(Policy.of(name, limit("user", 20, perMinute())), "a", 15)
                        .remaining())
                .isEqualTo(5);

        Policy smaller = Policy.of(name, limit("user", 10, perMinute()));

        // 15 are missing from a bucket of 10: 6 have to be refilled before there is one, at one every six seconds.
        assertThat(limiter().acquire(smaller, "a").retryAfter()).isEqualTo(ofSeconds(36));
        pass(ofSeconds(36));
        assertThat(limiter().acquire(smaller, "a").allowed()).isTrue();
    }

    @Test
    void old_and_new_nodes_side_by_side_neither_starve_nor_flood_a_key() {
        String name = name();
        Policy old = Policy.of(name, limit("user", 7, perSecond()));
        Policy changed = Policy.of(name, limit("user", 11, perSecond()));
        int admitted = 0;
        for (int i = 0; i < 2_000; i++) {
            if (limiter().acquire(i % 2 == 0 ? old : changed, "a").allowed()) admitted++;
            pass(ofMillis(5));
        }

        // Ten seconds: what the smaller limit would give at least, and the larger at most.
        assertThat(admitted).isBetween(7 + 70 - 1, 11 + 110);
    }

    @Test
    void a_shorter_window_keeps_what_is_used() {
        String name = name();
        Policy hour = Policy.of(name, limit("login", 5, perHour()).slidingWindow());
        Policy minute = Policy.of(name, limit("login", 5, perMinute()).slidingWindow());
        pass(ofMinutes(1));
        assertThat(limiter().acquire(hour, "a", 5).allowed()).isTrue();
        pass(ofMinutes(30));

        assertThat(limiter().acquire(minute, "a").allowed()).isFalse();
        pass(ofMinutes(1));
        assertThat(limiter().acquire(minute, "a").allowed()).isTrue();
    }

    @Test
    void a_limit_that_turns_from_a_bucket_into_a_window_begins_anew() {
        String name = name();
        assertThat(limiter()
                        .acquire(Policy.of(name, limit("user", 2, perHour())), "a", 2)
                        .allowed())
                .isTrue();

        Policy window = Policy.of(name, limit("user", 2, perHour()).slidingWindow());

        assertThat(limiter().acquire(window, "a", 2).allowed()).isTrue();
        assertThat(limiter().acquire(window, "a").allowed()).isFalse();
    }

    // ---- extremes ---------------------------------------------------------------------------------------------------

    @Test
    void periods_from_a_millisecond_to_a_year_are_exact() {
        List<Limit> limits = List.of(
                limit("ms", 1, ofMillis(1)),
                limit("fast", 1_000_000, ofMillis(1)),
                limit("prime", 99_991, ofDays(30)),
                limit("year", 1, ofDays(366)),
                limit("odd", 7, Duration.ofNanos(1_234_567_000)),
                limit("window", 99_991, ofDays(31)).slidingWindow());
        for (Limit each : limits) {
            Policy policy = Policy.of(name(), each);
            assertThat(limiter().acquire(policy, "a", each.burst()).remaining())
                    .as("%s", each)
                    .isZero();
            Decision denied = limiter().acquire(policy, "a");
            assertThat(denied.allowed()).as("%s", each).isFalse();
            Duration wait = denied.retryAfter();
            pass(wait.minusNanos(1_000));
            assertThat(limiter().acquire(policy, "a").allowed()).as("%s", each).isFalse();
            pass(Duration.ofNanos(1_000));
            assertThat(limiter().acquire(policy, "a").allowed()).as("%s", each).isTrue();
        }
    }

    @Test
    void keys_may_be_whatever_users_type_and_never_run_into_each_other() {
        Policy policy = Policy.of(name(), limit("user", 1, perHour()));
        List<String> keys = List.of(
                "zoë",
                "zoe",
                "日本",
                "a:b",
                "a",
                ":",
                "{a}",
                "a}b",
                "\uD800",
                "\uDC00",
                "?",
                "\uFFFD",
                "\0",
                " ",
                "\n",
                "x".repeat(Key.LONGEST));

        for (String each : keys) {
            assertThat(limiter().acquire(policy, each).allowed()).as(each).isTrue();
        }
        for (String each : keys) {
            assertThat(limiter().acquire(policy, each).allowed()).as(each).isFalse();
        }
    }

    @Test
    void parts_of_keys_never_run_into_each_other() {
        Policy policy = Policy.of(name(), limit("user", 1, perHour()));
        List<Key> keys = List.of(
                Key.of("a", "b").and("c", "d"),
                Key.of("a", "b").and("c", "de"),
                Key.of("a", "bc").and("d", "d"),
                Key.of("a", "b").and("cd", "d"),
                Key.of("a", "b"),
                Key.of("b"),
                Key.of("c", "b"));

        for (Key each : keys)
            assertThat(limiter().acquire(policy, each).allowed()).isTrue();
        for (Key each : keys)
            assertThat(limiter().acquire(policy, each).allowed()).isFalse();
    }

    @Test
    void wrong_keys_and_costs_are_refused() {
        Policy policy = Policy.of(name(), limit("user", 5, perHour()));

        assertThatThrownBy(() -> limiter().acquire(policy, ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must not be empty");
        assertThatThrownBy(() -> limiter().acquire(policy, "x".repeat(1 << 20)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1048576 characters")
                .hasMessageContaining("at most 1024");
        for (long cost : new long[] {0, -1, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> limiter().acquire(policy, "a", cost))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("cost " + cost);
        }
        assertThat(limiter().acquire(policy, "a", Long.MAX_VALUE)).isInstanceOf(Decision.Infeasible.class);
        assertThat(limiter().acquire(policy, "a", 1L << 53)).isInstanceOf(Decision.Infeasible.class);
        assertThat(limiter().peek(policy, key("a"), 1).remaining()).isEqualTo(5);
    }

    // ---- many at once -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void of_many_calls_at_once_just_as_many_are_admitted_as_fit(int mostCost) throws Exception {
        Policy policy = Policy.of(
                name(),
                limit("user", 500, perHour()),
                limit("tenant", 700, perHour()).by("tenant"));
        AtomicLong admitted = new AtomicLong();
        AtomicInteger smallestRefused = new AtomicInteger(Integer.MAX_VALUE);
        together(32, thread -> {
            Random random = new Random(thread);
            Key key = Key.of("tenant", "acme").and("user", thread % 2 == 0 ? "ada" : "bo");
            for (int i = 0; i < 100; i++) {
                int cost = 1 + random.nextInt(mostCost);
                if (limiter().acquire(policy, key, cost).allowed()) {
                    admitted.addAndGet(cost);
                } else {
                    smallestRefused.accumulateAndGet(cost, Math::min);
                }
            }
        });

        // Whoever was refused the smallest cost saw no more room than that.
        assertThat(admitted.get()).isBetween(700L - smallestRefused.get() + 1, 700L);
    }

    static void together(int threads, ThreadBody body) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            CountDownLatch start = new CountDownLatch(1);
            List<Future<?>> all = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                int number = thread;
                all.add(pool.submit(() -> {
                    start.await();
                    body.run(number);
                    return null;
                }));
            }
            start.countDown();
            for (Future<?> each : all) each.get(50, TimeUnit.SECONDS);
        } finally {
            pool.shutdownNow();
        }
    }

    interface ThreadBody {
        void run(int thread) throws Exception;
    }

    // ---- against oracles --------------------------------------------------------------------------------------------

    @Test
    void every_decision_is_that_of_an_oracle() throws Exception {
        long seed = Long.getLong("tenfold.oracle.seed", new Random().nextLong());
        System.out.println(getClass().getSimpleName() + ": oracle seed " + seed); // for who has to replay a failure
        OracleRun run = new OracleRun(this, plainLimiter(), true, seed);

        int steps = run.play(100_000);

        assertThat(steps).isGreaterThanOrEqualTo(100_000);
    }
}
