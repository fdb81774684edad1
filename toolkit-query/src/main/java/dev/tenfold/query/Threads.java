package dev.tenfold.query;

import dev.tenfold.query.guard.QueryScope;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The threads that scopes use: virtual ones where the runtime has them, else a pool shared by the process.
 *
 * <p>The pool hands a task over only to a thread that is free or may be created, and refuses it otherwise; the caller
 * then runs it itself. Nothing ever queues behind a thread that waits, so a nested scope cannot deadlock. All threads are
 * daemons, and those of the pools end after a second without work.
 */
final class Threads {
    /** Members of one {@code each} on platform threads, unless the scope's options say less. */
    static final int PLATFORM_MEMBERS = 64;

    private static final int PLATFORM_LIMIT = 256;

    static final @Nullable ThreadFactory VIRTUAL = virtualThreads();

    private static final ThreadPoolExecutor POOL = pool("tenfold-load-", PLATFORM_LIMIT);

    /** Runs a batch while the thread that opened its scope is busy; at most one at a time per scope and trigger. */
    static final Executor SPARE = VIRTUAL == null
            ? pool("tenfold-load-spare-", Integer.MAX_VALUE)
            : task -> VIRTUAL.newThread(task).start();

    /** Fires the fallback flush and the deadline; its tasks only hand work over. */
    static final ScheduledThreadPoolExecutor TIMER = timer();

    private Threads() {}

    /** Whether a thread took the task. It counts to the caller's {@link QueryScope}, which virtual threads inherit. */
    static boolean tryStart(Runnable task, boolean virtual) {
        if (virtual && VIRTUAL != null) {
            VIRTUAL.newThread(task).start();
            return true;
        }
        try {
            POOL.execute(QueryScope.wrap(task));
            return true;
        } catch (RejectedExecutionException allBusy) {
            return false; // the caller runs the task itself
        }
    }

    private static ThreadPoolExecutor pool(String prefix, int limit) {
        return new ThreadPoolExecutor(0, limit, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), daemons(prefix));
    }

    private static ScheduledThreadPoolExecutor timer() {
        var timer = new ScheduledThreadPoolExecutor(1, daemons("tenfold-load-timer-"));
        timer.setRemoveOnCancelPolicy(true);
        timer.setKeepAliveTime(1, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        return timer;
    }

    private static ThreadFactory daemons(String prefix) {
        var number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(null, task, prefix + number.incrementAndGet(), 0, false);
            thread.setDaemon(true);
            return thread;
        };
    }

    /** {@code Thread.ofVirtual().name("tenfold-load").factory()}, which the compiler for Java 17 does not know. */
    private static @Nullable ThreadFactory virtualThreads() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            Object named = type.getMethod("name", String.class).invoke(builder, "tenfold-load");
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
