package dev.tenfold.readiness;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterAll;

class H2DailyTableTest extends DailyTableContract {
    private final List<Connection> open = new ArrayList<>();

    @Override
    DataSource database() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:daily-test-" + open.size() + ";LOCK_TIMEOUT=30000");
        try {
            open.add(h2.getConnection()); // keeps it in memory
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
        return h2;
    }

    @Override
    String analyze(String table) {
        return "analyze table " + table;
    }

    @AfterAll
    void forget() throws SQLException {
        for (Connection each : open) each.close();
    }
}
