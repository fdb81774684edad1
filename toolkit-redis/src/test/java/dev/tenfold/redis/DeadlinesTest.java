package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisUnavailableException.Reason;
import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** With a timeout of 250 ms, a tick is 25 ms. */
class DeadlinesTest {
    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private final Deadlines deadlines = new Deadlines(this::later, Duration.ofMillis(250), clock.nanoClock());
    private final List<Long> delays = new ArrayList<>();
    private @Nullable Runnable tick;

    private void later(long nanos, Runnable task) {
        assertThat(tick).as("one tick is planned at a time").isNull();
        delays.add(nanos);
        tick = task;
    }

    /** Lets time pass, and runs the tick that was planned, however late that is. */
    private void tickAfter(long millis) {
        clock.advance(Duration.ofMillis(millis));
        Runnable planned = tick;
        assertThat(planned).as("a tick is planned").isNotNull();
        tick = null;
        if (planned != null) planned.run();
    }

    private void ticks(int count) {
        for (int i = 0; i < count; i++) tickAfter(25);
    }

    private Pending<String> pending() {
        return pending(new CompletableFuture<>());
    }

    private Pending<String> pending(CompletableFuture<String> reply) {
        return Pending.of(reply, deadlines, "late");
    }

    @Test
    void what_waits_too_long_is_ended_at_the_next_tick_and_withdrawn() {
        CompletableFuture<String> reply = new CompletableFuture<>();
        Pending<String> first = pending(reply);
        clock.advance(Duration.ofMillis(13));
        Pending<String> second = pending();
        clock.advance(Duration.ofMillis(12));
        tickAfter(0);
        ticks(8);
        assertThat(first).isNotDone();
        tickAfter(25); // 250 ms
        assertThat(first)
                .failsWithin(Duration.ZERO)
                .withThrowableOfType(ExecutionException.class)
                .havingCause()
                .isInstanceOfSatisfying(
                        RedisUnavailableException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.TIMEOUT));
        assertThat(reply).isCancelled();
        assertThat(second).isNotDone();
        tickAfter(25);
        assertThat(second).isCompletedExceptionally();
    }

    @Test
    void replies_end_the_wait_whatever_their_order() {
        CompletableFuture<String> one = new CompletableFuture<>();
        CompletableFuture<String> two = new CompletableFuture<>();
        Pending<String> first = pending(one);
        Pending<String> second = pending(two);
        two.complete("two");
        ticks(3);
        one.complete("one");
        ticks(20);
        assertThat(first).isCompletedWithValue("one");
        assertThat(second).isCompletedWithValue("two");
    }

    @Test
    void a_tick_that_comes_late_itself_ends_nothing_but_the_next_one_does() {
        Pending<String> pending = pending();
        tickAfter(3_000); // as after a long garbage collection
        assertThat(pending).isNotDone();
        tickAfter(60); // late again: no more mercy
        assertThat(pending).isCompletedExceptionally();
    }

    @Test
    void ticks_stop_a_second_after_the_last_wait_and_start_again() {
        assertThat(tick).isNull();
        CompletableFuture<String> reply = new CompletableFuture<>();
        Pending<String> pending = pending(reply);
        reply.complete("reply");
        ticks(40);
        assertThat(tick).isNull();
        assertThat(pending).isCompleted();
        assertThat(delays).hasSize(40).containsOnly(Duration.ofMillis(25).toNanos());
        Pending<String> unused = pending();
        assertThat(tick).isNotNull();
    }

    @Test
    void a_reply_that_is_there_at_once_takes_no_deadline() {
        assertThat(pending(CompletableFuture.completedFuture("reply"))).isCompletedWithValue("reply");
        assertThat(tick).isNull();
    }

    @Test
    void a_second_reply_in_place_of_the_first_has_what_is_left_of_the_time() {
        CompletableFuture<String> first = new CompletableFuture<>();
        CompletableFuture<String> second = new CompletableFuture<>();
        Pending<String> pending = new Pending<>("late") {
            @Override
            void fail(Throwable error) {
                awaitInstead(second);
            }
        };
        pending.await(first, deadlines);
        ticks(5);
        first.completeExceptionally(new IllegalStateException("again"));
        ticks(4);
        assertThat(pending).isNotDone();
        ticks(1);
        assertThat(pending).isCompletedExceptionally();
        assertThat(second).isCancelled();
    }

    @Test
    void at_the_end_everything_fails_and_so_does_what_comes_later() {
        Pending<String> pending = pending();
        IllegalStateException end = new IllegalStateException("closed");
        deadlines.endAll(end);
        for (Pending<String> each : List.of(pending, pending())) {
            assertThat(each)
                    .failsWithin(Duration.ZERO)
                    .withThrowableOfType(ExecutionException.class)
                    .withCause(end);
        }
        assertThat(delays).as("no tick for what came later").hasSize(1);
    }

    @Test
    void a_tick_is_a_tenth_of_the_timeout_within_bounds() {
        for (int[] expected : new int[][] {{1, 1_000}, {50, 5_000}, {250, 25_000}, {60_000, 25_000}}) {
            delays.clear();
            tick = null;
            Deadlines other = new Deadlines(this::later, Duration.ofMillis(expected[0]), clock.nanoClock());
            Pending<String> unused = Pending.of(new CompletableFuture<>(), other, "late");
            assertThat(delays)
                    .containsExactly(Duration.ofNanos(expected[1] * 1_000L).toNanos());
        }
    }
}
