package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.PostgresServer;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** An N+1 and its remedy, on PostgreSQL, with the rows that the guard sees itself. */
class PostgresVerdictsTest {
    private static DataSource database;

    @BeforeAll
    static void create() throws SQLException {
        PostgresServer server = PostgresServer.shared();
        database = server.dataSource(server.createDatabase());
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table author(id bigint primary key, name text)");
            statement.execute("create table post(id bigint primary key, author bigint)");
            statement.execute("insert into author select i, 'author ' || i from generate_series(1, 50) i");
            statement.execute("insert into post select i, i from generate_series(1, 50) i");
        }
    }

    private static List<Long> authors(Connection connection) throws SQLException {
        List<Long> authors = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select author from post order by id limit 50")) {
            while (rows.next()) authors.add(rows.getLong(1));
        }
        return authors;
    }

    @Test
    void a_query_for_each_row_is_an_n_plus_one() throws SQLException {
        QueryGuard guard = QueryGuard.watch(database, Patient::guard);

        try (QueryScope scope = QueryScope.open("GET /page");
                Connection connection = guard.getConnection()) {
            for (long author : authors(connection)) {
                try (PreparedStatement statement =
                        connection.prepareStatement("select name from author where id = ?")) {
                    statement.setLong(1, author);
                    statement.executeQuery().close();
                }
            }
            assertThat(scope.findings()).hasSize(1);
        }

        assertThat(guard.findings()).singleElement().satisfies(it -> {
            assertThat(it.kind()).isEqualTo(FindingKind.N_PLUS_ONE);
            assertThat(it.count()).isEqualTo(50);
            assertThat(it.source()).isEqualTo("select author from post order by id limit ?");
            assertThat(it.detail()).contains("gave 50 rows");
            assertThat(it.lost()).isPositive();
        });
    }

    @Test
    void one_query_with_an_array_is_none() throws SQLException {
        QueryGuard guard = QueryGuard.watch(database, Patient::guard);

        try (QueryScope scope = QueryScope.open("GET /page");
                Connection connection = guard.getConnection()) {
            Array keys = connection.createArrayOf("bigint", authors(connection).toArray());
            try (PreparedStatement statement =
                    connection.prepareStatement("select id, name from author where id = any(?)")) {
                statement.setArray(1, keys);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) assertThat(rows.getString("name")).isEqualTo("author " + rows.getLong("id"));
                }
            }
            assertThat(scope.statements()).isEqualTo(2);
        }

        assertThat(guard.findings()).isEmpty();
    }
}
