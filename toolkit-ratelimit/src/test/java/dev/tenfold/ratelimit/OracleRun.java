package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.bucket4j.Bandwidth;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;
import io.github.bucket4j.local.LocalBucketBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Drives a limiter and oracles through the same random steps, and compares every answer. Policies of buckets alone are
 * compared with Bucket4j's bucket in memory; those with windows, and those whose configuration changes, with {@link
 * ExactLimits}. A change of the configuration may round what is missing up by less than a ten-thousandth of a token: then the
 * limiter may refuse a call that fits exactly, but never the other way round.
 */
final class OracleRun {
    private final RateLimiterContract limiters;
    private final RateLimiter limiter;
    private final boolean figures;
    private final Random random;
    private final long seed;
    private long nowMicros;
    private int steps;

    /** @param figures whether what is left and how long to wait are compared, too */
    OracleRun(RateLimiterContract limiters, RateLimiter limiter, boolean figures, long seed) {
        this.limiter = limiter;
        this.figures = figures;
        this.limiters = limiters;
        this.seed = seed;
        this.random = new Random(seed);
    }

    /** Hundredths of a token that changed configurations may have cost in one run. */
    private static final int SLACK = 1;

    /** What is compared with. */
    private interface Oracle {
        boolean acquire(long cost);

        /** Whole tokens left in the tightest limit. */
        long remaining();

        /** Until a refused call fits. */
        long waitMicros(long cost);

        void refund(long cost);

        void reset();
    }

    int play(int least) throws Exception {
        while (steps < least) {
            int kind = random.nextInt(3);
            Limit[] limits = limits(1 + random.nextInt(3), kind == 1, kind == 2);
            String name = limiters.name();
            Policy policy = Policy.of(name, limits);
            ExactLimits exact = new ExactLimits(() -> nowMicros, limits);
            Oracle oracle = kind == 0 ? bucket4j(limits) : exact(exact);
            Key key = Key.of(Long.toString(random.nextLong()));
            int rounds = 100 + random.nextInt(100);
            for (int round = 0; round < rounds; round++) {
                if (kind == 2 && random.nextInt(20) == 0) {
                    // A refund settles what was refilled at the old rate; what comes later counts at the new one.
                    assertThat(limiter.refund(policy, key, 1)).isTrue();
                    exact.refund(1);
                    limits = limits(limits.length, false, true);
                    policy = Policy.of(name, limits);
                    exact.change(limits);
                }
                step(policy, key, oracle, kind == 2 ? exact : null);
                letTimePass(policy);
            }
        }
        return steps;
    }

    private void step(Policy policy, Key key, Oracle oracle, @Nullable ExactLimits rounding) throws Exception {
        long most = policy.limits().stream().mapToLong(Limit::burst).min().orElseThrow();
        int what = random.nextInt(20);
        if (what == 0) {
            long cost = 1L + random.nextInt((int) most);
            assertThat(limiter.refund(policy, key, cost)).isTrue();
            oracle.refund(cost);
        } else if (what == 1 && random.nextInt(5) == 0) {
            assertThat(limiter.reset(policy, key)).isTrue();
            oracle.reset();
        } else if (what == 2) {
            Decision peeked = limiter.peek(policy, key, 1);
            if (rounding == null) {
                assertThat(peeked.remaining()).as(this::where).isEqualTo(oracle.remaining());
            } else {
                assertThat(peeked.remaining()).as(this::where).isBetween(oracle.remaining() - 1, oracle.remaining());
            }
        } else {
            List<Long> costs = new ArrayList<>();
            long usual = 1L + random.nextInt((int) Math.max(1, most / 4));
            int calls = 1 + random.nextInt(24);
            for (int i = 0; i < calls; i++) {
                costs.add(random.nextInt(4) == 0 ? 1L + random.nextInt((int) most) : usual);
            }
            List<CompletableFuture<Decision>> asked = askAll(policy, key, costs);
            for (int i = 0; i < calls; i++) {
                Decision decision = asked.get(i).get(10, TimeUnit.SECONDS);
                if (rounding == null) {
                    compare(decision, costs.get(i), oracle);
                } else {
                    compareRoughly(decision, costs.get(i), rounding);
                }
            }
            steps += calls;
        }
        steps++;
    }

    /** Several calls at once, in order. */
    private List<CompletableFuture<Decision>> askAll(Policy policy, Key key, List<Long> costs) {
        List<CompletableFuture<Decision>> asked = new ArrayList<>();
        for (long cost : costs) asked.add(limiter.acquireAsync(policy, key, cost));
        return asked;
    }

    private void compare(Decision decision, long cost, Oracle oracle) {
        assertThat(decision).as(this::where).isInstanceOfAny(Decision.Allowed.class, Decision.Denied.class);
        assertThat(decision.allowed())
                .as(() -> where() + ", cost " + cost + " under " + decision.policy())
                .isEqualTo(oracle.acquire(cost));
        if (!figures) return;
        assertThat(decision.remaining())
                .as(() -> where() + ", cost " + cost + " under " + decision.policy() + " " + decision.quotas())
                .isEqualTo(oracle.remaining());
        if (!decision.allowed()) {
            assertThat(decision.retryAfter().toNanos() / 1_000)
                    .as(() -> where() + ", cost " + cost + " under " + decision.policy())
                    .isEqualTo(oracle.waitMicros(cost));
        }
    }

    private void compareRoughly(Decision decision, long cost, ExactLimits exact) {
        if (decision.allowed()) {
            assertThat(exact.acquire(cost))
                    .as(() -> where() + ", cost " + cost + " " + decision)
                    .isTrue();
        } else {
            assertThat(exact.fits(cost, SLACK))
                    .as(() -> where() + ", cost " + cost + " " + decision)
                    .isFalse();
        }
        if (!figures) return;
        long remaining = exact.remaining();
        assertThat(decision.remaining()).as(this::where).isBetween(remaining - 1, remaining);
    }

    private String where() {
        return "seed " + seed + ", step " + steps;
    }

    /** Mostly about as long as a few tokens need; now and then to the very microsecond, and longer than anything lasts. */
    private void letTimePass(Policy policy) {
        Limit limit = policy.limits().get(random.nextInt(policy.limits().size()));
        long each = Math.max(1, limit.period().toNanos() / 1_000 / limit.permits());
        long micros = switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> each;
            case 2 -> each * (1 + random.nextInt(5)) + random.nextInt(3) - 1;
            case 3 -> limit.period().toNanos() / 1_000;
            default -> (long) (random.nextDouble() * each * 10);
        };
        if (random.nextInt(200) == 0) micros = 3 * limit.period().toNanos() / 1_000 + random.nextInt(1_000);
        nowMicros += micros;
        limiters.pass(Duration.ofNanos(micros * 1_000));
    }

    /** @param roundly only numbers between which a change leaves no remainder */
    private Limit[] limits(int count, boolean windows, boolean roundly) {
        long[] permits = roundly ? new long[] {10, 20, 50, 100} : new long[] {1, 3, 7, 10, 60, 100, 997};
        long[] millis =
                roundly ? new long[] {1_000, 10_000, 60_000} : new long[] {1, 17, 1_000, 7_777, 60_000, 3_600_000};
        Limit[] limits = new Limit[count];
        for (int i = 0; i < count; i++) {
            Limit limit = limit(
                    "limit" + i,
                    permits[random.nextInt(permits.length)],
                    Duration.ofMillis(millis[random.nextInt(millis.length)]));
            if (windows && random.nextBoolean()) {
                limit = limit.slidingWindow();
            } else if (random.nextBoolean()) {
                limit = limit.burst(1 + random.nextInt(200));
            }
            limits[i] = limit;
        }
        return limits;
    }

    private Oracle bucket4j(Limit[] limits) {
        LocalBucketBuilder builder = Bucket.builder().withCustomTimePrecision(new TimeMeter() {
            @Override
            public long currentTimeNanos() {
                return nowMicros * 1_000;
            }

            @Override
            public boolean isWallClockBased() {
                return false;
            }
        });
        for (Limit limit : limits) {
            builder.addLimit(Bandwidth.builder()
                    .capacity(limit.burst())
                    .refillGreedy(limit.permits(), limit.period())
                    .build());
        }
        Bucket bucket = builder.build();
        return new Oracle() {
            @Override
            public boolean acquire(long cost) {
                return bucket.tryConsume(cost);
            }

            @Override
            public long remaining() {
                return bucket.getAvailableTokens();
            }

            @Override
            public long waitMicros(long cost) {
                long nanos = bucket.estimateAbilityToConsume(cost).getNanosToWaitForRefill();
                return (nanos + 999) / 1_000;
            }

            @Override
            public void refund(long cost) {
                bucket.addTokens(cost);
            }

            @Override
            public void reset() {
                bucket.reset();
            }
        };
    }

    private static Oracle exact(ExactLimits limits) {
        return new Oracle() {
            @Override
            public boolean acquire(long cost) {
                return limits.acquire(cost);
            }

            @Override
            public long remaining() {
                return limits.remaining();
            }

            @Override
            public long waitMicros(long cost) {
                return limits.waitMicros(cost);
            }

            @Override
            public void refund(long cost) {
                limits.refund(cost);
            }

            @Override
            public void reset() {
                limits.reset();
            }
        };
    }
}
