package dev.tenfold.redis;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads of one link, beside Lettuce's: a timer, and three that are there only while they have work, for connecting,
 * for messages and for listeners to the state. All are daemons. What one of their tasks throws is logged.
 */
final class LinkThreads {
    private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);
    private static final AtomicInteger LINKS = new AtomicInteger();

    private final String prefix = "tenfold-redis-" + LINKS.incrementAndGet() + "-";
    private final Set<Thread> mine = ConcurrentHashMap.newKeySet();
    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, daemons("timer"));
    private final ThreadPoolExecutor connects = new ThreadPoolExecutor(
            0, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), daemons("connect"));
    private final ThreadPoolExecutor messages = one("messages");
    private final ThreadPoolExecutor states = one("states");

    LinkThreads() {
        timer.setRemoveOnCancelPolicy(true);
        timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        timer.setContinueExistingPeriodicTasksAfterShutdownPolicy(false);
    }

    /** Connects, which blocks. */
    void connect(Runnable task) {
        execute(connects, task);
    }

    /** Hands something to the listeners of subscriptions, after all before it. False once the link is closed. */
    boolean message(Runnable task) {
        return execute(messages, task);
    }

    int queuedMessages() {
        return messages.getQueue().size();
    }

    /** Hands something to the listeners of the state, after all before it. */
    void state(Runnable task) {
        execute(states, task);
    }

    /** Runs a short task later, on the timer's thread. */
    void later(long nanos, Runnable task) {
        try {
            var unused = timer.schedule(logged(task), nanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException closed) {
            return; // nothing is due any more
        }
    }

    /** Runs a short task again and again, on the timer's thread. */
    void every(Duration interval, Runnable task) {
        var unused = timer.scheduleWithFixedDelay(
                logged(task), interval.toNanos(), interval.toNanos(), TimeUnit.NANOSECONDS);
    }

    private static boolean execute(ThreadPoolExecutor executor, Runnable task) {
        try {
            executor.execute(logged(task));
            return true;
        } catch (RejectedExecutionException closed) {
            return false;
        }
    }

    private static Runnable logged(Runnable task) {
        return () -> {
            try {
                task.run();
            } catch (RuntimeException | Error e) {
                LOG.error("A task or listener of a Redis link has failed; the link goes on", e);
            }
        };
    }

    /** Takes no more work, drops what is planned, ends what is queued. Does not block. */
    void shutdown() {
        timer.shutdownNow();
        connects.shutdown();
        messages.shutdown();
        states.shutdown();
    }

    /** Waits until the threads have ended, but not for the thread that asks, nor past the deadline. */
    void join(long deadlineNanos) throws InterruptedException {
        if (mine.contains(Thread.currentThread())) return;
        for (ExecutorService executor : List.of(timer, connects, messages, states)) {
            if (!executor.awaitTermination(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) return;
        }
    }

    private ThreadPoolExecutor one(String role) {
        var executor = new ThreadPoolExecutor(1, 1, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), daemons(role));
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    private ThreadFactory daemons(String role) {
        return task -> {
            Runnable counted = () -> {
                Thread self = Thread.currentThread();
                mine.add(self);
                try {
                    task.run();
                } finally {
                    mine.remove(self);
                }
            };
            Thread thread = new Thread(null, counted, prefix + role, 0, false);
            thread.setDaemon(true);
            return thread;
        };
    }
}
