package dev.tenfold.jobs;

final class H2OperationsTest extends OperationsContract {
    @Override
    OpsDatabase open() {
        return OpsDatabase.h2();
    }
}
