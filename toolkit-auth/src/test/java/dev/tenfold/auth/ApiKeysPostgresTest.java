package dev.tenfold.auth;

import dev.tenfold.testkit.PostgresServer;
import javax.sql.DataSource;

class ApiKeysPostgresTest extends ApiKeysContract {
    private static final DataSource DATABASE =
            PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase());

    @Override
    DataSource dataSource() {
        return DATABASE;
    }
}
