package dev.tenfold.demo;

import dev.tenfold.query.Loader;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;

/** The same feed with toolkit-query: the same loops, and one query a level instead of one a row. */
final class BatchedFeed implements Feed {
    private static final String ARCHIVE =
            "select id, post_id, author_id, body from comments where id < ? order by id desc limit ?";

    private final DataSource pool;
    private final Loader<Long, Post> posts;
    private final Loader<Long, Author> authors;
    private final Loader<Long, List<Comment>> comments;

    BatchedFeed(DataSource pool) {
        this.pool = pool;
        this.posts = Loader.jdbc(
                        pool, "select id, author_id, title, version from posts where id = any(?)", Post::map, Post::id)
                .named("posts");
        this.authors = Loader.jdbc(pool, "select id, name from authors where id = any(?)", Author::map, Author::id)
                .named("authors");
        this.comments = Loader.jdbcTop(
                        pool,
                        "select id, post_id, author_id, body from comments where post_id = any(?) order by id desc",
                        COMMENTS_A_POST,
                        Comment::map,
                        Comment::postId)
                .named("comments");
    }

    // snippet
    @Override
    public Page page(long fromPost) throws SQLException {
        return new Page(views(latestPosts(fromPost)));
    }

    private List<PostView> views(List<Post> page) {
        var author = authors.across(page, Post::authorId);
        var commentsOf = comments.across(page, Post::id);
        List<Comment> shown = new ArrayList<>();
        for (Post post : page) {
            shown.addAll(commentsOf.of(post));
        }
        var commenter = authors.across(shown, Comment::authorId);

        List<PostView> posts = new ArrayList<>();
        for (Post post : page) {
            List<CommentView> views = new ArrayList<>();
            for (Comment comment : commentsOf.of(post)) {
                views.add(new CommentView(comment, commenter.of(comment)));
            }
            posts.add(new PostView(post, author.of(post), views));
        }
        return posts;
    }
    // end

    @Override
    public List<Comment> archive(long beforeComment) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement statement = connection.prepareStatement(ARCHIVE)) {
            statement.setLong(1, beforeComment);
            statement.setInt(2, COMMENTS_AN_ARCHIVE_PAGE);
            List<Comment> comments = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    comments.add(Comment.map(rows));
                }
            }
            return comments;
        }
    }

    /** The posts of these ids, as a page shows them. */
    Map<Long, PostView> viewsOf(List<Long> ids) {
        List<Post> found = List.copyOf(posts.loadAll(ids).values());
        Map<Long, PostView> views = new HashMap<>();
        for (PostView view : views(found)) {
            views.put(view.post().id(), view);
        }
        return views;
    }

    /** The ids of the posts of the page that starts at a post. */
    List<Long> idsFrom(long fromPost) throws SQLException {
        return latestPosts(fromPost).stream().map(Post::id).toList();
    }

    private List<Post> latestPosts(long fromPost) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement statement = connection.prepareStatement(LATEST_POSTS)) {
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
}
