package dev.tenfold.readiness;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every statement on {@code tenfold_daily}. Several instances change a row by compare-and-set: each reads it, and writes it if
 * its revision is still the same. Each call takes one connection; faults are {@link IllegalStateException}s.
 */
final class DailyTable {
    private static final Logger LOG = LoggerFactory.getLogger(Readiness.class);

    private static final int TIMEOUT_SECONDS = 10;
    /** As many instances may come in between before it is given up. */
    private static final int TRIES = 50;

    private final DataSource dataSource;

    DailyTable(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    /** Asks whether the table is there. */
    void require() {
        doing("read the table tenfold_daily", connection -> {
            try (PreparedStatement statement =
                    prepare(connection, "select count(*) from tenfold_daily where resource = '' and revision < 0")) {
                statement.executeQuery().close();
            }
            return true;
        });
    }

    /** Adds what one instance has seen of an hour; to a day that was imported, nothing. */
    void merge(String resource, LocalDate day, int hour, double value, double limit, boolean adds) {
        change(resource, day, old -> {
            if (old == null) return Day.of(hour, value, limit);
            return old.isImported() ? old : old.with(hour, value, limit, adds);
        });
    }

    /** Replaces days, or makes them; all or none. Of several that import at once, the last one counts. */
    void put(String resource, Map<LocalDate, Double> figures, double limit) {
        doing("import figures of " + resource, connection -> {
            connection.setAutoCommit(false);
            for (int i = 1; ; i++) {
                try {
                    // In order, so that two imports do not wait for each other.
                    for (Map.Entry<LocalDate, Double> each : new TreeMap<>(figures).entrySet()) {
                        Day day = Day.imported(each.getValue(), limit);
                        if (!overwrite(connection, resource, each.getKey(), day)) {
                            insert(connection, resource, each.getKey(), day);
                        }
                    }
                    connection.commit();
                    return true;
                } catch (SQLException | RuntimeException e) {
                    undo(connection::rollback, e);
                    if (i == TRIES || !(e instanceof SQLException fault) || !isByAnother(fault)) throw e;
                }
            }
        });
    }

    /** Another instance made the row first, or both waited for each other, or H2 saw two changes at once. */
    private static boolean isByAnother(SQLException e) {
        String state = Objects.requireNonNullElse(e.getSQLState(), "");
        return state.startsWith("23") || state.startsWith("40") || state.equals("90131");
    }

    /** What is stored, by resource and day, from a day on. */
    SortedMap<String, SortedMap<LocalDate, Day>> read(LocalDate from) {
        return doing("read daily figures", connection -> {
            SortedMap<String, SortedMap<LocalDate, Day>> all = new TreeMap<>();
            try (PreparedStatement statement = prepare(
                    connection,
                    "select resource, figure_day, figure, capacity, hours_seen, hours, revision from tenfold_daily"
                            + " where figure_day >= ?")) {
                statement.setObject(1, from);
                statement.setFetchSize(1_000);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        all.computeIfAbsent(rows.getString(1), unused -> new TreeMap<>())
                                .put(day(rows, 2), row(rows, 3));
                    }
                }
            }
            return all;
        });
    }

    /**
     * Deletes what is older, by this instance's clock and by the database's: so that one which is wrong by years deletes
     * nothing.
     *
     * @return how many rows
     */
    int prune(LocalDate today, int days) {
        return doing("delete old figures", connection -> {
            LocalDate there = today(connection);
            LocalDate earlier = there.isBefore(today) ? there : today;
            try (PreparedStatement statement = prepare(connection, "delete from tenfold_daily where figure_day < ?")) {
                statement.setObject(1, earlier.minusDays(days));
                return statement.executeUpdate();
            }
        });
    }

    private static LocalDate today(Connection connection) throws SQLException {
        try (PreparedStatement statement = prepare(connection, "select current_date");
                ResultSet rows = statement.executeQuery()) {
            rows.next();
            return day(rows, 1);
        }
    }

    private void change(String resource, LocalDate day, UnaryOperator<@Nullable Day> change) {
        doing("write the figure of " + resource, connection -> {
            for (int i = 0; i < TRIES; i++) {
                if (changed(connection, resource, day, change)) return true;
            }
            throw new SQLException("others changed the row " + TRIES + " times in between");
        });
    }

    /** One try; false if another instance has come in between. */
    private static boolean changed(
            Connection connection, String resource, LocalDate day, UnaryOperator<@Nullable Day> change)
            throws SQLException {
        Day old = find(connection, resource, day);
        Day changed = Objects.requireNonNull(change.apply(old));
        if (changed.equals(old)) return true;
        return old == null
                ? insert(connection, resource, day, changed)
                : update(connection, resource, day, changed, old.revision());
    }

    private static @Nullable Day find(Connection connection, String resource, LocalDate day) throws SQLException {
        try (PreparedStatement statement = prepare(
                connection,
                "select figure, capacity, hours_seen, hours, revision from tenfold_daily"
                        + " where resource = ? and figure_day = ?")) {
            statement.setString(1, resource);
            statement.setObject(2, day);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? row(rows, 1) : null;
            }
        }
    }

    private static boolean insert(Connection connection, String resource, LocalDate day, Day made) throws SQLException {
        try (PreparedStatement statement = prepare(
                connection,
                "insert into tenfold_daily (figure, capacity, hours_seen, hours, revision, resource, figure_day)"
                        + " values (?, ?, ?, ?, ?, ?, ?)")) {
            values(statement, made, 1);
            statement.setString(6, resource);
            statement.setObject(7, day);
            return statement.executeUpdate() == 1;
        } catch (SQLException e) {
            if (connection.getAutoCommit() && isByAnother(e)) return false;
            throw e;
        }
    }

    private static boolean update(Connection connection, String resource, LocalDate day, Day changed, long revision)
            throws SQLException {
        try (PreparedStatement statement = prepare(
                connection,
                "update tenfold_daily set figure = ?, capacity = ?, hours_seen = ?, hours = ?, revision = ?"
                        + " where resource = ? and figure_day = ? and revision = ?")) {
            values(statement, changed, revision + 1);
            statement.setString(6, resource);
            statement.setObject(7, day);
            statement.setLong(8, revision);
            return statement.executeUpdate() == 1;
        }
    }

    private static boolean overwrite(Connection connection, String resource, LocalDate day, Day changed)
            throws SQLException {
        try (PreparedStatement statement = prepare(
                connection,
                "update tenfold_daily set figure = ?, capacity = ?, hours_seen = ?, hours = ?, revision = revision + ?"
                        + " where resource = ? and figure_day = ?")) {
            values(statement, changed, 1);
            statement.setString(6, resource);
            statement.setObject(7, day);
            return statement.executeUpdate() == 1;
        }
    }

    private static void values(PreparedStatement statement, Day day, long revision) throws SQLException {
        statement.setDouble(1, day.figure());
        statement.setDouble(2, day.limit());
        statement.setInt(3, day.hoursSeen());
        statement.setString(4, day.hours());
        statement.setLong(5, revision);
    }

    private static Day row(ResultSet rows, int from) throws SQLException {
        return new Day(
                rows.getDouble(from),
                rows.getDouble(from + 1),
                rows.getInt(from + 2),
                Objects.requireNonNull(rows.getString(from + 3)),
                rows.getLong(from + 4));
    }

    private static LocalDate day(ResultSet rows, int column) throws SQLException {
        return Objects.requireNonNull(rows.getObject(column, LocalDate.class));
    }

    private static PreparedStatement prepare(Connection connection, String sql) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        statement.setQueryTimeout(TIMEOUT_SECONDS);
        return statement;
    }

    private interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    private interface Step {
        void run() throws SQLException;
    }

    /** Where that fails too, the first fault is the one to be told. */
    private static void undo(Step step, Throwable first) {
        try {
            step.run();
        } catch (SQLException e) {
            first.addSuppressed(e);
        }
    }

    /** What was done stands, and must not be done again, even if this fails. */
    private static void giveBack(Connection connection, boolean autoCommit) {
        try (connection) {
            connection.setAutoCommit(autoCommit);
        } catch (SQLException | RuntimeException e) {
            LOG.debug("a connection is not given back as it was; its pool should find it broken", e);
        }
    }

    /** Each statement by itself, unless the work says otherwise; the connection goes back as it came. */
    private <T> T doing(String what, Work<T> work) {
        try {
            Connection connection = dataSource.getConnection();
            boolean before = true;
            T done;
            try {
                before = connection.getAutoCommit();
                connection.setAutoCommit(true);
                done = work.on(connection);
            } catch (SQLException | RuntimeException | Error e) {
                boolean asItCame = before;
                undo(() -> connection.setAutoCommit(asItCame), e);
                undo(connection::close, e);
                throw e;
            }
            giveBack(connection, before);
            return done;
        } catch (SQLException e) {
            throw new IllegalStateException(
                    "cannot " + what + ": " + e.getMessage()
                            + "; is the database up, and has ReadinessSchema.install(dataSource) been called?",
                    e);
        }
    }
}
