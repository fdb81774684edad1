package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.readiness.NextLayer.Layer;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ReportTest {
    private static final LocalDate DAY = LocalDate.of(2026, 3, 1);

    private static Headroom headroom(String name, double peak, double limit, int days) {
        SortedMap<LocalDate, Double> figures = new TreeMap<>();
        for (int i = 0; i < days; i++) figures.put(DAY.minusDays(days - i), peak);
        return new Headroom(name, OptionalDouble.empty(), peak, limit, figures, Forecast.of(figures, limit), "");
    }

    private static Report report(List<NextLayer> next, Headroom... resources) {
        return new Report(DAY, ZoneOffset.UTC, List.of(resources), next, List.of("a note"));
    }

    @Test
    void a_line_a_resource_is_aligned() {
        String text = report(List.of(), headroom("heap", 4.294e9, 8.59e9, 3), headroom("database", 5.23, 16, 100))
                .text();
        assertThat(text.lines().skip(2).limit(3))
                .containsExactly(
                        "  resource   peak  limit  free  a month  full (80 %)",
                        "  heap      4.29G  8.59G  50 %           no date yet",
                        "  database    5.2     16  67 %     +0 %  not in sight");
    }

    @Test
    void nothing_yet_names_the_fullest_resource() {
        assertThat(report(List.of(), headroom("heap", 1, 10, 1), headroom("pool", 6, 10, 1))
                        .text())
                .contains("Next\n  nothing yet; the fullest resource is pool, with 40 % free at its peak\n  (a note)");
    }

    @Test
    void what_fills_up_is_told_also_where_no_layer_is() {
        SortedMap<LocalDate, Double> figures = new TreeMap<>();
        for (int i = 1; i <= 120; i++) {
            figures.put(DAY.minusDays(i), 80 * Math.exp(-0.008 * i) * (1 + 0.02 * Math.sin(i * 12.9898)));
        }
        Headroom heap = new Headroom("heap", OptionalDouble.empty(), 80, 100, figures, Forecast.of(figures, 100), "");
        assertThat(report(List.of(), headroom("full", 20, 16, 90), heap, headroom("idle", 1, 10, 90))
                        .text())
                .contains("Next\n  full fills up, now: which layer relieves it cannot be told\n  heap fills up, 2026-")
                .doesNotContain("nothing yet");
    }

    @Test
    void a_resource_without_reserve_is_not_nothing() {
        assertThat(report(List.of(), headroom("heap", 1, 10, 1), headroom("threads", 11, 10, 1))
                        .text())
                .contains(
                        "Next\n  threads is the fullest, with 0 % free at its peak: which layer relieves it cannot be told")
                .doesNotContain("nothing yet");
    }

    @Test
    void resources_of_which_the_same_is_to_be_said_share_a_line() {
        assertThat(report(List.of(), headroom("heap", 1, 10, 1), headroom("pool", 6, 10, 1), headroom("jobs", 6, 10, 2))
                        .text())
                .contains("\n  heap, pool: 1 day of figures: it takes", "\n  jobs: 2 days of figures: it takes");
    }

    @Test
    void what_fills_up_beside_the_database_is_told_after_the_layers() {
        Headroom full = headroom("database", 20, 16, 90);
        NextLayer layer = new NextLayer(Layer.REPLICA, full.outlook(), "it is full", "is another");
        assertThat(report(List.of(layer), full, headroom("heap", 20, 16, 90)).text())
                .contains("Next\n  replica: now: it is full; is another\n  heap fills up, now\n  (a note)")
                .doesNotContain("database fills up");

        NextLayer pool = new NextLayer(Layer.POOL, full.outlook(), "one waits", "is larger");
        assertThat(report(List.of(pool), full).text()).contains("is larger\n  database fills up, now\n");
    }

    @Test
    void how_many_days_there_are_is_told_once() {
        String text = report(List.of(), headroom("heap", 1, 10, 3)).text();
        assertThat(text).containsOnlyOnce("3 days").contains("no date yet").contains("(UTC)");
    }

    @Test
    void numbers_have_three_digits_and_a_unit() {
        assertThat(List.of(0.00042, 0.31, 5.23, 79.98, 90.0, 150.4, 12_345.0, 4.294e9, 3e22).stream()
                        .map(Report::number))
                .containsExactly("4.2e-04", "0.31", "5.2", "80", "90", "150", "12.3k", "4.29G", "3.00e+22");
    }

    @Test
    void what_comes_next_is_a_line() {
        Headroom full = headroom("database", 20, 16, 90);
        NextLayer layer = new NextLayer(Layer.BIGGER_PRIMARY, full.outlook(), "it is full", "is twice as large");
        assertThat(report(List.of(layer), full).text())
                .contains("Next\n  bigger primary: now: it is full; is twice as large");
    }
}
