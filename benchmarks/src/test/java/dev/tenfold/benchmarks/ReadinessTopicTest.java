package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tenfold.benchmarks.ReadinessMethod.Call;
import dev.tenfold.benchmarks.ReadinessSeries.Kind;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** That the series are what they say, and that methods are judged by the rules that are written down. */
class ReadinessTopicTest {
    private static final LocalDate MONDAY = LocalDate.of(2026, 1, 5);
    private static final int SEEDS = 40;

    @ParameterizedTest
    @EnumSource
    void series_that_fill_do_so_when_they_should_and_others_never(Kind kind) {
        for (long seed = 0; seed < SEEDS; seed++) {
            ReadinessSeries series = ReadinessGenerator.series(kind, seed);
            assertThat(series.limit()).isPositive();
            if (kind.fills()) {
                assertThat(series.full()).as("seed %d", seed).isBetween(70, 330);
                assertThat(series.days()).isEqualTo(series.full());
            } else {
                assertThat(series.full()).isEqualTo(ReadinessSeries.NEVER);
                assertThat(series.days()).isEqualTo(400);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void figures_are_near_the_limit_on_the_true_day_and_below_it_elsewhere(Kind kind) {
        for (long seed = 0; seed < SEEDS; seed++) {
            ReadinessSeries series = ReadinessGenerator.series(kind, seed);
            double[] shares = series.before(series.days()).values().stream()
                    .mapToDouble(figure -> figure / series.limit())
                    .toArray();
            assertThat(shares).as("seed %d", seed).doesNotContain(Double.NaN);
            assertThat(Arrays.stream(shares).min().orElse(0))
                    .as("seed %d", seed)
                    .isPositive();
            assertThat(Samples.median(shares)).as("seed %d", seed).isLessThan(1);
            if (kind.fills()) {
                double last = series.before(series.full()).tailMap(series.date(series.full() - 14)).values().stream()
                        .mapToDouble(figure -> figure / series.limit())
                        .max()
                        .orElse(1);
                assertThat(last).as("seed %d", seed).isGreaterThan(0.7);
            }
        }
    }

    @Test
    void a_seed_gives_the_same_series_again_and_another_one_another() {
        ReadinessSeries once = ReadinessGenerator.series(Kind.MIXTURE, 7);
        ReadinessSeries again = ReadinessGenerator.series(Kind.MIXTURE, 7);
        assertThat(again.before(again.days())).isEqualTo(once.before(once.days()));
        assertThat(again.full()).isEqualTo(once.full());
        assertThat(ReadinessGenerator.series(Kind.MIXTURE, 8).limit()).isNotEqualTo(once.limit());
    }

    @Test
    void some_series_are_hourly_some_daily_and_some_miss_days() {
        int hourly = 0;
        int missing = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            ReadinessSeries series = ReadinessGenerator.series(Kind.FLAT, seed);
            if (series.hours() == 24) hourly++;
            if (series.before(400).size() < 400) missing++;
        }
        assertThat(hourly).isBetween(8, 32);
        assertThat(missing).isBetween(3, 30);
    }

    @Test
    void the_percentile_lies_between_the_ranks_and_a_missing_day_has_none() {
        double[] hours = new double[24];
        for (int h = 0; h < 24; h++) {
            hours[h] = 24 - h;
        }
        assertThat(ReadinessSeries.percentile95(hours)).isCloseTo(22.85, within(1e-9));
        assertThat(ReadinessSeries.percentile95(new double[] {7})).isEqualTo(7);
        assertThat(ReadinessSeries.percentile95(new double[] {Double.NaN, Double.NaN}))
                .isNaN();
    }

    // The rules.

    private record Fixed(Rule rule) implements ReadinessMethod {
        interface Rule {
            Call on(int today);
        }

        @Override
        public String name() {
            return "fixed";
        }

        @Override
        public String settings() {
            return "";
        }

        @Override
        public Call on(ReadinessSeries series, int today) {
            return rule.on(today);
        }
    }

    private static ReadinessSeries straight(Kind kind, int full) {
        double[] raw = new double[400];
        for (int day = 0; day < raw.length; day++) {
            raw[day] = 10 + day;
        }
        return new ReadinessSeries(kind, MONDAY, 1, raw, 10 + Math.min(full, 1_000), full);
    }

    private static ReadinessScore score(ReadinessSeries series, Fixed.Rule rule) {
        return ReadinessScore.of(new Fixed(rule), series, 1);
    }

    @Test
    void the_lead_is_the_unbroken_warning_before_the_true_day() {
        ReadinessSeries series = straight(Kind.LINEAR, 200);
        assertThat(score(series, today -> Call.undated(today >= 140)).lead(0.5)).isEqualTo(60);
        assertThat(score(series, today -> Call.undated(today >= 100 && today != 180))
                        .lead(0.5))
                .isEqualTo(19);
        assertThat(score(series, today -> Call.undated(today != 199)).lead(0.5)).isZero();
        assertThat(score(series, today -> Call.undated(true)).lead(0.5)).isEqualTo(200 - 14);
    }

    @Test
    void the_lead_is_right_to_the_step_where_days_are_left_out() {
        ReadinessMethod method = new Fixed(today -> Call.undated(today >= 140));
        assertThat(ReadinessScore.of(method, straight(Kind.LINEAR, 200), 3).lead(0.5))
                .isEqualTo(60, within(2.0));
    }

    @Test
    void warnings_on_what_never_fills_are_shares_of_its_days() {
        ReadinessScore score =
                score(straight(Kind.FLAT, ReadinessSeries.NEVER), today -> Call.undated(today < 14 + 193));
        assertThat(score.warned()).isCloseTo(50, within(1e-9));
        assertThat(score.early()).isZero();
        assertThat(score.lead(0.5)).isNaN();
        assertThat(score.covered()).isNaN();
    }

    @Test
    void a_warning_is_early_if_the_true_day_is_more_than_twice_the_horizon_away() {
        ReadinessScore score = score(straight(Kind.LINEAR, 214), today -> Call.undated(true));
        assertThat(score.early()).isCloseTo(100.0 * 20 / 200, within(1e-9));
    }

    @Test
    void an_interval_covers_its_first_day_its_last_day_and_what_is_between() {
        ReadinessSeries series = straight(Kind.LINEAR, 100);
        assertThat(score(series, today -> new Call(true, true, 100, 120)).covered())
                .isEqualTo(100);
        assertThat(score(series, today -> new Call(true, true, 90, 100)).covered())
                .isEqualTo(100);
        assertThat(score(series, today -> new Call(true, true, 90, 99)).covered())
                .isZero();
        ReadinessScore late = score(series, today -> new Call(true, true, 101, ReadinessSeries.NEVER));
        assertThat(late.covered()).isZero();
        assertThat(late.tooLate()).isEqualTo(100);
    }

    @Test
    void what_never_fills_is_covered_only_by_an_interval_without_an_end() {
        ReadinessSeries series = straight(Kind.FLAT, ReadinessSeries.NEVER);
        assertThat(score(series, today -> new Call(true, true, today, 3_000)).covered())
                .isZero();
        assertThat(score(series, today -> new Call(true, true, today, ReadinessSeries.NEVER))
                        .covered())
                .isEqualTo(100);
    }

    @Test
    void sums_count_all_forecasts_alike() {
        ReadinessScore both = ReadinessScore.sum(List.of(
                score(straight(Kind.LINEAR, 114), today -> new Call(true, true, 114, 114)),
                score(straight(Kind.LINEAR, 314), today -> new Call(false, true, 0, 1))));
        assertThat(both.dated()).isEqualTo(400);
        assertThat(both.covered()).isEqualTo(25);
        assertThat(both.warned()).isEqualTo(25);
        assertThat(both.lead(0.1)).isZero();
        assertThat(both.lead(0.9)).isEqualTo(100);
    }

    // The peers.

    @Test
    void a_straight_line_is_foretold_to_the_day_by_least_squares() {
        ReadinessSeries series = straight(Kind.LINEAR, 100);
        for (ReadinessLinear linear : List.of(ReadinessLinear.raw(7), ReadinessLinear.daily(56))) {
            Call call = linear.on(series, 60);
            assertThat(call.warns()).isTrue();
            assertThat(call.dated()).isTrue();
            assertThat(call.earliest()).isEqualTo(100);
            assertThat(call.latest()).isBetween(100, 101);
        }
    }

    @Test
    void a_straight_line_warns_from_ninety_days_before() {
        assertThat(ReadinessScore.of(ReadinessLinear.raw(28), straight(Kind.LINEAR, 200), 1)
                        .lead(0.5))
                .isEqualTo(90);
    }

    @Test
    void the_interval_of_least_squares_is_that_of_the_textbook() {
        // y = 1, 3, 2, 4, 3 at x = 0…4: mean 2.6, slope 0.5, residual variance 2.7 / 3.
        double[] raw = {1, 3, 2, 4, 3};
        double limit = 5;
        Call call = ReadinessLinear.raw(28)
                .on(new ReadinessSeries(Kind.LINEAR, MONDAY, 1, raw, limit, ReadinessSeries.NEVER), 5);
        assertThat(call.warns()).isTrue();
        assertThat(call.earliest()).isEqualTo(5);
        assertThat(call.latest()).isEqualTo(textbook(limit));
    }

    private static int textbook(double limit) {
        int day = 5;
        while (1.6 + 0.5 * day - 1.2816 * Math.sqrt(0.9 * (1 + 0.2 + (day - 2.0) * (day - 2) / 10)) < limit) {
            day++;
        }
        return day;
    }
}
