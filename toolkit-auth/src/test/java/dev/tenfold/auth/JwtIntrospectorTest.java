package dev.tenfold.auth;

import static dev.tenfold.auth.KeyServer.base64;
import static dev.tenfold.auth.KeyServer.sign;
import static dev.tenfold.auth.KeyServer.unsigned;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.Algorithm;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.KeyOperation;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import dev.tenfold.testkit.SettableClock;
import java.math.BigInteger;
import java.net.URI;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class JwtIntrospectorTest {
    private static final String ISSUER = "https://id.example";
    private static final Instant NOW = Instant.parse("2030-01-01T00:00:00Z");
    private static final long T = NOW.getEpochSecond();

    private static RSAKey rsa;
    private static RSAKey otherRsa;
    private static ECKey ec;

    private final SettableClock clock = SettableClock.at(NOW);
    private KeyServer server;
    private final List<JwtIntrospector> open = new ArrayList<>();

    @BeforeAll
    static void makeKeys() throws Exception {
        rsa = KeyServer.rsa("r");
        otherRsa = KeyServer.rsa("r");
        ec = KeyServer.ec("e");
    }

    @BeforeEach
    void start() throws Exception {
        server = new KeyServer();
        server.serve(rsa, ec);
    }

    @AfterEach
    void stop() {
        open.forEach(JwtIntrospector::close);
        server.close();
    }

    private JwtIntrospector jwt(UnaryOperator<JwtOptions> options) {
        JwtIntrospector made = JwtIntrospector.of(
                ISSUER,
                server.uri(),
                o -> options.apply(o.clock(clock)
                        .nanoClock(clock.nanoClock())
                        .preload(false)
                        .timeout(Duration.ofSeconds(30))));
        open.add(made);
        return made;
    }

    private JwtIntrospector jwt() {
        return jwt(o -> o);
    }

    private static Map<String, Object> header(String alg, @Nullable String kid, Object... more) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("alg", alg);
        if (kid != null) header.put("kid", kid);
        for (int i = 0; i < more.length; i += 2) header.put((String) more[i], more[i + 1]);
        return header;
    }

    /** Valid ones, with changes; a change to null takes one away. */
    private static Map<String, Object> claims(@Nullable Object... more) {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", ISSUER);
        claims.put("sub", "42");
        claims.put("iat", T);
        claims.put("exp", T + 300);
        for (int i = 0; i < more.length; i += 2) {
            String name = (String) more[i];
            if (more[i + 1] == null) claims.remove(name);
            else claims.put(name, more[i + 1]);
        }
        return claims;
    }

    private static String token(@Nullable Object... claims) throws Exception {
        return sign(rsa, "RS256", header("RS256", "r"), claims(claims));
    }

    // ---- what is accepted -------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
    void rsa_signatures_are_verified(String algorithm) throws Exception {
        JwtIntrospector jwt = jwt(o -> o.algorithms(algorithm));
        assertThat(jwt.introspect(sign(rsa, algorithm, header(algorithm, "r"), claims())))
                .isNotNull();
        assertThat(jwt.introspect(sign(otherRsa, algorithm, header(algorithm, "r"), claims())))
                .as("signed by another key with the same id")
                .isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ES256", "ES384", "ES512"})
    void elliptic_curve_signatures_are_verified(String algorithm) throws Exception {
        Curve curve =
                Curve.forJWSAlgorithm(JWSAlgorithm.parse(algorithm)).iterator().next();
        ECKey key = new ECKeyGenerator(curve).keyID("k").generate();
        ECKey other = new ECKeyGenerator(curve).keyID("k").generate();
        server.serve(key);
        JwtIntrospector jwt = jwt(o -> o.algorithms(algorithm));
        assertThat(jwt.introspect(sign(key, algorithm, header(algorithm, "k"), claims())))
                .isNotNull();
        assertThat(jwt.introspect(sign(other, algorithm, header(algorithm, "k"), claims())))
                .isNull();
    }

    @Test
    void all_claims_become_facts() throws Exception {
        Map<String, Object> confirmation = Map.of("jkt", "thumb", "other", Map.of("a", 1));
        TokenFacts facts = jwt().introspect(token(
                "aud",
                List.of("api", "web"),
                "scope",
                "orders:read  orders:write",
                "client_id",
                "shop",
                "azp",
                "ignored",
                "sid",
                "s1",
                "jti",
                "t1",
                "nbf",
                T - 1,
                "cnf",
                confirmation,
                "roles",
                List.of("a", "b"),
                "level",
                3,
                "ratio",
                0.5,
                "nested",
                Map.of("x", true)));
        assertThat(facts)
                .isEqualTo(TokenFacts.of(ISSUER, "42")
                        .audience("api", "web")
                        .scope("orders:read", "orders:write")
                        .clientId("shop")
                        .sessionId("s1")
                        .tokenId("t1")
                        .issuedAt(NOW)
                        .notBefore(NOW.minusSeconds(1))
                        .expiresAt(NOW.plusSeconds(300))
                        .confirmation("jkt", "thumb")
                        .claim("azp", "ignored")
                        .claim("roles", List.of("a", "b"))
                        .claim("level", 3)
                        .claim("ratio", 0.5)
                        .claim("nested", Map.of("x", true))
                        .key(ISSUER + " " + rsa.computeThumbprint())
                        .build());
    }

    @Test
    void azp_and_scp_stand_in_where_client_id_and_scope_are_missing() throws Exception {
        TokenFacts facts =
                requireNonNull(jwt().introspect(token("azp", "shop", "scp", List.of("a", "b c"), "aud", "api")));
        assertThat(facts.clientId()).isEqualTo("shop");
        assertThat(facts.scopes()).containsExactly("a", "b", "c");
        assertThat(facts.audience()).containsExactly("api");
    }

    @Test
    void a_token_without_kid_is_tried_with_keys_that_suit() throws Exception {
        server.serve(ec, otherRsa, rsa);
        JwtIntrospector jwt = jwt();
        TokenFacts facts = requireNonNull(jwt.introspect(sign(rsa, "RS256", header("RS256", null), claims())));
        assertThat(facts.keys()).containsExactly(ISSUER + " " + rsa.computeThumbprint());
        assertThat(jwt.introspect(sign(KeyServer.rsa("x"), "RS256", header("RS256", null), claims())))
                .isNull();
        assertThat(server.requests).hasValue(1);
    }

    @Test
    void no_more_than_eight_keys_are_tried() throws Exception {
        JWK[] many = new JWK[9];
        for (int i = 0; i < many.length; i++) many[i] = KeyServer.ec("k" + i);
        server.serve(many);
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(sign(many[7], "ES256", header("ES256", null), claims())))
                .isNotNull();
        assertThat(jwt.introspect(sign(many[8], "ES256", header("ES256", null), claims())))
                .isNull();
        assertThat(jwt.introspect(sign(many[8], "ES256", header("ES256", "k8"), claims())))
                .isNotNull();
    }

    // ---- algorithms -------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"none", "None", "NONE", "nOnE", "", "HS256", "HS384", "EdDSA", "RS1", "rs256", "ES256K"})
    void other_algorithms_are_refused_without_a_fetch(String algorithm) throws Exception {
        String input = unsigned(header(algorithm, "r"), claims());
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(input + ".")).isNull();
        assertThat(jwt.introspect(input + "." + base64(new byte[64]))).isNull();
        assertThat(server.requests).hasValue(0);
    }

    @Test
    void a_public_key_is_no_shared_secret() throws Exception {
        String input = unsigned(header("HS256", "r"), claims());
        for (byte[] secret : List.of(
                rsa.toRSAPublicKey().getEncoded(),
                rsa.toPublicJWK().toJSONString().getBytes(UTF_8),
                pem(rsa.toRSAPublicKey().getEncoded()).getBytes(UTF_8))) {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            assertThat(jwt().introspect(input + "." + base64(mac.doFinal(input.getBytes(UTF_8)))))
                    .isNull();
        }
        assertThat(server.requests).hasValue(0);
    }

    private static String pem(byte[] key) {
        return "-----BEGIN PUBLIC KEY-----\n" + Base64.getMimeEncoder().encodeToString(key)
                + "\n-----END PUBLIC KEY-----\n";
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "HS256", "HS512", "EdDSA", "RS255", "rs256", ""})
    void only_asymmetric_algorithms_can_be_allowed(String algorithm) {
        assertThatThrownBy(() -> jwt(o -> o.algorithms("RS256", algorithm)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"" + algorithm + "\" cannot be allowed")
                .hasMessageContaining("ES256");
    }

    @Test
    void an_algorithm_that_is_not_listed_is_refused_without_a_fetch() throws Exception {
        JwtIntrospector jwt = jwt(o -> o.algorithms("ES256"));
        assertThat(jwt.introspect(token())).isNull();
        assertThat(server.requests).hasValue(0);
    }

    @Test
    void an_algorithm_has_to_suit_the_key_that_is_named() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(sign(rsa, "RS256", header("RS256", "e"), claims())))
                .isNull();
        assertThat(jwt.introspect(sign(ec, "ES256", header("ES256", "r"), claims())))
                .isNull();
        assertThat(jwt.introspect(sign(rsa, "RS256", header("PS256", "r"), claims())))
                .as("signed by another algorithm than the header says")
                .isNull();
    }

    @Test
    void a_key_is_used_only_for_what_it_says() throws Exception {
        List<JWK> unfit = List.of(
                new RSAKey.Builder(rsa).keyUse(KeyUse.ENCRYPTION).build(),
                new RSAKey.Builder(rsa).algorithm(new Algorithm("PS256")).build(),
                new RSAKey.Builder(rsa).algorithm(new Algorithm("RSA-OAEP-256")).build(),
                new RSAKey.Builder(rsa)
                        .keyOperations(Set.of(KeyOperation.ENCRYPT))
                        .build(),
                new RSAKeyGenerator(2048).keyID("r").keyUse(KeyUse.ENCRYPTION).generate());
        for (JWK key : unfit) {
            server.serve(key, ec);
            try (JwtIntrospector jwt = jwt()) {
                assertThat(jwt.introspect(sign(key, "RS256", header("RS256", "r"), claims())))
                        .as("%s", key.toPublicJWK())
                        .isNull();
                assertThat(jwt.introspect(sign(ec, "ES256", header("ES256", "e"), claims())))
                        .isNotNull();
            }
        }
        server.serve(new RSAKey.Builder(rsa)
                .keyUse(KeyUse.SIGNATURE)
                .keyOperations(Set.of(KeyOperation.VERIFY))
                .algorithm(new Algorithm("RS256"))
                .build());
        assertThat(jwt().introspect(token())).isNotNull();
    }

    @Test
    void short_rsa_keys_are_not_used() throws Exception {
        RSAKey weak = new RSAKeyGenerator(1024, true).keyID("weak").generate();
        server.serve(weak, rsa);
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(weak.toPrivateKey());
        String input = unsigned(header("RS256", "weak"), claims());
        signature.update(input.getBytes(UTF_8));
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(input + "." + base64(signature.sign()))).isNull();
        assertThat(jwt.introspect(token())).isNotNull();
    }

    // ---- headers ----------------------------------------------------------------------------------------------------

    @Test
    void keys_and_addresses_in_a_token_are_never_used() throws Exception {
        try (KeyServer evil = new KeyServer()) {
            RSAKey mine = KeyServer.rsa("mine");
            evil.serve(mine);
            JwtIntrospector jwt = jwt();
            for (String kid : new String[] {"r", "mine", null}) {
                for (Object[] extra : new Object[][] {
                    {"jwk", mine.toPublicJWK().toJSONObject()},
                    {"jku", evil.uri().toString()},
                    {"x5u", evil.uri().toString()},
                    {"x5c", List.of("AAAA")}
                }) {
                    assertThat(jwt.introspect(sign(mine, "RS256", header("RS256", kid, extra), claims())))
                            .isNull();
                }
            }
            assertThat(jwt.introspect(sign(
                            rsa,
                            "RS256",
                            header(
                                    "RS256",
                                    "r",
                                    "jwk",
                                    "junk",
                                    "jku",
                                    evil.uri().toString()),
                            claims())))
                    .as("ignored, not looked at")
                    .isNotNull();
            assertThat(evil.requests).hasValue(0);
        }
    }

    @Test
    void critical_headers_are_refused() throws Exception {
        JwtIntrospector jwt = jwt();
        for (Object[] extra : new Object[][] {
            {"crit", List.of("exp"), "exp", 1},
            {"crit", List.of("b64"), "b64", false},
            {"crit", List.of()},
            {"crit", "x"},
            {"b64", false}
        }) {
            assertThat(jwt.introspect(sign(rsa, "RS256", header("RS256", "r", extra), claims())))
                    .as(Arrays.toString(extra))
                    .isNull();
        }
        assertThat(server.requests).hasValue(0);
    }

    @Test
    void types_of_other_tokens_are_refused_by_default() throws Exception {
        JwtIntrospector jwt = jwt();
        for (String good : List.of("at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt", "application/jwt")) {
            assertThat(jwt.introspect(typed(good))).as(good).isNotNull();
        }
        for (String bad : List.of("logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "", "application/x/at+jwt")) {
            assertThat(jwt.introspect(typed(bad))).as(bad).isNull();
        }
        assertThat(jwt.introspect(sign(rsa, "RS256", header("RS256", "r", "typ", 1), claims())))
                .isNull();
    }

    @Test
    void one_type_can_be_required() throws Exception {
        JwtIntrospector jwt = jwt(o -> o.types("application/AT+jwt"));
        assertThat(jwt.introspect(typed("at+jwt"))).isNotNull();
        assertThat(jwt.introspect(typed("JWT"))).isNull();
        assertThat(jwt.introspect(token())).as("without typ").isNull();
        assertThatThrownBy(() -> jwt(o -> o.types(""))).hasMessageContaining("a type is empty");
        assertThatThrownBy(() -> jwt(o -> o.types())).hasMessageContaining("at least one type");
    }

    private static String typed(String type) throws Exception {
        return sign(rsa, "RS256", header("RS256", "r", "typ", type), claims());
    }

    @ParameterizedTest
    @ValueSource(strings = {"at_hash", "c_hash", "events"})
    void id_tokens_and_logout_tokens_are_told_by_their_claims(String claim) throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(claim, "x"))).isNull();
        assertThat(jwt.introspect(sign(rsa, "RS256", header("RS256", "r", "typ", "at+jwt"), claims(claim, "x"))))
                .isNotNull();
    }

    // ---- claims -----------------------------------------------------------------------------------------------------

    @Test
    void an_issuer_is_compared_exactly_and_before_any_fetch() throws Exception {
        JwtIntrospector jwt = jwt();
        for (Object issuer : new Object[] {ISSUER + "/", "https://ID.example", "", "x", 5, List.of(ISSUER), null}) {
            assertThat(jwt.introspect(token("iss", issuer))).isNull();
        }
        assertThat(server.requests).hasValue(0);
    }

    @Test
    void one_issuer_cannot_sign_for_another() throws Exception {
        try (KeyServer second = new KeyServer()) {
            second.serve(otherRsa);
            JwtIntrospector jwt = jwt().and(
                            "https://other",
                            second.uri(),
                            o -> o.clock(clock).algorithms("PS256").timeout(Duration.ofSeconds(30)));
            assertThat(jwt.introspect(token())).isNotNull();
            assertThat(jwt.introspect(token("iss", "https://other"))).isNull();
            assertThat(jwt.introspect(sign(otherRsa, "PS256", header("PS256", "r"), claims("iss", "https://other"))))
                    .isNotNull();
            assertThat(jwt.introspect(sign(otherRsa, "RS256", header("RS256", "r"), claims("iss", "https://other"))))
                    .as("an algorithm of the first issuer")
                    .isNull();
            assertThat(jwt.introspect(sign(otherRsa, "RS256", header("RS256", "r"), claims())))
                    .isNull();
        }
    }

    @Test
    void times_have_to_fit_with_a_little_skew() throws Exception {
        JwtIntrospector jwt = jwt(o -> o.clockSkew(Duration.ofSeconds(10)));
        assertThat(jwt.introspect(token("exp", T - 9))).isNotNull();
        assertThat(jwt.introspect(token("exp", T - 10))).isNull();
        assertThat(jwt.introspect(token("exp", T - 9.5)))
                .as("fractions are dropped")
                .isNull();
        assertThat(jwt.introspect(token("exp", null))).isNull();
        assertThat(jwt.introspect(token("nbf", T + 10))).isNotNull();
        assertThat(jwt.introspect(token("nbf", T + 10.1))).isNull();
        assertThat(jwt.introspect(token("iat", T + 10))).isNotNull();
        assertThat(jwt.introspect(token("iat", T + 11))).isNull();
        TokenFacts late = requireNonNull(jwt.introspect(token("exp", T - 5)));
        assertThat(late.expiresAt()).as("skew does not prolong it").isEqualTo(NOW.minusSeconds(5));
    }

    @Test
    void expiry_can_be_optional() throws Exception {
        JwtIntrospector jwt = jwt(o -> o.expiryRequired(false));
        assertThat(jwt.introspect(token("exp", null))).isNotNull();
        assertThat(jwt.introspect(token("exp", T - 100))).isNull();
    }

    @Test
    void expired_tokens_cost_no_fetch() throws Exception {
        assertThat(jwt().introspect(token("exp", T - 100))).isNull();
        assertThat(server.requests).hasValue(0);
    }

    @Test
    void claims_of_wrong_types_are_refused() throws Exception {
        JwtIntrospector jwt = jwt();
        for (Object[] wrong : new Object[][] {
            {"sub", 42},
            {"aud", 1},
            {"aud", List.of("a", 1)},
            {"exp", "2030"},
            {"exp", -1},
            {"exp", 1e300},
            {"nbf", List.of()},
            {"iat", true},
            {"scope", 1},
            {"scope", Map.of()},
            {"client_id", List.of("a")},
            {"sid", 1},
            {"jti", 1}
        }) {
            assertThat(jwt.introspect(token(wrong))).as(Arrays.toString(wrong)).isNull();
        }
    }

    @Test
    void a_bond_to_a_key_that_cannot_be_told_is_refused() throws Exception {
        JwtIntrospector jwt = jwt();
        for (Object bond : List.of("x", Map.of(), Map.of("jwk", ec.toPublicJWK().toJSONObject()), List.of("jkt"))) {
            assertThat(jwt.introspect(token("cnf", bond))).as("%s", bond).isNull();
        }
    }

    // ---- shapes -----------------------------------------------------------------------------------------------------

    @Test
    void what_is_no_jwt_is_refused_without_a_fetch() throws Exception {
        JwtIntrospector jwt = jwt();
        String good = token();
        for (String bad : List.of(
                "",
                ".",
                "..",
                "...",
                "a.b.c",
                "AA.AA.",
                ".AA.AA",
                "AA..AA",
                good + ".",
                good + ".AA",
                good + "=",
                good + "\n",
                " " + good,
                good.replace('.', ','),
                good.replace("e", "é"),
                "AAAAA.AA.AA",
                "bnVsbA.bnVsbA.AA",
                "W10.e30.AA",
                "e30.e30.AA",
                "AA.AA.AA",
                "eyJhbGciOiJSUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AA")) {
            assertThat(jwt.introspect(bad)).as(bad).isNull();
        }
        assertThat(server.requests).hasValue(0);
    }

    @Test
    void every_prefix_of_a_token_is_refused() throws Exception {
        JwtIntrospector jwt = jwt();
        String good = token();
        assertThat(jwt.introspect(good)).isNotNull();
        for (int i = 0; i < good.length(); i++) {
            assertThat(jwt.introspect(good.substring(0, i)))
                    .as("%d characters", i)
                    .isNull();
        }
        assertThat(server.requests).hasValue(1);
    }

    @Test
    void a_token_with_any_bit_changed_is_refused() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        JwtIntrospector jwt = jwt();
        for (String good : List.of(token("pad", "x"), sign(ec, "ES256", header("ES256", "e"), claims()))) {
            List<String> parts = List.of(good.split("\\.", -1));
            assertThat(jwt.introspect(good)).isNotNull();
            for (int round = 0; round < 600; round++) {
                String[] changed = parts.toArray(new String[0]);
                int part = round % 3;
                byte[] bytes = Base64.getUrlDecoder().decode(changed[part]);
                int bit = random.nextInt(bytes.length * 8);
                bytes[bit / 8] ^= (byte) (1 << (bit % 8));
                changed[part] = base64(bytes);
                assertThat(jwt.introspect(String.join(".", changed)))
                        .as("seed %d: part %d bit %d", seed, part, bit)
                        .isNull();
            }
            for (int at = 0; at < good.length(); at++) {
                char[] chars = good.toCharArray();
                chars[at] ^= (char) (1 << random.nextInt(7));
                assertThat(jwt.introspect(new String(chars)))
                        .as("seed %d: character %d", seed, at)
                        .isNull();
            }
        }
    }

    @Test
    void a_token_has_one_text_only() throws Exception {
        JwtIntrospector jwt = jwt();
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for (String good : List.of(token(), sign(ec, "ES256", header("ES256", "e"), claims()))) {
            assertThat(jwt.introspect(good)).isNotNull();
            byte[] signature = Base64.getUrlDecoder().decode(good.substring(good.lastIndexOf('.') + 1));
            int same = 0;
            for (int i = 0; i < alphabet.length(); i++) {
                String other = good.substring(0, good.length() - 1) + alphabet.charAt(i);
                if (Arrays.equals(
                        signature, Base64.getUrlDecoder().decode(other.substring(other.lastIndexOf('.') + 1)))) {
                    same++;
                }
                assertThat(jwt.introspect(other) != null).as(other).isEqualTo(other.equals(good));
            }
            assertThat(same).as("a lenient decoder takes several").isGreaterThan(1);
        }
    }

    @Test
    void the_second_form_of_a_curve_signature_is_good_as_documented() throws Exception {
        String good = sign(ec, "ES256", header("ES256", "e"), claims());
        int dot = good.lastIndexOf('.');
        byte[] signature = Base64.getUrlDecoder().decode(good.substring(dot + 1));
        BigInteger n = Curve.P_256.toECParameterSpec().getOrder();
        byte[] s = n.subtract(new BigInteger(1, Arrays.copyOfRange(signature, 32, 64)))
                .toByteArray();
        byte[] second = Arrays.copyOf(signature, 64);
        Arrays.fill(second, 32, 64, (byte) 0);
        int length = Math.min(32, s.length);
        System.arraycopy(s, s.length - length, second, 64 - length, length);
        assertThat(jwt().introspect(good.substring(0, dot + 1) + base64(second)))
                .isNotNull();
    }

    @Test
    void a_zero_curve_signature_is_refused() throws Exception {
        JwtIntrospector jwt = jwt();
        String input = unsigned(header("ES256", "e"), claims());
        byte[] n = Base64.getUrlDecoder()
                .decode(base64(Curve.P_256.toECParameterSpec().getOrder().toByteArray()));
        byte[] order = new byte[64];
        System.arraycopy(n, n.length - 32, order, 0, 32);
        System.arraycopy(n, n.length - 32, order, 32, 32);
        for (byte[] signature : List.of(new byte[64], order, new byte[1], new byte[63], new byte[1000])) {
            assertThat(jwt.introspect(input + "." + base64(signature))).isNull();
        }
    }

    @Test
    void long_and_deep_tokens_are_refused() throws Exception {
        JwtIntrospector jwt = jwt();
        String huge = token("pad", "x".repeat(1_000_000));
        assertThat(jwt.isWellFormed(huge)).isFalse();
        assertThat(jwt.introspect(huge)).isNull();
        String deep = base64(("{\"alg\":" + "[".repeat(6_000) + "]".repeat(5_000)).getBytes(UTF_8));
        assertThat(jwt.introspect(deep + ".e30.AA")).isNull();
        String deepClaims = base64(
                ("{\"iss\":\"" + ISSUER + "\",\"a\":" + "[".repeat(5_000) + "]".repeat(5_000) + "}").getBytes(UTF_8));
        assertThat(jwt.introspect("eyJhbGciOiJSUzI1NiJ9." + deepClaims + ".AA")).isNull();
        assertThat(jwt.introspect(sign(rsa, "RS256", header("RS256", "k".repeat(513)), claims())))
                .isNull();
        assertThat(server.requests).hasValue(0);
        assertThat(jwt.introspect(token("pad", "x".repeat(8_000)))).isNotNull();
    }

    // ---- configuration ----------------------------------------------------------------------------------------------

    @Test
    void bad_configuration_is_refused_before_io() {
        assertThatThrownBy(() -> JwtIntrospector.of("", server.uri())).hasMessageContaining("the issuer must be");
        assertThatThrownBy(() -> JwtIntrospector.of("a b", server.uri())).hasMessageContaining("the issuer must be");
        for (String bad :
                List.of("http://id.example/jwks", "file:///etc/passwd", "/jwks", "https://u:p@id.example/j")) {
            assertThatThrownBy(() -> JwtIntrospector.of(ISSUER, URI.create(bad)))
                    .as(bad)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("address of the keys of " + ISSUER)
                    .hasMessageNotContaining("u:p");
        }
        assertThatThrownBy(() -> jwt(o -> o.ttl(Duration.ofHours(1)).outageTolerance(Duration.ofMinutes(5))))
                .hasMessageContaining("outageTolerance PT5M is less than ttl PT1H");
        assertThatThrownBy(() -> jwt(o -> o.clockSkew(Duration.ofMinutes(3)))).hasMessageContaining("clockSkew PT3M");
        assertThatThrownBy(() -> jwt(o -> o.ttl(Duration.ofSeconds(1)))).hasMessageContaining("ttl PT1S");
        assertThatThrownBy(() -> jwt(o -> o.timeout(Duration.ZERO))).hasMessageContaining("timeout PT0S");
        assertThatThrownBy(() -> jwt(o -> o.algorithms())).hasMessageContaining("at least one algorithm");
        assertThat(server.requests).hasValue(0);
    }

    @Test
    void plain_http_to_another_machine_can_be_allowed() {
        JwtIntrospector jwt = JwtIntrospector.of(
                ISSUER,
                URI.create("http://id.example/jwks"),
                o -> o.plainHttp(true).preload(false));
        jwt.close();
        assertThat(jwt.stats().fetches()).isZero();
    }

    @Test
    void the_id_tells_settings_apart_and_fixes_them() {
        Map<String, String> ids = new HashMap<>();
        ids.put("default", jwt().id());
        ids.put("algorithms", jwt(o -> o.algorithms("ES256")).id());
        ids.put("types", jwt(o -> o.types("at+jwt")).id());
        ids.put("expiry", jwt(o -> o.expiryRequired(false)).id());
        ids.put(
                "two",
                jwt().and("https://other", server.uri(), o -> o.preload(false)).id());
        assertThat(ids.values()).doesNotHaveDuplicates();
        JwtIntrospector jwt = jwt(o -> o.algorithms("PS256", "ES256", "RS256").ttl(Duration.ofHours(1)));
        assertThat(jwt.id()).isEqualTo(ids.get("default"));
        assertThatThrownBy(() -> jwt.and("https://other", server.uri(), o -> o))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("name all issuers before");
        assertThatThrownBy(() -> jwt().and(ISSUER, server.uri(), o -> o)).hasMessageContaining("is there already");
    }
}
