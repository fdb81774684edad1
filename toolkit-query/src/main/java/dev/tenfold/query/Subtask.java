package dev.tenfold.query;

import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A member that {@link LoadScope#fork} started. Safe for use by many threads.
 *
 * @param <R> its result's type
 */
public final class Subtask<R extends @Nullable Object> {
    private final Batcher batcher;
    private final Completion end = new Completion();

    private record Ended(@Nullable Object value, @Nullable Throwable thrown) {}

    Subtask(Batcher batcher) {
        this.batcher = batcher;
    }

    void run(Supplier<? extends R> task) {
        Ended ended;
        try {
            ended = new Ended(task.get(), null);
        } catch (Throwable thrown) {
            batcher.complete(end, new Ended(null, thrown));
            throw thrown;
        }
        batcher.complete(end, ended);
    }

    /**
     * Waits for the result. While a member of the scope waits here it counts as waiting, so that batches go.
     *
     * @return what the task returned
     * @throws LoadException.Cancelled if the waiting thread is interrupted; the interrupt stays set
     * @throws LoadException.DeadlineExceeded if the scope's deadline passes
     * @throws IllegalStateException if called from outside the scope; or whatever the task threw
     */
    @SuppressWarnings({"unchecked", "NullAway"}) // the value came from the task, so it is an R, null or not
    public R join() {
        if (end.result() == null) {
            if (Binding.current().batcher() != batcher) {
                throw new IllegalStateException("join() from a thread that is not a member of the subtask's scope");
            }
            Waiter waiter = new Waiter();
            if (end.add(waiter)) {
                try {
                    batcher.await(waiter, "LoadScope", 0);
                } catch (TimeoutException e) {
                    throw new AssertionError("no time-out was given", e);
                }
            }
        }
        if (!(end.result() instanceof Ended ended)) {
            throw new IllegalStateException("released without a result");
        }
        if (ended.thrown() instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (ended.thrown() instanceof Error error) {
            throw error;
        }
        return (R) ended.value();
    }
}
