package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.RedisServer;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That the comparisons measure what they say, not how fast. */
@Timeout(120)
class RateLimitTopicTest {
    private static final Effort SHORT =
            new Effort(Duration.ofMillis(300), Duration.ofMillis(1_800), Duration.ofMillis(300));

    private final Progress progress = Progress.on(new PrintStream(new ByteArrayOutputStream(), true, UTF_8));

    @Test
    void all_contenders_admit_just_the_burst() throws Exception {
        try (RedisServer server = RedisServer.start()) {
            RateLimitExact.verify(server.uri(), 1_200);
        }
    }

    @Test
    void a_slow_contender_has_the_lower_rate_and_the_longer_latency() throws Exception {
        List<Contender> contenders = List.of(new Contender("ours", "", page -> 1), new Contender("slow", "", page -> {
            Thread.sleep(2);
            return 1;
        }));
        try (RateLimitThreads threads = new RateLimitThreads(3)) {
            RateLimitThreads.Outcome outcome = threads.compare("x", contenders, 7, 1, SHORT, progress);
            assertThat(outcome.rates().rounds("ours")).isEqualTo(3);
            assertThat(outcome.rates().median("slow")).isBetween(1.0, 1_500.0);
            assertThat(outcome.rate("x", "slow").ratio()).isGreaterThan(1);
            assertThat(outcome.p99("x", "slow").theirs()).isGreaterThan(1.9);
        }
    }

    @Test
    void a_wrong_answer_ends_the_comparison() throws Exception {
        try (RateLimitThreads threads = new RateLimitThreads(2)) {
            List<Contender> contenders = List.of(new Contender("ours", "", page -> page == 5 ? 0 : 1));
            assertThatThrownBy(() -> threads.compare("x", contenders, 6, 1, SHORT, progress))
                    .hasRootCauseMessage("ours answers 0, not 1");
        }
    }

    @Test
    void threads_share_the_calls() throws Exception {
        AtomicInteger calls = new AtomicInteger();
        try (RateLimitThreads threads = new RateLimitThreads(4)) {
            long total = threads.total(new Contender("ours", "", page -> page + calls.getAndIncrement() * 0), 1_000);
            assertThat(total).isEqualTo(499_500);
        }
        assertThat(calls).hasValue(1_000);
    }
}
