package dev.tenfold.auth;

import dev.tenfold.auth.Verification.Cause;
import dev.tenfold.auth.Verification.Reason;
import dev.tenfold.cache.CacheException;
import dev.tenfold.cache.CacheStats;
import dev.tenfold.cache.Codec;
import dev.tenfold.cache.LoadOptions;
import dev.tenfold.cache.Stamp;
import dev.tenfold.cache.TieredCache;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisUnavailableException;
import io.lettuce.core.RedisException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remembers what an {@link Introspector} says of tokens, on this node and, with Redis, on all of them together, so that a request
 * costs a digest and a look into memory; and forgets it everywhere, within a round trip, when a token is revoked.
 *
 * <pre>{@code
 * TokenCache tokens = TokenCache.builder(introspector).redis(link).pepper(secret).build();
 * Verification v = tokens.verify(Credential.bearer(raw), ORDERS);
 * tokens.revoke(Credential.bearer(raw));
 * tokens.logoutAll(Subject.of(issuer, "42"));
 * }</pre>
 *
 * <p><b>What it promises.</b> Facts are cached, never verdicts: times, issuer, audience, scope and the sender's key are looked at
 * for each request. Once {@link #revoke}, {@link #revokeSession} or {@link #logoutAll} has returned delivered, no request that
 * begins later on this node is accepted, on other nodes none that begins after the message has come, a round trip later, and
 * none after {@link TokenCacheBuilder#maxStaleness}, whatever the network does; a look-up that was under way is cached nowhere.
 * A token is looked up once at a time, on all nodes together.
 *
 * <p><b>What it does not.</b> A token that is revoked at its authority and not here is accepted for {@link
 * TokenCacheBuilder#maxAge} more. A Redis that loses its memory loses the marks of revocations: run it with persistence, or let
 * {@link TokenCacheBuilder#revoker} tell the authority too. Who can write to Redis can make facts, unless they are {@linkplain
 * TokenCacheBuilder#seal sealed}.
 *
 * <p><b>Errors.</b> {@link #verify} never throws for what comes in or for what is down: see {@link Verification}. It blocks for
 * {@link TokenCacheBuilder#lookupTimeout} at most. Safe for use by many threads.
 */
public final class TokenCache implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TokenCache.class);
    private static final Duration RETRY_AFTER = Duration.ofSeconds(1);
    private static final long COMPLAIN_EVERY = TimeUnit.MINUTES.toNanos(1);
    private static final LookupGate OPEN = () -> true;

    private final String name;
    private final Introspector introspector;
    private final Pepper pepper;
    private final byte[] tokenPrefix;
    private final TieredCache<TokenKey, Entry> cache;
    private final Revocations revocations;
    private final @Nullable RedisLink link;
    private final @Nullable Revoker revoker;
    private final Outage outage;
    private final Semaphore lookups;
    private final long lookupWaitNanos;
    private final Duration maxAge;
    private final Duration longestLife;
    private final Duration grace;
    private final Set<String> graceScopes;
    private final long skewMillis;
    private final int longestToken;
    private final Consumer<? super AuthEvent> listener;
    private final InstantSource clock;
    private final LongSupplier nanoClock;
    private final AtomicLong nextComplaint;
    private final Recorder stats = new Recorder();

    private static final class Recorder {
        final LongAdder verified = new LongAdder();
        final LongAdder lookups = new LongAdder();
        final LongAdder failures = new LongAdder();
        final LongAdder inGrace = new LongAdder();
        final LongAdder revoked = new LongAdder();
        final LongAdder loggedOut = new LongAdder();
        final LongAdder tampered = new LongAdder();
        final Map<Reason, LongAdder> refused = new EnumMap<>(Reason.class);
        final Map<Cause, LongAdder> unavailable = new EnumMap<>(Cause.class);

        Recorder() {
            for (Reason reason : Reason.values()) refused.put(reason, new LongAdder());
            for (Cause cause : Cause.values()) unavailable.put(cause, new LongAdder());
        }
    }

    /** Nobody can tell. Shared by all who wait for a look-up, so it has no stack. */
    private static final class LookupFailed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        final Cause why;

        LookupFailed(Cause why) {
            super(why.name(), null, false, false);
            this.why = why;
        }
    }

    TokenCache(TokenCacheBuilder from) {
        name = from.name;
        introspector = from.introspector;
        pepper = new Pepper(from.pepper);
        tokenPrefix = Pepper.tokenPrefix(introspector.id());
        link = from.link;
        revoker = from.revoker;
        outage = from.outage;
        lookups = new Semaphore(from.maxLookups);
        lookupWaitNanos = from.lookupWait.toNanos();
        maxAge = from.maxAge;
        longestLife = from.longestLife;
        grace = from.grace;
        graceScopes = from.graceScopes;
        skewMillis = from.clockSkew.toMillis();
        longestToken = from.longestToken;
        listener = from.listener;
        clock = from.clock;
        nanoClock = from.nanoClock;
        nextComplaint = new AtomicLong(nanoClock.getAsLong());
        revocations = link == null
                ? new LocalRevocations(clock, nanoClock)
                : new RedisRevocations(link, from.prefix + "auth:" + name + ":", clock, nanoClock);
        cache = cache(from);
        introspector.onKeyDropped(key -> {
            Stamp unused = cache.invalidateTag(keyTag(key));
        });
    }

    private TieredCache<TokenKey, Entry> cache(TokenCacheBuilder from) {
        var builder = TieredCache.<TokenKey, Entry>builder("auth-" + name)
                .keys(TokenKey::bytes, TokenKey::of)
                .local(l -> l.maximumSize(from.maxTokens)
                        .maximumNegatives(from.maxNegatives)
                        .expireAfterWrite(from.maxAge))
                .maxStaleness(from.maxStaleness)
                .onOutage(dev.tenfold.cache.Outage.BYPASS)
                .loadsDuringOutage(from.maxLookups)
                .negativeTtl(from.negativeTtl)
                .staleOnError(from.grace)
                .hardTimeout(from.lookupTimeout)
                .nanoClock(from.nanoClock);
        if (from.link != null) {
            Codec<Entry> codec =
                    from.sealKeys == null ? new EntryCodec() : new SealedCodec(from.sealKeys, this::tampered);
            builder.remote(from.link, codec, r -> r.prefix(from.prefix).expireAfterWrite(from.maxAge));
        }
        return builder.build();
    }

    /**
     * Begins to describe a cache.
     *
     * @param introspector knows the tokens
     * @return a builder with the defaults
     */
    public static TokenCacheBuilder builder(Introspector introspector) {
        return new TokenCacheBuilder(introspector);
    }

    // ---- verifying --------------------------------------------------------------------------------------------------

    /**
     * Whether a credential is good for a request. In memory mostly; otherwise it blocks for a look-up.
     *
     * @param credential what the request brought
     * @param require what it asks for
     * @return the answer; never null
     */
    public Verification verify(Credential credential, Require require) {
        return verify(credential, require, OPEN);
    }

    /**
     * As {@link #verify(Credential, Require)}, with a limit of how many unknown tokens one caller may have looked up.
     *
     * @param credential what the request brought
     * @param require what it asks for
     * @param gate asked if the token is not known on this node; must not block for long
     * @return the answer; never null
     */
    public Verification verify(Credential credential, Require require, LookupGate gate) {
        String token = credential.secret();
        if (!isPrintable(token)) return refused(null, Reason.MALFORMED);
        TokenKey key = pepper.token(tokenPrefix, token);
        Entry entry;
        try {
            Optional<Entry> known = cache.peek(key);
            if (known.isPresent() && known.get().key.equals(key)) {
                entry = known.get();
            } else {
                if (!introspector.isWellFormed(token)) return refused(null, Reason.MALFORMED);
                if (!gate.mayLookUp()) return unavailable(key, Cause.THROTTLED);
                entry = find(key, token);
            }
        } catch (LookupFailed e) {
            return unavailable(key, e.why);
        } catch (CacheException e) {
            complain(e);
            return unavailable(key, Cause.INTROSPECTION);
        }
        return entry == null ? refused(key, Reason.INACTIVE) : judged(entry, require);
    }

    /** All that needs to be looked at for each request. */
    private Verification judged(Entry entry, Require require) {
        TokenFacts facts = entry.facts;
        long now = clock.millis();
        if (isOver(facts, now)) return refused(entry.key, Reason.EXPIRED);
        if (facts.notBefore != TokenFacts.NONE && now < facts.notBefore * 1_000 - skewMillis) {
            return refused(entry.key, Reason.NOT_YET_VALID);
        }
        Reason shortOf = require.shortOf(facts);
        if (shortOf != null) return refused(entry.key, shortOf);
        if (!grace.isZero() && now - entry.lookedUpMillis > maxAge.toMillis() + skewMillis) {
            return inGrace(entry, require);
        }
        stats.verified.increment();
        return entry.verified;
    }

    private static boolean isOver(TokenFacts facts, long nowMillis) {
        return facts.expiresAt != TokenFacts.NONE && nowMillis >= facts.expiresAt * 1_000;
    }

    /** The introspector has failed. */
    private Verification inGrace(Entry entry, Require require) {
        if (require.scopes().isEmpty() || !graceScopes.containsAll(require.scopes())) {
            return unavailable(entry.key, Cause.INTROSPECTION);
        }
        if (link != null && !link.isAvailable()) return unavailable(entry.key, Cause.REVOCATIONS);
        stats.inGrace.increment();
        stats.verified.increment();
        tell(new AuthEvent.AcceptedInGrace(entry.key.fingerprint(), require.scopes()));
        return entry.verified;
    }

    private @Nullable Entry find(TokenKey key, String token) {
        Entry entry = cache.getWith(key, (k, load) -> lookUp(k, token, load));
        if (entry == null || entry.key.equals(key)) return entry;
        tampered();
        Stamp unused = cache.invalidate(key);
        Entry again = cache.getWith(key, (k, load) -> lookUp(k, token, load));
        return again == null || again.key.equals(key) ? again : null;
    }

    private @Nullable Entry lookUp(TokenKey key, String token, LoadOptions load) throws InterruptedException {
        if (link != null && outage == Outage.REFUSE && !link.isAvailable()) throw new LookupFailed(Cause.REVOCATIONS);
        long began = clock.millis();
        TokenFacts facts = introspected(token);
        if (facts == null) return null;
        long now = clock.millis();
        if (isOver(facts, now)) return null;
        String id = idName(facts);
        List<String> epochs = epochs(facts);
        List<String> tombstones = id == null ? List.of(tokenName(key)) : List.of(tokenName(key), id);
        Revocations.Marks marks = marks(tombstones, epochs, load);
        if (marks.isRevoked() || isVoid(facts, began, marks.epochMillis())) return null;
        List<String> tags = new ArrayList<>(epochs);
        if (id != null) tags.add(id);
        for (String vouching : facts.keys()) tags.add(keyTag(vouching));
        Duration left = facts.expiresAt == TokenFacts.NONE ? maxAge : Duration.ofMillis(facts.expiresAt * 1_000 - now);
        LoadOptions unused = load.tag(tags.toArray(new String[0])).ttl(left.compareTo(maxAge) < 0 ? left : maxAge);
        return new Entry(key, facts, now);
    }

    private @Nullable TokenFacts introspected(String token) throws InterruptedException {
        if (!lookups.tryAcquire(lookupWaitNanos, TimeUnit.NANOSECONDS)) throw new LookupFailed(Cause.BUSY);
        try {
            stats.lookups.increment();
            return introspector.introspect(token);
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            stats.failures.increment();
            complain(e);
            throw new LookupFailed(Cause.INTROSPECTION);
        } finally {
            lookups.release();
        }
    }

    private Revocations.Marks marks(List<String> tombstones, List<String> epochs, LoadOptions load) {
        try {
            return revocations.check(tombstones, epochs);
        } catch (RedisException e) {
            if (outage == Outage.REFUSE || !(e instanceof RedisUnavailableException)) {
                throw new LookupFailed(Cause.REVOCATIONS);
            }
            LoadOptions unused = load.doNotStore(); // or a mark that is there would be missed for maxAge more
            return revocations.checkHere(tombstones, epochs);
        }
    }

    /** A time of issue is in whole seconds, so all of the log-out's own second is void. */
    private boolean isVoid(TokenFacts facts, long beganMillis, long epochMillis) {
        if (epochMillis == Revocations.NEVER) return false;
        long from = facts.issuedAt == TokenFacts.NONE ? beganMillis : facts.issuedAt * 1_000;
        return from <= epochMillis + skewMillis;
    }

    private boolean isPrintable(String token) {
        int length = token.length();
        if (length == 0 || length > longestToken) return false;
        for (int i = 0; i < length; i++) {
            char c = token.charAt(i);
            if (c <= ' ' || c > '~') return false;
        }
        return true;
    }

    private Verification refused(@Nullable TokenKey key, Reason reason) {
        Objects.requireNonNull(stats.refused.get(reason)).increment();
        tell(new AuthEvent.Refused(key == null ? null : key.fingerprint(), reason));
        return new Verification.Refused(reason);
    }

    private Verification unavailable(TokenKey key, Cause cause) {
        Objects.requireNonNull(stats.unavailable.get(cause)).increment();
        tell(new AuthEvent.Unavailable(key.fingerprint(), cause));
        return new Verification.Unavailable(cause, RETRY_AFTER);
    }

    // ---- revoking ---------------------------------------------------------------------------------------------------

    /**
     * Ends one token, for good: its text first, then its {@code jti}, as for some tokens whoever has one can write it in another
     * way. Two round trips to Redis each; if this node does not know the token, a look-up in between and two more; and what the
     * {@link Revoker} takes. Idempotent. What cannot be a token is not revoked, and that counts as delivered.
     *
     * <p>It is remembered until the token would have ended; if that cannot be told, for {@link
     * TokenCacheBuilder#longestLife}. So do not offer it to callers whose token was not verified. If this node does not know the
     * token and the look-up fails, only the text that was given is ended, and what else has its {@code jti} is not; delivered is
     * said of the text then.
     *
     * @param credential the token
     * @return how far that has come; never throws for what is down
     */
    public Revocation revoke(Credential credential) {
        String token = credential.secret();
        if (!isPrintable(token) || !introspector.isWellFormed(token)) return new Revocation(true, Optional.empty());
        TokenKey key = pepper.token(tokenPrefix, token);
        Entry known = cache.peek(key).orElse(null);
        TokenFacts facts = known == null ? null : known.facts;
        BooleanSupplier forget = () -> cache.invalidate(key).isDelivered();
        boolean isDelivered = revocations.revokeToken(tokenName(key), lifeOf(facts), forget);
        if (facts == null) {
            facts = factsOf(token);
            if (facts != null && facts.expiresAt != TokenFacts.NONE) { // shortens how long the mark is kept
                isDelivered &= revocations.revokeToken(tokenName(key), lifeOf(facts), forget);
            }
        }
        String id = facts == null ? null : idName(facts);
        if (id != null) {
            isDelivered &= revocations.revokeToken(
                    id, lifeOf(facts), () -> cache.invalidateTag(id).isDelivered());
        }
        stats.revoked.increment();
        tell(new AuthEvent.Revoked(key.fingerprint(), isDelivered));
        return new Revocation(isDelivered, upstream(token));
    }

    private Duration lifeOf(@Nullable TokenFacts facts) {
        return facts == null || facts.expiresAt == TokenFacts.NONE
                ? longestLife
                : Duration.ofMillis(Math.max(1, facts.expiresAt * 1_000 - clock.millis() + skewMillis));
    }

    /** Past the cache, as the token is revoked by now. Null if that cannot be told: its text is revoked all the same. */
    private @Nullable TokenFacts factsOf(String token) {
        try {
            return introspected(token);
        } catch (LookupFailed e) {
            LOG.debug("{}: revokes a token of which it could not find out more", this, e);
            return null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    /** What a token is also revoked under, however it is written; null if it has no identifier. */
    private @Nullable String idName(TokenFacts facts) {
        String id = facts.tokenId();
        return id == null ? null : "j:" + pepper.name('j', issuerOf(facts), id);
    }

    /** What a token's log-outs are kept under. */
    private List<String> epochs(TokenFacts facts) {
        List<String> epochs = new ArrayList<>(2);
        if (facts.subject() != null) epochs.add(subjectName(issuerOf(facts), facts.subject()));
        if (facts.sessionId() != null) epochs.add(sessionName(issuerOf(facts), facts.sessionId()));
        return epochs;
    }

    private static String issuerOf(TokenFacts facts) {
        String issuer = facts.issuer();
        return issuer == null ? "" : issuer;
    }

    private Optional<Exception> upstream(String token) {
        if (revoker == null) return Optional.empty();
        try {
            revoker.revoke(token);
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.of(e);
        } catch (Exception e) {
            return Optional.of(e); // the caller hears of it
        }
    }

    /**
     * Ends all tokens of one session at the issuer, or of one API key: those that were issued up to now. Two round trips, or in
     * a cluster as many messages as there are shards, at once. The authority is not told.
     *
     * @param issuer as in {@link TokenFacts#issuer}; empty if the tokens have none
     * @param sessionId as in {@link TokenFacts#sessionId}
     * @return how far that has come
     */
    public Revocation revokeSession(String issuer, String sessionId) {
        return voidUpToNow(issuer, sessionName(issuer, sessionId), true);
    }

    /**
     * Ends all tokens of one subject: those that were issued up to now. A token without a time of issue is looked up anew. Two
     * round trips, or in a cluster as many messages as there are shards, at once. The authority is not told.
     *
     * @param subject whose
     * @return how far that has come
     */
    public Revocation logoutAll(Subject subject) {
        return voidUpToNow(subject.issuer(), subjectName(subject.issuer(), subject.id()), false);
    }

    private Revocation voidUpToNow(String issuer, String named, boolean isSession) {
        boolean isDelivered = revocations.voidUpToNow(
                named, longestLife, () -> cache.invalidateTag(named).isDelivered());
        stats.loggedOut.increment();
        tell(new AuthEvent.LoggedOut(issuer, isSession, isDelivered));
        return new Revocation(isDelivered, Optional.empty());
    }

    private String tokenName(TokenKey key) {
        return "t:" + Base64.getUrlEncoder().withoutPadding().encodeToString(key.bytes());
    }

    private String subjectName(String issuer, String id) {
        return "s:" + pepper.name('s', issuer, id);
    }

    private String sessionName(String issuer, String id) {
        return "i:" + pepper.name('i', issuer, id);
    }

    private String keyTag(String key) {
        return "k:" + pepper.name('k', key);
    }

    // ---- the rest ---------------------------------------------------------------------------------------------------

    private void tampered() {
        stats.tampered.increment();
        tell(new AuthEvent.Tampered());
    }

    private void tell(AuthEvent event) {
        try {
            listener.accept(event);
        } catch (RuntimeException e) {
            LOG.error(
                    "{}: the listener of {} failed; the answer stands",
                    this,
                    event.getClass().getSimpleName(),
                    e);
        }
    }

    private void complain(Exception e) {
        long due = nextComplaint.get();
        long now = nanoClock.getAsLong();
        if (now - due < 0 || !nextComplaint.compareAndSet(due, now + COMPLAIN_EVERY)) return;
        LOG.error(
                "{}: a token could not be looked up, so its callers get 503 until the introspector answers (said once a"
                        + " minute): {}",
                this,
                e.toString());
    }

    /**
     * What was done so far.
     *
     * @return figures of this moment
     */
    public TokenCacheStats stats() {
        CacheStats cached = cache.stats();
        Map<Reason, Long> refused = new EnumMap<>(Reason.class);
        stats.refused.forEach((reason, count) -> refused.put(reason, count.sum()));
        Map<Cause, Long> unavailable = new EnumMap<>(Cause.class);
        stats.unavailable.forEach((cause, count) -> unavailable.put(cause, count.sum()));
        return new TokenCacheStats(
                stats.verified.sum(),
                Map.copyOf(refused),
                Map.copyOf(unavailable),
                stats.lookups.sum(),
                stats.failures.sum(),
                stats.inGrace.sum(),
                stats.revoked.sum(),
                stats.loggedOut.sum(),
                stats.tampered.sum(),
                revocations.waiting(),
                cached.localSize());
    }

    /**
     * The name that metrics and messages have.
     *
     * @return as it was built with
     */
    public String name() {
        return name;
    }

    /** Lets go of Redis, and forgets all tokens. The link and the introspector stay open. Idempotent. */
    @Override
    public void close() {
        revocations.close();
        cache.close();
    }

    /** The name. */
    @Override
    public String toString() {
        return "token cache \"" + name + "\"";
    }
}
