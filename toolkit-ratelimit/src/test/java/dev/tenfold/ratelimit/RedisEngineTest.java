package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static dev.tenfold.ratelimit.Limit.perMinute;
import static dev.tenfold.ratelimit.Limit.perSecond;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import dev.tenfold.testkit.SettableClock;
import io.lettuce.core.ScanArgs;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the script writes, when it is asked at all, and what it makes of clocks that step. By the clock of the server. */
class RedisEngineTest {
    private static final AtomicLong PREFIXES = new AtomicLong();

    private final String prefix = "engine" + PREFIXES.incrementAndGet() + ":";
    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private final AtomicLong redisMicros = new AtomicLong(1_763_936_123_456_789L);
    private RedisLink link;
    private RateLimiter limiter;

    @BeforeEach
    void connect() {
        link = RedisLink.connect(RedisServer.shared().uri(), o -> o.commandTimeout(Await.LIMIT));
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
        limiter = RateLimiter.redis(link, o -> o.prefix(prefix).nanoClock(clock.nanoClock()));
    }

    @AfterEach
    void close() {
        limiter.close();
        link.close();
    }

    private List<byte[]> keys() {
        return named(prefix + "*").stream()
                .filter(key -> "string".equals(link.await(link.call(redis -> redis.type(key)))))
                .toList();
    }

    /** In one step, as there are not that many. */
    private List<byte[]> named(String pattern) {
        ScanArgs all = ScanArgs.Builder.matches(pattern).limit(10_000_000);
        return link.await(link.call(redis -> redis.scan(all))).getKeys();
    }

    private byte[] key() {
        assertThat(keys()).hasSize(1);
        return keys().get(0);
    }

    @Test
    void a_key_takes_128_bytes_at_most_and_shows_nobodys_name() {
        String own = "aslongas"; // as the default prefix is, under which others have keys
        assertThat(RateLimiterOptions.DEFAULT.prefixBytes()).hasSameSizeAs(own.getBytes(ISO_8859_1));
        Policy policy = Policy.of("api", limit("user", 100, perHour()));
        try (RateLimiter usual = RateLimiter.redis(link, o -> o.prefix(own))) {
            usual.acquire(policy, "adalovelace@example.org", 50);
            List<byte[]> all = named(own + "{*").stream()
                    .filter(key -> "string".equals(link.await(link.call(redis -> redis.type(key)))))
                    .toList();
            assertThat(all).hasSize(1);
            long bytes = link.await(link.call(redis -> redis.memoryUsage(all.get(0))));
            assertThat(bytes).isLessThanOrEqualTo(128);
            assertThat(new String(all.get(0), ISO_8859_1))
                    .doesNotContain("lovelace")
                    .doesNotContain("user");
            usual.reset(policy, Key.of("adalovelace@example.org"));
        }
    }

    @Test
    void a_key_lives_until_its_bucket_is_full() {
        Policy policy = Policy.of("ttl", limit("user", 100, perMinute()));
        limiter.acquire(policy, "a", 50);

        long ttl = link.await(link.call(redis -> redis.pttl(key())));

        assertThat(ttl).isBetween(25_000L, 30_001L);
    }

    @Test
    void a_full_bucket_takes_no_room() {
        Policy policy = Policy.of("full", limit("user", 1_000, ofMillis(10)));
        limiter.acquire(policy, "a", 10);
        limiter.refund(policy, Key.of("a"), 10);

        assertThat(keys()).isEmpty();
    }

    @Test
    void a_refusal_writes_nothing() {
        RateLimiter plain = RateLimiter.redis(link, o -> o.prefix(prefix).denialCache(false));
        Policy policy = Policy.of(
                "refuse",
                limit("user", 2, perHour()),
                limit("more", 5, perHour()).slidingWindow());
        plain.acquire(policy, "a", 2);
        List<byte[]> before = keys().stream()
                .map(key -> link.await(link.call(redis -> redis.get(key))))
                .toList();

        for (int i = 0; i < 10; i++)
            assertThat(plain.acquire(policy, "a").allowed()).isFalse();

        List<byte[]> after = keys().stream()
                .map(key -> link.await(link.call(redis -> redis.get(key))))
                .toList();
        assertThat(after).hasSize(2).containsExactlyInAnyOrderElementsOf(before); // Redis has no order
        plain.close();
    }

    @Test
    void a_decision_costs_one_script_and_who_was_refused_none() {
        Policy policy = Policy.of("trips", limit("user", 5, perHour()));
        for (int i = 0; i < 6; i++) limiter.acquire(policy, "a");
        assertThat(limiter.stats().scripts()).isEqualTo(6);

        for (int i = 0; i < 100; i++)
            assertThat(limiter.acquire(policy, "a").allowed()).isFalse();

        assertThat(limiter.stats().scripts()).isEqualTo(6);
        assertThat(limiter.stats().remembered()).isEqualTo(100);
    }

    @Test
    void a_cheaper_call_is_asked_for_though_a_dearer_one_was_refused() {
        Policy policy = Policy.of("dear", limit("user", 5, perHour()));
        limiter.acquire(policy, "a", 3);
        assertThat(limiter.acquire(policy, "a", 3).allowed()).isFalse();
        assertThat(limiter.acquire(policy, "a", 4).allowed()).isFalse();

        assertThat(limiter.acquire(policy, "a", 2).allowed()).isTrue();
    }

    @Test
    void a_refund_and_a_reset_end_a_remembered_refusal() {
        Policy policy = Policy.of("refund", limit("user", 5, perHour()));
        limiter.acquire(policy, "a", 5);
        assertThat(limiter.acquire(policy, "a").allowed()).isFalse();
        assertThat(limiter.refund(policy, Key.of("a"), 1)).isTrue();
        assertThat(limiter.acquire(policy, "a").allowed()).isTrue();
        assertThat(limiter.acquire(policy, "a").allowed()).isFalse();
        assertThat(limiter.reset(policy, Key.of("a"))).isTrue();
        assertThat(limiter.acquire(policy, "a", 5).allowed()).isTrue();
    }

    @Test
    void calls_for_a_busy_key_share_scripts_and_admit_no_more_than_the_limit() throws Exception {
        Policy policy = Policy.of("busy", limit("user", 1_000, ofDays(366))); // none is refilled meanwhile
        AtomicInteger admitted = new AtomicInteger();
        RateLimiterContract.together(64, thread -> {
            for (int i = 0; i < 50; i++) {
                if (limiter.acquire(policy, "one").allowed()) admitted.incrementAndGet();
            }
        });

        assertThat(admitted).hasValue(1_000);
        assertThat(limiter.stats().coalesced()).isPositive();
    }

    @Test
    void who_comes_while_a_busy_key_is_asked_for_shares_the_next_script_and_is_decided_in_order() {
        Policy policy = Policy.of("shared", limit("user", 40, perHour()));
        CompletableFuture<Void> goOn = new CompletableFuture<>();
        try (RateLimiter held = RateLimiter.on(new RedisEngine(link, RateLimiterOptions.DEFAULT) {
            @Override
            CompletableFuture<List<Object>> run(boolean isBucket, byte[][] keys, byte[][] args) {
                CompletableFuture<List<Object>> reply = super.run(isBucket, keys, args);
                return goOn.thenCompose(now -> reply);
            }
        })) {
            List<CompletableFuture<Decision>> asked = new ArrayList<>();
            for (int i = 0; i < 64; i++) asked.add(held.acquireAsync(policy, "one", 1));
            goOn.complete(null);

            for (int i = 0; i < 64; i++) {
                assertThat(asked.get(i).join().allowed()).as("call %s", i).isEqualTo(i < 40);
            }
            assertThat(held.stats().scripts()).isEqualTo(2);
            assertThat(held.stats().coalesced()).isEqualTo(62);
        }
    }

    @Test
    void a_server_that_has_forgotten_the_script_gets_it_again() {
        Policy policy = Policy.of("flush", limit("user", 5, perHour()));
        limiter.acquire(policy, "a");
        String flushed = link.await(link.call(redis -> redis.scriptFlush()));
        assertThat(flushed).isEqualTo("OK");

        assertThat(limiter.acquire(policy, "a").remaining()).isEqualTo(3);
    }

    @Test
    void a_key_that_somebody_else_has_spoilt_fails_nobodys_request() {
        Policy policy = Policy.of("spoilt", limit("user", 5, perHour()));
        limiter.acquire(policy, "a");
        byte[] key = key();
        link.await(link.call(redis -> redis.del(key)));
        link.await(link.call(redis -> redis.lpush(key, "x".getBytes(ISO_8859_1))));

        Decision decision = limiter.acquire(policy, "a");

        assertThat(decision).isInstanceOf(Decision.Degraded.class);
        assertThat(decision.allowed()).isTrue();
        assertThat(limiter.acquire(policy, "b")).isInstanceOf(Decision.Allowed.class);
        assertThat(limiter.stats().away()).isFalse();
        link.await(link.call(redis -> redis.del(key)));
    }

    @Test
    void a_limiter_counts_the_nodes_that_share_its_limits() throws Exception {
        List<RateLimiter> others = new ArrayList<>();
        for (int i = 0; i < 3; i++) others.add(RateLimiter.redis(link, o -> o.prefix(prefix)));
        RateLimiter last = RateLimiter.redis(link, o -> o.prefix(prefix));
        Await.until("the last sees all five", () -> last.stats().nodes() == 5);
        others.forEach(RateLimiter::close);
        last.close();
        RateLimiter fresh = RateLimiter.redis(link, o -> o.prefix(prefix));
        Await.until("the closed ones have left", () -> fresh.stats().nodes() == 2);
        fresh.close();
    }

    @Test
    void async_decisions_complete_without_a_thread_of_the_callers() throws Exception {
        Policy policy = Policy.of("async", limit("user", 10, perHour()));
        List<CompletableFuture<Decision>> asked = new ArrayList<>();
        for (int i = 0; i < 20; i++) asked.add(limiter.acquireAsync(policy, "a", 1));
        int admitted = 0;
        for (CompletableFuture<Decision> each : asked) {
            admitted += each.get(10, TimeUnit.SECONDS).allowed() ? 1 : 0;
        }
        assertThat(admitted).isEqualTo(10);
    }

    // ---- clocks that step -------------------------------------------------------------------------------------------

    private RateLimiter stepping() {
        return RateLimiter.on(new ClockedEngine(
                link,
                RateLimiterOptions.DEFAULT
                        .prefix(prefix)
                        .nanoClock(clock.nanoClock())
                        .denialCache(false),
                redisMicros::get));
    }

    private void step(Duration by) {
        redisMicros.addAndGet(by.toNanos() / 1_000);
    }

    @Test
    void a_clock_that_goes_back_a_little_gives_nothing_away() {
        RateLimiter stepped = stepping();
        Policy policy = Policy.of(
                "little",
                limit("user", 10, ofSeconds(10)),
                limit("w", 10, ofSeconds(10)).slidingWindow());
        assertThat(stepped.acquire(policy, "a", 10).allowed()).isTrue();
        step(ofSeconds(-4));
        assertThat(stepped.acquire(policy, "a").allowed()).isFalse();
        step(ofSeconds(4));
        assertThat(stepped.acquire(policy, "a").allowed()).isFalse();
        assertThat(stepped.stats().clockJumps()).isZero();
        stepped.close();
    }

    @Test
    void a_clock_that_goes_back_far_is_believed_and_the_debt_is_kept() {
        RateLimiter stepped = stepping();
        Policy policy = Policy.of("far", limit("user", 10, ofSeconds(10)));
        assertThat(stepped.acquire(policy, "a", 10).allowed()).isTrue();
        step(ofHours(-1));
        assertThat(stepped.acquire(policy, "a").allowed()).isFalse();
        step(ofSeconds(1));
        assertThat(stepped.acquire(policy, "a").allowed()).isTrue();
        assertThat(stepped.acquire(policy, "a").allowed()).isFalse();
        assertThat(stepped.stats().clockJumps()).isEqualTo(1);
        stepped.close();
    }

    @Test
    void a_clock_that_jumps_ahead_gives_one_burst_at_most() {
        RateLimiter stepped = stepping();
        Policy policy = Policy.of("ahead", limit("user", 10, ofSeconds(10)));
        int admitted = 0;
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 20; i++)
                admitted += stepped.acquire(policy, "a").allowed() ? 1 : 0;
            step(ofHours(round == 0 ? 1 : -1));
        }

        // The first burst, the one of the jump, and nothing when the clock is set right again.
        assertThat(admitted).isEqualTo(20);
        stepped.close();
    }

    @Test
    void refusals_are_remembered_by_this_nodes_clock_a_second_at_most() {
        RateLimiter stepped = RateLimiter.on(new ClockedEngine(
                link, RateLimiterOptions.DEFAULT.prefix(prefix).nanoClock(clock.nanoClock()), redisMicros::get));
        Policy policy = Policy.of("second", limit("user", 1, perSecond()).burst(1), limit("h", 100, perHour()));
        stepped.acquire(policy, "a");
        assertThat(stepped.acquire(policy, "a").allowed()).isFalse();
        clock.advance(ofMillis(999));
        step(ofMillis(999));
        assertThat(stepped.acquire(policy, "a").retryAfter()).isEqualTo(ofMillis(1));
        assertThat(stepped.stats().scripts()).isEqualTo(2);
        clock.advance(ofMillis(1));
        step(ofMillis(1));
        assertThat(stepped.acquire(policy, "a").allowed()).isTrue();
        stepped.close();
    }

    @Test
    void only_keys_of_which_there_is_something_to_remember_take_memory() {
        Policy policy = Policy.of("api", limit("user", 4, perHour()));
        for (int i = 0; i < 1_000; i++) limiter.acquire(policy, "quiet" + i, 2);
        assertThat(limiter.stats().keys()).isZero();

        limiter.acquire(policy, "busy", 3);
        assertThat(limiter.stats().keys()).isOne();
        limiter.acquire(policy, "quiet7", 3);
        assertThat(limiter.stats().keys()).isEqualTo(2);
        long scripts = limiter.stats().scripts();
        assertThat(limiter.acquire(policy, "quiet7", 3).allowed()).isFalse();
        assertThat(limiter.stats().scripts()).as("the refusal was remembered").isEqualTo(scripts);
    }

    @Test
    void nothing_is_left_of_many_calls_that_met_each_other() {
        Policy policy = Policy.of("api", limit("user", 1_000_000, perSecond()));
        List<CompletableFuture<Decision>> all = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) all.add(limiter.acquireAsync(policy, "key" + i % 7, 1));
        assertThat(all).allMatch(decision -> decision.join().allowed());
        assertThat(limiter.stats().coalesced()).isPositive();
        assertThat(limiter.stats().keys()).isZero();
    }
}
