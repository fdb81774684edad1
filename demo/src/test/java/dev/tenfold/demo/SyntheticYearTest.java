package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.LocalDate;
import java.util.Objects;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;

/** That the made-up year has what real ones have, and is the same each time. */
class SyntheticYearTest {
    private final SyntheticYear year = SyntheticYear.ofDatabase(SyntheticYear.SEED, SyntheticYear.DAYS);

    @Test
    void the_same_seed_makes_the_same_year_and_another_one_another() {
        assertThat(SyntheticYear.ofDatabase(7, 365).figures())
                .isEqualTo(SyntheticYear.ofDatabase(7, 365).figures())
                .isNotEqualTo(SyntheticYear.ofDatabase(8, 365).figures());
    }

    @Test
    void more_days_go_on_where_fewer_have_ended() {
        SortedMap<LocalDate, Double> longer = SyntheticYear.ofDatabase(7, 500).figures();

        assertThat(longer.headMap(SyntheticYear.FIRST_DAY.plusDays(365)))
                .isEqualTo(SyntheticYear.ofDatabase(7, 365).figures());
    }

    @Test
    void sundays_are_quieter_than_tuesdays_and_so_is_christmas() {
        assertThat(figure("2026-03-15")).isLessThan(0.75 * figure("2026-03-17"));
        assertThat(figure("2025-12-30")).isLessThan(0.75 * figure("2025-12-16"));
    }

    @Test
    void an_incident_stands_out_and_the_day_a_week_later_does_not() {
        LocalDate worst = SyntheticYear.FIRST_DAY.plusDays(148);

        assertThat(figure(worst)).isGreaterThan(1.4 * year.truth(worst));
        assertThat(figure(worst.plusDays(7))).isLessThan(1.2 * year.truth(worst.plusDays(7)));
    }

    @Test
    void some_days_have_no_figure() {
        assertThat(year.figures()).hasSizeBetween(SyntheticYear.DAYS - 20, SyntheticYear.DAYS - 1);
    }

    /** By the second differences of the level and of its logarithm, on the same day of the week. */
    @Test
    void growth_is_neither_a_straight_line_nor_exponential() {
        LocalDate tuesday = LocalDate.of(2025, 10, 7);
        double first = year.truth(tuesday);
        double middle = year.truth(tuesday.plusWeeks(25));
        double last = year.truth(tuesday.plusWeeks(50));

        assertThat(middle - first).isGreaterThan(1.1 * (last - middle));
        assertThat(Math.log(middle / first)).isGreaterThan(1.5 * Math.log(last / middle));
        assertThat(year.truth(tuesday.plusWeeks(75)) - last)
                .as("it slows down, and then it speeds up")
                .isGreaterThan(1.1 * (last - middle));
    }

    @Test
    void it_is_full_after_the_year_and_not_on_a_weekend() {
        LocalDate full = year.full();

        assertThat(full)
                .isAfter(SyntheticYear.FIRST_DAY.plusDays(SyntheticYear.DAYS + 60))
                .isBefore(SyntheticYear.FIRST_DAY.plusDays(SyntheticYear.DAYS + 150));
        assertThat(year.truth(full)).isGreaterThanOrEqualTo(SyntheticYear.LIMIT);
        assertThat(year.truth(full.minusDays(7))).isLessThan(SyntheticYear.LIMIT);
    }

    @Test
    void what_does_not_grow_is_never_full() {
        assertThatThrownBy(() -> SyntheticYear.ofPool(1, 10).full()).hasMessageContaining("never full");
    }

    private double figure(String day) {
        return figure(LocalDate.parse(day));
    }

    private double figure(LocalDate day) {
        return Objects.requireNonNull(year.figures().get(day), () -> "figure of " + day);
    }
}
