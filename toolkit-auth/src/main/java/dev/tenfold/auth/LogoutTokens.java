package dev.tenfold.auth;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.factories.DefaultJWSVerifierFactory;
import com.nimbusds.jose.jwk.AsymmetricJWK;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKMatcher;
import com.nimbusds.jose.jwk.JWKSelector;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jwt.JWT;
import com.nimbusds.jwt.JWTParser;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.tenfold.auth.LogoutToken.Reason;
import dev.tenfold.auth.LogoutToken.Refused;
import dev.tenfold.auth.LogoutToken.Valid;
import java.security.Key;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Validates the logout tokens that an OpenID provider posts to a client ({@code logout_token}), by sections 2.4 to 2.6 of OpenID
 * Connect Back-Channel Logout 1.0.
 *
 * <pre>{@code
 * LogoutTokens tokens = LogoutTokens.of("https://id.example", "shop", keys);
 * if (tokens.validate(request.getParameter("logout_token")) instanceof LogoutToken.Valid logout) end(logout);
 * }</pre>
 *
 * <p>A valid token is remembered before it is returned. If you cannot do what it demands, try again by yourself: should the
 * provider send it again, it is refused as a replay.
 *
 * <p>What a token brings is never asked for keys or addresses ({@code jwk}, {@code jku}, {@code x5u}, {@code x5c}). Encrypted
 * logout tokens are not supported. The memory of one node holds 100,000 tokens: what was seen before that many others may be
 * taken for new, within its times; and a token may be replayed to another node once, unless they share a {@link ReplayGuard}.
 *
 * <p>Costs a signature's verification for a token that looks right, and no I/O but that of the keys and the guard. Immutable, and
 * safe for use by many threads. It needs nimbus-jose-jwt.
 */
public final class LogoutTokens {
    private static final String EVENT = "http://schemas.openid.net/event/backchannel-logout";
    private static final int LONGEST_TOKEN = 16_384;
    private static final int MOST_REMEMBERED = 100_000;

    /** More than a provider has that rotates its keys; verifying takes up to a millisecond each. */
    private static final int MOST_CANDIDATES = 4;

    /** What a client and a provider that know nothing of each other can use; Ed25519 would need Tink. */
    private static final Set<JWSAlgorithm> ASYMMETRIC = Set.of(
            JWSAlgorithm.RS256,
            JWSAlgorithm.RS384,
            JWSAlgorithm.RS512,
            JWSAlgorithm.PS256,
            JWSAlgorithm.PS384,
            JWSAlgorithm.PS512,
            JWSAlgorithm.ES256,
            JWSAlgorithm.ES384,
            JWSAlgorithm.ES512);

    private final String issuer;
    private final String clientId;
    private final Keys keys;
    private final Values values;

    /** Who has the issuer's public keys. */
    @FunctionalInterface
    interface Keys {
        /**
         * Those that may have signed.
         *
         * @param header of a token whose signature is not verified yet
         * @return the likeliest first; empty if the issuer has none
         * @throws Exception if that cannot be told now
         */
        List<? extends Key> candidates(JWSHeader header) throws Exception;
    }

    private record Values(
            Set<JWSAlgorithm> algorithms,
            boolean untyped,
            Duration maxAge,
            Duration skew,
            InstantSource clock,
            ReplayGuard guard) {}

    private LogoutTokens(String issuer, String clientId, Keys keys, Values values) {
        this.issuer = issuer;
        this.clientId = clientId;
        this.keys = keys;
        this.values = values;
    }

    /**
     * Validates with keys that do not change.
     *
     * @param issuer the provider's identifier, to the letter
     * @param clientId of this client at the provider
     * @param keys the provider's; of pairs, the public key is kept
     * @return a validator
     * @throws IllegalArgumentException if issuer or client are empty, or there is no asymmetric key
     */
    public static LogoutTokens of(String issuer, String clientId, JWKSet keys) {
        JWKSet known = keys.toPublicJWKSet();
        if (known.getKeys().stream().noneMatch(AsymmetricJWK.class::isInstance)) {
            throw new IllegalArgumentException(
                    "keys have no RSA or EC key; give what the jwks_uri of the provider has");
        }
        return of(issuer, clientId, header -> candidates(known, header));
    }

    private static List<Key> candidates(JWKSet known, JWSHeader header) throws JOSEException {
        JWKMatcher matcher = JWKMatcher.forJWSHeader(header);
        if (matcher == null) return List.of();
        List<Key> candidates = new ArrayList<>();
        for (JWK key : new JWKSelector(matcher).select(known)) {
            if (key instanceof AsymmetricJWK pair) candidates.add(pair.toPublicKey());
        }
        return candidates;
    }

    /** Validates with keys that somebody else keeps. */
    static LogoutTokens of(String issuer, String clientId, Keys keys) {
        if (issuer.isEmpty() || clientId.isEmpty()) {
            throw new IllegalArgumentException(
                    "issuer and clientId must not be empty; give the provider's identifier and this client's at it");
        }
        Values defaults = new Values(
                ASYMMETRIC,
                false,
                Duration.ofMinutes(2),
                Duration.ofSeconds(10),
                InstantSource.system(),
                inMemory(MOST_REMEMBERED, System::nanoTime));
        return new LogoutTokens(issuer, clientId, keys, defaults);
    }

    /** The memory of one node. */
    static ReplayGuard inMemory(int most, LongSupplier nanoClock) {
        Cache<String, Duration> seen = Caffeine.newBuilder()
                .maximumSize(most)
                .ticker(nanoClock::getAsLong)
                .expireAfter(new Expiry<String, Duration>() {
                    @Override
                    public long expireAfterCreate(String id, Duration keep, long now) {
                        return keep.toNanos();
                    }

                    @Override
                    public long expireAfterUpdate(String id, Duration keep, long now, long left) {
                        return left;
                    }

                    @Override
                    public long expireAfterRead(String id, Duration keep, long now, long left) {
                        return left;
                    }
                })
                .build();
        return (id, keep) -> seen.asMap().putIfAbsent(id, keep) == null;
    }

    /**
     * Takes tokens without a {@code typ}, or with {@code JWT}, too: those of providers from before the standard was final. By
     * default only {@code logout+jwt}, so that no other token of the provider can pass for a logout token.
     *
     * @return a changed validator
     */
    public LogoutTokens acceptUntyped() {
        return with(new Values(values.algorithms, true, values.maxAge, values.skew, values.clock, values.guard));
    }

    /**
     * Which signatures are taken.
     *
     * @param names of asymmetric algorithms; by default RS, PS and ES, each with 256, 384 and 512. Name the one that the
     *     provider uses
     * @return a changed validator
     * @throws IllegalArgumentException for others, or none
     */
    public LogoutTokens algorithms(String... names) {
        Set<JWSAlgorithm> algorithms =
                Arrays.stream(names).map(JWSAlgorithm::parse).collect(Collectors.toSet());
        if (algorithms.isEmpty() || !ASYMMETRIC.containsAll(algorithms)) {
            throw new IllegalArgumentException("algorithms " + Arrays.toString(names)
                    + " must be one or more of RS, PS and ES with 256, 384 or 512");
        }
        return with(new Values(algorithms, values.untyped, values.maxAge, values.skew, values.clock, values.guard));
    }

    /**
     * How long after {@code iat} a token is taken, besides its own {@code exp}. It is remembered for as long.
     *
     * @param age 1 s to 1 h; default 2 minutes
     * @return a changed validator
     * @throws IllegalArgumentException for anything else
     */
    public LogoutTokens maxAge(Duration age) {
        if (age.compareTo(Duration.ofSeconds(1)) < 0 || age.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException("maxAge " + age + " must be from 1 s to 1 h");
        }
        return with(new Values(values.algorithms, values.untyped, age, values.skew, values.clock, values.guard));
    }

    /**
     * By how much the provider's clock may differ.
     *
     * @param skew up to 5 minutes; default 10 s
     * @return a changed validator
     * @throws IllegalArgumentException for anything else
     */
    public LogoutTokens clockSkew(Duration skew) {
        if (skew.isNegative() || skew.compareTo(Duration.ofMinutes(5)) > 0) {
            throw new IllegalArgumentException("clockSkew " + skew + " must be from 0 to 5 minutes");
        }
        return with(new Values(values.algorithms, values.untyped, values.maxAge, skew, values.clock, values.guard));
    }

    /**
     * The clock that {@code iat} and {@code exp} are compared with.
     *
     * @param clock by default the system's
     * @return a changed validator
     */
    public LogoutTokens clock(InstantSource clock) {
        return with(new Values(values.algorithms, values.untyped, values.maxAge, values.skew, clock, values.guard));
    }

    /**
     * Who remembers the tokens that have been seen.
     *
     * @param guard by default this node's memory
     * @return a changed validator
     */
    public LogoutTokens replayGuard(ReplayGuard guard) {
        return with(new Values(values.algorithms, values.untyped, values.maxAge, values.skew, values.clock, guard));
    }

    private LogoutTokens with(Values changed) {
        return new LogoutTokens(issuer, clientId, keys, changed);
    }

    /**
     * Validates a token. Blocks for the keys and the guard only.
     *
     * @param token the parameter {@code logout_token}, whatever came in; null if there was none
     * @return {@link Valid}, once only for each token; or {@link Refused}
     * @throws Exception if the keys, or the guard, cannot tell now: reply with status 503, and the provider may try again
     */
    public LogoutToken validate(@Nullable String token) throws Exception {
        if (token == null || token.length() > LONGEST_TOKEN) return new Refused(Reason.MALFORMED);
        JWT parsed;
        try {
            parsed = JWTParser.parse(token);
        } catch (ParseException | IllegalArgumentException e) {
            return new Refused(Reason.MALFORMED);
        }
        if (parsed instanceof PlainJWT) return new Refused(Reason.ALGORITHM);
        if (!(parsed instanceof SignedJWT jwt)) return new Refused(Reason.MALFORMED);
        Reason wrong = wrongHeader(jwt.getHeader());
        if (wrong == null) wrong = wrongSignature(jwt);
        if (wrong != null) return new Refused(wrong);
        try {
            return claimed(JsonClaims.parse(jwt.getPayload().toBytes()));
        } catch (ParseException e) {
            return new Refused(Reason.MALFORMED);
        }
    }

    private @Nullable Reason wrongHeader(JWSHeader header) {
        if (!values.algorithms.contains(header.getAlgorithm())) return Reason.ALGORITHM;
        String type = header.getType() == null ? "" : header.getType().getType().toLowerCase(Locale.ROOT);
        boolean right = type.equals("logout+jwt") || type.equals("application/logout+jwt");
        boolean untyped = type.isEmpty() || type.equals("jwt");
        return right || (values.untyped && untyped) ? null : Reason.TYPE;
    }

    private @Nullable Reason wrongSignature(SignedJWT jwt) throws Exception {
        Reason wrong = Reason.UNKNOWN_KEY;
        List<? extends Key> candidates = keys.candidates(jwt.getHeader());
        for (Key key : candidates.subList(0, Math.min(MOST_CANDIDATES, candidates.size()))) {
            JWSVerifier verifier;
            try {
                verifier = new DefaultJWSVerifierFactory().createJWSVerifier(jwt.getHeader(), key);
            } catch (JOSEException e) {
                continue; // of another type than the algorithm, or on another curve
            }
            if (verifies(jwt, verifier)) return null;
            wrong = Reason.SIGNATURE;
        }
        return wrong;
    }

    private static boolean verifies(SignedJWT jwt, JWSVerifier verifier) {
        try {
            return jwt.verify(verifier);
        } catch (JOSEException e) {
            return false; // a signature of a length or a form that this algorithm has not
        }
    }

    private LogoutToken claimed(JsonClaims claims) throws Exception {
        Instant now = values.clock.instant();
        if (!issuer.equals(claims.text("iss"))) return new Refused(Reason.ISSUER);
        if (!claims.texts("aud").contains(clientId)) return new Refused(Reason.AUDIENCE);

        Instant issuedAt = claims.time("iat");
        if (issuedAt == null || issuedAt.isAfter(now.plus(values.skew))) return new Refused(Reason.ISSUED_AT);
        Instant tooOld = issuedAt.plus(values.maxAge).plus(values.skew);
        if (!now.isBefore(tooOld)) return new Refused(Reason.ISSUED_AT);
        Instant expiresAt = claims.time("exp");
        if (expiresAt == null || !now.isBefore(expiresAt.plus(values.skew))) return new Refused(Reason.EXPIRED);

        Map<String, Object> events = claims.object("events");
        if (events == null || !(events.get(EVENT) instanceof Map)) return new Refused(Reason.EVENTS);
        if (claims.has("nonce")) return new Refused(Reason.NONCE);
        String subject = claims.text("sub");
        String session = claims.text("sid");
        if (isBlank(subject) && isBlank(session)) return new Refused(Reason.NOBODY);
        if ((subject != null && subject.isBlank()) || (session != null && session.isBlank())) {
            return new Refused(Reason.MALFORMED);
        }
        String tokenId = claims.text("jti");
        if (tokenId == null || tokenId.isBlank()) return new Refused(Reason.TOKEN_ID);

        // Last, so that only what the issuer made takes up memory; and until its own times refuse it.
        Instant until = expiresAt.plus(values.skew);
        Duration keep =
                Duration.between(now, until.isBefore(tooOld) ? until : tooOld).plusMillis(1);
        boolean seen = !values.guard.isNew(issuer + "\n" + clientId + "\n" + tokenId, keep);
        return seen ? new Refused(Reason.REPLAYED) : new Valid(issuer, subject, session, tokenId);
    }

    private static boolean isBlank(@Nullable String text) {
        return text == null || text.isBlank();
    }

    /** The issuer and the client. */
    @Override
    public String toString() {
        return "logout tokens of " + issuer + " for " + clientId;
    }
}
