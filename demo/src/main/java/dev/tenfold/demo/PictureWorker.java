package dev.tenfold.demo;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.demo.PicturesAsJobs.MakeThumbnail;
import dev.tenfold.demo.PicturesAsJobs.SendMail;
import dev.tenfold.jobs.JobQueue;
import dev.tenfold.jobs.RetryPolicy;
import dev.tenfold.jobs.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A process that makes thumbnails and sends mails, as a deployment runs several of them. {@link WorkerProcess} starts it, and ends
 * it by closing its standard input, which the death of whoever started it does as well.
 */
final class PictureWorker {
    /** What it prints when it has begun to work. */
    static final String READY = "ready";

    static final int CONCURRENCY = 8;
    static final int LEASE_SECONDS = 3;

    private static final int WARM_UP = 20;
    private static final long CONNECTION_TIMEOUT_MILLIS = 500;

    private final String name;
    private final int mailPort;
    private final boolean mended;

    private PictureWorker(String name, int mailPort, boolean mended) {
        this.name = name;
        this.mailPort = mailPort;
        this.mended = mended;
    }

    /** Name, JDBC URL, port of the mail server, and whether the bug is mended. */
    @SuppressWarnings("SystemOut") // whoever started it reads there that it is ready
    public static void main(String[] args) throws Exception {
        PictureWorker program = new PictureWorker(args[0], Integer.parseInt(args[2]), Boolean.parseBoolean(args[3]));
        for (int i = 0; i < WARM_UP; i++) {
            byte[] unused = Photo.thumbnailOfAny(Photo.sample(i));
        }
        PGSimpleDataSource database = new PGSimpleDataSource();
        database.setUrl(args[1]);
        try (HikariDataSource pool = pool(database);
                JobQueue jobs = JobQueue.on(pool);
                Worker worker = program.start(jobs)) {
            System.out.println(READY);
            while (worker.isRunning() && System.in.read() >= 0) {
                // Whoever started it says nothing, and closes the pipe or dies.
            }
        }
        System.exit(0);
    }

    /** Nobody waits long for a connection while there is no database: it is asked for again. */
    private static HikariDataSource pool(DataSource database) {
        HikariDataSource pool = Site.pool(database, Site.POOL);
        pool.setConnectionTimeout(CONNECTION_TIMEOUT_MILLIS);
        return pool;
    }

    // snippet
    private Worker start(JobQueue jobs) {
        RetryPolicy soon = RetryPolicy.fullJitter(ofMillis(200), ofSeconds(1));
        return jobs.worker()
                .handle(
                        MakeThumbnail.class,
                        (job, ctx) -> {
                            byte[] thumbnail = thumbnail(Files.readAllBytes(Path.of(job.file())));
                            ctx.transaction(
                                    tx -> PictureTables.insertThumbnail(tx.connection(), job.picture(), thumbnail));
                        },
                        h -> h.retry(soon.rejectOn(Photo.Unreadable.class)))
                .handle(
                        SendMail.class,
                        (job, ctx) -> MailServer.send(mailPort, "job-" + ctx.id(), job.picture(), name),
                        h -> h.retry(soon))
                .concurrency(CONCURRENCY)
                .lease(ofSeconds(LEASE_SECONDS))
                .heartbeat(ofSeconds(1))
                .start();
    }
    // end

    private byte[] thumbnail(byte[] picture) throws IOException {
        return mended ? Photo.thumbnailOfAny(picture) : Photo.thumbnail(picture);
    }
}
