package dev.tenfold.jobs;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import javax.sql.DataSource;
import org.jooq.SQLDialect;
import org.jspecify.annotations.Nullable;

/**
 * The tables that jobs are kept in.
 *
 * <pre>{@code
 * JobSchema.install(dataSource);                       // at the start of the application; several nodes may do it at once
 * }</pre>
 *
 * <p>Or your own migration tool applies the same files: they lie in this jar as {@code
 * dev/tenfold/jobs/postgresql/V1__jobs.sql}, and likewise in {@code mariadb} (for MySQL, too) and {@code h2}. One file a
 * version, named as Flyway expects, never changed after its release; {@link #scripts} returns their text.
 *
 * <p>Programs of two versions that follow each other work on one database, so that nodes can be replaced one by one: install
 * first, then deploy. A program refuses a database that is older than it expects, and one whose newer version says that it
 * no longer suits old programs.
 *
 * <p>MariaDB and MySQL commit each statement of the files by itself: an installation that breaks off is half done, and is
 * completed by the next one. PostgreSQL does all or nothing.
 */
public final class JobSchema {
    /** What this code works with. */
    static final int VERSION = 1;

    private static final Pattern IDENTIFIER = Pattern.compile("[a-z_][a-z0-9_]{0,62}");
    /** For PostgreSQL's advisory lock; "tenfold!" in ASCII. */
    private static final long LOCK = 0x74656e666f6c6421L;

    private static final int LOCK_SECONDS = 60;
    private static final ReentrantLock H2_LOCK = new ReentrantLock();

    private final Db db;

    private JobSchema(Db db) {
        this.db = db;
    }

    /**
     * Makes the tables, or brings them up to date, where the connection's default schema is. Does nothing if they are. Blocks,
     * also while another node does the same.
     *
     * @param dataSource a database whose user may create tables
     * @throws IllegalStateException if what has been installed is not what this version's files say, or is too new
     * @throws JobException if the database is away or refuses
     */
    public static void install(DataSource dataSource) {
        of(dataSource, null).install();
    }

    /**
     * The same in a schema of PostgreSQL, which is made if it is not there.
     *
     * @param dataSource a PostgreSQL database whose user may create tables
     * @param schema lower-case letters, digits and underscores
     * @throws IllegalArgumentException if that is no such name, or the database is none of PostgreSQL
     * @throws IllegalStateException if what has been installed is not what this version's files say, or is too new
     * @throws JobException if the database is away or refuses
     */
    public static void install(DataSource dataSource, String schema) {
        of(dataSource, checked(schema)).install();
    }

    /**
     * Checks that the tables are there and that this version works with them. One query.
     *
     * @param dataSource the database
     * @throws IllegalStateException if not; the message says what to do
     * @throws JobException if the database is away
     */
    public static void validate(DataSource dataSource) {
        validate(new Db(dataSource, Db.dialectOf(dataSource), null, null));
    }

    /**
     * The same in a schema of PostgreSQL.
     *
     * @param dataSource the database
     * @param schema as in {@link #install(DataSource, String)}
     * @throws IllegalArgumentException if that is no name of a schema
     * @throws IllegalStateException if the tables do not suit; the message says what to do
     * @throws JobException if the database is away
     */
    public static void validate(DataSource dataSource, String schema) {
        validate(new Db(dataSource, Db.dialectOf(dataSource), checked(schema), null));
    }

    /**
     * The files for a database, for other migration tools.
     *
     * @param dialect {@code POSTGRES}, {@code MARIADB}, {@code MYSQL} or {@code H2}
     * @return their text by their name, such as {@code V1__jobs.sql}, in the order in which they are applied
     */
    public static Map<String, String> scripts(SQLDialect dialect) {
        Map<String, String> all = new TreeMap<>();
        for (int version = 1; version <= VERSION; version++) {
            all.put(fileName(version), script(dialect, version));
        }
        return all;
    }

    static void install(Db db) {
        new JobSchema(db).install();
    }

    static void validate(Db db) {
        validate(db, VERSION);
    }

    /** As a program of {@code code}'s version would. */
    static void validate(Db db, int code) {
        JobSchema schema = new JobSchema(db);
        try {
            schema.refuseUnsuitable(db.autocommit(schema::installed), code);
        } catch (SQLException e) {
            throw new JobException("cannot look whether the tables for jobs are there; is the database up?", e);
        }
    }

    static String checked(String schema) {
        if (!IDENTIFIER.matcher(Objects.requireNonNull(schema, "schema")).matches()) {
            throw new IllegalArgumentException("\"" + schema
                    + "\" is no name for a schema: 1 to 63 lower-case letters, digits and underscores, no digit first");
        }
        return schema;
    }

    private static JobSchema of(DataSource dataSource, @Nullable String schema) {
        SQLDialect dialect = Db.dialectOf(Objects.requireNonNull(dataSource, "dataSource"));
        if (schema != null && dialect != SQLDialect.POSTGRES) {
            throw new IllegalArgumentException("a schema can be named in PostgreSQL alone; in " + dialect.getName()
                    + " connect to the database that has the tables");
        }
        return new JobSchema(new Db(dataSource, dialect, schema, null));
    }

    // ---- what is there ----------------------------------------------------------------------------------------------

    /** A version that has been applied. */
    private record Applied(
            int version, int compatibleFrom, @Nullable Long checksum) {}

    /** By version, ascending; none if there are no tables. */
    private List<Applied> installed(Connection connection) throws SQLException {
        if (!exists(connection)) {
            return List.of();
        }
        return db.dsl(connection)
                .fetch("select version, compatible_from, checksum from " + db.table("tenfold_job_schema")
                        + " order by version")
                .map(row -> new Applied(row.get(0, Integer.class), row.get(1, Integer.class), row.get(2, Long.class)));
    }

    private boolean exists(Connection connection) throws SQLException {
        String sql = switch (db.dialect) {
            case POSTGRES -> "select to_regclass(?) is not null";
            case H2 ->
                "select count(*) from information_schema.tables"
                        + " where table_schema = current_schema and lower(table_name) = ?";
            default ->
                "select count(*) from information_schema.tables"
                        + " where table_schema = database() and table_name = ?";
        };
        try (var statement = connection.prepareStatement(sql)) {
            statement.setString(1, db.table("tenfold_job_schema"));
            try (var rows = statement.executeQuery()) {
                return rows.next() && (db.isPostgres() ? rows.getBoolean(1) : rows.getLong(1) > 0);
            }
        }
    }

    private void refuseUnsuitable(List<Applied> installed, int code) {
        if (installed.isEmpty()) {
            throw new IllegalStateException("there are no tables for jobs" + where() + "; run " + remedy()
                    + ", or apply " + folder(db.dialect) + fileName(1));
        }
        Applied newest = installed.get(installed.size() - 1);
        if (newest.version() < code) {
            throw new IllegalStateException("the tables for jobs" + where() + " have version " + newest.version()
                    + ", this program needs " + code + "; run " + remedy() + ", or apply the files of "
                    + folder(db.dialect) + " up to " + fileName(code));
        }
        refuseTooNew(newest, code);
    }

    private void refuseTooNew(Applied newest, int code) {
        if (newest.compatibleFrom() > code) {
            throw new IllegalStateException("the tables for jobs" + where() + " have version " + newest.version()
                    + ", which suits programs from version " + newest.compatibleFrom() + "; this one has " + code
                    + ": deploy a newer toolkit-jobs");
        }
    }

    private String where() {
        return db.schema == null ? "" : " in schema " + db.schema;
    }

    private String remedy() {
        return db.schema == null
                ? "JobSchema.install(dataSource)"
                : "JobSchema.install(dataSource, \"" + db.schema + "\")";
    }

    // ---- install ----------------------------------------------------------------------------------------------------

    private void install() {
        try {
            switch (db.dialect) {
                case POSTGRES -> db.transaction(this::installInPostgres);
                case H2 -> installInH2();
                default -> db.autocommit(this::installInMariaDb);
            }
        } catch (SQLException e) {
            throw new JobException(
                    "cannot install the tables for jobs" + where()
                            + "; may the user create tables? if not, apply the files of " + folder(db.dialect),
                    e);
        }
    }

    private boolean installInPostgres(Connection connection) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute("select pg_advisory_xact_lock(" + LOCK + ")");
            if (db.schema != null) {
                statement.execute("create schema if not exists " + db.schema);
                statement.execute("set local search_path to " + db.schema);
            }
        }
        return apply(connection);
    }

    private boolean installInMariaDb(Connection connection) throws SQLException {
        try (var statement = connection.createStatement()) {
            try (var rows = statement.executeQuery("select get_lock('tenfold_job_schema', " + LOCK_SECONDS + ")")) {
                if (!rows.next() || rows.getInt(1) != 1) {
                    throw new SQLException("another node has been installing the tables for " + LOCK_SECONDS + " s");
                }
            }
            try {
                return apply(connection);
            } finally {
                statement.execute("do release_lock('tenfold_job_schema')");
            }
        }
    }

    /** Other processes are kept out by H2 itself, which repeats "if not exists" under its own lock. */
    private void installInH2() throws SQLException {
        H2_LOCK.lock();
        try {
            db.statement(this::apply);
        } finally {
            H2_LOCK.unlock();
        }
    }

    private boolean apply(Connection connection) throws SQLException {
        List<Applied> installed = installed(connection);
        int newest = 0;
        for (Applied each : installed) {
            if (each.version() <= VERSION) {
                refuseChanged(each);
            }
            newest = each.version();
        }
        if (newest > VERSION) {
            refuseTooNew(installed.get(installed.size() - 1), VERSION);
        }
        for (int version = newest + 1; version <= VERSION; version++) {
            try (var statement = connection.createStatement()) {
                for (String each : statements(script(db.dialect, version))) {
                    statement.execute(each);
                }
            }
        }
        for (int version = 1; version <= VERSION; version++) {
            sign(connection, version);
        }
        return newest < VERSION;
    }

    private void refuseChanged(Applied applied) {
        long expected = checksum(script(db.dialect, applied.version()));
        if (applied.checksum() != null && applied.checksum() != expected) {
            throw new IllegalStateException("version " + applied.version() + " of the tables for jobs" + where()
                    + " was installed from another text (checksum " + applied.checksum() + ") than this program's "
                    + fileName(applied.version()) + " (" + expected
                    + "); files of released versions do not change: compare the two, then set the checksum in"
                    + " tenfold_job_schema");
        }
    }

    /** Notes what was installed; also for files that another tool has applied. */
    private void sign(Connection connection, int version) throws SQLException {
        try (var statement = connection.prepareStatement("update " + db.table("tenfold_job_schema")
                + " set checksum = ? where version = ? and checksum is null")) {
            statement.setLong(1, checksum(script(db.dialect, version)));
            statement.setInt(2, version);
            statement.executeUpdate();
        }
    }

    /** Our own files have no semicolon inside of a statement, save in comments. */
    static List<String> statements(String script) {
        String bare = Pattern.compile("--[^\n]*").matcher(script).replaceAll("");
        return Pattern.compile(";")
                .splitAsStream(bare)
                .map(String::strip)
                .filter(each -> !each.isEmpty())
                .toList();
    }

    private static long checksum(String script) {
        CRC32 crc = new CRC32();
        crc.update(script.replace("\r", "").getBytes(StandardCharsets.UTF_8));
        return crc.getValue();
    }

    private static String fileName(int version) {
        return "V" + version + "__jobs.sql";
    }

    private static String folder(SQLDialect dialect) {
        return "dev/tenfold/jobs/"
                + switch (dialect) {
                    case POSTGRES -> "postgresql";
                    case MARIADB, MYSQL -> "mariadb";
                    case H2 -> "h2";
                    default ->
                        throw new IllegalArgumentException(
                                "jobs are kept in PostgreSQL, MariaDB, MySQL or H2, not in " + dialect.getName());
                }
                + "/";
    }

    private static String script(SQLDialect dialect, int version) {
        String path = folder(dialect) + fileName(version);
        try (InputStream in = JobSchema.class.getResourceAsStream("/" + path)) {
            if (in == null) {
                throw new IllegalStateException(path + " is missing in the jar; was it shaded without resources?");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + path, e);
        }
    }
}
