package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** In a real server, by real requests. */
@Timeout(60)
class QueryScopeFilterTest {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final JdbcDataSource database = new JdbcDataSource();
    private final ConcurrentLinkedQueue<QueryScope> scopes = new ConcurrentLinkedQueue<>();
    private final ExecutorService pool = Executors.newSingleThreadExecutor();
    private final CountDownLatch firstDispatchIsOver = new CountDownLatch(1);
    private QueryGuard guard;
    private Connection keeper;
    private @Nullable Server server;
    private URI root = URI.create("http://localhost");

    QueryScopeFilterTest() throws SQLException {
        database.setURL("jdbc:h2:mem:scopefilter");
        guard = QueryGuard.watch(database, Patient::guard);
        keeper = database.getConnection();
    }

    @BeforeEach
    void create() throws SQLException {
        try (Statement statement = keeper.createStatement()) {
            statement.execute("create table post as select x as id, x as author_id from system_range(1, 12)");
            statement.execute("create table author as select x as id from system_range(1, 12)");
        }
    }

    @AfterEach
    void stop() throws Exception {
        if (server != null) server.stop();
        pool.shutdown();
        keeper.close();
    }

    private void serve(QueryScopeFilter filter) throws Exception {
        Server jetty = new Server(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        ServletContextHandler context = new ServletContextHandler();
        FilterHolder holder = new FilterHolder(filter);
        holder.setAsyncSupported(true);
        // Opens the latch when a first dispatch has gone back through the filter.
        FilterHolder first = new FilterHolder((request, response, chain) -> {
            chain.doFilter(request, response);
            if (request.getDispatcherType() == DispatcherType.REQUEST) firstDispatchIsOver.countDown();
        });
        first.setAsyncSupported(true);
        context.addFilter(first, "/*", EnumSet.of(DispatcherType.REQUEST));
        context.addFilter(holder, "/*", EnumSet.allOf(DispatcherType.class));
        ServletHolder servlet = new ServletHolder(new Servlet());
        servlet.setAsyncSupported(true);
        context.addServlet(servlet, "/*");
        jetty.setHandler(context);
        jetty.start();
        server = jetty;
        root = URI.create("http://127.0.0.1:" + ((ServerConnector) jetty.getConnectors()[0]).getLocalPort());
    }

    private int get(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(root.resolve(path)).build();
        return CLIENT.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }

    /** Each query on a connection of its own. */
    private void authors(int from, int to) throws SQLException {
        for (int id = from; id <= to; id++) {
            try (Connection connection = guard.getConnection();
                    PreparedStatement statement = connection.prepareStatement("select id from author where id = ?")) {
                statement.setInt(1, id);
                statement.executeQuery().next();
            }
        }
    }

    private List<Integer> posts() throws SQLException {
        List<Integer> ids = new ArrayList<>();
        try (Connection connection = guard.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select id, author_id from post")) {
            while (rows.next()) ids.add(rows.getInt("author_id") + rows.getInt("id") * 0);
        }
        return ids;
    }

    private final class Servlet extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response)
                throws IOException, ServletException {
            QueryScope scope = ThreadState.current().scope();
            if (scope != null) scopes.add(scope);
            try {
                answer(request, response);
            } catch (SQLException e) {
                throw new ServletException(e);
            }
        }

        private void answer(HttpServletRequest request, HttpServletResponse response)
                throws IOException, ServletException, SQLException {
            boolean again = request.getDispatcherType() != DispatcherType.REQUEST;
            switch (request.getPathInfo()) {
                case "/posts" -> authors(1, posts().size());
                case "/async" -> {
                    if (again) {
                        authors(7, 12);
                        return;
                    }
                    posts();
                    authors(1, 6);
                    AsyncContext async = request.startAsync();
                    pool.execute(() -> {
                        Await.latch(firstDispatchIsOver);
                        async.dispatch();
                    });
                }
                case "/completed" -> {
                    AsyncContext async = request.startAsync();
                    pool.execute(QueryScope.wrap(() -> {
                        Await.latch(firstDispatchIsOver);
                        try {
                            authors(1, 3);
                        } catch (SQLException e) {
                            throw new IllegalStateException(e);
                        } finally {
                            async.complete();
                        }
                    }));
                }
                case "/forward" -> {
                    if (again) return;
                    authors(1, 1);
                    request.getRequestDispatcher("/elsewhere").forward(request, response);
                }
                case "/fail" -> throw new IOException("as the test wants it");
                default -> authors(1, 1);
            }
        }
    }

    private List<Finding> found(FindingKind kind) {
        return guard.findings().stream()
                .filter(finding -> finding.kind() == kind)
                .toList();
    }

    @Test
    void queries_of_one_request_are_one_n_plus_one_over_many_connections() throws Exception {
        serve(new QueryScopeFilter());

        assertThat(get("/posts")).isEqualTo(200);

        assertThat(found(FindingKind.N_PLUS_ONE)).singleElement().satisfies(finding -> {
            assertThat(finding.scope()).isEqualTo("GET /posts");
            assertThat(finding.source()).contains("from post");
            assertThat(finding.callers().get(0).getMethodName()).isEqualTo("authors");
        });
    }

    @Test
    void without_it_they_are_not_seen_together() throws Exception {
        authors(1, posts().size());

        assertThat(guard.findings()).isEmpty();
    }

    @Test
    void a_request_that_is_dispatched_again_goes_on_in_its_scope() throws Exception {
        serve(new QueryScopeFilter());

        assertThat(get("/async")).isEqualTo(200);

        assertThat(scopes).hasSize(2);
        assertThat(scopes.stream().distinct()).singleElement().satisfies(scope -> {
            Await.until("the scope has ended", scope::isClosed);
            assertThat(scope.statements()).isEqualTo(13);
        });
        assertThat(found(FindingKind.N_PLUS_ONE)).hasSize(1);
    }

    @Test
    void a_scope_ends_when_the_request_is_completed() throws Exception {
        serve(new QueryScopeFilter());

        assertThat(get("/completed")).isEqualTo(200);

        assertThat(scopes).singleElement().satisfies(scope -> {
            Await.until("the scope has ended", scope::isClosed);
            assertThat(scope.statements()).isEqualTo(3);
        });
    }

    @Test
    void a_request_that_is_forwarded_stays_in_its_scope() throws Exception {
        serve(new QueryScopeFilter());

        get("/forward");

        assertThat(scopes.stream().distinct()).hasSize(1);
        // A forward ends the answer, before the filters are gone through.
        Await.until("the scope has ended", scopes.element()::isClosed);
    }

    @Test
    void a_request_that_fails_ends_its_scope() throws Exception {
        serve(new QueryScopeFilter());

        assertThat(get("/fail")).isEqualTo(500);

        assertThat(scopes).isNotEmpty().allMatch(QueryScope::isClosed);
    }

    @Test
    void names_are_few() throws Exception {
        serve(new QueryScopeFilter());

        for (String path : List.of(
                "/users/42/orders",
                "/users/43/orders",
                "/files/0b5e5b1e-8f3c-4b0a-9c63-1f2f3a4b5c6d",
                "/objects/deadbeef01",
                "/facade/v1/decade",
                "/a/b/c/d/e/f",
                "/mail/jo%40example.org",
                "/" + "x".repeat(40),
                "/2024-05-06/",
                "/")) {
            get(path);
        }

        assertThat(scopes.stream().map(QueryScope::name))
                .containsExactly(
                        "GET /users/{id}/orders",
                        "GET /users/{id}/orders",
                        "GET /files/{id}",
                        "GET /objects/{id}",
                        "GET /facade/v1/decade",
                        "GET /a/b/c/d/…",
                        "GET /mail/{id}",
                        "GET /{id}",
                        "GET /{id}",
                        "GET /");
    }

    @Test
    void names_beyond_a_thousand_are_one() throws Exception {
        serve(new QueryScopeFilter());

        for (int i = 0; i < 1_001; i++) {
            get("/page/" + (char) ('a' + i / 676) + (char) ('a' + i / 26 % 26) + (char) ('a' + i % 26));
        }
        get("/page/aaa");

        List<String> names = scopes.stream().map(QueryScope::name).toList();
        assertThat(names.get(999)).startsWith("GET /page/");
        assertThat(names.get(1_000)).isEqualTo("GET other");
        assertThat(names.get(1_001)).isEqualTo("GET /page/aaa");
    }

    @Test
    void a_function_may_name_scopes() throws Exception {
        serve(QueryScopeFilter.named(
                request -> "by " + request.getHeader("host").length()));

        get("/x");

        assertThat(scopes.element().name()).startsWith("by ");
    }

    @Test
    void a_function_that_fails_does_not_fail_the_request() throws Exception {
        serve(QueryScopeFilter.named(request -> {
            throw new IllegalStateException("as the test wants it");
        }));

        assertThat(get("/x")).isEqualTo(200);
        assertThat(scopes.element().name()).isEqualTo("GET /x");
    }
}
