package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static dev.tenfold.ratelimit.Limit.perMinute;
import static dev.tenfold.ratelimit.Limit.perSecond;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tokens taken ahead: how much more they may admit, and that they are worth it. */
class LeaseTest {
    private static final AtomicLong NAMES = new AtomicLong();
    private static RedisLink link;

    private final SettableClock clock = SettableClock.at(Instant.EPOCH);

    @BeforeAll
    static void connect() {
        link = RedisLink.connect(RedisServer.shared().uri(), o -> o.commandTimeout(Await.LIMIT));
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
    }

    @AfterAll
    static void disconnect() {
        link.close();
    }

    private RateLimiter node() {
        return RateLimiter.on(new ClockedEngine(
                link,
                RateLimiterOptions.DEFAULT.nanoClock(clock.nanoClock()),
                () -> 1_763_936_123_456_789L + clock.nanoTime() / 1_000));
    }

    /** A bucket that refuses nothing: how far it is overdrawn is what was admitted too much. */
    private final class Audit {
        private final double perSecond;
        private final double burst;
        private double missing;
        private long at = clock.nanoTime();
        double worst;
        long admitted;

        Audit(double perSecond, double burst) {
            this.perSecond = perSecond;
            this.burst = burst;
        }

        void admitted(long cost) {
            long now = clock.nanoTime();
            missing = Math.max(0, missing - perSecond * (now - at) / 1e9) + cost;
            at = now;
            worst = Math.max(worst, missing - burst);
            admitted += cost;
        }
    }

    /** Nodes that come, crash and leave, on which calls come in bursts and pauses. */
    private Audit play(Policy policy, long seed, int steps) {
        Random random = new Random(seed);
        Audit audit = new Audit(100, 1_000);
        List<RateLimiter> nodes = new ArrayList<>();
        List<RateLimiter> crashed = new ArrayList<>();
        for (int i = 0; i < 4; i++) nodes.add(node());
        for (int step = 0; step < steps; step++) {
            RateLimiter node = nodes.get(random.nextInt(nodes.size()));
            int calls = random.nextInt(30);
            for (int i = 0; i < calls; i++) {
                long cost = random.nextInt(10) == 0 ? 1 + random.nextInt(20) : 1;
                if (node.acquire(policy, "one", cost).allowed()) audit.admitted(cost);
            }
            clock.advance(Duration.ofMillis(random.nextInt(100) == 0 ? random.nextInt(15_000) : random.nextInt(30)));
            int fate = random.nextInt(60);
            if (fate == 0) {
                node.close();
            } else if (fate == 1) {
                crashed.add(node); // its tokens die with it
            }
            if (fate <= 1) {
                nodes.remove(node);
                nodes.add(node());
            }
        }
        nodes.forEach(RateLimiter::close);
        crashed.forEach(RateLimiter::close);
        return audit;
    }

    @Test
    void in_any_time_no_more_than_what_one_lease_refills_is_admitted_too_much() {
        long seed = new Random().nextLong();
        Policy policy = Policy.of(
                "plain" + NAMES.incrementAndGet(),
                limit("all", 100, perSecond()).burst(1_000).leased(ofSeconds(2)));

        Audit audit = play(policy, seed, 4_000);

        assertThat(audit.worst).as("seed " + seed).isLessThanOrEqualTo(200 + 1e-6);
        assertThat(audit.admitted).as("seed " + seed).isGreaterThan(1_000);
    }

    @Test
    void with_strict_leases_nothing_is_admitted_too_much() {
        long seed = new Random().nextLong();
        Policy policy = Policy.of(
                "strict" + NAMES.incrementAndGet(),
                limit("all", 100, perSecond()).burst(1_000).leasedStrictly(ofSeconds(2)));

        Audit audit = play(policy, seed, 4_000);

        assertThat(audit.worst).as("seed " + seed).isLessThanOrEqualTo(1e-6);
        assertThat(audit.admitted).as("seed " + seed).isGreaterThan(1_000);
    }

    @Test
    void a_busy_key_is_decided_mostly_without_redis() {
        Policy policy = Policy.of(
                "busy" + NAMES.incrementAndGet(),
                limit("all", 1_000_000, perSecond()).leased(ofSeconds(1)));
        try (RateLimiter limiter = RateLimiter.redis(link)) {
            for (int i = 0; i < 20_000; i++) {
                assertThat(limiter.acquire(policy, "one").allowed()).isTrue();
            }

            assertThat(limiter.stats().scripts()).isLessThan(2_000);
            assertThat(limiter.stats().leased()).isGreaterThan(18_000);
        }
    }

    @Test
    void what_is_left_at_shutdown_is_given_back_less_what_time_has_refilled() {
        Policy policy = Policy.of(
                "back" + NAMES.incrementAndGet(),
                limit("all", 1_000, perMinute()).leased(ofSeconds(10)));
        RateLimiter leaving = node();
        long used = 0;
        for (int i = 0; i < 20; i++) {
            if (leaving.acquire(policy, "one").allowed()) used++;
            clock.advance(Duration.ofMillis(1));
        }
        RateLimiter staying = node();
        long held = 1_000 - used - staying.peek(policy, Key.of("one"), 1).remaining();
        assertThat(held).as("taken ahead").isPositive();

        leaving.close();

        assertThat(staying.peek(policy, Key.of("one"), 1).remaining()).isBetween(1_000 - used - 1, 1_000 - used);
        staying.close();
    }

    @Test
    void what_comes_after_the_shutdown_is_given_back_too() {
        Policy policy = Policy.of(
                "late" + NAMES.incrementAndGet(), limit("all", 1_000, perHour()).leased(ofSeconds(10)));
        CompletableFuture<Boolean> isClosed = new CompletableFuture<>();
        AtomicBoolean isOnItsWay = new AtomicBoolean();
        RateLimiter leaving = RateLimiter.on(new RedisEngine(link, RateLimiterOptions.DEFAULT) {
            @Override
            CompletableFuture<List<Object>> run(boolean isBucket, byte[][] keys, byte[][] args) {
                CompletableFuture<List<Object>> reply = super.run(isBucket, keys, args);
                boolean isLease = Arrays.equals(args[args.length - 2], "ahead".getBytes(US_ASCII));
                if (!isLease || !isOnItsWay.compareAndSet(false, true)) return reply;
                return isClosed.thenCompose(closed -> reply);
            }
        });
        List<CompletableFuture<Decision>> asked = new ArrayList<>();
        while (!isOnItsWay.get()) asked.add(leaving.acquireAsync(policy, "one", 1));

        leaving.close();
        isClosed.complete(true);

        long used = asked.stream().filter(one -> one.join().allowed()).count();
        try (RateLimiter staying = RateLimiter.redis(link)) {
            Await.until(
                    "it is there for others",
                    () -> staying.peek(policy, Key.of("one"), 1).remaining() >= 1_000 - used - 2);
        }
    }

    @Test
    void a_leased_limit_and_a_strict_one_are_debited_both_or_none() {
        Policy policy = Policy.of(
                "mixed" + NAMES.incrementAndGet(),
                limit("user", 5, perMinute()),
                limit("all", 1_000_000, perMinute()).by("all").leased(ofSeconds(10)));
        try (RateLimiter limiter = node()) {
            int admitted = 0;
            for (int user = 0; user < 200; user++) {
                Key key = Key.of("all", "x").and("user", "u" + user);
                for (int i = 0; i < 7; i++)
                    admitted += limiter.acquire(policy, key).allowed() ? 1 : 0;
                clock.advance(Duration.ofMillis(1));
            }
            assertThat(admitted).isEqualTo(200 * 5);
            assertThat(limiter.stats().leased()).isGreaterThan(500);
        }
    }
}
