package dev.tenfold.query;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link LoadScope} runs. Immutable: each method returns changed options. A scope opened inside another one joins
 * it, and then takes only {@link #concurrency} and {@link #context} from its own options.
 *
 * <pre>{@code
 * LoadScope.each(page, this::view, o -> o.deadline(ofSeconds(2)).context(LoadContext.none().tenant("acme")));
 * }</pre>
 */
public final class ScopeOptions {
    static final ScopeOptions DEFAULT =
            new ScopeOptions(Duration.ofSeconds(30), Duration.ofMillis(2), 1_000, null, null, true);

    final Duration deadline;
    final Duration flushAfter;
    final int concurrency;
    final @Nullable LoadContext context;
    final @Nullable Executor batchExecutor;
    final boolean virtual;

    private ScopeOptions(
            Duration deadline,
            Duration flushAfter,
            int concurrency,
            @Nullable LoadContext context,
            @Nullable Executor batchExecutor,
            boolean virtual) {
        this.deadline = deadline;
        this.flushAfter = flushAfter;
        this.concurrency = concurrency;
        this.context = context;
        this.batchExecutor = batchExecutor;
        this.virtual = virtual;
    }

    /**
     * How long the scope may take, from its opening. Then every waiting load fails with
     * {@link LoadException.DeadlineExceeded}, members are interrupted, and running statements are cancelled.
     *
     * @param newDeadline more than zero; default 30 s
     * @return changed options
     */
    public ScopeOptions deadline(Duration newDeadline) {
        return new ScopeOptions(
                positive("deadline", newDeadline), flushAfter, concurrency, context, batchExecutor, virtual);
    }

    /**
     * How long nothing may happen in the scope, while keys are queued and a member is blocked elsewhere (on a lock, a
     * pool, another service), before the queued keys are dispatched without it. That comes between one and two times as
     * late; up to eleven times if the member reads from a socket on a platform thread, which looks runnable, and a hundred
     * times while one computes. In a scope whose members only load, it never comes.
     *
     * @param quietTime more than zero; default 2 ms
     * @return changed options
     */
    public ScopeOptions flushAfter(Duration quietTime) {
        return new ScopeOptions(
                deadline, positive("flushAfter", quietTime), concurrency, context, batchExecutor, virtual);
    }

    /**
     * How many items of one {@code each} are in progress at once; the others start as these end. A level takes one batch
     * per that many items.
     *
     * @param members at least 1; default 1,000. Where the runtime has no virtual threads, at most 64 are used: platform
     *     threads of a pool that all scopes share, and that never makes one wait for another
     * @return changed options
     */
    public ScopeOptions concurrency(int members) {
        if (members < 1) {
            throw new IllegalArgumentException("concurrency " + members + " must be at least 1");
        }
        return new ScopeOptions(deadline, flushAfter, members, context, batchExecutor, virtual);
    }

    /**
     * The context that members load under, instead of the one bound to the opening thread.
     *
     * @param newContext tenant, transaction and route
     * @return changed options
     */
    public ScopeOptions context(LoadContext newContext) {
        return new ScopeOptions(
                deadline,
                flushAfter,
                concurrency,
                Objects.requireNonNull(newContext, "context"),
                batchExecutor,
                virtual);
    }

    /**
     * Where batch functions run. By default they run one after the other on the thread that opened the scope, so that a
     * transaction, a logging context or a principal bound to that thread is in force. Give an executor to run the batches
     * of different loaders side by side; loads inside a {@link LoadContext#transaction} must not, since a connection
     * serves one thread at a time.
     *
     * @param executor runs tasks on threads other than the members'; a rejected batch fails its loads
     * @return changed options
     */
    public ScopeOptions batchesOn(Executor executor) {
        return new ScopeOptions(
                deadline, flushAfter, concurrency, context, Objects.requireNonNull(executor, "executor"), virtual);
    }

    /** For tests: the pool of platform threads even where there are virtual ones. */
    ScopeOptions onPlatformThreads() {
        return new ScopeOptions(deadline, flushAfter, concurrency, context, batchExecutor, false);
    }

    private static Duration positive(String knob, Duration value) {
        if (value.isZero() || value.isNegative()) {
            throw new IllegalArgumentException(knob + " " + value + " must be more than zero");
        }
        return value;
    }
}
