package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.readiness.Outlook.Verdict;
import dev.tenfold.readiness.SyntheticLoad.Kind;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the forecast is worth, on loads whose truth is known. The method was tuned on seeds up to 1000, these are others. */
class ForecastCalibrationTest {
    private static final int FIRST_SEED = 5001;
    private static final List<Kind> GROWING =
            List.of(Kind.LINEAR, Kind.EXPONENTIAL, Kind.SLOWING, Kind.MIXED, Kind.BENT);

    @Test
    void a_flat_load_is_warned_of_on_one_day_in_a_hundred_at_most() {
        assertThat(warnedShare(Kind.FLAT)).isLessThan(0.01);
    }

    @Test
    void a_sudden_change_of_level_is_not_taken_for_growth() {
        assertThat(warnedShare(Kind.STEP)).isLessThan(0.01);
    }

    private static double warnedShare(Kind kind) {
        int days = 0;
        int warned = 0;
        for (int seed = FIRST_SEED; seed < FIRST_SEED + 30; seed++) {
            SyntheticLoad load = new SyntheticLoad(kind, seed);
            for (int day = 40; day < 400; day += 23) {
                Outlook outlook = Forecast.of(load.before(day), load.limit);
                days++;
                boolean early = outlook.earliest() != null
                        && outlook.earliest().isBefore(SyntheticLoad.FIRST.plusDays(day + 90));
                if (early || outlook.warns(90)) warned++;
            }
        }
        return warned / (double) days;
    }

    @Test
    void growth_is_warned_of_six_weeks_ahead_in_half_of_the_cases_and_without_a_break() {
        List<Integer> leads = new ArrayList<>();
        for (Kind kind : GROWING) {
            for (int seed = FIRST_SEED; seed < FIRST_SEED + 10; seed++) {
                SyntheticLoad load = new SyntheticLoad(kind, seed);
                int day = load.crossing;
                while (day > 30 && Forecast.of(load.before(day), load.limit).warns(90)) day -= 5;
                leads.add(load.crossing - day);
            }
        }
        Collections.sort(leads);
        assertThat(leads.get(leads.size() / 2)).as("median of leads %s", leads).isGreaterThanOrEqualTo(45);
    }

    @Test
    void eight_of_ten_intervals_hold_the_day() {
        int dated = 0;
        int held = 0;
        for (Kind kind : GROWING) {
            for (int seed = FIRST_SEED; seed < FIRST_SEED + 30; seed++) {
                SyntheticLoad load = new SyntheticLoad(kind, seed);
                LocalDate truth = SyntheticLoad.FIRST.plusDays(load.crossing);
                for (int day = 60 + seed % 29; day < load.crossing; day += 29) {
                    Outlook outlook = Forecast.of(load.before(day), load.limit);
                    if (outlook.verdict() != Verdict.DATED) continue;
                    dated++;
                    if (truth.isBefore(outlook.earliest())) continue;
                    if (outlook.latest() == null || !truth.isAfter(outlook.latest())) held++;
                }
            }
        }
        assertThat(dated).isGreaterThan(300);
        assertThat(held / (double) dated).as("%d of %d", held, dated).isBetween(0.70, 0.92);
    }
}
