package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.tenfold.redis.RedisLink;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes a {@link TokenCache}. Whoever sets nothing but the introspector gets one in this node's memory that fails closed.
 *
 * <pre>{@code
 * TokenCache tokens = TokenCache.builder(introspector)
 *         .redis(link).pepper(secret)                 // all nodes share what is known, and what was revoked
 *         .revoker(authorizationServer)               // revoke(…) tells the authority, too
 *         .build();
 * }</pre>
 *
 * <p>Not safe for use by many threads.
 */
public final class TokenCacheBuilder {
    private static final Duration LONGEST_GRACE = Duration.ofSeconds(60);
    private static final Duration LONGEST_AGE = Duration.ofDays(1);
    private static final Duration LONGEST_LIFE = Duration.ofDays(31);
    private static final int SHORTEST_PEPPER = 16;
    private static final byte[] KNOWN_PEPPER = "tenfold: no pepper was set".getBytes(US_ASCII);

    final Introspector introspector;
    String name = "tokens";
    String prefix = "tenfold:";
    byte[] pepper = KNOWN_PEPPER;
    boolean hasPepper;

    @Nullable
    RedisLink link;

    @Nullable
    SealKeys sealKeys;

    @Nullable
    Revoker revoker;

    Outage outage = Outage.REFUSE;
    Duration maxAge = Duration.ofSeconds(60);
    Duration maxStaleness = Duration.ofSeconds(5);
    Duration negativeTtl = Duration.ofSeconds(10);
    Duration longestLife = LONGEST_LIFE;
    Duration clockSkew = Duration.ofSeconds(1);
    Duration lookupTimeout = Duration.ofSeconds(5);
    Duration lookupWait = Duration.ofMillis(250);
    Duration grace = Duration.ZERO;
    Set<String> graceScopes = Set.of();
    int maxLookups = 64;
    int maxTokens = 100_000;
    int maxNegatives = 10_000;
    int longestToken = 8 * 1_024;
    Consumer<? super AuthEvent> listener = event -> {};
    InstantSource clock = InstantSource.system();
    LongSupplier nanoClock = System::nanoTime;

    TokenCacheBuilder(Introspector introspector) {
        this.introspector = Objects.requireNonNull(introspector, "introspector");
    }

    /**
     * Names the cache: in Redis, in metrics and in messages.
     *
     * @param newName the same on all nodes that share it, and no other cache's; default {@code tokens}
     * @return this
     */
    public TokenCacheBuilder name(String newName) {
        if (newName.isEmpty() || newName.contains("{") || newName.contains("}")) {
            throw new IllegalArgumentException("a name must have characters, and no braces: \"" + newName + "\"");
        }
        name = newName;
        return this;
    }

    /**
     * Shares facts and revocations with other nodes through Redis.
     *
     * @param newLink stays the caller's to close, after the cache
     * @return this
     */
    public TokenCacheBuilder redis(RedisLink newLink) {
        link = Objects.requireNonNull(newLink, "link");
        return this;
    }

    /**
     * What all names in Redis begin with.
     *
     * @param newPrefix default {@code tenfold:}; without braces
     * @return this
     */
    public TokenCacheBuilder prefix(String newPrefix) {
        if (newPrefix.contains("{") || newPrefix.contains("}")) {
            throw new IllegalArgumentException("a prefix must not have braces: \"" + newPrefix + "\"");
        }
        prefix = newPrefix;
        return this;
    }

    /**
     * The secret that tokens are digested with, so that nobody who can read Redis can try guesses of weak tokens or subjects. A
     * new one is a cold cache, and forgets revocations: change it when all tokens of before have ended.
     *
     * @param secret at least {@value #SHORTEST_PEPPER} random bytes, the same on all nodes; copied. Needed with Redis
     * @return this
     */
    public TokenCacheBuilder pepper(byte[] secret) {
        if (secret.length < SHORTEST_PEPPER) {
            throw new IllegalArgumentException("a pepper of " + secret.length + " bytes is too short; take "
                    + SHORTEST_PEPPER + " random bytes or more, the same on all nodes");
        }
        pepper = secret.clone();
        hasPepper = true;
        return this;
    }

    /**
     * Encrypts what is known of tokens while it is in Redis, and notices when somebody else has written there.
     *
     * @param keys the same on all nodes
     * @return this
     */
    public TokenCacheBuilder seal(SealKeys keys) {
        sealKeys = Objects.requireNonNull(keys, "keys");
        return this;
    }

    /**
     * Tells the authority of {@link TokenCache#revoke}.
     *
     * @param newRevoker for example a client of the authority's revocation endpoint (RFC 7009)
     * @return this
     */
    public TokenCacheBuilder revoker(Revoker newRevoker) {
        revoker = Objects.requireNonNull(newRevoker, "revoker");
        return this;
    }

    /**
     * What to do while Redis is away.
     *
     * @param policy default {@link Outage#REFUSE}
     * @return this
     */
    public TokenCacheBuilder onOutage(Outage policy) {
        outage = Objects.requireNonNull(policy, "policy");
        return this;
    }

    /**
     * How long facts are good before the introspector is asked again: how late a revocation is noticed that was made there, and
     * not here. Never beyond the token's own end.
     *
     * @param age 1 s to 1 day; default 60 s
     * @return this
     */
    public TokenCacheBuilder maxAge(Duration age) {
        maxAge = within("maxAge", age, Duration.ofSeconds(1), LONGEST_AGE);
        return this;
    }

    /**
     * How long this node may go on without proof that it has heard of all revocations. Normally they arrive within a round trip;
     * this is the bound when the network fails.
     *
     * @param bound 50 ms to 1 min; default 5 s
     * @return this
     */
    public TokenCacheBuilder maxStaleness(Duration bound) {
        maxStaleness = within("maxStaleness", bound, Duration.ofMillis(50), Duration.ofMinutes(1));
        return this;
    }

    /**
     * How long it is remembered that a token is not active. One that becomes active later waits for that long.
     *
     * @param ttl zero turns it off; 1 min at most; default 10 s
     * @return this
     */
    public TokenCacheBuilder negativeTtl(Duration ttl) {
        negativeTtl = within("negativeTtl", ttl, Duration.ZERO, Duration.ofMinutes(1));
        return this;
    }

    /**
     * How long any token can live: how long a revocation is remembered of a token whose end is not known, and a log-out.
     *
     * @param life 1 min to 31 days, which is the default; shorter saves memory
     * @return this
     */
    public TokenCacheBuilder longestLife(Duration life) {
        longestLife = within("longestLife", life, Duration.ofMinutes(1), LONGEST_LIFE);
        return this;
    }

    /**
     * How far the clocks of the issuer, of Redis and of the nodes may be apart. A token is good that much before its {@code
     * nbf}, never after its {@code exp}; and one that was issued less than that after a log-out is void too.
     *
     * @param skew 0 to 1 min; default 1 s
     * @return this
     */
    public TokenCacheBuilder clockSkew(Duration skew) {
        clockSkew = within("clockSkew", skew, Duration.ZERO, Duration.ofMinutes(1));
        return this;
    }

    /**
     * How long a request waits for a look-up.
     *
     * @param timeout 1 ms to 1 min; default 5 s. The introspector's own timeout should be below
     * @return this
     */
    public TokenCacheBuilder lookupTimeout(Duration timeout) {
        lookupTimeout = within("lookupTimeout", timeout, Duration.ofMillis(1), Duration.ofMinutes(1));
        return this;
    }

    /**
     * How many look-ups this node makes at once. Further ones wait for 250 ms, and are then {@link
     * Verification.Cause#BUSY}: so a flood of unknown tokens does not become one of the introspector.
     *
     * @param lookups 1 or more; default 64
     * @return this
     */
    public TokenCacheBuilder maxLookups(int lookups) {
        maxLookups = atLeastOne("maxLookups", lookups);
        return this;
    }

    /**
     * How many tokens this node keeps in memory, some 500 bytes each and their claims.
     *
     * @param tokens 1 or more; default 100,000
     * @return this
     */
    public TokenCacheBuilder maxTokens(int tokens) {
        maxTokens = atLeastOne("maxTokens", tokens);
        return this;
    }

    /**
     * How many inactive tokens this node keeps in memory, apart from the others, so that garbage pushes no good token out.
     *
     * @param tokens 1 or more; default 10,000
     * @return this
     */
    public TokenCacheBuilder maxNegatives(int tokens) {
        maxNegatives = atLeastOne("maxNegatives", tokens);
        return this;
    }

    /**
     * How long a token may be: longer ones are refused by their looks.
     *
     * @param characters 1 or more; default 8,192
     * @return this
     */
    public TokenCacheBuilder longestToken(int characters) {
        longestToken = atLeastOne("longestToken", characters);
        return this;
    }

    /**
     * Accepts a token a little longer if the introspector fails, for requests that ask for nothing but these scopes. Never after
     * its end, never once it was revoked here, and not while nobody can tell whether it was. Each time is an {@link
     * AuthEvent.AcceptedInGrace}.
     *
     * @param time more than zero, 60 s at most; off by default: without an answer there is no access
     * @param scopes at least one: such as let nobody change anything
     * @return this
     */
    public TokenCacheBuilder graceOnError(Duration time, String... scopes) {
        grace = within("graceOnError", time, Duration.ofMillis(1), LONGEST_GRACE);
        if (scopes.length == 0) {
            throw new IllegalArgumentException("graceOnError needs scopes: name those that let nobody change anything");
        }
        graceScopes = Set.copyOf(List.of(scopes));
        return this;
    }

    /**
     * Hears of what an audit wants to know, on the thread of the request: must not block, and what it throws is logged.
     *
     * @param newListener takes redacted events
     * @return this
     */
    public TokenCacheBuilder listener(Consumer<? super AuthEvent> newListener) {
        listener = Objects.requireNonNull(newListener, "listener");
        return this;
    }

    /**
     * Tells the time of day.
     *
     * @param newClock the system's by default
     * @return this
     */
    public TokenCacheBuilder clock(InstantSource newClock) {
        clock = Objects.requireNonNull(newClock, "clock");
        return this;
    }

    /**
     * What waiting and ageing is told by on this node, for tests that do not want to wait. Redis has its own.
     *
     * @param newClock as {@link System#nanoTime}, which is the default
     * @return this
     */
    public TokenCacheBuilder nanoClock(LongSupplier newClock) {
        nanoClock = Objects.requireNonNull(newClock, "nanoClock");
        return this;
    }

    /**
     * The cache. With Redis this blocks for one round trip at most; it succeeds also while Redis is away.
     *
     * @return a new cache; close it
     * @throws IllegalArgumentException if settings contradict each other
     */
    public TokenCache build() {
        if (link != null && !hasPepper) {
            throw new IllegalArgumentException(
                    "with Redis a pepper is needed, or who can read it can try guesses of subjects and weak tokens; set"
                            + " pepper(…) to 32 random bytes, the same on all nodes");
        }
        if (sealKeys != null && link == null) {
            throw new IllegalArgumentException(
                    "seal(…) encrypts what is in Redis, and there is none; set redis(…) too");
        }
        return new TokenCache(this);
    }

    private static Duration within(String what, Duration value, Duration least, Duration most) {
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
            throw new IllegalArgumentException(what + " " + value + " must be from " + least + " to " + most);
        }
        return value;
    }

    private static int atLeastOne(String what, int value) {
        if (value < 1) throw new IllegalArgumentException(what + " " + value + " must be at least 1");
        return value;
    }
}
