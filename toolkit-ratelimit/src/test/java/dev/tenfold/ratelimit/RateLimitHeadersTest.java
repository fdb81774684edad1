package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static dev.tenfold.ratelimit.Limit.perMinute;
import static dev.tenfold.ratelimit.Limit.perSecond;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.entry;

import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RateLimitHeadersTest {
    private static final Key KEY = Key.of("42");

    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private final RateLimiter limiter = RateLimiter.local(o -> o.nanoClock(clock.nanoClock()));

    private Decision acquire(Policy policy, long cost) {
        return limiter.acquire(policy, KEY, cost);
    }

    @Test
    void each_limit_is_an_item_under_its_name() {
        Policy policy = Policy.of("api", limit("user", 100, perMinute()), limit("tenant", 5_000, perHour()));

        assertThat(acquire(policy, 1).headers())
                .containsExactly(
                        entry("RateLimit-Policy", "\"user\";q=100;w=60, \"tenant\";q=5000;w=3600"),
                        entry("RateLimit", "\"user\";r=99;t=1, \"tenant\";r=4999;t=1"));
    }

    @Test
    void a_refusal_says_when_to_come_back() {
        Policy policy = Policy.of("login", limit("login", 3, Duration.ofSeconds(10)));
        acquire(policy, 3);

        // A token every 3 1/3 s.
        assertThat(acquire(policy, 1).headers())
                .containsExactly(
                        entry("RateLimit-Policy", "\"login\";q=3;w=10"),
                        entry("RateLimit", "\"login\";r=0;t=4"),
                        entry("Retry-After", "4"));
        assertThat(acquire(policy, 3).headers())
                .containsEntry("RateLimit", "\"login\";r=0;t=4")
                .containsEntry("Retry-After", "10");
    }

    @Test
    void who_waits_as_told_is_admitted_and_who_waits_a_second_less_is_not() {
        Policy policy = Policy.of("login", limit("login", 7, Duration.ofSeconds(60)), limit("ip", 9, perMinute()));
        Random random = new Random(7);
        for (int round = 0; round < 500; round++) {
            long cost = 1L + random.nextInt(7);
            Decision refusal = acquire(policy, cost);
            if (!refusal.allowed()) {
                long seconds = Long.parseLong(refusal.headers().getOrDefault("Retry-After", ""));
                assertThat(seconds).isPositive();
                clock.advance(Duration.ofSeconds(seconds - 1));
                assertThat(acquire(policy, cost).allowed()).as("a second early").isFalse();
                clock.advance(Duration.ofSeconds(1));
                assertThat(acquire(policy, cost).allowed()).as("in time").isTrue();
            }
            clock.advance(Duration.ofMillis(random.nextInt(3_000)));
        }
    }

    @Test
    void retry_after_is_at_least_a_second() {
        Policy policy = Policy.of("fast", limit("fast", 1_000, perSecond()).burst(1));
        acquire(policy, 1);

        assertThat(acquire(policy, 1).headers())
                .containsEntry("RateLimit", "\"fast\";r=0;t=1")
                .containsEntry("Retry-After", "1");
    }

    @Test
    void remaining_counts_down_from_the_burst_and_the_quota_is_that_of_a_period() {
        Policy policy = Policy.of(
                "api",
                limit("user", 100, perMinute()).burst(20),
                limit("big", 10, perHour()).burst(50));

        assertThat(acquire(policy, 1).headers())
                .containsEntry("RateLimit-Policy", "\"user\";q=100;w=60, \"big\";q=10;w=3600")
                .containsEntry("RateLimit", "\"user\";r=19;t=1, \"big\";r=49;t=360");
    }

    @Test
    void a_bucket_that_is_full_has_no_t() {
        Policy policy = Policy.of("api", limit("user", 60, perMinute()), limit("fast", 1, Duration.ofMillis(1)));
        acquire(policy, 1);
        clock.advance(Duration.ofMinutes(1));
        Decision full = new Decision.Denied(policy, 1, new long[2 * Algorithm.WIDTH], 0, 0);

        assertThat(full.headers()).containsEntry("RateLimit", "\"user\";r=60, \"fast\";r=1");
    }

    @Test
    void a_sliding_window_is_told_like_a_bucket() {
        Policy policy = Policy.of("api", limit("user", 2, perMinute()).slidingWindow());
        acquire(policy, 1);
        clock.advance(Duration.ofSeconds(10));
        acquire(policy, 1);

        // Both are in this window, which ends after 50 s; half of the next has to pass until one of them counts no
        // more.
        assertThat(acquire(policy, 1).headers())
                .containsEntry("RateLimit-Policy", "\"user\";q=2;w=60")
                .containsEntry("RateLimit", "\"user\";r=0;t=80")
                .containsEntry("Retry-After", "80");
    }

    @Test
    void a_period_of_broken_seconds_is_rounded_up_and_the_quota_scaled() {
        Policy policy = Policy.of(
                "api",
                limit("tenth", 10, Duration.ofMillis(100)),
                limit("one-and-a-half", 100, Duration.ofMillis(1_500)),
                limit("rare", 1, Duration.ofMillis(61_500)));

        assertThat(acquire(policy, 1).headers())
                .containsEntry(
                        "RateLimit-Policy", "\"tenth\";q=100;w=1, \"one-and-a-half\";q=133;w=2, \"rare\";q=1;w=62");
    }

    @Test
    void numbers_have_at_most_fifteen_digits() {
        Policy policy = Policy.of("huge", limit("huge", 4_000_000_000_000_000L, Duration.ofMillis(1)));

        assertThat(acquire(policy, 1).headers())
                .containsEntry("RateLimit-Policy", "\"huge\";q=999999999999999;w=1")
                .containsEntry("RateLimit", "\"huge\";r=999999999999999;t=1");
    }

    @Test
    void what_can_never_be_admitted_is_told_no_time() {
        Decision infeasible = acquire(Policy.of("api", limit("user", 100, perMinute())), 101);

        assertThat(infeasible.headers()).containsExactly(entry("RateLimit-Policy", "\"user\";q=100;w=60"));
        assertThat(RateLimitHeaders.LEGACY.fields(infeasible)).isEmpty();
        assertThat(RateLimitHeaders.LEGACY.jitter(Duration.ofHours(1)).fields(infeasible))
                .isEmpty();
    }

    @Test
    void in_an_outage_only_the_time_is_told() {
        Policy closed = Policy.of("api", limit("user", 100, perMinute())).onOutage(Outage.CLOSED);

        assertThat(new Decision.Degraded(closed, 1, false).headers()).containsExactly(entry("Retry-After", "1"));
        assertThat(new Decision.Degraded(closed.onOutage(Outage.OPEN), 1, true).headers())
                .isEmpty();
    }

    @Test
    void by_a_nodes_share_all_is_told() {
        Policy policy = Policy.of("api", limit("user", 60, perMinute()));

        assertThat(new Decision.Degraded(policy, 61, false, new long[Algorithm.WIDTH], 0, 1).headers())
                .containsEntry("RateLimit", "\"user\";r=60")
                .containsEntry("Retry-After", "1");
    }

    @Test
    void legacy_fields_are_those_of_the_limit_with_least_left() {
        Policy policy = Policy.of("api", limit("user", 100, perMinute()).burst(20), limit("tenant", 5_000, perHour()));

        assertThat(RateLimitHeaders.LEGACY.fields(acquire(policy, 20)))
                .containsExactly(
                        entry("X-RateLimit-Limit", "20"),
                        entry("X-RateLimit-Remaining", "0"),
                        entry("X-RateLimit-Reset", "1"));
        assertThat(RateLimitHeaders.LEGACY.fields(acquire(policy, 10)))
                .containsEntry("X-RateLimit-Remaining", "0")
                .containsEntry("Retry-After", "6");
    }

    @Test
    void of_several_limits_that_are_used_up_the_slowest_is_told() {
        Policy policy = Policy.of("api", limit("user", 5, perMinute()), limit("tenant", 5, perHour()));
        acquire(policy, 5);

        assertThat(RateLimitHeaders.LEGACY.fields(acquire(policy, 1)))
                .containsEntry("X-RateLimit-Reset", "720")
                .containsEntry("Retry-After", "720");
    }

    @Test
    void none_leaves_retry_after() {
        Policy policy = Policy.of("api", limit("user", 1, perMinute()));

        assertThat(RateLimitHeaders.NONE.fields(acquire(policy, 1))).isEmpty();
        assertThat(RateLimitHeaders.NONE.fields(acquire(policy, 1))).containsExactly(entry("Retry-After", "60"));
    }

    @Test
    void jitter_only_adds_and_only_to_retry_after() {
        Policy policy = Policy.of("api", limit("user", 1, perMinute()));
        acquire(policy, 1);
        Decision refusal = acquire(policy, 1);
        Duration most = Duration.ofSeconds(10);

        assertThat(RateLimitHeaders.IETF.jitter(most, bound -> 0).fields(refusal))
                .containsEntry("Retry-After", "60");
        assertThat(RateLimitHeaders.IETF.jitter(most, bound -> 1).fields(refusal))
                .containsEntry("Retry-After", "61");
        assertThat(RateLimitHeaders.IETF.jitter(most, bound -> bound).fields(refusal))
                .containsEntry("Retry-After", "70")
                .containsEntry("RateLimit", "\"user\";r=0;t=60");
        for (int i = 0; i < 1_000; i++) {
            assertThat(Long.parseLong(
                            RateLimitHeaders.NONE.jitter(most).fields(refusal).getOrDefault("Retry-After", "")))
                    .isBetween(60L, 70L);
        }
    }

    @Test
    void jitter_is_bounded() {
        assertThatIllegalArgumentException().isThrownBy(() -> RateLimitHeaders.IETF.jitter(Duration.ofSeconds(-1)));
        assertThatIllegalArgumentException().isThrownBy(() -> RateLimitHeaders.IETF.jitter(Duration.ofMinutes(61)));
        assertThat(RateLimitHeaders.IETF.jitter(Duration.ofSeconds(3)))
                .hasToString("IETF, Retry-After up to PT3S later");
    }

    // The body.

    private static String body(Decision refusal, String retryAfter) {
        return new String(Problem.of(refusal, retryAfter).body, UTF_8);
    }

    @Test
    void the_problem_names_the_limits_that_had_no_room() {
        Policy policy =
                Policy.of("api", limit("a", 1, perMinute()), limit("b", 9, perHour()), limit("c-2_x.y", 1, perHour()));
        acquire(policy, 1);

        assertThat(body(acquire(policy, 1), "3600"))
                .isEqualTo("{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","
                        + "\"title\":\"Too many requests for the quota\",\"status\":429,"
                        + "\"detail\":\"Wait 3600 s before the next try.\",\"violated-policies\":[\"a\",\"c-2_x.y\"]}");
    }

    @Test
    void a_share_that_is_used_up_is_a_quota_that_is_exceeded() {
        Policy policy = Policy.of("api", limit("user", 1, perMinute()));
        LocalEngine shares = new LocalEngine(RateLimiterOptions.DEFAULT.nanoClock(clock.nanoClock()));
        assertThat(shares.acquireShare(policy, "a", 1, 2).allowed()).isTrue();
        Decision share = shares.acquireShare(policy, "a", 1, 2);

        assertThat(Problem.of(share, "1").status).isEqualTo(429);
        assertThat(body(share, "1")).contains("#quota-exceeded\"").contains("\"violated-policies\":[\"user\"]");
    }

    @Test
    void json_is_escaped() {
        assertThat(Problem.quoted("a\"b\\c\n\u0001é\ud800")).isEqualTo("\"a\\\"b\\\\c\\u000a\\u0001é\\ud800\"");
    }
}
