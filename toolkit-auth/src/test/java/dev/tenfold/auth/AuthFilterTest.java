package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lettuce.core.RedisException;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** In a real server, by real requests. */
class AuthFilterTest {
    private static final Require READ = Require.audience("api").scope("orders:read");
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final StubIntrospector authority = new StubIntrospector();
    private final StubIntrospector keyStore = new StubIntrospector();
    private final TokenCache tokens = TokenCache.builder(authority).build();
    private final TokenCache keys = TokenCache.builder(keyStore).name("keys").build();
    private @Nullable Server server;
    private URI root = URI.create("http://localhost");

    private void serve(UnaryOperator<AuthFilter.Builder> changes) throws Exception {
        Server jetty = new Server(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        ServletContextHandler context = new ServletContextHandler();
        AuthFilter filter = changes.apply(AuthFilter.builder().bearer(tokens)).build();
        context.addFilter(new FilterHolder(filter), "/*", EnumSet.allOf(DispatcherType.class));
        context.addServlet(new ServletHolder(new Who()), "/*");
        jetty.setHandler(context);
        jetty.start();
        server = jetty;
        root = URI.create("http://127.0.0.1:" + ((ServerConnector) jetty.getConnectors()[0]).getLocalPort());
    }

    @AfterEach
    void stop() throws Exception {
        if (server != null) server.stop();
        tokens.close();
        keys.close();
    }

    /** Tells who is asking; {@code /forward} is dispatched once more. */
    private static final class Who extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response)
                throws IOException, jakarta.servlet.ServletException {
            if (request.getPathInfo().equals("/forward") && request.getDispatcherType() == DispatcherType.REQUEST) {
                request.getRequestDispatcher("/elsewhere").forward(request, response);
                return;
            }
            String name = request.getUserPrincipal() == null
                    ? "nobody"
                    : request.getUserPrincipal().getName();
            response.getWriter()
                    .print(name + " " + request.getRemoteUser() + " " + request.getAuthType() + " "
                            + request.isUserInRole("orders:read"));
        }
    }

    private HttpResponse<String> get(String path, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(root.resolve(path));
        for (int i = 0; i < headers.length; i += 2) request.header(headers[i], headers[i + 1]);
        return CLIENT.send(request.build(), BodyHandlers.ofString());
    }

    private static String challenge(HttpResponse<?> response) {
        return response.headers().firstValue("WWW-Authenticate").orElse("");
    }

    private static TokenFacts.Builder facts() {
        return TokenFacts.of("iss", "ada")
                .audience("api")
                .scope("orders:read")
                .expiresAt(Instant.now().plusSeconds(600));
    }

    @Test
    void a_good_token_has_a_principal() throws Exception {
        authority.with("abc", facts());
        serve(f -> f.require(request -> READ));
        HttpResponse<String> response = get("/", "Authorization", "Bearer abc");
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body()).isEqualTo("ada ada Bearer true");
        assertThat(get("/", "Authorization", "bearer  abc ").body()).isEqualTo("ada ada Bearer true");
        assertThat(get("/forward", "Authorization", "Bearer abc").body()).isEqualTo("ada ada Bearer true");
        assertThat(tokens.stats().verified()).as("once a request").isEqualTo(3);
    }

    @Test
    void who_brings_nothing_is_asked_for_a_credential() throws Exception {
        serve(f -> f.realm("orders"));
        HttpResponse<String> response = get("/");
        assertThat(response.statusCode()).isEqualTo(401);
        assertThat(challenge(response)).isEqualTo("Bearer realm=\"orders\"");
        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(response.headers().firstValue("Cache-Control")).hasValue("no-store");
        assertThat(response.body()).contains("\"status\":401");
        assertThat(get("/", "Authorization", "Basic YTpi").statusCode()).isEqualTo(401);
        assertThat(get("/?access_token=abc").statusCode()).isEqualTo(401);
    }

    @Test
    void who_brings_a_bad_token_hears_so() throws Exception {
        authority
                .with("narrow", facts())
                .with("ended", facts().expiresAt(Instant.now().minusSeconds(5)));
        serve(f -> f.require(request -> READ.scope("orders:write")));
        HttpResponse<String> unknown = get("/", "Authorization", "Bearer unknown");
        assertThat(unknown.statusCode()).isEqualTo(401);
        assertThat(challenge(unknown)).startsWith("Bearer realm=\"api\", error=\"invalid_token\"");
        assertThat(get("/", "Authorization", "Bearer ended").statusCode()).isEqualTo(401);
        HttpResponse<String> narrow = get("/", "Authorization", "Bearer narrow");
        assertThat(narrow.statusCode()).isEqualTo(403);
        assertThat(challenge(narrow)).contains("error=\"insufficient_scope\"").contains("orders:write");
        assertThat(narrow.body()).doesNotContain("narrow");
    }

    @Test
    void a_request_that_is_not_clear_is_400() throws Exception {
        serve(f -> f.apiKeys("X-API-Key", keys));
        assertThat(get("/", "Authorization", "Bearer a", "Authorization", "Bearer b")
                        .statusCode())
                .isEqualTo(400);
        assertThat(get("/", "Authorization", "Bearer a", "X-API-Key", "b").statusCode())
                .isEqualTo(400);
        assertThat(get("/", "Authorization", "Bearer").statusCode()).isEqualTo(400);
        assertThat(get("/", "X-API-Key", "a", "X-API-Key", "b").statusCode()).isEqualTo(400);
    }

    @Test
    void control_characters_and_megabytes_reach_nobody() throws Exception {
        serve(f -> f);
        assertThat(get("/", "Authorization", "Bearer two words").statusCode()).isEqualTo(401);
        assertThat(get("/", "Authorization", "Bearer " + "x".repeat(5_000)).statusCode())
                .isEqualTo(401);
        try (Socket raw = new Socket(InetAddress.getLoopbackAddress(), root.getPort())) {
            raw.getOutputStream()
                    .write(
                            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \u00e4\u0001x\r\nConnection: close\r\n\r\n"
                                    .getBytes(StandardCharsets.ISO_8859_1));
            String answer = new String(raw.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            assertThat(answer).startsWith("HTTP/1.1 40");
        }
        assertThat(authority.asked.get()).isLessThanOrEqualTo(1);
    }

    @Test
    void an_outage_is_503_and_no_reason_to_throw_the_token_away() throws Exception {
        authority.failure = new IOException("down");
        serve(f -> f);
        HttpResponse<String> response = get("/", "Authorization", "Bearer abc");
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
        assertThat(challenge(response)).isEmpty();
    }

    @Test
    void who_tries_unknown_tokens_is_slowed_down() throws Exception {
        authority.with("known", facts());
        serve(f -> f.lookups(request -> request.getHeader("X-Trusted") != null));
        assertThat(get("/", "Authorization", "Bearer guess").statusCode()).isEqualTo(429);
        assertThat(get("/", "Authorization", "Bearer known", "X-Trusted", "1").statusCode())
                .isEqualTo(200);
        assertThat(get("/", "Authorization", "Bearer known").statusCode()).isEqualTo(200);
        assertThat(authority.asked).hasValue(1);
    }

    @Test
    void api_keys_and_sessions_are_taken_too() throws Exception {
        keyStore.with(
                "tk_1", TokenFacts.of("urn:keys", "tenant-7").audience("api").scope("orders:read"));
        serve(f -> f.require(request -> READ).apiKeys("X-API-Key", keys).sessions("SID", id -> switch (id) {
            case "s1" -> Optional.of(TokenFacts.of("urn:session", "eve").build());
            case "away" -> throw new RedisException("away");
            default -> Optional.empty();
        }));
        assertThat(get("/", "X-API-Key", "tk_1").body()).isEqualTo("tenant-7 tenant-7 ApiKey true");
        assertThat(challenge(get("/", "X-API-Key", "tk_2"))).startsWith("ApiKey realm=");
        assertThat(get("/", "Cookie", "a=b; SID=s1").body()).isEqualTo("eve eve Session false");
        assertThat(get("/", "Cookie", "SID=s2").statusCode()).isEqualTo(401);
        assertThat(get("/", "Cookie", "SID=away").statusCode()).isEqualTo(503);
        assertThat(get("/", "Cookie", "SID=s1", "Authorization", "Bearer bad").statusCode())
                .as("a bad token is not made good by a cookie")
                .isEqualTo(401);
    }

    @Test
    void a_session_of_this_module_is_one() throws Exception {
        Sessions sessions = Sessions.embedded(o -> o);
        serve(f -> f.sessions("SID", sessions));
        Login login = sessions.create("eve", Map.of());
        String id = ((Login.Created) login).id();
        assertThat(get("/", "Cookie", "SID=" + id).body()).isEqualTo("eve eve Session false");
        sessions.endAll("eve");
        assertThat(get("/", "Cookie", "SID=" + id).statusCode()).isEqualTo(401);
        assertThat(get("/", "Cookie", "SID=guess").statusCode()).isEqualTo(401);
    }

    @Test
    void some_requests_may_be_anonymous() throws Exception {
        serve(f -> f.anonymous(request -> request.getPathInfo().startsWith("/public")));
        assertThat(get("/public").body()).isEqualTo("nobody null null false");
        assertThat(get("/private").statusCode()).isEqualTo(401);
        assertThat(get("/public", "Authorization", "Bearer bad").statusCode()).isEqualTo(401);
    }

    @Test
    void a_filter_without_a_source_is_a_mistake() {
        assertThatThrownBy(() -> AuthFilter.builder().build()).hasMessageContaining("source");
        assertThatThrownBy(() -> AuthFilter.builder().realm("a\"b")).hasMessageContaining("realm");
        assertThatThrownBy(() -> AuthFilter.builder().apiKeys("a b", keys)).hasMessageContaining("header");
    }
}
