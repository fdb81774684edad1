package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is decided while Redis does not answer, how long that takes, and how it ends. */
class OutageTest {
    private RedisServer server;
    private FaultProxy proxy;
    private final List<AutoCloseable> open = new ArrayList<>();

    @BeforeEach
    void start() {
        server = RedisServer.start();
        proxy = FaultProxy.to(server.host(), server.port());
    }

    @AfterEach
    void stop() throws Exception {
        proxy.resume();
        for (int i = open.size() - 1; i >= 0; i--) open.get(i).close();
        proxy.close();
        server.close();
    }

    /** What is cut off fails at once; only silence takes as long as the timeout. */
    private RateLimiter node(int atLeast) {
        return node(atLeast, Await.LIMIT);
    }

    private RateLimiter node(int atLeast, Duration timeout) {
        RateLimiter limiter = RateLimiter.redis(link(timeout), o -> o.nodes(atLeast));
        open.add(limiter);
        return limiter;
    }

    private RedisLink link(Duration timeout) {
        RedisLink link =
                RedisLink.connect("redis://" + proxy.host() + ":" + proxy.port(), o -> o.commandTimeout(timeout));
        open.add(link);
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
        return link;
    }

    @Test
    void a_silent_redis_costs_one_caller_one_timeout_and_all_others_nothing() {
        RateLimiter limiter = node(1, ofMillis(500));
        Policy policy = Policy.of("silent", limit("user", 1_000, perHour()));
        AtomicLong outages = new AtomicLong();
        Await.inTime(ofMillis(1_500), () -> {
            proxy.resume();
            Await.until("Redis decides", () -> limiter.acquire(policy, "a") instanceof Decision.Allowed);
            outages.set(limiter.stats().outages());
            proxy.halfOpen();
            long start = System.nanoTime();
            assertThat(limiter.acquire(policy, "a")).isInstanceOf(Decision.Degraded.class);
            return Duration.ofNanos(System.nanoTime() - start);
        });

        long[] later = new long[400];
        for (int i = 0; i < later.length; i++) {
            long before = System.nanoTime();
            assertThat(limiter.acquire(policy, "a")).isInstanceOf(Decision.Degraded.class);
            later[i] = System.nanoTime() - before;
        }
        Arrays.sort(later);

        // Far below the timeout: no timed test of speed, but nobody else has waited.
        assertThat(later[390]).isLessThan(TimeUnit.MILLISECONDS.toNanos(100));
        assertThat(limiter.stats().outages() - outages.get()).isEqualTo(1);
        assertThat(limiter.stats().away()).isTrue();

        proxy.resume();
        Await.until("Redis decides again", () -> limiter.acquire(policy, "b") instanceof Decision.Allowed);
        assertThat(limiter.stats().away()).isFalse();
    }

    @Test
    void each_policy_has_its_own_way() {
        RateLimiter limiter = node(1);
        Policy base = Policy.of("way", limit("user", 3, perHour()));
        proxy.cut();

        for (int i = 0; i < 10; i++) {
            assertThat(limiter.acquire(base.onOutage(Outage.OPEN), "a").allowed())
                    .isTrue();
            Decision closed = limiter.acquire(base.onOutage(Outage.CLOSED), "a");
            assertThat(closed.allowed()).isFalse();
            assertThat(closed.retryAfter()).isEqualTo(ofSeconds(1));
        }
        int local = 0;
        for (int i = 0; i < 10; i++)
            local += limiter.acquire(base.onOutage(Outage.LOCAL), "a").allowed() ? 1 : 0;
        assertThat(local).isEqualTo(3);
        assertThat(limiter.acquire(base, "a").quotas())
                .singleElement()
                .satisfies(quota -> assertThat(quota.remaining()).isZero());
        assertThat(limiter.acquire(base, "a", 4)).isInstanceOf(Decision.Infeasible.class);
        assertThat(limiter.refund(base, Key.of("a"), 1)).isFalse();
        assertThat(limiter.reset(base, Key.of("a"))).isFalse();
        assertThat(limiter.stats().of("way").degradedAllowed()).isEqualTo(13);
    }

    @Test
    void all_nodes_together_admit_what_the_limit_allows() {
        List<RateLimiter> nodes = new ArrayList<>();
        for (int i = 0; i < 4; i++) nodes.add(node(1));
        for (RateLimiter node : nodes)
            Await.until("all are counted", () -> node.stats().nodes() == 4);
        Policy policy = Policy.of("fleet", limit("user", 100, perHour()));
        proxy.cut();

        int admitted = 0;
        for (RateLimiter node : nodes) {
            for (int i = 0; i < 100; i++) admitted += node.acquire(policy, "a").allowed() ? 1 : 0;
        }

        assertThat(admitted).isEqualTo(100);
    }

    /** As after an outage that was longer than a node counts without a word of it, or a restart. */
    @Test
    void nodes_that_redis_has_forgotten_are_not_missed_while_they_come_back() {
        RedisLink link = link(Await.LIMIT);
        List<RateLimiter> nodes = new ArrayList<>();
        for (int i = 0; i < 4; i++) nodes.add(node(1));
        for (RateLimiter node : nodes)
            Await.until("all are counted", () -> node.stats().nodes() == 4);

        link.await(link.call(redis -> redis.flushall()));

        byte[] key = new Names(RateLimiterOptions.DEFAULT).shared("nodes");
        AtomicInteger least = new AtomicInteger(4);
        Await.until("all have come back", () -> {
            nodes.forEach(node -> least.accumulateAndGet(node.stats().nodes(), Math::min));
            return link.await(link.call(redis -> redis.zcard(key))) == 4;
        });
        assertThat(least).hasValue(4);
    }

    @Test
    void a_share_begins_with_what_was_left_when_redis_was_last_heard_of() {
        RateLimiter one = node(2);
        RateLimiter other = node(2);
        Policy policy = Policy.of("warm", limit("user", 100, perHour()));
        for (int i = 0; i < 59; i++)
            assertThat(one.acquire(policy, "a").allowed()).isTrue();
        assertThat(other.acquire(policy, "a").remaining()).isEqualTo(40);
        assertThat(one.peek(policy, Key.of("a"), 1).remaining()).isEqualTo(40);
        proxy.cut();

        int admitted = 0;
        for (RateLimiter node : List.of(one, other)) {
            for (int i = 0; i < 100; i++) admitted += node.acquire(policy, "a").allowed() ? 1 : 0;
        }

        assertThat(admitted).isEqualTo(40);
    }

    /** The first to notice stands still where it looks at the clock for the first or for the second time. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void a_share_does_not_begin_full_for_those_who_come_while_the_first_stands_still(int stallAt) throws Exception {
        CountDownLatch stalls = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicReference<Thread> first = new AtomicReference<>();
        AtomicInteger looks = new AtomicInteger();
        LongSupplier clock = () -> {
            if (Thread.currentThread() == first.get() && looks.incrementAndGet() == stallAt) {
                stalls.countDown();
                Await.latch(goOn);
            }
            return System.nanoTime();
        };
        RedisLink link = link(Await.LIMIT);
        RateLimiter limiter = RateLimiter.redis(link, o -> o.nanoClock(clock));
        open.add(limiter);
        Policy policy = Policy.of("stall", limit("user", 100, perHour()));
        assertThat(limiter.acquire(policy, "a", 90).allowed()).isTrue();
        proxy.cut();
        Await.until("the link is down", () -> !link.isAvailable());
        AtomicInteger admitted = new AtomicInteger();
        Thread stalled = new Thread(() -> {
            if (limiter.acquire(policy, "a").allowed()) admitted.incrementAndGet();
        });
        first.set(stalled);
        stalled.start();
        Await.latch(stalls);

        for (int i = 0; i < 100; i++) {
            if (limiter.acquire(policy, "a").allowed()) admitted.incrementAndGet();
        }
        goOn.countDown();
        stalled.join();

        assertThat(admitted).hasValue(10);
    }

    @Test
    void a_share_of_less_than_one_token_admits_one_and_owes_the_rest() {
        RateLimiter limiter = node(10);
        Policy policy = Policy.of("small", limit("user", 3, perHour()));
        proxy.cut();

        assertThat(limiter.acquire(policy, "a").allowed()).isTrue();
        Decision second = limiter.acquire(policy, "a");
        assertThat(second.allowed()).isFalse();
        // Ten nodes at a tenth of three an hour each: the next in about 10/3 hours.
        assertThat(second.retryAfter()).isBetween(ofSeconds(11_900), ofSeconds(12_000));
    }

    @Test
    void a_limiter_may_start_without_redis() {
        proxy.cut();
        RedisLink link =
                RedisLink.connect("redis://" + proxy.host() + ":" + proxy.port(), o -> o.connectTimeout(ofMillis(200)));
        open.add(link);
        RateLimiter limiter = RateLimiter.redis(link, o -> o.nodes(2));
        open.add(limiter);
        Policy policy = Policy.of("start", limit("user", 4, perHour()));

        int admitted = 0;
        for (int i = 0; i < 10; i++) admitted += limiter.acquire(policy, "a").allowed() ? 1 : 0;
        assertThat(admitted).isEqualTo(2);

        proxy.resume();
        Await.until("Redis decides", () -> limiter.acquire(policy, "b") instanceof Decision.Allowed);
    }

    @Test
    void many_callers_of_a_silent_redis_wait_once_and_together() throws Exception {
        RateLimiter limiter = node(1, ofMillis(500));
        Policy policy = Policy.of("many", limit("user", 1_000_000, perHour()));
        Await.inTime(ofSeconds(3), () -> {
            proxy.resume();
            Await.until("Redis decides", () -> limiter.acquire(policy, "a") instanceof Decision.Allowed);
            proxy.halfOpen();
            AtomicInteger degraded = new AtomicInteger();
            long start = System.nanoTime();

            RateLimiterContract.together(32, thread -> {
                for (int i = 0; i < 20; i++) {
                    if (limiter.acquire(policy, "a") instanceof Decision.Degraded) degraded.incrementAndGet();
                }
            });

            assertThat(degraded).hasValue(32 * 20);
            return Duration.ofNanos(System.nanoTime() - start);
        });
    }

    @Test
    void an_interrupted_caller_gets_a_decision_and_stays_interrupted() {
        RateLimiter limiter = node(1);
        Policy policy = Policy.of("interrupt", limit("user", 10, perHour())).onOutage(Outage.CLOSED);
        assertThat(limiter.acquire(policy, "a").allowed()).isTrue();
        proxy.halfOpen();
        Thread.currentThread().interrupt();

        Decision decision = limiter.acquire(policy, "a");

        assertThat(Thread.interrupted()).isTrue();
        assertThat(decision).isInstanceOf(Decision.Degraded.class);
    }

    @Test
    void after_close_decisions_go_by_the_outage_setting() {
        RateLimiter limiter = node(1);
        Policy policy = Policy.of("closed", limit("user", 2, perHour()));
        limiter.close();
        limiter.close();

        assertThat(limiter.acquire(policy, "a")).isInstanceOf(Decision.Degraded.class);
    }
}
