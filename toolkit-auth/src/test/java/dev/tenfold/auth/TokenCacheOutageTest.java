package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.auth.Verification.Cause;
import dev.tenfold.auth.Verification.Unavailable;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.StatusOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Two nodes, one of which loses Redis. */
class TokenCacheOutageTest {
    private static final Duration STALENESS = ofMillis(400);
    private static final Require ANY = Require.active();

    private final StubIntrospector authority = new StubIntrospector();
    private final String prefix = "outage" + System.nanoTime() + ":";
    private FaultProxy proxy;
    private RedisLink faulty;
    private RedisLink sound;
    private TokenCache node;
    private TokenCache other;

    @BeforeEach
    void connect() {
        RedisServer server = RedisServer.shared();
        proxy = FaultProxy.to(server.host(), server.port());
        faulty = throughProxy(ofMillis(250));
        sound = link(server.uri(), Await.LIMIT);
        node = cache(faulty, b -> b);
        other = cache(sound, b -> b);
        authority.with("abc", TokenFacts.of("iss", "42").issuedAt(Instant.now().minusSeconds(60)));
    }

    private RedisLink throughProxy(Duration commandTimeout) {
        return link("redis://" + proxy.host() + ":" + proxy.port(), commandTimeout);
    }

    private static RedisLink link(String uri, Duration commandTimeout) {
        RedisLink link = RedisLink.connect(uri, o -> o.commandTimeout(commandTimeout));
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
        return link;
    }

    private TokenCache cache(RedisLink link, UnaryOperator<TokenCacheBuilder> changes) {
        return changes.apply(TokenCache.builder(authority)
                        .redis(link)
                        .pepper("0123456789abcdef".getBytes(US_ASCII))
                        .prefix(prefix)
                        .maxStaleness(STALENESS)
                        .negativeTtl(Duration.ZERO))
                .build();
    }

    @AfterEach
    void close() {
        node.close();
        other.close();
        faulty.close();
        sound.close();
        proxy.close();
    }

    private static boolean isAccepted(TokenCache cache) {
        return cache.verify(Credential.bearer("abc"), ANY).isVerified();
    }

    /** A busy machine may miss the short timeouts at first. */
    private static void awaitAccepted(TokenCache cache) {
        Await.until("it is accepted", () -> isAccepted(cache));
    }

    @Test
    void a_node_that_is_cut_off_refuses_what_another_revoked() {
        awaitAccepted(node);
        proxy.halfOpen();
        assertThat(other.revoke(Credential.bearer("abc")).isDelivered()).isTrue();
        long revoked = System.nanoTime();
        long last = revoked;
        while (System.nanoTime() - revoked < ofSeconds(2).toNanos()) {
            long asked = System.nanoTime();
            if (isAccepted(node)) last = asked;
        }
        assertThat(Duration.ofNanos(last - revoked)).isLessThan(STALENESS);

        proxy.resume();
        Await.until("the link is up", () -> faulty.isAvailable());
        for (int i = 0; i < 100; i++) assertThat(isAccepted(node)).isFalse();
    }

    /** Grace is for an authority that fails, not for a node that cannot know what was revoked. */
    @Test
    void with_grace_a_node_that_is_cut_off_refuses_too_what_another_revoked() {
        UnaryOperator<TokenCacheBuilder> grace = b -> b.name("grace").graceOnError(ofSeconds(30), "orders:read");
        try (TokenCache one = cache(faulty, grace);
                TokenCache two = cache(sound, grace)) {
            awaitAccepted(one);
            proxy.cut();
            assertThat(two.revoke(Credential.bearer("abc")).isDelivered()).isTrue();
            Await.until("it refuses", () -> !isAccepted(one));
            for (int i = 0; i < 100; i++) assertThat(isAccepted(one)).isFalse();
        }
    }

    @Test
    void without_redis_nobody_can_tell_and_afterwards_all_is_well() {
        awaitAccepted(node);
        proxy.cut();
        Await.until("the link is down", () -> !faulty.isAvailable());
        int asked = authority.asked.get();
        Await.until(
                "it refuses",
                () -> node.verify(Credential.bearer("abc"), ANY) instanceof Unavailable unavailable
                        && unavailable.cause() == Cause.REVOCATIONS);
        assertThat(authority.asked).hasValue(asked);
        assertThat(isAccepted(other)).as("who has Redis goes on").isTrue();
        proxy.resume();
        Await.until("it accepts again", () -> isAccepted(node));
    }

    @Test
    void with_recheck_the_authority_is_asked_and_own_revocations_hold() {
        TokenCache rechecking = cache(faulty, b -> b.name("recheck").onOutage(Outage.RECHECK));
        try (rechecking) {
            authority.with("mine", TokenFacts.of("iss", "7"));
            proxy.cut();
            Await.until("the link is down", () -> !faulty.isAvailable());
            assertThat(isAccepted(rechecking)).isTrue();
            assertThat(rechecking.revoke(Credential.bearer("mine")).isDelivered())
                    .isFalse();
            assertThat(rechecking.verify(Credential.bearer("mine"), ANY).isVerified())
                    .isFalse();
            authority.active.remove("abc");
            Await.until("what it knows is too old", () -> !isAccepted(rechecking));
            proxy.resume();
            Await.until("it was told", () -> rechecking.stats().undelivered() == 0);
        }
    }

    /** It was delivered long before, so nothing but its mark tells of it. */
    @Test
    void what_is_accepted_without_a_look_at_the_marks_is_not_kept_for_when_redis_is_back() {
        UnaryOperator<TokenCacheBuilder> rechecks =
                b -> b.name("recheck").onOutage(Outage.RECHECK).maxStaleness(ofMinutes(1));
        try (TokenCache one = cache(faulty, rechecks);
                TokenCache two = cache(sound, rechecks)) {
            assertThat(two.logoutAll(Subject.of("iss", "42")).isDelivered()).isTrue();
            Await.until("it refuses", () -> !isAccepted(one));
            proxy.cut();
            Await.until("the link is down", () -> !faulty.isAvailable());
            assertThat(isAccepted(one)).as("the authority does not know of it").isTrue();
            proxy.resume();
            Await.until("it refuses again", () -> !isAccepted(one));
            for (int i = 0; i < 100; i++) assertThat(isAccepted(two)).isFalse();
        }
    }

    @Test
    void a_revocation_without_redis_goes_out_when_it_is_back() {
        awaitAccepted(node);
        assertThat(isAccepted(other)).isTrue();
        proxy.cut();
        Await.until("the link is down", () -> !faulty.isAvailable());
        Revocation revocation = node.logoutAll(Subject.of("iss", "42"));
        assertThat(revocation.isDelivered()).isFalse();
        assertThat(isAccepted(node)).isFalse();
        assertThat(node.stats().undelivered()).isOne();
        assertThat(isAccepted(other)).as("it cannot know yet").isTrue();
        proxy.resume();
        Await.until("the other refuses", () -> !isAccepted(other));
        Await.until("nothing waits", () -> node.stats().undelivered() == 0);
        assertThat(isAccepted(node)).isFalse();
    }

    enum Ending {
        TOKEN,
        TOKEN_BY_ITS_ID,
        SESSION,
        SUBJECT;

        Revocation by(TokenCache cache) {
            return switch (this) {
                case TOKEN -> cache.revoke(Credential.bearer("abc"));
                case TOKEN_BY_ITS_ID -> cache.revoke(Credential.bearer("ABC"));
                case SESSION -> cache.revokeSession("iss", "s1");
                case SUBJECT -> cache.logoutAll(Subject.of("iss", "42"));
            };
        }
    }

    /** Redis takes what the cache sends, and not the mark: whoever looks the token up in between has seen neither. */
    @ParameterizedTest
    @EnumSource
    void a_mark_that_redis_takes_after_the_message_ends_what_was_looked_up_in_between(Ending ending) {
        TokenFacts.Builder facts = TokenFacts.of("iss", "42")
                .tokenId("id")
                .sessionId("s1")
                .issuedAt(Instant.now().minusSeconds(60));
        authority.with("abc", facts).with("ABC", facts);
        try (RedisServer server = RedisServer.start();
                RedisLink admin = link(server.uri(), Await.LIMIT)) {
            acl(admin, "node", "on", "nopass", "+@all", "&*", "~*");
            try (RedisLink limited = link("redis://node:any@" + server.host() + ":" + server.port(), Await.LIMIT);
                    TokenCache one = cache(limited, b -> b);
                    TokenCache two = cache(admin, b -> b)) {
                assertThat(isAccepted(one)).isTrue();
                assertThat(isAccepted(two)).isTrue();
                acl(admin, "node", "resetkeys", "~" + prefix + "{*");
                assertThat(ending.by(one).isDelivered()).isFalse();
                assertThat(isAccepted(one)).isFalse();
                int asked = authority.asked.get();
                Await.until("the other has looked it up anew", () -> isAccepted(two) && authority.asked.get() > asked);
                acl(admin, "node", "~*");
                Await.until("the other refuses", () -> !isAccepted(two));
                Await.until("nothing waits", () -> one.stats().undelivered() == 0);
                assertThat(isAccepted(one)).isFalse();
            }
        }
    }

    private static void acl(RedisLink admin, String user, String... rules) {
        var args = new CommandArgs<>(ByteArrayCodec.INSTANCE).add("SETUSER").add(user);
        for (String rule : rules) args.add(rule);
        String reply = admin.await(admin.call(
                redis -> redis.dispatch(CommandType.ACL, new StatusOutput<>(ByteArrayCodec.INSTANCE), args)));
        assertThat(reply).isEqualTo("OK");
    }

    @Test
    void an_authority_that_is_down_hurts_nobody_who_is_known() {
        try (TokenCache one = cache(sound, b -> b.maxStaleness(ofMinutes(1)));
                TokenCache two = cache(sound, b -> b.maxStaleness(ofMinutes(1)))) {
            assertThat(isAccepted(one)).isTrue();
            authority.failure = new IOException("down");
            for (int i = 0; i < 100; i++) assertThat(isAccepted(one)).isTrue();
            assertThat(isAccepted(two)).as("from Redis").isTrue();
            assertThat(authority.asked).hasValue(1);
        }
    }

    @Test
    void a_node_that_dies_while_it_looks_a_token_up_holds_nobody_up_for_long() throws Exception {
        CountDownLatch isAsked = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        authority.onAsked = token -> {
            if (authority.asked.get() > 1) return;
            isAsked.countDown();
            Await.latch(goOn);
        };
        // Long enough for a busy machine to get as far as the authority.
        try (RedisLink patient = throughProxy(ofSeconds(5));
                TokenCache dies = cache(patient, b -> b)) {
            CompletableFuture<Boolean> dying = CompletableFuture.supplyAsync(() -> isAccepted(dies));
            Await.latch(isAsked);
            proxy.halfOpen();
            try {
                assertThat(isAccepted(other)).isTrue();
                assertThat(authority.asked).hasValue(2);
            } finally {
                goOn.countDown();
            }
            assertThat(dying.get(20, TimeUnit.SECONDS))
                    .as("nobody can tell it what was revoked")
                    .isFalse();
            proxy.resume();
        }
    }
}
