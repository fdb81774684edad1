package dev.tenfold.jobs;

import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The threads of a worker, and how it waits for them. */
final class Threads {
    private Threads() {}

    static ThreadFactory daemons(String prefix) {
        var number = new AtomicInteger();
        return task -> daemon(prefix + number.incrementAndGet(), task);
    }

    static Thread daemon(String name, Runnable task) {
        Thread thread = new Thread(null, task, name, 0, false);
        thread.setDaemon(true);
        return thread;
    }

    /** {@code Thread.ofVirtual().name(name).factory()}, which the compiler for Java 17 does not know; null before Java 21. */
    static @Nullable ThreadFactory virtual(String name) {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            Object named = type.getMethod("name", String.class).invoke(builder, name);
            return (ThreadFactory) type.getMethod("factory").invoke(named);
        } catch (NoSuchMethodException | ClassNotFoundException before21) {
            return null;
        } catch (InvocationTargetException preview) {
            return null; // JDK 19 and 20 have the method, and throw unless preview features are on
        } catch (IllegalAccessException e) {
            throw new LinkageError("Thread.ofVirtual is public", e);
        }
    }

    /** Waits for a thread to end, no longer than until a time of {@link System#nanoTime}; whether it has. */
    static boolean join(Thread thread, long deadline) {
        boolean interrupted = false;
        try {
            while (thread.isAlive()) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    return false;
                }
                try {
                    thread.join(left);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            return true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
