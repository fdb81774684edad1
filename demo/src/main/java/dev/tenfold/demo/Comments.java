package dev.tenfold.demo;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Adds comments to the database, and tells the checker which version of the post it has committed. */
final class Comments implements Writes {
    private final DataSource pool;
    private final StaleReads checker;

    Comments(DataSource pool, StaleReads checker) {
        this.pool = pool;
        this.checker = checker;
    }

    @Override
    public void comment(long post) throws SQLException {
        long version;
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            try {
                version = nextVersion(connection, post);
                insert(connection, post, version);
                connection.commit();
            } catch (SQLException e) {
                connection.rollback();
                throw e;
            }
        }
        checker.committed(post, version);
    }

    /** Locks the post, so that versions are committed in their order. */
    private static long nextVersion(Connection connection, long post) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("update posts set version = version + 1 where id = ? returning version")) {
            statement.setLong(1, post);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    private static void insert(Connection connection, long post, long version) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("insert into comments (post_id, author_id, body) values (?, ?, ?)")) {
            statement.setLong(1, post);
            statement.setLong(2, 1 + post % Schema.AUTHORS);
            statement.setString(3, "Comment " + version + " of launch day");
            int unused = statement.executeUpdate();
        }
    }
}
