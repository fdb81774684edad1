package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

class SettableClockTest {
    private static final Instant START = Instant.parse("2030-01-01T00:00:00Z");

    private final SettableClock clock = SettableClock.at(START);

    @Test
    void it_stands_still_until_told() {
        assertThat(clock.instant()).isEqualTo(START).isEqualTo(clock.instant());
        assertThat(clock.nanoTime()).isZero();
    }

    @Test
    void advance_moves_both_clocks() {
        LongSupplier nanos = clock.nanoClock();
        clock.advance(Duration.ofMillis(1_500));
        assertThat(clock.instant()).isEqualTo(START.plusMillis(1_500));
        assertThat(clock.millis()).isEqualTo(START.toEpochMilli() + 1_500);
        assertThat(nanos.getAsLong()).isEqualTo(1_500_000_000);
    }

    @Test
    void set_steps_the_wall_clock_back_and_elapsed_time_does_not_notice() {
        clock.advance(Duration.ofSeconds(1));
        clock.set(START.minusSeconds(3_600));
        assertThat(clock.instant()).isEqualTo(START.minusSeconds(3_600));
        assertThat(clock.nanoTime()).isEqualTo(1_000_000_000);
    }

    @Test
    void it_refuses_to_advance_backwards_and_stays_where_it_was() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> clock.advance(Duration.ofNanos(-1)))
                .withMessageContaining("set()");
        assertThat(clock.instant()).isEqualTo(START);
    }

    @Test
    void no_advance_is_lost_between_threads() throws Exception {
        Callable<Object> thousand = () -> {
            for (int i = 0; i < 1_000; i++) clock.advance(Duration.ofNanos(1));
            return clock;
        };
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            for (var done : pool.invokeAll(List.of(thousand, thousand, thousand, thousand))) done.get();
        } finally {
            pool.shutdown();
        }
        assertThat(clock.nanoTime()).isEqualTo(4_000);
        assertThat(clock.instant()).isEqualTo(START.plusNanos(4_000));
    }
}
