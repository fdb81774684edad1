package dev.tenfold.query.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ErlangTest {
    private static final long SEED = 20_261_126;

    /** The usual table of traffic engineering: the load that so many trunks bear at a blocking of 1, 5 and 10 %. */
    @ParameterizedTest
    @CsvSource({
        "1, 0.0101, 0.01",
        "5, 1.361, 0.01",
        "10, 4.461, 0.01",
        "20, 12.03, 0.01",
        "100, 84.06, 0.01",
        "5, 2.219, 0.05",
        "10, 6.216, 0.05",
        "20, 15.25, 0.05",
        "5, 2.881, 0.1",
        "10, 7.511, 0.1",
        "20, 17.61, 0.1"
    })
    void blocking_is_that_of_the_published_table(int servers, double load, double blocked) {
        assertThat(Erlang.blocked(servers, load)).isCloseTo(blocked, withinPercentage(0.5));
    }

    /** Closed forms: one server waits with probability ρ, two with 2ρ²/(1+ρ), three with load 2 in 4 of 9 cases. */
    @Test
    void waiting_is_that_of_the_closed_forms() {
        assertThat(Erlang.waiting(1, 0.7)).isCloseTo(0.7, offset(1e-12));
        assertThat(Erlang.waiting(2, 1)).isCloseTo(1.0 / 3, offset(1e-12));
        assertThat(Erlang.waiting(3, 2)).isCloseTo(4.0 / 9, offset(1e-12));
        assertThat(Erlang.waiting(5, 5)).isEqualTo(1);
        assertThat(Erlang.waiting(5, 0)).isZero();
    }

    /** Mean wait ÷ hold at 70, 80 and 90 % busy: why a share of busy connections says nothing by itself. */
    @ParameterizedTest
    @CsvSource({"5, 0.25, 0.55, 1.5", "10, 0.07, 0.20, 0.67", "20, 0.02, 0.06, 0.28"})
    void the_same_share_busy_means_another_wait_for_another_size(int servers, double at70, double at80, double at90) {
        assertThat(Erlang.meanWait(servers, 0.7 * servers, 1)).isCloseTo(at70, offset(0.006));
        assertThat(Erlang.meanWait(servers, 0.8 * servers, 1)).isCloseTo(at80, offset(0.006));
        assertThat(Erlang.meanWait(servers, 0.9 * servers, 1)).isCloseTo(at90, offset(0.03));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 10, 50, 170, 171, 400, 1_000})
    void the_recursion_is_the_definition_in_sixty_digits(int servers) {
        for (double share : new double[] {0.01, 0.5, 0.9, 0.99, 0.999}) {
            double exact = exactWaiting(servers, share * servers);
            assertThat(Erlang.waiting(servers, share * servers)).isCloseTo(exact, offset(exact * 1e-11));
        }
    }

    /** (a^c/c! · c/(c−a)) / (Σ a^k/k! + a^c/c! · c/(c−a)) */
    private static double exactWaiting(int servers, double load) {
        MathContext digits = new MathContext(60);
        BigDecimal a = new BigDecimal(load);
        BigDecimal term = BigDecimal.ONE;
        BigDecimal sum = BigDecimal.ZERO;
        for (int k = 0; k < servers; k++) {
            sum = sum.add(term, digits);
            term = term.multiply(a, digits).divide(new BigDecimal(k + 1), digits);
        }
        BigDecimal c = new BigDecimal(servers);
        BigDecimal last = term.multiply(c, digits).divide(c.subtract(a), digits);
        return last.divide(sum.add(last, digits), digits).doubleValue();
    }

    @ParameterizedTest
    @CsvSource({"1, 0.5", "5, 0.8", "10, 0.8", "20, 0.9"})
    void the_mean_wait_is_that_of_a_simulation(int servers, double share) {
        SplittableRandom random = random();
        double simulated = simulate(servers, share * servers, () -> exponential(random), () -> exponential(random));

        assertThat(Erlang.meanWait(servers, share * servers, 1)).isCloseTo(simulated, withinPercentage(6));
    }

    /** Holds of which one in ten is long, with a variation of 2; the factor is an approximation. */
    @ParameterizedTest
    @CsvSource({"5, 0.8", "10, 0.9"})
    void with_long_holds_among_short_ones_the_wait_is_longer_by_the_factor(int servers, double share) {
        SplittableRandom random = random();
        // Hyperexponential with balanced means: squared variation 4.
        double p = 0.5 * (1 + Math.sqrt(3.0 / 5));
        DoubleSupplier holds =
                () -> random.nextDouble() < p ? exponential(random) / (2 * p) : exponential(random) / (2 * (1 - p));
        double simulated = simulate(servers, share * servers, () -> exponential(random), holds);

        double computed = Erlang.meanWait(servers, share * servers, Erlang.burstiness(1, 2));
        assertThat(computed).isCloseTo(simulated, withinPercentage(25));
        assertThat(simulated).isGreaterThan(1.5 * Erlang.meanWait(servers, share * servers, 1));
    }

    @Test
    void with_even_arrivals_and_holds_the_wait_is_shorter_by_the_factor() {
        SplittableRandom random = random();
        // The mean of two exponentials: squared variation a half.
        DoubleSupplier even = () -> (exponential(random) + exponential(random)) / 2;
        double simulated = simulate(5, 4.5, even, even);

        double computed = Erlang.meanWait(5, 4.5, Erlang.burstiness(Math.sqrt(0.5), Math.sqrt(0.5)));
        assertThat(computed).isCloseTo(simulated, withinPercentage(25));
    }

    @Test
    void the_fewest_are_the_first_that_wait_short_enough() {
        for (double load : new double[] {0.001, 0.09, 0.5, 3.6, 40, 400, 900}) {
            int fewest = Erlang.fewest(load, 1, 0.1);
            assertThat(Erlang.meanWait(fewest, load, 1)).isLessThanOrEqualTo(0.1);
            if (fewest > 1) assertThat(Erlang.meanWait(fewest - 1, load, 1)).isGreaterThan(0.1);
        }
    }

    @Test
    void bursts_need_more() {
        assertThat(Erlang.fewest(3.6, Erlang.burstiness(3, 1), 0.1)).isGreaterThan(Erlang.fewest(3.6, 1, 0.1));
        assertThat(Erlang.fewest(3.6, 0, 0.1)).isEqualTo(4);
    }

    @Test
    void the_most_load_waits_as_long_as_it_may() {
        for (int servers : new int[] {1, 5, 20, 1_000}) {
            double most = Erlang.mostLoad(servers, 1, 0.1);
            assertThat(Erlang.meanWait(servers, most, 1)).isCloseTo(0.1, offset(1e-6));
        }
        assertThat(Erlang.mostLoad(5, 0, 0.1)).isCloseTo(5, offset(1e-6));
    }

    /** First come, first served: who comes takes the server that is free first (Kiefer and Wolfowitz, 1955). */
    private static double simulate(int servers, double load, DoubleSupplier gaps, DoubleSupplier holds) {
        PriorityQueue<Double> free = new PriorityQueue<>();
        for (int i = 0; i < servers; i++) free.add(0.0);
        int warmUp = 20_000;
        int all = 1_000_000;
        double now = 0;
        double waited = 0;
        for (int i = 0; i < all; i++) {
            now += gaps.getAsDouble() / load;
            Double next = free.poll();
            double begins = Math.max(now, next == null ? 0 : next);
            if (i >= warmUp) waited += begins - now;
            free.add(begins + holds.getAsDouble());
        }
        return waited / (all - warmUp);
    }

    private static SplittableRandom random() {
        System.out.println("seed " + SEED);
        return new SplittableRandom(SEED);
    }

    private static double exponential(SplittableRandom random) {
        return -Math.log(1 - random.nextDouble());
    }
}
