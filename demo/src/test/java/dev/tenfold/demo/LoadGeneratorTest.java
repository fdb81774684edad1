package dev.tenfold.demo;

import static java.util.concurrent.CompletableFuture.completedFuture;
import static java.util.concurrent.CompletableFuture.failedFuture;
import static java.util.concurrent.CompletableFuture.supplyAsync;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The load does not wait for the server, and what waits for the server is counted. */
class LoadGeneratorTest {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration GRACE = Duration.ofMillis(200);

    @Test
    void a_server_that_stalls_once_shows_in_the_percentiles() {
        ExecutorService server = Executors.newSingleThreadExecutor();
        try {
            Load load = LoadGenerator.constant(100, Duration.ofSeconds(2), Await.LIMIT)
                    .run(n -> supplyAsync(() -> serve(n), server), () -> {});

            // One request in 200 was slow, but some fifty were due while the server stood still.
            assertThat(load.served()).isEqualTo(200);
            assertThat(load.millisAt(90)).isGreaterThan(200);
            assertThat(load.millisAt(100)).isGreaterThan(500);
            assertThat(load.millisAt(10)).isLessThan(200);
        } finally {
            server.shutdownNow();
        }
    }

    private static boolean serve(int n) {
        long end = System.nanoTime() + (n == 50 ? TimeUnit.MILLISECONDS.toNanos(500) : 0);
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
        return true;
    }

    @Test
    void a_request_without_an_answer_is_an_error_as_late_as_it_waited() {
        Load load = LoadGenerator.constant(100, SECOND, GRACE)
                .run(n -> n < 50 ? completedFuture(true) : new CompletableFuture<>(), () -> {});

        assertThat(load.served()).isEqualTo(50);
        assertThat(load.failed()).isZero();
        assertThat(load.errors()).isEqualTo(50);
        assertThat(load.millisAt(100)).isGreaterThanOrEqualTo(690);
    }

    @Test
    void bad_answers_and_exceptions_are_errors() {
        AtomicInteger answers = new AtomicInteger();
        Load load = LoadGenerator.constant(40, SECOND, GRACE)
                .run(
                        n -> n % 2 == 0 ? completedFuture(false) : failedFuture(new IOException("reset")),
                        answers::incrementAndGet);

        assertThat(load.failed()).isEqualTo(40);
        assertThat(load.servedRate()).isZero();
        assertThat(answers).hasValue(40);
    }

    @Test
    void a_poisson_load_offers_exactly_its_rate_and_all_of_it_is_accounted_for_by_the_second() {
        Load load = LoadGenerator.poisson(120, SECOND, GRACE).run(n -> completedFuture(true), () -> {});

        assertThat(load.offeredRate()).isEqualTo(120);
        assertThat(load.offeredPerSecond()).containsExactly(120);
        assertThat(load.servedShare()).isEqualTo(1);
    }
}
