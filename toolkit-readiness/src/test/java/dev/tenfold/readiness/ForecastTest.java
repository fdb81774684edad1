package dev.tenfold.readiness;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tenfold.readiness.Outlook.Verdict;
import dev.tenfold.readiness.SyntheticLoad.Kind;
import java.time.LocalDate;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntToDoubleFunction;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class ForecastTest {
    private static final LocalDate FIRST = LocalDate.of(2026, 1, 5);
    private static final double[] NOISE = noise(42);

    private static double[] noise(int seed) {
        Random random = new Random(seed);
        return DoubleStream.generate(random::nextGaussian).limit(2000).toArray();
    }

    private static SortedMap<LocalDate, Double> figures(int days, IntToDoubleFunction figure) {
        TreeMap<LocalDate, Double> figures = new TreeMap<>();
        for (int day = 0; day < days; day++) {
            double value = figure.applyAsDouble(day);
            if (!Double.isNaN(value)) figures.put(FIRST.plusDays(day), value);
        }
        return figures;
    }

    /** Weekends at 60 %, noise of 2 %. */
    private static IntToDoubleFunction busy(IntToDoubleFunction level) {
        return day -> level.applyAsDouble(day) * (day % 7 >= 5 ? 0.6 : 1) * (1 + 0.02 * NOISE[day]);
    }

    private static LocalDate day(int day) {
        return FIRST.plusDays(day);
    }

    @Test
    void linear_growth_is_dated_about_the_day_that_it_gets_there() {
        Outlook outlook = Forecast.of(figures(150, busy(day -> 40 + 0.2 * day)), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.DATED);
        assertThat(outlook.earliest()).isBefore(day(250));
        assertThat(outlook.expected()).isBetween(day(225), day(275));
        assertThat(outlook.latest()).isAfter(day(250));
    }

    @Test
    void exponential_growth_is_dated_about_the_day_that_it_gets_there() {
        Outlook outlook =
                Forecast.of(figures(200, busy(day -> 20 * Math.pow(1.08, day / 30.0))), 20 * Math.pow(1.08, 10));
        assertThat(outlook.verdict()).isEqualTo(Verdict.DATED);
        assertThat(outlook.expected()).isBetween(day(285), day(318));
        assertThat(outlook.perMonth().orElseThrow()).isCloseTo(0.08, within(0.02));
    }

    @Test
    void the_reason_is_a_sentence_with_figures() {
        Outlook outlook = Forecast.of(figures(84, busy(day -> 50 * Math.pow(1.08, day / 30.0))), 75);
        assertThat(outlook.reason())
                .matches("grows \\d(\\.\\d)? % a month over 84 days \\(p < 0\\.0001\\): reaches 75"
                        + " between \\d+ \\w+( 2026)? and \\d+ \\w+ 202[67] \\(80 %\\)");
    }

    @Test
    void an_interval_may_be_open() {
        Outlook outlook = Forecast.of(figures(220, busy(day -> 50 + 0.3 * Math.max(0, day - 140))), 140);
        assertThat(outlook.verdict()).isEqualTo(Verdict.DATED);
        assertThat(outlook.latest()).isNull();
        assertThat(outlook.reason())
                .contains("reaches 140 after ")
                .contains("(90 %), expected ")
                .endsWith(", or much later");
    }

    @Test
    void without_figures_there_is_nothing_to_say() {
        Outlook outlook = Forecast.of(new TreeMap<>(), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.NOT_ENOUGH_DATA);
        assertThat(outlook.days()).isZero();
        assertThat(outlook.perMonth()).isEmpty();
        assertThat(outlook.trend()).isNull();
        assertThat(outlook.reason())
                .isEqualTo("0 days of figures: it takes 14 to tell a direction and 56 to tell a date");
    }

    @Test
    void never_a_date_without_enough_data() {
        for (int days = 1; days < 56; days++) {
            Outlook outlook = Forecast.of(figures(days, day -> 50 + day), 200);
            assertThat(outlook.expected()).as("%d days", days).isNull();
            assertThat(outlook.verdict() == Verdict.NOT_ENOUGH_DATA)
                    .as("%d days", days)
                    .isEqualTo(days < 14);
        }
    }

    @Test
    void below_eight_weeks_growth_is_told_but_no_date() {
        Outlook outlook = Forecast.of(figures(40, busy(day -> 50 + day)), 200);
        assertThat(outlook.verdict()).isEqualTo(Verdict.GROWING);
        assertThat(outlook.perMonth().orElseThrow()).isPositive();
        assertThat(outlook.reason()).contains("over 40 days").endsWith("it takes 56 to tell a date");
    }

    @Test
    void a_flat_load_is_not_in_sight() {
        Outlook outlook = Forecast.of(figures(200, busy(day -> 80)), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.NOT_IN_SIGHT);
        assertThat(outlook.reason())
                .contains("no trend that is more than noise")
                .endsWith("90 is not in sight");
    }

    @Test
    void a_falling_load_is_not_in_sight() {
        Outlook outlook = Forecast.of(figures(200, busy(day -> 80 - 0.1 * day)), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.NOT_IN_SIGHT);
        assertThat(outlook.reason()).startsWith("falls ");
        assertThat(outlook.perMonth().orElseThrow()).isNegative();
    }

    @Test
    void what_is_further_than_one_and_a_half_times_the_history_is_not_dated() {
        Outlook outlook = Forecast.of(figures(100, busy(day -> 50 + 0.1 * day)), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.NOT_IN_SIGHT);
        assertThat(outlook.reason()).contains("does not reach 90 within 150 days");
    }

    @Test
    void a_level_at_the_limit_is_full() {
        Outlook outlook = Forecast.of(figures(30, day -> 90), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.FULL);
        assertThat(outlook.reason()).startsWith("is full: the week's busiest day is at 90 of 90");
        assertThat(outlook.warns(0)).isTrue();
    }

    @Test
    void the_busiest_day_of_the_week_counts() {
        Outlook outlook = Forecast.of(figures(100, day -> day % 7 == 3 ? 95 : 40), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.FULL);
    }

    @Test
    void a_sudden_change_of_level_restarts_the_window() {
        Outlook outlook = Forecast.of(figures(200, busy(day -> day < 130 ? 50 : 70)), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.NOT_IN_SIGHT);
        assertThat(outlook.days()).isEqualTo(70);
        assertThat(requireNonNull(outlook.trend()).levelShift()).isBetween(day(128), day(132));
        assertThat(requireNonNull(outlook.trend()).firstDay())
                .isAfterOrEqualTo(requireNonNull(outlook.trend()).levelShift());
        assertThat(outlook.reason()).contains("since the level shifted about");
    }

    @Test
    void after_a_change_of_level_the_days_are_counted_anew() {
        Outlook outlook = Forecast.of(figures(160, busy(day -> (day < 130 ? 50 : 70) + 0.3 * day)), 150);
        assertThat(outlook.days()).isEqualTo(30);
        assertThat(outlook.expected()).isNull();
    }

    @Test
    void growth_before_and_after_a_change_of_level_is_seen_after_it() {
        Outlook outlook = Forecast.of(figures(250, busy(day -> (day < 130 ? 50 : 75) + 0.2 * day)), 140);
        assertThat(outlook.verdict()).isEqualTo(Verdict.DATED);
        assertThat(outlook.expected()).isBetween(day(290), day(360));
    }

    /** A level that remembers the day before, as real ones do, wanders for weeks. */
    @Test
    void noise_that_is_alike_is_no_change_of_level() {
        int shifted = 0;
        for (int seed = 1; seed <= 100; seed++) {
            Random random = new Random(seed);
            double[] off = new double[365];
            for (int i = 1; i < off.length; i++) off[i] = 0.6 * off[i - 1] + 0.035 * random.nextGaussian();
            Outlook outlook = Forecast.of(figures(off.length, day -> 38 * Math.exp(off[day])), 80);
            if (requireNonNull(outlook.trend()).levelShift() != null) shifted++;
        }
        assertThat(shifted).as("flat years of 100 with a shift").isLessThanOrEqualTo(3);
    }

    @Test
    void a_bend_is_no_change_of_level() {
        Outlook outlook = Forecast.of(figures(200, busy(day -> 50 + 0.3 * Math.max(0, day - 100))), 100);
        assertThat(requireNonNull(outlook.trend()).levelShift()).isNull();
        assertThat(outlook.verdict()).isEqualTo(Verdict.DATED);
    }

    @Test
    void holidays_and_incidents_do_not_move_the_date() {
        IntToDoubleFunction load = busy(day -> 40 + 0.2 * day);
        Outlook calm = Forecast.of(figures(150, load), 90);
        Outlook wild = Forecast.of(
                figures(150, day -> load.applyAsDouble(day) * (day >= 90 && day < 104 ? 0.5 : day % 43 < 3 ? 2 : 1)),
                90);
        assertThat(wild.verdict()).isEqualTo(Verdict.DATED);
        assertThat(requireNonNull(wild.trend()).levelShift()).isNull();
        assertThat(wild.expected())
                .isBetween(
                        requireNonNull(calm.expected()).minusDays(14),
                        requireNonNull(calm.expected()).plusDays(14));
    }

    @Test
    void a_holiday_that_is_not_over_is_no_change_of_level() {
        IntToDoubleFunction load = busy(day -> 40 + 0.2 * day);
        for (int since = 1; since <= 14; since++) {
            int start = 150 - since;
            Outlook outlook = Forecast.of(figures(150, day -> load.applyAsDouble(day) * (day >= start ? 0.5 : 1)), 90);
            assertThat(outlook.verdict()).as("%d days of holidays", since).isEqualTo(Verdict.DATED);
        }
    }

    @Test
    void pay_days_are_no_growth() {
        Outlook outlook = Forecast.of(figures(120, busy(day -> day % 30 == 24 ? 75 : 60)), 90);
        assertThat(outlook.verdict()).isEqualTo(Verdict.NOT_IN_SIGHT);
    }

    @Test
    void missing_days_do_not_move_the_date() {
        IntToDoubleFunction load = busy(day -> 40 + 0.2 * day);
        Outlook whole = Forecast.of(figures(150, load), 90);
        Outlook holes = Forecast.of(
                figures(150, day -> day % 3 == 1 || (day > 60 && day < 75) ? Double.NaN : load.applyAsDouble(day)), 90);
        assertThat(holes.expected())
                .isBetween(
                        requireNonNull(whole.expected()).minusDays(14),
                        requireNonNull(whole.expected()).plusDays(14));
    }

    @Test
    void figures_of_one_day_a_week_are_dated_after_fifty_six_of_them_at_the_earliest() {
        Outlook outlook = Forecast.of(figures(55 * 7, day -> day % 7 == 0 ? 50 + day : Double.NaN), 500);
        assertThat(outlook.expected()).isNull();
    }

    @Test
    void the_unit_does_not_matter() {
        SyntheticLoad load = new SyntheticLoad(Kind.MIXED, 3);
        SortedMap<LocalDate, Double> figures = load.before(load.crossing - 40);
        TreeMap<LocalDate, Double> inBytes = new TreeMap<>();
        figures.forEach((day, figure) -> inBytes.put(day, figure * (1L << 30)));
        Outlook one = Forecast.of(figures, load.limit);
        Outlook other = Forecast.of(inBytes, load.limit * (1L << 30));
        assertThat(one.verdict()).isEqualTo(Verdict.DATED);
        assertThat(other.expected()).isEqualTo(one.expected());
        assertThat(other.earliest()).isEqualTo(one.earliest());
        assertThat(other.latest()).isEqualTo(one.latest());
    }

    @Test
    void the_calendar_does_not_matter() {
        SyntheticLoad load = new SyntheticLoad(Kind.LINEAR, 5);
        SortedMap<LocalDate, Double> figures = load.before(load.crossing - 30);
        for (int shift : new int[] {1, 7, 700}) {
            TreeMap<LocalDate, Double> later = new TreeMap<>();
            figures.forEach((day, figure) -> later.put(day.plusDays(shift), figure));
            Outlook one = Forecast.of(figures, load.limit);
            Outlook other = Forecast.of(later, load.limit);
            assertThat(other.expected())
                    .isEqualTo(requireNonNull(one.expected()).plusDays(shift));
            assertThat(other.earliest())
                    .isEqualTo(requireNonNull(one.earliest()).plusDays(shift));
        }
    }

    @Test
    void a_lower_limit_is_never_later() {
        for (int seed = 1; seed <= 12; seed++) {
            SyntheticLoad load = new SyntheticLoad(Kind.EXPONENTIAL, seed);
            SortedMap<LocalDate, Double> figures = load.before(load.crossing - 20);
            LocalDate before = LocalDate.MIN;
            for (double share = 0.7; share < 1.6; share += 0.06) {
                Outlook outlook = Forecast.of(figures, load.limit * share);
                LocalDate reached = outlook.verdict() == Verdict.FULL
                        ? LocalDate.MIN
                        : outlook.expected() == null ? LocalDate.MAX : outlook.expected();
                assertThat(reached).as("seed %d, limit × %.2f", seed, share).isAfterOrEqualTo(before);
                before = reached;
            }
        }
    }

    @Test
    void the_days_of_an_interval_are_in_order_and_ahead() {
        for (int seed = 1; seed <= 20; seed++) {
            SyntheticLoad load = new SyntheticLoad(Kind.BENT, seed);
            for (int day = 60; day < load.crossing; day += 31) {
                Outlook outlook = Forecast.of(load.before(day), load.limit);
                if (outlook.verdict() != Verdict.DATED) continue;
                assertThat(outlook.earliest())
                        .isAfter(requireNonNull(outlook.trend()).lastDay());
                assertThat(outlook.expected()).isAfterOrEqualTo(requireNonNull(outlook.earliest()));
                if (outlook.latest() != null) assertThat(outlook.latest()).isAfterOrEqualTo(outlook.expected());
            }
        }
    }

    @Test
    void the_same_figures_give_the_same_outlook() {
        SyntheticLoad load = new SyntheticLoad(Kind.BENT, 9);
        Outlook one = Forecast.of(load.before(150), load.limit);
        assertThat(Forecast.of(load.before(150), load.limit)).isEqualTo(one).hasSameHashCodeAs(one);
        assertThat(Forecast.of(load.before(151), load.limit)).isNotEqualTo(one);
        SortedMap<LocalDate, Double> other = load.before(150);
        other.merge(other.lastKey(), 1.01, (a, b) -> a * b);
        assertThat(Forecast.of(other, load.limit).trend()).isNotEqualTo(one.trend());
    }

    @Test
    void zeros_are_figures() {
        Outlook weekends = Forecast.of(figures(150, day -> day % 7 >= 5 ? 0 : 40 + 0.2 * day), 90);
        assertThat(weekends.expected()).isBetween(day(225), day(275));
        assertThat(Forecast.of(figures(100, day -> 0), 90).verdict()).isEqualTo(Verdict.NOT_IN_SIGHT);
        assertThat(Forecast.of(figures(100, day -> day < 60 ? 0 : day - 60), 90).reason())
                .isNotBlank();
    }

    @Test
    void two_values_are_figures() {
        assertThat(Forecast.of(figures(100, day -> 3 + day % 2), 5).verdict()).isEqualTo(Verdict.NOT_IN_SIGHT);
    }

    @Test
    void a_line_without_noise_is_dated_to_the_week() {
        Outlook outlook = Forecast.of(figures(100, day -> 100 + day), 250);
        assertThat(outlook.expected()).isBetween(day(146), day(154));
    }

    @Test
    void of_more_than_three_years_the_last_three_count() {
        Outlook outlook = Forecast.of(figures(2000, busy(day -> 40 + 0.01 * day)), 90);
        assertThat(outlook.days()).isEqualTo(1096);
    }

    @Test
    void a_figure_of_long_ago_is_no_history() {
        TreeMap<LocalDate, Double> figures = new TreeMap<>(figures(10, day -> 50 + day));
        for (int year = 10; year < 20; year++) figures.put(FIRST.minusYears(year), 1.0);
        assertThat(Forecast.of(figures, 90).verdict()).isEqualTo(Verdict.NOT_ENOUGH_DATA);
    }

    @Test
    void it_warns_of_what_is_expected_within_the_horizon() {
        Outlook outlook = Forecast.of(figures(150, busy(day -> 40 + 0.2 * day)), 90);
        assertThat(outlook.warns(200)).isTrue();
        assertThat(outlook.warns(30)).isFalse();
        assertThat(Forecast.of(new TreeMap<>(), 90).warns(1000)).isFalse();
        assertThatThrownBy(() -> outlook.warns(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void the_line_follows_the_busiest_days_and_the_band_widens() {
        Outlook outlook = Forecast.of(figures(150, busy(day -> 40 + 0.2 * day)), 90);
        Trend trend = requireNonNull(outlook.trend());
        assertThat(trend.line(day(149))).isCloseTo(69.8, within(2.0));
        assertThat(trend.low(day(149))).isLessThan(trend.line(day(149)));
        assertThat(trend.high(day(250)) - trend.low(day(250)))
                .isGreaterThan(2 * (trend.high(day(149)) - trend.low(day(149))));
        assertThat(trend.line(requireNonNull(outlook.expected()))).isCloseTo(90, within(2.0));
        assertThat(trend.pValue()).isLessThan(0.01);
        assertThat(trend.lastDay()).isEqualTo(day(149));
        assertThat(trend.firstDay()).isBetween(day(0), day(149 - 50));
    }

    @Test
    void bad_input_is_refused() {
        assertThatThrownBy(() -> Forecast.of(new TreeMap<>(), 0)).hasMessage("limit 0.0 must be a number above 0");
        assertThatThrownBy(() -> Forecast.of(new TreeMap<>(), Double.NaN)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Forecast.of(new TreeMap<>(), Double.POSITIVE_INFINITY))
                .isInstanceOf(IllegalArgumentException.class);
        TreeMap<LocalDate, Double> figures = new TreeMap<>();
        figures.put(FIRST, -1.0);
        assertThatThrownBy(() -> Forecast.of(figures, 90))
                .hasMessage(
                        "figure -1.0 of 2026-01-05 must be a number from 0 on; leave the day out where there is none");
        figures.put(FIRST, Double.NaN);
        assertThatThrownBy(() -> Forecast.of(figures, 90)).isInstanceOf(IllegalArgumentException.class);
    }
}
