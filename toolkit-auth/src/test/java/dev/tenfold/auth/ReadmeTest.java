package dev.tenfold.auth;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.jwk.RSAKey;
import dev.tenfold.auth.Verification.Refused;
import dev.tenfold.auth.Verification.Unavailable;
import dev.tenfold.auth.Verification.Verified;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CodeBlocks;
import dev.tenfold.testkit.RedisServer;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

/** The Java blocks on authentication, of the README and of the module's page, are regions of this class, and they run. */
class ReadmeTest {
    private static final String ISSUER = "https://id.example";

    // region: require
    static final Require ORDERS = Require.audience("api").scope("orders:read");
    // endregion

    private static int answer(TokenCache tokens, String raw) {
        // region: verify
        Verification v = tokens.verify(Credential.bearer(raw), ORDERS); // a digest and a look into memory
        if (v instanceof Unavailable) return 503; // nobody can tell now: the token may be good
        if (v instanceof Refused no) return no.reason().isForbidden() ? 403 : 401;
        TokenFacts facts = v.facts();
        // endregion
        assertThat(v).isInstanceOf(Verified.class);
        assertThat(facts.subject()).isEqualTo("42");
        return 200;
    }

    @Test
    void tokens() {
        byte[] secret = new byte[32];
        new SecureRandom().nextBytes(secret);
        Introspector authority =
                new StubIntrospector().with("abc", facts().scope("orders:read")).with("narrow", facts());
        try (RedisLink link = RedisLink.connect(RedisServer.shared().uri(), o -> o.commandTimeout(Await.LIMIT))) {
            assertThat(link.awaitUp(ofSeconds(20))).isTrue();
            // region: build
            TokenCache tokens = TokenCache.builder(authority) // over HTTP, in a table, by a signature, or a lambda
                    .redis(link) // leave this line out, and one node's memory is the cache
                    .pepper(secret) // 32 random bytes, the same on all nodes
                    .build();
            // endregion
            assertThat(answer(tokens, "abc")).isEqualTo(200);
            assertThat(answer(tokens, "narrow")).isEqualTo(403);
            assertThat(answer(tokens, "unknown")).isEqualTo(401);
            String raw = "abc";
            String issuer = ISSUER;
            // region: revoke
            Revocation one = tokens.revoke(Credential.bearer(raw)); // this token, on all nodes
            Revocation all = tokens.logoutAll(Subject.of(issuer, "42")); // all of a user's, issued up to now
            // endregion
            assertThat(one.isDelivered() && all.isDelivered()).isTrue();
            assertThat(answer(tokens, "abc")).isEqualTo(401);
            assertThat(answer(tokens, "narrow")).isEqualTo(401);
            tokens.close();
        }
    }

    private static TokenFacts.Builder facts() {
        return TokenFacts.of(ISSUER, "42")
                .audience("api")
                .issuedAt(Instant.now().minusSeconds(60))
                .expiresAt(Instant.now().plusSeconds(600));
    }

    @Test
    void json_web_tokens() throws Exception {
        try (KeyServer server = new KeyServer()) {
            RSAKey key = KeyServer.rsa("k");
            server.serve(key);
            URI jwksUri = server.uri();
            // region: jwt
            JwtIntrospector jwt = JwtIntrospector.of(
                    "https://id.example", jwksUri, o -> o.algorithms("RS256").types("at+jwt"));
            TokenCache tokens = TokenCache.builder(jwt).build();
            LogoutTokens logouts = LogoutTokens.of("https://id.example", "api", jwt); // for back-channel log-out
            // endregion
            Map<String, Object> claims = new TreeMap<>(Map.of(
                    "iss", ISSUER,
                    "sub", "42",
                    "aud", "api",
                    "scope", "orders:read",
                    "exp", Instant.now().plusSeconds(60).getEpochSecond()));
            String token = KeyServer.sign(key, "RS256", Map.of("alg", "RS256", "typ", "at+jwt", "kid", "k"), claims);
            assertThat(answer(tokens, token)).isEqualTo(200);
            assertThat(logouts.validate(token)).isInstanceOf(LogoutToken.Refused.class);
            tokens.close();
            jwt.close();
        }
    }

    @Test
    void api_keys() throws Exception {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:readme;DB_CLOSE_DELAY=-1");
        DataSource dataSource = h2;
        byte[] pepper = new byte[32];
        new SecureRandom().nextBytes(pepper);
        // region: keys
        ApiKeys keys = ApiKeys.on(dataSource, Map.of(1, pepper), o -> o.prefix("tk_live_"));
        keys.createTables(); // or apply api-keys.sql from the jar
        TokenCache cache = TokenCache.builder(keys).name("keys").build();
        keys.onRevoked(id -> cache.revokeSession(ApiKeys.ISSUER, id));

        ApiKeys.Issued issued = keys.issue("tenant-7", k -> k.name("ci").scope("orders:read"));
        String shownOnce = issued.key();
        ApiKeys.Issued next = keys.rotate(issued.id(), ofDays(7)); // both work for a week
        boolean revoked = keys.revoke(next.id());
        // endregion
        assertThat(revoked).isTrue();
        Require read = Require.active().scope("orders:read");
        assertThat(cache.verify(Credential.apiKey(shownOnce), read).isVerified())
                .isTrue();
        assertThat(cache.verify(Credential.apiKey(next.key()), read).isVerified())
                .isFalse();
        cache.close();
        keys.close();
    }

    @Test
    void sessions() {
        try (RedisLink redis = RedisLink.connect(RedisServer.shared().uri(), o -> o.commandTimeout(Await.LIMIT))) {
            assertThat(redis.awaitUp(ofSeconds(20))).isTrue();
            // region: sessions
            Sessions sessions = Sessions.redis(
                    redis,
                    o -> o.idle(ofMinutes(30))
                            .absolute(ofHours(12))
                            .perSubject(3, WhenFull.END_OLDEST)); // or Sessions.embedded(o -> …)

            Login login = sessions.create("42", Map.of("device", "phone"));
            String cookie = ((Login.Created) login).id(); // only the browser has it: Redis has a digest
            Optional<Session> session = sessions.find(cookie); // one round trip; slides
            Optional<String> fresh = sessions.rotate(cookie); // after a change of privileges
            int ended = sessions.endAll("42");
            // endregion
            assertThat(session).isPresent();
            assertThat(fresh).isPresent();
            assertThat(ended).isOne();
        }
    }

    @Test
    void a_filter() {
        TokenCache tokens = TokenCache.builder(new StubIntrospector()).build();
        TokenCache keys =
                TokenCache.builder(new StubIntrospector()).name("keys").build();
        Sessions sessions = Sessions.embedded();
        // region: filter
        AuthFilter filter = AuthFilter.builder()
                .bearer(tokens) // Authorization: Bearer …
                .apiKeys("X-API-Key", keys)
                .sessions("SID", sessions)
                .require(request -> ORDERS)
                .build();
        // endregion
        assertThat(filter).hasToString("AuthFilter[realm api]");
        tokens.close();
        keys.close();
    }

    @Test
    void the_blocks_of_this_module_are_regions_of_this_class() {
        assertThat(CodeBlocks.of(Path.of("../README.md"), Path.of("../docs/auth.md")))
                .filteredOn(block -> block.module().equals("toolkit-auth"))
                .hasSize(6)
                .allSatisfy(block -> assertThat(block.code())
                        .as("%s, %s", block.page(), block.regions())
                        .isEqualTo(CodeBlocks.regions(getClass(), block.regions())));
    }

    @Test
    void each_threat_names_a_test_that_there_is() throws Exception {
        Matcher named = Pattern.compile("`(\\w+)#(\\w+)`").matcher(Files.readString(Path.of("../docs/auth.md")));
        int tests = 0;
        while (named.find()) {
            Class<?> type = Class.forName(getClass().getPackageName() + "." + named.group(1));
            assertThat(type.getDeclaredMethods())
                    .as(named.group())
                    .anyMatch(method -> method.getName().equals(named.group(2)) && method.getAnnotations().length > 0);
            tests++;
        }
        assertThat(tests).isGreaterThan(30);
    }
}
