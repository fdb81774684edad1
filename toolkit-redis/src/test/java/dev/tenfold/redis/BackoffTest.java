package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private static long millis(long value) {
        return Duration.ofMillis(value).toNanos();
    }

    @Test
    void the_first_attempt_comes_at_once_and_pauses_double_to_the_cap() {
        Backoff backoff = new Backoff(Duration.ofMillis(500));
        for (int round = 0; round < 100; round++) {
            assertThat(backoff.next()).isZero();
            for (long longest : new long[] {20, 40, 80, 160, 320, 500, 500, 500}) {
                assertThat(backoff.next()).isBetween(millis(longest) / 2, millis(longest));
            }
            backoff.reset();
        }
    }

    @Test
    void pauses_differ_from_one_node_of_a_service_to_the_next() {
        Backoff backoff = new Backoff(Duration.ofMillis(500));
        for (int i = 0; i < 8; i++) backoff.next();
        assertThat(java.util.stream.LongStream.generate(backoff::next)
                        .limit(20)
                        .distinct()
                        .count())
                .isGreaterThan(10);
    }

    @Test
    void a_cap_below_the_first_pause_is_kept() {
        Backoff backoff = new Backoff(Duration.ofMillis(4));
        assertThat(backoff.next()).isZero();
        for (int i = 0; i < 100; i++) assertThat(backoff.next()).isBetween(millis(2), millis(4));
    }
}
