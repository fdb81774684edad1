package dev.tenfold.auth;

import static dev.tenfold.auth.KeyServer.base64;
import static dev.tenfold.auth.KeyServer.sign;
import static dev.tenfold.auth.KeyServer.unsigned;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.OctetSequenceKey;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.SettableClock;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class JwksTest {
    private static final String ISSUER = "https://id.example";
    private static final Instant NOW = Instant.parse("2030-01-01T00:00:00Z");
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final Duration REFRESH = Duration.ofMinutes(4);
    private static final Duration LONGEST_RETRY = Duration.ofSeconds(30);

    private static ECKey a;
    private static ECKey b;

    private final SettableClock clock = SettableClock.at(NOW);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private KeyServer server;
    private final List<JwtIntrospector> open = new ArrayList<>();

    @BeforeAll
    static void makeKeys() throws Exception {
        a = KeyServer.ec("a");
        b = KeyServer.ec("b");
    }

    @BeforeEach
    void start() throws Exception {
        server = new KeyServer();
        server.serve(a);
    }

    @AfterEach
    void stop() throws Exception {
        open.forEach(JwtIntrospector::close);
        server.close();
        threads.shutdownNow();
        assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }

    private JwtIntrospector jwt(URI uri, UnaryOperator<JwtOptions> options) {
        JwtIntrospector made = JwtIntrospector.of(
                ISSUER,
                uri,
                o -> options.apply(o.clock(clock)
                        .nanoClock(clock.nanoClock())
                        .preload(false)
                        // Only tests of timeouts change it: others may run on a busy machine.
                        .timeout(Duration.ofSeconds(30))));
        open.add(made);
        return made;
    }

    private JwtIntrospector jwt() {
        return jwt(server.uri(), o -> o);
    }

    private String token(ECKey key) throws Exception {
        return sign(
                key,
                "ES256",
                Map.of("alg", "ES256", "kid", key.getKeyID()),
                Map.of("iss", ISSUER, "exp", clock.instant().getEpochSecond() + 300));
    }

    /** Not signed by anybody. */
    private String junk(String kid) {
        return unsigned(
                        Map.of("alg", "ES256", "kid", kid),
                        Map.of("iss", ISSUER, "exp", clock.instant().getEpochSecond() + 300))
                + "." + base64(new byte[64]);
    }

    private static String name(JWK key) throws Exception {
        return ISSUER + " " + key.computeThumbprint();
    }

    private <T> List<Future<T>> together(int n, Callable<T> task) {
        CyclicBarrier barrier = new CyclicBarrier(n);
        List<Future<T>> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            all.add(threads.submit(() -> {
                Await.barrier(barrier);
                return task.call();
            }));
        }
        return all;
    }

    // ---- the first keys ---------------------------------------------------------------------------------------------

    @Test
    void sixty_four_threads_share_the_first_fetch() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        String body = new JWKSet(a).toString(true);
        server.serve(exchange -> {
            asked.countDown();
            Await.latch(answer);
            KeyServer.answer(exchange, 200, body);
        });
        JwtIntrospector jwt = jwt();
        String token = token(a);
        List<Future<@Nullable TokenFacts>> all = together(64, () -> jwt.introspect(token));
        Await.latch(asked);
        answer.countDown();
        for (Future<@Nullable TokenFacts> one : all) assertThat(one.get()).isNotNull();
        assertThat(server.requests).hasValue(1);
        assertThat(jwt.stats()).isEqualTo(new JwtStats(1, 0, 0, 0, 1));
    }

    @Test
    void keys_are_fetched_before_the_first_token_comes() throws Exception {
        JwtIntrospector jwt = jwt(server.uri(), o -> o.preload(true));
        Await.until("keys", () -> jwt.stats().keys() == 1);
        assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(server.requests).hasValue(1);
    }

    @Test
    void a_failed_first_fetch_is_told_and_not_repeated_at_once() throws Exception {
        server.serve(503, "secret detail");
        JwtIntrospector jwt = jwt();
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> jwt.introspect(token(a)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("tokens of " + ISSUER + " cannot be verified now")
                    .hasMessageContaining(server.uri() + ": it answered 503")
                    .hasMessageNotContaining("secret");
        }
        assertThat(server.requests).hasValue(1);
        server.serve(a);
        clock.advance(Duration.ofSeconds(1));
        assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(jwt.stats()).isEqualTo(new JwtStats(2, 1, 0, 0, 1));
    }

    // ---- refresh ----------------------------------------------------------------------------------------------------

    @Test
    void a_refresh_happens_in_the_background_while_tokens_are_verified() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        clock.advance(TTL.multipliedBy(7).dividedBy(10));
        assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(jwt.stats().fetches()).as("not due yet").isEqualTo(1);

        CountDownLatch answer = new CountDownLatch(1);
        server.serve(exchange -> {
            Await.latch(answer);
            KeyServer.answer(exchange, 200, new JWKSet(List.of(a, b)).toString(true));
        });
        clock.advance(TTL.dividedBy(10));
        for (int i = 0; i < 100; i++) assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(jwt.stats().fetches()).isEqualTo(2);
        answer.countDown();
        Await.until("two keys", () -> jwt.stats().keys() == 2);
        assertThat(jwt.introspect(token(b))).isNotNull();
        assertThat(server.requests).hasValue(2);
    }

    @Test
    void not_modified_keeps_the_keys_and_makes_them_young() throws Exception {
        String body = new JWKSet(a).toString(true);
        server.serve(exchange -> {
            exchange.getResponseHeaders().add("ETag", "\"v1\"");
            boolean same = "\"v1\"".equals(exchange.getRequestHeaders().getFirst("If-None-Match"));
            KeyServer.answer(exchange, same ? 304 : 200, same ? "" : body);
        });
        JwtIntrospector jwt = jwt(server.uri(), o -> o.outageTolerance(TTL));
        assertThat(jwt.introspect(token(a))).isNotNull();
        for (int i = 2; i <= 6; i++) {
            clock.advance(TTL); // so old that a token waits
            assertThat(jwt.introspect(token(a))).isNotNull();
            assertThat(jwt.introspect(token(a))).isNotNull();
            assertThat(server.requests).hasValue(i);
        }
        assertThat(server.ifNoneMatch).containsExactly("", "\"v1\"", "\"v1\"", "\"v1\"", "\"v1\"", "\"v1\"");
        assertThat(jwt.stats().failures()).isZero();
    }

    @Test
    void not_modified_without_having_asked_is_a_failure() {
        server.serve(304, "");
        assertThatThrownBy(() -> jwt().introspect(token(a))).hasMessageContaining("it answered 304. They can");
    }

    // ---- rotation ---------------------------------------------------------------------------------------------------

    @Test
    void rotation_with_overlap_refuses_no_valid_token() throws Exception {
        JwtIntrospector jwt = jwt();
        List<String> dropped = new CopyOnWriteArrayList<>();
        jwt.onKeyDropped(dropped::add);
        ECKey old = a;
        List<String> names = new ArrayList<>();
        assertThat(jwt.introspect(token(old))).isNotNull();
        for (int i = 0; i < 20; i++) {
            ECKey fresh = KeyServer.ec("rotation" + i);
            server.serve(old, fresh);
            clock.advance(Duration.ofSeconds(35));
            assertThat(jwt.introspect(token(fresh))).as("new key %d", i).isNotNull();
            assertThat(jwt.introspect(token(old))).as("old key %d", i).isNotNull();
            names.add(name(old));
            old = fresh;
        }
        assertThat(dropped).isEqualTo(names.subList(0, 19));
        assertThat(jwt.stats().failures()).isZero();
    }

    @Test
    void rotation_without_overlap_takes_the_new_key_at_once_and_drops_the_old() throws Exception {
        JwtIntrospector jwt = jwt();
        List<String> dropped = new CopyOnWriteArrayList<>();
        jwt.onKeyDropped(name -> {
            throw new IllegalStateException("a bad listener does not stop others");
        });
        jwt.onKeyDropped(dropped::add);
        TokenFacts before = requireNonNull(jwt.introspect(token(a)));
        assertThat(before.keys()).containsExactly(name(a));
        server.serve(b);
        List<Future<@Nullable TokenFacts>> all = together(32, () -> jwt.introspect(token(b)));
        for (Future<@Nullable TokenFacts> one : all) assertThat(one.get()).isNotNull();
        assertThat(dropped).containsExactly(name(a));
        assertThat(jwt.introspect(token(a))).isNull();
        assertThat(server.requests).hasValue(2);
        assertThat(jwt.stats().unknownKidRefetches()).isEqualTo(1);
    }

    @Test
    void a_new_key_under_an_old_id_drops_the_old() throws Exception {
        ECKey impostor = KeyServer.ec("a");
        JwtIntrospector jwt = jwt();
        List<String> dropped = new CopyOnWriteArrayList<>();
        jwt.onKeyDropped(dropped::add);
        assertThat(jwt.introspect(token(a))).isNotNull();
        server.serve(impostor);
        clock.advance(REFRESH);
        assertThat(jwt.introspect(token(a))).as("still known").isNotNull();
        Await.until("dropped", () -> dropped.equals(List.of(name(a))));
        assertThat(jwt.introspect(token(a))).isNull();
        assertThat(jwt.introspect(token(impostor))).isNotNull();
    }

    @Test
    void a_quiet_node_drops_keys_too() throws Exception {
        // With each look at the clock a TTL has passed, so that the timer finds a refresh due at once.
        AtomicLong nanos = new AtomicLong();
        JwtIntrospector jwt = jwt(server.uri(), o -> o.preload(true).nanoClock(() -> nanos.getAndAdd(TTL.toNanos())));
        List<String> dropped = new CopyOnWriteArrayList<>();
        jwt.onKeyDropped(dropped::add);
        Await.until("keys", () -> server.requests.get() > 1);
        server.serve(b);
        Await.until("dropped", () -> dropped.contains(name(a)));
    }

    // ---- outages ----------------------------------------------------------------------------------------------------

    @Test
    void an_outage_refuses_no_valid_token() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        server.serve(503, "");
        clock.advance(REFRESH);
        for (int second = 0; second < 30; second++) {
            clock.advance(Duration.ofSeconds(1));
            for (int i = 0; i < 10; i++) assertThat(jwt.introspect(token(a))).isNotNull();
        }
        Await.until("a failure", () -> jwt.stats().failures() > 0);
        clock.advance(Duration.ofHours(3));
        assertThat(jwt.introspect(token(a))).isNotNull();
    }

    @Test
    void an_outage_beyond_the_tolerance_is_told_until_it_ends() throws Exception {
        JwtIntrospector jwt = jwt(server.uri(), o -> o.outageTolerance(Duration.ofHours(1)));
        assertThat(jwt.introspect(token(a))).isNotNull();
        server.serve(500, "");
        clock.advance(Duration.ofMinutes(59));
        assertThat(jwt.introspect(token(a))).isNotNull();
        Await.until("a failure", () -> jwt.stats().failures() == 1);
        clock.advance(Duration.ofMinutes(1));
        assertThatThrownBy(() -> jwt.introspect(token(a)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("it answered 500");
        int requests = server.requests.get();
        assertThatThrownBy(() -> jwt.introspect(token(a))).isInstanceOf(IOException.class);
        assertThat(server.requests).as("the second did not ask").hasValue(requests);
        assertThat(jwt.stats().keys()).isZero();
        server.serve(a);
        clock.advance(LONGEST_RETRY);
        assertThat(jwt.introspect(token(a))).isNotNull();
    }

    @Test
    void a_failure_is_tried_again_less_and_less_often() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        server.serve(503, "");
        clock.advance(REFRESH);
        for (int second = 0; second < 600; second++) {
            clock.advance(Duration.ofSeconds(1));
            assertThat(jwt.introspect(token(a))).isNotNull();
            Await.until(
                    "no fetch", () -> jwt.stats().fetches() == 1 + jwt.stats().failures());
        }
        assertThat(jwt.stats().failures()).isBetween(20L, 50L);
    }

    // ---- unknown ids ------------------------------------------------------------------------------------------------

    @Test
    void ten_thousand_unknown_ids_cost_one_fetch_in_thirty_seconds() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        String good = token(a);
        for (int round = 1; round <= 3; round++) {
            AtomicLong next = new AtomicLong(round * 10_000L);
            List<Future<Integer>> all = together(8, () -> {
                int accepted = 0;
                for (int i = 0; i < 1_250; i++) {
                    assertThat(jwt.introspect(junk("k" + next.getAndIncrement())))
                            .isNull();
                    if (i % 50 == 0 && jwt.introspect(good) != null) accepted++;
                }
                return accepted;
            });
            for (Future<Integer> one : all) assertThat(one.get()).isEqualTo(25);
            assertThat(server.requests).hasValue(1 + round);
            assertThat(jwt.stats().unknownKidRefetches()).isEqualTo(round);
            clock.advance(Duration.ofSeconds(29));
            assertThat(jwt.introspect(junk("early" + round))).isNull();
            assertThat(server.requests).hasValue(1 + round);
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(jwt.stats().suppressed()).isGreaterThan(29_900);
    }

    @Test
    void an_id_that_there_is_not_does_not_use_up_the_next_fetch() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(junk("gone"))).isNull();
        assertThat(server.requests).hasValue(2);
        clock.advance(Jwks.COOLDOWN);
        assertThat(jwt.introspect(junk("gone"))).isNull();
        assertThat(server.requests).as("known to be absent").hasValue(2);
        server.serve(a, b);
        assertThat(jwt.introspect(token(b))).isNotNull();
        assertThat(server.requests).hasValue(3);
        clock.advance(Jwks.COOLDOWN);
        assertThat(jwt.introspect(junk("gone"))).isNull();
        assertThat(server.requests).as("looked for again after a minute").hasValue(4);
    }

    @Test
    void only_those_with_an_unknown_id_wait_for_a_fetch() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        server.serve(exchange -> {
            asked.countDown();
            Await.latch(answer);
            KeyServer.answer(exchange, 200, new JWKSet(List.of(a, b)).toString(true));
        });
        List<Future<@Nullable TokenFacts>> waiting = together(16, () -> jwt.introspect(token(b)));
        Await.latch(asked);
        assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(waiting).noneMatch(Future::isDone);
        answer.countDown();
        for (Future<@Nullable TokenFacts> one : waiting) assertThat(one.get()).isNotNull();
        assertThat(server.requests).hasValue(2);
    }

    @Test
    void a_fetch_that_began_before_the_key_was_there_is_not_the_last_word() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        server.serve(exchange -> {
            asked.countDown();
            Await.latch(answer);
            server.serve(a, b);
            KeyServer.answer(exchange, 200, new JWKSet(a).toString(true));
        });
        clock.advance(REFRESH);
        assertThat(jwt.introspect(token(a))).isNotNull();
        Await.latch(asked);
        Future<@Nullable TokenFacts> late = threads.submit(() -> jwt.introspect(token(b)));
        answer.countDown();
        assertThat(late.get()).isNotNull();
        assertThat(server.requests).hasValue(3);
    }

    @Test
    void an_unknown_id_in_an_outage_is_not_refused_but_told() throws Exception {
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        server.serve(503, "");
        for (int i = 0; i < 100; i++) {
            assertThatThrownBy(() -> jwt.introspect(token(b)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("it answered 503");
        }
        assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(server.requests).hasValue(2);
    }

    // ---- bad answers ------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "<html>",
                "[]",
                "null",
                "{}",
                "{\"keys\":[]}",
                "{\"keys\":5}",
                "{\"keys\":[5]}",
                "{\"keys\":[{}]}",
                "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
                "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}",
                "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}"
            })
    void an_answer_without_keys_changes_nothing(String body) throws Exception {
        JwtIntrospector jwt = jwt();
        List<String> dropped = new CopyOnWriteArrayList<>();
        jwt.onKeyDropped(dropped::add);
        assertThat(jwt.introspect(token(a))).isNotNull();
        server.serve(200, body);
        clock.advance(REFRESH);
        assertThat(jwt.introspect(token(a))).isNotNull();
        Await.until("a failure", () -> jwt.stats().failures() == 1);
        assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(dropped).isEmpty();
        assertThat(jwt.stats().keys()).isEqualTo(1);
    }

    @Test
    void a_deep_or_cut_answer_is_a_failure() throws Exception {
        String whole = new JWKSet(a).toString(true);
        for (String body :
                List.of("{\"keys\":" + "[".repeat(100_000), whole.substring(0, whole.length() - 1), whole + "x")) {
            server.serve(200, body);
            try (JwtIntrospector jwt = jwt()) {
                assertThatThrownBy(() -> jwt.introspect(token(a)))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("not a JWK set");
            }
        }
    }

    @Test
    void bad_keys_are_skipped_and_good_ones_used() throws Exception {
        OctetSequenceKey secret =
                new OctetSequenceKey.Builder(new byte[32]).keyID("secret").build();
        String body =
                "{\"keys\":[{\"kty\":\"RSA\"},{\"kty\":\"new\"},{\"kty\":\"EC\",\"crv\":\"P-999\",\"x\":\"AA\",\"y\":\"AA\"},"
                        + secret.toJSONString() + "," + b.toJSONString() + ","
                        + a.toPublicJWK().toJSONString() + "]}";
        server.serve(200, body);
        JwtIntrospector jwt = jwt();
        assertThat(jwt.introspect(token(a))).isNotNull();
        assertThat(jwt.introspect(token(b)))
                .as("published with its private part")
                .isNull();
        assertThat(jwt.stats().keys()).isEqualTo(1);
    }

    @Test
    void redirects_are_not_followed() throws Exception {
        try (KeyServer other = new KeyServer()) {
            other.serve(a);
            for (int status : new int[] {301, 302, 303, 307, 308}) {
                server.serve(exchange -> {
                    exchange.getResponseHeaders().add("Location", other.uri().toString());
                    KeyServer.answer(exchange, status, "");
                });
                try (JwtIntrospector jwt = jwt()) {
                    assertThatThrownBy(() -> jwt.introspect(token(a)))
                            .hasMessageContaining("it answered " + status + "; redirects are not followed");
                }
            }
            assertThat(other.requests).hasValue(0);
        }
    }

    @Test
    void a_body_without_end_is_cut_off() throws Exception {
        CountDownLatch hungUp = new CountDownLatch(1);
        AtomicLong sent = new AtomicLong();
        server.serve(exchange -> {
            exchange.sendResponseHeaders(200, 0);
            byte[] some = new byte[8_192];
            Arrays.fill(some, (byte) ' ');
            try {
                while (true) {
                    exchange.getResponseBody().write(some);
                    sent.addAndGet(some.length);
                }
            } catch (IOException e) {
                hungUp.countDown();
            }
        });
        assertThatThrownBy(() -> jwt().introspect(token(a))).hasMessageContaining("has more than 262144 bytes");
        Await.latch(hungUp);
        assertThat(sent.get()).as("bytes that buffers took").isLessThan(64_000_000);
    }

    @Test
    void a_large_set_is_read() throws Exception {
        String set = new JWKSet(a).toString(true);
        server.serve(200, " ".repeat(Jwks.MAX_BYTES - set.length()) + set);
        assertThat(jwt().introspect(token(a))).isNotNull();
        server.serve(200, " ".repeat(Jwks.MAX_BYTES - set.length() + 1) + set);
        assertThatThrownBy(() -> jwt().introspect(token(a))).hasMessageContaining("has more than 262144 bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":"})
    void a_silent_server_is_left_after_the_timeout(String part) throws Exception {
        try (RawServer raw = new RawServer(part, true)) {
            JwtIntrospector jwt = jwt(raw.uri(), o -> o.timeout(Duration.ofMillis(300)));
            // In the first one, unless the machine is busy.
            Await.until("a request in time", () -> {
                clock.advance(LONGEST_RETRY);
                assertThatThrownBy(() -> jwt.introspect(token(a)))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("no whole answer within 300 ms");
                return raw.isRequested();
            });
            Await.until(
                    "the fetches to end",
                    () -> jwt.stats().failures() == jwt.stats().fetches());
            raw.awaitHangUp();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "HTTP/1.1 200 OK\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "SSH-2.0-OpenSSH_9.2\r\n"
            })
    void a_connection_that_ends_early_is_a_failure(String part) throws Exception {
        try (RawServer raw = new RawServer(part, false)) {
            JwtIntrospector jwt = jwt(raw.uri(), o -> o);
            assertThatThrownBy(() -> jwt.introspect(token(a)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("cannot be fetched from " + raw.uri())
                    .hasMessageNotContaining("SSH");
            assertThat(jwt.stats().failures()).isEqualTo(1);
        }
    }

    @Test
    void nobody_listening_is_a_failure() throws Exception {
        try (Socket bound = new Socket()) { // so that nobody else takes the port
            bound.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            URI uri = URI.create("http://127.0.0.1:" + bound.getLocalPort() + "/jwks");
            assertThatThrownBy(() -> jwt(uri, o -> o).introspect(token(a)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("ConnectException");
        }
    }

    // ---- the end ----------------------------------------------------------------------------------------------------

    @Test
    void close_ends_a_fetch_and_those_that_wait_for_it() throws Exception {
        try (RawServer raw = new RawServer("", true)) {
            JwtIntrospector jwt = jwt(raw.uri(), o -> o);
            Future<@Nullable TokenFacts> waiting = threads.submit(() -> jwt.introspect(token(a)));
            raw.awaitRequest();
            jwt.close();
            jwt.close();
            assertThatThrownBy(waiting::get)
                    .hasRootCauseInstanceOf(IOException.class)
                    .hasMessageContaining("closed");
            assertThatThrownBy(() -> jwt.introspect(token(a)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("close it after all that use it");
        }
    }

    @Test
    void who_comes_while_it_closes_does_not_wait() {
        // That never comes to a fetch, as one that is shut down at that moment.
        ScheduledExecutorService worker = Executors.newSingleThreadScheduledExecutor();
        CountDownLatch end = new CountDownLatch(1);
        worker.execute(() -> Await.latch(end));
        try {
            Jwks jwks = new Jwks(
                    ISSUER, server.uri(), JwtOptions.DEFAULT, HttpClient.newHttpClient(), worker, dropped -> {});
            jwks.close();
            assertThatThrownBy(() -> jwks.find("a", JWSAlgorithm.ES256))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("close it after all that use it");
        } finally {
            end.countDown();
            worker.shutdownNow();
        }
    }

    @Test
    void an_interrupt_ends_the_wait() throws Exception {
        try (RawServer raw = new RawServer("", true)) {
            JwtIntrospector jwt = jwt(raw.uri(), o -> o);
            CountDownLatch interrupted = new CountDownLatch(1);
            Thread thread = new Thread(() -> {
                try {
                    var unused = jwt.introspect(junk("a"));
                } catch (InterruptedException e) {
                    interrupted.countDown();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            thread.start();
            raw.awaitRequest();
            thread.interrupt();
            Await.latch(interrupted);
        }
    }

    @Test
    void nothing_is_left_after_close() throws Exception {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        try (KeyServer own = new KeyServer()) {
            own.serve(a);
            JwtIntrospector jwt = jwt(own.uri(), o -> o.preload(true));
            assertThat(jwt.introspect(token(a))).isNotNull();
            jwt.close();
            open.clear();
        }
        // Before Java 21 the HTTP client ends when it is collected.
        Await.until("nothing left", () -> {
            System.gc();
            try {
                before.assertNothingLeaked();
                return true;
            } catch (AssertionError e) {
                return false;
            }
        });
    }

    /** Reads a request, sends a part of an answer, and then says nothing or hangs up. */
    private static final class RawServer implements AutoCloseable {
        private final ServerSocket listening = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        private final List<Socket> sockets = new CopyOnWriteArrayList<>();
        private final CountDownLatch requested = new CountDownLatch(1);
        private final CountDownLatch hungUp = new CountDownLatch(1);

        RawServer(String part, boolean stay) throws IOException {
            Thread thread = new Thread(() -> run(part, stay));
            thread.setDaemon(true);
            thread.start();
        }

        private void run(String part, boolean stay) {
            while (true) {
                try (Socket socket = listening.accept()) {
                    sockets.add(socket);
                    InputStream in = socket.getInputStream();
                    int last = 0;
                    for (int next; last != 0x0d0a0d0a && (next = in.read()) >= 0; ) last = last << 8 | next;
                    if (last != 0x0d0a0d0a) continue; // it was left before it asked
                    socket.getOutputStream().write(part.getBytes(US_ASCII));
                    requested.countDown();
                    if (stay) {
                        while (in.read() >= 0) Thread.onSpinWait();
                        hungUp.countDown();
                    } else {
                        socket.shutdownOutput();
                    }
                } catch (IOException e) {
                    if (listening.isClosed()) return;
                    hungUp.countDown();
                }
            }
        }

        URI uri() {
            return URI.create("http://127.0.0.1:" + listening.getLocalPort() + "/jwks");
        }

        boolean isRequested() {
            return requested.getCount() == 0;
        }

        void awaitRequest() {
            Await.latch(requested);
        }

        void awaitHangUp() {
            Await.latch(hungUp);
        }

        @Override
        public void close() throws IOException {
            listening.close();
            for (Socket socket : sockets) socket.close();
        }
    }
}
