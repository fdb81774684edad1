package dev.tenfold.jobs;

import dev.tenfold.testkit.MariaDbServer;

class MariaDbStoreTest extends StoreContract {
    @Override
    String url() {
        return MariaDbServer.shared().jdbcUrl(MariaDbServer.shared().createDatabase());
    }
}
