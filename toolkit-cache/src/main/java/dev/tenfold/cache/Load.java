package dev.tenfold.cache;

import io.lettuce.core.RedisException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One load, from the first look at Redis to the stored value: reads the remote entry, or takes the lease and calls the
 * loader, or waits for the node that has the lease. Runs on one thread, for all who wait for its flight.
 */
final class Load<K, V> implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Load.class);
    private static final byte[] NOTHING = {};
    private static final long FIRST_POLL_MILLIS = 10;
    private static final long LONGEST_POLL_MILLIS = 100;

    private final TieredCache<K, V> cache;
    private final K key;
    private final byte[] bytes;
    private final Flight<V> flight;
    private final LoadFunction<? super K, ? extends V> loader;

    /** The local entry that this load is to replace in the background; null if somebody waits for the value. */
    private final @Nullable Node<V> refreshed;

    private Capture capture;
    private boolean withoutRemote;
    private boolean expectsNothing;

    /** What the user's loader threw, told apart from what Redis threw. */
    static final class LoaderFailed extends Exception {
        private static final long serialVersionUID = 1L;

        LoaderFailed(Throwable cause) {
            super(cause);
        }
    }

    Load(
            TieredCache<K, V> cache,
            K key,
            byte[] bytes,
            Flight<V> flight,
            LoadFunction<? super K, ? extends V> loader,
            @Nullable Node<V> refreshed) {
        this.cache = cache;
        this.key = key;
        this.bytes = bytes;
        this.flight = flight;
        this.loader = loader;
        this.refreshed = refreshed;
        this.capture = flight.begin;
    }

    @Override
    public void run() {
        try {
            complete(find());
        } catch (LoaderFailed e) {
            failed(e.getCause() == null ? e : e.getCause());
        } catch (Throwable e) { // whatever it is, nobody may be left waiting
            failed(e);
        } finally {
            cache.flights.end(key, flight);
        }
    }

    /** Whoever asks once this is known begins anew: so the flight goes first. */
    void complete(@Nullable V value) {
        cache.flights.end(key, flight);
        flight.complete(value);
    }

    void failed(Throwable thrown) {
        if (thrown instanceof InterruptedException) {
            Thread.currentThread().interrupt(); // whoever threw it has cleared it
        }
        Node<V> fallback = cache.fallbackOf(key, flight);
        if (fallback == null) {
            cache.flights.end(key, flight);
            flight.fail(thrown);
            return;
        }
        LOG.warn(
                "{}: loading failed ({}); serves the value past its time, and tries again after {} ms",
                cache,
                thrown.toString(),
                cache.retryAfterError.toMillis());
        long until = cache.nanoClock.getAsLong() + cache.retryAfterError.toNanos();
        boolean unused = cache.local.store(key, fallback.keptUntil(until), flight.begin);
        cache.stats.staleServed.increment();
        complete(fallback.value);
    }

    /** Takes nothing from Redis, and gives it nothing. */
    void passOverRedis() {
        withoutRemote = true;
    }

    /** Redis is not likely to have a value: it is asked for the lease at once. */
    void expectNothing() {
        expectsNothing = true;
    }

    /** Begins anew, as after a wait: an invalidation meanwhile does not concern what is read from here on. */
    void recapture() {
        capture = cache.local.capture(key, capture.shard());
    }

    /**
     * After a pause of any kind the node first hears what happened meanwhile, or it could not tell what was cleared.
     *
     * @return whether Redis may be read: looked at after the capture, as an invalidation that fails is queued before it
     *     moves the generation
     */
    boolean catchUp() {
        if (!capture.era().isAliveAt(cache.nanoClock.getAsLong())) {
            cache.catchUp(capture.shard());
            recapture();
        }
        return cache.isRemoteUsable();
    }

    private @Nullable V find() throws LoaderFailed, InterruptedException {
        RemoteTier<V> remote = cache.remote;
        if (remote == null) {
            return store(call());
        }
        if (withoutRemote || !cache.isRemoteUsable()) {
            return loadWithoutRemote();
        }
        byte[] held;
        try {
            if (!catchUp()) {
                return loadWithoutRemote();
            }
            held = expectsNothing ? null : remote.link.await(remote.get(capture.shard().index, bytes));
        } catch (RedisException e) {
            return remoteFailed(e);
        }
        return findRemote(remote, held);
    }

    // ---- with Redis -------------------------------------------------------------------------------------------------

    @Nullable
    V findRemote(RemoteTier<V> remote, byte @Nullable [] first) throws LoaderFailed, InterruptedException {
        long deadline = cache.nanoClock.getAsLong() + cache.patienceNanos(remote);
        byte[] held = first;
        int shard = capture.shard().index;
        for (int polls = 0; ; ) {
            RemoteTier.Held found = remote.read(held);
            byte[] worthless = NOTHING;
            try {
                if (found instanceof RemoteTier.Held.Fence) {
                    return call().value(); // a writer is at it: nobody stores anything
                }
                if (found instanceof RemoteTier.Held.Value value) {
                    Verdict verdict = cache.judge(capture.shard(), value.envelope());
                    Node<V> node = verdict == Verdict.WORTHLESS ? null : nodeOf(cache, capture, value.envelope());
                    if (node == null) {
                        worthless = RemoteTier.prefix(
                                value.envelope().idHigh(), value.envelope().idLow());
                    } else if (verdict == Verdict.FRESH && !(refreshed != null && isDue(value.envelope()))) {
                        return adopt(cache, key, node, capture);
                    } else {
                        flight.fallback = node;
                        byte[] token = RemoteTier.newId();
                        if (remote.link.await(remote.leaseRefresh(shard, bytes, token)) != null) {
                            return loadAndFill(
                                    remote,
                                    RemoteTier.prefix(
                                            value.envelope().idHigh(),
                                            value.envelope().idLow()),
                                    token);
                        }
                        if (refreshed != null) {
                            return adopt(
                                    cache, key, node,
                                    capture); // another node refreshes it; this one reads it when it is there
                        }
                    }
                } else if (found instanceof RemoteTier.Held.Garbage garbage) {
                    cache.stats.codecFailures.increment();
                    worthless = garbage.prefix();
                }
                if (worthless.length > 0 || found instanceof RemoteTier.Held.Nothing) {
                    byte[] token = RemoteTier.newLease();
                    held = remote.link.await(
                            remote.leaseAll(List.of(new RemoteTier.Ask(shard, bytes, token, worthless)))
                                    .get(0));
                    if (held == null) {
                        return loadAndFill(remote, token, NOTHING);
                    }
                    continue;
                }
                if (cache.nanoClock.getAsLong() - deadline >= 0) {
                    return call().value(); // whoever has the lease takes too long: once more, for this node alone
                }
                awaitOther(remote, found, polls++);
                recapture();
                if (!catchUp()) {
                    return loadWithoutRemote();
                }
                held = remote.link.await(remote.get(shard, bytes));
            } catch (RedisException e) {
                return remoteFailed(e);
            }
        }
    }

    /** Waits until whoever loads the key is done, or a while. */
    private void awaitOther(RemoteTier<V> remote, RemoteTier.Held found, int polls) throws InterruptedException {
        CompletableFuture<Void> woken = cache.wakes.computeIfAbsent(key, k -> new CompletableFuture<>());
        try {
            if (polls == 0 && found instanceof RemoteTier.Held.Lease lease) {
                if (remote.link.await(remote.mark(capture.shard().index, bytes, lease.token())) == 0) {
                    return;
                }
            }
            woken.get(pollMillis(polls), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            // looks again
        } finally {
            cache.wakes.remove(key, woken);
        }
    }

    /** How long who waits for others does not look again, unless woken. */
    static long pollMillis(int polls) {
        long longest = Math.min(LONGEST_POLL_MILLIS, FIRST_POLL_MILLIS << Math.min(polls, 4));
        return ThreadLocalRandom.current().nextLong(longest / 2, longest + 1);
    }

    /** The local entry that a remote one becomes; null if it cannot be decoded. */
    static <K, V> @Nullable Node<V> nodeOf(TieredCache<K, V> cache, Capture capture, Envelope envelope) {
        V value = null;
        if (envelope.payload() != null) {
            try {
                value = envelope.payload().decode(cache.remote().codec);
            } catch (Exception | LinkageError | StackOverflowError e) {
                cache.stats.codecFailures.increment();
                LOG.debug("{}: cannot decode an entry, so it is loaded again", cache, e);
                return null;
            }
        }
        long now = cache.nanoClock.getAsLong();
        long serverNow = cache.serverMillis(now);
        long fresh = TimeUnit.MILLISECONDS.toNanos(envelope.freshUntilMillis() - serverNow);
        long stale = TimeUnit.MILLISECONDS.toNanos(envelope.staleUntilMillis() - serverNow);
        long lifetime = TimeUnit.MILLISECONDS.toNanos(envelope.freshUntilMillis() - envelope.createdMillis());
        String[] tags = envelope.tags().toArray(new String[0]);
        long localFresh = Math.min(fresh, cache.jittered(cache.localTtlNanos));
        long dueIn = fresh - cache.aheadNanos(lifetime, TimeUnit.MICROSECONDS.toNanos(envelope.loadMicros()));
        long refreshIn = Math.min(dueIn, localFresh - cache.aheadNanos(localFresh, 0));
        return new Node<>(
                value,
                now + Math.min(refreshIn, localFresh),
                now + localFresh,
                now + stale,
                capture.era(),
                Node.Tagged.of(capture.shard(), tags, envelope.asOf()));
    }

    /** Whether a fresh remote value is so far gone that a refresh loads the next one. */
    private boolean isDue(Envelope envelope) {
        long serverNow = cache.serverMillis(cache.nanoClock.getAsLong());
        long lifetime = envelope.freshUntilMillis() - envelope.createdMillis();
        long ahead = TimeUnit.NANOSECONDS.toMillis(cache.aheadNanos(
                TimeUnit.MILLISECONDS.toNanos(lifetime), TimeUnit.MICROSECONDS.toNanos(envelope.loadMicros())));
        return serverNow >= envelope.freshUntilMillis() - ahead;
    }

    /** Keeps a remote value here, too. */
    static <K, V> @Nullable V adopt(TieredCache<K, V> cache, K key, Node<V> node, Capture capture) {
        cache.stats.remoteHits.increment();
        boolean unused = cache.local.store(key, node, capture);
        return node.value;
    }

    private @Nullable V loadAndFill(RemoteTier<V> remote, byte[] expected, byte[] refreshToken) throws LoaderFailed {
        Right right = new Right(expected, refreshToken);
        Called<V> called;
        try {
            called = call();
        } catch (LoaderFailed e) {
            List<?> unused = remote.fillAll(List.of(giveBack(right)));
            throw e;
        }
        RemoteTier.Fill fill = fillOf(remote, called, right);
        return settle(remote, called, fill, remote.fillAll(List.of(fill)).get(0));
    }

    /**
     * What permits to store a value.
     *
     * @param expected what the slot must begin with
     * @param refreshToken empty if it is no refresh
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Right(byte[] expected, byte[] refreshToken) {}

    /** What Redis is told of a loaded value; if it is not to be stored there, that the right is given back. */
    RemoteTier.Fill fillOf(RemoteTier<V> remote, Called<V> called, Right right) {
        // Over: everything was cleared, or asOf counts in a journal that is gone.
        boolean isStored = called.isStored(cache) && !capture.era().isOver();
        Envelope envelope = isStored ? envelopeOf(called, remote) : null;
        byte[] payload = envelope == null ? NOTHING : envelope.write(remote.options.compressAbove);
        if (envelope == null || payload.length > remote.options.largest) {
            return giveBack(right);
        }
        long millis = envelope.staleUntilMillis() - cache.serverMillis(cache.nanoClock.getAsLong());
        return new RemoteTier.Fill(
                capture.shard().index, bytes, right.expected(), payload, millis, right.refreshToken());
    }

    /** Who waits for the lease need not wait for its end. If this does not get through, they wait for that. */
    RemoteTier.Fill giveBack(Right right) {
        return new RemoteTier.Fill(capture.shard().index, bytes, right.expected(), NOTHING, 1, right.refreshToken());
    }

    /** Stores the value locally if Redis took it; if Redis failed, too, as an invalidation finds it here anyway. */
    @Nullable
    V settle(RemoteTier<V> remote, Called<V> called, RemoteTier.Fill fill, CompletableFuture<Long> reply) {
        if (!fill.givesBack()) {
            try {
                if (remote.link.await(reply) != 1) {
                    cache.stats.lateFillsRefused.increment();
                    return called.value();
                }
            } catch (RedisException e) {
                cache.remoteFailed(e);
            }
        }
        return store(called);
    }

    private @Nullable Envelope envelopeOf(Called<V> called, RemoteTier<V> remote) {
        Envelope.Payload payload = null;
        V value = called.value();
        if (value != null) {
            try {
                payload = new Envelope.Payload(remote.codec.encode(value));
            } catch (Exception e) {
                cache.stats.codecFailures.increment();
                LOG.warn("{}: cannot encode a value, so it is kept locally only; mend the codec", cache, e);
                return null;
            }
        }
        long created = cache.serverMillis(called.began);
        Duration ttl = cache.ttlOf(called.options, value, remote.options.ttl);
        long fresh = cache.jittered(ttl.toNanos());
        long freshUntil = cache.serverMillis(cache.nanoClock.getAsLong()) + TimeUnit.NANOSECONDS.toMillis(fresh);
        ThreadLocalRandom random = ThreadLocalRandom.current();
        Shard.Epoch epoch = capture.era().epoch; // the one that asOf counts in, whatever came since
        String[] tags = called.options.tags();
        return new Envelope(
                random.nextLong(),
                random.nextLong(),
                freshUntil,
                freshUntil + (value == null ? 0 : TimeUnit.NANOSECONDS.toMillis(cache.staleNanos(fresh))),
                created,
                capture.asOf(),
                epoch.high(),
                epoch.low(),
                remote.codec.schema(),
                remote.codec.id(),
                Envelope.saturatedMicros(called.nanos),
                tags == null ? List.of() : List.of(tags),
                payload);
    }

    // ---- without Redis ----------------------------------------------------------------------------------------------

    private @Nullable V remoteFailed(RedisException e) throws LoaderFailed, InterruptedException {
        cache.remoteFailed(e);
        return loadWithoutRemote();
    }

    private @Nullable V loadWithoutRemote() throws LoaderFailed, InterruptedException {
        Node<V> node = refreshed;
        if (node != null) {
            return node.value; // no refresh in the background while the database has the whole load
        }
        if (flight.isWithinPermit()) {
            return store(call());
        }
        if (!cache.outageLoads.tryAcquire(cache.loadWaitNanos(), TimeUnit.NANOSECONDS)) {
            throw new CacheException.TimedOut(
                    cache + ": Redis is away, and all " + cache.loadsDuringOutage
                            + " loads that may run at once take too"
                            + " long; raise loadsDuringOutage(…) if the database can bear more",
                    new TimeoutException());
        }
        flight.hasPermit = true;
        try {
            return store(call());
        } finally {
            flight.hasPermit = false;
            cache.outageLoads.release();
        }
    }

    // ---- the loader -------------------------------------------------------------------------------------------------

    /** What the loader returned, and said of it. */
    record Called<V>(@Nullable V value, LoadOptions options, long began, long nanos) {
        boolean isStored(TieredCache<?, V> cache) {
            return options.store && (value != null || !cache.negativeTtl.isZero());
        }
    }

    /** As if the loader had returned this, when many were loaded together. */
    Called<V> called(@Nullable V value, LoadOptions options, long began) {
        return new Called<>(value, options, began, cache.nanoClock.getAsLong() - began);
    }

    Flight<V> flight() {
        return flight;
    }

    Capture capture() {
        return capture;
    }

    private Called<V> call() throws LoaderFailed {
        LoadOptions options = new LoadOptions();
        long began = cache.nanoClock.getAsLong();
        V value;
        try {
            value = loader.load(key, options);
        } catch (Throwable e) {
            cache.stats.loadFailures.increment();
            throw new LoaderFailed(e);
        }
        long nanos = cache.nanoClock.getAsLong() - began;
        cache.stats.loads.increment();
        cache.stats.loadNanos.add(nanos);
        return new Called<>(value, options, began, nanos);
    }

    @Nullable
    V store(Called<V> called) {
        if (called.isStored(cache)) {
            Duration ttl = cache.ttlOf(called.options, called.value, Duration.ofNanos(cache.localTtlNanos));
            long fresh = cache.jittered(ttl.toNanos());
            long now = cache.nanoClock.getAsLong();
            long stale = called.value == null ? fresh : fresh + cache.staleNanos(fresh);
            Node<V> node = new Node<>(
                    called.value,
                    now + fresh - cache.aheadNanos(fresh, cache.remote == null ? called.nanos : 0),
                    now + fresh,
                    now + stale,
                    capture.era(),
                    Node.Tagged.of(capture.shard(), called.options.tags(), capture.asOf()));
            if (!cache.local.store(key, node, capture)) {
                cache.stats.lateFillsRefused.increment();
            }
        }
        return called.value();
    }

    /** Whether a remote entry may be served. */
    enum Verdict {
        FRESH,
        STALE,
        WORTHLESS
    }
}
