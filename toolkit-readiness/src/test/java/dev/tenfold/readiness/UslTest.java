package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tenfold.readiness.Usl.Point;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class UslTest {
    private static final long SEED = 42;

    private static List<Point> points(double to, double contention, double coherency, double noise) {
        Random random = new Random(SEED);
        List<Point> all = new ArrayList<>();
        for (int i = 0; i < 600; i++) {
            double n = 1 + random.nextDouble() * (to - 1);
            double x = 1_000 * n / (1 + contention * (n - 1) + coherency * n * (n - 1));
            all.add(new Point(n, x * (1 - noise * random.nextDouble())));
        }
        return all;
    }

    @Test
    void a_curve_is_found_again() {
        Usl usl = Usl.fit(points(40, 0.05, 0.002, 0.05));
        assertThat(usl.isFitted()).as(usl.text()).isTrue();
        assertThat(usl.peak()).isCloseTo(Math.sqrt(0.95 / 0.002), within(4.0));
        assertThat(usl.text()).startsWith("Capacity curve: throughput peaks at 2");
    }

    @Test
    void a_curve_that_only_rises_has_no_peak() {
        Usl usl = Usl.fit(points(20, 0.05, 0, 0));
        assertThat(usl.coherency()).isLessThan(1e-4);
        assertThat(usl.contention()).isCloseTo(0.05, within(0.01));
    }

    @Test
    void over_less_than_a_fourfold_range_there_is_none() {
        Usl usl = Usl.fit(points(3, 0.05, 0.002, 0.05));
        assertThat(usl.isFitted()).isFalse();
        assertThat(usl.text()).contains("6 levels of load over a fourfold range");
    }

    @Test
    void load_beneath_one_at_once_says_nothing() {
        assertThat(Usl.fit(List.of(new Point(0.1, 10), new Point(0.9, 90))).isFitted())
                .isFalse();
        assertThat(Usl.fit(List.of()).isFitted()).isFalse();
    }

    @Test
    void what_does_not_follow_the_law_gives_none() {
        Random random = new Random(SEED);
        List<Point> all = new ArrayList<>();
        for (int level = 1; level < 40; level++) {
            double x = 100 + random.nextInt(1_000);
            for (int i = 0; i < 5; i++) all.add(new Point(level, x));
        }
        Usl usl = Usl.fit(all);
        assertThat(usl.isFitted()).isFalse();
        assertThat(usl.text()).contains("what was seen does not follow it: R² is");
    }
}
