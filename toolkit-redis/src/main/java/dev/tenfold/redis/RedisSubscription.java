package dev.tenfold.redis;

import java.util.concurrent.CompletableFuture;

/**
 * The messages of one channel, from {@link RedisLink#subscribe} until {@link #close()}.
 *
 * <p>Redis keeps no messages: what is published while the connection is away is lost. A subscription says so. Between
 * {@link Listener#onSubscribed} and the {@link Listener#onLost} that follows it no message is missing; read again what you
 * must not miss at each {@code onSubscribed}.
 *
 * <p>The link makes the connection again by itself, whether or not commands get through: at once, then with pauses that
 * double up to {@link RedisOptions#retryInterval}, half of each random. A server that refuses to subscribe, such as one that is
 * busy with a script, is asked again at each {@link RedisOptions#probeInterval}. Thread-safe.
 */
public interface RedisSubscription extends AutoCloseable {
    /**
     * Checks the connection that messages come by, end to end: PING and back. If no answer comes within
     * {@link RedisOptions#commandTimeout}, the link gives that connection up and makes another. It does so by itself, too, if
     * nothing came for {@link RedisOptions#probeInterval}.
     *
     * <p>The answer passes through the listeners' queue: when the future completes, every message that the server had sent
     * before it has been handed to its listener. In a cluster, a message published on another node may still be on its way.
     *
     * @return completes on the listeners' thread, so do not wait for it there; fails with {@link RedisUnavailableException}
     *     without an answer, or at once while there is no connection
     */
    CompletableFuture<Void> ping();

    /**
     * Whether Redis has confirmed this subscription on the connection there is now.
     *
     * @return false before the first confirmation, while the connection is away, and once closed
     */
    boolean isSubscribed();

    /**
     * Ends the subscription. Does not block. A call of the listener that has begun may still run; none begins after it. No
     * effect once closed.
     */
    @Override
    void close();

    /**
     * Told what happens on the channel: one call at a time, in order, all subscriptions of a link on one thread that is
     * neither an I/O thread nor the one that publishes. A slow listener holds the other listeners up, never commands; once
     * {@value RedisOptions#MAX_QUEUED_MESSAGES} messages wait, the link drops the connection, and everybody sees
     * {@link #onLost} and {@link #onSubscribed}. What a listener throws is logged, and the next message comes all the same.
     */
    interface Listener {
        /**
         * A message was published.
         *
         * @param message its bytes; the listener's own
         */
        void onMessage(byte[] message);

        /**
         * Redis has confirmed the subscription: from now on no message is missed. Called at the first time and after every
         * reconnection. The default does nothing.
         */
        default void onSubscribed() {}

        /** The connection is gone: messages are missed until the next {@link #onSubscribed}. The default does nothing. */
        default void onLost() {}
    }
}
