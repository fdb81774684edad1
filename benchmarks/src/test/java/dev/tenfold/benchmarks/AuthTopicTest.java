package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.auth.TokenCache;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That the comparisons measure what they say, not how fast. */
@Timeout(120)
class AuthTopicTest {
    private final Progress progress = Progress.on(new PrintStream(new ByteArrayOutputStream(), true, UTF_8));

    @Test
    void tokens_are_drawn_by_popularity_and_each_is_its_subjects() throws Exception {
        Map<String, String> subjects = AuthTokens.opaque(50, 42);
        String[] drawn = AuthTokens.drawn(subjects, 400);
        assertThat(subjects.keySet()).hasSize(50).contains(drawn);
        try (TokenCache cache = AuthTokens.inMemory(token -> {
            String subject = subjects.get(token);
            return subject == null ? null : AuthTokens.facts(subject);
        })) {
            AuthTokens.verify(cache, subjects, "nobody-issued-this");
            long expected = 0;
            for (int i = 100; i < 200; i++) {
                expected += subjects.getOrDefault(drawn[i], "").hashCode();
            }
            assertThat(AuthTokens.ours(cache, drawn, 100).answer(1)).isEqualTo(expected);
            assertThat(cache.stats().lookups()).isEqualTo(51);
        }
    }

    @Test
    void a_cache_that_takes_one_token_for_anothers_ends_the_comparison() {
        Map<String, String> subjects = AuthTokens.opaque(5, 42);
        try (TokenCache cache = AuthTokens.inMemory(token -> AuthTokens.facts("user:0"))) {
            assertThatThrownBy(() -> AuthTokens.verify(cache, subjects, "nobody-issued-this"))
                    .hasMessage("ours takes the token of user:1 for another's");
            assertThatThrownBy(() -> AuthTokens.verify(cache, Map.of(), "nobody-issued-this"))
                    .hasMessage("ours accepts a token that nobody issued");
        }
    }

    @Test
    void a_forged_token_has_the_same_claims_and_another_signature() {
        String token = "eyJhIjoxfQ.eyJiIjoyfQ.AAAAAAAAAAAAAAAA";
        assertThat(AuthJwt.forged(token))
                .startsWith("eyJhIjoxfQ.eyJiIjoyfQ.")
                .hasSameSizeAs(token)
                .isNotEqualTo(token);
    }

    @Test
    void a_new_token_is_looked_up_once() throws Exception {
        try (RedisServer server = RedisServer.start()) {
            assertThat(AuthMisses.introspections(server.uri(), 2, 100, 2)).isEqualTo(1);
        }
    }

    @Test
    void a_flood_gets_no_further_than_its_limit() throws Exception {
        try (RedisServer server = RedisServer.start()) {
            // A machine that stands still may try too few at first to be limited.
            Await.until("more is tried than the limit lets through", () -> {
                AuthFlood.Outcome outcome = AuthFlood.measure(server.uri(), 20, Duration.ofMillis(200), 2, progress);
                assertThat(outcome.lookupsPerSecond()).isBetween(1.0, outcome.limit());
                assertThat(outcome.p99s().rounds("ours")).isEqualTo(2);
                assertThat(outcome.p99s().rounds("quiet")).isEqualTo(2);
                assertThat(outcome.bytesBefore()).isPositive();
                return outcome.tried() > outcome.limit();
            });
        }
    }

    @Test
    void revoked_tokens_are_accepted_no_more() throws Exception {
        try (RedisServer server = RedisServer.start()) {
            AuthRevoke.Outcome outcome = AuthRevoke.revoke(server.uri(), 3, 20, progress);
            assertThat(outcome.nanos().getTotalCount()).isEqualTo(20);
            assertThat(outcome.acceptedAfter()).isZero();
            AuthRevoke.Outcome cut = AuthRevoke.cut(server, 2, progress);
            assertThat(cut.nanos().getTotalCount()).isEqualTo(2);
            assertThat(cut.nanos().getMaxValue()).isPositive();
            assertThat(cut.acceptedAfter()).isZero();
        }
    }

    @Test
    void all_kinds_of_sessions_know_their_subjects() throws Exception {
        List<AuthSessionNode> nodes = new ArrayList<>();
        try (RedisServer server = RedisServer.start()) {
            try {
                for (Contender contender : AuthSessions.contenders(server.uri(), nodes, 20)) {
                    Map<String, Double> counted = AuthSessions.commands(server.uri(), contender, 200);
                    assertThat(counted).as(contender.name()).isNotEmpty();
                }
                assertThat(nodes).hasSize(3);
                assertThat(AuthSessions.commands(server.uri(), new Contender("none", "", page -> 1), 200))
                        .isEmpty();
                assertThatThrownBy(
                                () -> AuthSessions.commands(server.uri(), new Contender("wrong", "", page -> 0), 200))
                        .hasMessage("wrong takes a session for another's");
            } finally {
                nodes.forEach(AuthSessionNode::close);
            }
        }
    }
}
