package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.SetArgs;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Caches that share a Redis: a server or a cluster. */
abstract class RemoteTokenCacheContract extends TokenCacheContract {
    private static final byte[] PEPPER = "0123456789abcdef0123456789abcdef".getBytes(ISO_8859_1);
    private final String prefix = getClass().getSimpleName() + System.nanoTime() + ":";

    abstract RedisLink link();

    @Override
    TokenCacheBuilder on(TokenCacheBuilder builder) {
        return builder.redis(link()).pepper(PEPPER).prefix(prefix);
    }

    private List<byte[]> keys() {
        ScanArgs all = ScanArgs.Builder.matches(prefix + "*").limit(10_000_000);
        List<byte[]> keys = new ArrayList<>();
        var cursor = link().await(link().call(redis -> redis.scan(all)));
        keys.addAll(cursor.getKeys());
        while (!cursor.isFinished()) {
            var from = cursor;
            cursor = link().await(link().call(redis -> redis.scan(from, all)));
            keys.addAll(cursor.getKeys());
        }
        return keys;
    }

    private byte[] slot(int length) {
        return keys().stream()
                .filter(key -> "string".equals(link().await(link().call(redis -> redis.type(key)))))
                .filter(key -> link().await(link().call(redis -> redis.strlen(key))) > length)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void a_token_is_looked_up_once_by_all_nodes_together() {
        authority.with("abc", facts("42").claim("roles", List.of("a", "b")));
        TokenFacts first = cache().verify(bearer("abc"), READ).facts();
        TokenFacts second = cache().verify(bearer("abc"), READ).facts();
        assertThat(second).isEqualTo(first);
        assertThat(authority.asked).hasValue(1);
    }

    @Test
    @Timeout(120)
    void ten_thousand_at_once_on_four_nodes_ask_once() throws Exception {
        authority.with("abc", facts("42"));
        List<TokenCache> nodes = List.of(cache(), cache(), cache(), cache());
        int threads = 100;
        CyclicBarrier start = new CyclicBarrier(threads);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Integer>> all = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                TokenCache node = nodes.get(t % nodes.size());
                all.add(pool.submit(() -> {
                    Await.barrier(start);
                    int verified = 0;
                    for (int i = 0; i < 100; i++)
                        verified += node.verify(bearer("abc"), READ).isVerified() ? 1 : 0;
                    return verified;
                }));
            }
            for (Future<Integer> one : all) assertThat(one.get()).isEqualTo(100);
        } finally {
            pool.shutdownNow();
        }
        assertThat(authority.asked).hasValue(1);
    }

    @Test
    void what_one_node_revokes_the_others_refuse() {
        authority.with("a", facts("42")).with("b", facts("42").sessionId("s")).with("c", facts("42"));
        TokenCache here = cache(b -> b.negativeTtl(Duration.ZERO));
        TokenCache there = cache(b -> b.negativeTtl(Duration.ZERO));
        for (String token : List.of("a", "b", "c")) {
            assertThat(here.verify(bearer(token), READ).isVerified()).isTrue();
            assertThat(there.verify(bearer(token), READ).isVerified()).isTrue();
        }
        assertThat(here.revoke(bearer("a")).isDelivered()).isTrue();
        Await.until(
                "the token is refused", () -> !there.verify(bearer("a"), READ).isVerified());
        assertThat(here.revokeSession(ISSUER, "s").isDelivered()).isTrue();
        Await.until(
                "the session is refused", () -> !there.verify(bearer("b"), READ).isVerified());
        assertThat(there.verify(bearer("c"), READ).isVerified()).isTrue();
        assertThat(here.logoutAll(Subject.of(ISSUER, "42")).isDelivered()).isTrue();
        Await.until(
                "the subject is refused", () -> !there.verify(bearer("c"), READ).isVerified());
        for (int i = 0; i < 20; i++) {
            for (String token : List.of("a", "b", "c")) {
                assertThat(there.verify(bearer(token), READ).isVerified()).isFalse();
            }
        }
        TokenCache later = cache();
        assertThat(later.verify(bearer("a"), READ).isVerified()).isFalse();
    }

    /** On another node each time, at a random moment of the look-up. */
    @Test
    @Timeout(300)
    void a_revocation_that_meets_a_look_up_is_never_cached_as_active() throws Exception {
        long seed = Long.getLong("tenfold.seed", System.nanoTime());
        int races = Integer.getInteger("tenfold.races", 300);
        Random random = new Random(seed);
        TokenCache one = cache(b -> b.negativeTtl(Duration.ZERO));
        TokenCache two = cache(b -> b.negativeTtl(Duration.ZERO));
        for (int i = 0; i < races; i++) {
            int race = i;
            String token = "race" + race;
            authority.with(token, facts("s" + race).sessionId("i" + race));
            long wait = random.nextInt(400_000);
            int how = random.nextInt(3);
            TokenCache revoking = random.nextBoolean() ? one : two;
            CompletableFuture<?> lookup = CompletableFuture.runAsync(() -> one.verify(bearer(token), READ));
            long until = System.nanoTime() + wait;
            while (System.nanoTime() - until < 0) Thread.onSpinWait();
            Revocation revocation = switch (how) {
                case 0 -> revoking.revoke(bearer(token));
                case 1 -> revoking.revokeSession(ISSUER, token.replace("race", "i"));
                default -> revoking.logoutAll(Subject.of(ISSUER, token.replace("race", "s")));
            };
            assertThat(revocation.isDelivered()).isTrue();
            assertThat(revoking.verify(bearer(token), READ).isVerified())
                    .as("race %d of seed %d", race, seed)
                    .isFalse();
            lookup.get(30, TimeUnit.SECONDS);
            TokenCache other = revoking == one ? two : one;
            Await.until(
                    () -> "race " + race + " of seed " + seed + " ends",
                    () -> !other.verify(bearer(token), READ).isVerified());
            assertThat(other.verify(bearer(token), READ).isVerified())
                    .as("race %d of seed %d, once refused", race, seed)
                    .isFalse();
        }
    }

    @Test
    void a_node_whose_clock_is_ahead_voids_nothing_that_was_issued_after_a_log_out() {
        clock.advance(ofMinutes(60));
        TokenCache ahead = cache(b -> b.negativeTtl(Duration.ZERO));
        assertThat(ahead.logoutAll(Subject.of(ISSUER, "42")).isDelivered()).isTrue();
        Instant now = Instant.now(); // as Redis has it, on this machine
        authority.with("old", facts("42").issuedAt(now.minusSeconds(60)));
        authority.with("new", facts("42").issuedAt(now.plusSeconds(5)));
        assertThat(ahead.verify(bearer("old"), READ).isVerified()).isFalse();
        assertThat(ahead.verify(bearer("new"), READ).isVerified()).isTrue();
    }

    @Test
    void redis_learns_no_token_and_no_subject() {
        authority.with("abcsecrettoken", facts("subjectX").sessionId("sessionX").claim("mail", "ada@example.org"));
        TokenCache tokens = cache(b -> b.seal(SealKeys.of(1, new byte[32])));
        assertThat(tokens.verify(bearer("abcsecrettoken"), READ).isVerified()).isTrue();
        tokens.revoke(bearer("othersecrettoken"));
        tokens.logoutAll(Subject.of(ISSUER, "subjectX"));
        tokens.revokeSession(ISSUER, "sessionX");
        List<byte[]> keys = keys();
        assertThat(keys).hasSizeGreaterThan(3);
        StringBuilder all = new StringBuilder();
        for (byte[] key : keys) {
            all.append(new String(key, ISO_8859_1)).append('\n');
            byte[] dump = link().await(link().call(redis -> redis.dump(key)));
            if (dump != null) all.append(new String(dump, ISO_8859_1)).append('\n');
        }
        assertThat(all.toString())
                .doesNotContain("secrettoken")
                .doesNotContain("subjectX")
                .doesNotContain("sessionX")
                .doesNotContain("ada@");
    }

    @Test
    void sealed_facts_that_somebody_changed_are_looked_up_anew() {
        authority.with("abc", facts("42"));
        TokenCache writer = cache(b -> b.seal(SealKeys.of(1, new byte[32])));
        assertThat(writer.verify(bearer("abc"), READ).isVerified()).isTrue();
        byte[] slot = slot(100);
        byte[] held = link().await(link().call(redis -> redis.get(slot)));
        held[held.length - 5] ^= 1; // the last byte of the value; its checksum follows, which anybody can make
        CRC32C checksum = new CRC32C();
        checksum.update(held, 0, 2);
        checksum.update(held, 26, held.length - 30);
        ByteBuffer.wrap(held).putInt(held.length - 4, (int) checksum.getValue());
        link().await(link().call(redis -> redis.set(slot, held, SetArgs.Builder.keepttl())));

        TokenCache reader = cache(b -> b.seal(SealKeys.of(1, new byte[32])));
        assertThat(reader.verify(bearer("abc"), READ).isVerified()).isTrue();
        assertThat(authority.asked).hasValue(2);
        assertThat(reader.stats().tampered()).isOne();
        assertThat(events).contains(new AuthEvent.Tampered());
    }

    @Test
    void facts_that_somebody_moved_to_another_token_are_never_its_own() {
        authority.with("weak", facts("42")).with("strong", facts("root").scope("admin"));
        TokenCache writer = cache(b -> b.seal(SealKeys.of(1, new byte[32])));
        assertThat(writer.verify(bearer("weak"), READ).isVerified()).isTrue();
        byte[] weak = slot(100);
        assertThat(writer.verify(bearer("strong"), READ).isVerified()).isTrue();
        byte[] strong = keys().stream()
                .filter(key -> "string".equals(link().await(link().call(redis -> redis.type(key)))))
                .filter(key -> link().await(link().call(redis -> redis.strlen(key))) > 100)
                .filter(key -> !Arrays.equals(key, weak))
                .findFirst()
                .orElseThrow();
        byte[] stolen = link().await(link().call(redis -> redis.get(strong)));
        link().await(link().call(redis -> redis.set(weak, stolen, SetArgs.Builder.keepttl())));

        TokenCache reader = cache(b -> b.seal(SealKeys.of(1, new byte[32])));
        for (int i = 0; i < 3; i++) {
            assertThat(reader.verify(bearer("weak"), READ).facts().subject()).isEqualTo("42");
        }
        assertThat(reader.stats().tampered()).isPositive();
        link().await(link().call(redis -> redis.set(weak, stolen)));
        TokenCache other = cache(b -> b.seal(SealKeys.of(1, new byte[32])));
        assertThat(other.verify(bearer("weak"), READ.scope("admin")).isVerified())
                .isFalse();
    }

    @Test
    void seal_keys_can_be_changed_while_nodes_run() {
        authority.with("abc", facts("42"));
        byte[] old = new byte[32];
        byte[] fresh = new byte[32];
        fresh[0] = 1;
        assertThat(cache(b -> b.seal(SealKeys.of(1, old)))
                        .verify(bearer("abc"), READ)
                        .isVerified())
                .isTrue();
        assertThat(cache(b -> b.seal(SealKeys.of(2, fresh).and(1, old)))
                        .verify(bearer("abc"), READ)
                        .isVerified())
                .isTrue();
        assertThat(authority.asked).hasValue(1);
        TokenCache without = cache(b -> b.seal(SealKeys.of(2, fresh)));
        assertThat(without.verify(bearer("abc"), READ).isVerified()).isTrue();
        assertThat(authority.asked).hasValue(2);
        assertThat(without.stats().tampered())
                .as("an unknown key is no forgery")
                .isZero();
    }

    @Test
    void another_pepper_or_another_introspector_shares_nothing() {
        authority.with("abc", facts("42"));
        assertThat(cache().verify(bearer("abc"), READ).isVerified()).isTrue();
        byte[] other = PEPPER.clone();
        other[0]++;
        assertThat(cache(b -> b.pepper(other)).verify(bearer("abc"), READ).isVerified())
                .isTrue();
        assertThat(authority.asked).hasValue(2);
    }

    @Test
    void a_pepper_is_needed() {
        assertThatThrownBy(() -> TokenCache.builder(authority).redis(link()).build())
                .hasMessageContaining("pepper");
    }

    @Test
    void a_mark_lives_as_long_as_its_token() {
        authority.with("abc", facts("42").expiresAt(clock.instant().plusSeconds(600)));
        TokenCache tokens = cache(b -> b.longestLife(ofMinutes(50)));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        tokens.revoke(bearer("abc"));
        tokens.revoke(bearer("unknown"));
        tokens.logoutAll(Subject.of(ISSUER, "42"));
        List<Long> lives = keys().stream()
                .filter(key -> new String(key, ISO_8859_1).startsWith(prefix + "auth:"))
                .map(key -> link().await(link().call(redis -> redis.pttl(key))) / 1_000)
                .sorted()
                .toList();
        assertThat(lives).hasSize(3);
        assertThat(lives.get(0)).isBetween(590L, 601L);
        assertThat(lives.get(1)).isBetween(2_990L, 3_000L);
        assertThat(lives.get(2)).isBetween(2_990L, 3_000L);
    }
}
