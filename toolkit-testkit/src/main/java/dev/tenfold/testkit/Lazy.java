package dev.tenfold.testkit;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A value made at its first use. A failure to make it is thrown to each caller, and the next call tries again. */
final class Lazy<T> {
    private final ReentrantLock lock = new ReentrantLock();
    private final Supplier<T> maker;
    private @Nullable T value;

    Lazy(Supplier<T> maker) {
        this.maker = maker;
    }

    T get() {
        lock.lock();
        try {
            T made = value;
            if (made == null) value = made = maker.get();
            return made;
        } finally {
            lock.unlock();
        }
    }
}
