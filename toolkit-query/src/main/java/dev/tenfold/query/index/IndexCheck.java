package dev.tenfold.query.index;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.guard.StatementStats;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.sql.DataSource;

/**
 * Finds missing, doubled and unused indexes.
 *
 * <pre>{@code
 * IndexReport report = IndexCheck.of(dataSource).statements(guard.statements()).report();
 * log.info(report.text());
 *
 * IndexCheck.of(dataSource).ignore("idx_legacy_.*").report().assertClean();      // in a test, after the migrations
 * }</pre>
 *
 * <p>It cannot see what an index is for: one that a yearly job needs looks unused, and so does one that was made yesterday,
 * since catalogs do not say when. Read what it proposes before you run it; it runs none of it.
 *
 * <p>On PostgreSQL (12 or later) it looks for
 *
 * <ul>
 *   <li>foreign keys without an index that the check of a deleted or changed parent can use. The index has to begin with the
 *       columns of the key, in any order, or be unique over some of them; it has to be finished, and, if it is partial, to
 *       leave out nothing but nulls of these columns
 *   <li>indexes that are equal to another one, or a prefix of it, and indexes that are invalid
 *   <li>indexes that nothing has read. Those that are unique, serve a foreign key or replication, or are over an expression
 *       (they carry statistics) are never called unused
 *   <li>statements that read a large table for few rows, among the {@link #statements} given
 * </ul>
 *
 * <p>MariaDB, MySQL and H2 make the indexes of foreign keys by themselves; there it looks for duplicates, and on MariaDB and
 * MySQL for unused indexes where {@code performance_schema} is on. Of other databases it says that it does not know them.
 *
 * <p>It reads catalogs only, in a read-only transaction, gives up on a statement after ten seconds and on a lock after one,
 * and gives the connection back as it was. What fails becomes a note in the report. Immutable and thread-safe: each method
 * returns a changed check.
 */
public final class IndexCheck {
    static final int STATEMENT_SECONDS = 10;
    /** Named in a message. */
    private static final int MOST_SCHEMAS = 20;

    final DataSource dataSource;
    final List<String> schemas;
    final List<StatementStats> statements;
    final long minRows;
    final Duration unusedFor;
    final List<DataSource> replicas;
    private final List<Pattern> ignored;

    private IndexCheck(
            DataSource dataSource,
            List<String> schemas,
            List<StatementStats> statements,
            long minRows,
            Duration unusedFor,
            List<DataSource> replicas,
            List<Pattern> ignored) {
        this.dataSource = dataSource;
        this.schemas = schemas;
        this.statements = statements;
        this.minRows = minRows;
        this.unusedFor = unusedFor;
        this.replicas = replicas;
        this.ignored = ignored;
    }

    /**
     * Makes a check. No I/O.
     *
     * @param dataSource gives one connection at a time, not one that is inside of a transaction; its user needs no rights
     *     but to read the catalogs, which PostgreSQL gives to all. Beneath a {@link QueryGuard} it is asked directly, so that
     *     nothing is counted
     * @return a check
     */
    public static IndexCheck of(DataSource dataSource) {
        return new IndexCheck(
                dataSource instanceof QueryGuard guard
                        ? guard.target()
                        : Objects.requireNonNull(dataSource, "dataSource"),
                List.of(),
                List.of(),
                10_000,
                Duration.ofDays(30),
                List.of(),
                List.of());
    }

    /**
     * Which schemas to look at; on MariaDB and MySQL, databases.
     *
     * @param names as the catalog has them, without quotes; default: all but the system's, on MariaDB and MySQL the
     *     connection's own; {@link #report} refuses one that is not there
     * @return a changed check
     * @throws IllegalArgumentException if there is none, or one is blank
     */
    public IndexCheck schemas(String... names) {
        requireAll(names, "schemas");
        if (names.length == 0 || Stream.of(names).anyMatch(String::isBlank)) {
            throw new IllegalArgumentException("schemas " + List.of(names)
                    + " must name at least one, none of them blank;" + " leave the option out to look at all");
        }
        return new IndexCheck(dataSource, List.of(names), statements, minRows, unusedFor, replicas, ignored);
    }

    /**
     * Statements whose plans to look at, without running them; PostgreSQL only.
     *
     * @param watched what a guard has seen; default none
     * @return a changed check
     */
    public IndexCheck statements(List<StatementStats> watched) {
        Objects.requireNonNull(watched, "statements");
        for (StatementStats one : watched) Objects.requireNonNull(one, "one of statements");
        return new IndexCheck(dataSource, schemas, List.copyOf(watched), minRows, unusedFor, replicas, ignored);
    }

    /**
     * From how many rows on a table is large. A smaller one is read as a whole without harm: its foreign keys come last in
     * the report, and its scans and unused indexes are left out.
     *
     * @param rows at least 0; default 10,000
     * @return a changed check
     * @throws IllegalArgumentException if less
     */
    public IndexCheck minRows(long rows) {
        if (rows < 0) throw new IllegalArgumentException("minRows " + rows + " must be at least 0");
        return new IndexCheck(dataSource, schemas, statements, rows, unusedFor, replicas, ignored);
    }

    /**
     * How long nothing must have read an index before it is called unused. While the server's statistics are younger than
     * that, none is, and a note says so.
     *
     * @param time at least zero; default 30 days, since much runs once a month; zero is for as long as the statistics
     *     reach, however short that is
     * @return a changed check
     * @throws IllegalArgumentException if negative
     */
    public IndexCheck unusedFor(Duration time) {
        Objects.requireNonNull(time, "unusedFor");
        if (time.isNegative()) throw new IllegalArgumentException("unusedFor " + words(time) + " must not be negative");
        return new IndexCheck(dataSource, schemas, statements, minRows, time, replicas, ignored);
    }

    /**
     * The servers that answer queries besides the primary. Each counts for itself what it reads: an index is unused only if
     * all of them say so. If one cannot be asked, none is called unused.
     *
     * @param others copies of the same database; default none
     * @return a changed check
     */
    public IndexCheck replicas(DataSource... others) {
        requireAll(others, "replicas");
        return new IndexCheck(dataSource, schemas, statements, minRows, unusedFor, List.of(others), ignored);
    }

    /**
     * Leaves out advice that is about certain names. One that leaves nothing out becomes a note in the report.
     *
     * @param regex matches the whole name of an index, a foreign key or a table, a statement's fingerprint, or the whole {@link
     *     IndexAdvice#key}, or is that key; adds to those given before
     * @return a changed check
     * @throws IllegalArgumentException if that is blank, or no regular expression
     */
    public IndexCheck ignore(String regex) {
        Objects.requireNonNull(regex, "ignore");
        if (regex.isBlank()) {
            throw new IllegalArgumentException("ignore \"" + regex
                    + "\" must not be blank; name an index, a foreign key," + " a table or a statement's fingerprint");
        }
        List<Pattern> more = new ArrayList<>(ignored);
        more.add(Pattern.compile(regex));
        return new IndexCheck(dataSource, schemas, statements, minRows, unusedFor, replicas, List.copyOf(more));
    }

    /**
     * Looks now, with one connection, then with one of each replica. Blocks for some ten milliseconds on a database of a
     * hundred tables.
     *
     * @return what it found
     * @throws IllegalArgumentException if one of the {@link #schemas} is not there
     * @throws IllegalStateException if the database is away, or the connection is inside of a transaction
     */
    public IndexReport report() {
        List<IndexAdvice> advice = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        try {
            String database = readOnly(dataSource, connection -> {
                DatabaseMetaData meta = connection.getMetaData();
                look(connection, meta.getDatabaseProductName(), advice, notes);
                return meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion();
            });
            Set<Pattern> hits = new HashSet<>();
            advice.removeIf(one -> isIgnored(one, hits));
            for (Pattern pattern : ignored) {
                if (!hits.contains(pattern)) notes.add("ignore(\"" + pattern + "\") left nothing out");
            }
            return new IndexReport(database, List.copyOf(advice), List.copyOf(notes));
        } catch (SQLException e) {
            throw new IllegalStateException(
                    "cannot look at the indexes of " + dataSource + ": " + e.getMessage()
                            + "; the database has to be up, and the data source to give connections outside of a"
                            + " transaction",
                    e);
        }
    }

    private void look(Connection connection, String product, List<IndexAdvice> advice, List<String> notes) {
        try {
            switch (product.toLowerCase(Locale.ROOT)) {
                case "postgresql" -> new PostgresIndexes(this, connection, notes::add).look(advice);
                case "mariadb", "mysql" -> new MariaDbIndexes(this, connection, notes::add).look(advice);
                case "h2" -> new H2Indexes(this, connection, notes::add).look(advice);
                default ->
                    notes.add("nothing was looked at: indexes are known of PostgreSQL, MariaDB, MySQL and H2, not of "
                            + product);
            }
        } catch (SQLException e) {
            notes.add("the rest was not looked at: " + refused(e));
        }
    }

    /** Why a statement on the catalog failed, and what to do. */
    static String refused(SQLException e) {
        String state = Objects.requireNonNullElse(e.getSQLState(), "");
        String remedy = "";
        if (state.equals("42501") || state.equals("42000")) remedy = "; grant select on it to the connection's user";
        if (state.equals("57014") || state.equals("70100")) remedy = "; it took more than ten seconds";
        if (state.equals("55P03")) remedy = "; a table is being altered, look again later";
        return Objects.requireNonNullElse(e.getMessage(), e.toString()).replace('\n', ' ') + remedy;
    }

    /** Adds the patterns that match it. */
    private boolean isIgnored(IndexAdvice advice, Set<Pattern> hits) {
        List<Pattern> matching = ignored.stream()
                .filter(pattern -> Stream.of(advice.subject(), advice.table(), advice.key())
                                .anyMatch(name -> pattern.matcher(name).matches())
                        || pattern.pattern().equals(advice.key()))
                .toList();
        hits.addAll(matching);
        return !matching.isEmpty();
    }

    private static void requireAll(Object[] values, String name) {
        Objects.requireNonNull(values, name);
        for (Object value : values) Objects.requireNonNull(value, "one of " + name);
    }

    /**
     * Refuses schemas that are not there.
     *
     * @param there compares names as the database does
     */
    void requireSchemas(Set<String> there) {
        for (String schema : schemas) {
            if (there.contains(schema)) continue;
            String first = String.join(", ", there.stream().limit(MOST_SCHEMAS).toList());
            throw new IllegalArgumentException("there is no schema \"" + schema + "\"; there are " + first
                    + (there.size() > MOST_SCHEMAS ? " and " + (there.size() - MOST_SCHEMAS) + " more" : "")
                    + "; schemas(…) takes names as the catalog has them, without quotes");
        }
    }

    /** For people: 1 day 2 hours. */
    static String words(Duration time) {
        if (time.isNegative()) return "minus " + words(time.negated());
        StringBuilder words = new StringBuilder();
        append(words, time.toDays(), "day");
        append(words, time.toHoursPart(), "hour");
        append(words, time.toMinutesPart(), "minute");
        append(words, time.toSecondsPart(), "second");
        append(words, time.toMillisPart(), "millisecond");
        append(words, time.toNanosPart() % 1_000_000, "nanosecond");
        return words.isEmpty() ? "0 seconds" : words.toString();
    }

    private static void append(StringBuilder words, long count, String unit) {
        if (count == 0) return;
        if (!words.isEmpty()) words.append(' ');
        words.append(count).append(' ').append(unit).append(count == 1 ? "" : "s");
    }

    /** The larger first. */
    static <T> Comparator<T> descending(ToDoubleFunction<T> figure) {
        return Comparator.comparingDouble(figure).reversed();
    }

    /** Work on a connection. */
    interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    /** Runs work in a read-only transaction that is rolled back, and gives the connection back as it was. */
    static <T> T readOnly(DataSource dataSource, Work<T> work) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            boolean autoCommit = connection.getAutoCommit();
            boolean readOnly = connection.isReadOnly();
            if (!readOnly) connection.setReadOnly(true);
            try {
                if (autoCommit) connection.setAutoCommit(false);
                T result = work.on(connection);
                restore(connection, autoCommit, readOnly);
                return result;
            } catch (SQLException | RuntimeException e) {
                try {
                    restore(connection, autoCommit, readOnly);
                } catch (SQLException again) {
                    e.addSuppressed(again);
                }
                throw e;
            }
        }
    }

    private static void restore(Connection connection, boolean autoCommit, boolean readOnly) throws SQLException {
        connection.rollback();
        if (!readOnly) connection.setReadOnly(false);
        if (autoCommit) connection.setAutoCommit(true);
    }

    @Override
    public String toString() {
        return "index check of " + dataSource;
    }
}
