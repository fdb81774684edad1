package dev.tenfold.query;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Step one of a batched load: runs straight-line code for many items at once, so that what they load goes together.
 *
 * <pre>{@code
 * List<View> views = LoadScope.each(page, post -> view(post, authors.load(post.authorId())));   // 1 query
 * }</pre>
 *
 * <p>Each item's code runs as a <em>member</em> of the scope, on a virtual thread where the runtime has them. A member
 * that loads waits; when the last member that could run waits too, every key asked for goes in one batch a loader. Chained
 * loads thus take one batch a level. Where the runtime has no virtual threads, at most 64 members run at once on platform
 * threads, so a level takes one batch per 64 items: prefer {@link Loader#across} there.
 *
 * <p><b>What it does not do.</b> It does not batch loads made on threads of your own, which are in no scope and load at
 * once. It cannot see that a member is blocked elsewhere, on a lock or another service: then a timer dispatches what is
 * queued ({@link ScopeOptions#flushAfter}, default 2 ms), in a batch smaller than it could be.
 *
 * <p><b>Threads.</b> Members run concurrently and must not share unguarded state. Batch functions run on the thread that
 * opened the outermost scope, so what is bound to it (a transaction, a logging context) holds; see
 * {@link ScopeOptions#batchesOn}. A scope opened inside another joins it: nested loops share batches, and one deadline.
 *
 * <p><b>Failure.</b> The first member that throws interrupts the others, and the call throws the same exception once all
 * have ended. An interrupt of the caller does the same, and the call throws {@link LoadException.Cancelled} with the
 * interrupt set again. At the deadline (default 30 s) waiting loads fail, statements in progress are cancelled, members
 * are interrupted; code that ignores interrupts delays the return until it ends. Values loaded live as long as the
 * outermost scope.
 */
public final class LoadScope {
    private final Batcher batcher;
    private final Group group;

    private LoadScope(Batcher batcher, Group group) {
        this.batcher = batcher;
        this.group = group;
    }

    /**
     * Runs {@code body} for each item and returns the results in the order of the items. Blocks until all have ended.
     *
     * @param items what to go through; not kept
     * @param body runs concurrently, once an item
     * @param <T> the items' type
     * @param <R> the results' type
     * @return one result an item, in order; modifiable by nobody
     * @throws LoadException as described above; or whatever {@code body} throws
     */
    public static <T, R extends @Nullable Object> List<R> each(
            Collection<? extends T> items, Function<? super T, ? extends R> body) {
        return each(items, body, UnaryOperator.identity());
    }

    /**
     * As {@link #each(Collection, Function)}, with options.
     *
     * @param items what to go through; not kept
     * @param body runs concurrently, once an item
     * @param options changes the default options
     * @param <T> the items' type
     * @param <R> the results' type
     * @return one result an item, in order; modifiable by nobody
     * @throws LoadException as described above; or whatever {@code body} throws
     */
    @SuppressWarnings("unchecked") // the arrays hold what the types say
    public static <T, R extends @Nullable Object> List<R> each(
            Collection<? extends T> items, Function<? super T, ? extends R> body, UnaryOperator<ScopeOptions> options) {
        T[] in = (T[]) items.toArray();
        if (in.length == 0) {
            return List.of();
        }
        R[] out = (R[]) new Object[in.length];
        ScopeOptions chosen = options.apply(ScopeOptions.DEFAULT);
        boolean virtual = chosen.virtual && Threads.VIRTUAL != null;
        // A single item needs no second thread.
        int wanted = in.length == 1 ? 0 : Math.min(in.length, virtual ? chosen.concurrency : platformMembers(chosen));
        open(chosen, virtual, scope -> {
            AtomicInteger next = new AtomicInteger(wanted);
            Group.Body member = number -> {
                for (int i = number; i < in.length && !scope.group.isCancelled(); i = next.getAndIncrement()) {
                    out[i] = body.apply(in[i]);
                    if (next.get() >= in.length) {
                        return; // saves a write that all members would contend for
                    }
                }
            };
            scope.batcher.expect(in.length);
            int started = scope.group.start(wanted, member);
            // If the pool of platform threads had fewer free than wanted, the items meant for the missing ones are
            // gone through by the opener, alone if it must: it never waits for a thread.
            if (started < wanted || wanted == 0) {
                for (int missing = started; missing < Math.max(wanted, 1); missing++) {
                    if (!scope.group.isCancelled()) {
                        out[missing] = body.apply(in[missing]);
                    }
                }
                member.run(next.getAndIncrement());
            }
            return true;
        });
        return Collections.unmodifiableList(Arrays.asList(out));
    }

    private static int platformMembers(ScopeOptions options) {
        return Math.min(options.concurrency, Threads.PLATFORM_MEMBERS);
    }

    /**
     * Runs {@code body} on the calling thread as a member of a scope, in which it can {@link #fork} others.
     *
     * <pre>{@code
     * Page page = LoadScope.run(scope -> {
     *     Subtask<List<Post>> posts = scope.fork(() -> postsOf.load(userId));
     *     Author author = authors.load(userId);
     *     return new Page(author, posts.join());
     * });
     * }</pre>
     *
     * @param body gets the scope, which is of use only until the body returns
     * @param <R> the result's type
     * @return what {@code body} returned, after every forked subtask has ended
     * @throws LoadException as described above; or whatever {@code body} or a subtask throws
     */
    public static <R extends @Nullable Object> R run(Function<? super LoadScope, ? extends R> body) {
        return run(body, UnaryOperator.identity());
    }

    /**
     * As {@link #run(Function)}, with options.
     *
     * @param body gets the scope, which is of use only until the body returns
     * @param options changes the default options
     * @param <R> the result's type
     * @return what {@code body} returned, after every forked subtask has ended
     * @throws LoadException as described above; or whatever {@code body} or a subtask throws
     */
    public static <R extends @Nullable Object> R run(
            Function<? super LoadScope, ? extends R> body, UnaryOperator<ScopeOptions> options) {
        ScopeOptions chosen = options.apply(ScopeOptions.DEFAULT);
        return open(chosen, chosen.virtual && Threads.VIRTUAL != null, body);
    }

    /** Opens a scope, or joins the one that the thread is a member of; the body runs on the calling thread. */
    @SuppressWarnings("NullAway") // R may be nullable: null is returned only if the body returned it
    private static <R extends @Nullable Object> R open(
            ScopeOptions options, boolean virtual, Function<? super LoadScope, ? extends R> body) {
        Binding outer = Binding.current();
        LoadContext context = options.context == null ? outer.context() : options.context;
        Batcher joined = outer.batcher();
        Batcher batcher = joined == null ? new Batcher(options) : joined;
        Group group = new Group(batcher, context, virtual);
        batcher.add(group);
        Binding.set(new Binding(batcher, context, null));
        R result = null;
        try {
            try {
                result = body.apply(new LoadScope(batcher, group));
            } catch (Throwable thrown) {
                group.fail(thrown);
            }
            group.finish();
        } finally {
            if (joined == null) {
                batcher.close();
            }
            Binding.set(outer);
        }
        return result;
    }

    /**
     * Starts a member that runs concurrently with the others. Where the runtime has no virtual threads and no pool thread
     * is free, it runs on the calling thread before this returns.
     *
     * @param task the member's code
     * @param <R> its result's type
     * @return a handle to wait for the result
     */
    public <R extends @Nullable Object> Subtask<R> fork(Supplier<? extends R> task) {
        Subtask<R> subtask = new Subtask<>(batcher);
        Group.Body body = number -> subtask.run(task);
        if (group.start(1, body) == 0) {
            body.run(0);
        }
        return subtask;
    }
}
