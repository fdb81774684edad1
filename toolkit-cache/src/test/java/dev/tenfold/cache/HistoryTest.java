package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Runs {@link HistoryChecker}: five seconds, or {@code -Dtenfold.history.seconds=600 -Dtenfold.history.seed=…}. */
class HistoryTest {
    @Test
    @Timeout(7_200)
    void no_read_is_older_than_promised_whatever_happens_to_redis() throws Exception {
        long seed = Long.getLong("tenfold.history.seed", System.nanoTime());
        try (HistoryChecker checker = new HistoryChecker(seed)) {
            String story = checker.run(Duration.ofSeconds(Integer.getInteger("tenfold.history.seconds", 5)));
            System.out.println(story); // for who runs it for long: what it did, and the seed
            assertThat(story).contains("seed " + seed);
        }
    }
}
