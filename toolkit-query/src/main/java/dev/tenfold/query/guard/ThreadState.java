package dev.tenfold.query.guard;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Set;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a thread is in the middle of: the scope that its statements count to, and the connection it borrowed last.
 *
 * <p>Used by its thread alone.
 */
final class ThreadState {
    private static final long IDLE = TimeUnit.SECONDS.toNanos(1);
    private static final @Nullable MethodHandle IS_VIRTUAL = findIsVirtual();
    /** What is at the bottom of a pool's threads, by their classes' names without the package. */
    private static final Set<String> WORKERS = Set.of(
            "ThreadPoolExecutor$Worker", // of the JDK, and Tomcat's copy
            "QueuedThreadPool$Runner", // Jetty
            "EnhancedQueueExecutor$ThreadBody", // Undertow
            "SingleThreadEventExecutor", // Netty
            "TimerThread");

    /** JUnit's {@code assertTimeoutPreemptively} takes a pool for one task, which belongs to who waits for it. */
    private static final String TIMEOUT_THREAD = "junit-timeout-thread-";

    /**
     * Null, also for a thread started by one that has a state, as long as there is nothing to know: a value of ours on a
     * container's thread would keep the application's classes loaded.
     */
    private static final InheritableThreadLocal<@Nullable ThreadState> CURRENT = new InheritableThreadLocal<>() {
        @Override
        protected @Nullable ThreadState childValue(@Nullable ThreadState parent) {
            QueryScope around = parent == null ? null : parent.scope();
            return around == null ? null : new ThreadState(around);
        }
    };

    /** The scope that was open where this thread was started; it counts if this is not a pool's thread. */
    private @Nullable QueryScope inherited;

    private @Nullable QueryScope scope;

    /** Of a virtual thread: the statements outside of any scope that is open. */
    private volatile @Nullable QueryScope life;

    private boolean hasNone;

    /** The connection it borrowed last, the one before behind it; each may be back, if another thread closed it. */
    @Nullable
    WatchedConnection open;

    private ThreadState(@Nullable QueryScope inherited) {
        this.inherited = inherited;
    }

    static ThreadState current() {
        ThreadState known = CURRENT.get();
        if (known != null) return known;
        ThreadState begun = new ThreadState(null);
        CURRENT.set(begun);
        return begun;
    }

    /** Called by its thread, when a scope has ended. */
    void forgetIfIdle() {
        if (scope == null && inherited == null && open == null && life == null) CURRENT.remove();
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
     * The scope of statements outside of any other: a virtual thread's life, as such a thread usually serves one request; null
     * on other threads.
     */
    @Nullable
    QueryScope life() {
        if (hasNone) return null;
        QueryScope known = life;
        if (known != null) return known;
        if (!isVirtual()) {
            hasNone = true;
            return null;
        }
        QueryScope started = new QueryScope("", null, 0);
        life = started;
        return started;
    }

    @Nullable
    QueryScope lifeSoFar() {
        return life;
    }

    /** A virtual thread that asks for a connection after a second without one works in a loop, on something else now. */
    void borrows(long now) {
        QueryScope before = life;
        if (before == null || before.idle(now) < IDLE) return;
        life = null;
        before.end();
    }

    private static boolean isVirtual() {
        if (IS_VIRTUAL == null) return false;
        try {
            return (boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
        } catch (Throwable e) {
            throw new LinkageError("Thread.isVirtual throws nothing", e);
        }
    }

    /** {@code Thread.isVirtual()}, which the compiler for Java 17 does not know; null before Java 21. */
    private static @Nullable MethodHandle findIsVirtual() {
        try {
            return MethodHandles.lookup().findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
        } catch (NoSuchMethodException before21) {
            return null;
        } catch (IllegalAccessException e) {
            throw new LinkageError("Thread.isVirtual is public", e);
        }
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
