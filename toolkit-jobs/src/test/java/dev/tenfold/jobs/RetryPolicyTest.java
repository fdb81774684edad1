package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** When a job that failed runs again: policies, budgets, breakers. No I/O. */
final class RetryPolicyTest {
    private static final long SECOND = 1_000_000;
    private final Random random = new Random(20_261_126);

    @Test
    void full_jitter_is_spread_from_zero_to_the_doubled_base() {
        RetryPolicy policy = RetryPolicy.fullJitter(Duration.ofSeconds(2), Duration.ofHours(1));
        for (int failures = 0; failures < 20; failures++) {
            long most = Math.min(3_600 * SECOND, (2 * SECOND) << failures);
            double sum = 0;
            for (int i = 0; i < 1_000; i++) {
                long delay = policy.delayMicros(failures, random);
                assertThat(delay).isBetween(0L, most);
                sum += delay;
            }
            assertThat(sum / 1_000).isBetween(most * 0.44, most * 0.56);
        }
    }

    @Test
    void exponential_doubles_up_to_the_cap_and_never_overflows() {
        RetryPolicy policy = RetryPolicy.exponential(Duration.ofSeconds(1), Duration.ofSeconds(60));
        assertThat(policy.delayMicros(0, random)).isEqualTo(SECOND);
        assertThat(policy.delayMicros(3, random)).isEqualTo(8 * SECOND);
        for (int failures = 6; failures < 30_000; failures += 7) {
            assertThat(policy.delayMicros(failures, random)).isEqualTo(60 * SECOND);
        }
    }

    @Test
    void the_most_specific_class_counts() {
        RetryPolicy policy = RetryPolicy.fixed(Duration.ofSeconds(1))
                .on(IOException.class, RetryPolicy.fixed(Duration.ofSeconds(2)))
                .on(Exception.class, RetryPolicy.fixed(Duration.ofSeconds(3)))
                .rejectOn(FileNotFoundException.class);
        assertThat(policy.of(new IOException()).delayMicros(0, random)).isEqualTo(2 * SECOND);
        assertThat(policy.of(new IllegalStateException()).delayMicros(0, random))
                .isEqualTo(3 * SECOND);
        assertThat(policy.of(new FileNotFoundException()).rejects()).isTrue();
        assertThat(policy.of(new StackOverflowError()).delayMicros(0, random)).isEqualTo(SECOND);
    }

    @Test
    void a_cap_below_the_base_is_refused() {
        assertThatThrownBy(() -> RetryPolicy.fullJitter(Duration.ofSeconds(2), Duration.ofSeconds(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cap PT1S must not be shorter than base PT2S");
        assertThatThrownBy(() -> RetryPolicy.fixed(Duration.ZERO)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_budget_allows_a_share_of_what_is_done_and_some_by_time() {
        RetryBudget budget = new RetryBudget(0.2, 1, 0);
        int burst = 0;
        while (budget.spend(0)) {
            burst++;
        }
        assertThat(burst).isEqualTo(10);
        budget.earn(50);
        int earned = 0;
        while (budget.spend(0)) {
            earned++;
        }
        assertThat(earned).isBetween(9, 10);
        assertThat(budget.spend(TimeUnit.MILLISECONDS.toNanos(500))).isFalse();
        assertThat(budget.spend(TimeUnit.MILLISECONDS.toNanos(1_600))).isTrue();
    }

    @Test
    void over_budget_the_delay_is_the_second_half_of_the_cap() {
        RetryPolicy policy = RetryPolicy.fullJitter(Duration.ofSeconds(2), Duration.ofMinutes(1));
        for (int i = 0; i < 1_000; i++) {
            assertThat(policy.cappedMicros(random)).isBetween(30 * SECOND, 60 * SECOND);
        }
    }

    @Test
    void a_breaker_opens_when_half_of_the_last_hundred_failed_and_closes_after_a_probe() {
        Breaker breaker = new Breaker("kind", 0.5, Duration.ofSeconds(30));
        for (int i = 0; i < 99; i++) {
            breaker.failed(false, 0);
        }
        assertThat(breaker.isClosed()).isTrue();
        breaker.failed(false, 0);
        assertThat(breaker.isClosed()).isFalse();
        assertThat(breaker.takeProbe(TimeUnit.SECONDS.toNanos(29))).isFalse();
        assertThat(breaker.takeProbe(TimeUnit.SECONDS.toNanos(30))).isTrue();
        assertThat(breaker.takeProbe(TimeUnit.SECONDS.toNanos(30))).isFalse();
        breaker.failed(true, TimeUnit.SECONDS.toNanos(31));
        assertThat(breaker.takeProbe(TimeUnit.SECONDS.toNanos(60))).isFalse();
        assertThat(breaker.takeProbe(TimeUnit.SECONDS.toNanos(61))).isTrue();
        breaker.succeeded(true);
        assertThat(breaker.isClosed()).isTrue();
    }

    @Test
    void a_breaker_stays_closed_below_its_rate() {
        Breaker breaker = new Breaker("kind", 0.5, Duration.ofSeconds(30));
        for (int i = 0; i < 1_000; i++) {
            breaker.succeeded(false);
            breaker.succeeded(false);
            breaker.failed(false, 0);
        }
        assertThat(breaker.isClosed()).isTrue();
    }
}
