package dev.tenfold.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.SettableClock;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** In this node's memory. */
class ConcurrencyLimiterTest {
    private final SettableClock clock = SettableClock.at(Instant.EPOCH);

    private ConcurrencyLimiter fixed(int permits) {
        return ConcurrencyLimiter.fixed("test", permits, o -> o.nanoClock(clock.nanoClock()));
    }

    private static List<Permit> take(ConcurrencyLimiter limiter, int many) {
        List<Permit> taken = new ArrayList<>();
        for (int i = 0; i < many; i++) taken.add(limiter.acquire());
        return taken;
    }

    private static long granted(List<Permit> permits) {
        return permits.stream().filter(Permit::granted).count();
    }

    private static Priority any(Random random) {
        return List.of(Priority.values()).get(random.nextInt(4));
    }

    // ---- how many ---------------------------------------------------------------------------------------------------

    @Test
    void grants_as_many_as_there_are_and_again_when_one_ends() {
        ConcurrencyLimiter limiter = fixed(3);
        List<Permit> permits = take(limiter, 5);

        assertThat(permits).extracting(Permit::granted).containsExactly(true, true, true, false, false);
        assertThat(permits.get(0)).isInstanceOf(Permit.Granted.class).hasToString("Granted[granted]");
        assertThat(permits.get(3)).isInstanceOf(Permit.Rejected.class).hasToString("Rejected[refused]");
        permits.get(1).close();
        assertThat(limiter.acquire().granted()).isTrue();
        assertThat(limiter.acquire().granted()).isFalse();
        assertThat(limiter).hasToString("ConcurrencyLimiter test (3 of 3)");
        assertThat(limiter.name()).isEqualTo("test");
        limiter.close();
    }

    @Test
    void a_permit_ends_once_however_often_it_is_ended() {
        ConcurrencyLimiter limiter = fixed(2);
        List<Permit> permits = take(limiter, 3);

        for (Permit permit : permits) {
            permit.dropped();
            permit.close();
            permit.ignored();
            permit.dropped();
        }

        assertThat(limiter.stats().inFlight()).isZero();
        assertThat(limiter.stats().dropped()).isEqualTo(2);
        assertThat(granted(take(limiter, 5))).isEqualTo(2);
    }

    @Test
    void threads_that_end_the_same_permit_give_one_place_back() throws Exception {
        ConcurrencyLimiter limiter = fixed(1);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            for (int round = 0; round < 500; round++) {
                Permit permit = limiter.acquire();
                assertThat(permit.granted()).isTrue();
                CyclicBarrier together = new CyclicBarrier(4);
                List<Future<?>> all = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    all.add(threads.submit(() -> {
                        Await.barrier(together);
                        permit.close();
                    }));
                }
                for (Future<?> each : all) each.get(20, TimeUnit.SECONDS);
                assertThat(limiter.stats().inFlight()).isZero();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void never_more_run_than_are_allowed_whoever_asks() throws Exception {
        ConcurrencyLimiter limiter = ConcurrencyLimiter.fixed("race", 5);
        Race race = new Race();

        race.run(16, 4_000, thread -> limiter);

        assertThat(race.most).hasValueLessThanOrEqualTo(5);
        ConcurrencyStats stats = limiter.stats();
        assertThat(stats.inFlight()).isZero();
        assertThat(stats.granted()).isEqualTo(race.ran.sum()).isPositive();
        long refused = stats.rejected().values().stream().mapToLong(n -> n).sum();
        assertThat(stats.granted() + refused).isEqualTo(16 * 4_000);
    }

    /** Threads that ask again and again, and count by themselves how many of them run. */
    static final class Race {
        final AtomicInteger most = new AtomicInteger();
        final LongAdder ran = new LongAdder();
        private final AtomicInteger running = new AtomicInteger();

        interface Limiters {
            ConcurrencyLimiter of(int thread);
        }

        void run(int threads, int calls, Limiters limiters) throws Exception {
            ExecutorService pool = Executors.newFixedThreadPool(threads);
            CountDownLatch start = new CountDownLatch(1);
            try {
                List<Future<?>> all = new ArrayList<>();
                for (int t = 0; t < threads; t++) {
                    int thread = t;
                    all.add(pool.submit(() -> {
                        Random random = new Random(thread);
                        Await.latch(start);
                        for (int i = 0; i < calls; i++) work(limiters.of(thread), random);
                    }));
                }
                start.countDown();
                for (Future<?> each : all) each.get(50, TimeUnit.SECONDS);
            } finally {
                pool.shutdownNow();
            }
        }

        private void work(ConcurrencyLimiter limiter, Random random) {
            Priority priority = any(random);
            try (Permit permit = limiter.acquire(priority)) {
                if (!permit.granted()) return;
                int now = running.incrementAndGet();
                most.accumulateAndGet(now, Math::max);
                ran.increment();
                LockSupport.parkNanos(random.nextInt(3) * 1_000L);
                running.decrementAndGet();
            }
        }
    }

    // ---- permits that are not closed --------------------------------------------------------------------------------

    @Test
    void a_permit_that_is_never_closed_comes_back() {
        ConcurrencyLimiter limiter = ConcurrencyLimiter.fixed(
                "leaky", 2, o -> o.maxHold(Duration.ofSeconds(8)).nanoClock(clock.nanoClock()));
        Permit first = limiter.acquire();
        clock.advance(Duration.ofSeconds(4));
        Permit second = limiter.acquire();
        clock.advance(Duration.ofMillis(3_999));
        assertThat(limiter.acquire().granted()).isFalse();

        clock.advance(Duration.ofSeconds(1));
        String log = logOf(() -> assertThat(limiter.acquire().granted()).isTrue());

        assertThat(log).contains("leaky: 1 permits were not closed within 8000 ms", "try-with-resources", "maxHold(…)");
        assertThat(limiter.stats().leaked()).isEqualTo(1);
        assertThat(limiter.stats().inFlight()).isEqualTo(2);
        first.close(); // too late: its place is somebody else's
        assertThat(limiter.acquire().granted()).isFalse();
        second.close();
        assertThat(limiter.acquire().granted()).isTrue();
    }

    @Test
    void a_permit_that_leaks_is_no_sample() {
        ConcurrencyLimiter limiter = ConcurrencyLimiter.adaptive(
                "leaky", o -> o.initialLimit(1).minLimit(1).nanoClock(clock.nanoClock()));

        String log = logOf(() -> {
            for (int i = 0; i < 100; i++) {
                assertThat(limiter.acquire().granted()).isTrue();
                clock.advance(Duration.ofSeconds(70));
            }
        });

        assertThat(log).contains("leaky");
        assertThat(limiter.stats().leaked()).isEqualTo(99);
        assertThat(limiter.stats().limit()).isEqualTo(1);
    }

    /**
     * How long a full limiter goes on refusing, until the call that it refused last; then it has granted one. Not until the grant:
     * that may have been held up by a busy machine.
     */
    static Duration refuses(ConcurrencyLimiter limiter) {
        long start = System.nanoTime();
        AtomicLong last = new AtomicLong(start);
        Await.until("it grants", () -> {
            long asked = System.nanoTime();
            if (limiter.acquire().granted()) return true;
            last.set(asked);
            return false;
        });
        return Duration.ofNanos(last.get() - start);
    }

    static String logOf(Runnable action) {
        PrintStream before = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
        try {
            action.run();
        } finally {
            System.setErr(before);
        }
        return log.toString(StandardCharsets.UTF_8);
    }

    // ---- priorities -------------------------------------------------------------------------------------------------

    @Test
    void the_lower_a_priority_the_sooner_it_is_refused() {
        ConcurrencyLimiter limiter = fixed(20);
        Map<Priority, Integer> admitted = new EnumMap<>(Priority.class);

        for (Priority priority : List.of(Priority.SHEDDABLE, Priority.NORMAL, Priority.HIGH, Priority.CRITICAL)) {
            int count = 0;
            while (limiter.acquire(priority).granted()) count++;
            admitted.put(priority, count);
        }

        assertThat(admitted)
                .containsEntry(Priority.SHEDDABLE, 10)
                .containsEntry(Priority.NORMAL, 5)
                .containsEntry(Priority.HIGH, 3)
                .containsEntry(Priority.CRITICAL, 2);
        assertThat(limiter.stats().rejected()).hasSize(4).containsEntry(Priority.HIGH, 1L);
    }

    @Test
    void under_load_the_critical_is_shed_last() {
        Random random = new Random(3);
        ConcurrencyLimiter limiter = fixed(40);
        List<Permit> running = new ArrayList<>();
        int asked = 0;

        for (int step = 0; step < 40_000; step++) {
            // Half as much again as there is room for, a quarter of it of each priority.
            for (int i = 0; i < 3; i++) {
                Permit permit = limiter.acquire(any(random));
                asked++;
                if (permit.granted()) running.add(permit);
            }
            for (int i = 0; i < 2 && running.size() > 20; i++) {
                running.remove(random.nextInt(running.size())).close();
            }
        }

        ConcurrencyStats stats = limiter.stats();
        double each = asked / 4.0;
        assertThat(stats.rejected(Priority.CRITICAL) / each).isLessThan(0.01);
        assertThat(stats.rejected(Priority.HIGH) / each).isLessThan(0.01);
        assertThat(stats.rejected(Priority.NORMAL) / each).isBetween(0.2, 0.5);
        assertThat(stats.rejected(Priority.SHEDDABLE) / each).isGreaterThan(0.9);
    }

    @Test
    void any_priority_gets_a_place_of_a_small_limit_and_shares_can_be_set() {
        assertThat(fixed(1).acquire(Priority.SHEDDABLE).granted()).isTrue();

        ConcurrencyLimiter limiter = ConcurrencyLimiter.fixed(
                "shares", 10, o -> o.share(Priority.HIGH, 100).share(Priority.SHEDDABLE, 10));
        assertThat(limiter.acquire(Priority.SHEDDABLE).granted()).isTrue();
        assertThat(limiter.acquire(Priority.SHEDDABLE).granted()).isFalse();
        for (int i = 0; i < 9; i++) {
            assertThat(limiter.acquire(Priority.HIGH).granted()).isTrue();
        }
    }

    // ---- shadow mode ------------------------------------------------------------------------------------------------

    @Test
    void a_shadow_grants_everything_and_counts_what_it_would_refuse() {
        ConcurrencyLimiter limiter = ConcurrencyLimiter.fixed("shadow", 2, o -> o.shadow());
        List<Permit> permits = take(limiter, 5);

        assertThat(permits).allMatch(Permit::granted);
        assertThat(limiter.stats().rejected()).containsEntry(Priority.CRITICAL, 3L);
        assertThat(limiter.stats().granted()).isEqualTo(2);
        permits.forEach(Permit::close);
        assertThat(limiter.stats().inFlight()).isZero();
        assertThat(take(limiter, 3)).allMatch(Permit::granted);
        assertThat(limiter.stats().rejected()).containsEntry(Priority.CRITICAL, 4L);
    }

    // ---- options ----------------------------------------------------------------------------------------------------

    @Test
    void wrong_options_are_refused_with_a_remedy() {
        assertRefused("permits 0 must be from 1 to 100,000; to refuse", () -> fixed(0));
        assertRefused("permits 100001 must be", () -> fixed(100_001));
        assertRefused("name of a concurrency limiter", () -> ConcurrencyLimiter.fixed("a{b}", 1));
        assertRefused("maxHold PT0S", () -> ConcurrencyLimiter.fixed("a", 1, o -> o.maxHold(Duration.ZERO)));
        assertRefused("share 0 of HIGH", () -> ConcurrencyLimiter.fixed("a", 1, o -> o.share(Priority.HIGH, 0)));
        assertRefused(
                "CRITICAL is always", () -> ConcurrencyLimiter.fixed("a", 1, o -> o.share(Priority.CRITICAL, 90)));
        assertRefused(
                "share 80 of NORMAL must not exceed share 70 of HIGH; lower",
                () -> ConcurrencyLimiter.fixed(
                        "a", 1, o -> o.share(Priority.HIGH, 70).share(Priority.NORMAL, 80)));
        assertRefused("lease has no meaning for fixed(…); leave it out, or take redis(…)", () -> {
            ConcurrencyLimiter.fixed("a", 1, o -> o.lease(Duration.ofSeconds(5)));
        });
        assertRefused("maxLimit has no meaning for fixed(…); leave", () -> {
            ConcurrencyLimiter.fixed("a", 1, o -> o.maxLimit(5));
        });
        assertRefused("outage has no meaning for adaptive(…)", () -> {
            ConcurrencyLimiter.adaptive("a", o -> o.outage(Outage.OPEN));
        });
        assertRefused("minLimit 0 must be", () -> ConcurrencyLimiter.adaptive("a", o -> o.minLimit(0)));
        assertRefused(
                "initialLimit 20 must be from minLimit 30 to maxLimit 1000; set",
                () -> ConcurrencyLimiter.adaptive("a", o -> o.minLimit(30)));
        assertRefused("nodes 0", () -> ConcurrencyOptions.DEFAULT.nodes(0));
        assertRefused("lease PT2M must be from 100 ms to 60 s", () -> {
            ConcurrencyOptions.DEFAULT.lease(Duration.ofMinutes(2));
        });
        assertRefused("prefix \"a b\"", () -> ConcurrencyOptions.DEFAULT.prefix("a b"));
        assertThat(ConcurrencyOptions.DEFAULT.shadow().outage(Outage.OPEN))
                .hasToString("maxHold PT1M, lease PT10S, outage OPEN, shadow");
    }

    private static void assertRefused(String message, Runnable made) {
        assertThatThrownBy(made::run)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void options_of_one_limiter_do_not_change_anothers() {
        ConcurrencyOptions base = ConcurrencyOptions.DEFAULT.share(Priority.NORMAL, 60);
        ConcurrencyOptions changed = base.share(Priority.NORMAL, 55);

        assertThat(base.values.percents).containsEntry(Priority.NORMAL, 60);
        assertThat(changed.values.percents).containsEntry(Priority.NORMAL, 55);
    }

    @Test
    void limiters_in_memory_have_no_threads() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        ConcurrencyLimiter limiter = ConcurrencyLimiter.adaptive("threadless");

        limiter.acquire().close();

        before.assertNothingLeaked();
        limiter.close();
    }
}
