package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static dev.tenfold.ratelimit.Limit.perSecond;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.SettableClock;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The memory of a limiter on this node is bounded, and a flood of keys refills nobody's bucket. */
class CellsTest {
    private static final int MAX = 1_000;

    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private final RateLimiter limiter = RateLimiter.local(o -> o.maxKeys(MAX).nanoClock(clock.nanoClock()));

    @Test
    void a_flood_of_keys_takes_no_more_room_and_refills_nobody() {
        Policy policy = Policy.of("flood", limit("user", 5, perHour()));
        for (int i = 0; i < 5; i++)
            assertThat(limiter.acquire(policy, "attacker").allowed()).isTrue();

        for (int i = 0; i < 50_000; i++) limiter.acquire(policy, "key" + i);

        assertThat(limiter.stats().keys()).isEqualTo(MAX);
        assertThat(limiter.acquire(policy, "attacker").allowed()).isFalse();
    }

    @Test
    void keys_without_room_share_buckets_and_admit_no_more_than_those() {
        Policy policy = Policy.of("flood", limit("user", 5, perHour()));
        for (int i = 0; i < MAX; i++) limiter.acquire(policy, "own" + i);

        int admitted = 0;
        for (int i = 0; i < 50_000; i++)
            admitted += limiter.acquire(policy, "late" + i).allowed() ? 1 : 0;

        assertThat(admitted).isBetween(5, 256 * 5);
    }

    @Test
    void what_is_full_again_makes_room() {
        Policy policy = Policy.of("p", limit("user", 5, perSecond()));
        for (int i = 0; i < MAX; i++) limiter.acquire(policy, "early" + i);
        clock.advance(ofSeconds(1));

        for (int i = 0; i < MAX; i++) limiter.acquire(policy, "late" + i);

        // Each that comes looks at four others, so all that are full have left before there is no room.
        for (int i = 0; i < MAX; i++) {
            assertThat(limiter.acquire(policy, "late" + i).remaining()).isEqualTo(3);
        }
    }

    @Test
    void a_key_that_gets_a_bucket_of_its_own_begins_with_what_its_shared_one_had_left() {
        Policy slow = Policy.of("slow", limit("user", 5, perHour()));
        Policy fast = Policy.of("fast", limit("user", 5, perSecond()));
        for (int i = 0; i < MAX; i++) limiter.acquire(fast, "k" + i);
        for (int i = 0; i < 5; i++)
            assertThat(limiter.acquire(slow, "attacker").allowed()).isTrue();
        assertThat(limiter.acquire(slow, "attacker").allowed()).isFalse();
        clock.advance(ofSeconds(1));
        for (int i = 0; i < 100; i++) limiter.acquire(fast, "new" + i); // these make room

        assertThat(limiter.acquire(slow, "attacker").allowed()).isFalse();
        assertThat(limiter.stats().keys()).isLessThan(MAX);
    }

    @Test
    void a_share_of_the_largest_limit_among_the_most_nodes_does_not_overflow() {
        LocalEngine shares = new LocalEngine(RateLimiterOptions.DEFAULT.nanoClock(clock.nanoClock()));
        long burst = 1L << 52;
        Policy policy = Policy.of("huge", limit("all", 1_000, ofMillis(1)).burst(burst));

        assertThat(shares.acquireShare(policy, "a", burst, 10_000).allowed()).isTrue();
        Decision second = shares.acquireShare(policy, "a", burst, 10_000);
        assertThat(second.allowed()).isFalse();
        assertThat(second.retryAfter()).isPositive();
        assertThat(shares.acquireShare(policy, "a", 1, 10_000).allowed()).isFalse();
    }

    @Test
    void cells_that_come_and_go_lose_no_call() throws Exception {
        // Buckets fill within a microsecond or so, and are swept while others take from them.
        Policy policy = Policy.of("race", limit("user", 3, perHour()));
        Policy quick = Policy.of("quick", limit("user", 1_000_000, perSecond()));
        AtomicInteger admitted = new AtomicInteger();
        RateLimiter real = RateLimiter.local(o -> o.maxKeys(MAX));
        RateLimiterContract.together(4, thread -> {
            for (int i = 0; i < 20_000; i++) {
                real.acquire(quick, "k" + (i + thread * 7) % 300);
                if (i % 100 == 0 && real.acquire(policy, "one").allowed()) admitted.incrementAndGet();
            }
        });

        assertThat(admitted).hasValue(3);
        assertThat(real.stats().of("quick").allowed()).isEqualTo(80_000);
    }
}
