package dev.tenfold.query.keyset;

import java.sql.SQLException;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jooq.SQLDialect;
import org.junit.jupiter.api.Test;

class H2KeysetTest extends KeysetContract {
    @Override
    DataSource database() {
        JdbcDataSource database = new JdbcDataSource();
        database.setURL("jdbc:h2:mem:keyset;DB_CLOSE_DELAY=-1");
        return database;
    }

    @Override
    SQLDialect dialect() {
        return SQLDialect.H2;
    }

    @Test
    void values_of_its_own_types_keep_their_last_digit() throws SQLException {
        exact("timestamp(9)", "'2026-03-29 02:30:00.000000001'", "'2026-03-29 02:30:00.000000002'");
        exact(
                "timestamp(9) with time zone",
                "'2026-03-29 02:30:00.000000001+05'",
                "'2026-03-29 02:30:00.000000002+05'");
        exact("time(9)", "'02:30:00.000000001'", "'02:30:00.000000002'");
        exact("real", "0.1", "0.3", "16777217");
        exact("uuid", "'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'");
        exact("varbinary(10)", "X''", "X'00'", "X'00ff'", "X'ff'");
        exact("enum('small', 'large', 'huge')", "'small'", "'large'", "'huge'");
        exact("decfloat(30)", "1.5", "0.000000000000000000000000000001");
        exact("varchar_ignorecase(10)", "'a'", "'A'", "'b'");
    }
}
