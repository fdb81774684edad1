package dev.tenfold.query.guard;

import java.util.concurrent.ForkJoinWorkerThread;
import org.jspecify.annotations.Nullable;

/**
 * What a thread is in the middle of: the scope that its statements count to, and the connection it borrowed last.
 *
 * <p>Used by its thread alone, but for {@link #open}, which another thread may clear when it closes the connection.
 */
final class ThreadState {
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
        if (parents == null || parents.isClosed() || isOfPool()) return null;
        return parents;
    }

    private static boolean isOfPool() {
        if (Thread.currentThread() instanceof ForkJoinWorkerThread) return true;
        return StackWalker.getInstance()
                .walk(frames -> frames.anyMatch(
                        frame -> frame.getClassName().equals("java.util.concurrent.ThreadPoolExecutor$Worker")));
    }
}
