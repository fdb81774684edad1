package dev.tenfold.query.guard;

import java.util.Set;
import java.util.concurrent.ForkJoinWorkerThread;
import org.jspecify.annotations.Nullable;

/**
 * What a thread is in the middle of: the scope that its statements count to, and the connection it borrowed last.
 *
 * <p>Used by its thread alone, but for {@link #open}, which another thread may clear when it closes the connection.
 */
final class ThreadState {
    /** What is at the bottom of a pool's threads, by their classes' names without the package. */
    private static final Set<String> WORKERS = Set.of(
            "ThreadPoolExecutor$Worker", // of the JDK, and Tomcat's copy
            "QueuedThreadPool$Runner", // Jetty
            "EnhancedQueueExecutor$ThreadBody", // Undertow
            "SingleThreadEventExecutor", // Netty
            "TimerThread");

    /** JUnit's {@code assertTimeoutPreemptively} takes a pool for one task, which belongs to who waits for it. */
    private static final String TIMEOUT_THREAD = "junit-timeout-thread-";

    private static final InheritableThreadLocal<ThreadState> CURRENT = new InheritableThreadLocal<>() {
        @Override
        protected ThreadState initialValue() {
            return new ThreadState(null);
        }

        @Override
        protected ThreadState childValue(ThreadState parent) {
            return new ThreadState(parent.scope());
        }
    };

    /** The scope that was open where this thread was started; it counts if this is not a pool's thread. */
    private @Nullable QueryScope inherited;

    private @Nullable QueryScope scope;

    volatile @Nullable WatchedConnection open;

    private ThreadState(@Nullable QueryScope inherited) {
        this.inherited = inherited;
    }

    static ThreadState current() {
        return CURRENT.get();
    }

    /** The innermost scope that is open; null if there is none. */
    @Nullable
    QueryScope scope() {
        QueryScope innermost = scope;
        if (innermost == null) {
            if (inherited == null) return null;
            innermost = inherit();
        }
        while (innermost != null && innermost.isClosed()) {
            innermost = innermost.parent();
        }
        scope = innermost;
        return innermost;
    }

    void enter(@Nullable QueryScope next) {
        inherited = null;
        scope = next;
    }

    /**
     * A pool's thread outlives the work that happened to start it, and then works for others: it inherits nothing. Walks
     * the stack, once a thread.
     */
    private @Nullable QueryScope inherit() {
        QueryScope parents = inherited;
        inherited = null;
        return isOfPool() ? null : parents;
    }

    private static boolean isOfPool() {
        Thread thread = Thread.currentThread();
        if (thread instanceof ForkJoinWorkerThread) return true;
        if (thread.getName().startsWith(TIMEOUT_THREAD)) return false;
        return StackWalker.getInstance()
                .walk(frames -> frames.map(StackWalker.StackFrame::getClassName)
                        .anyMatch(name -> WORKERS.contains(name.substring(name.lastIndexOf('.') + 1))));
    }
}
