package dev.tenfold.readiness;

import dev.tenfold.testkit.MariaDbServer;
import javax.sql.DataSource;

class MariaDbDailyTableTest extends DailyTableContract {
    @Override
    DataSource database() {
        return MariaDbServer.shared().dataSource(MariaDbServer.shared().createDatabase());
    }

    @Override
    String analyze(String table) {
        return "analyze table " + table;
    }
}
