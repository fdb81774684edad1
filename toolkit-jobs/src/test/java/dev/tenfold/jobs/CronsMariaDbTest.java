package dev.tenfold.jobs;

import dev.tenfold.testkit.MariaDbServer;
import javax.sql.DataSource;

class CronsMariaDbTest extends CronsContract {
    private static final DataSource DATABASE = database();

    CronsMariaDbTest() {
        super(DATABASE);
    }

    private static DataSource database() {
        MariaDbServer server = MariaDbServer.shared();
        DataSource dataSource = server.dataSource(server.createDatabase());
        JobSchema.install(dataSource);
        return dataSource;
    }
}
