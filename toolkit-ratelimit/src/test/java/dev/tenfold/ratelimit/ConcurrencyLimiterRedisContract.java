package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.SettableClock;
import io.lettuce.core.ScoredValue;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What nodes do that share permits on a Redis. */
abstract class ConcurrencyLimiterRedisContract {
    private static final Duration SHORT = Duration.ofSeconds(3);

    private final String prefix = UUID.randomUUID() + ":";
    private final List<ConcurrencyLimiter> open = new ArrayList<>();

    abstract RedisLink link();

    abstract RedisLink otherLink();

    /** Its timeout suits a {@link #SHORT} lease. */
    abstract RedisLink quickLink();

    /** For the test's own eyes, with a long timeout: a busy machine does not fail it. */
    abstract RedisLink observer();

    @AfterEach
    void closeAll() {
        open.forEach(ConcurrencyLimiter::close);
    }

    private ConcurrencyLimiter limiter(RedisLink link, int permits, UnaryOperator<ConcurrencyOptions> options) {
        ConcurrencyLimiter limiter =
                ConcurrencyLimiter.redis(link, "shared", permits, o -> options.apply(o.prefix(prefix)));
        open.add(limiter);
        return limiter;
    }

    private ConcurrencyLimiter here(int permits) {
        return limiter(link(), permits, o -> o);
    }

    private ConcurrencyLimiter there(int permits) {
        return limiter(otherLink(), permits, o -> o);
    }

    private byte[] key() {
        return (prefix + "{shared}:semaphore").getBytes(UTF_8);
    }

    private long held() {
        return observer().await(observer().call(redis -> redis.zcard(key())));
    }

    private double lastExpiry() {
        return observer()
                .await(observer().call(redis -> redis.zrevrangeWithScores(key(), 0, 0)))
                .get(0)
                .getScore();
    }

    private void put(String id, double expiry) {
        observer().await(observer().call(redis -> redis.zadd(key(), expiry, id.getBytes(UTF_8))));
    }

    private boolean contains(String id) {
        Double score = observer().await(observer().call(redis -> redis.zscore(key(), id.getBytes(UTF_8))));
        return score != null;
    }

    private long redisMillis() {
        List<byte[]> time = observer().await(observer().call(redis -> redis.time()));
        return Long.parseLong(new String(time.get(0), UTF_8)) * 1_000
                + Long.parseLong(new String(time.get(1), UTF_8)) / 1_000;
    }

    private static Permit grant(ConcurrencyLimiter limiter) {
        Permit permit = limiter.acquire();
        assertThat(permit).isInstanceOf(Permit.Granted.class);
        return permit;
    }

    // ---- how many ---------------------------------------------------------------------------------------------------

    @Test
    void nodes_share_the_permits() {
        ConcurrencyLimiter here = here(3);
        ConcurrencyLimiter there = there(3);

        Permit first = grant(here);
        grant(there);
        grant(there);
        assertThat(here.acquire()).isInstanceOf(Permit.Rejected.class);
        assertThat(there.acquire()).isInstanceOf(Permit.Rejected.class);

        first.close();
        first.close();
        Await.until("it is released", () -> held() == 2);
        grant(there);
        assertThat(here.acquire().granted()).isFalse();
        assertThat(here.stats().inFlight()).isZero();
        assertThat(there.stats().inFlight()).isEqualTo(3);
        assertThat(there.stats().degraded()).isZero();
    }

    @Test
    void never_more_run_than_are_allowed_on_all_nodes_together() throws Exception {
        ConcurrencyLimiter[] nodes = {here(4), there(4), here(4), there(4)};
        ConcurrencyLimiterTest.Race race = new ConcurrencyLimiterTest.Race();

        race.run(8, 400, thread -> nodes[thread % 4]);

        assertThat(race.most).hasValueLessThanOrEqualTo(4);
        assertThat(race.ran.sum()).isPositive();
        for (ConcurrencyLimiter node : nodes) {
            assertThat(node.stats().degraded()).isZero();
            assertThat(node.stats().inFlight()).isZero();
        }
        Await.until("all are released", () -> held() == 0);
    }

    @Test
    void one_acquire_is_one_round_trip_and_none_if_this_node_fills_the_limit() {
        ConcurrencyLimiter limiter = limiter(otherLink(), 1, o -> o.lease(Duration.ofSeconds(60)));
        Await.until("the first heartbeat has come", () -> nodeIsKnown());
        long before = otherLink().stats().commands();

        Permit permit = grant(limiter);
        assertThat(otherLink().stats().commands() - before).isEqualTo(1);
        assertThat(limiter.acquire().granted()).isFalse();
        assertThat(otherLink().stats().commands() - before).isEqualTo(1);
        permit.close();
        assertThat(otherLink().stats().commands() - before).isEqualTo(2);
    }

    private boolean nodeIsKnown() {
        byte[] nodes = (prefix + "{shared}:semaphore:nodes").getBytes(UTF_8);
        return observer().await(observer().call(redis -> redis.zcard(nodes))) == 1L;
    }

    @Test
    void lower_priorities_leave_room_on_all_nodes() {
        ConcurrencyLimiter here = here(4);
        ConcurrencyLimiter there = there(4);

        assertThat(here.acquire(Priority.SHEDDABLE).granted()).isTrue();
        assertThat(there.acquire(Priority.SHEDDABLE).granted()).isTrue();
        assertThat(here.acquire(Priority.SHEDDABLE).granted()).isFalse();
        assertThat(here.acquire(Priority.NORMAL).granted()).isTrue();
        assertThat(there.acquire(Priority.NORMAL).granted()).isFalse();
        assertThat(there.acquire(Priority.CRITICAL).granted()).isTrue();
        assertThat(there.acquire(Priority.CRITICAL).granted()).isFalse();
    }

    @Test
    void a_shadow_grants_what_others_hold() {
        grant(here(1));
        ConcurrencyLimiter shadow = limiter(otherLink(), 1, o -> o.shadow());

        try (Permit permit = shadow.acquire()) {
            assertThat(permit.granted()).isTrue();
            assertThat(held()).isEqualTo(1);
        }
        assertThat(shadow.stats().rejected()).containsEntry(Priority.CRITICAL, 1L);
        assertThat(held()).isEqualTo(1);
    }

    // ---- leases -----------------------------------------------------------------------------------------------------

    @Test
    void permits_of_a_node_that_died_come_back_after_the_lease() {
        RedisLink dying = anotherLink();
        ConcurrencyLimiter dead = limiter(dying, 2, o -> o.lease(SHORT));
        grant(dead);
        grant(dead);
        ConcurrencyLimiter alive = here(2);
        assertThat(alive.acquire().granted()).isFalse();

        dying.close(); // nothing gets through any more, neither heartbeats nor releases
        assertThat(ConcurrencyLimiterTest.refuses(alive)).isLessThan(SHORT.plusSeconds(1));
        Await.until("both of them", () -> alive.acquire().granted());
        assertThat(alive.acquire().granted()).isFalse();
    }

    abstract RedisLink anotherLink();

    @Test
    void a_heartbeat_keeps_permits_beyond_their_lease() {
        ConcurrencyLimiter here = limiter(quickLink(), 1, o -> o.lease(SHORT));
        Permit permit = grant(here);
        double first = lastExpiry();
        ConcurrencyLimiter there = there(1);

        Await.until("its lease was renewed twice", () -> {
            assertThat(there.acquire().granted()).isFalse();
            return lastExpiry() > first + SHORT.toMillis() / 2.0;
        });
        Await.until("its first lease is over", () -> redisMillis() > first + 100);
        assertThat(there.acquire().granted()).isFalse();

        permit.close();
        Await.until("it is free", () -> held() == 0);
        grant(there);
    }

    @Test
    void a_heartbeat_puts_back_what_redis_has_lost() {
        ConcurrencyLimiter here = limiter(quickLink(), 2, o -> o.lease(SHORT));
        grant(here);
        grant(here);
        observer().await(observer().call(redis -> redis.del(key())));

        Await.until("they are there again", () -> held() == 2);
        assertThat(there(2).acquire().granted()).isFalse();
    }

    @Test
    void what_ends_while_it_is_renewed_does_not_stay() throws Exception {
        ConcurrencyLimiter limiter = limiter(quickLink(), 8, o -> o.lease(SHORT));
        ConcurrencyLimiterTest.Race race = new ConcurrencyLimiterTest.Race();
        long end = System.nanoTime() + SHORT.toNanos();

        while (System.nanoTime() < end) race.run(4, 50, thread -> limiter);

        // Sooner than the lease of one that stays would end, as the last heartbeat is a third of a lease ago at most.
        long expiry = redisMillis() + SHORT.toMillis() / 2;
        Await.until("all are released", () -> held() == 0);
        assertThat(redisMillis()).isLessThan(expiry);
    }

    @Test
    void a_permit_that_is_never_closed_comes_back_on_redis_too() {
        SettableClock clock = SettableClock.at(Instant.EPOCH);
        ConcurrencyLimiter leaky = limiter(
                quickLink(), 1, o -> o.nanoClock(clock.nanoClock()).lease(SHORT).maxHold(Duration.ofSeconds(10)));
        Permit permit = grant(leaky);

        String log = ConcurrencyLimiterTest.logOf(() -> {
            clock.advance(Duration.ofSeconds(12));
            // By the heartbeat: nobody asks.
            Await.until("it is taken back", () -> leaky.stats().leaked() == 1 && held() == 0);
        });

        assertThat(log).contains("1 permits were not closed within 10000 ms");
        permit.close();
        assertThat(leaky.stats().inFlight()).isZero();
        grant(leaky);
        assertThat(there(1).acquire().granted()).isFalse();
    }

    // ---- the clock of Redis -----------------------------------------------------------------------------------------

    @Test
    void what_was_granted_after_the_clock_went_back_does_not_expire_first() {
        double before =
                redisMillis() + 10_000 + 40_000; // granted forty seconds ago, before the clock went back by as much
        put("before", before);

        grant(here(2));

        assertThat(lastExpiry()).isEqualTo(before);
        assertThat(held()).isEqualTo(2);
        Double lowest = observer()
                .await(observer().call(redis -> redis.zrangeWithScores(key(), 0, 0)))
                .get(0)
                .getScore();
        assertThat(lowest).isEqualTo(before);
    }

    @Test
    void a_heartbeat_after_the_clock_went_back_shortens_nothing() {
        ConcurrencyLimiter limiter = limiter(quickLink(), 2, o -> o.lease(SHORT));
        grant(limiter);
        double before = redisMillis() + 30_000.0;
        put("before", before);

        Await.until("the heartbeat has renewed it", () -> {
            List<ScoredValue<byte[]>> all =
                    observer().await(observer().call(redis -> redis.zrangeWithScores(key(), 0, -1)));
            return all.stream().allMatch(one -> one.getScore() == before);
        });
    }

    @Test
    void after_the_clock_went_back_a_lot_the_dead_do_not_stay() {
        put("dead", redisMillis() + 3_600_000.0);
        ConcurrencyLimiter limiter = limiter(quickLink(), 2, o -> o.lease(SHORT));

        grant(limiter);

        assertThat(lastExpiry()).isLessThanOrEqualTo((double) redisMillis() + SHORT.toMillis());
        Await.until("the dead is gone", () -> limiter.acquire().granted());
        assertThat(contains("dead")).isFalse();
    }

    // ---- around it --------------------------------------------------------------------------------------------------

    @Test
    void nodes_are_counted() {
        ConcurrencyLimiter here = limiter(quickLink(), 2, o -> o.lease(SHORT));
        ConcurrencyLimiter there = limiter(quickLink(), 2, o -> o.lease(SHORT));
        Await.until("they know each other", () -> here.nodes() == 2 && there.nodes() == 2);

        there.close();
        Await.until("one has left", () -> here.nodes() == 1);
    }

    /** As after an outage that was longer than the lease, or a restart. */
    @Test
    void nodes_that_redis_has_forgotten_are_not_missed_while_they_come_back() {
        Duration lease = SHORT.multipliedBy(2);
        ConcurrencyLimiter here = limiter(quickLink(), 2, o -> o.lease(lease));
        ConcurrencyLimiter there = limiter(quickLink(), 2, o -> o.lease(lease));
        Await.until("they know each other", () -> here.nodes() == 2 && there.nodes() == 2);
        byte[] nodes = (prefix + "{shared}:semaphore:nodes").getBytes(UTF_8);

        observer().await(observer().call(redis -> redis.del(nodes)));

        AtomicInteger least = new AtomicInteger(2);
        Await.until("both have come back", () -> {
            least.accumulateAndGet(Math.min(here.nodes(), there.nodes()), Math::min);
            return observer().await(observer().call(redis -> redis.zcard(nodes))) == 2;
        });
        assertThat(least).hasValue(2);
    }

    @Test
    void closing_ends_the_thread_and_leaves_permits_to_end() {
        observer().await(observer().call(redis -> redis.ping()));
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        ConcurrencyLimiter limiter = here(2);
        Permit permit = grant(limiter);

        limiter.close();
        limiter.close();
        before.assertNothingLeaked();

        assertThat(limiter.acquire()).isInstanceOf(Permit.Degraded.class);
        permit.close();
        Await.until("it is released", () -> held() == 0);
    }

    @Test
    void a_lease_that_two_lost_heartbeats_outlast_is_refused() {
        Duration timeout = link().commandTimeout();
        assertThatThrownBy(() -> limiter(link(), 1, o -> o.lease(timeout.multipliedBy(2))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must be at least three command timeouts");
        assertThatThrownBy(() -> limiter(link(), 1, o -> o.minLimit(2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("minLimit has no meaning for redis(…)");
        assertThatThrownBy(() -> limiter(link(), 0, o -> o)).isInstanceOf(IllegalArgumentException.class);
        assertThat(open).isEmpty();
    }
}
