package dev.tenfold.query;

import dev.tenfold.testkit.MariaDbServer;
import javax.sql.DataSource;
import org.jooq.SQLDialect;

class MariaDbLoaderTest extends SqlLoaderContract {
    private static final DataSource DATABASE = create();

    private static DataSource create() {
        MariaDbServer server = MariaDbServer.shared();
        return pooled(server.dataSource(server.createDatabase()));
    }

    @Override
    DataSource dataSource() {
        return DATABASE;
    }

    @Override
    SQLDialect dialect() {
        return SQLDialect.MARIADB;
    }
}
