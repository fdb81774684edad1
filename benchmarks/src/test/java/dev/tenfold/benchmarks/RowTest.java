package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class RowTest {
    @Test
    void where_lower_is_better_half_their_time_is_a_ratio_of_two() {
        assertThat(Row.of("a", "b", "us/request", 10, 20, Better.LOWER).ratio()).isEqualTo(2);
    }

    @Test
    void where_higher_is_better_half_their_rate_is_a_ratio_of_a_half() {
        assertThat(Row.of("a", "b", "jobs/s", 10, 20, Better.HIGHER).ratio()).isEqualTo(0.5);
    }

    @Test
    void a_figure_that_only_ours_has_leaves_theirs_and_the_ratio_out() {
        assertThat(Row.alone("query.perkey.added", "any", "ns/key", 61.2345, Better.LOWER)
                        .json())
                .isEqualTo("{\"name\":\"query.perkey.added\",\"peer\":\"any\",\"unit\":\"ns/key\",\"ours\":61.23,"
                        + "\"better\":\"lower\"}");
    }

    @Test
    void numbers_have_four_digits_and_no_exponent() {
        assertThat(Row.number(1_234_567.8)).isEqualTo("1235000");
        assertThat(Row.number(0.000123456)).isEqualTo("0.0001235");
        assertThat(Row.number(0)).isEqualTo("0");
        assertThatThrownBy(() -> Row.number(Double.NaN)).hasMessageContaining("NaN");
    }

    @Test
    void a_ratio_is_the_median_of_the_rounds_ratios() {
        Samples samples = new Samples();
        // The machine slows down tenfold half-way; within each round ours takes half as long, but for one outlier.
        double[][] rounds = {{100, 200}, {100, 200}, {5_000, 200}, {1_000, 2_000}, {1_000, 2_000}};
        for (double[] round : rounds) {
            samples.add("ours", round[0]);
            samples.add("peer", round[1]);
        }
        Row row = samples.row("x", "ours", "peer", "us/request", 1_000);
        assertThat(row.ratio()).isCloseTo(2, within(1e-9));
        assertThat(row.ours()).isEqualTo(1);
        assertThat(row.theirs()).isEqualTo(0.2);
    }

    @Test
    void the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assertThat(Samples.median(new double[] {4, 1, 100, 2})).isEqualTo(3);
    }

    @Test
    void a_table_aligns_words_to_the_left_and_figures_to_the_right() {
        List<String> lines = Table.of(List.of(
                Row.of("query.children.any", "any", "us/request", 650, 640, Better.LOWER),
                Row.alone("query.perkey.added", "any", "ns/key", 61, Better.LOWER)));
        assertThat(lines)
                .containsExactly(
                        "name                unit        ours  theirs  ratio  better",
                        "query.children.any  us/request   650     640   0.98  lower",
                        "query.perkey.added  ns/key        61       -      -  lower");
    }
}
