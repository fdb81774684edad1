package dev.tenfold.jobs;

final class PostgresDeadLettersTest extends DeadLettersContract {
    @Override
    OpsDatabase open() {
        return OpsDatabase.postgres();
    }
}
