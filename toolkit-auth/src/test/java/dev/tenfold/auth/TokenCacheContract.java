package dev.tenfold.auth;

import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.auth.Verification.Cause;
import dev.tenfold.auth.Verification.Reason;
import dev.tenfold.auth.Verification.Refused;
import dev.tenfold.auth.Verification.Unavailable;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.SettableClock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a token cache does wherever it keeps what it knows. */
abstract class TokenCacheContract {
    static final String ISSUER = "https://id.example";
    static final Require READ = Require.audience("api").scope("orders:read");
    private static final AtomicInteger NAMES = new AtomicInteger();

    final SettableClock clock = SettableClock.at(Instant.now());
    final StubIntrospector authority = new StubIntrospector();
    final List<AuthEvent> events = new CopyOnWriteArrayList<>();
    private final List<TokenCache> caches = new ArrayList<>();
    private final String name = getClass().getSimpleName() + NAMES.incrementAndGet();

    /** Adds what this kind of cache needs. */
    abstract TokenCacheBuilder on(TokenCacheBuilder builder);

    TokenCache cache() {
        return cache(builder -> builder);
    }

    TokenCache cache(UnaryOperator<TokenCacheBuilder> changes) {
        TokenCacheBuilder builder = on(TokenCache.builder(authority)
                .name(name)
                .clock(clock)
                .lookupTimeout(Await.LIMIT)
                .listener(events::add));
        TokenCache cache = changes.apply(builder).build();
        caches.add(cache);
        return cache;
    }

    @AfterEach
    void close() {
        caches.forEach(TokenCache::close);
    }

    TokenFacts.Builder facts(String subject) {
        return TokenFacts.of(ISSUER, subject)
                .audience("api")
                .scope("orders:read", "profile")
                .issuedAt(clock.instant().minusSeconds(60))
                .expiresAt(clock.instant().plusSeconds(3_600));
    }

    /** Later than a log-out a moment ago, which Redis has marked by its own clock: that of this machine, which runs. */
    private void passLogout() {
        clock.set(Instant.now().plusSeconds(5));
    }

    static Credential bearer(String token) {
        return Credential.bearer(token);
    }

    static Reason refusal(Verification verification) {
        assertThat(verification).isInstanceOf(Refused.class);
        return ((Refused) verification).reason();
    }

    static Cause cause(Verification verification) {
        assertThat(verification).isInstanceOf(Unavailable.class);
        return ((Unavailable) verification).cause();
    }

    // ---- facts, not verdicts ----------------------------------------------------------------------------------------

    @Test
    void a_token_is_looked_up_once() {
        authority.with("abc", facts("42").clientId("app").claim("tenant", "acme"));
        TokenCache tokens = cache();
        for (int i = 0; i < 10; i++) {
            TokenFacts facts = tokens.verify(bearer("abc"), READ).facts();
            assertThat(facts.subject()).isEqualTo("42");
            assertThat(facts.claims()).containsEntry("tenant", "acme");
        }
        assertThat(authority.asked).hasValue(1);
        assertThat(tokens.stats().verified()).isEqualTo(10);
    }

    @Test
    void each_request_is_judged_by_its_own_requirements() {
        authority.with("abc", facts("42"));
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();

        assertThat(refusal(tokens.verify(bearer("abc"), READ.scope("orders:write"))))
                .isEqualTo(Reason.INSUFFICIENT_SCOPE);
        assertThat(refusal(tokens.verify(bearer("abc"), Require.audience("billing"))))
                .isEqualTo(Reason.WRONG_AUDIENCE);
        assertThat(refusal(tokens.verify(bearer("abc"), READ.issuer("https://evil.example"))))
                .isEqualTo(Reason.WRONG_ISSUER);
        assertThat(tokens.verify(bearer("abc"), Require.active()).isVerified()).isTrue();
        assertThat(authority.asked).hasValue(1);
    }

    @Test
    void a_bound_token_is_worth_nothing_without_its_key() {
        authority.with("abc", facts("42").confirmation("x5t#S256", "thumb"));
        TokenCache tokens = cache();
        assertThat(refusal(tokens.verify(bearer("abc"), READ))).isEqualTo(Reason.UNCONFIRMED);
        assertThat(refusal(tokens.verify(bearer("abc"), READ.confirmedBy("jkt", "thumb"))))
                .isEqualTo(Reason.UNCONFIRMED);
        assertThat(refusal(tokens.verify(bearer("abc"), READ.confirmedBy("x5t#S256", "other"))))
                .isEqualTo(Reason.UNCONFIRMED);
        assertThat(tokens.verify(bearer("abc"), READ.confirmedBy("x5t#S256", "thumb"))
                        .isVerified())
                .isTrue();
        assertThat(tokens.verify(bearer("abc"), READ.ignoreConfirmation()).isVerified())
                .isTrue();
    }

    @Test
    void a_cached_token_ends_when_it_ends() {
        authority.with("abc", facts("42").expiresAt(clock.instant().plusSeconds(30)));
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        clock.advance(ofSeconds(29));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        clock.advance(ofSeconds(2));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isFalse();
    }

    @Test
    void an_expired_token_that_the_authority_calls_active_is_not() {
        authority.with("abc", facts("42").expiresAt(clock.instant().minusSeconds(1)));
        assertThat(refusal(cache().verify(bearer("abc"), READ))).isEqualTo(Reason.INACTIVE);
    }

    @Test
    void a_token_may_be_a_clock_skew_early_and_never_late() {
        authority.with("abc", facts("42").notBefore(clock.instant().plusSeconds(20)));
        TokenCache tokens = cache(b -> b.clockSkew(ofSeconds(10)));
        assertThat(refusal(tokens.verify(bearer("abc"), READ))).isEqualTo(Reason.NOT_YET_VALID);
        clock.advance(ofSeconds(11));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        authority.with("late", facts("42").expiresAt(clock.instant().minusSeconds(2)));
        assertThat(tokens.verify(bearer("late"), READ).isVerified()).isFalse();
    }

    // ---- what is not there, and what fails --------------------------------------------------------------------------

    @Test
    void that_a_token_is_not_active_is_remembered() {
        TokenCache tokens = cache();
        for (int i = 0; i < 5; i++) {
            assertThat(refusal(tokens.verify(bearer("unknown"), READ))).isEqualTo(Reason.INACTIVE);
        }
        assertThat(authority.asked).hasValue(1);
    }

    @Test
    void inactive_tokens_push_no_good_one_out() {
        TokenCache tokens = cache(b -> b.maxTokens(50).maxNegatives(20));
        for (int i = 0; i < 50; i++) {
            authority.with("good" + i, facts("s" + i));
            assertThat(tokens.verify(bearer("good" + i), READ).isVerified()).isTrue();
        }
        for (int i = 0; i < 500; i++) tokens.verify(bearer("bad" + i), READ);
        int asked = authority.asked.get();
        for (int i = 0; i < 50; i++) {
            assertThat(tokens.verify(bearer("good" + i), READ).isVerified()).isTrue();
        }
        assertThat(authority.asked).hasValue(asked);
        assertThat(tokens.stats().tokens()).isLessThanOrEqualTo(70);
    }

    @Test
    void a_failure_is_503_and_is_not_remembered() {
        authority.with("abc", facts("42"));
        authority.failure = new IOException("the authorization server answers 500");
        TokenCache tokens = cache();
        Verification down = tokens.verify(bearer("abc"), READ);
        assertThat(cause(down)).isEqualTo(Cause.INTROSPECTION);
        assertThat(((Unavailable) down).retryAfter()).isPositive();
        authority.failure = null;
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        assertThat(tokens.stats().lookupFailures()).isOne();
    }

    @Test
    void a_look_up_that_takes_too_long_is_503() {
        CountDownLatch end = new CountDownLatch(1);
        authority.with("abc", facts("42"));
        authority.onAsked = token -> Await.latch(end);
        TokenCache tokens = cache(b -> b.lookupTimeout(Duration.ofMillis(50)));
        assertThat(cause(tokens.verify(bearer("abc"), READ))).isEqualTo(Cause.INTROSPECTION);
        end.countDown();
        Await.until(
                "it was stored when it came",
                () -> tokens.verify(bearer("abc"), READ).isVerified());
        assertThat(authority.asked).hasValue(1);
    }

    @Test
    void a_flood_of_unknown_tokens_does_not_become_one_of_the_authority() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger atOnce = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        authority.with("good", facts("42"));
        TokenCache tokens = cache(b -> b.maxLookups(3));
        assertThat(tokens.verify(bearer("good"), READ).isVerified()).isTrue();
        authority.onAsked = token -> {
            most.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
            Await.latch(end);
            atOnce.decrementAndGet();
        };
        ExecutorService pool = Executors.newFixedThreadPool(20);
        try {
            List<Future<Verification>> all = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                String token = "random" + i;
                all.add(pool.submit(() -> tokens.verify(bearer(token), READ)));
            }
            Await.until(
                    "17 were told to come again",
                    () -> tokens.stats().unavailable().getOrDefault(Cause.BUSY, 0L) == 17);
            assertThat(tokens.verify(bearer("good"), READ).isVerified())
                    .as("a known one does not wait")
                    .isTrue();
            end.countDown();
            for (Future<Verification> one : all)
                assertThat(one.get().isVerified()).isFalse();
        } finally {
            end.countDown();
            pool.shutdownNow();
        }
        assertThat(most.get()).isLessThanOrEqualTo(3);
    }

    @Test
    void a_caller_may_be_stopped_from_trying_unknown_tokens() {
        authority.with("good", facts("42"));
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("good"), READ, () -> true).isVerified()).isTrue();

        assertThat(cause(tokens.verify(bearer("guess"), READ, () -> false))).isEqualTo(Cause.THROTTLED);
        assertThat(tokens.verify(bearer("good"), READ, () -> false).isVerified())
                .isTrue();
        assertThat(authority.asked).hasValue(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "two words",
                "tab\t",
                "line\nfeed",
                "nul\0",
                "ü",
                "\uD83D\uDE00",
                "del\u007f",
                "bell\u0007",
                "junk of its own kind"
            })
    void what_cannot_be_a_token_costs_nothing(String token) {
        TokenCache tokens = cache();
        assertThat(refusal(tokens.verify(bearer(token), READ))).isEqualTo(Reason.MALFORMED);
        assertThat(tokens.revoke(bearer(token)).isDelivered()).isTrue();
        assertThat(authority.asked).hasValue(0);
    }

    @Test
    void a_megabyte_is_no_token() {
        TokenCache tokens = cache();
        assertThat(refusal(tokens.verify(bearer("x".repeat(1 << 20)), READ))).isEqualTo(Reason.MALFORMED);
        assertThat(refusal(tokens.verify(bearer("junk!"), READ))).isEqualTo(Reason.MALFORMED);
        assertThat(authority.asked).hasValue(0);
    }

    // ---- revoking ---------------------------------------------------------------------------------------------------

    @Test
    void a_revoked_token_is_refused_although_its_authority_says_it_is_active() {
        authority.with("abc", facts("42")).with("other", facts("42"));
        TokenCache tokens = cache(b -> b.negativeTtl(Duration.ZERO));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();

        assertThat(tokens.revoke(bearer("abc")).isDelivered()).isTrue();

        for (int i = 0; i < 3; i++) {
            assertThat(refusal(tokens.verify(bearer("abc"), READ))).isEqualTo(Reason.INACTIVE);
        }
        assertThat(tokens.verify(bearer("other"), READ).isVerified()).isTrue();
        assertThat(tokens.revoke(bearer("abc")).isDelivered()).as("again").isTrue();
        assertThat(tokens.stats().revoked()).isEqualTo(2);
    }

    @Test
    void a_token_can_be_revoked_before_it_was_ever_seen() {
        authority.with("abc", facts("42"));
        TokenCache tokens = cache();
        assertThat(tokens.revoke(bearer("abc")).isDelivered()).isTrue();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isFalse();
    }

    @Test
    void a_token_is_revoked_however_it_is_written() {
        authority
                .with("one-form", facts("42").tokenId("jti-1"))
                .with("other-form", facts("42").tokenId("jti-1"))
                .with("other", facts("42").tokenId("jti-2"));
        TokenCache tokens = cache(b -> b.negativeTtl(Duration.ZERO));
        assertThat(tokens.verify(bearer("one-form"), READ).isVerified()).isTrue();
        assertThat(tokens.verify(bearer("other"), READ).isVerified()).isTrue();
        assertThat(tokens.revoke(bearer("other-form")).isDelivered()).isTrue();
        assertThat(tokens.verify(bearer("one-form"), READ).isVerified()).isFalse();
        assertThat(tokens.verify(bearer("other-form"), READ).isVerified()).isFalse();
        assertThat(tokens.verify(bearer("other"), READ).isVerified()).isTrue();
    }

    @Test
    void the_authority_is_told_and_its_failure_is_too() {
        List<String> told = new ArrayList<>();
        authority.with("abc", facts("42"));
        TokenCache tokens = cache(b -> b.revoker(told::add));
        assertThat(tokens.revoke(bearer("abc")).upstreamFailure()).isEmpty();
        assertThat(told).containsExactly("abc");

        IOException down = new IOException("it answers 503");
        TokenCache failing = cache(b -> b.name("failing").revoker(token -> {
            throw down;
        }));
        Revocation revocation = failing.revoke(bearer("abc"));
        assertThat(revocation.isDelivered()).isTrue();
        assertThat(revocation.upstreamFailure()).contains(down);
        assertThat(failing.verify(bearer("abc"), READ).isVerified()).isFalse();
    }

    @Test
    void a_revocation_during_a_look_up_keeps_its_result_out() throws Exception {
        CountDownLatch isAsked = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        authority.with("abc", facts("42"));
        authority.onAsked = token -> {
            if (authority.asked.get() > 1) return; // the revocation looks, too
            isAsked.countDown();
            Await.latch(goOn);
        };
        TokenCache tokens = cache(b -> b.negativeTtl(Duration.ZERO));
        CompletableFuture<Verification> early = CompletableFuture.supplyAsync(() -> tokens.verify(bearer("abc"), READ));
        Await.latch(isAsked);
        assertThat(tokens.revoke(bearer("abc")).isDelivered()).isTrue();
        goOn.countDown();

        assertThat(early.get().isVerified())
                .as("the mark was there when it looked")
                .isFalse();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isFalse();
    }

    @Test
    void a_subject_is_logged_out_everywhere_and_can_log_in_again() {
        authority.with("a", facts("42")).with("b", facts("42")).with("c", facts("7"));
        TokenCache tokens = cache(b -> b.negativeTtl(Duration.ZERO));
        for (String token : List.of("a", "b", "c")) {
            assertThat(tokens.verify(bearer(token), READ).isVerified()).isTrue();
        }

        assertThat(tokens.logoutAll(Subject.of(ISSUER, "42")).isDelivered()).isTrue();

        assertThat(refusal(tokens.verify(bearer("a"), READ))).isEqualTo(Reason.INACTIVE);
        assertThat(refusal(tokens.verify(bearer("b"), READ))).isEqualTo(Reason.INACTIVE);
        assertThat(tokens.verify(bearer("c"), READ).isVerified()).isTrue();
        authority.with("same-second", facts("42").issuedAt(clock.instant()));
        assertThat(tokens.verify(bearer("same-second"), READ).isVerified()).isFalse();
        passLogout();
        authority.with("new", facts("42").issuedAt(clock.instant()));
        assertThat(tokens.verify(bearer("new"), READ).isVerified()).isTrue();
    }

    @Test
    void a_log_out_of_somebody_called_the_same_at_another_issuer_is_none() {
        authority.with("a", facts("42"));
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("a"), READ).isVerified()).isTrue();
        assertThat(tokens.logoutAll(Subject.of("https://other.example", "42")).isDelivered())
                .isTrue();
        assertThat(tokens.verify(bearer("a"), READ).isVerified()).isTrue();
        assertThat(authority.asked).hasValue(1);
    }

    @Test
    void a_token_without_a_time_of_issue_is_looked_up_anew_after_a_log_out() {
        authority.with("abc", facts("42").issuedAt(null));
        TokenCache tokens = cache(b -> b.clockSkew(Duration.ZERO).negativeTtl(Duration.ZERO));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        assertThat(tokens.logoutAll(Subject.of(ISSUER, "42")).isDelivered()).isTrue();
        passLogout();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        assertThat(authority.asked).hasValue(2);
    }

    @Test
    void one_session_is_ended_and_the_others_go_on() {
        authority
                .with("phone", facts("42").sessionId("s1"))
                .with("laptop", facts("42").sessionId("s2"));
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("phone"), READ).isVerified()).isTrue();
        assertThat(tokens.verify(bearer("laptop"), READ).isVerified()).isTrue();
        assertThat(tokens.revokeSession(ISSUER, "s1").isDelivered()).isTrue();
        assertThat(tokens.verify(bearer("phone"), READ).isVerified()).isFalse();
        assertThat(tokens.verify(bearer("laptop"), READ).isVerified()).isTrue();
    }

    @Test
    void facts_go_with_the_key_that_vouched_for_them() {
        authority.with("a", facts("42").key("k1")).with("b", facts("42").key("k2"));
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("a"), READ).isVerified()).isTrue();
        assertThat(tokens.verify(bearer("b"), READ).isVerified()).isTrue();
        authority.active.remove("a");
        authority.dropKey.accept("k1");
        assertThat(tokens.verify(bearer("a"), READ).isVerified()).isFalse();
        assertThat(tokens.verify(bearer("b"), READ).isVerified()).isTrue();
        assertThat(authority.asked).hasValue(3);
    }

    // ---- what is told -----------------------------------------------------------------------------------------------

    @Test
    void an_audit_hears_of_all_and_learns_no_secret() {
        authority.with("abcsecret", facts("subjectX").sessionId("session7"));
        TokenCache tokens = cache();
        tokens.verify(bearer("abcsecret"), READ.scope("more"));
        tokens.verify(bearer("not a token"), READ);
        tokens.verify(bearer("unknownsecret"), READ);
        tokens.revoke(bearer("abcsecret"));
        tokens.logoutAll(Subject.of(ISSUER, "subjectX"));
        tokens.revokeSession(ISSUER, "session7");
        authority.failure = new IOException("down");
        tokens.verify(bearer("othersecret"), READ);

        assertThat(events)
                .hasSize(7)
                .anySatisfy(event -> assertThat(event).isInstanceOf(AuthEvent.Unavailable.class))
                .anySatisfy(event -> assertThat(event).isInstanceOf(AuthEvent.Revoked.class))
                .anySatisfy(event -> assertThat(event).isEqualTo(new AuthEvent.Refused(null, Reason.MALFORMED)));
        assertThat(events.toString())
                .doesNotContain("secret")
                .doesNotContain("subjectX")
                .doesNotContain("session7");
        assertThat(tokens.toString() + bearer("abcsecret")).doesNotContain("secret");
    }

    @Test
    void a_listener_that_fails_changes_no_answer() {
        authority.with("abc", facts("42"));
        TokenCache tokens = cache(b -> b.listener(event -> {
            throw new IllegalStateException("from the listener");
        }));
        assertThat(refusal(tokens.verify(bearer("abc"), Require.audience("x")))).isEqualTo(Reason.WRONG_AUDIENCE);
    }

    @Test
    void figures_are_meters() {
        authority.with("abc", facts("42"));
        TokenCache tokens = cache();
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        AuthMetrics.of(tokens).bindTo(registry);
        tokens.verify(bearer("abc"), READ);
        tokens.verify(bearer("abc"), READ.scope("more"));
        assertThat(registry.get("toolkit.auth.verifications")
                        .tag("outcome", "verified")
                        .functionCounter()
                        .count())
                .isEqualTo(1);
        assertThat(registry.get("toolkit.auth.verifications")
                        .tag("outcome", "insufficient_scope")
                        .functionCounter()
                        .count())
                .isEqualTo(1);
        assertThat(registry.get("toolkit.auth.lookups").functionCounter().count())
                .isEqualTo(1);
        assertThat(registry.get("toolkit.auth.tokens").gauge().value()).isEqualTo(1);
    }

    @Test
    void settings_that_make_no_sense_are_refused_at_once() {
        TokenCacheBuilder builder = TokenCache.builder(authority);
        assertThatThrownBy(() -> builder.maxAge(Duration.ZERO)).hasMessageContaining("maxAge");
        assertThatThrownBy(() -> builder.maxStaleness(ofMinutes(2))).hasMessageContaining("maxStaleness");
        assertThatThrownBy(() -> builder.pepper(new byte[8])).hasMessageContaining("pepper");
        assertThatThrownBy(() -> builder.graceOnError(ofSeconds(10))).hasMessageContaining("scopes");
        assertThatThrownBy(() -> builder.graceOnError(ofMinutes(2), "read")).hasMessageContaining("graceOnError");
        assertThatThrownBy(() -> builder.maxLookups(0)).hasMessageContaining("maxLookups");
        assertThatThrownBy(() -> SealKeys.of(1, new byte[16])).hasMessageContaining("32");
        assertThatThrownBy(() -> Subject.of(ISSUER, "")).hasMessageContaining("subject");
        assertThatThrownBy(() -> TokenCache.builder(authority)
                        .seal(SealKeys.of(1, new byte[32]))
                        .build())
                .hasMessageContaining("redis");
    }
}
