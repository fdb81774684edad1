package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.testkit.Await;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What holds of the table on each database. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class DailyTableContract {
    private static final LocalDate DAY = LocalDate.of(2026, 3, 1);

    private DataSource dataSource;
    private DailyTable table;

    /** An empty database. */
    abstract DataSource database();

    /** Lets the catalog count rows. */
    abstract String analyze(String table);

    @BeforeAll
    void install() {
        dataSource = database();
        ReadinessSchema.install(dataSource);
        table = new DailyTable(dataSource);
    }

    @BeforeEach
    void clear() throws SQLException {
        execute("delete from tenfold_daily");
    }

    private void execute(String... statements) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            for (String each : statements) statement.execute(each);
        }
    }

    private Day day(String resource) {
        return Objects.requireNonNull(days(resource, DAY).get(DAY), "no figure of " + resource);
    }

    private SortedMap<LocalDate, Day> days(String resource, LocalDate from) {
        return Objects.requireNonNull(table.read(from).get(resource), "no figures of " + resource);
    }

    @Test
    void an_hour_makes_the_row_of_its_day() {
        table.merge("heap", DAY, 13, 2.5, 8, false);
        assertThat(day("heap")).isEqualTo(new Day(2.5, 8, 1, "13=2.5", 1));
    }

    @Test
    void a_day_is_the_second_highest_of_its_24_hours() {
        for (int hour = 0; hour < 24; hour++) {
            table.merge("heap", DAY, hour, hour == 7 ? 1_000 : hour, 2_000, false);
        }
        assertThat(day("heap").figure()).isEqualTo(23);
        assertThat(day("heap").hoursSeen()).isEqualTo(24);
    }

    @Test
    void of_two_instances_the_fullest_counts() {
        table.merge("pool", DAY, 9, 5, 10, false);
        table.merge("pool", DAY, 9, 8, 10, false);
        table.merge("pool", DAY, 9, 3, 10, false);
        assertThat(day("pool").figure()).isEqualTo(8);
    }

    @Test
    void the_newest_limit_stays_with_the_day() {
        table.merge("pool", DAY, 9, 5, 10, false);
        table.merge("pool", DAY, 10, 5, 20, false);
        assertThat(day("pool").limit()).isEqualTo(20);
    }

    @Test
    void parts_that_many_instances_add_at_once_all_count() throws Exception {
        int instances = 6;
        int hours = 10;
        ExecutorService threads = Executors.newFixedThreadPool(instances);
        try {
            CyclicBarrier together = new CyclicBarrier(instances);
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < instances; i++) {
                all.add(threads.submit(() -> {
                    Await.barrier(together);
                    for (int hour = 0; hour < hours; hour++) table.merge("database", DAY, hour, 1, 16, true);
                }));
            }
            for (Future<?> each : all) each.get();
        } finally {
            threads.shutdownNow();
        }
        assertThat(day("database").hours()).isEqualTo("0=6.0,1=6.0,2=6.0,3=6.0,4=6.0,5=6.0,6=6.0,7=6.0,8=6.0,9=6.0");
    }

    @Test
    void an_import_replaces_what_is_there() {
        table.merge("heap", DAY, 13, 2.5, 8, false);
        table.put("heap", Map.of(DAY, 4.0, DAY.plusDays(1), 5.0), 9);
        assertThat(day("heap").figure()).isEqualTo(4);
        assertThat(day("heap").isWhole()).isTrue();
        assertThat(days("heap", DAY)).hasSize(2);
    }

    /** As each does that starts with the history of a monitoring system. */
    @Test
    void several_instances_import_the_same_days_at_once() throws Exception {
        Map<LocalDate, Double> figures = new TreeMap<>();
        for (int i = 0; i < 60; i++) figures.put(DAY.plusDays(i), 4.0 + i);
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            CyclicBarrier together = new CyclicBarrier(3);
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                all.add(threads.submit(() -> {
                    Await.barrier(together);
                    table.put("heap", figures, 100);
                }));
            }
            for (Future<?> each : all) each.get();
        } finally {
            threads.shutdownNow();
        }
        assertThat(days("heap", DAY)).hasSize(60);
    }

    @Test
    void an_hour_does_not_change_a_day_that_was_imported() {
        table.put("heap", Map.of(DAY, 4.0), 9);
        table.merge("heap", DAY, 23, 7, 9, false);
        assertThat(day("heap").figure()).isEqualTo(4);
    }

    @Test
    void names_that_differ_in_case_are_different() {
        table.merge("heap", DAY, 1, 1, 9, false);
        table.merge("Heap", DAY, 1, 2, 9, false);
        assertThat(day("heap").figure()).isEqualTo(1);
        assertThat(day("Heap").figure()).isEqualTo(2);
    }

    @Test
    void reading_leaves_out_older_days() {
        table.put("heap", Map.of(DAY.minusDays(1), 1.0, DAY, 2.0), 9);
        assertThat(days("heap", DAY).keySet()).containsExactly(DAY);
    }

    @Test
    void figures_older_than_the_retention_are_deleted() {
        table.put("heap", Map.of(DAY.minusDays(401), 1.0, DAY.minusDays(400), 2.0, DAY, 3.0), 9);
        assertThat(table.prune(DAY, 400)).isEqualTo(1);
        assertThat(days("heap", DAY.minusYears(3)).keySet()).containsExactly(DAY.minusDays(400), DAY);
    }

    @Test
    void a_clock_years_ahead_deletes_nothing() {
        LocalDate recent = LocalDate.ofEpochDay(System.currentTimeMillis() / 86_400_000L);
        table.put("heap", Map.of(recent.minusDays(10), 1.0), 9);
        assertThat(table.prune(recent.plusYears(30), 400)).isZero();
    }

    @Test
    void installing_again_and_at_once_does_nothing() throws Exception {
        table.merge("heap", DAY, 13, 2.5, 8, false);
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) all.add(threads.submit(() -> ReadinessSchema.install(dataSource)));
            for (Future<?> each : all) each.get();
        } finally {
            threads.shutdownNow();
        }
        assertThat(day("heap").figure()).isEqualTo(2.5);
    }

    @Test
    void several_instances_install_into_an_empty_database_at_once() throws Exception {
        DataSource empty = database();
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            CyclicBarrier together = new CyclicBarrier(3);
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                all.add(threads.submit(() -> {
                    Await.barrier(together);
                    ReadinessSchema.install(empty);
                }));
            }
            for (Future<?> each : all) each.get();
        } finally {
            threads.shutdownNow();
        }
        assertThatCode(new DailyTable(empty)::require).doesNotThrowAnyException();
    }

    @Test
    void without_the_table_it_says_what_to_do() {
        assertThatThrownBy(new DailyTable(database())::require)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("tenfold_daily")
                .hasMessageContaining("ReadinessSchema.install(dataSource)");
    }

    @Test
    void a_pool_without_autocommit_does_as_well() throws SQLException {
        try (HikariDataSource pool = new HikariDataSource()) {
            pool.setDataSource(dataSource);
            pool.setMaximumPoolSize(1);
            pool.setAutoCommit(false);
            ReadinessSchema.install(pool);
            DailyTable pooled = new DailyTable(pool);
            pooled.merge("heap", DAY, 13, 2.5, 8, false);
            pooled.put("pool", Map.of(DAY, 1.0), 8);
            try (Connection connection = pool.getConnection()) {
                assertThat(connection.getAutoCommit()).isFalse();
            }
        }
        assertThat(day("heap").figure()).isEqualTo(2.5);
        assertThat(day("pool").figure()).isEqualTo(1);
    }

    @Test
    void an_hour_of_statements_is_told_with_the_rows_of_their_tables() throws SQLException {
        execute("drop table if exists item", "create table item (id int primary key, name varchar(20))");
        StringBuilder insert = new StringBuilder("insert into item values (0, 'a')");
        for (int i = 1; i < 1_000; i++) insert.append(", (").append(i).append(", 'a')");
        execute(insert.toString(), analyze("item"));
        QueryGuard guard = QueryGuard.watch(dataSource);
        Growth growth = new Growth(guard);
        try (Connection connection = guard.getConnection();
                var statement = connection.prepareStatement("select name from item where id = ?")) {
            for (int i = 0; i < 20; i++) {
                statement.setInt(1, i);
                statement.executeQuery().close();
            }
        }
        Map<String, Double> hour = new TreeMap<>(growth.hour());
        assertThat(hour.remove("rows:item")).isBetween(900.0, 1_100.0);
        assertThat(hour).hasSize(1);
        assertThat(hour.values().iterator().next()).isPositive().isLessThan(1_000);
        assertThat(growth.hour()).as("of an hour without statements").isEmpty();
        execute("drop table item");
    }
}
