package dev.tenfold.readiness;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;
import javax.sql.DataSource;

/**
 * The table that daily figures are kept in, {@code tenfold_daily}: one row a resource and day, some 100 kB a resource and year.
 *
 * <pre>{@code
 * ReadinessSchema.install(dataSource);                 // at the start of the application; several instances may do it at once
 * }</pre>
 *
 * <p>Or your own migration tool applies the same file: it lies in this jar as {@code
 * dev/tenfold/readiness/postgresql/V1__readiness.sql}, and likewise in {@code mariadb} (for MySQL, too) and {@code h2}.
 */
public final class ReadinessSchema {
    /** For PostgreSQL's advisory lock; "tenfoldr" in ASCII. */
    private static final long LOCK = 0x74656e666f6c6472L;

    private ReadinessSchema() {}

    /**
     * Makes the table where the connection's default schema is. Does nothing if it is there. Blocks, also while another
     * instance does the same.
     *
     * @param dataSource a PostgreSQL, MariaDB, MySQL or H2 database whose user may create tables
     * @throws IllegalArgumentException for another database
     * @throws IllegalStateException if the database is away or refuses
     */
    public static void install(DataSource dataSource) {
        Objects.requireNonNull(dataSource, "dataSource");
        try (Connection connection = dataSource.getConnection()) {
            String folder = folder(connection.getMetaData().getDatabaseProductName());
            boolean before = connection.getAutoCommit();
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                // "if not exists" fails in PostgreSQL if two make the table at the same time.
                if (folder.equals("postgresql")) statement.execute("select pg_advisory_xact_lock(" + LOCK + ")");
                for (String each : statements(script(folder))) statement.execute(each);
                connection.commit();
            } catch (SQLException e) {
                connection.rollback();
                throw e;
            } finally {
                connection.setAutoCommit(before);
            }
        } catch (SQLException e) {
            throw new IllegalStateException(
                    "cannot make the table tenfold_daily in " + dataSource + ": " + e.getMessage()
                            + "; is the database up, and may the user create tables? If not, apply"
                            + " dev/tenfold/readiness/…/V1__readiness.sql of this jar",
                    e);
        }
    }

    /**
     * The file for a database, for other migration tools.
     *
     * @param product the database's name as its driver has it, in any case: {@code PostgreSQL}, {@code MariaDB}, {@code
     *     MySQL} or {@code H2}
     * @return its text, of one statement
     * @throws IllegalArgumentException for another name
     */
    public static String script(String product) {
        String path = "dev/tenfold/readiness/" + folder(product) + "/V1__readiness.sql";
        try (InputStream in = ReadinessSchema.class.getResourceAsStream("/" + path)) {
            if (in == null) {
                throw new IllegalStateException(path + " is missing in the jar; was it shaded without resources?");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + path, e);
        }
    }

    private static String folder(String product) {
        return switch (product.toLowerCase(Locale.ROOT)) {
            case "postgresql" -> "postgresql";
            case "mariadb", "mysql" -> "mariadb";
            case "h2" -> "h2";
            default ->
                throw new IllegalArgumentException("daily figures are kept in PostgreSQL, MariaDB, MySQL or H2, not in "
                        + product + "; give Readiness.on another data source for them");
        };
    }

    /** The files have no semicolon inside of a statement, save in comments. */
    private static List<String> statements(String script) {
        String bare = Pattern.compile("--[^\n]*").matcher(script).replaceAll("");
        return Pattern.compile(";")
                .splitAsStream(bare)
                .map(String::strip)
                .filter(each -> !each.isEmpty())
                .toList();
    }
}
