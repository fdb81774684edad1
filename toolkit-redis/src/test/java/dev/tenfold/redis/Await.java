package dev.tenfold.redis;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for what others bring about, with a deadline that only a hung machine meets. */
final class Await {
    static final Duration LIMIT = Duration.ofSeconds(30);

    private Await() {}

    /** Looks each half millisecond. */
    static void until(Supplier<String> what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) throw new AssertionError("not within " + LIMIT + ": " + what.get());
            LockSupport.parkNanos(500_000);
        }
    }

    static void until(String what, BooleanSupplier condition) {
        until(() -> what, condition);
    }
}
