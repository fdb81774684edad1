package dev.tenfold.jobs;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.SQLDialect;
import org.jooq.conf.RenderQuotedNames;
import org.jooq.conf.Settings;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The database: connections, transactions that are tried again, and its clock.
 *
 * <p>Times are microseconds since 1970 by the clock of the database, so that nodes whose clocks differ agree on what is due.
 * A test may put a clock of its own in its place.
 */
final class Db {
    private static final Logger LOG = LoggerFactory.getLogger(Db.class);

    /** Serialization failure, deadlock; MariaDB's deadlock has 40001, too. */
    private static final Set<String> TRY_AGAIN = Set.of("40001", "40P01");

    /** MySQL's and MariaDB's lock wait time-out; row changed since last read. */
    private static final Set<Integer> MYSQL_TRY_AGAIN = Set.of(1205, 1213, 1020);

    /** H2's lock time-out; row changed meanwhile. */
    private static final Set<Integer> H2_TRY_AGAIN = Set.of(50200, 90131);

    private static final int TRIES = 5;

    /** Does something with a connection. */
    interface Work<T> {
        T with(Connection connection) throws SQLException;
    }

    final DataSource dataSource;
    final SQLDialect dialect;
    final @Nullable String schema;
    private final Settings settings;
    private final @Nullable InstantSource clock;
    private volatile boolean isReadCommitted;

    /**
     * @param schema where the tables are; null for where the connection looks first
     * @param clock in place of the database's, for tests
     */
    Db(DataSource dataSource, SQLDialect dialect, @Nullable String schema, @Nullable InstantSource clock) {
        this.dataSource = Objects.requireNonNull(dataSource, "dataSource");
        this.dialect = dialect;
        this.clock = clock;
        this.schema = schema;
        settings = new Settings()
                .withExecuteLogging(false)
                .withRenderFormatted(false)
                .withRenderQuotedNames(RenderQuotedNames.EXPLICIT_DEFAULT_UNQUOTED);
    }

    /** Asks the database what it is. */
    static SQLDialect dialectOf(DataSource dataSource) {
        try (Connection connection = dataSource.getConnection()) {
            String product = connection.getMetaData().getDatabaseProductName().toLowerCase(Locale.ROOT);
            if (product.contains("postgres")) {
                return SQLDialect.POSTGRES;
            }
            if (product.contains("mariadb")) {
                return SQLDialect.MARIADB;
            }
            if (product.contains("mysql")) {
                return SQLDialect.MYSQL;
            }
            if (product.equals("h2")) {
                return SQLDialect.H2;
            }
            throw new IllegalArgumentException("jobs are kept in PostgreSQL, MariaDB, MySQL or H2, not in " + product);
        } catch (SQLException e) {
            throw new JobException("cannot ask the database what it is; is it up?", e);
        }
    }

    boolean isPostgres() {
        return dialect == SQLDialect.POSTGRES;
    }

    boolean isH2() {
        return dialect == SQLDialect.H2;
    }

    boolean hasTestClock() {
        return clock != null;
    }

    /** A table's name as it stands in SQL. */
    String table(String name) {
        return schema == null ? name : schema + "." + name;
    }

    /** jOOQ on a connection; neither commits nor closes it. */
    DSLContext dsl(Connection connection) {
        return DSL.using(connection, dialect, settings);
    }

    /** The time as SQL: evaluated once a statement, where it stands in a select of its own. */
    String nowSql() {
        if (clock != null) {
            return Long.toString(Times.micros(clock.instant()));
        }
        return switch (dialect) {
            case POSTGRES -> "(select (extract(epoch from clock_timestamp()) * 1000000)::bigint)";
            case H2 -> "cast(extract(epoch from current_timestamp) * 1000000 as bigint)";
            // Not unix_timestamp(now(6)), which goes through the session's time zone and repeats an hour a year.
            default -> "timestampdiff(microsecond, '1970-01-01', utc_timestamp(6))";
        };
    }

    /** The same, for jOOQ. */
    Field<Long> now() {
        return DSL.field(DSL.raw(nowSql()), SQLDataType.BIGINT);
    }

    /** Microseconds since 1970, asked of the database. */
    long currentMicros(Connection connection) throws SQLException {
        try (var statement = connection.createStatement();
                var rows = statement.executeQuery("select " + nowSql())) {
            rows.next();
            return rows.getLong(1);
        }
    }

    /** Statements that stand for themselves; the caller may retry them as a whole. */
    <T> T autocommit(Work<T> work) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            if (!connection.getAutoCommit()) {
                connection.setAutoCommit(true);
            }
            return work.with(connection);
        } catch (DataAccessException e) {
            throw bare(e);
        }
    }

    /** One statement on a connection of its own, done again as {@link #transaction} is. */
    <T> T statement(Work<T> work) throws SQLException {
        return again(() -> autocommit(work));
    }

    /**
     * One transaction, READ COMMITTED, on a connection of its own. Done again from the start, up to five times in all, if the
     * database gave up on it for the sake of others; it must therefore change nothing outside of the database.
     */
    <T> T transaction(Work<T> work) throws SQLException {
        return again(() -> {
            try (Connection connection = dataSource.getConnection()) {
                return once(connection, work);
            } catch (DataAccessException e) {
                throw bare(e);
            }
        });
    }

    /** Whether there is a row with the same key. */
    static boolean isDuplicate(SQLException e) {
        return "23505".equals(e.getSQLState()) || e.getErrorCode() == 1062;
    }

    /** What the driver threw, whoever made the statement; jOOQ wraps it into an unchecked exception, whose message has the SQL. */
    static SQLException bare(DataAccessException e) {
        SQLException cause = e.getCause(SQLException.class);
        if (cause == null) {
            throw e;
        }
        return new SQLException(e.getMessage(), cause.getSQLState(), cause.getErrorCode(), cause);
    }

    private interface Try<T> {
        T run() throws SQLException;
    }

    private static <T> T again(Try<T> work) throws SQLException {
        for (int attempt = 1; ; attempt++) {
            try {
                return work.run();
            } catch (SQLException | RuntimeException e) {
                if (attempt == TRIES || !isWorthAnotherTry(e)) {
                    throw e;
                }
                LOG.debug("a transaction gave way to others ({}); tries again", e.toString());
                pause(attempt);
            }
        }
    }

    private <T> T once(Connection connection, Work<T> work) throws SQLException {
        boolean auto = connection.getAutoCommit();
        if (auto) {
            connection.setAutoCommit(false);
        }
        try {
            readCommitted(connection);
            T result = work.with(connection);
            connection.commit();
            return result;
        } catch (SQLException | RuntimeException | Error e) {
            try {
                connection.rollback();
            } catch (SQLException lost) {
                e.addSuppressed(lost);
            }
            throw e;
        } finally {
            if (auto) {
                restore(connection);
            }
        }
    }

    /** Asks for the isolation once, which is a round trip; where it is another, each transaction says what it wants. */
    private void readCommitted(Connection connection) throws SQLException {
        if (isReadCommitted) {
            return;
        }
        if (connection.getTransactionIsolation() == Connection.TRANSACTION_READ_COMMITTED) {
            isReadCommitted = isPostgres() || isH2();
            return;
        }
        if (isH2()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            return;
        }
        connection.rollback(); // the question has begun a transaction
        try (var statement = connection.createStatement()) {
            statement.execute("set transaction isolation level read committed"); // of this transaction alone
        }
    }

    private static void restore(Connection connection) {
        try {
            connection.setAutoCommit(true);
        } catch (SQLException lost) {
            LOG.debug("a connection is lost: {}; its pool replaces it", lost.toString());
        }
    }

    /** Whether the database gave up on a transaction that may well succeed next time. */
    static boolean isWorthAnotherTry(Throwable thrown) {
        for (Throwable each = thrown; each != null; each = each.getCause()) {
            if (each instanceof SQLException e
                    && ((e.getSQLState() != null && TRY_AGAIN.contains(e.getSQLState()))
                            || MYSQL_TRY_AGAIN.contains(e.getErrorCode())
                            || H2_TRY_AGAIN.contains(e.getErrorCode()))) {
                return true;
            }
        }
        return false;
    }

    private static void pause(int attempt) {
        LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(TimeUnit.MILLISECONDS.toNanos(1L << attempt)));
    }
}
