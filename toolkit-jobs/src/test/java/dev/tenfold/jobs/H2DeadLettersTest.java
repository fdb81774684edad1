package dev.tenfold.jobs;

final class H2DeadLettersTest extends DeadLettersContract {
    @Override
    OpsDatabase open() {
        return OpsDatabase.h2();
    }
}
