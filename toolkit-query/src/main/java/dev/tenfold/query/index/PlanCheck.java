package dev.tenfold.query.index;

import dev.tenfold.query.guard.StatementStats;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.xml.sax.SAXException;

/**
 * Asks PostgreSQL how it would run the statements that take most of the time, and finds those that read a whole large table
 * for a few rows.
 *
 * <p><b>What it does not.</b> It sees generic plans, for it does not know the values: for some of them PostgreSQL may do
 * better, or worse. It knows indexes of plain columns alone; where a condition needs another kind it says so and proposes
 * nothing. Plans do not show collations: a view that compares by another one than the column's may get an index that is not
 * used (where the statement itself says {@code collate}, none is proposed; HypoPG sees it, too).
 *
 * <p><b>No harm.</b> Nothing is run: {@code EXPLAIN} without {@code ANALYZE} plans only. But the planner itself calls
 * functions that are declared immutable, whatever they do, and takes a share lock on each table. Hence each statement is
 * planned in a transaction of its own that is read only, ends after {@value #PLAN_LIMIT}, waits for locks for {@value
 * #LOCK_LIMIT}, and is rolled back. A text with a semicolon before its end is not sent at all, so that it cannot be two
 * statements, however this class, the driver and the server read its quotes. What an immutable function does outside of
 * transactions (a session's advisory lock, a network call) cannot be undone.
 *
 * <p><b>Two ways.</b> From PostgreSQL 16 on {@code EXPLAIN (GENERIC_PLAN)} takes a text with {@code $1}. Drivers that send
 * the text in a message with its parameters' values cannot send that, so it goes as a value to the server, where a cursor of
 * PL/pgSQL opens it; such a cursor refuses several statements, too. Before 16, or without PL/pgSQL, {@code PREPARE} and
 * {@code EXPLAIN EXECUTE} with nulls: there, partitions that a null rules out are not seen.
 */
final class PlanCheck {
    private static final String PLAN_LIMIT = "200ms";
    private static final String LOCK_LIMIT = "50ms";
    private static final String CATALOG_LIMIT = "2s";
    /** For a server that does not answer at all. */
    private static final Duration NETWORK_LIMIT = Duration.ofSeconds(10);

    private static final int LONGEST_TEXT = 10_000;
    private static final int MOST_STATEMENTS = 50;
    private static final double LEAST_SHARE = 0.01;
    private static final double MOST_SELECTED = 0.05;
    /** An index must make it cheaper by this factor at least, or it is not worth its writes. */
    private static final double LEAST_GAIN = 2;

    /** Characters of a statement that are shown. */
    private static final int MOST_SHOWN = 200, MOST_NOTED = 80;

    private static final int FIRST_GENERIC = 16;
    private static final int OLDEST = 12;

    private static final String FENCE = """
            /* tenfold:ignore */ select set_config('statement_timeout', ?, true),
              set_config('lock_timeout', ?, true), set_config('plan_cache_mode', 'force_generic_plan', true),
              set_config('tenfold.statement', ?, true), current_setting('transaction_read_only')""";

    private static final String SERVER = """
            /* tenfold:ignore */ select
              exists (select from pg_language where lanname = 'plpgsql' and has_language_privilege(oid, 'usage')),
              (select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace
                where e.extname = 'hypopg'),
              (select min('tenfold_plan_' || n) from generate_series(100, 999) n
                where not exists (select from pg_prepared_statements where name = 'tenfold_plan_' || n)),
              current_setting('seq_page_cost')::float8, current_setting('random_page_cost')::float8,
              current_setting('cpu_tuple_cost')::float8 + current_setting('cpu_index_tuple_cost')::float8
                + current_setting('cpu_operator_cost')::float8""";

    private static final String OPEN_PLAN = """
            /* tenfold:ignore */ do $$
            declare plan refcursor := 'tenfold_plan';
            begin
              open plan for execute 'explain (generic_plan, verbose, format xml) ' || current_setting('tenfold.statement');
            end $$""";

    /** What the server is and has. */
    private record Server(
            boolean cursors,
            @Nullable String hypopg,
            @Nullable String freeName,
            double sequentialPage,
            double randomPage,
            double row) {}

    /** An index that is proposed, to be compared with the others. */
    private record Proposal(long table, List<String> columns, IndexAdvice advice) {
        /** Served by the index of another one. */
        IndexAdvice with(Proposal other) {
            return new IndexAdvice(
                    advice.kind(),
                    advice.table(),
                    advice.subject(),
                    advice.detail() + "; the same index serves statement " + other.advice.subject(),
                    other.advice.ddl(),
                    advice.gain(),
                    advice.verified() && columns.equals(other.columns));
        }
    }

    private final Connection connection;
    private final long minRows;
    private final boolean generic;
    private final Consumer<String> notes;
    private final List<Proposal> proposals = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private boolean parameters;

    private PlanCheck(Connection connection, long minRows, boolean generic, Consumer<String> notes) {
        this.connection = connection;
        this.minRows = minRows;
        this.generic = generic;
        this.notes = notes;
    }

    /**
     * Looks at the statements that take at least a hundredth of the time of all, fifty at most, one after the other. Blocks
     * for some milliseconds a statement, {@value #PLAN_LIMIT} at most.
     *
     * @param connection of the check alone: no transaction is open on it; it is given back as it came
     * @param statements all that the guard has seen, also those that write: shares are those of their time
     * @param minRows tables with fewer rows are left alone
     * @param notes told what was not looked at, what got no index, and why
     * @return an index to create for each, most urgent first; the same statement where one serves several
     * @throws SQLException if the server does not say what it is, or the connection's state cannot be restored; a statement
     *     that cannot be planned, or a server that goes away meanwhile, is a note
     */
    static List<IndexAdvice> look(
            Connection connection, List<StatementStats> statements, long minRows, Consumer<String> notes)
            throws SQLException {
        return look(connection, statements, minRows, false, notes);
    }

    /** Also on a new server in the way of the old ones. */
    static List<IndexAdvice> look(
            Connection connection,
            List<StatementStats> statements,
            long minRows,
            boolean alwaysPrepare,
            Consumer<String> notes)
            throws SQLException {
        Objects.requireNonNull(notes, "notes");
        if (minRows < 0) throw new IllegalArgumentException("minRows is " + minRows + "; it must be 0 or more");
        String product = connection.getMetaData().getDatabaseProductName();
        if (!product.equals("PostgreSQL")) {
            notes.accept("statements not looked at: only PostgreSQL is asked for its plans, and this is " + product);
            return List.of();
        }
        int version = connection.getMetaData().getDatabaseMajorVersion();
        if (version < OLDEST) {
            notes.accept("statements not looked at: PostgreSQL " + OLDEST + " or newer is needed, this is " + version);
            return List.of();
        }
        PlanCheck check = new PlanCheck(connection, minRows, version >= FIRST_GENERIC && !alwaysPrepare, notes);
        check.run(statements);
        return check.advice();
    }

    // ---- which ones -------------------------------------------------------------------------------------------------

    private void run(List<StatementStats> statements) throws SQLException {
        double total = statements.stream().mapToDouble(PlanCheck::seconds).sum();
        List<StatementStats> top = statements.stream()
                .filter(each -> each.reads() && total > 0 && seconds(each) / total >= LEAST_SHARE)
                .sorted(Comparator.comparing(StatementStats::total).reversed())
                .toList();
        if (top.size() > MOST_STATEMENTS) {
            notes.accept((top.size() - MOST_STATEMENTS) + " statements not looked at: the first " + MOST_STATEMENTS
                    + " by time were");
        }
        if (top.isEmpty()) return;
        boolean autoCommit = connection.getAutoCommit();
        int network = connection.getNetworkTimeout();
        connection.setAutoCommit(false);
        if (network == 0 || network > NETWORK_LIMIT.toMillis()) {
            connection.setNetworkTimeout(Runnable::run, (int) NETWORK_LIMIT.toMillis());
        }
        boolean alive;
        try {
            alive = lookAtAll(top.subList(0, Math.min(top.size(), MOST_STATEMENTS)), total);
        } catch (SQLException | RuntimeException e) {
            suppress(e, () -> restore(autoCommit, network));
            throw e;
        }
        if (alive) restore(autoCommit, network);
    }

    private void restore(boolean autoCommit, int network) throws SQLException {
        connection.setNetworkTimeout(Runnable::run, network);
        connection.setAutoCommit(autoCommit);
    }

    private static double seconds(StatementStats stats) {
        return stats.total().toNanos() / 1e9;
    }

    /** Whether the connection outlived it. */
    private boolean lookAtAll(List<StatementStats> top, double total) throws SQLException {
        Server server = server();
        for (StatementStats each : top) {
            try {
                lookAt(server, each, seconds(each) / total);
            } catch (SAXException e) {
                note(each, "not looked at: its plan is no well-formed XML: " + e.getMessage());
            } catch (SQLException e) {
                note(each, "not looked at: " + reason(e));
                if (isBroken(e)) {
                    notes.accept("statements after this one not looked at: the connection broke");
                    return false;
                }
            }
        }
        if (parameters) {
            notes.accept(
                    "plans are generic, made without the statements' values: PostgreSQL may do otherwise for some of"
                            + " them");
        }
        return true;
    }

    private boolean isBroken(SQLException e) throws SQLException {
        String state = state(e);
        return connection.isClosed() || state.startsWith("08") || state.startsWith("57P");
    }

    private static String state(SQLException e) {
        return e.getSQLState() == null ? "" : e.getSQLState();
    }

    private static String reason(SQLException e) {
        return switch (state(e)) {
            case "55P03" -> "a table is locked; waited " + LOCK_LIMIT;
            case "57014" -> "planning took longer than " + PLAN_LIMIT;
            case "25006" -> "planning it calls a function that writes, which was refused: " + firstLine(e);
            default -> firstLine(e);
        };
    }

    private static String firstLine(SQLException e) {
        String message = String.valueOf(e.getMessage());
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }

    private void note(StatementStats stats, String what) {
        notes.accept(stats.fingerprint() + " (" + shown(stats, MOST_NOTED) + ") " + what);
    }

    /** In one line. */
    private static String shown(StatementStats stats, int most) {
        String text = stats.statement().strip().replaceAll("\\s+", " ");
        if (text.length() <= most) return text;
        int end = Character.isHighSurrogate(text.charAt(most - 2)) ? most - 2 : most - 1;
        return text.substring(0, end) + "…";
    }

    // ---- one statement ----------------------------------------------------------------------------------------------

    private void lookAt(Server server, StatementStats stats, double share) throws SQLException, SAXException {
        String sample = stats.sample().strip();
        while (sample.endsWith(";"))
            sample = sample.substring(0, sample.length() - 1).strip();
        if (sample.length() > LONGEST_TEXT) {
            note(stats, "not looked at: it has " + sample.length() + " characters; the limit is " + LONGEST_TEXT);
            return;
        }
        if (sample.indexOf(';') >= 0) {
            note(stats, "not looked at: it holds a semicolon, and might be several statements");
            return;
        }
        // As the driver would send it: parameters become $1, and {fn …} what it stands for.
        String sql = connection.nativeSQL(sample);
        parameters |= !sql.equals(sample) || sql.contains("$1");
        QueryPlan plan = explain(server, sql);
        if (plan.pruned()) note(stats, "was looked at without the partitions that a null rules out");
        if (plan.scans().isEmpty()) return;
        List<ScannedTable> tables = fenced(CATALOG_LIMIT, "", () -> ScannedTable.of(connection, plan.scans()));
        for (ScannedTable table : tables) {
            if (table.isUnknown()) {
                note(stats, "reads all of " + table.name + ", whose size is not known: run analyze " + table.name);
            } else if (table.tuples >= minRows && table.selectivity() <= MOST_SELECTED) {
                propose(server, stats, share, sql, plan, table);
            }
        }
    }

    private void propose(
            Server server, StatementStats stats, double share, String sql, QueryPlan plan, ScannedTable table)
            throws SQLException, SAXException {
        String seen = String.format(
                Locale.ROOT,
                "reads all %,.0f rows of %s for about %,.0f",
                table.tuples,
                table.name,
                Math.max(1, table.rows));
        boolean collates = sql.toLowerCase(Locale.ROOT).contains("collate");
        ScannedTable.Choice choice = fenced(CATALOG_LIMIT, "", () -> table.choose(connection, collates));
        if (!choice.obstacle().isEmpty()) {
            note(stats, seen + "; no index proposed: " + choice.obstacle());
            return;
        }
        Gain gain = gain(server, stats, sql, plan, table, choice);
        if (!gain.obstacle().isEmpty()) {
            note(stats, seen + "; no index proposed: one on " + choice.columns() + " " + gain.obstacle());
            return;
        }
        String ddl = fenced(CATALOG_LIMIT, "", () -> table.ddl(connection, choice, names));
        String detail = String.format(
                Locale.ROOT,
                "statement  %s\n%s, in %.0f %% of the time of all statements",
                shown(stats, MOST_SHOWN),
                seen,
                share * 100);
        proposals.add(new Proposal(
                table.oid,
                choice.columns(),
                new IndexAdvice(
                        IndexAdvice.Kind.SEQUENTIAL_SCAN,
                        table.name,
                        stats.fingerprint(),
                        detail,
                        ddl,
                        gain.factor(),
                        gain.verified())));
    }

    /** How many times cheaper the statement gets, whether the planner says so itself, and what speaks against the index. */
    private record Gain(double factor, boolean verified, String obstacle) {}

    private Gain gain(
            Server server,
            StatementStats stats,
            String sql,
            QueryPlan plan,
            ScannedTable table,
            ScannedTable.Choice choice)
            throws SQLException, SAXException {
        if (server.hypopg() == null || table.partitioned) return estimate(server, plan, table, choice);
        QueryPlan tried;
        try {
            tried = tryOut(server, server.hypopg(), sql, table.hypothetical(choice));
        } catch (SQLException e) {
            if (isBroken(e)) throw e;
            note(stats, "was not tried out with HypoPG: " + reason(e));
            return estimate(server, plan, table, choice);
        }
        // HypoPG names its own by their number: <13581>btree_orders_customer_id.
        boolean used = tried.indexes().stream().anyMatch(each -> each.startsWith("<"));
        double factor = plan.cost() / Math.max(1e-9, tried.cost());
        return used ? worth(factor, true) : new Gain(factor, false, "would not be used, says HypoPG");
    }

    private static Gain worth(double factor, boolean verified) {
        String little =
                String.format(Locale.ROOT, "would make the statement %.1f times cheaper, not %.0f", factor, LEAST_GAIN);
        return new Gain(factor, verified, factor < LEAST_GAIN ? little : "");
    }

    private static Gain estimate(Server server, QueryPlan plan, ScannedTable table, ScannedTable.Choice choice) {
        double index = indexCost(server, table, choice.rows());
        if (table.cost < LEAST_GAIN * index) {
            String many =
                    String.format(Locale.ROOT, "would find %,.0f rows, too many to be much cheaper", choice.rows());
            return new Gain(1, false, many);
        }
        // A limit may end the scan early; then the index is left early, too.
        if (plan.cost() < table.cost) return worth(table.cost / index, false);
        // How often a scan is repeated is not shown: as often as the cost of all allows.
        double times = table.scan.repeated() ? Math.floor(plan.cost() / Math.max(1e-9, table.cost)) : 1;
        return worth(plan.cost() / (plan.cost() - times * (table.cost - index)), false);
    }

    /**
     * What the planner would take for a bitmap scan that finds so many rows in random places: cost_bitmap_heap_scan() in its
     * costsize.c, after Mackert and Lohman, "Index Scans Using a Finite LRU Buffer", ACM TODS 14 (1989). Two pages more, for
     * the way down the index.
     */
    private static double indexCost(Server server, ScannedTable table, double rows) {
        double pages = Math.max(1, table.pages);
        double fetched = Math.min(pages, 2 * pages * rows / (2 * pages + rows));
        double page =
                server.randomPage() - (server.randomPage() - server.sequentialPage()) * Math.sqrt(fetched / pages);
        return 2 * server.randomPage() + fetched * page + rows * server.row();
    }

    /** For each statement, but no index that another one begins with. */
    private List<IndexAdvice> advice() {
        List<IndexAdvice> advice = new ArrayList<>();
        for (Proposal mine : proposals) {
            Proposal longest = proposals.stream()
                    .filter(other -> other.table() == mine.table() && begins(other.columns(), mine.columns()))
                    .max(Comparator.comparingInt(other -> other.columns().size()))
                    .orElse(mine);
            advice.add(longest.equals(mine) ? mine.advice() : mine.with(longest));
        }
        return List.copyOf(advice);
    }

    private static boolean begins(List<String> columns, List<String> with) {
        return columns.size() >= with.size() && columns.subList(0, with.size()).equals(with);
    }

    // ---- the server -------------------------------------------------------------------------------------------------

    /** What is done inside of a fence. */
    private interface Work<T> {
        T run() throws SQLException;
    }

    /** In a transaction that can change nothing, takes no longer than the limit, and is rolled back. */
    private <T> T fenced(String limit, String sql, Work<T> work) throws SQLException {
        T result;
        try {
            execute("/* tenfold:ignore */ set transaction read only");
            raiseFence(limit, sql);
            result = work.run();
        } catch (SQLException | RuntimeException e) {
            suppress(e, connection::rollback);
            throw e;
        }
        connection.rollback();
        return result;
    }

    private interface Step {
        void run() throws SQLException;
    }

    private static void suppress(Exception cause, Step step) {
        try {
            step.run();
        } catch (SQLException e) {
            cause.addSuppressed(e);
        }
    }

    private void raiseFence(String limit, String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(FENCE)) {
            statement.setString(1, limit);
            statement.setString(2, LOCK_LIMIT);
            statement.setString(3, sql);
            try (ResultSet row = statement.executeQuery()) {
                if (!row.next() || !"on".equals(row.getString(5))) {
                    throw new SQLException(
                            "the transaction is not read only; does a pooler give each statement its own?");
                }
            }
        }
    }

    private Server server() throws SQLException {
        return fenced(CATALOG_LIMIT, "", () -> {
            try (PreparedStatement statement = connection.prepareStatement(SERVER);
                    ResultSet row = statement.executeQuery()) {
                if (!row.next()) throw new SQLException("the server does not say what it is");
                return new Server(
                        row.getBoolean(1),
                        row.getString(2),
                        row.getString(3),
                        row.getDouble(4),
                        row.getDouble(5),
                        row.getDouble(6));
            }
        });
    }

    private QueryPlan explain(Server server, String sql) throws SQLException, SAXException {
        boolean cursor = generic && server.cursors();
        return QueryPlan.read(fenced(PLAN_LIMIT, sql, () -> cursor ? explainGeneric() : explainPrepared(server, sql)));
    }

    private String explainGeneric() throws SQLException {
        execute(OPEN_PLAN);
        return ask("/* tenfold:ignore */ fetch all from tenfold_plan");
    }

    /** A prepared statement outlives its transaction: it is dropped before that ends, even if planning failed. */
    private String explainPrepared(Server server, String sql) throws SQLException {
        if (server.freeName() == null)
            throw new SQLException("900 prepared statements named tenfold_plan_… are in the way");
        String name = server.freeName();
        execute("/* tenfold:ignore */ prepare " + name + " as " + sql);
        Savepoint prepared = connection.setSavepoint();
        String plan;
        try {
            String count = ask("/* tenfold:ignore */ select cardinality(parameter_types) from pg_prepared_statements"
                    + " where name = '" + name + "'");
            plan = ask("/* tenfold:ignore */ explain (verbose, format xml) execute " + name
                    + nulls(Integer.parseInt(count)));
        } catch (SQLException e) {
            suppress(e, () -> connection.rollback(prepared));
            suppress(e, () -> execute("/* tenfold:ignore */ deallocate " + name));
            throw e;
        }
        execute("/* tenfold:ignore */ deallocate " + name);
        return plan;
    }

    private static String nulls(int count) {
        return count == 0 ? "" : "(null" + ", null".repeat(count - 1) + ")";
    }

    /** The plan that the statement would have with the index. It exists in this session alone, and only for EXPLAIN. */
    private QueryPlan tryOut(Server server, String schema, String sql, String ddl) throws SQLException, SAXException {
        String oid = fenced(
                CATALOG_LIMIT,
                ddl,
                () -> ask("/* tenfold:ignore */ select indexrelid from " + schema
                        + ".hypopg_create_index(current_setting('tenfold.statement'))"));
        QueryPlan plan;
        try {
            plan = explain(server, sql);
        } catch (SQLException | SAXException | RuntimeException e) {
            suppress(e, () -> dropHypothetical(schema, oid));
            throw e;
        }
        dropHypothetical(schema, oid);
        return plan;
    }

    private void dropHypothetical(String schema, String oid) throws SQLException {
        String unused = fenced(
                CATALOG_LIMIT,
                "",
                () -> ask("/* tenfold:ignore */ select " + schema + ".hypopg_drop_index(" + oid + ")"));
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setEscapeProcessing(false); // done already
            boolean unused = statement.execute(sql);
        }
    }

    private String ask(String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            String answer = row.next() ? row.getString(1) : null;
            if (answer == null) throw new SQLException("PostgreSQL gave no answer to " + sql);
            return answer;
        }
    }
}
