package dev.tenfold.query.guard;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.h2.jdbcx.JdbcDataSource;

/** A small repository over a watched H2 database of its own, whose methods say how many statements they take. */
final class Posts implements AutoCloseable {
    final QueryGuard guard;
    private final Connection keeper;

    Posts() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:" + UUID.randomUUID());
        guard = QueryGuard.watch(h2, Patient::guard);
        try {
            keeper = h2.getConnection();
            try (Statement statement = keeper.createStatement()) {
                statement.execute("create table author (id bigint primary key, name varchar(50))");
                statement.execute("create table post (id bigint primary key, author_id bigint)");
            }
            seed(5);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** So many posts, each by another author; no watched statement. */
    void seed(int rows) throws SQLException {
        try (Statement statement = keeper.createStatement()) {
            statement.execute("delete from post");
            statement.execute("delete from author");
            for (int i = 1; i <= rows; i++) {
                statement.execute("insert into author values (" + i + ", 'author " + i + "')");
                statement.execute("insert into post values (" + i + ", " + i + ")");
            }
        }
    }

    /** 1 statement. */
    List<Long> authorIds() throws SQLException {
        List<Long> ids = new ArrayList<>();
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select author_id from post order by id");
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                ids.add(rows.getLong(1));
            }
        }
        return ids;
    }

    /** 1 statement. */
    String author(long id) {
        try (Connection connection = guard.getConnection()) {
            return author(connection, id);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** 1 statement. */
    static String author(Connection connection, long id) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("select name from author where id = ?")) {
            statement.setLong(1, id);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? rows.getString(1) : "nobody";
            }
        }
    }

    /** So many statements. */
    void authors(int statements) {
        for (int i = 1; i <= statements; i++) {
            author(i);
        }
    }

    /** So many statements, not of the same text as {@link #authors}. */
    void posts(int statements) throws SQLException {
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement("select * from post where id = ?")) {
            for (int i = 1; i <= statements; i++) {
                statement.setInt(1, i);
                statement.executeQuery().close();
            }
        }
    }

    /** 1 + n statements. */
    List<String> pageOneByOne() throws SQLException {
        List<String> page = new ArrayList<>();
        for (long id : authorIds()) {
            page.add(author(id));
        }
        return page;
    }

    /** 1 statement. */
    List<String> page() throws SQLException {
        List<String> page = new ArrayList<>();
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement(
                        "select a.name from post p join author a on a.id = p.author_id order by p.id");
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                page.add(rows.getString(1));
            }
        }
        return page;
    }

    @Override
    public void close() throws SQLException {
        keeper.close();
    }
}
