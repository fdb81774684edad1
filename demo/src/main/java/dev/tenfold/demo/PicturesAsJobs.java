package dev.tenfold.demo;

import dev.tenfold.jobs.JobKind;
import dev.tenfold.jobs.JobQueue;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** With toolkit-jobs: the picture and what is to be done about it are one transaction, and that is all the user waits for. */
final class PicturesAsJobs implements Pictures {
    private final DataSource pool;
    private final JobQueue jobs;
    private final Path directory;

    PicturesAsJobs(DataSource pool, JobQueue jobs, Path directory) {
        this.pool = pool;
        this.jobs = jobs;
        this.directory = directory;
    }

    // snippet
    @JobKind("make-thumbnail")
    record MakeThumbnail(long picture, String file) {}

    @JobKind("send-mail")
    record SendMail(long picture) {}

    @Override
    public long post(long post, byte[] picture) throws Exception {
        Path file = PictureTables.store(directory, picture);
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            try {
                long id = PictureTables.insertPicture(connection, post, file);
                jobs.in(connection).enqueue(new MakeThumbnail(id, file.toString()));
                jobs.in(connection).enqueue(new SendMail(id));
                connection.commit();
                return id;
            } catch (SQLException | RuntimeException e) {
                connection.rollback();
                throw e;
            }
        }
    }
    // end
}
