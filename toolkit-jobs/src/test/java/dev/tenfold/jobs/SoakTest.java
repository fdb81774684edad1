package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The soak in short: each fault at least once. The long one is {@link Soak#main}. */
class SoakTest {
    @Test
    @Timeout(240)
    void nothing_is_lost_and_no_effect_is_committed_twice_whatever_dies() throws Exception {
        long seed = ThreadLocalRandom.current().nextInt(1_000_000);
        PrintStream out = System.out;
        List<String> wrong = Soak.run(
                seed, SoakFaults.shortPlan(new Random(seed)), Duration.ofSeconds(20), 10, Duration.ofSeconds(3), out);
        assertThat(wrong).as("with seed " + seed).isEmpty();
    }
}
