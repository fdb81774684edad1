package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What both kinds of Redis do. */
abstract class RemoteRateLimiterContract extends RateLimiterContract {
    /** A time that shows whether microseconds of an epoch are kept whole. */
    private static final long START = 1_763_936_123_456_789L;

    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private RateLimiter limiter;
    private RateLimiter plainLimiter;

    abstract RedisLink link();

    @BeforeEach
    void open() {
        limiter = limiter(RateLimiterOptions.DEFAULT);
        plainLimiter = limiter(RateLimiterOptions.DEFAULT.denialCache(false));
    }

    private RateLimiter limiter(RateLimiterOptions options) {
        return RateLimiter.on(new ClockedEngine(
                link(), options.nanoClock(clock.nanoClock()), () -> START + clock.nanoTime() / 1_000));
    }

    @AfterEach
    void close() {
        limiter.close();
        plainLimiter.close();
    }

    @Test
    void remembered_refusals_change_no_decision() throws Exception {
        long seed = new Random().nextLong();
        System.out.println(getClass().getSimpleName() + ": seed of remembered refusals "
                + seed); // for who has to replay a failure

        int unused = new OracleRun(this, limiter, false, seed).play(30_000);

        assertThat(limiter.stats().remembered()).isGreaterThan(1_000);
    }

    @Test
    void tokens_that_come_back_shorten_a_remembered_refusal() {
        Policy policy = Policy.of(name(), limit("user", 10, Duration.ofSeconds(1)));
        Key key = Key.of("a");
        assertThat(limiter.acquire(policy, key, 10).allowed()).isTrue();
        assertThat(limiter.acquire(policy, key, 5).retryAfter()).isEqualTo(Duration.ofMillis(500));

        assertThat(limiter.refund(policy, key, 3)).isTrue();

        assertThat(limiter.acquire(policy, key, 5).retryAfter()).isEqualTo(Duration.ofMillis(200));
        pass(Duration.ofMillis(200));
        assertThat(limiter.acquire(policy, key, 5).allowed()).isTrue();
    }

    @Test
    void a_look_at_tokens_that_another_node_gave_back_shortens_a_remembered_refusal() {
        Policy policy = Policy.of(name(), limit("user", 10, Duration.ofSeconds(1)));
        Key key = Key.of("a");
        assertThat(limiter.acquire(policy, key, 10).allowed()).isTrue();
        assertThat(limiter.acquire(policy, key, 5).allowed()).isFalse();
        assertThat(plainLimiter.refund(policy, key, 3)).isTrue();

        assertThat(limiter.peek(policy, key, 5).retryAfter()).isEqualTo(Duration.ofMillis(200));

        pass(Duration.ofMillis(200));
        assertThat(limiter.acquire(policy, key, 5).allowed()).isTrue();
    }

    @Override
    RateLimiter limiter() {
        return limiter;
    }

    @Override
    RateLimiter plainLimiter() {
        return plainLimiter;
    }

    @Override
    void pass(Duration time) {
        clock.advance(time);
    }
}
