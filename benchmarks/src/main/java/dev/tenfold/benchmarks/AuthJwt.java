package dev.tenfold.benchmarks;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.jwk.source.ImmutableJWKSet;
import dev.tenfold.auth.JwtIntrospector;
import dev.tenfold.auth.TokenCache;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/** What a JWT costs that was seen before, beside Spring Security, which verifies its signature each time. */
final class AuthJwt {
    private static final int BLOCK = 8;
    private static final int BLOCKS = 256;
    private static final int RSA_BITS = 2_048;
    private static final String KEY_ID = "key-1";
    private static final double NANOS_PER_MICRO = 1_000;

    private AuthJwt() {}

    static void run(Session session) throws Exception {
        RSAKey rsa = new RSAKeyGenerator(RSA_BITS)
                .keyID(KEY_ID)
                .keyUse(KeyUse.SIGNATURE)
                .algorithm(JWSAlgorithm.RS256)
                .generate();
        run(
                session,
                "nimbus-rs256",
                AuthTokens.signed(AuthTokens.TOKENS, JWSAlgorithm.RS256, KEY_ID, new RSASSASigner(rsa)),
                new JWKSet(rsa.toPublicJWK()),
                NimbusJwtDecoder.withPublicKey(rsa.toRSAPublicKey()).build(),
                "NimbusJwtDecoder.withPublicKey, RSA with " + RSA_BITS + " bits");
        ECKey ec = new ECKeyGenerator(Curve.P_256)
                .keyID(KEY_ID)
                .keyUse(KeyUse.SIGNATURE)
                .algorithm(JWSAlgorithm.ES256)
                .generate();
        JWKSet keys = new JWKSet(ec.toPublicJWK());
        run(
                session,
                "nimbus-es256",
                AuthTokens.signed(AuthTokens.TOKENS, JWSAlgorithm.ES256, KEY_ID, new ECDSASigner(ec)),
                keys,
                NimbusJwtDecoder.withJwkSource(new ImmutableJWKSet<>(keys))
                        .jwsAlgorithm(SignatureAlgorithm.ES256)
                        .build(),
                "NimbusJwtDecoder.withJwkSource, the key in memory");
    }

    private static void run(
            Session session, String peer, Map<String, String> subjects, JWKSet keys, JwtDecoder spring, String settings)
            throws Exception {
        String forged = forged(subjects.keySet().iterator().next());
        try {
            var unused = spring.decode(forged);
            throw new IllegalStateException(peer + " accepts a forged token");
        } catch (JwtException expected) {
            // So it looks at signatures.
        }
        try (AuthServer server = new AuthServer(Map.of(), keys.toString());
                JwtIntrospector introspector = JwtIntrospector.of(
                        AuthTokens.ISSUER,
                        server.uri("/keys"),
                        options -> options.algorithms(peer.endsWith("rs256") ? "RS256" : "ES256"));
                TokenCache cache = AuthTokens.inMemory(introspector)) {
            AuthTokens.verify(cache, subjects, forged);
            String[] drawn = AuthTokens.drawn(subjects, BLOCK * BLOCKS);
            List<Contender> contenders = List.of(
                    new Contender(
                            "ours",
                            "TokenCache in memory, maxAge 1 h, over JwtIntrospector; looks at audience and scope too",
                            AuthTokens.ours(cache, drawn, BLOCK)),
                    new Contender(peer, "Spring Security " + Versions.of("spring-security") + ", " + settings, page -> {
                        long sum = 0;
                        for (int i = page * BLOCK; i < (page + 1) * BLOCK; i++) {
                            sum += spring.decode(drawn[i]).getSubject().hashCode();
                        }
                        return sum;
                    }));
            session.say("");
            session.say("auth.jwt." + peer + ": " + subjects.size() + " JWTs of some " + drawn[0].length()
                    + " characters by Zipf's law, all seen before, one thread");
            session.settings(contenders);
            Samples samples = Rounds.run(
                    "auth.jwt." + peer, contenders, BLOCKS, AuthHit.effort(session.quick()), session.progress());
            session.say(samples.rounds("ours") + " rounds");
            session.emit(samples.row("auth.jwt." + peer, "ours", peer, "us/op", BLOCK * NANOS_PER_MICRO));
            long lookups = cache.stats().lookups();
            if (lookups != subjects.size() + 1) {
                throw new IllegalStateException(
                        lookups + " look-ups of " + subjects.size() + " tokens: not all were hits");
            }
        }
    }

    /** The token with another signature, of the right form. */
    static String forged(String token) {
        int signature = token.lastIndexOf('.') + 1;
        byte[] bytes = Base64.getUrlDecoder().decode(token.substring(signature));
        new Random(42).nextBytes(bytes);
        return token.substring(0, signature)
                + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
