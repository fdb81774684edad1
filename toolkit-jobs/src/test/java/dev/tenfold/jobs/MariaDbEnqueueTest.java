package dev.tenfold.jobs;

import dev.tenfold.testkit.MariaDbServer;

class MariaDbEnqueueTest extends EnqueueContract {
    @Override
    String url() {
        return MariaDbServer.shared().jdbcUrl(MariaDbServer.shared().createDatabase());
    }
}
