package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CronExpressionTest {
    private static final ZoneId PARIS = ZoneId.of("Europe/Paris");
    private static final ZoneId LORD_HOWE = ZoneId.of("Australia/Lord_Howe");

    private static List<String> fires(String expression, ZoneId zone, String after, int count) {
        CronExpression cron = CronExpression.parse(expression);
        List<String> fires = new ArrayList<>();
        Instant at = LocalDateTime.parse(after).atZone(zone).toInstant();
        for (int i = 0; i < count; i++) {
            at = cron.next(at, zone);
            fires.add(at.atZone(zone).toOffsetDateTime().toString());
        }
        return fires;
    }

    // ---- what is read -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0 2 * * *       | 2024-05-01T02:00Z",
                "  0  2 * * *    | 2024-05-01T02:00Z",
                "@hourly         | 2024-05-01T01:00Z",
                "@daily          | 2024-05-02T00:00Z",
                "@midnight       | 2024-05-02T00:00Z",
                "@weekly         | 2024-05-05T00:00Z",
                "@monthly        | 2024-06-01T00:00Z",
                "@yearly         | 2025-01-01T00:00Z",
                "@annually       | 2025-01-01T00:00Z",
                "*/7 * * * *     | 2024-05-01T00:07Z",
                "5/20 * * * *    | 2024-05-01T00:05Z",
                "10-20/5 * * * * | 2024-05-01T00:10Z",
                "*/10 * * * * *  | 2024-05-01T00:00:10Z",
                "30 0 2 * * *    | 2024-05-01T02:00:30Z",
                "0 0 * JAN *     | 2025-01-01T00:00Z",
                "0 0 * * sun     | 2024-05-05T00:00Z",
                "0 0 * * 0       | 2024-05-05T00:00Z",
                "0 0 * * 7       | 2024-05-05T00:00Z",
                "0 0 * * FRI-SUN | 2024-05-03T00:00Z",
                "0 0 29 2 *      | 2028-02-29T00:00Z",
                "0 0 31 * *      | 2024-05-31T00:00Z",
                "0 0 13 * 5      | 2024-05-03T00:00Z", // either will do
                "0 0 */31 * 6    | 2024-06-01T00:00Z", // with a star both have to match
            })
    void an_expression_fires_at(String expression, String expected) {
        Instant after = Instant.parse("2024-05-01T00:00:00Z");

        Instant next = CronExpression.parse(expression).next(after, ZoneOffset.UTC);

        assertThat(next.atOffset(ZoneOffset.UTC)).hasToString(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0 2 * *",
                "0 0 0 2 * * *",
                "0 25 * * *",
                "61 * * * *",
                "*/0 * * * *",
                "*/90 * * * *",
                "0 5-1 * * *",
                "0 2 * * MONDAY",
                "0 2 L * *",
                "0 2 ? * *",
                "0 2 * * 5#2",
                "0 /5 * * *",
                "0 +2 * * *",
                "0 2,,3 * * *",
                "0 2 * * 8",
                "@reboot",
                "@every 5m",
                "a b c d e"
            })
    void a_typo_is_refused_with_the_reason_and_an_example(String expression) {
        assertThatThrownBy(() -> CronExpression.parse(expression))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("cron \"" + expression + "\" is not understood: ")
                .hasMessageContaining("\"0 2 * * *\" (each day at 02:00)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0 0 31 2 *", "0 0 31 4,6,9,11 *", "0 0 30 2 */1"})
    void a_day_that_never_comes_is_refused(String expression) {
        assertThatThrownBy(() -> CronExpression.parse(expression))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("there is no such day: it would never fire");
    }

    @Test
    void the_reason_names_the_value_and_the_range() {
        assertThatThrownBy(() -> CronExpression.parse("0 25 * * *")).hasMessageContaining("25 not in range [0, 23]");
    }

    // ---- clocks that are changed ------------------------------------------------------------------------------------

    @Test
    void a_fixed_time_in_a_gap_fires_right_after_it() {
        assertThat(fires("30 2 * * *", PARIS, "2024-03-30T12:00", 2))
                .containsExactly("2024-03-31T03:00+02:00", "2024-04-01T02:30+02:00");
    }

    @Test
    void several_fixed_times_in_a_gap_fire_once() {
        assertThat(fires("0,30 2,3 * * *", PARIS, "2024-03-31T00:00", 3))
                .containsExactly("2024-03-31T03:00+02:00", "2024-03-31T03:30+02:00", "2024-04-01T02:00+02:00");
    }

    @Test
    void a_fixed_time_in_an_overlap_fires_the_first_time() {
        assertThat(fires("30 2 * * *", PARIS, "2024-10-26T12:00", 2))
                .containsExactly("2024-10-27T02:30+02:00", "2024-10-28T02:30+01:00");
    }

    @Test
    void a_fixed_time_does_not_fire_again_when_asked_in_the_second_pass() {
        Instant secondPass = Instant.parse("2024-10-27T01:10:00Z"); // 02:10 for the second time

        assertThat(CronExpression.parse("30 2 * * *").next(secondPass, PARIS))
                .isEqualTo(Instant.parse("2024-10-28T01:30:00Z"));
    }

    @Test
    void an_interval_goes_on_in_real_time_through_an_overlap() {
        assertThat(fires("0 * * * *", PARIS, "2024-10-27T01:00", 4))
                .containsExactly(
                        "2024-10-27T02:00+02:00",
                        "2024-10-27T02:00+01:00",
                        "2024-10-27T03:00+01:00",
                        "2024-10-27T04:00+01:00");
    }

    @Test
    void an_interval_skips_what_the_clocks_skip() {
        assertThat(fires("*/30 * * * *", PARIS, "2024-03-31T01:00", 3))
                .containsExactly("2024-03-31T01:30+01:00", "2024-03-31T03:00+02:00", "2024-03-31T03:30+02:00");
    }

    @Test
    void half_an_hour_is_a_gap_too() {
        assertThat(fires("15 2 * * *", LORD_HOWE, "2024-10-05T12:00", 2))
                .containsExactly("2024-10-06T02:30+11:00", "2024-10-07T02:15+11:00");
    }

    @Test
    void a_fixed_time_of_a_day_that_was_skipped_fires_when_the_next_one_begins() {
        assertThat(fires("0 9 30 * *", ZoneId.of("Pacific/Apia"), "2011-12-01T00:00", 1))
                .containsExactly("2011-12-31T00:00+14:00");
    }

    @Test
    void fractions_of_a_second_do_not_fire_twice() {
        CronExpression cron = CronExpression.parse("* * * * * *");
        Instant half = Instant.parse("2024-05-01T00:00:00.5Z");

        assertThat(cron.next(half, PARIS)).isEqualTo(Instant.parse("2024-05-01T00:00:01Z"));
    }

    @Test
    void an_interval_whose_day_loses_that_hour_waits_for_a_year_that_has_it() {
        // Until 2022 Iran put its clocks forward at midnight, in most years on 22 March.
        assertThat(fires("*/5 0 22 3 *", ZoneId.of("Asia/Tehran"), "2021-01-01T00:00", 1))
                .containsExactly("2023-03-22T00:00+03:30");
    }

    // ---- against brute force ----------------------------------------------------------------------------------------

    /** A field as text, and what it matches, made independently of each other. */
    private record Field(String text, IntPredicate matches, boolean steps) {}

    private static Field field(Random random, int min, int max, int star) {
        int choice = random.nextInt(10);
        if (choice < star) {
            return new Field("*", value -> true, true);
        }
        if (choice == 9) {
            int step = 1 + random.nextInt((max - min) / 2);
            return new Field("*/" + step, value -> (value - min) % step == 0, true);
        }
        int from = min + random.nextInt(max - min + 1);
        if (choice == 8) {
            int to = from + random.nextInt(max - from + 1);
            return new Field(from + "-" + to, value -> value >= from && value <= to, false);
        }
        int other = min + random.nextInt(max - min + 1);
        return choice == 7
                ? new Field(from + "," + other, value -> value == from || value == other, false)
                : new Field(Integer.toString(from), value -> value == from, false);
    }

    private record Oracle(Field second, Field minute, Field hour, Field day, Field month, Field weekday) {
        static Oracle random(Random random, boolean seconds) {
            return new Oracle(
                    seconds ? field(random, 0, 59, 4) : new Field("0", value -> value == 0, false),
                    field(random, 0, 59, 3),
                    random.nextBoolean() ? field(random, 0, 4, 3) : field(random, 0, 23, 3),
                    field(random, 1, 31, 8),
                    field(random, 1, 12, 9),
                    field(random, 0, 6, 8));
        }

        String text() {
            return String.join(" ", second.text, minute.text, hour.text, day.text, month.text, weekday.text);
        }

        boolean matches(LocalDateTime at) {
            boolean onDay = day.matches.test(at.getDayOfMonth());
            boolean onWeekday = weekday.matches.test(at.getDayOfWeek().getValue() % 7);
            boolean star = day.text.startsWith("*") || weekday.text.startsWith("*");
            return second.matches.test(at.getSecond())
                    && minute.matches.test(at.getMinute())
                    && hour.matches.test(at.getHour())
                    && month.matches.test(at.getMonthValue())
                    && (star ? onDay && onWeekday : onDay || onWeekday);
        }

        TreeSet<Instant> fires(Instant from, Instant until, Duration step, ZoneRules rules) {
            boolean interval = second.steps || minute.steps || hour.steps;
            TreeSet<Instant> fires = new TreeSet<>();
            if (interval) {
                for (Instant at = from.plus(step); !at.isAfter(until); at = at.plus(step)) {
                    if (matches(LocalDateTime.ofInstant(at, rules.getOffset(at)))) {
                        fires.add(at);
                    }
                }
                return fires;
            }
            LocalDateTime end = LocalDateTime.ofInstant(until, ZoneOffset.UTC).plusHours(15);
            LocalDateTime local = LocalDateTime.ofInstant(from, ZoneOffset.UTC).minusHours(15);
            for (; local.isBefore(end); local = local.plus(step)) {
                if (matches(local)) {
                    List<ZoneOffset> offsets = rules.getValidOffsets(local);
                    Instant at = offsets.isEmpty()
                            ? rules.getTransition(local).getInstant()
                            : local.toInstant(offsets.get(0));
                    if (at.isAfter(from) && !at.isAfter(until)) {
                        fires.add(at);
                    }
                }
            }
            return fires;
        }
    }

    private static void compare(Oracle oracle, Instant from, Instant until, Duration step, ZoneId zone, String seed) {
        TreeSet<Instant> expected = oracle.fires(from, until, step, zone.getRules());
        CronExpression cron;
        try {
            cron = CronExpression.parse(oracle.text());
        } catch (IllegalArgumentException never) {
            assertThat(never).hasMessageContaining("would never fire");
            assertThat(expected).isEmpty();
            return;
        }
        TreeSet<Instant> actual = new TreeSet<>();
        for (Instant at = cron.next(from, zone); !at.isAfter(until); at = cron.next(at, zone)) {
            actual.add(at);
        }
        assertThat(actual).as("%s in %s, %s", oracle.text(), zone, seed).isEqualTo(expected);
        if (!actual.isEmpty()) {
            assertThat(cron.latest(actual.first(), until, zone))
                    .as("the latest of %s in %s, %s", oracle.text(), zone, seed)
                    .isEqualTo(actual.last());
        }
    }

    private static final String CHANGES = """
            Europe/Paris         | 2024-03-31T01:00:00Z
            Europe/Paris         | 2024-10-27T01:00:00Z
            America/New_York     | 2024-03-10T07:00:00Z
            America/New_York     | 2024-11-03T06:00:00Z
            Australia/Lord_Howe  | 2024-10-05T15:30:00Z
            Australia/Lord_Howe  | 2024-04-06T15:00:00Z
            Asia/Kathmandu       | 1985-12-31T18:30:00Z
            Asia/Kathmandu       | 2024-01-01T00:00:00Z
            Pacific/Apia         | 2011-12-30T10:00:00Z
            America/Sao_Paulo    | 2018-11-04T03:00:00Z
            """;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = CHANGES)
    void random_expressions_fire_as_brute_force_says_minute_by_minute(String zone, Instant change) {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 120; i++) {
            compare(
                    Oracle.random(random, false),
                    change.minus(Duration.ofDays(2)),
                    change.plus(Duration.ofDays(2)),
                    Duration.ofMinutes(1),
                    ZoneId.of(zone),
                    "seed " + seed);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = CHANGES)
    void random_expressions_fire_as_brute_force_says_second_by_second(String zone, Instant change) {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 15; i++) {
            compare(
                    Oracle.random(random, true),
                    change.minus(Duration.ofHours(3)),
                    change.plus(Duration.ofHours(3)),
                    Duration.ofSeconds(1),
                    ZoneId.of(zone),
                    "seed " + seed);
        }
    }

    @Test
    void a_rare_expression_takes_bounded_work() {
        // 29 February, on a Sunday or a Saturday: once in up to 40 years, 80 changes of the clocks away.
        CronExpression rare = CronExpression.parse("*/5 3 29 2 */6");

        assertThat(rare.next(Instant.parse("2097-01-01T00:00:00Z"), PARIS))
                .isEqualTo(Instant.parse("2116-02-29T02:00:00Z"));
    }
}
