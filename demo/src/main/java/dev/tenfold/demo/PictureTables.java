package dev.tenfold.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * Pictures and their thumbnails: the picture is a file, what else is known of it is a row. Nothing but the code keeps a picture
 * from having two thumbnails; that is what the checks are for.
 */
final class PictureTables {
    private PictureTables() {}

    static void create(DataSource database) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("""
                    create table pictures (
                        id        bigint generated always as identity primary key,
                        post_id   bigint not null references posts,
                        file      text not null,
                        posted_at timestamptz not null default now())
                    """);
            // No key, on purpose.
            statement.execute("create table thumbnails (picture_id bigint not null, jpeg bytea not null)");
        }
    }

    static void clear(DataSource database) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("truncate pictures, thumbnails");
        }
    }

    /** Where nodes and workers find it. */
    static Path store(Path directory, byte[] picture) throws IOException {
        return Files.write(directory.resolve(UUID.randomUUID() + ".jpeg"), picture);
    }

    static long insertPicture(Connection connection, long post, Path file) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("insert into pictures (post_id, file) values (?, ?) returning id")) {
            statement.setLong(1, post);
            statement.setString(2, file.toString());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    static void insertThumbnail(Connection connection, long picture, byte[] thumbnail) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("insert into thumbnails (picture_id, jpeg) values (?, ?)")) {
            statement.setLong(1, picture);
            statement.setBytes(2, thumbnail);
            int unused = statement.executeUpdate();
        }
    }

    static Set<Long> pictures(DataSource database) throws SQLException {
        return ids(database, "select id from pictures");
    }

    static Set<Long> withoutThumbnail(DataSource database) throws SQLException {
        return ids(
                database,
                "select id from pictures p where not exists (select from thumbnails t where t.picture_id = p.id)");
    }

    static Set<Long> withTwoThumbnails(DataSource database) throws SQLException {
        return ids(database, "select picture_id from thumbnails group by picture_id having count(*) > 1");
    }

    private static Set<Long> ids(DataSource database, String query) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            Set<Long> ids = new HashSet<>();
            while (rows.next()) {
                ids.add(rows.getLong(1));
            }
            return ids;
        }
    }
}
