package dev.tenfold.auth;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that misbehave, and networks. No failure may show the token, the client's secret or the reply. */
class TokenEndpointTest {
    private static final String TOKEN = "s3cr3t-token+/=";
    private static final String ENCODED = "s3cr3t-token%2B%2F%3D";
    private static final String SECRET = "hush-hush";
    private static final String BODY = "reply-nobody-should-see";
    private static final String YES = "{\"active\":true,\"sub\":\"42\"}";
    private static final ClientAuthentication CLIENT = ClientAuthentication.basic("shop", SECRET);

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable one : open) one.close();
    }

    private <T extends AutoCloseable> T closing(T one) {
        open.add(0, one);
        return one;
    }

    private StubServer stub() throws IOException {
        return closing(StubServer.start());
    }

    private RawServer raw(RawServer.Behaviour behaviour) throws IOException {
        return closing(new RawServer(behaviour));
    }

    /** So that a busy machine fails no test. */
    static EndpointOptions patient(EndpointOptions options) {
        return options.timeout(Await.LIMIT).connectTimeout(Await.LIMIT);
    }

    /** Loads what a first call has to, so that the short timeouts here are those of the servers. */
    @BeforeAll
    static void warmUp() throws Exception {
        try (StubServer server = StubServer.start();
                HttpIntrospector introspector =
                        HttpIntrospector.of(server.uri("/i"), CLIENT, TokenEndpointTest::patient)) {
            server.replyJson(YES);
            assertThat(introspector.introspect(TOKEN)).isNotNull();
        }
    }

    private HttpIntrospector introspector(URI uri, UnaryOperator<EndpointOptions> options) {
        return closing(HttpIntrospector.of(uri, CLIENT, o -> options.apply(patient(o))));
    }

    private HttpIntrospector introspector(URI uri) {
        return introspector(uri, UnaryOperator.identity());
    }

    private static Throwable failure(HttpIntrospector introspector) {
        Throwable thrown = catchThrowable(() -> introspector.introspect(TOKEN));
        assertThat(thrown).isInstanceOf(IOException.class);
        StringWriter text = new StringWriter();
        thrown.printStackTrace(new PrintWriter(text));
        assertThat(text.toString())
                .doesNotContain(TOKEN)
                .doesNotContain(ENCODED)
                .doesNotContain(SECRET)
                .doesNotContain("c2hvcD") // the head of the Basic credentials
                .doesNotContain(BODY);
        assertThat(thrown).hasMessageContaining("introspection endpoint http");
        return thrown;
    }

    private static String reply(String body) {
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n"
                + body;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            401 | refuses this service's own credentials (client shop by client_secret_basic)
            403 | refuses this service's own credentials (client shop by client_secret_basic)
            400 | does not accept the request
            404 | is no such endpoint
            405 | is no such endpoint
            429 | is too busy or away for 17 s
            503 | is too busy or away for 17 s
            500 | has failed
            502 | has failed
            201 | does not accept the request
            204 | does not accept the request
            """)
    void another_status_is_an_error_that_names_the_remedy(int status, String problem) throws Exception {
        StubServer server = stub();
        Map<String, String> headers = Map.of("Retry-After", "17", "Content-Type", "application/json");
        server.reply(status, headers, status == 204 ? "" : "{\"active\":true,\"" + BODY + "\":\"" + TOKEN + "\"}");
        assertThat(failure(introspector(server.uri("/introspect"))))
                .hasMessageContaining(problem)
                .hasMessageEndingWith("status " + status);
        assertThat(server.requests()).hasSize(1);
    }

    @Test
    void a_retry_after_that_is_not_seconds_is_not_repeated() throws Exception {
        StubServer server = stub();
        server.reply(503, Map.of("Retry-After", BODY), "");
        assertThat(failure(introspector(server.uri("/introspect")))).hasMessageContaining("is too busy or away; ask");
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void a_redirect_is_not_followed(int status) throws Exception {
        StubServer elsewhere = stub();
        elsewhere.replyJson(YES);
        StubServer server = stub();
        server.reply(status, Map.of("Location", elsewhere.uri("/" + BODY).toString()), "");
        assertThat(failure(introspector(server.uri("/introspect"))))
                .hasMessageContaining("redirects, which is not followed")
                .hasMessageEndingWith("status " + status);
        assertThat(elsewhere.requests()).isEmpty();
    }

    @Test
    void a_server_that_never_replies_is_given_up_in_time_and_its_connection_closed() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        RawServer server = raw((me, number, socket) -> {
            asked.countDown();
            RawServer.awaitClient(socket);
            while (socket.getInputStream().read() >= 0) {} // the request, and then nothing until it closes
        });
        HttpIntrospector introspector = introspector(server.uri("/introspect"), o -> o.timeout(ofSeconds(1)));
        Await.until("it was asked in time", () -> {
            long start = System.nanoTime();
            assertThat(failure(introspector))
                    .isInstanceOf(HttpTimeoutException.class)
                    .hasMessageContaining("did not reply within 1000 ms");
            assertThat(System.nanoTime() - start)
                    .isBetween(ofMillis(999).toNanos(), ofSeconds(20).toNanos());
            return asked.getCount() == 0;
        });
        awaitGone(server);
    }

    @Test
    void headers_that_come_drop_by_drop_are_given_up_in_time() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        RawServer server = raw((me, number, socket) -> {
            asked.countDown();
            RawServer.write(socket, "HTTP/1.1 200 OK\r\n");
            drip(socket, "X-Filler: 1\r\n");
        });
        HttpIntrospector introspector = introspector(server.uri("/introspect"), o -> o.timeout(ofSeconds(1)));
        Await.until("it was asked in time", () -> {
            assertThat(failure(introspector)).hasMessageContaining("did not reply within 1000 ms");
            return asked.getCount() == 0;
        });
        awaitGone(server);
    }

    @Test
    void a_body_that_comes_drop_by_drop_is_given_up_in_time() throws Exception {
        RawServer server = raw((me, number, socket) -> {
            RawServer.write(
                    socket, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n");
            drip(socket, " ");
        });
        HttpIntrospector introspector = introspector(server.uri("/introspect"), o -> o.timeout(ofSeconds(1)));
        Await.until("a reply began in time", () -> {
            String failure = String.valueOf(failure(introspector).getMessage());
            assertThat(failure).contains("within 1000 ms");
            return failure.contains("began to reply, but did not end within");
        });
        awaitGone(server);
    }

    /** All that have connected. */
    private static void awaitGone(RawServer server) {
        Await.until("the client has closed its connections", () -> server.connections() == 0);
    }

    /** Writes every few milliseconds, until the client has closed the connection. */
    private static void drip(Socket socket, String text) throws IOException {
        socket.setSoTimeout(5);
        InputStream in = socket.getInputStream();
        while (true) {
            RawServer.write(socket, text);
            try {
                if (in.read() < 0) return;
            } catch (SocketTimeoutException still) {
                // Nothing to read, so it is there.
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 100000000000", "Transfer-Encoding: chunked", "Connection: close"})
    void an_endless_body_is_cut_off(String framing) throws Exception {
        CountDownLatch gone = new CountDownLatch(1);
        String block = "{".repeat(0x1000);
        RawServer server = raw((me, number, socket) -> {
            try {
                RawServer.write(socket, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + framing + "\r\n\r\n");
                while (true) RawServer.write(socket, framing.contains("chunked") ? "1000\r\n" + block + "\r\n" : block);
            } finally {
                gone.countDown();
            }
        });
        assertThat(failure(introspector(server.uri("/introspect"), o -> o.largestReply(10_000))))
                .hasMessageContaining("replies with more than is read; raise largestReply(…)");
        Await.latch(gone);
    }

    @Test
    void a_reply_of_just_the_largest_size_is_read_and_one_byte_more_is_not() throws Exception {
        StubServer server = stub();
        HttpIntrospector introspector = introspector(server.uri("/i"), o -> o.largestReply(2_000));
        server.replyJson(YES + " ".repeat(2_000 - YES.length()));
        assertThat(introspector.introspect(TOKEN)).isNotNull();
        server.replyJson(YES + " ".repeat(2_001 - YES.length()));
        assertThat(failure(introspector)).hasMessageContaining("largestReply");
    }

    @Test
    void a_reply_that_ends_too_soon_is_an_error() throws Exception {
        RawServer server = raw((me, number, socket) -> {
            me.read(socket); // whole: to close over what was not read would reset the connection, and the reply might
            // be lost
            RawServer.write(socket, reply(YES).replace("Content-Length: " + YES.length(), "Content-Length: 1000"));
        });
        assertThat(failure(introspector(server.uri("/i"))))
                .hasMessageContaining("broke the connection within its reply");
        assertThat(server.requests()).hasSize(1);
    }

    @Test
    void what_is_not_http_is_an_error_that_does_not_repeat_it() throws Exception {
        RawServer server = raw((me, number, socket) -> {
            me.read(socket);
            RawServer.write(socket, BODY + " " + TOKEN + "\r\n\r\n");
            RawServer.awaitClient(socket);
        });
        assertThat(failure(introspector(server.uri("/i")))).hasMessageContaining("does not reply by the rules of HTTP");
    }

    @Test
    void a_kept_connection_that_was_closed_meanwhile_is_replaced_and_a_fresh_assertion_sent() throws Exception {
        RawServer server = raw((me, number, socket) -> {
            me.read(socket);
            RawServer.write(socket, reply(YES));
            if (number == 1) me.read(socket); // and no reply
            else RawServer.awaitClient(socket);
        });
        HttpIntrospector introspector = closing(HttpIntrospector.of(
                server.uri("/i"),
                ClientAuthentication.privateKeyJwt(
                        "shop", new ECKeyGenerator(Curve.P_256).generate(), "https://id.example"),
                TokenEndpointTest::patient));
        assertThat(introspector.introspect(TOKEN)).isNotNull();
        assertThat(introspector.introspect(TOKEN)).isNotNull();
        List<String> requests = server.requests();
        assertThat(requests).hasSize(3).allMatch(request -> request.contains("token=" + ENCODED + "&"));
        assertThat(requests).doesNotHaveDuplicates(); // they differ by the assertion
    }

    @Test
    void a_server_that_always_breaks_the_connection_is_asked_twice_and_no_more() throws Exception {
        RawServer server = raw((me, number, socket) -> {
            me.read(socket);
            socket.setSoLinger(true, 0); // closes by a reset
        });
        assertThat(failure(introspector(server.uri("/i"))))
                .hasMessageContaining("broke the connection before it replied");
        assertThat(server.requests()).hasSize(2);
    }

    @Test
    void a_cut_cable_is_given_up_in_time_and_survived() throws Exception {
        StubServer server = stub();
        server.replyJson(YES);
        FaultProxy proxy = closing(FaultProxy.to("127.0.0.1", server.port()));
        URI uri = URI.create("http://127.0.0.1:" + proxy.port() + "/i");
        HttpIntrospector introspector = introspector(uri, o -> o.timeout(ofMillis(500)));
        Await.until("an answer in time", () -> answers(introspector));

        proxy.halfOpen();
        assertThat(failure(introspector)).hasMessageContaining("did not reply within 500 ms");
        proxy.resume();
        Await.until("an answer once the cable is back", () -> answers(introspector));

        HttpIntrospector patient = introspector(uri);
        assertThat(patient.introspect(TOKEN)).isNotNull();
        proxy.cut();
        assertThat(failure(patient)).hasMessageContaining("cannot be connected to");
    }

    private static boolean answers(HttpIntrospector introspector) throws InterruptedException {
        try {
            return introspector.introspect(TOKEN) != null;
        } catch (IOException notYet) {
            return false;
        }
    }

    @Test
    void a_port_where_nobody_listens_is_an_error_with_its_cause() throws Exception {
        try (Socket bound = new Socket()) { // so that nobody else takes the port
            bound.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Throwable failure = failure(introspector(URI.create("http://127.0.0.1:" + bound.getLocalPort() + "/i")));
            assertThat(failure).hasMessageContaining("cannot be connected to").hasCauseInstanceOf(IOException.class);
        }
    }

    @Test
    void a_name_that_nobody_has_is_an_error() {
        HttpIntrospector introspector = introspector(URI.create("https://nobody.invalid/i"));
        assertThat(failure(introspector)).hasMessageContaining("cannot be connected to");
    }

    @Test
    void an_interrupt_gives_the_call_up() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch gone = new CountDownLatch(1);
        RawServer server = raw((me, number, socket) -> {
            RawServer.awaitClient(socket);
            asked.countDown();
            try {
                while (socket.getInputStream().read() >= 0) {} // until it closes
            } finally {
                gone.countDown();
            }
        });
        HttpIntrospector introspector = introspector(server.uri("/i"));
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread caller = new Thread(() -> thrown.set(catchThrowable(() -> introspector.introspect(TOKEN))));
        caller.start();
        Await.latch(asked);
        caller.interrupt();
        caller.join(Await.LIMIT.toMillis());
        assertThat(thrown.get()).isInstanceOf(InterruptedException.class);
        Await.latch(gone);
    }

    @Test
    void a_closed_client_says_so() throws Exception {
        StubServer server = stub();
        server.replyJson(YES);
        HttpIntrospector introspector = introspector(server.uri("/i"));
        HttpIntrospector sibling = introspector.issuer("https://id.example");
        assertThat(sibling.introspect(TOKEN)).isNotNull();
        introspector.close();
        introspector.close();
        assertThatThrownBy(() -> sibling.introspect(TOKEN))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("is closed");
    }

    @Test
    void closing_ends_its_thread() throws Exception {
        StubServer server = stub();
        server.replyJson(YES);
        Set<Thread> before = selectors();
        HttpIntrospector introspector = introspector(server.uri("/i"));
        assertThat(introspector.introspect(TOKEN)).isNotNull();
        Set<Thread> mine = selectors();
        mine.removeAll(before);
        assertThat(mine).hasSize(1);
        introspector.close();
        Await.until("the client's thread has ended", () -> {
            System.gc(); // before Java 21 it ends only when nobody refers to the client
            return mine.stream().noneMatch(Thread::isAlive);
        });
    }

    private static Set<Thread> selectors() {
        Set<Thread> selectors = new HashSet<>(Thread.getAllStackTraces().keySet());
        selectors.removeIf(thread -> !thread.getName().endsWith("-SelectorManager"));
        return selectors;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://id.example/i",
                "http://127.0.0.1.evil.example/i",
                "http://localhost.evil.example/i",
                "http://10.0.0.1/i",
                "https://user:pw@id.example/i",
                "https://id.example/i#part",
                "ftp://id.example/i",
                "/introspect",
                "mailto:x@id.example",
                "https:///introspect"
            })
    void an_endpoint_that_tokens_should_not_go_to_is_refused(String uri) {
        assertThatThrownBy(() -> HttpIntrospector.of(URI.create(uri), CLIENT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("introspection endpoint ")
                .hasMessageNotContaining("pw@");
        assertThatThrownBy(() -> RevocationClient.of(URI.create(uri), CLIENT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("revocation endpoint ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://localhost/i",
                "http://LOCALHOST:8080/i",
                "http://127.0.0.1/i",
                "http://127.1.2.3/i",
                "http://[::1]:8080/i",
                "https://id.example/i",
                "HTTPS://id.example/i"
            })
    void the_loopback_and_https_are_accepted(String uri) {
        introspector(URI.create(uri));
    }

    @Test
    void plain_http_is_accepted_where_it_is_allowed() {
        introspector(URI.create("http://id.mesh.internal/i"), EndpointOptions::allowPlainHttp);
    }

    @Test
    void bad_options_are_refused() {
        EndpointOptions options = EndpointOptions.DEFAULT;
        assertThatThrownBy(() -> options.timeout(ofMillis(0))).hasMessageStartingWith("timeout PT0S must be");
        assertThatThrownBy(() -> options.timeout(ofSeconds(61))).hasMessageStartingWith("timeout PT1M1S must be");
        assertThatThrownBy(() -> options.connectTimeout(ofMillis(-1))).hasMessageStartingWith("connectTimeout");
        assertThatThrownBy(() -> options.largestReply(1_023)).hasMessageStartingWith("largestReply 1023");
        assertThatThrownBy(() -> options.largestReply(1 << 25)).hasMessageStartingWith("largestReply");
    }

    /** Sends everything to one proxy, and counts. */
    private static final class Detour extends ProxySelector {
        final List<URI> asked = new CopyOnWriteArrayList<>();
        private final int port;

        Detour(int port) {
            this.port = port;
        }

        @Override
        public List<Proxy> select(URI uri) {
            asked.add(uri);
            return List.of(new Proxy(Proxy.Type.HTTP, new InetSocketAddress(InetAddress.getLoopbackAddress(), port)));
        }

        @Override
        public void connectFailed(URI uri, SocketAddress address, IOException failure) {
            throw new AssertionError(failure);
        }
    }

    @Test
    void the_proxy_of_the_jvm_is_not_used_but_one_that_is_given() throws Exception {
        StubServer server = stub();
        server.replyJson(YES);
        StubServer proxy = stub();
        proxy.replyJson(YES);
        Detour detour = new Detour(proxy.port());
        ProxySelector before = ProxySelector.getDefault();
        ProxySelector.setDefault(detour);
        try {
            assertThat(introspector(server.uri("/i")).introspect(TOKEN)).isNotNull();
        } finally {
            ProxySelector.setDefault(before);
        }
        assertThat(detour.asked).isEmpty();
        assertThat(proxy.requests()).isEmpty();

        HttpIntrospector through = introspector(
                URI.create("http://id.mesh.internal/i"), o -> o.allowPlainHttp().proxy(detour));
        assertThat(through.introspect(TOKEN)).isNotNull();
        assertThat(proxy.last().uri()).hasToString("http://id.mesh.internal/i");
    }

    @Test
    void a_certificate_has_to_be_trusted_and_to_have_the_name(@TempDir Path dir) throws Exception {
        SSLContext right = selfSigned(dir.resolve("right.p12"), "san=ip:127.0.0.1");
        SSLContext misnamed = selfSigned(dir.resolve("misnamed.p12"), "san=dns:other.example");

        StubServer server = closing(StubServer.startTls(right));
        server.replyJson(YES);
        assertThat(failure(introspector(server.uri("/i"))))
                .hasMessageContaining("has no TLS connection that can be trusted")
                .hasCauseInstanceOf(SSLException.class);
        assertThat(introspector(server.uri("/i"), o -> o.sslContext(right)).introspect(TOKEN))
                .isNotNull();

        StubServer other = closing(StubServer.startTls(misnamed));
        other.replyJson(YES);
        assertThat(failure(introspector(other.uri("/i"), o -> o.sslContext(misnamed))))
                .hasMessageContaining("has no TLS connection that can be trusted");
        assertThat(other.requests()).isEmpty();
    }

    /** A context that shows a new certificate, and trusts it. */
    private static SSLContext selfSigned(Path file, String extension) throws Exception {
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=test",
                        "-ext",
                        extension,
                        "-alias",
                        "test",
                        "-storetype",
                        "PKCS12",
                        "-storepass",
                        "changeit",
                        "-keystore",
                        file.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(keytool.waitFor()).as(said).isZero();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, "changeit".toCharArray());
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, "changeit".toCharArray());
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("test", store.getCertificate("test"));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }
}
