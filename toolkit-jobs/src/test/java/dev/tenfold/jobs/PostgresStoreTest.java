package dev.tenfold.jobs;

import dev.tenfold.testkit.PostgresServer;

class PostgresStoreTest extends StoreContract {
    @Override
    String url() {
        return PostgresServer.shared().jdbcUrl(PostgresServer.shared().createDatabase());
    }
}
