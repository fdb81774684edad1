package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.readiness.Outlook.Verdict;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.SettableClock;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReadinessTest {
    private static final LocalDate DAY = LocalDate.of(2026, 3, 2);

    private final SettableClock clock = SettableClock.at(Instant.parse("2026-03-02T10:00:00Z"));
    private final JdbcDataSource h2 = new JdbcDataSource();
    private final AtomicInteger used = new AtomicInteger();
    private Connection keeps;

    @BeforeEach
    void install() throws SQLException {
        h2.setURL("jdbc:h2:mem:readiness-test");
        keeps = h2.getConnection();
        ReadinessSchema.install(h2);
    }

    @AfterEach
    void drop() throws SQLException {
        keeps.close();
    }

    private Readiness.Builder on() {
        return Readiness.on(h2).clock(clock, clock.nanoClock());
    }

    private Readiness gauge() {
        return on().gauge("heap", used::get, 100).build();
    }

    private void sample(Readiness readiness, int minutes) {
        for (int i = 0; i < minutes; i++) {
            readiness.sample();
            clock.advance(Duration.ofMinutes(1));
        }
    }

    private Day stored(String resource, LocalDate day) {
        return Objects.requireNonNull(stored(resource).get(day), "no figure of " + resource + " on " + day);
    }

    private SortedMap<LocalDate, Day> stored(String resource) {
        return Objects.requireNonNull(
                new DailyTable(h2).read(LocalDate.EPOCH).get(resource), "no figures of " + resource);
    }

    private boolean isStored(String resource) {
        return new DailyTable(h2).read(LocalDate.EPOCH).containsKey(resource);
    }

    // ---- hours and days ---------------------------------------------------------------------------------------------

    @Test
    void an_hour_is_written_when_it_has_ended_as_its_mean() {
        Readiness readiness = gauge();
        readiness.sample();
        clock.advance(Duration.ofMinutes(1));
        used.set(10);
        sample(readiness, 29);
        used.set(30);
        sample(readiness, 29);
        assertThat(isStored("heap")).isFalse();
        sample(readiness, 2);
        assertThat(stored("heap", DAY).hours()).startsWith("10=2").doesNotContain(",");
        assertThat(stored("heap", DAY).figure()).isBetween(19.0, 21.0);
    }

    @Test
    void closing_writes_the_hour_so_far() {
        Readiness readiness = gauge();
        used.set(7);
        sample(readiness, 20);
        readiness.close();
        assertThat(stored("heap", DAY).figure()).isEqualTo(7);
    }

    @Test
    void a_crash_loses_no_more_than_the_hour() {
        used.set(7);
        sample(gauge(), 130);
        assertThat(stored("heap", DAY).hours()).isEqualTo("10=7.0,11=7.0");
    }

    @Test
    void a_restart_within_an_hour_keeps_the_higher_part_of_a_gauge() {
        used.set(50);
        Readiness before = gauge();
        sample(before, 20);
        before.close();
        used.set(30);
        sample(gauge(), 50);
        assertThat(stored("heap", DAY).hours()).isEqualTo("10=50.0");
    }

    @Test
    void the_first_minutes_of_a_process_are_no_hour() {
        used.set(100);
        Readiness readiness = gauge();
        sample(readiness, 4);
        readiness.close();
        assertThat(isStored("heap")).isFalse();
    }

    @Test
    void a_restart_within_an_hour_adds_the_parts_of_a_shared_resource() {
        Readiness before = on().shared("sessions", () -> 60, 1_000).build();
        sample(before, 31);
        before.close();
        Readiness after = on().shared("sessions", () -> 60, 1_000).build();
        sample(after, 29);
        after.close();
        assertThat(stored("sessions", DAY).figure()).isBetween(57.0, 60.0);
    }

    @Test
    void two_instances_at_once_add_up_what_they_share_and_the_fullest_counts_of_what_they_do_not() {
        Readiness one = on().shared("sessions", () -> 100, 1_000)
                .gauge("pool", () -> 5, 10)
                .build();
        Readiness two = on().shared("sessions", () -> 50, 1_000)
                .gauge("pool", () -> 8, 10)
                .build();
        for (int i = 0; i < 121; i++) {
            one.sample();
            two.sample();
            clock.advance(Duration.ofMinutes(1));
        }
        assertThat(stored("sessions", DAY).hours()).contains("11=150.0");
        assertThat(stored("pool", DAY).hours()).contains("11=8.0");
    }

    @Test
    void an_instance_that_is_added_adds_its_part_from_then_on() {
        Readiness one = on().shared("sessions", () -> 100, 1_000).build();
        sample(one, 120);
        Readiness two = on().shared("sessions", () -> 100, 1_000).build();
        for (int i = 0; i < 121; i++) {
            one.sample();
            two.sample();
            clock.advance(Duration.ofMinutes(1));
        }
        assertThat(stored("sessions", DAY).hours()).contains("11=100.0").contains("13=200.0");
    }

    @Test
    void a_counter_is_a_rate_a_second() {
        AtomicLong done = new AtomicLong(1_000_000);
        Readiness readiness = on().rate("jobs", done::get, 100).build();
        for (int i = 0; i < 122; i++) {
            readiness.sample();
            clock.advance(Duration.ofMinutes(1));
            done.addAndGet(600);
        }
        assertThat(stored("jobs", DAY).hours()).contains("11=10.0");
    }

    @Test
    void a_counter_that_is_reset_is_left_out_once() {
        AtomicLong done = new AtomicLong(1_000_000);
        Readiness readiness = on().rate("jobs", done::get, 100).build();
        for (int i = 0; i < 30; i++) {
            if (i == 15) done.set(0);
            readiness.sample();
            clock.advance(Duration.ofMinutes(1));
            done.addAndGet(600);
        }
        Headroom jobs = readiness.report().resource("jobs");
        assertThat(jobs.now()).hasValue(10);
        assertThat(jobs.peak()).isEqualTo(10);
    }

    @Test
    void the_day_changes_at_midnight_of_the_zone() {
        ZoneId india = ZoneId.of("Asia/Kolkata"); // half an hour off: its hours begin within ours
        clock.set(Instant.parse("2026-03-02T18:00:00Z")); // 23:30 there
        used.set(7);
        sample(on().zone(india).gauge("heap", used::get, 100).build(), 91);
        assertThat(stored("heap", DAY).hours()).isEqualTo("23=7.0");
        assertThat(stored("heap", DAY.plusDays(1)).hours()).isEqualTo("0=7.0");
    }

    @Test
    void a_day_on_which_clocks_go_back_has_25_hours_and_one_on_which_they_go_on_23() {
        ZoneId berlin = ZoneId.of("Europe/Berlin");
        used.set(7);
        assertThat(hoursOf(LocalDate.of(2026, 10, 25), berlin)).isEqualTo(25);
        assertThat(hoursOf(LocalDate.of(2026, 3, 29), berlin)).isEqualTo(23);
        assertThat(hoursOf(LocalDate.of(2026, 3, 30), ZoneOffset.UTC)).isEqualTo(24);
    }

    private int hoursOf(LocalDate day, ZoneId zone) {
        clock.set(day.atStartOfDay(zone).toInstant());
        Readiness readiness = on().zone(zone).gauge("heap", used::get, 100).build();
        while (!clock.instant().isAfter(day.plusDays(1).atStartOfDay(zone).toInstant())) {
            sample(readiness, 5);
        }
        return stored("heap", day).hoursSeen();
    }

    @Test
    void a_clock_that_is_set_changes_no_value() {
        used.set(7);
        Readiness readiness = gauge();
        sample(readiness, 30);
        clock.set(Instant.parse("2026-03-02T08:15:00Z"));
        sample(readiness, 30);
        clock.set(Instant.parse("2026-03-02T12:15:00Z"));
        sample(readiness, 60);
        assertThat(stored("heap", DAY).hours()).isEqualTo("8=7.0,10=7.0,12=7.0");
    }

    @Test
    void a_clock_that_is_set_back_counts_no_hour_of_a_shared_resource_twice() {
        Readiness readiness = on().shared("sessions", () -> 60, 1_000).build();
        sample(readiness, 90);
        clock.set(Instant.parse("2026-03-02T10:30:00Z"));
        sample(readiness, 91);
        assertThat(stored("sessions", DAY).hours()).isEqualTo("10=60.0,11=60.0");
    }

    @Test
    void a_pause_of_the_process_counts_five_minutes_at_most() {
        Readiness readiness = on().shared("sessions", () -> 60, 1_000).build();
        sample(readiness, 2);
        clock.advance(Duration.ofHours(5));
        readiness.sample();
        readiness.close();
        assertThat(stored("sessions", DAY).figure()).isLessThan(6);
    }

    // ---- gauges that fail -------------------------------------------------------------------------------------------

    @Test
    void a_gauge_that_throws_is_left_out_and_the_others_go_on() {
        DoubleSupplier broken = () -> {
            throw new IllegalStateException("closed");
        };
        Readiness readiness =
                on().gauge("broken", broken, 10).gauge("heap", () -> 7, 100).build();
        sample(readiness, 70);
        assertThat(stored("heap", DAY).figure()).isEqualTo(7);
        assertThat(isStored("broken")).isFalse();
        assertThat(readiness.report().notes()).anyMatch(note -> note.startsWith("broken: no figures yet"));
    }

    @Test
    void a_gauge_that_works_again_counts_again() {
        Readiness readiness = on().gauge(
                        "heap",
                        () -> {
                            if (used.get() < 0) throw new IllegalStateException("away");
                            return used.get();
                        },
                        100)
                .build();
        used.set(-1);
        sample(readiness, 10);
        used.set(7);
        sample(readiness, 60);
        assertThat(stored("heap", DAY).figure()).isEqualTo(7);
    }

    @Test
    void a_gauge_that_broke_long_ago_is_not_reported_as_now() {
        AtomicInteger broken = new AtomicInteger();
        Readiness readiness = on().gauge("heap", () -> broken.get() > 0 ? Double.NaN : 70, 100)
                .build();
        sample(readiness, 10);
        broken.set(1);
        sample(readiness, 1);
        assertThat(readiness.report().resource("heap").now()).isEmpty();
        assertThat(readiness.report().resource("heap").peak())
                .as("of the hour so far")
                .isEqualTo(70);
        sample(readiness, 60);
        clock.advance(Duration.ofDays(20));
        readiness.sample();
        readiness.record("heap", DAY.plusDays(19), 40, 100);
        assertThat(readiness.report().resource("heap").peak()).isEqualTo(40);
    }

    @Test
    void values_that_are_none_are_left_out() {
        for (double bad : new double[] {Double.NaN, -1, Double.POSITIVE_INFINITY}) {
            Readiness readiness = on().gauge("bad", () -> bad, 10).build();
            sample(readiness, 10);
            readiness.close();
        }
        Readiness noLimit = on().gauge("bad", () -> 1, () -> 0).build();
        sample(noLimit, 10);
        noLimit.close();
        assertThat(isStored("bad")).isFalse();
    }

    // ---- the database away ------------------------------------------------------------------------------------------

    /** Refuses connections while it is told to. */
    private DataSource refusing(AtomicInteger refuses) {
        return (DataSource) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, args) -> {
                    if (refuses.get() > 0 && method.getName().equals("getConnection")) throw new SQLException("away");
                    return method.invoke(h2, args);
                });
    }

    @Test
    void a_connection_that_dies_is_told_by_why_it_died() {
        DataSource dies = (DataSource) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, args) -> dying());
        assertThatIllegalStateException()
                .isThrownBy(() -> Readiness.on(dies).build().report())
                .withMessageContaining("terminated by the administrator");
    }

    private Connection dying() {
        AtomicInteger dead = new AtomicInteger();
        return (Connection) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, args) -> {
                    if (method.getName().equals("close")) return null;
                    if (dead.get() > 0) throw new SQLException("this connection is closed");
                    if (method.getName().equals("getAutoCommit")) return true;
                    if (method.getName().equals("setAutoCommit")) return null;
                    dead.set(1);
                    throw new SQLException("terminated by the administrator");
                });
    }

    @Test
    void what_was_written_counts_once_though_its_connection_breaks_on_its_way_back() {
        Readiness readiness = Readiness.on(breakingOnTheWayBack())
                .clock(clock, clock.nanoClock())
                .shared("sessions", () -> 60, 1_000)
                .build();
        sample(readiness, 125);
        assertThat(stored("sessions", DAY).hours()).isEqualTo("10=59.0,11=60.0");
    }

    private DataSource breakingOnTheWayBack() {
        return (DataSource) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, args) -> {
                    Connection connection = (Connection) method.invoke(h2, args);
                    return Proxy.newProxyInstance(
                            getClass().getClassLoader(), new Class<?>[] {Connection.class}, (self, called, with) -> {
                                Object result = called.invoke(connection, with);
                                if (called.getName().equals("close")) throw new SQLException("broken");
                                return result;
                            });
                });
    }

    @Test
    void hours_wait_in_memory_while_the_database_is_away() {
        AtomicInteger away = new AtomicInteger(1);
        Readiness readiness = Readiness.on(refusing(away))
                .clock(clock, clock.nanoClock())
                .gauge("heap", () -> 7, 100)
                .build();
        sample(readiness, 200);
        assertThat(isStored("heap")).isFalse();
        away.set(0);
        readiness.sample();
        assertThat(stored("heap", DAY).hours()).isEqualTo("10=7.0,11=7.0,12=7.0");
    }

    @Test
    void after_two_days_without_the_database_the_oldest_hours_are_given_up() {
        AtomicInteger away = new AtomicInteger(1);
        Readiness readiness = Readiness.on(refusing(away))
                .clock(clock, clock.nanoClock())
                .gauge("heap", () -> 7, 100)
                .build();
        for (int i = 0; i < 60 * 12; i++) {
            readiness.sample();
            clock.advance(Duration.ofMinutes(5));
        }
        away.set(0);
        readiness.sample();
        assertThat(stored("heap", DAY).hours()).isEqualTo("22=7.0,23=7.0");
        assertThat(stored("heap", DAY.plusDays(1)).hoursSeen()).isEqualTo(24);
        assertThat(stored("heap", DAY.plusDays(2)).hoursSeen()).isEqualTo(22);
    }

    @Test
    void a_report_without_the_database_says_what_is_wrong() {
        Readiness readiness = Readiness.on(refusing(new AtomicInteger(1))).build();
        assertThatIllegalStateException()
                .isThrownBy(readiness::report)
                .withMessageContaining("cannot read daily figures: away");
        assertThatIllegalStateException().isThrownBy(readiness::start);
    }

    // ---- report -----------------------------------------------------------------------------------------------------

    private static Map<LocalDate, Double> growing(LocalDate last, int days, double daily) {
        Map<LocalDate, Double> figures = new TreeMap<>();
        for (int i = 0; i < days; i++) {
            LocalDate day = last.minusDays(days - 1 - i);
            double weekend = day.getDayOfWeek().getValue() >= 6 ? 0.7 : 1;
            double noise = 1 + 0.02 * Math.sin(i * 12.9898);
            figures.put(day, 20 * Math.exp(daily * i) * weekend * noise);
        }
        return figures;
    }

    @Test
    void a_history_that_is_imported_gives_a_date_on_the_first_day() {
        Readiness readiness = gauge();
        readiness.record("heap", growing(DAY.minusDays(1), 120, 0.008), 100);
        Headroom heap = readiness.report().resource("heap");
        assertThat(heap.figures()).hasSize(120).containsKey(DAY.minusDays(1));
        assertThat(heap.outlook().verdict()).isEqualTo(Verdict.DATED);
        assertThat(heap.outlook().expected()).isBetween(DAY.plusDays(20), DAY.plusDays(200));
        assertThat(readiness.report().text())
                .contains(heap.outlook().earliest() + " … " + heap.outlook().latest());
    }

    @Test
    void without_enough_days_there_is_no_date_and_the_text_says_so() {
        Readiness readiness = gauge();
        readiness.record("heap", growing(DAY.minusDays(1), 12, 0.01), 100);
        Report report = readiness.report();
        assertThat(report.resource("heap").outlook().verdict()).isEqualTo(Verdict.NOT_ENOUGH_DATA);
        assertThat(report.text()).contains("12 days of figures: it takes 14 to tell a direction and 56 to tell a date");
    }

    @Test
    void with_55_days_there_is_no_date() {
        Readiness readiness = gauge();
        readiness.record("heap", growing(DAY.minusDays(1), 55, 0.01), 100);
        assertThat(readiness.report().resource("heap").outlook().expected()).isNull();
    }

    @Test
    void the_report_of_another_instance_is_the_same() {
        gauge().record("heap", growing(DAY.minusDays(1), 90, 0.008), 100);
        assertThat(gauge().report()).isEqualTo(gauge().report());
        Headroom there = on().build().report().resource("heap");
        assertThat(there.figures()).hasSize(90);
        assertThat(there.now()).isEmpty();
        assertThat(there.limit()).isEqualTo(100);
    }

    @Test
    void today_and_days_of_few_hours_are_no_figures_but_count_for_the_peak() {
        clock.set(Instant.parse("2026-03-02T14:00:00Z"));
        used.set(60);
        Readiness readiness = gauge();
        sample(readiness, 60 * 16);
        assertThat(readiness.report().resource("heap").figures()).isEmpty();
        assertThat(readiness.report().resource("heap").peak()).isEqualTo(60);
        sample(readiness, 60 * 20);
        assertThat(readiness.report().resource("heap").figures().keySet()).containsExactly(DAY.plusDays(1));
    }

    @Test
    void a_peak_is_of_the_last_seven_days() {
        Readiness readiness = gauge();
        readiness.record("heap", DAY.minusDays(20), 90, 100);
        readiness.record("heap", DAY.minusDays(2), 40, 100);
        Headroom heap = readiness.report().resource("heap");
        assertThat(heap.peak()).isEqualTo(40);
        assertThat(heap.free()).isEqualTo(0.6);
    }

    @Test
    void a_limit_that_was_raised_counts_and_is_told() {
        Readiness readiness = on().gauge("heap", () -> 40, 200).build();
        readiness.record("heap", growing(DAY.minusDays(1), 60, 0), 100);
        readiness.sample();
        Headroom heap = readiness.report().resource("heap");
        assertThat(heap.limit()).isEqualTo(200);
        assertThat(heap.note()).isEqualTo("the limit was 100 until 2026-03-01, and is 200 now");
    }

    @Test
    void days_that_a_wrong_clock_has_written_ahead_are_left_out() {
        Readiness readiness = gauge();
        new DailyTable(h2).put("heap", Map.of(DAY.plusDays(300), 99.0, DAY.minusDays(1), 10.0), 100);
        Headroom heap = readiness.report().resource("heap");
        assertThat(heap.figures().keySet()).containsExactly(DAY.minusDays(1));
        assertThat(heap.peak()).isEqualTo(10);
    }

    @Test
    void a_resource_that_nobody_writes_any_more_is_left_out_after_a_month() {
        Readiness readiness = on().build();
        readiness.record("old", DAY.minusDays(31), 1, 10);
        readiness.record("new", DAY.minusDays(29), 1, 10);
        assertThat(readiness.report().resources())
                .extracting(Headroom::resource)
                .containsExactly("new");
    }

    @Test
    void with_nothing_known_the_report_says_so() {
        Report report = gauge().report();
        assertThat(report.resources()).isEmpty();
        assertThat(report.next()).isEmpty();
        assertThat(report.text())
                .contains("nothing can be said yet: there are no figures")
                .contains("heap: no figures yet");
    }

    @Test
    void a_resource_that_is_not_known_is_named_with_those_that_are() {
        Readiness readiness = gauge();
        readiness.sample();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> readiness.report().resource("haep"))
                .withMessage("nothing is known of a resource \"haep\"; known are [heap]");
    }

    @Test
    void old_figures_are_deleted_once_a_day() {
        Readiness readiness = on().keepDays(90).gauge("heap", used::get, 100).build();
        readiness.record("heap", DAY.minusDays(91), 1, 100);
        readiness.record("heap", DAY.minusDays(90), 1, 100);
        readiness.sample();
        assertThat(stored("heap").keySet()).containsExactly(DAY.minusDays(90));
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    @Test
    void it_samples_on_its_own_thread_and_leaves_none_behind() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        CountDownLatch twice = new CountDownLatch(2);
        Readiness readiness = Readiness.on(h2)
                .every(Duration.ofSeconds(1))
                .gauge(
                        "heap",
                        () -> {
                            twice.countDown();
                            return 1;
                        },
                        10)
                .build();
        readiness.start();
        Await.latch(twice);
        assertThatIllegalStateException()
                .isThrownBy(readiness::start)
                .withMessage("readiness was started already; start it once");
        readiness.close();
        readiness.close();
        before.assertNothingLeaked();
        assertThatIllegalStateException()
                .isThrownBy(readiness::sample)
                .withMessage("readiness is closed; build another one");
    }

    @Test
    void it_is_closed_though_the_database_does_not_answer() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answers = new CountDownLatch(1);
        DataSource hangs = (DataSource) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, args) -> {
                    asked.countDown();
                    Await.latch(answers);
                    return method.invoke(h2, args);
                });
        Readiness readiness = Readiness.on(hangs).gauge("heap", () -> 7, 100).build();
        Thread sampling = new Thread(readiness::sample, "readiness-test");
        sampling.start();
        Await.latch(asked);
        readiness.close();
        answers.countDown();
        sampling.join();
        assertThatIllegalStateException()
                .isThrownBy(readiness::sample)
                .withMessage("readiness is closed; build another one");
    }

    @Test
    void start_says_that_the_table_is_missing() throws SQLException {
        try (var statement = keeps.createStatement()) {
            statement.execute("drop table tenfold_daily");
        }
        try (Readiness readiness = gauge()) {
            assertThatIllegalStateException()
                    .isThrownBy(readiness::start)
                    .withMessageContaining("ReadinessSchema.install(dataSource)");
        }
    }

    @Test
    void figures_are_kept_beneath_a_guard_without_being_counted() {
        QueryGuard guard = QueryGuard.watch(h2);
        Readiness readiness = Readiness.on(guard)
                .clock(clock, clock.nanoClock())
                .gauge("heap", () -> 7, 100)
                .build();
        sample(readiness, 70);
        readiness.report();
        assertThat(guard.statements()).isEmpty();
    }

    // ---- bad input --------------------------------------------------------------------------------------------------

    @Test
    void names_that_are_none_are_refused() {
        for (String bad : new String[] {"", " ", "a b", "-a", "statement:1", "a".repeat(101), "é"}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> on().gauge(bad, () -> 1, 1))
                    .withMessageContaining("is no name for a resource");
        }
    }

    @Test
    void a_name_is_given_once() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> on().gauge("heap", () -> 1, 1).shared("heap", () -> 1, 1))
                .withMessageContaining("there is a resource \"heap\" already");
    }

    @Test
    void limits_that_are_none_are_refused() {
        for (double bad : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> on().gauge("heap", () -> 1, bad))
                    .withMessageContaining("of heap must be above 0 and finite");
            assertThatIllegalArgumentException().isThrownBy(() -> gauge().record("heap", DAY.minusDays(1), 1, bad));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> on().guard(QueryGuard.watch(h2), bad))
                    .withMessageContaining("must be at least 1");
        }
    }

    @Test
    void options_out_of_range_are_refused() {
        assertThatIllegalArgumentException().isThrownBy(() -> on().keepDays(89));
        assertThatIllegalArgumentException().isThrownBy(() -> on().keepDays(4_001));
        assertThatIllegalArgumentException().isThrownBy(() -> on().every(Duration.ofMillis(999)));
        assertThatIllegalArgumentException().isThrownBy(() -> on().every(Duration.ofMinutes(6)));
    }

    @Test
    void figures_that_are_none_are_not_imported_nor_those_beside_them() {
        Readiness readiness = gauge();
        for (double bad : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () -> readiness.record("heap", Map.of(DAY.minusDays(1), 1.0, DAY.minusDays(2), bad), 100))
                    .withMessageContaining("must be at least 0 and finite");
        }
        assertThat(isStored("heap")).isFalse();
    }

    @Test
    void today_is_not_imported() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gauge().record("heap", DAY, 1, 100))
                .withMessageContaining("only days before today, 2026-03-02, are over");
    }

    @Test
    void a_database_that_is_not_known_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ReadinessSchema.script("Oracle"))
                .withMessageContaining("PostgreSQL, MariaDB, MySQL or H2, not in Oracle");
        assertThat(ReadinessSchema.script("PostgreSQL")).contains("create table if not exists tenfold_daily");
        assertThat(ReadinessSchema.script("MySQL")).isEqualTo(ReadinessSchema.script("MariaDB"));
    }
}
