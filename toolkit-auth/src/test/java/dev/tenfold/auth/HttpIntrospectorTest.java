package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is made of what an authorization server says. How it misbehaves on the wire is in {@link TokenEndpointTest}. */
class HttpIntrospectorTest {
    private static final String ISSUER = "https://id.example";
    private static final ClientAuthentication CLIENT = ClientAuthentication.basic("shop", "hush");

    private StubServer server;
    private HttpIntrospector introspector;

    @BeforeEach
    void start() throws IOException {
        server = StubServer.start();
        introspector = HttpIntrospector.of(server.uri("/introspect?policy=p1"), CLIENT, TokenEndpointTest::patient);
    }

    @AfterEach
    void stop() {
        introspector.close();
        server.close();
    }

    private TokenFacts facts(String json) throws Exception {
        server.replyJson(json);
        TokenFacts facts = introspector.introspect("t");
        assertThat(facts).isNotNull();
        if (facts == null) throw new AssertionError();
        return facts;
    }

    @Test
    void the_request_is_exactly_that_of_the_rfc() throws Exception {
        server.replyJson("{\"active\":false}");
        assertThat(introspector.introspect("a+b/c=~&d e%")).isNull();
        StubServer.Request request = server.last();
        assertThat(request.method()).isEqualTo("POST");
        assertThat(request.uri()).hasToString("/introspect?policy=p1");
        assertThat(request.body()).isEqualTo("token=a%2Bb%2Fc%3D%7E%26d+e%25&token_type_hint=access_token");
        assertThat(request.header("Content-type")).isEqualTo("application/x-www-form-urlencoded");
        assertThat(request.header("Accept")).isEqualTo("application/json");
        assertThat(request.header("Authorization")).isEqualTo("Basic c2hvcDpodXNo");
        assertThat(request.headers()).doesNotContainKeys("Accept-encoding", "Cookie", "Upgrade", "Referer");
    }

    @Test
    void an_empty_token_is_none_and_asks_nobody() throws Exception {
        assertThat(introspector.introspect("")).isNull();
        assertThat(server.requests()).isEmpty();
    }

    @Test
    void an_inactive_token_is_none_whatever_else_is_told() throws Exception {
        server.replyJson("{\"active\":false,\"sub\":\"42\",\"exp\":\"soon\"}");
        assertThat(introspector.introspect("t")).isNull();
    }

    @Test
    void all_that_is_told_is_mapped() throws Exception {
        TokenFacts facts = facts("""
                {"active":true,"iss":"https://id.example","sub":"42","aud":["api","web"],"client_id":"app",
                 "scope":" orders:read  orders:write ","iat":1700000000,"nbf":1700000001,"exp":1700000002.9,
                 "jti":"j1","sid":"s1","cnf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
                 "token_type":"Bearer","username":"jo","level":3,"ratio":0.5,"staff":true,"none":null,
                 "act":{"sub":"admin"},"groups":["a","b"]}
                """);
        assertThat(facts)
                .isEqualTo(TokenFacts.of(ISSUER, "42")
                        .audience("api", "web")
                        .clientId("app")
                        .scope("orders:read", "orders:write")
                        .issuedAt(Instant.ofEpochSecond(1_700_000_000))
                        .notBefore(Instant.ofEpochSecond(1_700_000_001))
                        .expiresAt(Instant.ofEpochSecond(1_700_000_002))
                        .tokenId("j1")
                        .sessionId("s1")
                        .confirmation("x5t#S256", "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2")
                        .claim("token_type", "Bearer")
                        .claim("username", "jo")
                        .claim("level", 3L)
                        .claim("ratio", 0.5)
                        .claim("staff", true)
                        .claim("act", Map.of("sub", "admin"))
                        .claim("groups", List.of("a", "b"))
                        .build());
    }

    @Test
    void what_is_not_told_stays_unknown() throws Exception {
        assertThat(facts("{\"active\":true}"))
                .isEqualTo(TokenFacts.of(null, null).build());
        assertThat(facts("{\"active\":true,\"iss\":null,\"exp\":null,\"aud\":null,\"scope\":null,\"cnf\":null}"))
                .isEqualTo(TokenFacts.of(null, null).build());
    }

    @Test
    void a_single_audience_may_be_a_string() throws Exception {
        assertThat(facts("{\"active\":true,\"aud\":\"api v1\"}").audience()).containsExactly("api v1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"token_type\":\"refresh_token\"",
                "\"token_type\":\"Refresh\"",
                "\"typ\":\"Refresh\"",
                "\"typ\":\"Offline\"",
                "\"typ\":\"ID\"",
                "\"token_use\":\"refresh_token\"",
                "\"token_use\":\"id\"",
                "\"token_type\":\"urn:ietf:params:oauth:token-type:refresh_token\""
            })
    void a_token_that_is_not_for_access_is_none(String member) throws Exception {
        server.replyJson("{\"active\":true,\"sub\":\"42\"," + member + "}");
        assertThat(introspector.introspect("t")).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"token_type\":\"Bearer\"",
                "\"token_type\":\"DPoP\"",
                "\"typ\":\"at+jwt\"",
                "\"token_use\":\"access_token\"",
                "\"typ\":\"Bearer\""
            })
    void a_token_for_access_is_one(String member) throws Exception {
        assertThat(facts("{\"active\":true,\"sub\":\"42\"," + member + "}").subject())
                .isEqualTo("42");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {}                                    | "active" is not a boolean
            {"active":"true"}                     | "active" is not a boolean
            {"active":1}                          | "active" is not a boolean
            {"active":null}                       | "active" is not a boolean
            {"active":true,"exp":"1700000000"}    | "exp" is not a number
            {"active":true,"iat":true}            | "iat" is not a number
            {"active":true,"nbf":[1]}             | "nbf" is not a number
            {"active":true,"exp":-1}              | "exp" is not a time
            {"active":true,"exp":1700000000000000}| it may be in milliseconds
            {"active":true,"sub":42}              | "sub" is not a string
            {"active":true,"iss":{}}              | "iss" is not a string
            {"active":true,"scope":["a"]}         | "scope" is not a string
            {"active":true,"aud":7}               | "aud" is not a string or an array of strings
            {"active":true,"aud":["a",7]}         | "aud" is not a string or an array of strings
            {"active":true,"cnf":"x"}             | "cnf" is not an object
            {"active":true,"cnf":{}}              | "cnf" is not an object that names a key
            {"active":true,"sid":false}           | "sid" is not a string
            {"active":true,"active":false}        | it is not a JSON object
            {"active":true} {"active":false}      | it is not a JSON object
            {"active":true,"exp":1e999}           | it is not a JSON object
            {active:true}                         | it is not a JSON object
            [["active",true]]                     | it is not a JSON object
            [{"active":true}]                     | it is not a JSON object
            null                                  | it is not a JSON object
            {"active":true                        | it is not a JSON object
            """)
    void a_reply_that_is_not_of_the_rfc_is_an_error_and_no_answer(String json, String problem) {
        server.replyJson(json);
        assertThatThrownBy(() -> introspector.introspect("t"))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("introspection endpoint " + server.uri("/introspect"))
                .hasMessageContaining("does not reply as RFC 7662 has it")
                .hasMessageContaining(problem);
    }

    @Test
    void an_empty_reply_and_one_that_is_not_utf_8_are_errors() {
        Map<String, String> json = Map.of("Content-Type", "application/json");
        server.reply(200, json, "");
        assertThatThrownBy(() -> introspector.introspect("t")).hasMessageContaining("it is not a JSON object");
        server.reply(200, json, new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'});
        assertThatThrownBy(() -> introspector.introspect("t")).hasMessageContaining("it is not UTF-8");
    }

    @Test
    void deep_nesting_is_an_error_and_harms_nobody() throws Exception {
        server.replyJson("{\"active\":true,\"x\":" + "[".repeat(30_000) + "]".repeat(30_000) + "}");
        assertThatThrownBy(() -> introspector.introspect("t")).hasMessageContaining("it is not a JSON object");
    }

    @Test
    void html_a_jwt_and_what_is_compressed_are_errors_that_say_so() {
        String page = "<html>secret page</html>";
        for (String type : List.of("text/html; charset=utf-8", "text/plain", "application/jsonp")) {
            server.reply(200, Map.of("Content-Type", type), page);
            assertThatThrownBy(() -> introspector.introspect("t"))
                    .hasMessageContaining("does not reply with application/json")
                    .hasMessageNotContaining("secret page");
        }
        server.reply(200, Map.of(), "{\"active\":true}");
        assertThatThrownBy(() -> introspector.introspect("t"))
                .hasMessageContaining("does not reply with application/json");
        server.reply(200, Map.of("Content-Type", "application/token-introspection+jwt"), "eyJ.e30.x");
        assertThatThrownBy(() -> introspector.introspect("t"))
                .hasMessageContaining("replies with a JWT (RFC 9701), which is not supported");
        server.reply(
                200, Map.of("Content-Type", "application/json", "Content-Encoding", "gzip"), new byte[] {0x1f, 1, 2});
        assertThatThrownBy(() -> introspector.introspect("t")).hasMessageContaining("Content-Encoding");
    }

    @Test
    void an_issuer_fills_in_what_the_server_leaves_out_and_refuses_others() throws Exception {
        introspector = introspector.issuer(ISSUER);
        assertThat(facts("{\"active\":true,\"sub\":\"42\"}").issuer()).isEqualTo(ISSUER);
        assertThat(facts("{\"active\":true,\"iss\":\"" + ISSUER + "\"}").issuer())
                .isEqualTo(ISSUER);
        for (String other : List.of(ISSUER + "/", "https://evil.example", "")) {
            server.replyJson("{\"active\":true,\"sub\":\"42\",\"iss\":\"" + other + "\"}");
            assertThat(introspector.introspect("t")).isNull();
        }
        assertThatThrownBy(() -> introspector.issuer("")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_key_that_cannot_be_represented_still_binds_the_token() throws Exception {
        TokenFacts facts = facts("{\"active\":true,\"cnf\":{\"jwk\":{\"kty\":\"OKP\"},\"jkt\":null}}");
        assertThat(facts.confirmation())
                .containsOnlyKeys("jwk", "jkt")
                .containsEntry("jwk", "{\"jwk\":{\"kty\":\"OKP\"}}");
    }

    @Test
    void the_id_tells_settings_apart_and_has_no_secret() {
        URI uri = URI.create("https://id.example/introspect?policy=p1");
        List<HttpIntrospector> all = new ArrayList<>();
        all.add(HttpIntrospector.of(uri, CLIENT));
        all.add(all.get(0).issuer(ISSUER));
        all.add(HttpIntrospector.of(uri, ClientAuthentication.basic("other", "hush")));
        all.add(HttpIntrospector.of(URI.create("https://id.example/introspect?policy=p2"), CLIENT));
        assertThat(all).extracting(HttpIntrospector::id).doesNotHaveDuplicates();
        assertThat(all.get(1).id())
                .isEqualTo("introspection https://id.example/introspect?policy=p1 shop https://id.example");
        assertThat(HttpIntrospector.of(uri, ClientAuthentication.post("shop", "other secret"))
                        .id())
                .isEqualTo(all.get(0).id());
        assertThat(all.get(0)).hasToString("introspection endpoint https://id.example/introspect");
        all.forEach(HttpIntrospector::close);
    }

    /** Runs among classes of this module that know no nimbus. */
    static final class AsksWithoutNimbus implements Callable<Object> {
        AsksWithoutNimbus() {}

        @Override
        public Object call() {
            return HttpIntrospector.of(URI.create("https://id.example/introspect"), ClientAuthentication.none("shop"));
        }
    }

    /** Runs among classes of this module that know no nimbus. */
    static final class RevokesWithoutNimbus implements Callable<Object> {
        private final URI uri;

        RevokesWithoutNimbus(URI uri) {
            this.uri = uri;
        }

        @Override
        public Object call() throws Exception {
            try (RevocationClient client = RevocationClient.of(uri, ClientAuthentication.basic("shop", "hush"))) {
                client.revoke(Credential.bearer("t"));
            }
            return "done";
        }
    }

    @Test
    void without_nimbus_the_error_names_the_dependency() throws Exception {
        try (URLClassLoader loader = withoutNimbus()) {
            Callable<?> asks =
                    make(loader.loadClass(AsksWithoutNimbus.class.getName()).getDeclaredConstructor());
            assertThatThrownBy(asks::call)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("HttpIntrospector needs com.nimbusds:nimbus-jose-jwt");
        }
    }

    @Test
    void without_nimbus_tokens_can_still_be_revoked() throws Exception {
        server.reply(200, Map.of(), "");
        try (URLClassLoader loader = withoutNimbus()) {
            Callable<?> revokes = make(
                    loader.loadClass(RevokesWithoutNimbus.class.getName()).getDeclaredConstructor(URI.class),
                    server.uri("/revoke"));
            assertThat(revokes.call()).isEqualTo("done");
        }
        assertThat(server.last().form()).containsEntry("token", "t");
    }

    private static Callable<?> make(Constructor<?> constructor, Object... arguments) throws Exception {
        constructor.setAccessible(true);
        return (Callable<?>) constructor.newInstance(arguments);
    }

    /** This module's classes and these tests once more, and no nimbus. */
    private static URLClassLoader withoutNimbus() {
        URL main = HttpIntrospector.class.getProtectionDomain().getCodeSource().getLocation();
        URL test =
                HttpIntrospectorTest.class.getProtectionDomain().getCodeSource().getLocation();
        return new URLClassLoader(new URL[] {main, test}, HttpIntrospectorTest.class.getClassLoader()) {
            @Override
            protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
                if (name.startsWith("com.nimbusds.")) throw new ClassNotFoundException(name);
                if (!name.startsWith("dev.tenfold.auth.")) return super.loadClass(name, resolve);
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        };
    }
}
