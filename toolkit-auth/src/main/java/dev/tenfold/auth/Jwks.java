package dev.tenfold.auth;

import com.nimbusds.jose.Algorithm;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.KeyOperation;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.text.ParseException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys of one issuer, from one address that is configured and never taken from a token (RFC 7517; RFC 8725, 3.10).
 *
 * <pre>
 *   age of the keys     0 ──────────── 72 to 80 % of the TTL ──────────────── outage tolerance ────────────▶
 *   a token that comes  uses them      uses them; a fetch runs in the          waits for a fetch, or hears
 *                                      background, again and again if it fails that it cannot be verified
 * </pre>
 *
 * <p>There is one fetch at a time. Who has to wait for it (there are no keys, or none of that id) waits for the timeout at
 * most. What is fetched replaces what there was; a failure changes nothing. An unknown key id causes a fetch each 30 s at
 * most, and what that did not find is not looked for again for a minute.
 *
 * <p>All I/O is asynchronous on one thread, which never blocks; the lock is never held during it.
 */
final class Jwks {
    private static final Logger LOG = LoggerFactory.getLogger(Jwks.class);

    static final int MAX_BYTES = 256 * 1024;
    static final Duration COOLDOWN = Duration.ofSeconds(30);
    static final int MAX_ABSENT = 128;

    /** Tried for a token that names none. */
    static final int MAX_TRIED = 8;

    /** NIST SP 800-131A; RFC 7518, 3.3. */
    private static final int LEAST_RSA_BITS = 2048;

    static final String CLOSED = "the JwtIntrospector is closed; close it after all that use it";

    private static final long ABSENT_NANOS = 2 * COOLDOWN.toNanos();
    private static final long FIRST_RETRY_NANOS = Duration.ofSeconds(1).toNanos();
    private static final long LAST_RETRY_NANOS = Duration.ofSeconds(30).toNanos();
    private static final long LOG_AGAIN_NANOS = Duration.ofMinutes(5).toNanos();

    final JwtOptions options;
    final URI uri;
    private final String issuer;
    private volatile @Nullable HttpClient http;
    private final ScheduledExecutorService worker;
    private final Consumer<String> keyDropped;
    private final long toleranceNanos;

    private final ReentrantLock lock = new ReentrantLock();
    private volatile @Nullable Keys keys;

    /** When the next fetch is due; before that none is made, but for an unknown key id. */
    private volatile long dueAt;

    // Guarded by the lock.
    private @Nullable Flight flight;
    private int failuresInRow;
    private String lastFailure = "it was not asked yet";
    private long failingSince;
    private long logAt;
    private boolean refetched;
    private long refetchedAt;
    private final Map<String, Long> absent = new LinkedHashMap<>();
    private @Nullable Future<?> timer;

    private final AtomicLong fetches = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong unknownKidRefetches = new AtomicLong();
    private final AtomicLong suppressed = new AtomicLong();

    /** A public key with which signatures can be verified by some of the allowed algorithms. */
    record Key(
            String name, @Nullable String kid, @Nullable String algorithm, PublicKey publicKey, JWSVerifier verifier) {
        boolean suits(JWSAlgorithm wanted) {
            return verifier.supportedJWSAlgorithms().contains(wanted)
                    && (algorithm == null || algorithm.equals(wanted.getName()));
        }
    }

    /** What a fetch brought. */
    private static final class Keys {
        final List<Key> all;
        final Set<String> kids = new LinkedHashSet<>();
        final Set<String> names = new LinkedHashSet<>();
        final byte[] body;
        final @Nullable String etag;
        final long fetchedAt;

        Keys(List<Key> all, byte[] body, @Nullable String etag, long fetchedAt) {
            this.all = all;
            this.body = body;
            this.etag = etag;
            this.fetchedAt = fetchedAt;
            for (Key key : all) {
                names.add(key.name);
                if (key.kid != null) kids.add(key.kid);
            }
        }

        List<Key> suitable(@Nullable String kid, JWSAlgorithm algorithm) {
            List<Key> found = new ArrayList<>();
            for (Key key : all) {
                if ((kid == null || kid.equals(key.kid)) && key.suits(algorithm)) found.add(key);
                if (found.size() == MAX_TRIED) break;
            }
            return found;
        }
    }

    /** One fetch. */
    private static final class Flight {
        /** Why it failed; empty if it did not. */
        final CompletableFuture<String> done = new CompletableFuture<>();

        final long deadline;
        final @Nullable Keys before;
        volatile @Nullable Future<?> reply;

        Flight(long deadline, @Nullable Keys before) {
            this.deadline = deadline;
            this.before = before;
        }
    }

    /**
     * @param worker one thread, with which {@code http} works as well
     * @param keyDropped called on the worker with the name of each key that a fetch did not bring again
     */
    Jwks(
            String issuer,
            URI uri,
            JwtOptions options,
            HttpClient http,
            ScheduledExecutorService worker,
            Consumer<String> keyDropped) {
        this.issuer = issuer;
        this.uri = uri;
        this.options = options;
        this.http = http;
        this.worker = worker;
        this.keyDropped = keyDropped;
        toleranceNanos = options.outageTolerance.toNanos();
        dueAt = now();
    }

    private long now() {
        return options.nanoClock.getAsLong();
    }

    // ---- what tokens ask for ----------------------------------------------------------------------------------------

    /**
     * The keys that a token may have been signed with, {@value #MAX_TRIED} at most.
     *
     * @param kid which the token names, or null
     * @return empty if the issuer has no such key
     * @throws IOException if that cannot be told
     */
    List<Key> find(@Nullable String kid, JWSAlgorithm algorithm) throws IOException, InterruptedException {
        Keys known = usable();
        if (kid == null || known.kids.contains(kid)) return known.suitable(kid, algorithm);

        // A flight of others may have begun before the issuer had the key: after it, one more.
        for (boolean mine = false; !mine; ) {
            Flight looking;
            lock.lock();
            try {
                known = usableNow();
                if (known != null && known.kids.contains(kid)) return known.suitable(kid, algorithm);
                long now = now();
                looking = flight;
                if (isKnownAbsent(kid, now)) {
                    suppressed.incrementAndGet();
                    return List.of();
                }
                if (looking == null) {
                    mine = true;
                    if (failuresInRow > 0) {
                        if (dueAt - now > 0) throw unavailable(lastFailure);
                    } else if (refetched && now - refetchedAt < COOLDOWN.toNanos()) {
                        suppressed.incrementAndGet();
                        return List.of();
                    } else {
                        refetched = true;
                        refetchedAt = now;
                        unknownKidRefetches.incrementAndGet();
                    }
                    looking = start();
                }
            } finally {
                lock.unlock();
            }
            await(looking);
        }
        known = usable();
        if (known.kids.contains(kid)) return known.suitable(kid, algorithm);
        lock.lock();
        try {
            noteAbsent(kid, now());
        } finally {
            lock.unlock();
        }
        return List.of();
    }

    /** Keys that are not too old. Waits only if there are none. */
    private Keys usable() throws IOException, InterruptedException {
        Keys found = usableNow();
        if (found != null) {
            refreshIfDue();
            return found;
        }
        Flight first;
        lock.lock();
        try {
            found = usableNow();
            if (found != null) return found;
            first = flight;
            if (first == null) {
                if (dueAt - now() > 0) throw unavailable(lastFailure);
                first = start();
            }
        } finally {
            lock.unlock();
        }
        await(first);
        found = keys;
        if (found == null) throw new IllegalStateException("a fetch that succeeded brought no keys");
        return found;
    }

    private @Nullable Keys usableNow() {
        Keys found = keys;
        return found != null && now() - found.fetchedAt < toleranceNanos ? found : null;
    }

    private void await(Flight awaited) throws IOException, InterruptedException {
        String why;
        try {
            why = awaited.done.get(Math.max(0, awaited.deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            why = late();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a fetch ended in a way that there is not", e);
        }
        if (!why.isEmpty()) throw unavailable(why);
    }

    private String late() {
        return "no whole answer within " + options.timeout.toMillis() + " ms";
    }

    private IOException unavailable(String why) {
        return new IOException("tokens of " + issuer + " cannot be verified now, as its keys cannot be fetched from "
                + shown(uri) + ": " + why + ". They can when a fetch succeeds; it is tried again in "
                + TimeUnit.NANOSECONDS.toSeconds(LAST_RETRY_NANOS) + " s at most");
    }

    // ---- ids of keys that there are not; with the lock --------------------------------------------------------------

    private boolean isKnownAbsent(String kid, long now) {
        Long since = absent.get(kid);
        if (since == null) return false;
        if (now - since < ABSENT_NANOS) return true;
        absent.remove(kid);
        return false;
    }

    private void noteAbsent(String kid, long now) {
        if (absent.size() >= MAX_ABSENT)
            absent.remove(absent.keySet().iterator().next());
        absent.put(kid, now);
    }

    // ---- a fetch ----------------------------------------------------------------------------------------------------

    /** Begins a fetch in the background if one is due. Never waits. */
    void refreshIfDue() {
        if (dueAt - now() > 0) return;
        lock.lock();
        try {
            if (flight == null && dueAt - now() <= 0) start();
        } finally {
            lock.unlock();
        }
    }

    /** With the lock. */
    private Flight start() {
        // The worker may be shut down before it comes to this: who waits would wait for the whole timeout.
        if (http == null) throw new IllegalStateException(CLOSED);
        Flight started = new Flight(System.nanoTime() + options.timeout.toNanos(), keys);
        flight = started;
        fetches.incrementAndGet();
        try {
            worker.execute(() -> fetch(started));
        } catch (RejectedExecutionException e) {
            flight = null;
            throw new IllegalStateException(CLOSED, e);
        }
        return started;
    }

    private void fetch(Flight current) {
        HttpClient client = http;
        if (client == null) {
            finish(current, null, new IOException(CLOSED));
            return;
        }
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                    .timeout(options.timeout)
                    .header("Accept", "application/jwk-set+json, application/json");
            if (current.before != null && current.before.etag != null) {
                request.header("If-None-Match", current.before.etag);
            }
            CompletableFuture<HttpResponse<byte[]>> reply =
                    client.sendAsync(request.build(), unused -> new CappedBody(MAX_BYTES + 1));
            current.reply = reply;
            Future<?> limit = worker.schedule(
                    () -> {
                        reply.cancel(true);
                    },
                    Math.max(0, current.deadline - System.nanoTime()),
                    TimeUnit.NANOSECONDS);
            var unused = reply.whenCompleteAsync(
                    (response, failure) -> {
                        limit.cancel(false);
                        finish(current, response, failure);
                    },
                    worker);
        } catch (RuntimeException e) {
            finish(current, null, e);
        }
    }

    private void finish(Flight current, @Nullable HttpResponse<byte[]> response, @Nullable Throwable failure) {
        Keys fresh;
        try {
            if (response == null) throw new IOException(describe(failure));
            fresh = read(current.before, response);
        } catch (IOException e) {
            fail(current, String.valueOf(e.getMessage()));
            return;
        } catch (RuntimeException | Error e) {
            LOG.error("keys of {}: what {} answered could not be read", issuer, shown(uri), e);
            fail(current, "its answer could not be read");
            return;
        }
        succeed(current, fresh);
    }

    private void succeed(Flight current, Keys fresh) {
        Set<String> dropped = new LinkedHashSet<>();
        int failed;
        lock.lock();
        try {
            if (current.before != null) dropped.addAll(current.before.names);
            dropped.removeAll(fresh.names);
            keys = fresh;
            failed = failuresInRow;
            failuresInRow = 0;
            flight = null;
            dueAt = fresh.fetchedAt + refreshAfter(options.ttl.toNanos());
            wakeUp();
        } finally {
            lock.unlock();
        }
        if (failed > 0) {
            LOG.info(
                    "keys of {}: {} answers again after {} failures, its tokens are verified",
                    issuer,
                    shown(uri),
                    failed);
        }
        // Before those that wait go on, so that nothing that they learn from new keys is forgotten with old ones.
        dropped.forEach(keyDropped);
        current.done.complete("");
    }

    private void fail(Flight current, String why) {
        String warning = null;
        lock.lock();
        try {
            long now = now();
            failures.incrementAndGet();
            if (failuresInRow++ == 0) {
                failingSince = now;
                logAt = now;
            }
            lastFailure = why;
            flight = null;
            dueAt = now + retryAfter(failuresInRow);
            if (now - logAt >= 0) {
                logAt = now + LOG_AGAIN_NANOS;
                warning = warning(now);
            }
            wakeUp();
        } finally {
            lock.unlock();
        }
        if (warning != null) LOG.warn(warning);
        current.done.complete(why);
    }

    private String warning(long now) {
        Keys old = usableNow();
        String state = old == null
                ? "there are none, so that its tokens cannot be verified"
                : "those of " + TimeUnit.NANOSECONDS.toSeconds(now - old.fetchedAt) + " s ago are used for "
                        + TimeUnit.NANOSECONDS.toSeconds(toleranceNanos - (now - old.fetchedAt)) + " s more";
        return "keys of " + issuer + ": " + shown(uri) + " failed " + failuresInRow + " times in "
                + TimeUnit.NANOSECONDS.toSeconds(now - failingSince) + " s (" + lastFailure + "); " + state
                + ". Recovers by itself when the address answers 200 with a JWK set; it is tried again each "
                + TimeUnit.NANOSECONDS.toSeconds(LAST_RETRY_NANOS) + " s or sooner";
    }

    /** With the lock. A quiet node also has to learn that a key was withdrawn. */
    private void wakeUp() {
        Future<?> before = timer;
        if (before != null) before.cancel(false);
        try {
            timer = worker.schedule(this::onTimer, Math.max(0, dueAt - now()), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("keys of {}: closed during a fetch", issuer);
        }
    }

    private void onTimer() {
        lock.lock();
        try {
            if (flight != null) return;
            if (dueAt - now() > 0) {
                wakeUp();
            } else {
                start();
            }
        } finally {
            lock.unlock();
        }
    }

    /** 72 to 80 %: nodes that started together do not ask together. */
    private static long refreshAfter(long ttl) {
        long latest = ttl / 10 * 8;
        return latest - ThreadLocalRandom.current().nextLong(latest / 10);
    }

    /** 1, 2, 4 … 30 s, up to half less. */
    private static long retryAfter(int failures) {
        long most = Math.min(LAST_RETRY_NANOS, FIRST_RETRY_NANOS << Math.min(failures - 1, 10));
        return most - ThreadLocalRandom.current().nextLong(most / 2);
    }

    // ---- what comes back --------------------------------------------------------------------------------------------

    private Keys read(@Nullable Keys before, HttpResponse<byte[]> response) throws IOException {
        long now = now();
        int status = response.statusCode();
        if (status == 304 && before != null && before.etag != null) {
            return new Keys(before.all, before.body, before.etag, now);
        }
        if (status != 200) {
            throw new IOException("it answered " + status
                    + (status >= 300 && status < 400 && status != 304
                            ? "; redirects are not followed, configure the final address"
                            : ""));
        }
        byte[] body = response.body();
        if (body.length > MAX_BYTES) throw new IOException("its answer has more than " + MAX_BYTES + " bytes");
        String etag =
                response.headers().firstValue("ETag").filter(Jwks::canBeSent).orElse(null);
        if (before != null && Arrays.equals(before.body, body)) return new Keys(before.all, before.body, etag, now);
        List<Key> all = parse(body);
        if (all.isEmpty()) {
            throw new IOException("its answer has no public key for signatures by one of " + options.algorithms);
        }
        return new Keys(all, body, etag, now);
    }

    private static boolean canBeSent(String etag) {
        return etag.length() <= 256 && etag.chars().allMatch(c -> c > ' ' && c <= '~');
    }

    private List<Key> parse(byte[] body) throws IOException {
        List<Map<String, Object>> entries = new ArrayList<>();
        try {
            Map<String, Object> set = JSONObjectUtils.parse(new String(body, StandardCharsets.UTF_8));
            Map<String, Object>[] array = set == null ? null : JSONObjectUtils.getJSONObjectArray(set, "keys");
            if (array != null) entries.addAll(Arrays.asList(array));
        } catch (ParseException e) {
            throw new IOException("its answer is not a JWK set", e);
        }
        List<Key> all = new ArrayList<>();
        for (int i = 0; i < entries.size(); i++) {
            try {
                Key key = key(entries.get(i));
                if (key != null) all.add(key);
            } catch (ParseException | JOSEException | RuntimeException e) {
                // Not the message: there may be parts of a key in it that should not be there.
                LOG.warn(
                        "keys of {}: skipped key {} of {} as it cannot be read ({}); the others are used",
                        issuer,
                        i + 1,
                        entries.size(),
                        e.getClass().getSimpleName());
            }
        }
        return List.copyOf(all);
    }

    /** Null if it is not for us. */
    private @Nullable Key key(Map<String, Object> entry) throws ParseException, JOSEException {
        JWK jwk = JWK.parse(entry);
        if (jwk.isPrivate()) {
            LOG.warn(
                    "keys of {}: skipped a key as it is private or symmetric and may not be published; replace it at once",
                    issuer);
            return null;
        }
        Set<KeyOperation> operations = jwk.getKeyOperations();
        Algorithm algorithm = jwk.getAlgorithm();
        if ((jwk.getKeyUse() != null && !KeyUse.SIGNATURE.equals(jwk.getKeyUse()))
                || (operations != null && !operations.contains(KeyOperation.VERIFY))
                || (algorithm != null && !options.algorithms.contains(algorithm.getName()))
                || jwk.getKeyRevocation() != null) {
            return null;
        }
        JWSVerifier verifier;
        PublicKey publicKey;
        if (jwk instanceof RSAKey rsa) {
            if (rsa.size() < LEAST_RSA_BITS) {
                LOG.warn("keys of {}: skipped an RSA key as it has less than {} bits", issuer, LEAST_RSA_BITS);
                return null;
            }
            publicKey = rsa.toRSAPublicKey();
            verifier = new RSASSAVerifier(rsa.toRSAPublicKey());
        } else if (jwk instanceof ECKey ec) {
            publicKey = ec.toECPublicKey();
            verifier = new ECDSAVerifier(ec);
        } else {
            return null;
        }
        Key key = new Key(
                issuer + " " + jwk.computeThumbprint(),
                jwk.getKeyID(),
                algorithm == null ? null : algorithm.getName(),
                publicKey,
                verifier);
        boolean suits = options.algorithms.stream().anyMatch(name -> key.suits(JWSAlgorithm.parse(name)));
        return suits ? key : null;
    }

    /** Without what the server sent: some exceptions quote it. */
    private String describe(@Nullable Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) cause = cause.getCause();
        if (cause == null) return "no answer";
        if (cause instanceof CancellationException || cause instanceof HttpTimeoutException) return late();
        LOG.debug("keys of {}: a fetch failed", issuer, cause);
        String name = cause.getClass().getSimpleName();
        if (cause instanceof SSLException) return name + " (" + cause.getMessage() + ")";
        if (!(cause instanceof ConnectException))
            return "its answer cannot be read as HTTP, or ended early (" + name + ")";
        Throwable root = cause.getCause();
        return "no connection (" + name
                + (root == null ? "" : ", " + root.getClass().getSimpleName()) + ")";
    }

    /** Without the query, which may have secrets in it. */
    private static String shown(URI uri) {
        return uri.getScheme() + "://" + uri.getRawAuthority() + uri.getRawPath();
    }

    int size() {
        Keys known = usableNow();
        return known == null ? 0 : known.all.size();
    }

    JwtStats stats() {
        return new JwtStats(fetches.get(), failures.get(), unknownKidRefetches.get(), suppressed.get(), size());
    }

    /** Ends a fetch that runs; who waits for it hears of it. Before the worker is shut down. */
    void close() {
        Flight last;
        lock.lock();
        try {
            http = null;
            last = flight;
        } finally {
            lock.unlock();
        }
        if (last == null) return;
        last.done.complete(CLOSED);
        Future<?> reply = last.reply;
        if (reply != null) reply.cancel(true);
    }

    /** Collects up to so many bytes, and then hangs up. */
    private static final class CappedBody implements BodySubscriber<byte[]> {
        private final CompletableFuture<byte[]> body = new CompletableFuture<>();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final int most;
        private @Nullable Subscription subscription;

        CappedBody(int most) {
            this.most = most;
        }

        @Override
        public CompletionStage<byte[]> getBody() {
            return body;
        }

        @Override
        public void onSubscribe(Subscription newSubscription) {
            subscription = newSubscription;
            newSubscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> parts) {
            for (ByteBuffer part : parts) {
                if (body.isDone()) return;
                byte[] copy = new byte[Math.min(part.remaining(), most - bytes.size())];
                part.get(copy);
                bytes.writeBytes(copy);
                if (bytes.size() == most) {
                    body.complete(bytes.toByteArray());
                    if (subscription != null) subscription.cancel();
                }
            }
        }

        @Override
        public void onError(Throwable failure) {
            body.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            body.complete(bytes.toByteArray());
        }
    }
}
