package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.Post;
import dev.tenfold.benchmarks.Feed.View;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;

/** The work by plain JDBC, as well as it can be written ({@code any}) and as it is often found ({@code naive}). */
final class HandWritten {
    static final String ANY_SETTINGS =
            "JDBC, one = any(?) with a bigint[] bind, rows into a HashMap, a look-up per post";
    static final String NAIVE_SETTINGS =
            "JDBC, one = ? per post, all on one connection and one server-prepared statement";

    private HandWritten() {}

    static List<View> any(DataSource dataSource, Page page) throws SQLException {
        List<Post> posts = page.posts();
        List<Long> ids = new ArrayList<>(posts.size());
        for (Post post : posts) {
            ids.add(post.authorId());
        }
        Map<Long, Author> byId = index(byIds(dataSource, ids));
        List<View> views = new ArrayList<>(posts.size());
        for (Post post : posts) {
            views.add(View.of(post, get(byId, post.authorId())));
        }
        return views;
    }

    static List<Author> byIds(DataSource dataSource, Collection<Long> ids) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = connection.prepareStatement(Feed.AUTHORS_BY_ID)) {
            statement.setArray(1, connection.createArrayOf("int8", ids.toArray(Long[]::new)));
            List<Author> authors = new ArrayList<>(ids.size());
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    authors.add(Author.map(rows));
                }
            }
            return authors;
        }
    }

    static Map<Long, Author> index(List<Author> authors) {
        Map<Long, Author> byId = new HashMap<>(authors.size() * 4 / 3 + 1);
        for (Author author : authors) {
            byId.put(author.id(), author);
        }
        return byId;
    }

    static Author get(Map<Long, Author> byId, Long id) {
        Author author = byId.get(id);
        if (author == null) {
            throw new IllegalStateException("no author " + id);
        }
        return author;
    }

    static List<View> naive(DataSource dataSource, Page page) throws SQLException {
        List<View> views = new ArrayList<>(page.posts().size());
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = connection.prepareStatement(Feed.AUTHOR_BY_ID)) {
            for (Post post : page.posts()) {
                statement.setLong(1, post.authorId());
                try (ResultSet row = statement.executeQuery()) {
                    if (!row.next()) {
                        throw new IllegalStateException("no author " + post.authorId());
                    }
                    views.add(View.of(post, Author.map(row)));
                }
            }
        }
        return views;
    }
}
