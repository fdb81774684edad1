package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static dev.tenfold.ratelimit.Limit.perMinute;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.tenfold.testkit.SettableClock;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.Principal;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.eclipse.jetty.ee10.servlet.ErrorPageErrorHandler;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** In a real server, by real requests. The limiter's clock stands still unless a test moves it. */
class RateLimitFilterTest {
    private static final Policy ADDRESS = Policy.of("address", limit("address", 3, perMinute()));
    private static final Policy USER = Policy.of("user", limit("user", 2, perMinute()));
    private static final String QUOTA_EXCEEDED =
            "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","
                    + "\"title\":\"Too many requests for the quota\",\"status\":429,";

    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final SettableClock clock = SettableClock.at(Instant.EPOCH);
    private final AtomicBoolean broken = new AtomicBoolean();
    private final RateLimiter limiter = RateLimiter.local(o -> o.nanoClock(() -> {
        if (broken.get()) throw new IllegalStateException("out of order");
        return clock.nanoTime();
    }));
    private final AtomicInteger served = new AtomicInteger();
    private @Nullable Server server;
    private URI root = URI.create("http://localhost");

    /** Serves by these filters; {@code /async}, {@code /forward} and {@code /fail} are dispatched once more. */
    private void serve(Filter... filters) throws Exception {
        serve(new ErrorPageErrorHandler(), filters);
    }

    private void serve(ErrorPageErrorHandler pages, Filter... filters) throws Exception {
        Server jetty = new Server(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        ServletContextHandler context = new ServletContextHandler();
        for (Filter filter : filters) {
            FilterHolder holder = new FilterHolder(filter);
            holder.setAsyncSupported(true);
            context.addFilter(holder, "/*", EnumSet.allOf(DispatcherType.class));
        }
        ServletHolder servlet = new ServletHolder(new Servlet());
        servlet.setAsyncSupported(true);
        context.addServlet(servlet, "/*");
        context.setErrorHandler(pages);
        jetty.setHandler(context);
        jetty.start();
        server = jetty;
        root = URI.create("http://127.0.0.1:" + ((ServerConnector) jetty.getConnectors()[0]).getLocalPort());
    }

    @AfterEach
    void stop() throws Exception {
        if (server != null) server.stop();
    }

    private final class Servlet extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response)
                throws IOException, jakarta.servlet.ServletException {
            boolean again = request.getDispatcherType() != DispatcherType.REQUEST;
            switch (again ? "" : request.getPathInfo()) {
                case "/async" -> {
                    AsyncContext async = request.startAsync();
                    async.start(() -> async.dispatch());
                }
                case "/forward" -> request.getRequestDispatcher("/elsewhere").forward(request, response);
                case "/fail" -> throw new IOException("as the test wants it");
                default -> {
                    served.incrementAndGet();
                    response.getWriter().print("served");
                }
            }
        }
    }

    /** Believes a header. */
    private static final class Authentication implements Filter {
        @Override
        public void doFilter(
                jakarta.servlet.ServletRequest request, jakarta.servlet.ServletResponse response, FilterChain chain)
                throws IOException, jakarta.servlet.ServletException {
            HttpServletRequest http = (HttpServletRequest) request;
            String user = http.getHeader("User");
            Principal principal = user == null ? null : () -> user.equals("(empty)") ? "" : user;
            chain.doFilter(
                    new HttpServletRequestWrapper(http) {
                        @Override
                        public @Nullable Principal getUserPrincipal() {
                            return principal;
                        }

                        @Override
                        public boolean isUserInRole(String role) {
                            return user != null && user.startsWith(role);
                        }
                    },
                    response);
        }
    }

    private HttpRequest.Builder to(String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(root.resolve(path)).timeout(Duration.ofSeconds(20));
        return headers.length == 0 ? request : request.headers(headers);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return CLIENT.send(request.build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> get(String path, String... headers) throws Exception {
        return send(to(path, headers));
    }

    private static List<String> limits(HttpResponse<?> response) {
        return response.headers().allValues("RateLimit");
    }

    private static Optional<String> retryAfter(HttpResponse<?> response) {
        return response.headers().firstValue("Retry-After");
    }

    private static Predicate<HttpServletRequest> path(String path) {
        return request -> path.equals(request.getPathInfo());
    }

    // By address.

    @Test
    void admitted_requests_tell_what_is_left() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct()));

        HttpResponse<String> first = get("/");
        assertThat(first.statusCode()).isEqualTo(200);
        assertThat(first.body()).isEqualTo("served");
        assertThat(first.headers().allValues("RateLimit-Policy")).containsExactly("\"address\";q=3;w=60");
        assertThat(limits(first)).containsExactly("\"address\";r=2;t=20");
        assertThat(retryAfter(first)).isEmpty();

        clock.advance(Duration.ofMillis(5_500));
        assertThat(limits(get("/"))).containsExactly("\"address\";r=1;t=15");
    }

    @Test
    void a_refusal_is_a_problem_that_says_when_to_come_back() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct()));
        for (int i = 0; i < 3; i++) assertThat(get("/").statusCode()).isEqualTo(200);
        clock.advance(Duration.ofMillis(100));

        HttpResponse<String> refused = get("/");
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.headers().allValues("Content-Type")).containsExactly("application/problem+json");
        assertThat(refused.headers().allValues("Retry-After")).containsExactly("20");
        assertThat(refused.headers().allValues("RateLimit-Policy")).containsExactly("\"address\";q=3;w=60");
        assertThat(limits(refused)).containsExactly("\"address\";r=0;t=20");
        assertThat(refused.body())
                .isEqualTo(QUOTA_EXCEEDED + "\"detail\":\"Wait 20 s before the next try.\","
                        + "\"violated-policies\":[\"address\"]}");
        assertThat(served).hasValue(3);

        clock.advance(Duration.ofMillis(19_900));
        assertThat(get("/").statusCode()).isEqualTo(200);
        assertThat(get("/").statusCode()).isEqualTo(429);
    }

    @Test
    void a_refusal_of_HEAD_has_no_body() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct()));
        for (int i = 0; i < 3; i++) get("/");
        HttpResponse<String> refused = get("/");

        HttpResponse<String> head = send(to("/").method("HEAD", HttpRequest.BodyPublishers.noBody()));
        assertThat(head.statusCode()).isEqualTo(429);
        assertThat(head.body()).isEmpty();
        assertThat(head.headers().firstValue("Content-Length"))
                .hasValue("" + refused.body().length());
        assertThat(retryAfter(head)).hasValue("20");
        // The connection is still in step.
        assertThat(get("/").body()).isEqualTo(refused.body());
    }

    @Test
    void behind_a_proxy_each_client_has_a_limit_of_its_own() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.behind(1)));

        assertThat(limits(get("/", "X-Forwarded-For", "192.0.2.1"))).containsExactly("\"address\";r=2;t=20");
        assertThat(limits(get("/", "X-Forwarded-For", "192.0.2.2"))).containsExactly("\"address\";r=2;t=20");
        assertThat(limits(get("/", "X-Forwarded-For", "192.0.2.1:99"))).containsExactly("\"address\";r=1;t=20");
        assertThat(limits(get("/", "X-Forwarded-For", "2001:db8::1"))).containsExactly("\"address\";r=2;t=20");
        assertThat(limits(get("/", "X-Forwarded-For", "2001:db8::2"))).containsExactly("\"address\";r=1;t=20");
    }

    @Test
    void a_forged_header_gives_no_new_limit() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.behind(1)));
        for (int i = 0; i < 3; i++) {
            assertThat(get("/", "X-Forwarded-For", "6.6.6." + i + ", 192.0.2.1").statusCode())
                    .isEqualTo(200);
        }

        assertThat(get("/", "X-Forwarded-For", "6.6.6.6, 192.0.2.1").statusCode())
                .isEqualTo(429);
        assertThat(get("/", "X-Forwarded-For", "6.6.6.6", "X-Forwarded-For", "192.0.2.1")
                        .statusCode())
                .isEqualTo(429);
        assertThat(get("/", "X-Forwarded-For", "192.0.2.1", "Forwarded", "for=6.6.6.6")
                        .statusCode())
                .isEqualTo(429);
        assertThat(get("/", "X-Forwarded-For", "6.6.6.6".repeat(500) + ",192.0.2.1")
                        .statusCode())
                .isEqualTo(429);
    }

    @Test
    void without_a_proxy_no_header_is_believed() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct()));
        for (int i = 0; i < 3; i++) get("/", "X-Forwarded-For", "192.0.2." + i);

        assertThat(get("/", "X-Forwarded-For", "192.0.2.9").statusCode()).isEqualTo(429);
    }

    @Test
    void the_Forwarded_header_is_a_setting() throws Exception {
        serve(RateLimitFilter.byAddress(
                limiter, ADDRESS, ClientAddress.behind(1).forwarded()));

        get("/", "Forwarded", "for=6.6.6.6, for=\"192.0.2.1:8080\";proto=https", "X-Forwarded-For", "7.7.7.7");
        assertThat(limits(get("/", "Forwarded", "for=192.0.2.1"))).containsExactly("\"address\";r=1;t=20");
    }

    // By principal.

    @Test
    void each_user_has_a_limit_and_who_is_nobody_passes() throws Exception {
        serve(new Authentication(), RateLimitFilter.byPrincipal(limiter, USER));

        assertThat(limits(get("/", "User", "ann"))).containsExactly("\"user\";r=1;t=30");
        assertThat(limits(get("/", "User", "ann"))).containsExactly("\"user\";r=0;t=30");
        assertThat(get("/", "User", "ann").statusCode()).isEqualTo(429);
        assertThat(limits(get("/", "User", "bob"))).containsExactly("\"user\";r=1;t=30");
        for (int i = 0; i < 5; i++) {
            HttpResponse<String> nobody = get("/");
            assertThat(nobody.statusCode()).isEqualTo(200);
            assertThat(limits(nobody)).isEmpty();
        }
    }

    @Test
    void a_name_that_is_empty_or_too_long_is_limited_too() throws Exception {
        serve(new Authentication(), RateLimitFilter.byPrincipal(limiter, USER));
        for (String name : List.of("(empty)", "x".repeat(Key.LONGEST + 1), "y".repeat(4_000))) {
            assertThat(get("/", "User", name).statusCode()).isEqualTo(200);
            assertThat(get("/", "User", name).statusCode()).isEqualTo(200);
            assertThat(get("/", "User", name).statusCode()).isEqualTo(429);
        }
    }

    @Test
    void both_stages_tell_and_the_first_protects_the_second() throws Exception {
        AtomicInteger authentications = new AtomicInteger();
        Filter count = (request, response, chain) -> {
            authentications.incrementAndGet();
            chain.doFilter(request, response);
        };
        serve(
                RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct()),
                count,
                new Authentication(),
                RateLimitFilter.byPrincipal(limiter, USER));

        HttpResponse<String> both = get("/", "User", "ann");
        assertThat(limits(both)).containsExactly("\"address\";r=2;t=20", "\"user\";r=1;t=30");
        assertThat(both.headers().allValues("RateLimit-Policy"))
                .containsExactly("\"address\";q=3;w=60", "\"user\";q=2;w=60");
        get("/", "User", "ann");
        HttpResponse<String> second = get("/", "User", "ann");
        assertThat(second.statusCode()).isEqualTo(429);
        assertThat(second.body()).contains("\"violated-policies\":[\"user\"]");
        assertThat(limits(second)).containsExactly("\"address\";r=0;t=20", "\"user\";r=0;t=30");
        assertThat(retryAfter(second)).hasValue("30");
        HttpResponse<String> first = get("/", "User", "bob");
        assertThat(first.statusCode()).isEqualTo(429);
        assertThat(first.body()).contains("\"violated-policies\":[\"address\"]");
        assertThat(authentications).hasValue(3);
    }

    // Settings.

    @Test
    void internal_callers_have_a_policy_of_their_own() throws Exception {
        Policy services = Policy.of("services", limit("service", 100, perMinute()));
        serve(
                new Authentication(),
                RateLimitFilter.byPrincipal(limiter, USER)
                        .internal(request -> request.isUserInRole("service"), services));

        assertThat(limits(get("/", "User", "service-a"))).containsExactly("\"service\";r=99;t=1");
        assertThat(limits(get("/", "User", "ann"))).containsExactly("\"user\";r=1;t=30");
        assertThat(limits(get("/", "User", "service-a"))).containsExactly("\"service\";r=98;t=1");
    }

    @Test
    void an_internal_policy_of_the_same_name_is_refused() {
        RateLimitFilter filter = RateLimitFilter.byPrincipal(limiter, USER);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> filter.internal(request -> true, Policy.of("user", limit("more", 100, perMinute()))))
                .withMessageContaining("named \"user\" like the public one");
    }

    @Test
    void excepted_paths_cost_nothing_and_stay_excepted_when_forwarded() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct())
                .except(path("/health"))
                .except(path("/forward")));
        for (int i = 0; i < 10; i++) {
            assertThat(get("/health").statusCode()).isEqualTo(200);
            assertThat(limits(get("/forward"))).isEmpty();
        }

        assertThat(limits(get("/"))).containsExactly("\"address\";r=2;t=20");
    }

    @Test
    void a_request_may_cost_more_or_too_much() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct())
                .cost(request -> Long.parseLong(request.getHeader("Cost"))));

        assertThat(limits(get("/", "Cost", "2"))).containsExactly("\"address\";r=1;t=20");
        HttpResponse<String> refused = get("/", "Cost", "3");
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(limits(refused)).containsExactly("\"address\";r=1;t=20");
        assertThat(retryAfter(refused)).hasValue("40");

        HttpResponse<String> infeasible = get("/", "Cost", "4");
        assertThat(infeasible.statusCode()).isEqualTo(429);
        assertThat(retryAfter(infeasible)).isEmpty();
        assertThat(infeasible.body())
                .isEqualTo(QUOTA_EXCEEDED
                        + "\"detail\":\"This request costs more than the quota ever holds, so waiting is of no use.\","
                        + "\"violated-policies\":[\"address\"]}");
    }

    @Test
    void nothing_in_a_request_makes_it_free() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct())
                .cost(request -> Long.parseLong(request.getHeader("Cost"))));

        assertThat(limits(get("/", "Cost", "0"))).containsExactly("\"address\";r=2;t=20");
        assertThat(limits(get("/", "Cost", "-9223372036854775808"))).containsExactly("\"address\";r=1;t=20");
        assertThat(limits(get("/", "Cost", "junk"))).containsExactly("\"address\";r=0;t=20");
        assertThat(get("/", "Cost", "9223372036854775807").statusCode()).isEqualTo(429);
    }

    @Test
    void the_older_fields_are_those_of_the_tighter_filter() throws Exception {
        Policy wide = Policy.of("wide", limit("wide", 50, perHour()));
        serve(
                RateLimitFilter.byAddress(limiter, USER, ClientAddress.direct()).headers(RateLimitHeaders.LEGACY),
                RateLimitFilter.byAddress(limiter, wide, ClientAddress.direct()).headers(RateLimitHeaders.LEGACY));

        HttpResponse<String> admitted = get("/");
        assertThat(admitted.headers().allValues("X-RateLimit-Limit")).containsExactly("2");
        assertThat(admitted.headers().allValues("X-RateLimit-Remaining")).containsExactly("1");
        assertThat(admitted.headers().allValues("X-RateLimit-Reset")).containsExactly("30");
        assertThat(limits(admitted)).isEmpty();
    }

    @Test
    void headers_can_be_left_out() throws Exception {
        serve(RateLimitFilter.byAddress(limiter, USER, ClientAddress.direct()).headers(RateLimitHeaders.NONE));

        assertThat(get("/").headers().map().keySet()).noneMatch(name -> name.contains("ratelimit"));
        get("/");
        assertThat(retryAfter(get("/"))).hasValue("30");
    }

    @Test
    void keys_may_have_parts() throws Exception {
        Policy policy = Policy.of(
                "api",
                limit("one", 2, perMinute()),
                limit("all", 3, perMinute()).by("tenant"));
        serve(RateLimitFilter.by(
                limiter,
                policy,
                request -> Optional.ofNullable(request.getHeader("Tenant"))
                        .map(tenant -> Key.of("tenant", tenant).and("user", request.getHeader("User")))));

        assertThat(limits(get("/", "Tenant", "t", "User", "ann")))
                .containsExactly("\"one\";r=1;t=30, \"all\";r=2;t=20");
        assertThat(limits(get("/", "Tenant", "t", "User", "bob")))
                .containsExactly("\"one\";r=1;t=30, \"all\";r=1;t=20");
        assertThat(limits(get("/"))).isEmpty();
    }

    @Test
    void a_policy_by_a_part_that_the_keys_do_not_have_is_refused_at_once() {
        Policy policy = Policy.of("api", limit("all", 3, perMinute()).by("tenant"));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> RateLimitFilter.byPrincipal(limiter, policy))
                .withMessageContaining("RateLimitFilter.by(…)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RateLimitFilter.byAddress(limiter, policy, ClientAddress.direct()));
        assertThat(RateLimitFilter.byPrincipal(
                        limiter, Policy.of("api", limit("all", 3, perMinute()).by("principal"))))
                .hasToString(
                        "RateLimitFilter[principal, policy \"api\" [limit \"all\": 3 per PT1M, burst 3, by principal],"
                                + " LOCAL on outage, IETF]");
    }

    // Each request is decided once.

    @Test
    void a_request_that_is_dispatched_again_is_decided_once() throws Exception {
        Policy policy = Policy.of("address", limit("address", 30, perMinute()));
        serve(RateLimitFilter.byAddress(limiter, policy, ClientAddress.direct()));

        assertThat(get("/async").body()).isEqualTo("served");
        assertThat(get("/forward").body()).isEqualTo("served");
        assertThat(get("/fail").statusCode()).isEqualTo(500);
        HttpResponse<String> fourth = get("/async");
        assertThat(limits(fourth)).containsExactly("\"address\";r=26;t=2");
    }

    @Test
    void an_error_page_costs_nothing() throws Exception {
        Filter refusing = (request, response, chain) -> {
            boolean error = request.getDispatcherType() == DispatcherType.ERROR;
            if (!error && path("/secret").test((HttpServletRequest) request)) {
                ((HttpServletResponse) response).sendError(401);
            } else {
                chain.doFilter(request, response);
            }
        };
        ErrorPageErrorHandler pages = new ErrorPageErrorHandler();
        pages.addErrorPage(401, "/unauthorized");
        serve(pages, refusing, RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.direct()));
        for (int i = 0; i < 5; i++) {
            HttpResponse<String> unauthorized = get("/secret");
            assertThat(unauthorized.statusCode()).isEqualTo(401);
            assertThat(unauthorized.body()).isEqualTo("served");
            assertThat(limits(unauthorized)).isEmpty();
        }

        assertThat(limits(get("/"))).containsExactly("\"address\";r=2;t=20");
    }

    @Test
    void of_parallel_requests_exactly_as_many_pass_as_may() throws Exception {
        Policy policy = Policy.of("address", limit("address", 10, perHour()));
        serve(RateLimitFilter.byAddress(limiter, policy, ClientAddress.direct()));

        List<CompletableFuture<Integer>> answers = IntStream.range(0, 64)
                .mapToObj(i -> CLIENT.sendAsync(to(i % 2 == 0 ? "/" : "/async").build(), BodyHandlers.ofString())
                        .thenApply(HttpResponse::statusCode))
                .toList();
        List<Integer> statuses = answers.stream().map(CompletableFuture::join).toList();

        assertThat(statuses).containsOnly(200, 429);
        assertThat(statuses.stream().filter(status -> status == 200)).hasSize(10);
        assertThat(served).hasValue(10);
    }

    // Nothing is thrown into a request.

    @Test
    void requests_without_a_valid_key_share_one() throws Exception {
        Policy policy = Policy.of(
                "api",
                limit("one", 2, perMinute()),
                limit("all", 9, perMinute()).by("tenant"));
        serve(RateLimitFilter.by(limiter, policy, request -> {
            Key key = Key.of("tenant", request.getHeader("Tenant"));
            return Optional.of(key);
        }));

        assertThat(get("/", "Tenant", "x".repeat(2_000)).statusCode()).isEqualTo(200);
        assertThat(get("/", "Tenant", "").statusCode()).isEqualTo(200);
        assertThat(get("/", "Tenant", "y".repeat(2_000)).statusCode()).isEqualTo(429);
        assertThat(get("/").statusCode()).isEqualTo(429);
        assertThat(get("/", "Tenant", "z").statusCode()).isEqualTo(200);
    }

    @Test
    void a_key_without_a_part_that_the_policy_counts_by_is_limited_too() throws Exception {
        Policy policy = Policy.of(
                "api",
                limit("all", 2, perMinute()).by("tenant"),
                limit("one", 9, perMinute()).by("user"));
        serve(RateLimitFilter.by(limiter, policy, request -> Optional.of(Key.of("user", "ann"))));

        assertThat(get("/").statusCode()).isEqualTo(200);
        assertThat(get("/").statusCode()).isEqualTo(200);
        assertThat(get("/").statusCode()).isEqualTo(429);
    }

    @Test
    void functions_that_throw_make_nobody_internal_or_excepted() throws Exception {
        Policy services = Policy.of("services", limit("service", 100, perMinute()));
        serve(RateLimitFilter.byAddress(limiter, USER, ClientAddress.direct())
                .internal(
                        request -> {
                            throw new IllegalStateException("as the test wants it");
                        },
                        services)
                .except(request -> {
                    throw new IllegalStateException("as the test wants it");
                }));

        assertThat(limits(get("/"))).containsExactly("\"user\";r=1;t=30");
    }

    @Test
    void a_limiter_that_is_out_of_order_decides_as_in_an_outage() throws Exception {
        Policy closed = Policy.of("closed", limit("closed", 9, perMinute())).onOutage(Outage.CLOSED);
        serve(
                RateLimitFilter.byAddress(limiter, USER, ClientAddress.direct()),
                RateLimitFilter.byAddress(limiter, closed, ClientAddress.direct())
                        .except(path("/open")));
        broken.set(true);

        HttpResponse<String> open = get("/open");
        assertThat(open.statusCode()).isEqualTo(200);
        assertThat(limits(open)).isEmpty();
        HttpResponse<String> refused = get("/");
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(retryAfter(refused)).hasValue("1");
        assertThat(limits(refused)).isEmpty();
        assertThat(refused.headers().allValues("Content-Type")).containsExactly("application/problem+json");
        assertThat(refused.body())
                .isEqualTo("{\"type\":\"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity\","
                        + "\"title\":\"The service has less capacity for the moment\",\"status\":503,"
                        + "\"detail\":\"Wait 1 s before the next try.\",\"violated-policies\":[]}");
        broken.set(false);
        assertThat(get("/").statusCode()).isEqualTo(200);
    }

    @Test
    void an_answer_that_has_a_writer_already_is_refused_without_an_error() throws Exception {
        Filter writer = (request, response, chain) -> {
            response.getWriter();
            chain.doFilter(request, response);
        };
        serve(writer, RateLimitFilter.byAddress(limiter, USER, ClientAddress.direct()));
        get("/");
        get("/");

        HttpResponse<String> refused = get("/");
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.body()).startsWith(QUOTA_EXCEEDED);
    }
}
