package dev.tenfold.readiness;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.guard.StatementStats;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tells statements that become slower as their tables grow: each hour it notes the mean time of the twenty statements that took
 * the most, and how many rows the catalog says that their tables have; both become daily figures in the same table, under
 * names with a colon.
 *
 * <p>The slope is that of Theil and Sen (1950, 1968) over the logarithms: the median of those of all pairs of days between which
 * the rows grew by a twentieth. Rows are the catalog's estimate, which vacuum and analyze keep; the table is told from the
 * statement's words, so one that is read through a view is not seen.
 */
final class Growth {
    static final String STATEMENT = "statement:";
    static final String ROWS = "rows:";

    private static final int MOST_STATEMENTS = 20;
    /** Of an hour: more tables than that are not followed. */
    static final int MOST_FIGURES = 3 * MOST_STATEMENTS;

    private static final int LEAST_DAYS = 14;
    private static final double LEAST_GROWTH = 1.5;
    private static final double LEAST_PAIR = 0.05;
    private static final double STEEP = 0.5;
    private static final double LEAST_SHARE = 0.05;
    private static final int TIMEOUT_SECONDS = 10;
    /** What a row of the table can be named after. */
    private static final Pattern WORD = Pattern.compile("[a-z_][a-z0-9_]{0,62}");

    private final QueryGuard guard;
    /** Of a day ago, a third counts. */
    private static final double STILL_COUNTS = Math.pow(1 / 3.0, 1 / 24.0);

    /** Executions and nanoseconds up to the hour before, of the statements that the guard knows. */
    private Map<String, long[]> before = new HashMap<>();
    /** Nanoseconds of late, older ones counting less; empty before the first hour has ended. */
    private volatile Map<String, Double> recent = Map.of();

    Growth(QueryGuard guard) {
        this.guard = guard;
    }

    /** The means of the hour that has ended, in milliseconds, and rows, by the name that they are stored under. */
    Map<String, Double> hour() throws SQLException {
        Map<String, Double> all = new TreeMap<>();
        List<StatementStats> statements = guard.statements();
        Map<String, Long> took = new HashMap<>();
        Map<String, long[]> known = new HashMap<>();
        Map<String, Double> late = new HashMap<>();
        for (StatementStats each : statements) {
            long[] old = before.getOrDefault(each.fingerprint(), new long[2]);
            boolean isAnew = each.count() < old[0];
            long count = each.count() - (isAnew ? 0 : old[0]);
            long nanos = each.total().toNanos() - (isAnew ? 0 : old[1]);
            known.put(each.fingerprint(), new long[] {each.count(), each.total().toNanos()});
            late.put(each.fingerprint(), nanos + STILL_COUNTS * recent.getOrDefault(each.fingerprint(), 0.0));
            if (count < 10) continue;
            took.put(each.fingerprint(), nanos);
            all.put(STATEMENT + each.fingerprint(), nanos / 1e6 / count);
        }
        before = known;
        recent = late;
        List<StatementStats> most = statements.stream()
                .filter(each -> took.containsKey(each.fingerprint()))
                .sorted((a, b) -> Long.compare(nanos(took, b), nanos(took, a)))
                .limit(MOST_STATEMENTS)
                .toList();
        all.keySet().removeIf(name -> most.stream().noneMatch(each -> name.equals(STATEMENT + each.fingerprint())));
        if (!most.isEmpty()) {
            tables().forEach((table, rows) -> {
                if (rows > 0
                        && all.size() < MOST_FIGURES
                        && most.stream()
                                .anyMatch(each -> words(each.statement()).contains(table))) {
                    all.put(ROWS + table, rows);
                }
            });
        }
        return all;
    }

    private static long nanos(Map<String, Long> took, StatementStats of) {
        return took.getOrDefault(of.fingerprint(), 0L);
    }

    private static List<String> words(String statement) {
        List<String> all = new ArrayList<>();
        Matcher matcher = WORD.matcher(statement.toLowerCase(Locale.ROOT));
        while (matcher.find()) all.add(matcher.group());
        return all;
    }

    /** Rows by table, as the catalog estimates them, of the schema that statements find first. */
    private Map<String, Double> tables() throws SQLException {
        try (Connection connection = guard.target().getConnection()) {
            String product = connection.getMetaData().getDatabaseProductName().toLowerCase(Locale.ROOT);
            String sql = switch (product) {
                case "postgresql" ->
                    "select relname, case when reltuples > 0 then reltuples else pg_stat_get_live_tuples(oid) end"
                            + " from pg_class"
                            + " where relkind in ('r', 'p') and pg_table_is_visible(oid)"
                            + " and relnamespace <> 'pg_catalog'::regnamespace";
                case "h2" ->
                    "select table_name, row_count_estimate from information_schema.tables"
                            + " where table_schema = current_schema";
                case "mariadb", "mysql" ->
                    "select table_name, table_rows from information_schema.tables where table_schema = database()";
                default -> null;
            };
            return sql == null ? Map.of() : rows(connection, sql);
        }
    }

    private static Map<String, Double> rows(Connection connection, String sql) throws SQLException {
        Map<String, Double> all = new TreeMap<>();
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setQueryTimeout(TIMEOUT_SECONDS);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    String name = Objects.requireNonNull(rows.getString(1)).toLowerCase(Locale.ROOT);
                    if (WORD.matcher(name).matches()) all.put(name, rows.getDouble(2));
                }
            }
        }
        // Whatever pool it is: no transaction is left open.
        if (!connection.getAutoCommit()) connection.rollback();
        return all;
    }

    /** Statements that get slower by a power of the rows above 0.5, and take a twentieth of the time. */
    List<GrowingStatement> slowing(SortedMap<String, SortedMap<LocalDate, Day>> stored) {
        List<StatementStats> statements = guard.statements();
        Map<String, Double> late = recent;
        double all =
                statements.stream().mapToDouble(each -> nanosOfLate(late, each)).sum();
        List<GrowingStatement> found = new ArrayList<>();
        for (StatementStats each : statements) {
            double share = nanosOfLate(late, each) / all;
            SortedMap<LocalDate, Day> times = stored.get(STATEMENT + each.fingerprint());
            if (share < LEAST_SHARE || times == null) continue;
            String table = largest(words(each.statement()), stored);
            if (table == null) continue;
            GrowingStatement slope = slope(each.statement(), table, times, stored.get(ROWS + table), share);
            if (slope != null) found.add(slope);
        }
        return found;
    }

    private static double nanosOfLate(Map<String, Double> late, StatementStats each) {
        return late.isEmpty() ? each.total().toNanos() : late.getOrDefault(each.fingerprint(), 0.0);
    }

    private static @Nullable String largest(List<String> words, SortedMap<String, SortedMap<LocalDate, Day>> stored) {
        String largest = null;
        double most = 0;
        for (String word : words) {
            SortedMap<LocalDate, Day> rows = stored.get(ROWS + word);
            if (rows == null) continue;
            double now = Day.last(rows).figure();
            if (now > most) {
                most = now;
                largest = word;
            }
        }
        return largest;
    }

    static @Nullable GrowingStatement slope(
            String statement,
            String table,
            SortedMap<LocalDate, Day> times,
            @Nullable SortedMap<LocalDate, Day> rows,
            double share) {
        if (rows == null) return null;
        List<double[]> days = new ArrayList<>();
        times.forEach((day, time) -> {
            Day at = rows.get(day);
            if (at != null && at.figure() > 0 && time.figure() > 0) {
                days.add(new double[] {Math.log(at.figure()), Math.log(time.figure())});
            }
        });
        if (days.size() < LEAST_DAYS) return null;
        double first = days.get(0)[0];
        double last = days.get(days.size() - 1)[0];
        if (last - first < Math.log(LEAST_GROWTH)) return null;
        double[] slopes = slopes(days);
        double slope = slopes[slopes.length / 2];
        double low = slopes[slopes.length / 10];
        if (slope <= STEEP || low <= 0) return null;
        return new GrowingStatement(statement, table, days.size(), Math.exp(first), Math.exp(last), slope, low, share);
    }

    private static double[] slopes(List<double[]> days) {
        List<Double> all = new ArrayList<>();
        for (int i = 0; i < days.size(); i++) {
            for (int j = i + 1; j < days.size(); j++) {
                double grew = days.get(j)[0] - days.get(i)[0];
                if (Math.abs(grew) >= LEAST_PAIR) all.add((days.get(j)[1] - days.get(i)[1]) / grew);
            }
        }
        double[] sorted = all.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        return sorted;
    }
}
