package dev.tenfold.auth;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.PlainHeader;
import com.nimbusds.jose.PlainObject;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSAEncrypter;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.OctetSequenceKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.EncryptedJWT;
import com.nimbusds.jwt.JWTClaimsSet;
import dev.tenfold.auth.LogoutToken.Reason;
import dev.tenfold.auth.LogoutToken.Refused;
import dev.tenfold.auth.LogoutToken.Valid;
import dev.tenfold.testkit.SettableClock;
import java.io.IOException;
import java.net.URI;
import java.security.Key;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One test an attack. */
class LogoutTokensTest {
    private static final String ISSUER = "https://id.example";
    private static final String EVENT = "http://schemas.openid.net/event/backchannel-logout";
    private static final long NOW = 1_900_000_000;

    private static RSAKey rsa;
    private static ECKey ec;
    private static RSAKey stranger;

    private final SettableClock clock = SettableClock.at(Instant.ofEpochSecond(NOW));
    private LogoutTokens tokens;

    @BeforeAll
    static void makeKeys() throws Exception {
        rsa = new RSAKeyGenerator(2048).keyID("r1").keyUse(KeyUse.SIGNATURE).generate();
        ec = new ECKeyGenerator(Curve.P_256).keyID("e1").generate();
        stranger = new RSAKeyGenerator(2048).keyID("r1").generate();
    }

    @BeforeEach
    void makeTokens() {
        tokens = LogoutTokens.of(ISSUER, "shop", new JWKSet(List.of(rsa, ec))).clock(clock);
    }

    private static Map<String, Object> claims() {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", ISSUER);
        claims.put("aud", "shop");
        claims.put("sub", "42");
        claims.put("sid", "s1");
        claims.put("iat", NOW - 1);
        claims.put("exp", NOW + 120);
        claims.put("jti", "j1");
        claims.put("events", Map.of(EVENT, Map.of()));
        return claims;
    }

    private static Map<String, Object> with(String name, Object value) {
        Map<String, Object> claims = claims();
        claims.put(name, value);
        return claims;
    }

    private static Map<String, Object> without(String name) {
        Map<String, Object> claims = claims();
        claims.remove(name);
        return claims;
    }

    private static JWSHeader.Builder header() {
        return new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("r1").type(new JOSEObjectType("logout+jwt"));
    }

    private static String signed(JWSHeader header, JWSSigner signer, String payload) throws Exception {
        JWSObject token = new JWSObject(header, new Payload(payload));
        token.sign(signer);
        return token.serialize();
    }

    private static String signed(JWSHeader.Builder header, Map<String, Object> claims) throws Exception {
        return signed(header.build(), new RSASSASigner(rsa), JSONObjectUtils.toJSONString(claims));
    }

    private static String signed(Map<String, Object> claims) throws Exception {
        return signed(header(), claims);
    }

    private void assertRefused(Reason reason, String token) throws Exception {
        assertThat(tokens.validate(token)).isEqualTo(new Refused(reason));
    }

    @Test
    void a_token_of_the_provider_is_valid() throws Exception {
        assertThat(tokens.validate(signed(claims()))).isEqualTo(new Valid(ISSUER, "42", "s1", "j1"));
        assertThat(tokens.validate(signed(with("jti", "j2")))).isInstanceOf(Valid.class);
    }

    @Test
    void subject_or_session_is_enough_and_the_audience_may_be_one_of_many() throws Exception {
        Map<String, Object> subject = without("sid");
        assertThat(tokens.validate(signed(subject))).isEqualTo(new Valid(ISSUER, "42", null, "j1"));
        Map<String, Object> session = without("sub");
        session.put("jti", "j2");
        session.put("aud", List.of("other", "shop"));
        assertThat(tokens.validate(signed(session))).isEqualTo(new Valid(ISSUER, null, "s1", "j2"));
    }

    @Test
    void elliptic_curves_are_accepted_and_the_long_form_of_the_type() throws Exception {
        JWSHeader header = new JWSHeader.Builder(JWSAlgorithm.ES256)
                .keyID("e1")
                .type(new JOSEObjectType("application/LOGOUT+JWT"))
                .build();
        assertThat(tokens.validate(signed(header, new ECDSASigner(ec), JSONObjectUtils.toJSONString(claims()))))
                .isInstanceOf(Valid.class);
    }

    @Test
    void a_key_is_found_without_a_key_id_too() throws Exception {
        assertThat(tokens.validate(signed(header().keyID(null), claims()))).isInstanceOf(Valid.class);
    }

    @Test
    void garbage_is_refused() throws Exception {
        for (String garbage : List.of("", ".", "..", "a.b.c", "null", "{}", "x".repeat(16_385), "ä", "e30.e30.")) {
            assertRefused(Reason.MALFORMED, garbage);
        }
        assertThat(tokens.validate(null)).isEqualTo(new Refused(Reason.MALFORMED));
    }

    @Test
    void a_token_without_a_signature_is_refused() throws Exception {
        PlainObject none = new PlainObject(
                new PlainHeader.Builder().type(new JOSEObjectType("logout+jwt")).build(),
                new Payload(JSONObjectUtils.toJSONString(claims())));
        assertRefused(Reason.ALGORITHM, none.serialize());
        String real = signed(claims());
        assertRefused(Reason.MALFORMED, real.substring(0, real.lastIndexOf('.') + 1));
    }

    @Test
    void a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() throws Exception {
        JWSHeader header = new JWSHeader.Builder(JWSAlgorithm.HS256)
                .keyID("r1")
                .type(new JOSEObjectType("logout+jwt"))
                .build();
        MACSigner signer = new MACSigner(rsa.toRSAPublicKey().getEncoded());
        assertRefused(Reason.ALGORITHM, signed(header, signer, JSONObjectUtils.toJSONString(claims())));
    }

    @Test
    void an_algorithm_that_is_not_on_the_list_is_refused() throws Exception {
        tokens = tokens.algorithms("ES256");
        assertRefused(Reason.ALGORITHM, signed(claims()));
        for (String bad : List.of("none", "HS256", "RS1", "")) {
            assertThatThrownBy(() -> tokens.algorithms(bad)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> tokens.algorithms()).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void an_encrypted_token_is_refused() throws Exception {
        EncryptedJWT encrypted = new EncryptedJWT(
                new JWEHeader(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A128GCM),
                new JWTClaimsSet.Builder().subject("42").build());
        encrypted.encrypt(new RSAEncrypter(rsa.toPublicJWK()));
        assertRefused(Reason.MALFORMED, encrypted.serialize());
    }

    @ParameterizedTest
    @ValueSource(strings = {"JWT", "at+jwt", "secevent+jwt", "logout", ""})
    void another_token_of_the_provider_is_refused_by_its_type(String type) throws Exception {
        assertRefused(Reason.TYPE, signed(header().type(type.isEmpty() ? null : new JOSEObjectType(type)), claims()));
    }

    @Test
    void an_untyped_token_is_accepted_on_demand_only_and_another_type_never() throws Exception {
        tokens = tokens.acceptUntyped();
        assertThat(tokens.validate(signed(header().type(null), with("jti", "a"))))
                .isInstanceOf(Valid.class);
        assertThat(tokens.validate(signed(header().type(JOSEObjectType.JWT), with("jti", "b"))))
                .isInstanceOf(Valid.class);
        assertRefused(Reason.TYPE, signed(header().type(new JOSEObjectType("at+jwt")), with("jti", "c")));
    }

    @Test
    void a_strangers_key_is_refused_under_whatever_id() throws Exception {
        String payload = JSONObjectUtils.toJSONString(claims());
        assertRefused(Reason.SIGNATURE, signed(header().build(), new RSASSASigner(stranger), payload));
        assertRefused(Reason.UNKNOWN_KEY, signed(header().keyID("r9").build(), new RSASSASigner(stranger), payload));
        assertRefused(Reason.UNKNOWN_KEY, signed(header().keyID("e1").build(), new RSASSASigner(stranger), payload));
    }

    @Test
    void a_key_that_the_token_brings_along_is_not_used() throws Exception {
        JWSHeader header = header().jwk(stranger.toPublicJWK())
                .jwkURL(URI.create("https://evil.example/jwks"))
                .build();
        assertRefused(
                Reason.SIGNATURE, signed(header, new RSASSASigner(stranger), JSONObjectUtils.toJSONString(claims())));
    }

    @Test
    void a_token_that_was_changed_is_refused() throws Exception {
        String real = signed(claims());
        int first = real.indexOf('.');
        int second = real.lastIndexOf('.');
        Base64URL other = Base64URL.encode(JSONObjectUtils.toJSONString(with("sub", "1")));
        assertRefused(Reason.SIGNATURE, real.substring(0, first + 1) + other + real.substring(second));
        assertRefused(Reason.SIGNATURE, real.substring(0, second + 1) + Base64URL.encode(new byte[256]));
        assertRefused(Reason.SIGNATURE, real.substring(0, second + 1) + Base64URL.encode("x"));
    }

    @Test
    void the_zero_signature_of_a_curve_is_refused() throws Exception {
        JWSHeader header = new JWSHeader.Builder(JWSAlgorithm.ES256)
                .keyID("e1")
                .type(new JOSEObjectType("logout+jwt"))
                .build();
        String head = header.toBase64URL() + "." + Base64URL.encode(JSONObjectUtils.toJSONString(claims())) + ".";
        assertRefused(Reason.SIGNATURE, head + Base64URL.encode(new byte[64]));
    }

    @Test
    void a_critical_header_that_is_not_known_is_refused() throws Exception {
        JWSHeader.Builder header = header().criticalParams(Set.of("exp")).customParam("exp", 1);
        assertRefused(Reason.SIGNATURE, signed(header, claims()));
    }

    @Test
    void another_issuer_is_refused() throws Exception {
        assertRefused(Reason.ISSUER, signed(with("iss", ISSUER + "/")));
        assertRefused(Reason.ISSUER, signed(without("iss")));
    }

    @Test
    void a_token_for_another_client_is_refused() throws Exception {
        assertRefused(Reason.AUDIENCE, signed(with("aud", "other")));
        assertRefused(Reason.AUDIENCE, signed(with("aud", List.of("shopping", "SHOP"))));
        assertRefused(Reason.AUDIENCE, signed(without("aud")));
    }

    @Test
    void a_token_from_the_past_or_the_future_is_refused() throws Exception {
        assertRefused(Reason.ISSUED_AT, signed(without("iat")));
        assertRefused(Reason.ISSUED_AT, signed(with("iat", NOW + 11)));
        assertRefused(Reason.ISSUED_AT, signed(with("iat", NOW - 130)));
        assertThat(tokens.validate(signed(with("iat", NOW + 10)))).isInstanceOf(Valid.class);
        Map<String, Object> oldest = with("iat", NOW - 129);
        oldest.put("jti", "j2");
        assertThat(tokens.validate(signed(oldest))).isInstanceOf(Valid.class);
        tokens = tokens.maxAge(ofSeconds(60)).clockSkew(ofSeconds(0));
        assertRefused(Reason.ISSUED_AT, signed(with("iat", NOW - 60)));
        assertRefused(Reason.ISSUED_AT, signed(with("iat", NOW + 1)));
    }

    @Test
    void a_token_that_has_expired_is_refused() throws Exception {
        assertRefused(Reason.EXPIRED, signed(with("exp", NOW - 10)));
        assertRefused(Reason.EXPIRED, signed(without("exp")));
        assertThat(tokens.validate(signed(with("exp", NOW - 9)))).isInstanceOf(Valid.class);
    }

    @Test
    void a_token_without_the_event_is_refused() throws Exception {
        assertRefused(Reason.EVENTS, signed(without("events")));
        assertRefused(Reason.EVENTS, signed(with("events", Map.of())));
        assertRefused(Reason.EVENTS, signed(with("events", Map.of(EVENT + "s", Map.of()))));
        assertRefused(Reason.EVENTS, signed(with("events", Map.of(EVENT, true))));
        assertRefused(Reason.EVENTS, signed(with("events", Map.of(EVENT, List.of()))));
        assertRefused(Reason.MALFORMED, signed(with("events", List.of(EVENT))));
    }

    @Test
    void a_token_with_a_nonce_is_refused_as_it_may_be_an_id_token() throws Exception {
        assertRefused(Reason.NONCE, signed(with("nonce", "n")));
        assertRefused(Reason.NONCE, signed(with("nonce", "")));
        String payload = JSONObjectUtils.toJSONString(claims()).replaceFirst("\\{", "{\"nonce\":null,");
        assertRefused(Reason.NONCE, signed(header().build(), new RSASSASigner(rsa), payload));
    }

    @Test
    void a_token_about_nobody_is_refused() throws Exception {
        Map<String, Object> nobody = without("sub");
        nobody.remove("sid");
        assertRefused(Reason.NOBODY, signed(nobody));
        nobody.put("sub", " ");
        assertRefused(Reason.NOBODY, signed(nobody));
        assertRefused(Reason.MALFORMED, signed(with("sid", "")));
    }

    @Test
    void a_token_without_an_identifier_is_refused() throws Exception {
        assertRefused(Reason.TOKEN_ID, signed(without("jti")));
        assertRefused(Reason.TOKEN_ID, signed(with("jti", "")));
    }

    @Test
    void claims_of_wrong_types_are_refused() throws Exception {
        Map<String, Object> wrong = Map.of(
                "iss", 1, "aud", 1, "iat", "now", "exp", "later", "events", "x", "sub", 42, "sid", List.of(), "jti", 7);
        for (Map.Entry<String, Object> one : wrong.entrySet()) {
            assertRefused(Reason.MALFORMED, signed(with(one.getKey(), one.getValue())));
        }
        for (String payload : List.of("[]", "x", "null", "{\"iss\":\"" + ISSUER + "\",\"iss\":\"x\"}")) {
            assertRefused(Reason.MALFORMED, signed(header().build(), new RSASSASigner(rsa), payload));
        }
    }

    @Test
    void a_token_is_valid_once() throws Exception {
        String token = signed(claims());
        assertThat(tokens.validate(token)).isInstanceOf(Valid.class);
        assertRefused(Reason.REPLAYED, token);
        assertRefused(Reason.REPLAYED, signed(with("sub", "1"))); // another token of the same identifier
        clock.advance(ofSeconds(128)); // the last second in which its own times permit it
        assertRefused(Reason.REPLAYED, token);
        clock.advance(ofSeconds(1));
        assertRefused(Reason.ISSUED_AT, token);
    }

    @Test
    void a_token_that_is_refused_does_not_use_up_its_identifier() throws Exception {
        assertRefused(Reason.AUDIENCE, signed(with("aud", "other")));
        assertRefused(Reason.SIGNATURE, signed(header().build(), new RSASSASigner(stranger), "{\"jti\":\"j1\"}"));
        assertThat(tokens.validate(signed(claims()))).isInstanceOf(Valid.class);
    }

    @Test
    void nodes_that_share_a_guard_accept_a_token_once_together() throws Exception {
        Map<String, Duration> seen = new LinkedHashMap<>();
        ReplayGuard shared = (id, keep) -> seen.putIfAbsent(id, keep) == null;
        tokens = tokens.replayGuard(shared);
        LogoutTokens other =
                LogoutTokens.of(ISSUER, "shop", new JWKSet(rsa)).clock(clock).replayGuard(shared);
        String token = signed(claims());
        assertThat(tokens.validate(token)).isInstanceOf(Valid.class);
        assertThat(other.validate(token)).isEqualTo(new Refused(Reason.REPLAYED));
        // iat - 1 s, two minutes and the skew: until then its own times permit it
        assertThat(seen).isEqualTo(Map.of(ISSUER + "\nshop\nj1", ofSeconds(129).plusMillis(1)));
        assertThat(tokens.validate(signed(with("jti", "j2")))).isInstanceOf(Valid.class);
    }

    @Test
    void the_memory_of_a_node_forgets_when_it_may_and_not_before() throws Exception {
        ReplayGuard memory = LogoutTokens.inMemory(100, clock.nanoClock());
        assertThat(memory.isNew("a", ofSeconds(10))).isTrue();
        clock.advance(ofSeconds(9));
        assertThat(memory.isNew("a", ofSeconds(10))).isFalse(); // and is not remembered for longer by that
        assertThat(memory.isNew("b", ofSeconds(10))).isTrue();
        clock.advance(ofSeconds(1));
        assertThat(memory.isNew("a", ofSeconds(10))).isTrue();
        assertThat(memory.isNew("b", ofSeconds(10))).isFalse();
    }

    @Test
    void keys_or_a_guard_that_cannot_tell_are_an_error_and_no_refusal() throws Exception {
        String token = signed(claims());
        LogoutTokens noKeys = LogoutTokens.of(ISSUER, "shop", header -> {
            throw new IOException("no keys now");
        });
        assertThatThrownBy(() -> noKeys.clock(clock).validate(token)).hasMessage("no keys now");
        assertThatThrownBy(() -> tokens.replayGuard((id, keep) -> {
                            throw new IOException("no Redis now");
                        })
                        .validate(token))
                .hasMessage("no Redis now");
        assertThat(tokens.validate(token)).isInstanceOf(Valid.class);
    }

    @Test
    void keys_are_only_asked_for_what_looks_right_and_few_are_tried() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        List<Key> many = new ArrayList<>(Collections.nCopies(4, stranger.toPublicKey()));
        many.add(rsa.toPublicKey());
        tokens = LogoutTokens.of(ISSUER, "shop", header -> {
                    asked.incrementAndGet();
                    return many;
                })
                .clock(clock);
        assertRefused(Reason.TYPE, signed(header().type(JOSEObjectType.JWT), claims()));
        assertRefused(Reason.MALFORMED, "garbage");
        assertThat(asked).hasValue(0);
        assertRefused(Reason.SIGNATURE, signed(claims()));
        many.set(1, ec.toPublicKey()); // of another type, which is passed over
        many.remove(0);
        assertThat(tokens.validate(signed(claims()))).isInstanceOf(Valid.class);
        assertThat(asked).hasValue(2);
    }

    @Test
    void a_key_for_encryption_does_not_verify() throws Exception {
        JWK encryption = new RSAKey.Builder(rsa).keyUse(KeyUse.ENCRYPTION).build();
        tokens = LogoutTokens.of(ISSUER, "shop", new JWKSet(encryption)).clock(clock);
        assertRefused(Reason.UNKNOWN_KEY, signed(claims()));
    }

    @Test
    void what_cannot_work_is_refused_when_it_is_made() throws Exception {
        JWKSet keys = new JWKSet(rsa);
        assertThatThrownBy(() -> LogoutTokens.of("", "shop", keys)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> LogoutTokens.of(ISSUER, "", keys)).isInstanceOf(IllegalArgumentException.class);
        JWKSet symmetric = new JWKSet(new OctetSequenceKeyGenerator(256).generate());
        for (JWKSet none : List.of(new JWKSet(), symmetric)) {
            assertThatThrownBy(() -> LogoutTokens.of(ISSUER, "shop", none))
                    .hasMessageStartingWith("keys have no RSA or EC key");
        }
        assertThatThrownBy(() -> tokens.maxAge(Duration.ZERO)).hasMessageStartingWith("maxAge PT0S must be");
        assertThatThrownBy(() -> tokens.maxAge(ofSeconds(3_601))).hasMessageStartingWith("maxAge");
        assertThatThrownBy(() -> tokens.clockSkew(ofSeconds(-1))).hasMessageStartingWith("clockSkew");
        assertThatThrownBy(() -> tokens.clockSkew(ofSeconds(301))).hasMessageStartingWith("clockSkew");
    }

    @Test
    void whom_it_speaks_of_does_not_show() throws Exception {
        assertThat(tokens.validate(signed(with("sub", "jo@example.com"))))
                .hasToString("Valid[issuer https://id.example, tokenId j1]");
    }
}
