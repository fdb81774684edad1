package dev.tenfold.demo;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/** What the application does: shows a page of the timeline. The two versions differ only in how they ask the database. */
interface Feed {
    int POSTS_A_PAGE = 20;
    int COMMENTS_A_POST = 10;

    String LATEST_POSTS = """
            select id, author_id, title, version from posts where id <= ? order by id desc limit 20""";

    int COMMENTS_AN_ARCHIVE_PAGE = 1_000;

    /** The page that starts at a post and goes back in time. */
    Page page(long fromPost) throws SQLException;

    /** The newest of the comments that are older than this one. For machines, so there is not much use in a cache. */
    default List<Comment> archive(long beforeComment) throws SQLException {
        throw new UnsupportedOperationException("this feed has no archive");
    }

    record Author(long id, String name) {
        static Author map(ResultSet row) throws SQLException {
            return new Author(row.getLong(1), row.getString(2));
        }
    }

    /** The version counts the comments that were added since the start. */
    record Post(long id, long authorId, String title, long version) {
        static Post map(ResultSet row) throws SQLException {
            return new Post(row.getLong(1), row.getLong(2), row.getString(3), row.getLong(4));
        }
    }

    record Comment(long id, long postId, long authorId, String body) {
        static Comment map(ResultSet row) throws SQLException {
            return new Comment(row.getLong(1), row.getLong(2), row.getLong(3), row.getString(4));
        }
    }

    record CommentView(Comment comment, Author author) {}

    record PostView(Post post, Author author, List<CommentView> comments) {}

    record Page(List<PostView> posts) {}
}
