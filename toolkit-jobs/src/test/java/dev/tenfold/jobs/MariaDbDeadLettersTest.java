package dev.tenfold.jobs;

final class MariaDbDeadLettersTest extends DeadLettersContract {
    @Override
    OpsDatabase open() {
        return OpsDatabase.mariaDb();
    }
}
