package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisLinkState;
import dev.tenfold.redis.RedisScript;
import io.lettuce.core.RedisException;
import io.lettuce.core.SetArgs;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Marks on Redis, for all nodes:
 *
 * <pre>
 *   prefix auth:name:t:digest    "1"                a token's text     until it would have ended
 *   prefix auth:name:j:digest    "1"                a token's jti      the same
 *   prefix auth:name:s:digest    1764081234567      a subject          until all that was issued before has ended
 *   prefix auth:name:i:digest    1764081234567      a session          the same
 * </pre>
 *
 * <p>Epochs are by the clock of Redis. What Redis did not take holds here at once, and is told it again as soon as the link is
 * up: by then it voids a little more than it had to, what was issued meanwhile. And the cache forgets once more: what it forgot
 * before the mark was there, another node may have looked up since, and kept.
 */
final class RedisRevocations implements Revocations {
    private static final Logger LOG = LoggerFactory.getLogger(TokenCache.class);
    private static final RedisScript<byte[]> EPOCH =
            RedisScript.load(RedisRevocations.class, "epoch.lua", RedisScript.Reply.BYTES);
    private static final byte[] REVOKED = {'1'};
    private static final long RETRY_MILLIS = 1_000;

    private final RedisLink link;
    private final byte[] prefix;
    private final LocalRevocations here;
    private final Map<String, Undelivered> undelivered = new ConcurrentHashMap<>();
    private final AtomicBoolean retries = new AtomicBoolean();
    private final ReentrantLock telling = new ReentrantLock();
    private final RedisLink.Registration registration;
    private volatile boolean isClosed;

    /** What Redis has yet to take. */
    private record Undelivered(boolean isToken, Duration life, BooleanSupplier forget) {}

    RedisRevocations(RedisLink link, String prefix, InstantSource clock, LongSupplier nanoClock) {
        this.link = link;
        this.prefix = prefix.getBytes(UTF_8);
        this.here = new LocalRevocations(clock, nanoClock);
        this.registration = link.onStateChange(state -> {
            // Not on this thread, which is the link's.
            if (state == RedisLinkState.UP && !undelivered.isEmpty()) {
                CompletableFuture<Void> unused = CompletableFuture.runAsync(this::tellAgain);
            }
        });
    }

    @Override
    public Marks check(List<String> tombstones, List<String> epochs) {
        Marks mine = checkHere(tombstones, epochs);
        if (mine.isRevoked()) return mine;
        List<CompletableFuture<byte[]>> revoked =
                tombstones.stream().map(this::get).toList();
        List<CompletableFuture<byte[]>> times = epochs.stream().map(this::get).toList();
        boolean isRevoked = false;
        long epoch = mine.epochMillis();
        for (CompletableFuture<byte[]> one : revoked) isRevoked |= link.<byte @Nullable []>await(one) != null;
        for (CompletableFuture<byte[]> one : times) {
            byte[] millis = link.<byte @Nullable []>await(one);
            if (millis != null) epoch = Math.max(epoch, Long.parseLong(new String(millis, US_ASCII)));
        }
        return new Marks(isRevoked, epoch);
    }

    @Override
    public Marks checkHere(List<String> tombstones, List<String> epochs) {
        return here.checkHere(tombstones, epochs);
    }

    private CompletableFuture<byte[]> get(String name) {
        byte[] key = key(name);
        return link.call(redis -> redis.get(key));
    }

    @Override
    public boolean revokeToken(String token, Duration life, BooleanSupplier forget) {
        here.mark(token, life);
        return deliver(token, new Undelivered(true, life, forget));
    }

    @Override
    public boolean voidUpToNow(String name, Duration life, BooleanSupplier forget) {
        here.mark(name, life);
        return deliver(name, new Undelivered(false, life, forget));
    }

    private boolean deliver(String name, Undelivered mark) {
        undelivered.put(name, mark);
        boolean isMarked = false;
        try {
            link.await(send(name, mark));
            undelivered.remove(name, mark);
            isMarked = true;
        } catch (RedisException e) {
            LOG.warn(
                    "{} has not taken a revocation ({}): it holds on this node, and goes out when Redis answers again; {} wait",
                    link,
                    String.valueOf(e.getMessage()),
                    undelivered.size());
        }
        boolean isForgotten = mark.forget.getAsBoolean();
        if (!isMarked) tellAgainLater(); // the link may be up all the time, and have lost just this one
        return isMarked && isForgotten;
    }

    private CompletableFuture<?> send(String name, Undelivered mark) {
        byte[] key = key(name);
        long millis = Math.max(1, mark.life.toMillis());
        if (mark.isToken) return link.call(redis -> redis.set(key, REVOKED, SetArgs.Builder.px(millis)));
        // From then on the clock of Redis counts here, too: this node's may be ahead, and void what was issued
        // afterwards.
        return link.eval(EPOCH, new byte[][] {key}, Long.toString(millis).getBytes(US_ASCII))
                .thenAccept(epoch -> here.voidUpTo(name, Long.parseLong(new String(epoch, US_ASCII)), mark.life));
    }

    private void tellAgainLater() {
        if (isClosed || !retries.compareAndSet(false, true)) return;
        CompletableFuture.delayedExecutor(RETRY_MILLIS, TimeUnit.MILLISECONDS).execute(() -> {
            retries.set(false);
            tellAgain();
        });
    }

    /** All at once, and each again after a while that Redis has not taken this time either. Waits for the link. */
    private void tellAgain() {
        telling.lock();
        try {
            Map<String, Undelivered> marks = Map.copyOf(undelivered);
            Map<String, CompletableFuture<?>> sent = new HashMap<>();
            marks.forEach((name, mark) -> sent.put(name, send(name, mark)));
            marks.forEach((name, mark) -> told(name, mark, Objects.requireNonNull(sent.get(name))));
        } finally {
            telling.unlock();
        }
    }

    private void told(String name, Undelivered mark, CompletableFuture<?> sent) {
        if (isClosed) return;
        try {
            link.await(sent);
        } catch (RedisException e) {
            tellAgainLater();
            return;
        }
        boolean unused = mark.forget.getAsBoolean(); // what Redis does not take of it the cache sends again
        if (undelivered.remove(name, mark) && undelivered.isEmpty()) LOG.info("{} has taken all revocations", link);
    }

    @Override
    public int waiting() {
        return undelivered.size();
    }

    private byte[] key(String name) {
        byte[] text = name.getBytes(US_ASCII);
        byte[] key = new byte[prefix.length + text.length];
        System.arraycopy(prefix, 0, key, 0, prefix.length);
        System.arraycopy(text, 0, key, prefix.length, text.length);
        return key;
    }

    @Override
    public void close() {
        isClosed = true;
        registration.close();
        telling.lock(); // the cache that it forgets in is closed next
        try {
            if (!undelivered.isEmpty()) {
                LOG.warn("closed before {} had taken {} revocations: they are lost", link, undelivered.size());
            }
        } finally {
            telling.unlock();
        }
    }
}
