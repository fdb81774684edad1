package dev.tenfold.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandInterruptedException;
import io.lettuce.core.RedisException;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One link to Redis: a server, the primary that Sentinel names, or a cluster.
 *
 * <pre>{@code
 * RedisLink link = RedisLink.connect("redis://cache:6379");
 * byte[] value = link.await(link.call(redis -> redis.get(key)));
 * }</pre>
 *
 * <p>What it promises:
 *
 * <ul>
 *   <li>A command is sent at most once. When a connection breaks, what was on its way fails, and nothing is sent again.
 *   <li>No call takes longer than {@link RedisOptions#commandTimeout}, whatever the network does; none at all is sent
 *       while the link is {@link RedisLinkState#DOWN}, so an outage costs callers no waiting.
 *   <li>The application starts and runs while Redis is away. The link probes and reconnects in the background.
 * </ul>
 *
 * <p>Make one link a Redis and share it: all commands go through one connection (in a cluster, one a node), pipelined, and
 * all messages come by a second one. Safe for use by many threads; virtual ones are not pinned.
 */
public final class RedisLink implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);
    private static final long AWAIT_SLACK = TimeUnit.SECONDS.toNanos(1);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);
    private static final Duration CONNECTIONS_LIMIT = Duration.ofMillis(500);
    private static final Duration SHUTDOWN_LIMIT = Duration.ofSeconds(2);

    private final RedisOptions options;
    private final LinkThreads threads = new LinkThreads();
    private final Deadlines deadlines;
    private final StateListeners listeners = new StateListeners(threads);
    private final RedisLinkStats.Recorder stats = new RedisLinkStats.Recorder();
    private final Source source;
    private final Keeper keeper;
    private final Messages messages;
    private final AtomicBoolean closed = new AtomicBoolean();

    private interface SourceFactory {
        Source open(RedisOptions options, Deadlines deadlines);
    }

    private RedisLink(RedisOptions options, SourceFactory from) {
        this.options = options;
        deadlines = new Deadlines(threads::later, options.commandTimeout, System::nanoTime);
        source = from.open(options, deadlines);
        keeper = new Keeper(source, options, threads, deadlines, listeners, stats);
        messages = new Messages(source, options, threads, deadlines, stats);
    }

    private static RedisLink start(UnaryOperator<RedisOptions> options, SourceFactory from) {
        RedisOptions chosen = Objects.requireNonNull(options.apply(RedisOptions.DEFAULT), "the changed options");
        RedisLink link = new RedisLink(chosen, from);
        try {
            link.keeper.start();
            return link;
        } catch (IllegalArgumentException e) {
            link.close();
            throw e;
        }
    }

    /**
     * Connects with the default options.
     *
     * @param uri {@code redis://host:port}, {@code rediss://…} for TLS, {@code redis-sentinel://host:port,host:port/0#name}
     * @return the link; see {@link #connect(String, UnaryOperator)}
     * @throws IllegalArgumentException if the URI cannot be read
     */
    public static RedisLink connect(String uri) {
        return connect(uri, UnaryOperator.identity());
    }

    /**
     * Connects to a server, or to the primary that Sentinel names.
     *
     * <p>Blocks until the first attempt has ended, {@link RedisOptions#connectTimeout} and a second at most. If Redis does not
     * answer by then, returns all the same: the link is {@link RedisLinkState#DOWN}, says so in the log, and goes on trying.
     * Ask {@link #awaitUp} where an application must not start without.
     *
     * @param uri {@code redis://host:port}, {@code rediss://…} for TLS, {@code redis-sentinel://host:port,host:port/0#name}
     * @param options changes the defaults
     * @return the link; close it
     * @throws IllegalArgumentException at once, if the URI cannot be read; the message does not show it, as it may hold a
     *     password
     */
    public static RedisLink connect(String uri, UnaryOperator<RedisOptions> options) {
        return start(options, (chosen, deadlines) -> ServerSource.to(uri, chosen));
    }

    /**
     * Connects to a cluster with the default options.
     *
     * @param uris some of its nodes
     * @return the link; see {@link #connectCluster(Collection, UnaryOperator)}
     * @throws IllegalArgumentException if there is no URI, or one cannot be read
     */
    public static RedisLink connectCluster(Collection<String> uris) {
        return connectCluster(uris, UnaryOperator.identity());
    }

    /**
     * Connects to a cluster. Blocks and fails as {@link #connect(String, UnaryOperator)} does. Commands go to masters only.
     *
     * @param uris some of its nodes, {@code redis://host:port} or {@code rediss://…}; the others are found through these
     * @param options changes the defaults
     * @return the link; close it
     * @throws IllegalArgumentException at once, if there is no URI, or one cannot be read
     */
    public static RedisLink connectCluster(Collection<String> uris, UnaryOperator<RedisOptions> options) {
        List<String> nodes = List.copyOf(uris);
        return start(options, (chosen, deadlines) -> ClusterSource.to(nodes, chosen, deadlines));
    }

    /**
     * Uses the client that an application has, with the default options.
     *
     * @param client made with a URI; see {@link #of(RedisClient, UnaryOperator)}
     * @return the link; close it before the client
     * @throws IllegalArgumentException if the client has no URI, or was shut down
     */
    public static RedisLink of(RedisClient client) {
        return of(client, UnaryOperator.identity());
    }

    /**
     * Uses the client that an application has: its URI, its options, its threads. The link opens two connections of its own
     * with it, closes these alone, and leaves the client as it is.
     *
     * <p>Each of these connections is given up when it breaks, before Lettuce can send anything again, even if the client's
     * options say that it should. Two things remain as the client has them: how long making a connection takes, and an
     * expiry of commands shorter than ours.
     *
     * @param client made with a URI
     * @param options changes the defaults
     * @return the link; close it before the client
     * @throws IllegalArgumentException if the client has no URI, or was shut down
     */
    public static RedisLink of(RedisClient client, UnaryOperator<RedisOptions> options) {
        Objects.requireNonNull(client, "client");
        return start(options, (chosen, deadlines) -> ServerSource.of(client, chosen));
    }

    /**
     * Uses the cluster client that an application has, with the default options.
     *
     * @param client the client
     * @return the link; see {@link #of(RedisClusterClient, UnaryOperator)}
     */
    public static RedisLink of(RedisClusterClient client) {
        return of(client, UnaryOperator.identity());
    }

    /**
     * Uses the cluster client that an application has: its nodes, credentials, options and threads, for a second client that
     * does not reconnect by itself; closing the link ends that one, and leaves the application's as it is.
     *
     * @param client asked for its nodes, which may block it, on a thread of the link
     * @param options changes the defaults
     * @return the link; close it before the client
     */
    public static RedisLink of(RedisClusterClient client, UnaryOperator<RedisOptions> options) {
        Objects.requireNonNull(client, "client");
        return start(options, (chosen, deadlines) -> ClusterSource.of(client, chosen, deadlines));
    }

    /**
     * Whether this is a cluster, where the keys of one command or script must share a hash tag.
     *
     * @return true for a link made of cluster nodes or of a cluster client
     */
    public boolean isCluster() {
        return source.isCluster();
    }

    /**
     * How long a command may take.
     *
     * @return {@link RedisOptions#commandTimeout}
     */
    public Duration commandTimeout() {
        return options.commandTimeout;
    }

    /**
     * Sends a command, or several at once. One round trip; does not block.
     *
     * <p>The future completes on an I/O thread, or with a failure on a thread of the link: stages that depend on it must not
     * block, so give those an executor. Cancelling it cancels the command if that has not been sent. If {@code command}
     * combines several futures, the one that it returns is what the timeout ends; commands that are already sent go on.
     *
     * @param <T> what the command replies
     * @param command starts it on the connection, and returns what Lettuce returns; must not block
     * @return completes with the reply, which is null where Redis says nil; fails with {@link RedisUnavailableException}
     *     without a usable reply, with another {@link RedisException} for an error reply, with what
     *     {@code command} threw
     */
    public <T> CompletableFuture<T> call(
            Function<? super RedisClusterAsyncCommands<byte[], byte[]>, ? extends CompletionStage<T>> command) {
        stats.commands.increment();
        Session session = keeper.session();
        if (session == null) return keeper.refuse();
        Call<T> call = new Call<>(keeper, session);
        call.send(command);
        return call;
    }

    /**
     * Runs a script: EVALSHA, and EVAL if the server that has the keys does not know it. One round trip, two the first time
     * on each server; does not block. Otherwise like {@link #call}.
     *
     * @param <T> what the script replies
     * @param script the script
     * @param keys at least one; in a cluster they share a hash tag
     * @param args the script's arguments
     * @return completes with the reply; null for a reply of nil
     * @throws IllegalArgumentException if there is no key
     */
    public <T> CompletableFuture<T> eval(RedisScript<T> script, byte[][] keys, byte[]... args) {
        if (keys.length == 0) {
            throw new IllegalArgumentException(
                    script + " has no keys; give at least one, which tells the node of a cluster");
        }
        stats.commands.increment();
        Session session = keeper.session();
        if (session == null) return keeper.refuse();
        Call.OfScript<T> call = new Call.OfScript<>(keeper, session, script, keys, args);
        call.send();
        return call;
    }

    /**
     * Waits for a future that {@link #call} or {@link #eval} returned. It ends within the command timeout, so this does too;
     * for a future of another origin, the wait ends a second after the command timeout.
     *
     * @param <T> what the future completes with
     * @param future the future
     * @return its value; null where it completes with null
     * @throws RedisUnavailableException as the future fails with it; the stack is the caller's, the cause is the original
     * @throws RedisCommandInterruptedException if the thread is interrupted; it stays so, and the future is cancelled
     * @throws RedisException for an error reply
     */
    public <T extends @Nullable Object> T await(CompletableFuture<T> future) {
        try {
            return future.get(options.commandTimeout.toNanos() + AWAIT_SLACK, TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw thrown(e.getCause());
        } catch (TimeoutException e) {
            future.cancel(false);
            throw new RedisUnavailableException(
                            RedisUnavailableException.Reason.TIMEOUT,
                            true,
                            "the future is not one of this link's calls",
                            e)
                    .withStack();
        } catch (InterruptedException e) {
            future.cancel(false);
            Thread.currentThread().interrupt();
            throw new RedisCommandInterruptedException(e);
        }
    }

    /**
     * Subscribes to a channel. Does not block: {@link RedisSubscription.Listener#onSubscribed} tells when Redis has
     * confirmed, which is later if Redis is away. Each call adds a subscription, also for the same channel. The connection
     * for messages is made at the first one.
     *
     * @param channel its name; copied
     * @param listener told of messages and gaps; see there for the thread
     * @return the subscription; close it
     * @throws IllegalArgumentException if the channel is empty
     * @throws RedisUnavailableException if the link is closed
     */
    public RedisSubscription subscribe(byte[] channel, RedisSubscription.Listener listener) {
        if (channel.length == 0) throw new IllegalArgumentException("the channel has no name; give one byte or more");
        return messages.subscribe(channel, Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Whether commands are sent now.
     *
     * @return true in {@link RedisLinkState#UP}
     */
    public boolean isAvailable() {
        return keeper.session() != null;
    }

    /**
     * What the link is now.
     *
     * @return its state
     */
    public RedisLinkState state() {
        return keeper.state();
    }

    /**
     * Waits until the link is up.
     *
     * @param atMost how long
     * @return false if it was not up in time, is closed, or the thread was interrupted, which it stays
     */
    public boolean awaitUp(Duration atMost) {
        return keeper.awaitUp(atMost);
    }

    /**
     * Tells of each change of the state, in order, on a thread of the link; the current state is not told. A slow listener
     * delays other state listeners, nothing else. What it throws is logged.
     *
     * @param listener told the new state
     * @return ends it
     */
    public Registration onStateChange(Consumer<? super RedisLinkState> listener) {
        return listeners.add(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * What the link did so far.
     *
     * @return a snapshot
     */
    public RedisLinkStats stats() {
        return stats.snapshot(keeper.state());
    }

    /**
     * Fails what is on its way, ends subscriptions, closes the link's connections and, unless they came with a client, its
     * threads. Blocks for that, three seconds at most; not for an I/O thread. Later calls fail with
     * {@link RedisUnavailableException}. Idempotent.
     */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) return;
        long deadline = System.nanoTime() + CLOSE_LIMIT.toNanos();
        CompletableFuture<?> connectionsClosed = CompletableFuture.allOf(messages.close(), keeper.close());
        threads.shutdown();
        deadlines.endAll(keeper.closing());
        try {
            // The client last: it closes what is still open, and complains of what is just being closed.
            awaitQuietly(connectionsClosed, System.nanoTime() + CONNECTIONS_LIMIT.toNanos());
            CompletableFuture<?> down = source.shutdown(SHUTDOWN_LIMIT);
            threads.join(deadline);
            if (!awaitQuietly(down, deadline)) {
                LOG.warn(
                        "{} is closed; some of its threads need more than {} ms to end",
                        source,
                        CLOSE_LIMIT.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            var unused = source.shutdown(SHUTDOWN_LIMIT);
        }
    }

    /** What it is a link to, without credentials. */
    @Override
    public String toString() {
        return source.toString();
    }

    private static boolean awaitQuietly(CompletableFuture<?> end, long deadlineNanos) throws InterruptedException {
        try {
            end.get(Math.max(0, deadlineNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException late) {
            return false;
        } catch (ExecutionException e) {
            throw new AssertionError("completes without a failure", e);
        }
    }

    /** As the future fails, with the stack of who waits where the failure is ours to make. */
    private static RuntimeException thrown(@Nullable Throwable failure) {
        if (failure instanceof RedisUnavailableException unavailable) return unavailable.rethrown();
        if (failure instanceof RuntimeException bug) return bug;
        if (failure instanceof Error error) throw error;
        return new RedisException(String.valueOf(failure), failure);
    }

    /** A listener that is told of changes until this is closed. */
    @FunctionalInterface
    public interface Registration extends AutoCloseable {
        /** No further calls of the listener begin. Idempotent. */
        @Override
        void close();
    }
}
