package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.pool.Pools;
import dev.tenfold.readiness.NextLayer.Layer;
import dev.tenfold.readiness.Workload.Mix;
import dev.tenfold.testkit.SettableClock;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LayersTest {
    private static final LocalDate DAY = LocalDate.of(2026, 3, 1);
    private static final Headroom BUSY = headroom("database", 12, 16);
    private static final Headroom IDLE = headroom("database", 2, 16);

    private static Headroom headroom(String name, double peak, double limit) {
        SortedMap<LocalDate, Double> figures = new TreeMap<>();
        return new Headroom(name, OptionalDouble.of(peak), peak, limit, figures, Forecast.of(figures, limit), "");
    }

    /** A database that doubles each half year. */
    private static Headroom dated() {
        SortedMap<LocalDate, Double> figures = new TreeMap<>();
        for (int i = 0; i < 150; i++) {
            figures.put(DAY.minusDays(150 - i), 3 * Math.pow(2, i / 180.0) * (1 + 0.02 * Math.sin(i * 12.9898)));
        }
        return new Headroom("database", OptionalDouble.empty(), 5.3, 10, figures, Forecast.of(figures, 10), "");
    }

    private static Mix mix(double reads, double repeated, double writePeak) {
        return new Mix(true, 50_000, Duration.ofHours(5).toNanos(), reads, repeated, OptionalDouble.of(writePeak));
    }

    private static List<NextLayer> next(@Nullable Headroom database, Mix mix, Layers.Pool... pools) {
        return Layers.of(database, mix, "select name from item where id = ?", List.of(), List.of(pools));
    }

    @Test
    void reads_that_repeat_call_for_a_cache() {
        List<NextLayer> next = next(BUSY, mix(0.8, 0.5, 1));
        assertThat(next).extracting(NextLayer::layer).containsExactly(Layer.CACHE);
        assertThat(next.get(0).text())
                .isEqualTo("cache: no date yet: reads 80 % of time, repeat 50 % (50,000 statements in 5 h), most by:"
                        + " select name from item where id = ?; takes up to 40 % off the database's time");
    }

    @Test
    void reads_that_do_not_repeat_call_for_a_replica() {
        List<NextLayer> next = next(BUSY, mix(0.78, 0.06, 1));
        assertThat(next).extracting(NextLayer::layer).containsExactly(Layer.REPLICA);
        assertThat(next.get(0).text()).startsWith("replica: no date yet: reads 78 % of time, repeat 6 %");
    }

    @Test
    void a_date_comes_with_its_interval_and_the_gain_in_months_of_growth() {
        NextLayer replica = next(dated(), mix(0.78, 0.06, 1)).get(0);
        assertThat(replica.text())
                .matches("replica: 20\\d\\d-\\d\\d.*, 80 %: reads 78 % of time, repeat 6 %.* months of growth");
    }

    @Test
    void writes_in_bursts_call_for_a_queue() {
        assertThat(next(BUSY, mix(0.6, 0.1, 5))).extracting(NextLayer::layer).containsExactly(Layer.QUEUE);
    }

    @Test
    void bursts_of_writes_that_take_no_time_do_not() {
        assertThat(next(BUSY, mix(0.95, 0.1, 5))).extracting(NextLayer::layer).containsExactly(Layer.REPLICA);
    }

    @Test
    void connections_that_are_held_for_long_call_for_a_queue_and_not_for_a_larger_pool() {
        Layers.Pool pool = new Layers.Pool(headroom("pool", 0.9, 1), 0.5, 6);
        List<NextLayer> next = next(BUSY, mix(0.6, 0.1, 1), pool);
        assertThat(next).extracting(NextLayer::layer).containsExactly(Layer.QUEUE);
        assertThat(next.get(0).evidence()).isEqualTo("connections of pool are held 6.0 times as long as they are used");
    }

    @Test
    void waits_for_connections_to_an_idle_database_call_for_a_larger_pool() {
        Layers.Pool pool = new Layers.Pool(headroom("pool", 2, 1), 0.5, 1.2);
        assertThat(next(IDLE, mix(0.6, 0.1, 1), pool))
                .extracting(NextLayer::layer)
                .containsExactly(Layer.POOL);
        assertThat(next(BUSY, mix(0.6, 0.1, 1), pool))
                .as("the database is what is short")
                .extracting(NextLayer::layer)
                .containsExactly(Layer.BIGGER_PRIMARY);
    }

    @Test
    void a_larger_pool_is_tried_before_a_bigger_primary() {
        Headroom grows =
                new Headroom("database", OptionalDouble.empty(), 4, 10, new TreeMap<>(), dated().outlook(), "");
        Layers.Pool pool = new Layers.Pool(headroom("pool", 2, 1), 0.5, 1.2);
        assertThat(next(grows, mix(0.6, 0.1, 1), pool))
                .extracting(NextLayer::layer)
                .containsExactly(Layer.POOL);
    }

    @Test
    void a_pool_that_nobody_borrowed_from_says_nothing() {
        Layers.Pool pool = new Layers.Pool(headroom("pool", 0.1, 1), Double.NaN, Double.NaN);
        assertThat(next(IDLE, mix(0.6, 0.1, 1), pool)).isEmpty();
    }

    @Test
    void if_nothing_else_helps_a_bigger_primary_does() {
        assertThat(next(BUSY, mix(0.6, 0.1, 1.5))).extracting(NextLayer::layer).containsExactly(Layer.BIGGER_PRIMARY);
    }

    @Test
    void while_the_database_has_time_nothing_is_next() {
        assertThat(next(IDLE, mix(0.9, 0.9, 9))).isEmpty();
        assertThat(next(null, mix(0.9, 0.9, 9))).isEmpty();
    }

    @Test
    void of_few_statements_nothing_is_told() {
        Mix few = new Mix(false, 10, 1, 0.9, 0.9, OptionalDouble.empty());
        assertThat(next(BUSY, few)).isEmpty();
    }

    // ---- a statement that slows down --------------------------------------------------------------------------------

    private static SortedMap<LocalDate, Day> days(int days, double first, double growth, double power) {
        SortedMap<LocalDate, Day> all = new TreeMap<>();
        for (int i = 0; i < days; i++) {
            double value = first * Math.pow(Math.exp(growth * i), power) * (1 + 0.05 * Math.sin(i * 78.233));
            all.put(DAY.plusDays(i), Day.imported(value, 1));
        }
        return all;
    }

    @Test
    void a_statement_whose_time_grows_with_its_table_calls_for_an_index() {
        GrowingStatement grown = Objects.requireNonNull(
                Growth.slope("select …", "post", days(40, 2, 0.03, 1), days(40, 10_000, 0.03, 1), 0.3));
        assertThat(grown.slope()).isBetween(0.9, 1.1);
        List<NextLayer> next = Layers.of(IDLE, null, "", List.of(grown), List.of());
        assertThat(next).extracting(NextLayer::layer).containsExactly(Layer.INDEX);
        assertThat(next.get(0).text()).contains("while post grew from 10.0k to").contains("takes up to 30 %");
    }

    @Test
    void a_statement_that_an_index_serves_does_not() {
        assertThat(Growth.slope("s", "post", days(40, 2, 0.03, 0.05), days(40, 10_000, 0.03, 1), 0.3))
                .isNull();
    }

    @Test
    void a_table_that_does_not_grow_or_was_seen_for_few_days_tells_nothing() {
        assertThat(Growth.slope("s", "post", days(40, 2, 0.03, 1), days(40, 10_000, 0.001, 1), 0.3))
                .isNull();
        assertThat(Growth.slope("s", "post", days(13, 2, 0.1, 1), days(13, 10_000, 0.1, 1), 0.3))
                .isNull();
    }

    // ---- from a guard -----------------------------------------------------------------------------------------------

    @Test
    void a_run_that_repeats_its_reads_is_told_to_cache_and_shows_no_date() throws SQLException {
        SettableClock clock = SettableClock.at(Instant.parse("2026-03-02T10:00:00Z"));
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:h2:mem:layers-test");
        config.setMaximumPoolSize(2);
        try (HikariDataSource hikari = new HikariDataSource(config);
                Connection keeps = hikari.getConnection();
                var create = keeps.createStatement()) {
            create.execute("create table item (id int primary key, name varchar(20))");
            ReadinessSchema.install(hikari);
            QueryGuard guard = QueryGuard.watch(hikari);
            Readiness readiness = Readiness.on(guard)
                    .guard(guard, 1)
                    .pool("pool", Pools.watch(guard))
                    .clock(clock, clock.nanoClock())
                    .build();
            readiness.sample();
            long before = total(guard);
            for (int i = 0; i < 3_000; i++) read(guard, i % 5);
            // As long as the statements took, or a little longer: a busy database.
            clock.advance(Duration.ofNanos((total(guard) - before) * 5 / 4));
            readiness.sample();
            Report report = readiness.report();
            assertThat(report.next()).extracting(NextLayer::layer).contains(Layer.CACHE);
            assertThat(report.resource("database").peak()).isBetween(0.7, 0.9);
            assertThat(report.resource("database").outlook().expected()).isNull();
            assertThat(report.resource("pool").limit()).isEqualTo(1);
            assertThat(report.text())
                    .contains("cache: no date yet: reads 100 % of time")
                    .contains("0 days of figures: it takes 14 to tell a direction and 56 to tell a date")
                    .contains("No capacity curve");
        }
    }

    @Test
    void what_repeated_long_ago_is_no_longer_told() throws SQLException {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:h2:mem:workload-test");
        try (HikariDataSource hikari = new HikariDataSource(config)) {
            QueryGuard guard = QueryGuard.watch(hikari);
            Workload workload = new Workload(guard);
            workload.sample(0);
            for (int i = 0; i < 500; i++) repeat(guard, "select 1 + cast(? as int) as earlier");
            workload.sample(1_000);
            assertThat(workload.mostRepeated()).contains("earlier");
            for (int i = 0; i < 5; i++) repeat(guard, "select 2 + cast(? as int) as later");
            workload.sample(1_000);
            for (int i = 0; i < 1_439; i++) workload.sample(1_000);
            assertThat(workload.mostRepeated()).contains("later");
            assertThat(workload.mix().executions()).isEqualTo(5);
        }
    }

    private static void repeat(QueryGuard guard, String sql) throws SQLException {
        try (Connection connection = guard.getConnection();
                var statement = connection.prepareStatement(sql)) {
            statement.setInt(1, 7);
            statement.executeQuery().close();
        }
    }

    private static long total(QueryGuard guard) {
        return guard.statements().stream()
                .mapToLong(each -> each.total().toNanos())
                .sum();
    }

    private static void read(QueryGuard guard, int id) throws SQLException {
        try (Connection connection = guard.getConnection();
                var statement = connection.prepareStatement("select name from item where id = ?")) {
            statement.setInt(1, id);
            statement.executeQuery().close();
        }
    }
}
