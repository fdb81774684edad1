package dev.tenfold.query;

import static dev.tenfold.query.guard.QueryAssertions.assertNoFindings;
import static dev.tenfold.query.guard.QueryAssertions.assertQueries;
import static dev.tenfold.query.guard.QueryAssertions.constant;
import static dev.tenfold.query.guard.QueryAssertions.max;
import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.Finding;
import dev.tenfold.query.guard.FindingKind;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.guard.QueryScope;
import dev.tenfold.query.index.IndexCheck;
import dev.tenfold.query.keyset.Keyset;
import dev.tenfold.query.keyset.Page;
import dev.tenfold.query.pool.PoolSize;
import dev.tenfold.query.pool.PoolWatch;
import dev.tenfold.query.pool.Pools;
import dev.tenfold.query.replica.Database;
import dev.tenfold.query.replica.Session;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CodeBlocks;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The README's Java blocks on this module and the test kit are regions of this class, and they run. */
class ReadmeTest {
    record Country(long id, String name) {
        static Country map(ResultSet row) throws SQLException {
            return new Country(row.getLong("id"), row.getString("name"));
        }
    }

    record Author(long id, String name, long countryId) {
        static Author map(ResultSet row) throws SQLException {
            return new Author(row.getLong("id"), row.getString("name"), 1);
        }
    }

    record Post(String title, long authorId) {}

    record View(String title, String author) {}

    private static CountingDataSource dataSource = CountingDataSource.of(emptyDatabase());

    private final List<Post> page = List.of(new Post("One", 1), new Post("Two", 2), new Post("Three", 1));

    private static DataSource emptyDatabase() {
        PostgresServer server = PostgresServer.shared();
        return server.dataSource(server.createDatabase());
    }

    @BeforeAll
    static void fill() throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table country (id bigint primary key, name text)");
            statement.execute("create table author (id bigint primary key, name text)");
            statement.execute(
                    "create table post (id bigint primary key, title text, author_id bigint references author)");
            statement.execute("create index on post (author_id)");
            statement.execute("insert into country values (1, 'Norway')");
            statement.execute("insert into author values (1, 'Ada'), (2, 'Bo')");
        }
    }

    @Test
    void peers() {
        List<View> views = new ArrayList<>();
        dataSource.reset();
        // region: peers
        Loader<Long, Author> authors =
                Loader.jdbc(dataSource, "select id, name from author where id = any(?)", Author::map, Author::id);

        var author = authors.across(page, Post::authorId);
        for (Post post : page) {
            views.add(new View(post.title(), author.of(post).name())); // 1 query for the whole page
        }
        // endregion
        assertThat(views).containsExactly(new View("One", "Ada"), new View("Two", "Bo"), new View("Three", "Ada"));
        assertThat(dataSource.statements()).isEqualTo(1);
    }

    @Test
    void scope() {
        Loader<Long, Author> authors =
                Loader.jdbc(dataSource, "select id, name from author where id = any(?)", Author::map, Author::id);
        Loader<Long, Country> countries =
                Loader.jdbc(dataSource, "select id, name from country where id = any(?)", Country::map, Country::id);
        dataSource.reset();
        // region: scope
        List<View> views = LoadScope.each(page, post -> {
            Author author = authors.load(post.authorId()); // level 1: 1 query for all items
            Country country = countries.load(author.countryId()); // level 2: 1 query for all items
            return new View(post.title(), author.name() + ", " + country.name());
        });
        // endregion
        assertThat(views).extracting(View::author).containsExactly("Ada, Norway", "Bo, Norway", "Ada, Norway");
        assertThat(dataSource.statements()).isEqualTo(2);
    }

    /** What the README's feed does: all posts and their authors by one query each. */
    private static final class FeedPage {
        private final DataSource database;

        FeedPage(DataSource database) {
            this.database = database;
        }

        List<View> page() throws SQLException {
            Loader<Long, Author> authors =
                    Loader.jdbc(database, "select id, name from author where id = any(?)", Author::map, Author::id);
            List<Post> posts = posts(database);
            var author = authors.across(posts, Post::authorId);
            return posts.stream()
                    .map(post -> new View(post.title(), author.of(post).name()))
                    .toList();
        }
    }

    private static List<Post> posts(DataSource database) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement statement = connection.prepareStatement("select title, author_id from post");
                ResultSet rows = statement.executeQuery()) {
            List<Post> posts = new ArrayList<>();
            while (rows.next()) posts.add(new Post(rows.getString(1), rows.getLong(2)));
            return posts;
        }
    }

    private static String authorOf(DataSource database, Post post) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement statement = connection.prepareStatement("select name from author where id = ?")) {
            statement.setLong(1, post.authorId());
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? rows.getString(1) : "";
            }
        }
    }

    private static void seed(int posts) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("delete from post");
            statement.execute("insert into author select n, 'author ' || n from generate_series(3, 30) n"
                    + " on conflict do nothing");
            statement.execute("insert into post select n, 'post ' || n, n from generate_series(1, " + posts + ") n");
        }
    }

    @Test
    void guard() throws SQLException {
        List<FindingKind> kinds = foundByGuard();
        // A busy machine may make a statement slow, or hold a connection, but not each time.
        for (int i = 1; i < 3 && kinds.size() > 1; i++) kinds = foundByGuard();
        assertThat(kinds).containsExactly(FindingKind.N_PLUS_ONE);
    }

    private List<FindingKind> foundByGuard() throws SQLException {
        seed(15);
        List<String> names = new ArrayList<>();
        // region: guard
        QueryGuard watched = QueryGuard.watch(dataSource); // a DataSource for all that runs SQL

        try (QueryScope request = QueryScope.open("GET /feed")) { // for servlets, QueryScopeFilter does this
            for (Post post : posts(watched)) {
                names.add(authorOf(watched, post)); // a query for each post
            }
            System.out.println(request.statements() + " statements");
        }
        for (Finding finding : watched.findings()) System.out.println(finding.text()); // it is logged, too
        // endregion
        assertThat(names).hasSize(15);
        return watched.findings().stream().map(Finding::kind).toList();
    }

    @Test
    void assertions() throws SQLException {
        seed(5);
        FeedPage feed = new FeedPage(QueryGuard.watch(dataSource));
        // region: assertions
        assertQueries(max(2), () -> feed.page());
        assertQueries(constant(posts -> seed(posts)), () -> feed.page()); // as many for 5 posts as for 2
        assertNoFindings(() -> feed.page()); // no N+1, no loop, no repeated read

        IndexCheck.of(dataSource).report().assertClean(); // each foreign key has its index, none is there twice
        // endregion
    }

    @Test
    void pages() throws SQLException {
        seed(25);
        byte[] secret = new byte[32];
        String cursor = null;
        // region: keyset
        Keyset newest = Keyset.columns("id desc unique").signedWith(secret); // by any columns, the last one unique

        Page<String> page = newest.after(cursor) // of the link that was followed; null on the first page
                .limit(20)
                .fetch(dataSource, "select id, title from post where {keyset}", row -> row.getString("title"));
        String next = page.next().orElse("no more"); // an opaque, signed text for the next link
        // endregion
        assertThat(page.items()).hasSize(20).startsWith("post 25");
        assertThat(newest.after(next)
                        .fetch(dataSource, "select id, title from post where {keyset}", row -> row.getString("title"))
                        .items())
                .hasSize(5);
    }

    @Test
    void pool() {
        PostgresServer server = PostgresServer.shared();
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(server.jdbcUrl(server.createDatabase()));
        // region: pool
        PoolSize size = Pools.size(o -> o.cores(8)
                .maxConnections(100)
                .reserved(10)
                .instances(2)
                .arrivals(300) // borrows a second, of one instance in its busiest hour
                .hold(Duration.ofMillis(12)));
        System.out.println(size.explain()); // how many, and which bound decided

        HikariDataSource hikari = Pools.hikari(config, size);
        QueryGuard watched = QueryGuard.watch(hikari); // what the application uses
        PoolWatch pool = Pools.watch(watched);
        System.out.println(pool.health().text()); // too small? a leak, or a slow statement?
        // endregion
        assertThat(hikari.getMaximumPoolSize()).isEqualTo(size.connections());
        hikari.close();
    }

    @Test
    void replicas() throws SQLException {
        seed(5);
        PostgresServer server = PostgresServer.shared();
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(server.jdbcUrl(server.createDatabase()));
        try (HikariDataSource primary = new HikariDataSource(config)) {
            // region: replicas
            Database db = Database.primary(primary).build(); // a second server, later: .replica("eu-1", second)

            Session session = db.session(null); // of one user, from the token in a cookie
            session.write(connection -> insert(connection, "hello"));
            String title = session.read(connection -> newest(connection)); // sees it, wherever it runs
            String cookie = session.token();
            // endregion
            assertThat(title).isEqualTo("hello");
            assertThat(cookie).isNotNull();
            db.close();
        }
    }

    private static int insert(Connection connection, String title) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table note (title text)");
            return statement.executeUpdate("insert into note values ('" + title + "')");
        }
    }

    private static String newest(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select title from note")) {
            return rows.next() ? rows.getString(1) : "";
        }
    }

    @Test
    void testkit() throws SQLException {
        // region: testkit
        // One a JVM, on a free port; it ends with the JVM, even with a killed one.
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();

        try (FaultProxy network = FaultProxy.to(server.host(), server.port())) {
            network.delay(Duration.ofMillis(5)); // also cut(), halfOpen(), bandwidth(…), resume()
            String url = server.jdbcUrl(database, network);
            // endregion
            try (Connection connection = DriverManager.getConnection(url, server.user(), server.password())) {
                assertThat(connection.isValid((int) Await.LIMIT.toSeconds())).isTrue();
            }
        }
    }

    @Test
    void every_java_block_of_the_readme_is_a_region_of_a_test() {
        assertThat(CodeBlocks.of(Path.of("../README.md")))
                .as("each names where it is from; the others' own modules compare them")
                .allSatisfy(block -> assertThat(Path.of("../" + block.module() + "/src/test/java/dev/tenfold/"
                                + block.module().replace("toolkit-", "") + "/ReadmeTest.java"))
                        .content()
                        .contains(block.regions().stream()
                                .map(region -> "// region: " + region + "\n")
                                .toList()));
    }

    @Test
    void the_blocks_of_this_module_are_regions_of_this_class() {
        assertThat(CodeBlocks.of(Path.of("../README.md")))
                .filteredOn(block -> block.module().equals("toolkit-query"))
                .hasSize(8)
                .allSatisfy(block -> assertThat(block.code())
                        .as("%s, %s", block.page(), block.regions())
                        .isEqualTo(CodeBlocks.regions(getClass(), block.regions())));
    }
}
