package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.tenfold.auth.ClientAuthentication;
import dev.tenfold.auth.HttpIntrospector;
import dev.tenfold.auth.TokenCache;
import dev.tenfold.auth.TokenFacts;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.springframework.security.oauth2.server.resource.introspection.BadOpaqueTokenException;
import org.springframework.security.oauth2.server.resource.introspection.OpaqueTokenIntrospector;
import org.springframework.security.oauth2.server.resource.introspection.SpringOpaqueTokenIntrospector;

/**
 * What an opaque token costs that was seen before: beside Spring Security, which asks the authorization server each time, and
 * beside the least that looking one up by its digest can cost.
 */
final class AuthHit {
    /** Tokens of one request: few, as a request of the slow peer has to fit into a slice. */
    private static final int BLOCK = 16;

    private static final int BLOCKS = 256;
    private static final int SHAPE_BLOCK = 1_024;
    private static final int SHAPE_BLOCKS = 32;
    private static final String CLIENT = "api";
    private static final String SECRET = "a secret of the client";
    private static final double NANOS_PER_MICRO = 1_000;

    private AuthHit() {}

    static void run(Session session) throws Exception {
        Map<String, String> subjects = AuthTokens.opaque(AuthTokens.TOKENS, 42);
        String unknown = AuthTokens.random(new Random(43));
        try (AuthServer server = new AuthServer(subjects, "{\"keys\":[]}");
                HttpIntrospector introspector =
                        HttpIntrospector.of(server.uri("/introspect"), ClientAuthentication.basic(CLIENT, SECRET));
                TokenCache cache = AuthTokens.inMemory(introspector)) {
            AuthTokens.verify(cache, subjects, unknown);
            spring(session, cache, subjects, unknown, server);
            shape(session, cache, subjects);
            long lookups = cache.stats().lookups();
            if (lookups != subjects.size() + 1) {
                throw new IllegalStateException(
                        lookups + " look-ups of " + subjects.size() + " tokens: not all were hits");
            }
        }
    }

    private static void spring(
            Session session, TokenCache cache, Map<String, String> subjects, String unknown, AuthServer server)
            throws Exception {
        OpaqueTokenIntrospector spring = SpringOpaqueTokenIntrospector.withIntrospectionUri(
                        server.uri("/introspect").toString())
                .clientId(CLIENT)
                .clientSecret(SECRET)
                .build();
        try {
            var unused = spring.introspect(unknown);
            throw new IllegalStateException("spring-security accepts a token that nobody issued");
        } catch (BadOpaqueTokenException expected) {
            // So it asks.
        }
        String[] drawn = AuthTokens.drawn(subjects, BLOCK * BLOCKS);
        List<Contender> contenders = List.of(
                new Contender(
                        "ours",
                        "TokenCache in memory, maxAge 1 h, over HttpIntrospector; looks at audience and scope too",
                        AuthTokens.ours(cache, drawn, BLOCK)),
                new Contender(
                        "spring-security",
                        "Spring Security " + Versions.of("spring-security")
                                + ", SpringOpaqueTokenIntrospector with its own"
                                + " RestTemplate (connections are kept); it has no cache",
                        page -> {
                            long sum = 0;
                            for (int i = page * BLOCK; i < (page + 1) * BLOCK; i++) {
                                String subject = spring.introspect(drawn[i]).getAttribute("sub");
                                if (subject == null)
                                    throw new IllegalStateException("spring-security tells no subject");
                                sum += subject.hashCode();
                            }
                            return sum;
                        }));
        session.say("");
        session.say(
                "auth.hit.spring-opaque: " + subjects.size()
                        + " tokens by Zipf's law, all seen before, one thread; the authorization server is a stub on the loopback");
        session.settings(contenders);
        Samples samples =
                Rounds.run("auth.hit.spring-opaque", contenders, BLOCKS, effort(session.quick()), session.progress());
        session.say(samples.rounds("ours") + " rounds");
        session.emit(
                samples.row("auth.hit.spring-opaque", "ours", "spring-security", "us/op", BLOCK * NANOS_PER_MICRO));
    }

    private static void shape(Session session, TokenCache cache, Map<String, String> subjects) throws Exception {
        Bare bare = new Bare(subjects);
        String[] drawn = AuthTokens.drawn(subjects, SHAPE_BLOCK * SHAPE_BLOCKS);
        List<Contender> contenders = List.of(
                new Contender("ours", "as above", AuthTokens.ours(cache, drawn, SHAPE_BLOCK)),
                new Contender(
                        "bare",
                        "HMAC-SHA-256 of the token with one Mac, and getIfPresent of a Caffeine cache with maximumSize;"
                                + " looks at nothing else",
                        page -> {
                            long sum = 0;
                            for (int i = page * SHAPE_BLOCK; i < (page + 1) * SHAPE_BLOCK; i++) {
                                sum += bare.subject(drawn[i]).hashCode();
                            }
                            return sum;
                        }));
        session.say("");
        session.say("auth.hit.shape: the same tokens, one thread");
        session.settings(contenders);
        Samples samples =
                Rounds.run("auth.hit.shape", contenders, SHAPE_BLOCKS, effort(session.quick()), session.progress());
        session.say(samples.rounds("ours") + " rounds");
        session.emit(samples.row("auth.hit.shape", "ours", "bare", "ns/op", SHAPE_BLOCK));
    }

    /** One contender in memory, and maybe one that takes milliseconds a request. */
    static Effort effort(boolean quick) {
        return quick
                ? new Effort(Duration.ofSeconds(2), Duration.ofSeconds(10), Duration.ofMillis(20))
                : new Effort(Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofMillis(20));
    }

    /** As little as can be: for one thread, without times, audiences and revocations. */
    private static final class Bare {
        private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

        private final Mac mac;
        private final Cache<Digest, TokenFacts> cache =
                Caffeine.newBuilder().maximumSize(100_000).build();

        private record Digest(long a, long b, long c, long d) {
            @Override
            public int hashCode() {
                return (int) a;
            }
        }

        Bare(Map<String, String> subjects) throws GeneralSecurityException {
            mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec("0123456789abcdef".getBytes(US_ASCII), "HmacSHA256"));
            subjects.forEach((token, subject) -> cache.put(digest(token), AuthTokens.facts(subject)));
        }

        private Digest digest(String token) {
            byte[] bytes = mac.doFinal(token.getBytes(ISO_8859_1));
            return new Digest(word(bytes, 0), word(bytes, 8), word(bytes, 16), word(bytes, 24));
        }

        private static long word(byte[] bytes, int at) {
            return (long) LONGS.get(bytes, at);
        }

        String subject(String token) {
            TokenFacts facts = cache.getIfPresent(digest(token));
            String subject = facts == null ? null : facts.subject();
            if (subject == null) throw new IllegalStateException("the bare cache has lost a token");
            return subject;
        }
    }
}
