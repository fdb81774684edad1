package dev.tenfold.query.index;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A table that a plan reads whole, with all of its partitions that the plan reads: what the catalog knows of it, and the
 * index that would do instead.
 *
 * <p>It asks the catalog on the connection at hand, inside of the caller's transaction.
 */
final class ScannedTable {
    private static final int MOST_EQUALITIES = 3;
    private static final int LONGEST_NAME = 63;
    private static final String NAME_END = "_idx";
    /** What the planner takes for a column without statistics: DEFAULT_NUM_DISTINCT in selfuncs.h. */
    private static final double UNKNOWN_DISTINCT = 200;
    /** What it takes for a range to an unknown value: DEFAULT_INEQ_SEL in selfuncs.h. */
    private static final double UNKNOWN_RANGE = 1.0 / 3;

    private static final String TABLE = """
            /* tenfold:ignore */ select t.oid, t.reltuples, t.relpages, r.oid, r.oid::regclass::text, r.relkind = 'p',
              r.relname
            from pg_class t
            join pg_namespace n on n.oid = t.relnamespace
            join pg_class r on r.oid = coalesce(pg_partition_root(t.oid), t.oid)
            where n.nspname = ? and t.relname = ?""";

    /** Of the table itself; statistics of the part that has most rows, for those of a partitioned one are often missing. */
    private static final String COLUMNS = """
            /* tenfold:ignore */ select a.attname, quote_ident(a.attname), format_type(a.atttypid, null),
              format_type(b.oid, null), o.opcintype::regtype::text, s.n_distinct,
              a.attcollation <> 0
            from pg_attribute a
            join pg_type t on t.oid = a.atttypid
            join pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
            join pg_class p on p.oid = ?
            join pg_namespace n on n.oid = p.relnamespace
            left join pg_stats s on s.schemaname = n.nspname and s.tablename = p.relname and s.attname = a.attname
              and not s.inherited
            left join lateral (
              select o.opcintype from pg_opclass o join pg_am m on m.oid = o.opcmethod
              where m.amname = 'btree' and o.opcdefault and (o.opcintype = b.oid
                or (b.typtype = 'e' and o.opcintype = 'anyenum'::regtype)
                or exists (select from pg_cast k where k.castsource = b.oid and k.casttarget = o.opcintype
                  and k.castmethod = 'b' and k.castcontext = 'i'))
              order by o.opcintype = b.oid desc, o.opcintype = 'text'::regtype desc limit 1) o on true
            where a.attrelid = ? and a.attnum > 0 and not a.attisdropped""";

    private static final String INDEXES = """
            /* tenfold:ignore */ select i.indexrelid::regclass::text, a.attname,
              o.opcdefault and i.indcollation[k.place] in (0, a.attcollation)
            from pg_index i
            join pg_class x on x.oid = i.indexrelid
            join pg_am m on m.oid = x.relam
            cross join lateral generate_series(0, i.indnkeyatts - 1) k(place)
            join pg_opclass o on o.oid = i.indclass[k.place]
            left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k.place] and a.attnum <> 0
            where i.indrelid = ? and i.indisvalid and i.indisready and i.indpred is null
              and (m.amname = 'btree' or (m.amname = 'hash' and i.indnkeyatts = 1))
            order by i.indexrelid, k.place""";

    private static final String NAME_TAKEN = """
            /* tenfold:ignore */ select exists (select from pg_class c join pg_class t on t.relnamespace = c.relnamespace
              where t.oid = ? and c.relname = ?)""";

    private static final String PARTITIONS = """
            /* tenfold:ignore */ select relid::text from pg_partition_tree(?) where isleaf order by 1""";

    /** A column of the table, and whether the statement may compare it by another collation. */
    private record Column(
            String quoted,
            String type,
            String base,
            @Nullable String indexed,
            double distinct,
            boolean collated) {

        boolean isSortable() {
            return indexed != null && !collated;
        }

        /** Whether a plain B-tree of it is searched when it is compared under this cast. */
        boolean serves(@Nullable String cast) {
            return isSortable() && (cast == null || cast.equals(type) || cast.equals(base) || cast.equals(indexed));
        }
    }

    /** An index without a condition; of its columns those that are expressions are empty. */
    private record Existing(String name, List<String> columns, boolean plain) {}

    /**
     * An index that would do, or why there is none.
     *
     * @param names of its columns
     * @param columns the same, quoted where needed, with their order; empty if there is no index
     * @param rows how many it is expected to find
     * @param obstacle why there is none, else empty
     */
    record Choice(List<String> names, List<String> columns, double rows, String obstacle) {
        static Choice none(String obstacle) {
            return new Choice(List.of(), List.of(), 0, obstacle);
        }
    }

    final long oid;
    /** With its schema where that is not on the search path, quoted where needed. */
    final String name;

    private final String bareName;
    final boolean partitioned;
    final List<ScanFilter.Term> terms;
    final QueryPlan.Scan scan;
    double tuples;
    double pages;
    double rows;
    double cost;
    private long biggestPart;
    private double mostTuples = -1;
    private boolean unknownSize;

    private ScannedTable(long oid, String name, String bareName, boolean partitioned, QueryPlan.Scan scan) {
        this.oid = oid;
        this.name = name;
        this.bareName = bareName;
        this.partitioned = partitioned;
        this.scan = scan;
        this.terms = ScanFilter.terms(scan.filter(), scan.alias());
    }

    /** The tables that these scans read: partitions are put together where they are asked for the same. */
    static List<ScannedTable> of(Connection connection, List<QueryPlan.Scan> scans) throws SQLException {
        Map<List<Object>, ScannedTable> tables = new LinkedHashMap<>();
        for (QueryPlan.Scan scan : scans) {
            if (isSystem(scan.schema())) continue;
            try (PreparedStatement statement = connection.prepareStatement(TABLE)) {
                statement.setString(1, scan.schema());
                statement.setString(2, scan.table());
                try (ResultSet found = statement.executeQuery()) {
                    if (!found.next()) continue; // dropped since
                    ScannedTable table = new ScannedTable(
                            found.getLong(4), found.getString(5), found.getString(7), found.getBoolean(6), scan);
                    tables.computeIfAbsent(List.of(table.oid, table.terms), unused -> table)
                            .add(scan, found.getLong(1), found.getDouble(2), found.getDouble(3));
                }
            }
        }
        return List.copyOf(tables.values());
    }

    private static boolean isSystem(String schema) {
        return schema.equals("pg_catalog") || schema.equals("information_schema") || schema.startsWith("pg_toast");
    }

    private void add(QueryPlan.Scan part, long partOid, double partTuples, double partPages) {
        unknownSize |= partTuples < 0 || (partTuples == 0 && part.rows() > 1);
        tuples += Math.max(0, partTuples);
        pages += partPages;
        rows += part.rows();
        cost += part.cost();
        if (partTuples > mostTuples) {
            mostTuples = partTuples;
            biggestPart = partOid;
        }
    }

    /** Whether it was never analysed, so that the planner guesses. */
    boolean isUnknown() {
        return unknownSize && tuples == 0;
    }

    /** The share of its rows that the statement wants. */
    double selectivity() {
        return rows / Math.max(1, tuples);
    }

    // ---- the index that would do ------------------------------------------------------------------------------------

    /**
     * Chooses the columns: those that are compared with one value, most different values first, then one range, or what a
     * limit sorts by. None if it would not help, or one is there that should.
     *
     * @param collates whether the statement names collations: plans do not show them, hence no column that has one counts
     */
    Choice choose(Connection connection, boolean collates) throws SQLException {
        Map<String, Column> columns = columns(connection, collates);
        List<Existing> existing = existing(connection);
        List<String> equal = new ArrayList<>();
        List<String> ranges = new ArrayList<>();
        for (ScanFilter.Term each : terms) {
            Column column = each.column() == null ? null : columns.get(each.column());
            if (column == null || !column.serves(each.cast()) || each.test() == ScanFilter.Test.OTHER) continue;
            List<String> group = each.test() == ScanFilter.Test.EQUAL ? equal : ranges;
            if (!group.contains(each.column())) group.add(each.column());
        }
        if (equal.isEmpty() && ranges.isEmpty()) return Choice.none(whyNone(columns, existing));
        equal.sort(Comparator.comparingDouble(
                (String each) -> -distinct(columns, each))); // stable: else as the statement has them
        if (equal.size() > MOST_EQUALITIES)
            equal.subList(MOST_EQUALITIES, equal.size()).clear();

        List<String> names = new ArrayList<>(equal);
        List<String> rendered = new ArrayList<>();
        for (String each : equal) rendered.add(quoted(columns, each));
        ranges.removeAll(equal);
        ScanFilter.SortColumn sort = scan.sortKey() == null ? null : ScanFilter.sortColumn(scan.sortKey());
        if (!ranges.isEmpty()) {
            String range = sort != null && ranges.contains(sort.column()) ? sort.column() : ranges.get(0);
            names.add(range);
            rendered.add(quoted(columns, range));
        } else if (sort != null && !equal.contains(sort.column()) && isSortable(columns, sort.column())) {
            names.add(sort.column());
            rendered.add(quoted(columns, sort.column()) + sort.order());
        }
        String inVain = inVain(existing, names, equal.size());
        return inVain.isEmpty() ? new Choice(names, rendered, found(columns, names, equal), "") : Choice.none(inVain);
    }

    private static String quoted(Map<String, Column> columns, String name) {
        Column column = columns.get(name);
        if (column == null) throw new IllegalArgumentException("there is no column " + name);
        return column.quoted();
    }

    private static boolean isSortable(Map<String, Column> columns, String name) {
        Column column = columns.get(name);
        return column != null && column.isSortable();
    }

    private double distinct(Map<String, Column> columns, String name) {
        Column column = columns.get(name);
        double known = column == null ? 0 : column.distinct();
        if (known == 0) return Math.min(UNKNOWN_DISTINCT, Math.max(1, tuples));
        return known > 0 ? known : Math.max(1, -known * mostTuples);
    }

    /** How many rows the index finds: those of the statement if it serves all terms, else more. */
    private double found(Map<String, Column> columns, List<String> names, List<String> equal) {
        boolean all = terms.stream()
                .allMatch(each ->
                        each.test() != ScanFilter.Test.OTHER && each.column() != null && names.contains(each.column()));
        if (all) return Math.max(1, rows);
        double share = equal.isEmpty() ? UNKNOWN_RANGE : 1;
        for (String each : equal) share /= distinct(columns, each);
        return Math.max(Math.max(1, rows), tuples * share);
    }

    /** Why an index with these columns, which is there, is not used; empty if there is none. */
    private static String inVain(List<Existing> existing, List<String> names, int equal) {
        Set<String> first = new HashSet<>(names.subList(0, equal));
        for (Existing each : existing) {
            if (each.columns().size() < names.size()) continue;
            if (!first.equals(new HashSet<>(each.columns().subList(0, equal)))) continue;
            if (!names.subList(equal, names.size()).equals(each.columns().subList(equal, names.size()))) continue;
            if (!each.plain()) {
                return each.name()
                        + " has these columns, but another collation or operator class than they are compared by";
            }
            return "the planner has " + each.name()
                    + " and holds reading the table for cheaper; analyze the table, and set"
                    + " random_page_cost to what the disk needs (1.1 for solid state)";
        }
        return "";
    }

    /** The first obstacle, and an index that is there in vain. */
    private String whyNone(Map<String, Column> columns, List<Existing> existing) {
        if (terms.isEmpty()) return "it has no condition";
        ScanFilter.Term term = terms.get(0);
        Column column = term.column() == null ? null : columns.get(term.column());
        String why = term.why();
        if (why.isEmpty() && column != null) {
            why = column.collated()
                    ? "the statement names a collation, which an index must have too"
                    : column.indexed() == null
                            ? "its type " + column.type() + " has no order for a B-tree"
                            : "it is compared as " + term.cast() + ", and the column is " + column.type()
                                    + ": give the parameter the column's type";
        } else if (why.isEmpty()) {
            why = "it was not understood";
        }
        String about = term.column() == null ? "of a condition: " : "of " + term.column() + ": ";
        for (Existing each : existing) {
            if (term.column() != null && each.columns().get(0).equals(term.column())) {
                return each.name() + " is there, and not used because " + about + why;
            }
        }
        return "because " + about + why;
    }

    private Map<String, Column> columns(Connection connection, boolean collates) throws SQLException {
        Map<String, Column> columns = new HashMap<>();
        try (PreparedStatement statement = connection.prepareStatement(COLUMNS)) {
            statement.setLong(1, biggestPart);
            statement.setLong(2, oid);
            try (ResultSet found = statement.executeQuery()) {
                while (found.next()) {
                    columns.put(
                            found.getString(1),
                            new Column(
                                    found.getString(2),
                                    found.getString(3),
                                    found.getString(4),
                                    found.getString(5),
                                    found.getDouble(6),
                                    collates && found.getBoolean(7)));
                }
            }
        }
        return columns;
    }

    private List<Existing> existing(Connection connection) throws SQLException {
        Map<String, Existing> indexes = new LinkedHashMap<>();
        try (PreparedStatement statement = connection.prepareStatement(INDEXES)) {
            statement.setLong(1, oid);
            try (ResultSet found = statement.executeQuery()) {
                while (found.next()) {
                    String index = found.getString(1);
                    String column = found.getString(2);
                    Existing before = indexes.getOrDefault(index, new Existing(index, List.of(), true));
                    List<String> columns = new ArrayList<>(before.columns());
                    columns.add(column == null ? "" : column);
                    boolean plain = before.plain() && (column == null || found.getBoolean(3));
                    indexes.put(index, new Existing(index, columns, plain));
                }
            }
        }
        return List.copyOf(indexes.values());
    }

    // ---- its statement ----------------------------------------------------------------------------------------------

    /** What HypoPG is given, which has no use for a name. */
    String hypothetical(Choice choice) {
        return "create index on " + name + columnList(choice);
    }

    /**
     * The statement to run; of a partitioned table some, one after the other: that of the table, at the end, takes up the
     * indexes of the partitions, and without them would lock all writers out while it builds them.
     *
     * @param proposed names that are as good as taken; the new one is added
     */
    String ddl(Connection connection, Choice choice, Set<String> proposed) throws SQLException {
        String index = freeName(connection, choice, proposed);
        if (!partitioned) return "create index concurrently " + index + " on " + name + columnList(choice);
        StringBuilder ddl = new StringBuilder(200);
        try (PreparedStatement statement = connection.prepareStatement(PARTITIONS)) {
            statement.setLong(1, oid);
            try (ResultSet found = statement.executeQuery()) {
                while (found.next()) {
                    ddl.append("create index concurrently on ")
                            .append(found.getString(1))
                            .append(columnList(choice))
                            .append(";\n");
                }
            }
        }
        return ddl.append("create index ")
                .append(index)
                .append(" on ")
                .append(name)
                .append(columnList(choice))
                .toString();
    }

    private static String columnList(Choice choice) {
        return " (" + String.join(", ", choice.columns()) + ")";
    }

    private String freeName(Connection connection, Choice choice, Set<String> proposed) throws SQLException {
        String stem = bareName + "_" + String.join("_", choice.names());
        for (int number = 0; ; number++) {
            String candidate = indexName(stem, number);
            if (!isTaken(connection, candidate) && proposed.add(oid + " " + candidate)) return quoted(candidate);
        }
    }

    /** Cut to what PostgreSQL keeps, which counts bytes. */
    static String indexName(String stem, int number) {
        String end = number == 0 ? NAME_END : NAME_END + number;
        int length = stem.length();
        while (stem.substring(0, length).getBytes(StandardCharsets.UTF_8).length + end.length() > LONGEST_NAME) {
            length = stem.offsetByCodePoints(length, -1);
        }
        return stem.substring(0, length) + end;
    }

    private boolean isTaken(Connection connection, String candidate) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(NAME_TAKEN)) {
            statement.setLong(1, oid);
            statement.setString(2, candidate);
            try (ResultSet found = statement.executeQuery()) {
                return found.next() && found.getBoolean(1);
            }
        }
    }

    private static String quoted(String name) {
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            boolean plain = (c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9');
            if (!plain) return "\"" + name.replace("\"", "\"\"") + "\"";
        }
        return name;
    }
}
