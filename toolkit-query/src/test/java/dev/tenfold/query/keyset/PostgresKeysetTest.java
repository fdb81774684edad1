package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.PostgresServer;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jooq.SQLDialect;
import org.junit.jupiter.api.Test;

class PostgresKeysetTest extends KeysetContract {
    private static final DataSource DATABASE =
            PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase());

    @Override
    DataSource database() {
        return DATABASE;
    }

    @Override
    SQLDialect dialect() {
        return SQLDialect.POSTGRES;
    }

    @Test
    void a_time_of_day_with_an_offset_is_refused() throws SQLException {
        run("create table item (id bigint primary key, v timetz not null)");
        Keyset keyset = Keyset.columns("v not null", "id unique").signedWith(SECRET);

        assertThatThrownBy(() -> keyset.fetch(connection, "select id, v from item where {keyset}", row -> 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("column v is a java.time.OffsetTime, which a cursor cannot carry");
    }

    @Test
    void values_of_its_own_types_keep_their_last_digit() throws SQLException {
        run("drop type if exists mood cascade", "create type mood as enum ('sad', 'ok', 'happy')");
        exact("mood", "'sad'", "'ok'", "'happy'");
        exact("text", "''", "'a'", "'B'", "'it''s ?'");
        exact("text collate \"C\"", "'a'", "'B'", "'ä'");
        exact("name", "'a'", "'b'");
        exact("uuid", "'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'");
        exact("bytea", "''", "'\\x00'", "'\\x00ff'", "'\\xff'");
        exact("real", "0.1", "0.3", "16777217", "'NaN'");
        exact("double precision", "0.1", "'-infinity'", "'infinity'", "'NaN'");
        exact("numeric", "0.1", "1e-100", "1e100");
        exact("timestamptz", "'2026-03-29 02:30:00.000001+05'", "'2026-03-29 02:30:00.000002+05'", "'infinity'");
        exact("timestamp", "'2026-03-29 02:30:00.000001'", "'-infinity'", "'infinity'", "'0044-03-15 12:00 BC'");
        exact("date", "'2024-02-29'", "'infinity'", "'0044-03-15 BC'");
        exact("time", "'02:30:00.000001'", "'02:30:00.000002'", "'24:00:00'");
    }
}
