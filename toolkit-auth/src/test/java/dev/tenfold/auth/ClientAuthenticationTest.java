package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.OctetSequenceKey;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.OctetSequenceKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ClientAuthenticationTest {
    private static final String AUDIENCE = "https://id.example/token";

    private final SettableClock clock = SettableClock.at(Instant.parse("2030-01-02T03:04:05Z"));

    private StubServer server;

    @BeforeEach
    void start() throws Exception {
        server = StubServer.start();
        server.replyJson("{\"active\":false}");
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private StubServer.Request asked(ClientAuthentication authentication) throws Exception {
        try (HttpIntrospector introspector = HttpIntrospector.of(
                server.uri("/introspect"),
                authentication,
                o -> TokenEndpointTest.patient(o).clock(clock))) {
            assertThat(introspector.introspect("t")).isNull();
        }
        return server.last();
    }

    @Test
    void basic_encodes_as_a_form_before_it_encodes_as_base64() throws Exception {
        StubServer.Request request = asked(ClientAuthentication.basic("shop:1 ä", "p%s+ /ö&=:~"));
        String header = request.header("Authorization");
        assertThat(header).startsWith("Basic ");
        assertThat(new String(Base64.getDecoder().decode(header.substring(6)), UTF_8))
                .isEqualTo("shop%3A1+%C3%A4:p%25s%2B+%2F%C3%B6%26%3D%3A%7E");
        assertThat(request.body()).isEqualTo("token=t&token_type_hint=access_token");
    }

    @Test
    void post_sends_id_and_secret_in_the_form() throws Exception {
        StubServer.Request request = asked(ClientAuthentication.post("shop", "p%s+ /ö&="));
        assertThat(request.body())
                .isEqualTo(
                        "token=t&token_type_hint=access_token&client_id=shop&client_secret=p%25s%2B+%2F%C3%B6%26%3D");
        assertThat(request.headers()).doesNotContainKey("Authorization");
    }

    @Test
    void none_sends_the_id_alone() throws Exception {
        StubServer.Request request = asked(ClientAuthentication.none("shop"));
        assertThat(request.form())
                .isEqualTo(Map.of("token", "t", "token_type_hint", "access_token", "client_id", "shop"));
        assertThat(request.headers()).doesNotContainKey("Authorization");
    }

    @Test
    void bearer_asks_for_its_token_each_time() throws Exception {
        int[] count = {0};
        ClientAuthentication bearer = ClientAuthentication.bearer("shop", () -> "own-" + ++count[0]);
        assertThat(asked(bearer).header("Authorization")).isEqualTo("Bearer own-1");
        assertThat(asked(bearer).header("Authorization")).isEqualTo("Bearer own-2");
    }

    @Test
    void bearer_refuses_a_token_that_would_break_the_header_without_showing_it() {
        ClientAuthentication bearer = ClientAuthentication.bearer("shop", () -> "own\r\nX-Evil: 1");
        assertThatThrownBy(() -> asked(bearer))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("bearer token of client shop")
                .hasMessageNotContaining("Evil");
        assertThat(server.requests()).isEmpty();
    }

    @Test
    void private_key_signs_a_fresh_assertion_for_each_request() throws Exception {
        RSAKey key = new RSAKeyGenerator(2048).keyID("k1").generate();
        ClientAuthentication signed = ClientAuthentication.privateKeyJwt("shop", key, AUDIENCE);
        SignedJWT first = assertion(asked(signed));
        clock.advance(Duration.ofSeconds(7));
        SignedJWT second = assertion(asked(signed));

        for (SignedJWT jwt : new SignedJWT[] {first, second}) {
            assertThat(jwt.getHeader().getAlgorithm()).isEqualTo(JWSAlgorithm.RS256);
            assertThat(jwt.getHeader().getKeyID()).isEqualTo("k1");
            assertThat(jwt.verify(new RSASSAVerifier(key.toPublicJWK()))).isTrue();
            JWTClaimsSet claims = jwt.getJWTClaimsSet();
            assertThat(claims.getIssuer()).isEqualTo("shop");
            assertThat(claims.getSubject()).isEqualTo("shop");
            assertThat(claims.getAudience()).containsExactly(AUDIENCE);
        }
        JWTClaimsSet claims = first.getJWTClaimsSet();
        assertThat(claims.getIssueTime()).isEqualTo(Date.from(Instant.parse("2030-01-02T03:04:05Z")));
        assertThat(claims.getExpirationTime()).isEqualTo(Date.from(Instant.parse("2030-01-02T03:05:05Z")));
        assertThat(second.getJWTClaimsSet().getIssueTime()).isEqualTo(Date.from(Instant.parse("2030-01-02T03:04:12Z")));
        assertThat(second.getJWTClaimsSet().getJWTID()).isNotEqualTo(claims.getJWTID());
    }

    @Test
    void private_key_follows_the_curve_or_its_own_algorithm() throws Exception {
        for (Map.Entry<Curve, JWSAlgorithm> pair : Map.of(
                        Curve.P_256,
                        JWSAlgorithm.ES256,
                        Curve.P_384,
                        JWSAlgorithm.ES384,
                        Curve.P_521,
                        JWSAlgorithm.ES512)
                .entrySet()) {
            ECKey key = new ECKeyGenerator(pair.getKey()).generate();
            SignedJWT jwt = assertion(asked(ClientAuthentication.privateKeyJwt("shop", key, AUDIENCE)));
            assertThat(jwt.getHeader().getAlgorithm()).isEqualTo(pair.getValue());
            assertThat(jwt.verify(new ECDSAVerifier(key.toPublicJWK()))).isTrue();
        }
        RSAKey pss = new RSAKeyGenerator(2048).algorithm(JWSAlgorithm.PS384).generate();
        SignedJWT jwt = assertion(asked(ClientAuthentication.privateKeyJwt("shop", pss, AUDIENCE)));
        assertThat(jwt.getHeader().getAlgorithm()).isEqualTo(JWSAlgorithm.PS384);
        assertThat(jwt.verify(new RSASSAVerifier(pss.toPublicJWK()))).isTrue();
    }

    private static SignedJWT assertion(StubServer.Request request) throws Exception {
        Map<String, String> form = request.form();
        assertThat(form)
                .containsEntry("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                .containsEntry("client_id", "shop")
                .doesNotContainKey("client_secret");
        return SignedJWT.parse(String.valueOf(form.get("client_assertion")));
    }

    @Test
    void private_key_refuses_a_key_that_cannot_sign() throws Exception {
        RSAKey rsa = new RSAKeyGenerator(2048).generate();
        OctetSequenceKey shared = new OctetSequenceKeyGenerator(256).generate();
        JWK misfit = new RSAKey.Builder(rsa).algorithm(JWSAlgorithm.ES256).build();
        JWK symmetric = new RSAKey.Builder(rsa).algorithm(JWSAlgorithm.HS256).build();
        for (JWK key : new JWK[] {rsa.toPublicJWK(), shared, misfit, symmetric}) {
            assertThatThrownBy(() -> ClientAuthentication.privateKeyJwt("shop", key, AUDIENCE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("privateKeyJwt");
        }
    }

    @Test
    void what_is_empty_is_refused() throws Exception {
        RSAKey rsa = new RSAKeyGenerator(2048).generate();
        assertThatThrownBy(() -> ClientAuthentication.basic("", "s")).hasMessageStartingWith("clientId is empty");
        assertThatThrownBy(() -> ClientAuthentication.basic("c", "")).hasMessageStartingWith("clientSecret is empty");
        assertThatThrownBy(() -> ClientAuthentication.post("c", "")).hasMessageStartingWith("clientSecret is empty");
        assertThatThrownBy(() -> ClientAuthentication.none("")).hasMessageStartingWith("clientId is empty");
        assertThatThrownBy(() -> ClientAuthentication.privateKeyJwt("c", rsa, ""))
                .hasMessageStartingWith("audience is empty");
    }

    @Test
    void secrets_do_not_show() throws Exception {
        RSAKey rsa = new RSAKeyGenerator(2048).generate();
        assertThat(ClientAuthentication.basic("shop", "hush")).hasToString("client shop by client_secret_basic");
        assertThat(ClientAuthentication.post("shop", "hush")).hasToString("client shop by client_secret_post");
        assertThat(ClientAuthentication.bearer("shop", () -> "hush")).hasToString("client shop by bearer");
        assertThat(ClientAuthentication.none("shop")).hasToString("client shop by none");
        assertThat(ClientAuthentication.privateKeyJwt("shop", rsa, AUDIENCE))
                .hasToString("client shop by private_key_jwt");
    }
}
