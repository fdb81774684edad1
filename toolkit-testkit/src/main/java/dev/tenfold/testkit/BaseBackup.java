package dev.tenfold.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;

/**
 * Copies the directory of a PostgreSQL that runs, as {@code pg_basebackup} does, which the embedded binaries lack: by the
 * functions of PostgreSQL's manual, "Making a Base Backup Using the Low Level API". The copy is torn, and becomes whole when
 * the log since its begin is applied; the label that it gets says from where on.
 */
final class BaseBackup {
    private static final String CONTROL = "global/pg_control";

    /** Of one process, or copied at the end; of {@code pg_wal} the replica gets what it needs by streaming. */
    private static final Set<String> LEFT_OUT = Set.of("postmaster.pid", "postmaster.opts", CONTROL);

    private static final Set<String> EMPTIED =
            Set.of("pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp");

    private BaseBackup() {}

    /** Makes the directory of a replica, which needs only to be told whom to follow. */
    static void take(String url, Path from, Path to) {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("SELECT pg_backup_start('replica', true)");
            copy(from, to);
            // Last: of a replica, which is copied just so, it says up to where the log makes the copy whole.
            Files.copy(from.resolve(CONTROL), to.resolve(CONTROL), StandardCopyOption.COPY_ATTRIBUTES);
            try (ResultSet stopped = statement.executeQuery("SELECT labelfile FROM pg_backup_stop(false)")) {
                stopped.next();
                Files.writeString(to.resolve("backup_label"), stopped.getString(1), UTF_8);
            }
            Files.writeString(to.resolve("standby.signal"), "", UTF_8);
        } catch (SQLException e) {
            throw new IllegalStateException("the server at " + from + " cannot be copied; is it up?", e);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot copy " + from + " to " + to, e);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) throws IOException {
                Path name = from.relativize(dir);
                Files.copy(dir, to.resolve(name), StandardCopyOption.COPY_ATTRIBUTES);
                return EMPTIED.contains(name.toString()) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Path name = from.relativize(file);
                if (LEFT_OUT.contains(name.toString())
                        || EMPTIED.contains(name.getName(0).toString())) {
                    return FileVisitResult.CONTINUE;
                }
                try {
                    Files.copy(file, to.resolve(name), StandardCopyOption.COPY_ATTRIBUTES);
                } catch (NoSuchFileException dropped) {
                    // Its table was dropped meanwhile; the log says so, too.
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (e instanceof NoSuchFileException) return FileVisitResult.CONTINUE;
                throw e;
            }
        });
    }
}
