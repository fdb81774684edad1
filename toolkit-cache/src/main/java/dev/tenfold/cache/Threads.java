package dev.tenfold.cache;

import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The threads that loads run on when nobody should have to wait for them: virtual ones where the runtime has them, else a
 * pool of daemons shared by the process, which end after a second without work.
 *
 * <p>Nothing is ever queued: a load may wait for another one, and must not wait behind it.
 */
final class Threads {
    private static final int PLATFORM_LIMIT = 256;

    private static final Executor LOADS = loads();

    private Threads() {}

    /** Whether a thread took the task; false only where there are no virtual threads and all others are busy. */
    static boolean tryStart(Runnable task) {
        try {
            LOADS.execute(task);
            return true;
        } catch (RejectedExecutionException allBusy) {
            return false;
        }
    }

    private static Executor loads() {
        ThreadFactory virtual = virtualThreads();
        if (virtual != null) {
            return task -> virtual.newThread(task).start();
        }
        return new ThreadPoolExecutor(
                0, PLATFORM_LIMIT, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), daemons("tenfold-cache-load-"));
    }

    static ThreadFactory daemons(String prefix) {
        var number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(null, task, prefix + number.incrementAndGet(), 0, false);
            thread.setDaemon(true);
            return thread;
        };
    }

    /** {@code Thread.ofVirtual().name("tenfold-cache-load").factory()}, which the compiler for Java 17 does not know. */
    private static @Nullable ThreadFactory virtualThreads() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            Object named = type.getMethod("name", String.class).invoke(builder, "tenfold-cache-load");
            return (ThreadFactory) type.getMethod("factory").invoke(named);
        } catch (NoSuchMethodException | ClassNotFoundException before21) {
            return null;
        } catch (InvocationTargetException preview) {
            return null; // JDK 19 and 20 have the method, and throw unless preview features are on
        } catch (IllegalAccessException e) {
            throw new LinkageError("Thread.ofVirtual is public", e);
        }
    }
}
