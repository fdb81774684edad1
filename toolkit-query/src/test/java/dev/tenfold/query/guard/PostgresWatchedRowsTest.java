package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.PostgresServer;
import dev.tenfold.testkit.SettableClock;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.postgresql.PGRefCursorResultSet;

/** On PostgreSQL behind a pool: its driver fetches all rows unless it is told otherwise. */
@Timeout(60)
class PostgresWatchedRowsTest extends WatchedRowsContract {
    private static final HikariDataSource POOL = create();

    private static HikariDataSource create() {
        PostgresServer server = PostgresServer.shared();
        HikariConfig config = new HikariConfig();
        config.setDataSource(server.dataSource(server.createDatabase()));
        config.setMaximumPoolSize(2);
        return new HikariDataSource(config);
    }

    @AfterAll
    static void close() {
        POOL.close();
    }

    @Override
    DataSource dataSource() {
        return POOL;
    }

    @Override
    Class<?> driverType() {
        return PGRefCursorResultSet.class;
    }

    @Test
    void rows_that_are_fetched_and_not_read_are_reported() throws SQLException {
        query(ALL, 9, rows -> {
            if (rows.next()) rows.getLong(1);
        });
        assertThat(found(FindingKind.UNREAD_ROWS)).isEmpty();

        query(ALL, 1, rows -> {
            if (rows.next()) rows.getLong(1);
        });
        assertThat(found(FindingKind.UNREAD_ROWS)).singleElement().satisfies(finding -> {
            assertThat(finding.detail())
                    .isEqualTo("about 29 fetched rows were not read in most of 10 executions that were looked at (10"
                            + " are needed to tell); typically 1 is read");
            assertThat(finding.remedy()).isEqualTo("add limit 1, or ask exists(…)");
        });
    }

    @Test
    void rows_left_unread_are_reported_when_only_their_statement_is_closed() throws SQLException {
        for (int i = 0; i < 10; i++) {
            try (Connection connection = guard.getConnection();
                    Statement statement = connection.createStatement()) {
                statement.executeQuery(ALL).next();
            }
        }

        assertThat(found(FindingKind.UNREAD_ROWS)).isNotEmpty();
    }

    @Test
    void a_few_rows_left_unread_are_not_reported() throws SQLException {
        query(ALL, 20, rows -> {
            for (int i = 0; i < 21; i++) rows.next();
        });

        assertThat(found(FindingKind.UNREAD_ROWS)).isEmpty();
    }

    @Test
    void rows_that_are_usually_read_are_not_reported() throws SQLException {
        for (int i = 1; i <= 10; i++) {
            query(ALL, 1, eachRow(ResultSet::getRow));
            query(ALL, 1, i % 5 == 0 ? ResultSet::next : eachRow(ResultSet::getRow));
        }

        assertThat(found(FindingKind.UNREAD_ROWS)).isEmpty();
    }

    @Test
    void rows_that_are_fetched_in_portions_are_not_asked_for() throws SQLException {
        for (int i = 0; i < 10; i++) {
            try (Connection connection = guard.getConnection()) {
                connection.setAutoCommit(false);
                try (PreparedStatement statement = connection.prepareStatement(ALL)) {
                    statement.setFetchSize(2);
                    statement.executeQuery().next();
                }
                connection.commit();
            }
        }

        assertThat(found(FindingKind.UNREAD_ROWS)).isEmpty();
    }

    @Test
    void idle_time_while_rows_are_read_that_are_all_there_is_no_work() throws SQLException {
        SettableClock clock = SettableClock.at(Instant.EPOCH);
        guard = QueryGuard.watch(POOL, o -> o.nanoClock(clock.nanoClock()));

        query(ALL, 1, eachRow(unused -> clock.advance(Duration.ofMillis(300))));

        assertThat(found(FindingKind.HELD_CONNECTION)).hasSize(1);
    }

    @Test
    void streams_objects_and_the_servers_own_types_are_not_asked_for() throws SQLException {
        try (Connection connection = POOL.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("drop type if exists mood cascade");
            statement.execute("create type mood as enum ('good', 'bad')");
        }
        query(
                "select 1::bigint as id, 'good'::mood as m, '\\x0102'::bytea as b, '{}'::jsonb as j, null::text as t",
                5,
                eachRow(rows -> rows.getLong("id")));

        assertThat(found(FindingKind.UNREAD_COLUMNS))
                .singleElement()
                .satisfies(f -> assertThat(f.detail()).endsWith(": m, b, j, t, about 6 bytes a row"));
    }
}
