package dev.tenfold.redis;

import dev.tenfold.redis.RedisUnavailableException.Reason;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the connection for messages, and hands them to the subscriptions. It lives beside the {@link Keeper}, with the same
 * rules: a connection is used once, and replaced when it breaks, or answers no PING at the link's interval.
 *
 * <p>Everything a listener is told goes through one queue to one thread, in the order in which it came from the socket. A
 * subscription belongs to the connection that confirmed it; what another connection says does not reach it.
 */
final class Messages {
    private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);

    private final Source source;
    private final LinkThreads threads;
    private final Deadlines deadlines;
    private final RedisLinkStats.Recorder stats;
    private final String timedOut;
    private final long retryNanos;
    private final Map<ByteBuffer, Channel> channels = new ConcurrentHashMap<>();

    /** Guards all changes, and the order of what is written to the connection. Never held for I/O that blocks. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Backoff backoff;
    private volatile @Nullable Feed feed;
    private boolean connecting;
    private boolean announced;
    private boolean closed;

    private static final class Channel {
        private final byte[] name;
        private final List<Subscription> subscriptions = new CopyOnWriteArrayList<>();

        /** Since it was confirmed last; told once. */
        private final AtomicBoolean refused = new AtomicBoolean();

        /** Whether it is planned to be asked for again. */
        private final AtomicBoolean retries = new AtomicBoolean();

        Channel(byte[] name) {
            this.name = name;
        }

        @Override
        public String toString() {
            return new String(name, StandardCharsets.UTF_8);
        }
    }

    Messages(
            Source source,
            RedisOptions options,
            LinkThreads threads,
            Deadlines deadlines,
            RedisLinkStats.Recorder stats) {
        this.source = source;
        this.threads = threads;
        this.deadlines = deadlines;
        this.stats = stats;
        this.backoff = new Backoff(options.retryInterval);
        this.timedOut = "no answer within " + options.commandTimeout.toMillis()
                + " ms on the connection for messages from " + source;
        this.retryNanos = options.probeInterval.toNanos();
        threads.every(options.probeInterval, this::lookAfter);
    }

    RedisSubscription subscribe(byte[] channel, RedisSubscription.Listener listener) {
        byte[] name = channel.clone();
        lock.lock();
        try {
            if (closed) {
                throw new RedisUnavailableException(Reason.CLOSED, false, "the link to " + source + " is closed", null)
                        .withStack();
            }
            Channel joined = channels.computeIfAbsent(ByteBuffer.wrap(name), key -> new Channel(name));
            Subscription subscription = new Subscription(joined, listener);
            joined.subscriptions.add(subscription);
            Feed current = feed;
            if (current != null) current.subscribe(joined); // also if it is: the confirmation is for the new one
            else connect();
            return subscription;
        } finally {
            lock.unlock();
        }
    }

    // ---- the connection

    /** One connection for messages. Lettuce calls it on its I/O thread. */
    private final class Feed extends RedisPubSubAdapter<byte[], byte[]> {
        private final StatefulRedisPubSubConnection<byte[], byte[]> connection;
        private final AtomicBoolean closed = new AtomicBoolean();
        private final CompletableFuture<Object> ended = new CompletableFuture<>();
        private volatile boolean heard = true;

        Feed(StatefulRedisPubSubConnection<byte[], byte[]> connection) {
            this.connection = connection;
            connection.addListener(this);
            connection.addListener(new Wire.Loss(() -> lost(this, "the connection broke")));
        }

        void subscribe(Channel channel) {
            Pending.of(connection.async().subscribe(channel.name), deadlines, timedOut)
                    .onEnd((done, failure) -> {
                        if (failure != null) subscribeFailed(this, channel, failure);
                    });
        }

        void unsubscribe(Channel channel) {
            if (!closed.get()) {
                // Unanswered or refused, it does no harm: nobody is left to be told, and a broken connection is
                // replaced.
                var unused = connection.async().unsubscribe(channel.name);
            }
        }

        Pending<String> ping() {
            Pending<String> pong = Pending.of(connection.async().ping(), deadlines, timedOut);
            pong.onEnd((answer, failure) -> {
                heard = true;
                if (failure != null && !Fault.of(failure, false).isReply()) lost(this, timedOut);
            });
            return pong;
        }

        @Override
        public void subscribed(byte[] channel, long count) {
            heard = true;
            threads.message(() -> confirmed(this, channel));
        }

        @Override
        public void message(byte[] channel, byte[] message) {
            heard = true;
            if (closed.get()) return;
            if (threads.queuedMessages() >= RedisOptions.MAX_QUEUED_MESSAGES) {
                lost(this, RedisOptions.MAX_QUEUED_MESSAGES + " messages wait for listeners that are too slow");
            } else {
                threads.message(() -> deliver(this, channel, message));
            }
        }

        /** On an I/O thread as well, and there before Lettuce can reconnect. */
        void close() {
            if (closed.compareAndSet(false, true)) Wire.close(connection, ended);
        }
    }

    private void connect() {
        if (connecting || closed) return;
        connecting = true;
        threads.later(backoff.next(), () -> threads.connect(this::attempt));
    }

    private void attempt() {
        try {
            established(new Feed(source.openMessages()));
        } catch (RuntimeException | Error e) {
            LOG.debug("No connection for messages to {}", source, e);
            lock.lock();
            try {
                connecting = false;
                connect();
            } finally {
                lock.unlock();
            }
        }
    }

    private void established(Feed fresh) {
        lock.lock();
        try {
            connecting = false;
            if (closed) {
                fresh.close();
                return;
            }
            feed = fresh;
            stats.subscriberConnects.increment();
            channels.values().forEach(fresh::subscribe);
        } finally {
            lock.unlock();
        }
        if (!fresh.connection.isOpen()) lost(fresh, "the connection broke");
    }

    private void lost(Feed which, String why) {
        which.close();
        lock.lock();
        try {
            if (feed != which || closed) return;
            feed = null;
            if (!announced) {
                LOG.warn(
                        "No messages from {} ({}). What is published is missed until it is subscribed again",
                        source,
                        why);
            }
            announced = true;
            threads.message(() -> channels.values()
                    .forEach(channel -> channel.subscriptions.forEach(subscription -> subscription.lost(which))));
            connect();
        } finally {
            lock.unlock();
        }
    }

    private void subscribeFailed(Feed on, Channel channel, Throwable failure) {
        Fault fault = Fault.of(failure, false);
        if (!fault.isReply()) {
            lost(on, String.valueOf(fault.error().getMessage()));
            return;
        }
        if (channel.refused.compareAndSet(false, true)) {
            LOG.warn(
                    "{} refuses to subscribe to {}; no messages come until it does, asking every {} ms",
                    source,
                    channel,
                    TimeUnit.NANOSECONDS.toMillis(retryNanos),
                    fault.error());
        }
        subscribeLater(channel);
    }

    /** A server that is busy with a script, say, makes connections and refuses all else. */
    private void subscribeLater(Channel channel) {
        if (!channel.retries.compareAndSet(false, true)) return;
        threads.later(retryNanos, () -> {
            channel.retries.set(false);
            lock.lock();
            try {
                Feed current = feed; // perhaps another one, which refuses in its turn
                if (current != null && channels.get(ByteBuffer.wrap(channel.name)) == channel)
                    current.subscribe(channel);
            } finally {
                lock.unlock();
            }
        });
    }

    /** At each interval: half an hour of silence is normal on a channel, and not to be told from a dead connection. */
    private void lookAfter() {
        Feed current = feed;
        if (current == null) return;
        boolean silent = !current.heard;
        current.heard = false;
        if (silent) {
            var unused = current.ping(); // which looks at the answer itself
        }
    }

    // ---- on the thread for messages

    private void confirmed(Feed by, byte[] name) {
        if (by.closed.get()) return; // the loss has been told, or is in the queue
        lock.lock();
        try {
            backoff.reset();
            if (announced) LOG.info("Messages from {} come again", source);
            announced = false;
        } finally {
            lock.unlock();
        }
        Channel channel = channels.get(ByteBuffer.wrap(name));
        if (channel == null) return;
        channel.refused.set(false);
        channel.subscriptions.forEach(subscription -> subscription.confirmed(by));
    }

    private void deliver(Feed by, byte[] name, byte[] message) {
        Channel channel = channels.get(ByteBuffer.wrap(name));
        if (channel == null) return;
        boolean shared = channel.subscriptions.size() > 1;
        for (Subscription subscription : channel.subscriptions) {
            subscription.deliver(by, shared ? message.clone() : message);
        }
    }

    private final class Subscription implements RedisSubscription {
        private final Channel channel;
        private final Listener listener;
        private volatile @Nullable Feed confirmedBy;
        private volatile boolean closed;

        Subscription(Channel channel, Listener listener) {
            this.channel = channel;
            this.listener = listener;
        }

        void confirmed(Feed by) {
            if (closed || confirmedBy == by) return;
            confirmedBy = by;
            tell("onSubscribed", listener::onSubscribed);
        }

        void lost(Feed which) {
            if (closed || confirmedBy != which) return;
            confirmedBy = null;
            tell("onLost", listener::onLost);
        }

        void deliver(Feed by, byte[] message) {
            if (closed || confirmedBy != by) return;
            stats.messages.increment();
            tell("onMessage", () -> listener.onMessage(message));
        }

        private void tell(String what, Runnable call) {
            try {
                call.run();
            } catch (RuntimeException e) {
                LOG.error("{} of the listener on {} has failed; it is told what comes next", what, channel, e);
            }
        }

        @Override
        public CompletableFuture<Void> ping() {
            Feed current = feed;
            if (closed || current == null) {
                return CompletableFuture.failedFuture(new RedisUnavailableException(
                        Reason.DISCONNECTED,
                        false,
                        closed ? "the subscription is closed" : "no connection for messages to " + source,
                        null));
            }
            CompletableFuture<Void> checked = new CompletableFuture<>();
            current.ping().onEnd((pong, failure) -> {
                Throwable error =
                        failure == null ? null : Fault.of(failure, false).error();
                // Through the queue, so that it comes after the messages before it.
                boolean queued = threads.message(() -> {
                    if (error == null) checked.complete(null);
                    else checked.completeExceptionally(error);
                });
                if (!queued) {
                    checked.completeExceptionally(new RedisUnavailableException(
                            Reason.CLOSED, false, "the link to " + source + " was closed", error));
                }
            });
            return checked;
        }

        @Override
        public boolean isSubscribed() {
            Feed current = feed;
            return !closed && current != null && confirmedBy == current;
        }

        @Override
        public void close() {
            lock.lock();
            try {
                if (closed) return;
                closed = true;
                channel.subscriptions.remove(this);
                if (!channel.subscriptions.isEmpty()) return;
                channels.remove(ByteBuffer.wrap(channel.name));
                Feed current = feed;
                if (current != null) current.unsubscribe(channel);
            } finally {
                lock.unlock();
            }
        }
    }

    /** Ends all subscriptions and the connection. Does not block; completes when the connection is closed. */
    CompletableFuture<?> close() {
        lock.lock();
        try {
            closed = true;
            channels.values()
                    .forEach(channel -> channel.subscriptions.forEach(subscription -> subscription.closed = true));
            channels.clear();
            Feed last = feed;
            feed = null;
            if (last == null) return CompletableFuture.completedFuture(null);
            last.close();
            return last.ended;
        } finally {
            lock.unlock();
        }
    }
}
