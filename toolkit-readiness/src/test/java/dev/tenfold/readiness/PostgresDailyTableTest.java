package dev.tenfold.readiness;

import dev.tenfold.testkit.PostgresServer;
import javax.sql.DataSource;

class PostgresDailyTableTest extends DailyTableContract {
    @Override
    DataSource database() {
        return PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase());
    }

    @Override
    String analyze(String table) {
        return "analyze " + table;
    }
}
