package dev.tenfold.auth;

import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.RSAKey;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.SettableClock;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** JWTs that are cached, with an issuer that rotates its keys, and is asked for log-outs. */
class JwtTokenCacheTest {
    private static final String ISSUER = "https://id.example";
    private static final Require ANY = Require.audience("api");

    private final SettableClock clock = SettableClock.at(Instant.now());
    private KeyServer server;
    private JwtIntrospector jwt;
    private TokenCache tokens;

    @BeforeEach
    void start() throws Exception {
        server = new KeyServer();
        jwt = JwtIntrospector.of(
                ISSUER,
                server.uri(),
                o -> o.preload(false)
                        .clock(clock)
                        .nanoClock(clock.nanoClock())
                        .ttl(ofMinutes(5))
                        .timeout(ofSeconds(30)));
        tokens = TokenCache.builder(jwt)
                .clock(clock)
                .nanoClock(clock.nanoClock())
                .maxAge(ofMinutes(60))
                .lookupTimeout(ofMinutes(1))
                .build();
    }

    @AfterEach
    void stop() {
        tokens.close();
        jwt.close();
        server.close();
    }

    private Map<String, Object> claims(String id) {
        Map<String, Object> claims = new TreeMap<>();
        claims.put("iss", ISSUER);
        claims.put("sub", "42");
        claims.put("aud", List.of("api"));
        claims.put("jti", id);
        claims.put("iat", clock.instant().getEpochSecond() - 60);
        claims.put("exp", clock.instant().getEpochSecond() + 7_200);
        return claims;
    }

    private boolean isAccepted(String token) {
        return tokens.verify(Credential.bearer(token), ANY).isVerified();
    }

    @Test
    void a_signature_is_verified_once() throws Exception {
        RSAKey key = KeyServer.rsa("k1");
        server.serve(key);
        String token = KeyServer.sign(key, "RS256", Map.of("alg", "RS256", "typ", "at+jwt", "kid", "k1"), claims("a"));
        for (int i = 0; i < 5; i++) assertThat(isAccepted(token)).isTrue();
        assertThat(tokens.stats().lookups()).isOne();
        assertThat(isAccepted(token.substring(0, token.length() - 4) + "AAAA")).isFalse();
        assertThat(isAccepted(token.substring(0, 40))).isFalse();
    }

    @Test
    void what_a_dropped_key_has_signed_is_forgotten() throws Exception {
        RSAKey old = KeyServer.rsa("old");
        ECKey fresh = KeyServer.ec("fresh");
        server.serve(old, fresh);
        String byOld = KeyServer.sign(old, "RS256", Map.of("alg", "RS256", "typ", "at+jwt", "kid", "old"), claims("a"));
        String byFresh =
                KeyServer.sign(fresh, "ES256", Map.of("alg", "ES256", "typ", "at+jwt", "kid", "fresh"), claims("b"));
        assertThat(isAccepted(byOld)).isTrue();
        assertThat(isAccepted(byFresh)).isTrue();

        server.serve(fresh);
        clock.advance(ofMinutes(5));
        String other =
                KeyServer.sign(fresh, "ES256", Map.of("alg", "ES256", "typ", "at+jwt", "kid", "fresh"), claims("c"));
        assertThat(isAccepted(other)).isTrue(); // the keys are old: they are fetched in the background
        Await.until("the key's facts are forgotten", () -> !isAccepted(byOld));
        assertThat(isAccepted(byFresh)).isTrue();
    }

    @Test
    void the_other_form_of_a_curve_signature_is_revoked_too() throws Exception {
        ECKey key = KeyServer.ec("k");
        server.serve(key);
        String token = KeyServer.sign(key, "ES256", Map.of("alg", "ES256", "typ", "at+jwt", "kid", "k"), claims("a"));
        String twin = twin(token);
        assertThat(isAccepted(token)).isTrue();
        assertThat(isAccepted(twin)).isTrue();
        assertThat(tokens.revoke(Credential.bearer(token)).isDelivered()).isTrue();
        assertThat(isAccepted(token)).isFalse();
        assertThat(isAccepted(twin)).isFalse();
    }

    /** (r, n − s) verifies where (r, s) does. */
    private static String twin(String token) {
        int dot = token.lastIndexOf('.');
        byte[] signature = Base64.getUrlDecoder().decode(token.substring(dot + 1));
        BigInteger n = Curve.P_256.toECParameterSpec().getOrder();
        byte[] s = n.subtract(new BigInteger(1, Arrays.copyOfRange(signature, 32, 64)))
                .toByteArray();
        Arrays.fill(signature, 32, 64, (byte) 0);
        int length = Math.min(32, s.length);
        System.arraycopy(s, s.length - length, signature, 64 - length, length);
        return token.substring(0, dot + 1)
                + Base64.getUrlEncoder().withoutPadding().encodeToString(signature);
    }

    @Test
    void a_provider_logs_a_subject_out() throws Exception {
        RSAKey key = KeyServer.rsa("k");
        server.serve(key);
        LogoutTokens logouts = LogoutTokens.of(ISSUER, "api", jwt).clock(clock);
        String token = KeyServer.sign(key, "RS256", Map.of("alg", "RS256", "typ", "at+jwt", "kid", "k"), claims("a"));
        assertThat(isAccepted(token)).isTrue();
        Map<String, Object> claims = claims("logout-1");
        claims.put("iat", clock.instant().getEpochSecond());
        claims.put("exp", clock.instant().plus(ofSeconds(60)).getEpochSecond());
        claims.put("events", Map.of("http://schemas.openid.net/event/backchannel-logout", Map.of()));
        String logout = KeyServer.sign(key, "RS256", Map.of("alg", "RS256", "typ", "logout+jwt", "kid", "k"), claims);
        assertThat(isAccepted(logout)).as("a logout token is no access token").isFalse();

        LogoutToken valid = logouts.validate(logout);

        assertThat(valid).isInstanceOf(LogoutToken.Valid.class);
        assertThat(tokens.logoutAll(Subject.of(ISSUER, "42")).isDelivered()).isTrue();
        assertThat(isAccepted(token)).isFalse();
        assertThat(logouts.validate(logout)).isEqualTo(new LogoutToken.Refused(LogoutToken.Reason.REPLAYED));
    }
}
