package dev.tenfold.redis;

import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection for commands, used once: when it breaks it is closed for good, and the link makes another. That is how
 * nothing is ever sent twice, whatever the options of the Lettuce client say.
 *
 * <p>Lettuce tells of a broken connection on its I/O thread, after it has put what was on its way into the buffer that a
 * reconnection would send, and before it plans the reconnection. Closing there, on that very thread, empties the buffer and
 * cancels the plan.
 */
abstract class Wire {
    private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);

    private final StatefulConnection<?, ?> connection;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final CompletableFuture<Object> ended = new CompletableFuture<>();
    private volatile Runnable onLost = () -> {};

    Wire(StatefulConnection<?, ?> connection) {
        this.connection = connection;
        connection.addListener(new Loss(this::lost));
    }

    /** The commands to send. */
    abstract RedisClusterAsyncCommands<byte[], byte[]> commands();

    /** Asks for an answer from the server. */
    abstract CompletionStage<?> ping();

    /** Asks whether commands can be served: fails if the server answers that they cannot. */
    abstract CompletionStage<?> probe();

    /** Looks after the connections to single nodes, if there are any. Does not block; completes when all are there or not. */
    CompletableFuture<?> sweep(boolean doubtful) {
        return CompletableFuture.completedFuture(null);
    }

    /** Whether commands to other nodes still get through after {@link #onLost}. */
    boolean survivesLoss() {
        return false;
    }

    /** What to do once, when this must be replaced. Called at once if it must be already. */
    final void onLost(Runnable action) {
        onLost = action;
        if (!isOpen()) lost();
    }

    final boolean isOpen() {
        return !closed.get() && connection.isOpen();
    }

    final boolean isClosed() {
        return closed.get();
    }

    /** The connection has broken. On its I/O thread. */
    void lost() {
        close();
        onLost.run();
    }

    /** This must be replaced, and goes on until it is. */
    final void wornOut() {
        onLost.run();
    }

    /** Fails what is on its way. Does not block. Idempotent. */
    final void close() {
        if (closed.compareAndSet(false, true)) close(connection, ended);
    }

    static void close(StatefulConnection<?, ?> connection, CompletableFuture<Object> ended) {
        var unused = connection.closeAsync().whenComplete((done, failure) -> {
            if (failure != null) LOG.debug("A connection to Redis did not close in good order", failure);
            ended.complete(true);
        });
    }

    /** Completes when the connection has been closed. */
    final CompletableFuture<?> ended() {
        return ended;
    }

    /** Hears of the end of a connection, on its I/O thread. */
    static final class Loss implements RedisConnectionStateListener {
        private final Runnable action;

        Loss(Runnable action) {
            this.action = action;
        }

        @Override
        public void onRedisDisconnected(RedisChannelHandler<?, ?> connection) {
            action.run();
        }
    }
}
