package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.tenfold.auth.Credential;
import dev.tenfold.auth.Introspector;
import dev.tenfold.auth.Require;
import dev.tenfold.auth.TokenCache;
import dev.tenfold.auth.TokenCacheBuilder;
import dev.tenfold.auth.TokenFacts;
import dev.tenfold.redis.RedisLink;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;

/** Tokens of one issuer, what is required of them, and caches of them. */
final class AuthTokens {
    static final String ISSUER = "https://id.example";
    static final String AUDIENCE = "api";
    static final String SCOPE = "orders:read orders:write";
    static final Require REQUIRE = Require.audience(AUDIENCE).scope("orders:read");
    static final int TOKENS = 1_000;

    private static final byte[] PEPPER = "thirty-two bytes, and not random".getBytes(US_ASCII);
    private static final int BYTES = 32;

    private AuthTokens() {}

    static Instant issued() {
        return Instant.now().minusSeconds(60);
    }

    static Instant expires() {
        return Instant.now().plus(Duration.ofHours(12));
    }

    /** Subjects {@code user:0…} by an opaque token each, of 43 characters; the same for the same seed. */
    static Map<String, String> opaque(int tokens, long seed) {
        Random random = new Random(seed);
        Map<String, String> subjects = new LinkedHashMap<>();
        for (String subject : Popularity.names(tokens)) {
            subjects.put(random(random), subject);
        }
        return subjects;
    }

    /** A token that nobody issued. */
    static String random(Random random) {
        byte[] bytes = new byte[BYTES];
        random.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** Subjects {@code user:0…} by a JWT each. */
    static Map<String, String> signed(int tokens, JWSAlgorithm algorithm, String keyId, JWSSigner signer)
            throws JOSEException {
        Map<String, String> subjects = new LinkedHashMap<>();
        for (String subject : Popularity.names(tokens)) {
            JWSHeader header = new JWSHeader.Builder(algorithm)
                    .type(JOSEObjectType.JWT)
                    .keyID(keyId)
                    .build();
            JWTClaimsSet claims = new JWTClaimsSet.Builder()
                    .issuer(ISSUER)
                    .subject(subject)
                    .audience(AUDIENCE)
                    .claim("scope", SCOPE)
                    .claim("client_id", "shop")
                    .issueTime(Date.from(issued()))
                    .expirationTime(Date.from(expires()))
                    .jwtID("jti-" + subject)
                    .build();
            SignedJWT jwt = new SignedJWT(header, claims);
            jwt.sign(signer);
            subjects.put(jwt.serialize(), subject);
        }
        return subjects;
    }

    /** Which tokens request after request brings, by Zipf's law. */
    static String[] drawn(Map<String, String> subjects, int requests) {
        Map<String, String> tokens = new LinkedHashMap<>();
        subjects.forEach((token, subject) -> tokens.put(subject, token));
        String[] names = Popularity.zipf(subjects.size(), requests, 42);
        String[] drawn = new String[requests];
        for (int i = 0; i < requests; i++) {
            String token = tokens.get(names[i]);
            if (token == null) throw new IllegalStateException("no token of " + names[i]);
            drawn[i] = token;
        }
        return drawn;
    }

    /** What an introspector would say of an active token. */
    static TokenFacts facts(String subject) {
        return TokenFacts.of(ISSUER, subject)
                .audience(AUDIENCE)
                .scope("orders:read", "orders:write")
                .clientId("shop")
                .issuedAt(issued())
                .expiresAt(expires())
                .build();
    }

    /** A cache in memory that asks for each token once a run. */
    static TokenCache inMemory(Introspector introspector) {
        return TokenCache.builder(introspector).maxAge(Duration.ofHours(1)).build();
    }

    /** One node's cache. */
    static TokenCache node(Introspector introspector, RedisLink link, UnaryOperator<TokenCacheBuilder> options) {
        return options.apply(TokenCache.builder(introspector).redis(link).pepper(PEPPER))
                .build();
    }

    /** @throws IllegalStateException if the token is not good, or not the subject's */
    static String subject(TokenCache cache, String token) {
        String subject = cache.verify(Credential.bearer(token), REQUIRE).facts().subject();
        if (subject == null) throw new IllegalStateException("ours does not tell whom a token speaks for");
        return subject;
    }

    /** Verifies that a cache knows each token's subject, and accepts no other token; fills it. */
    static void verify(TokenCache cache, Map<String, String> subjects, String unknown) {
        subjects.forEach((token, subject) -> {
            if (!subject.equals(subject(cache, token))) {
                throw new IllegalStateException("ours takes the token of " + subject + " for another's");
            }
        });
        if (cache.verify(Credential.bearer(unknown), REQUIRE).isVerified()) {
            throw new IllegalStateException("ours accepts a token that nobody issued");
        }
    }

    /** Requests of some tokens each: the subjects, as a checksum. */
    static Contender.Request ours(TokenCache cache, String[] drawn, int block) {
        return page -> {
            long sum = 0;
            for (int i = page * block; i < (page + 1) * block; i++) {
                sum += subject(cache, drawn[i]).hashCode();
            }
            return sum;
        };
    }
}
