package dev.tenfold.jobs;

import dev.tenfold.testkit.MariaDbServer;
import javax.sql.DataSource;

class CronsMariaDbTest extends CronsContract {
    @Override
    DataSource database() {
        MariaDbServer server = MariaDbServer.shared();
        return server.dataSource(server.createDatabase());
    }
}
