package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

class AwaitTest {
    @Test
    void one_of_three_has_to_be_in_time() {
        Deque<Duration> took = new ArrayDeque<>(millis(1_000, 300, 999, 1));

        Await.inTime(Duration.ofSeconds(1), took::remove);

        assertThat(took).as("not done again").hasSize(2);
    }

    @Test
    void what_is_never_in_time_is_an_error_that_tells_how_long_it_took() {
        Deque<Duration> took = new ArrayDeque<>(millis(1_000, 1_001, 5_000, 1));

        assertThatThrownBy(() -> Await.inTime(Duration.ofSeconds(1), took::remove))
                .isInstanceOf(AssertionError.class)
                .hasMessage("took [PT1S, PT1.001S, PT5S], and should take less than PT1S");
        assertThat(took).hasSize(1);
    }

    @Test
    void a_condition_that_throws_ends_the_wait() {
        Exception thrown = new Exception("no");

        assertThatThrownBy(() -> Await.until("never", () -> {
                    throw thrown;
                }))
                .isInstanceOf(AssertionError.class)
                .hasCause(thrown);
    }

    private static List<Duration> millis(long... each) {
        return Arrays.stream(each).mapToObj(Duration::ofMillis).toList();
    }
}
