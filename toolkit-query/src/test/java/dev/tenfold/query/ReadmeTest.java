package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.CodeBlocks;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
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
                assertThat(connection.isValid(1)).isTrue();
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
                .hasSize(3)
                .allSatisfy(block -> assertThat(block.code())
                        .as("%s, %s", block.page(), block.regions())
                        .isEqualTo(CodeBlocks.regions(getClass(), block.regions())));
    }
}
