package dev.tenfold.redis;

import dev.tenfold.redis.RedisUnavailableException.Reason;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A reply that is awaited, for the command timeout at most: the link's own PINGs, and as {@link Call} the commands of users.
 * It is the future and the callback in one, as there is one for each command.
 */
class Pending<T> extends CompletableFuture<T> implements BiConsumer<T, @Nullable Throwable> {
    private final String timedOut;
    private @Nullable CompletionStage<T> stage;
    private Deadlines.@Nullable Deadline deadline;

    /** The message of the timeout is made by the caller, since it names what was waited for. */
    Pending(String timedOut) {
        this.timedOut = timedOut;
    }

    /** Waits for one reply. */
    static <T> Pending<T> of(CompletionStage<T> stage, Deadlines deadlines, String timedOut) {
        Pending<T> pending = new Pending<>(timedOut);
        pending.await(stage, deadlines);
        return pending;
    }

    final void await(CompletionStage<T> sent, Deadlines deadlines) {
        stage = sent;
        // The deadline first: a reply that comes at once releases it.
        if (!sent.toCompletableFuture().isDone()) deadline = deadlines.add(this);
        var unused = sent.whenComplete(this);
    }

    /** What to do when there is a reply or a failure. */
    final void onEnd(BiConsumer<? super @Nullable T, ? super @Nullable Throwable> action) {
        var unused = whenComplete(action);
    }

    /** Waits for another reply in place of the first one, until the same deadline. */
    final void awaitInstead(CompletionStage<T> sent) {
        stage = sent;
        var unused = sent.whenComplete(this);
        if (isDone()) cancel(sent);
    }

    /** The reply is there. On the I/O thread, or on the sender's if it failed at once. */
    @Override
    public void accept(T reply, @Nullable Throwable error) {
        if (error == null) {
            if (complete(reply)) release();
        } else {
            fail(error);
        }
    }

    /** The reply is an error, or there will be none. */
    void fail(Throwable error) {
        if (completeExceptionally(error)) release();
    }

    /** The deadline has passed. On the timer's thread. */
    final void expire() {
        if (isDone()) return;
        onExpired(); // before anybody hears of it, who may look at the link's state next
        if (completeExceptionally(new RedisUnavailableException(Reason.TIMEOUT, true, timedOut, null))) withdraw();
    }

    void onExpired() {}

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        if (cancelled) withdraw();
        return cancelled;
    }

    /** What has not been written to the socket yet never will be: Lettuce skips commands that are done. */
    private void withdraw() {
        release();
        CompletionStage<T> sent = stage;
        if (sent != null) cancel(sent);
    }

    private static void cancel(CompletionStage<?> sent) {
        sent.toCompletableFuture().cancel(false);
    }

    private void release() {
        Deadlines.Deadline mine = deadline;
        if (mine != null) mine.release();
    }
}
