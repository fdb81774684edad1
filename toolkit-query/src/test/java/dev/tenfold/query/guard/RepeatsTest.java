package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.SettableClock;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

class RepeatsTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final SettableClock clock = SettableClock.at(Instant.parse("2026-03-01T10:00:00Z"));
    private final Repeats repeats = new Repeats(clock.nanoTime());

    private boolean seen(long key) {
        return repeats.seen(new Random(key).nextLong(), clock.nanoTime());
    }

    @Test
    void the_first_is_new_and_the_second_repeats() {
        assertThat(seen(1)).isFalse();
        assertThat(seen(2)).isFalse();
        assertThat(seen(1)).isTrue();
    }

    @Test
    void what_came_in_the_window_before_repeats() {
        seen(1);
        clock.advance(Duration.ofSeconds(61));
        assertThat(seen(1)).isTrue();
    }

    @Test
    void what_came_more_than_two_minutes_ago_is_new() {
        seen(1);
        clock.advance(Duration.ofSeconds(61));
        seen(2);
        clock.advance(Duration.ofSeconds(61));
        assertThat(seen(1)).isFalse();
    }

    @Test
    void after_a_long_silence_everything_is_new() {
        seen(1);
        clock.advance(Duration.ofHours(1));
        assertThat(seen(1)).isFalse();
    }

    @Test
    void of_half_a_million_different_keys_few_look_repeated() {
        long seed = 42;
        Random random = new Random(seed);
        int repeated = 0;
        for (int i = 0; i < 500_000; i++) {
            if (repeats.seen(random.nextLong(), i * (SECOND / 10_000))) repeated++;
        }
        assertThat(repeated).as("seed %d", seed).isLessThan(15_000);
    }

    @Test
    void a_guard_adds_up_the_time_of_reads_that_repeat_across_scopes() throws SQLException {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:repeats-test");
        try (Connection keeps = h2.getConnection();
                var create = keeps.createStatement()) {
            create.execute("create table item (id int primary key, name varchar)");
            QueryGuard guard = QueryGuard.watch(h2);
            for (int i = 0; i < 20; i++) {
                read(guard, i);
            }
            assertThat(stats(guard).repeated()).isEqualTo(Duration.ZERO);
            for (int i = 0; i < 20; i++) {
                read(guard, 7);
            }
            assertThat(stats(guard).repeated())
                    .isPositive()
                    .isLessThan(stats(guard).total());
        }
    }

    private static void read(QueryGuard guard, int id) throws SQLException {
        try (QueryScope scope = QueryScope.open("request");
                Connection connection = guard.getConnection();
                var statement = connection.prepareStatement("select name from item where id = ?")) {
            statement.setInt(1, id);
            statement.executeQuery().close();
            assertThat(scope.statements()).isEqualTo(1);
        }
    }

    private static StatementStats stats(QueryGuard guard) {
        return guard.statements().stream()
                .filter(StatementStats::reads)
                .findFirst()
                .orElseThrow();
    }
}
