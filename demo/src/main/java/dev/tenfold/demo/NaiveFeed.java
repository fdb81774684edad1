package dev.tenfold.demo;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/** The feed as it is first written: a connection a request, and a query for whatever is needed next. */
final class NaiveFeed implements Feed {
    private final DataSource dataSource;

    NaiveFeed(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    // snippet
    @Override
    public Page page(long fromPost) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            List<PostView> posts = new ArrayList<>();
            for (Post post : latestPosts(connection, fromPost)) {
                Author author = author(connection, post.authorId());
                List<CommentView> comments = new ArrayList<>();
                for (Comment comment : comments(connection, post.id())) {
                    Author commenter = author(connection, comment.authorId());
                    comments.add(new CommentView(comment, commenter));
                }
                posts.add(new PostView(post, author, comments));
            }
            return new Page(posts);
        }
    }
    // end

    private static List<Post> latestPosts(Connection connection, long fromPost) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(LATEST_POSTS)) {
            statement.setLong(1, fromPost);
            List<Post> posts = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    posts.add(Post.map(rows));
                }
            }
            return posts;
        }
    }

    private static Author author(Connection connection, long id) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("select id, name from authors where id = ?")) {
            statement.setLong(1, id);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return Author.map(row);
            }
        }
    }

    private static List<Comment> comments(Connection connection, long postId) throws SQLException {
        String sql = """
                select id, post_id, author_id, body from comments
                where post_id = ? order by id desc limit 10""";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setLong(1, postId);
            List<Comment> comments = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    comments.add(Comment.map(rows));
                }
            }
            return comments;
        }
    }
}
