package dev.tenfold.demo;

import java.nio.file.Path;
import java.sql.Connection;
import javax.sql.DataSource;

/** As first written: the user waits for the thumbnail and for the mail server. */
final class PicturesInRequest implements Pictures {
    static final String SENDER = "node";

    private final DataSource pool;
    private final Path directory;
    private final int mailPort;

    PicturesInRequest(DataSource pool, Path directory, int mailPort) {
        this.pool = pool;
        this.directory = directory;
        this.mailPort = mailPort;
    }

    // snippet
    @Override
    public long post(long post, byte[] picture) throws Exception {
        Path file = PictureTables.store(directory, picture);
        long id;
        try (Connection connection = pool.getConnection()) {
            id = PictureTables.insertPicture(connection, post, file);
        }
        byte[] thumbnail = Photo.thumbnail(picture);
        try (Connection connection = pool.getConnection()) {
            PictureTables.insertThumbnail(connection, id, thumbnail);
        }
        MailServer.send(mailPort, "picture-" + id, id, SENDER);
        return id;
    }
    // end
}
