package dev.tenfold.query.index;

import dev.tenfold.query.index.IndexAdvice.Kind;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import javax.sql.DataSource;

/** Reads the catalog of MariaDB and MySQL. InnoDB makes the indexes of foreign keys by itself. */
final class MariaDbIndexes {
    private static final Pattern PLAIN = Pattern.compile("[a-z_][a-z0-9_]*");

    private static final String INDEXES = "select * from information_schema.statistics where table_schema in (%s)"
            + " order by table_schema, table_name, index_name, seq_in_index";

    private static final String ROWS = "select table_schema, table_name, table_rows from information_schema.tables"
            + " where table_schema in (%s) and table_rows is not null";

    /** Both sides of each foreign key: InnoDB needs an index on either. */
    private static final String FOREIGN_KEYS = """
            select constraint_schema, constraint_name, table_schema, table_name, column_name, referenced_table_schema,
                   referenced_table_name, referenced_column_name
            from information_schema.key_column_usage
            where referenced_table_name is not null and table_schema in (%s)
            order by constraint_schema, table_name, constraint_name, ordinal_position
            """;

    private static final String USES = "select object_schema, object_name, index_name, count_star"
            + " from performance_schema.table_io_waits_summary_by_index_usage"
            + " where index_name is not null and object_schema in (%s)";

    private record Table(String schema, String name) {}

    private record Name(Table table, String index) {}

    private final IndexCheck check;
    private final Connection connection;
    private final Consumer<String> notes;
    private List<String> schemas = List.of();
    private String own = "";

    MariaDbIndexes(IndexCheck check, Connection connection, Consumer<String> notes) {
        this.check = check;
        this.connection = connection;
        this.notes = notes;
    }

    void look(List<IndexAdvice> advice) throws SQLException {
        own = Objects.requireNonNullElse(connection.getCatalog(), "");
        schemas = check.schemas.isEmpty() ? List.of(own) : check.schemas;
        if (schemas.contains("")) {
            notes.accept(
                    "nothing was looked at: the connection has no database; name one in its URL, or by schemas(…)");
            return;
        }
        if (!check.schemas.isEmpty()) check.requireSchemas(there());
        notes.accept("foreign keys were not looked at: InnoDB indexes them by itself");
        if (!check.statements.isEmpty())
            notes.accept("statements were not looked at: their plans are read on PostgreSQL");
        Map<Name, CatalogIndex> indexes = read();
        Map<CatalogIndex, CatalogIndex> redundant = CatalogIndex.redundant(List.copyOf(indexes.values()));
        redundant.forEach((index, other) -> advice.add(index.duplicateOf(other, "")));
        indexes.values().removeAll(redundant.keySet());
        unused(indexes, advice);
    }

    /** Takes a row of a result. */
    private interface Row {
        void take(ResultSet row) throws SQLException;
    }

    /** Runs a query with the schemas in place of its {@code %s}. */
    private void each(Connection on, String sql, Row row) throws SQLException {
        String marks = String.join(", ", schemas.stream().map(unused -> "?").toList());
        try (PreparedStatement statement = on.prepareStatement(String.format(Locale.ROOT, sql, marks))) {
            statement.setQueryTimeout(IndexCheck.STATEMENT_SECONDS);
            for (int i = 0; i < schemas.size(); i++) statement.setString(i + 1, schemas.get(i));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) row.take(rows);
            }
        }
    }

    /** Databases that the user may see. Some servers take upper and lower case for the same. */
    private Set<String> there() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(IndexCheck.STATEMENT_SECONDS);
            boolean folds = number(statement, "select @@lower_case_table_names", 1) > 0;
            Set<String> there = new TreeSet<>(folds ? String.CASE_INSENSITIVE_ORDER : Comparator.naturalOrder());
            try (ResultSet row = statement.executeQuery("select schema_name from information_schema.schemata")) {
                while (row.next()) there.add(row.getString(1));
            }
            return there;
        }
    }

    private Map<Name, CatalogIndex> read() throws SQLException {
        Map<Name, CatalogIndex> indexes = new LinkedHashMap<>();
        each(connection, INDEXES, row -> {
            Table table = new Table(row.getString("TABLE_SCHEMA"), row.getString("TABLE_NAME"));
            String name = row.getString("INDEX_NAME");
            CatalogIndex before = indexes.get(new Name(table, name));
            List<String> keys = new ArrayList<>(before == null ? List.of() : before.keys());
            keys.add(key(row));
            boolean unique = row.getInt("NON_UNIQUE") == 0;
            int keep = unique ? CatalogIndex.UNIQUE : 0;
            if (name.equals("PRIMARY")) keep = CatalogIndex.PRIMARY;
            boolean hidden = "YES".equals(ifThere(row, "IGNORED")) || "NO".equals(ifThere(row, "IS_VISIBLE"));
            indexes.put(
                    new Name(table, name),
                    new CatalogIndex(
                            table + name,
                            shown(table),
                            name,
                            row.getString("INDEX_TYPE").toLowerCase(Locale.ROOT),
                            List.copyOf(keys),
                            Set.of(),
                            hidden ? "hidden" : "",
                            unique ? "unique" : "",
                            keep,
                            "alter table " + quoted(table) + " drop index " + quoted(name)));
        });
        return indexes;
    }

    /** The column, the length of its prefix and its direction; or MySQL's expression. */
    private static String key(ResultSet row) throws SQLException {
        String column = row.getString("COLUMN_NAME");
        String what = column == null ? ifThere(row, "EXPRESSION") : column;
        return what + " " + Objects.requireNonNullElse(row.getString("SUB_PART"), "") + " "
                + Objects.requireNonNullElse(row.getString("COLLATION"), "");
    }

    /** Versions differ in their columns. */
    private static String ifThere(ResultSet row, String column) throws SQLException {
        ResultSetMetaData meta = row.getMetaData();
        for (int i = 1; i <= meta.getColumnCount(); i++) {
            if (meta.getColumnLabel(i).equalsIgnoreCase(column))
                return Objects.requireNonNullElse(row.getString(i), "");
        }
        return "";
    }

    private String shown(Table table) {
        String name = PLAIN.matcher(table.name).matches() ? table.name : quoted(table.name);
        if (table.schema.equals(own)) return name;
        return (PLAIN.matcher(table.schema).matches() ? table.schema : quoted(table.schema)) + "." + name;
    }

    private static String quoted(Table table) {
        return quoted(table.schema) + "." + quoted(table.name);
    }

    private static String quoted(String name) {
        return "`" + name.replace("`", "``") + "`";
    }

    // ---- unused -----------------------------------------------------------------------------------------------------

    private void unused(Map<Name, CatalogIndex> indexes, List<IndexAdvice> advice) throws SQLException {
        Set<Name> used = new HashSet<>();
        Set<Name> seen = new HashSet<>();
        if (!uses("this server", connection, seen, used)) return;
        for (int i = 0; i < check.replicas.size(); i++) {
            if (!usesOf("replica " + (i + 1), check.replicas.get(i), seen, used)) return;
        }
        Map<Table, Long> rows = new HashMap<>();
        each(connection, ROWS, row -> rows.put(new Table(row.getString(1), row.getString(2)), row.getLong(3)));
        Map<Table, List<List<String>>> foreignKeys = foreignKeys();
        indexes.forEach((name, index) -> {
            boolean needed =
                    foreignKeys.getOrDefault(name.table, List.of()).stream().anyMatch(columns -> leads(index, columns));
            boolean large = rows.getOrDefault(name.table, 0L) >= check.minRows;
            boolean read = used.contains(name) || !seen.contains(name);
            if (index.keep() > 0 || needed || !large || read) return;
            advice.add(new IndexAdvice(
                    Kind.UNUSED_INDEX,
                    index.table(),
                    index.name(),
                    "no query has used it since the server started"
                            + (check.replicas.isEmpty() ? "" : ", nor on a replica")
                            + "; one that was made since then looks the same",
                    index.ddl(),
                    null,
                    false));
        });
    }

    private static boolean leads(CatalogIndex index, List<String> columns) {
        if (index.keys().size() < columns.size()) return false;
        for (int i = 0; i < columns.size(); i++) {
            if (!index.keys().get(i).startsWith(columns.get(i) + " ")) return false;
        }
        return true;
    }

    private Map<Table, List<List<String>>> foreignKeys() throws SQLException {
        Map<List<String>, List<String>> sides = new LinkedHashMap<>();
        Map<List<String>, Table> tables = new HashMap<>();
        each(connection, FOREIGN_KEYS, row -> {
            List<String> key = List.of(row.getString(1), row.getString(2), row.getString(4));
            for (int side = 0; side < 2; side++) {
                List<String> id = List.of(key.get(0), key.get(1), key.get(2), Integer.toString(side));
                tables.put(id, new Table(row.getString(3 + 3 * side), row.getString(4 + 3 * side)));
                sides.computeIfAbsent(id, unused -> new ArrayList<>()).add(row.getString(5 + 3 * side));
            }
        });
        Map<Table, List<List<String>>> byTable = new HashMap<>();
        sides.forEach((id, columns) -> byTable.computeIfAbsent(
                        Objects.requireNonNull(tables.get(id)), unused -> new ArrayList<>())
                .add(columns));
        return byTable;
    }

    private boolean usesOf(String server, DataSource replica, Set<Name> seen, Set<Name> used) {
        try {
            return IndexCheck.readOnly(replica, other -> uses(server, other, seen, used));
        } catch (SQLException e) {
            notes.accept(
                    "unused indexes were not looked for: " + server + " " + replica + ": " + IndexCheck.refused(e));
            return false;
        }
    }

    /** Adds what one server knows; whether it knows enough. */
    private boolean uses(String server, Connection on, Set<Name> seen, Set<Name> used) {
        try (Statement statement = on.createStatement()) {
            statement.setQueryTimeout(IndexCheck.STATEMENT_SECONDS);
            if (number(statement, "select @@performance_schema", 1) == 0) {
                notes.accept("unused indexes were not looked for: " + server
                        + " does not count their use; start it with performance_schema=on");
                return false;
            }
            Duration up = Duration.ofSeconds(number(statement, "show global status like 'Uptime'", 2));
            if (up.compareTo(check.unusedFor) < 0) {
                notes.accept("unused indexes were not looked for: " + server + " counts their use since its start, "
                        + IndexCheck.words(up) + " ago, which is less than " + IndexCheck.words(check.unusedFor)
                        + "; look again later, or lower unusedFor");
                return false;
            }
            each(on, USES, row -> {
                Name name = new Name(new Table(row.getString(1), row.getString(2)), row.getString(3));
                seen.add(name);
                if (row.getLong(4) > 0) used.add(name);
            });
            return true;
        } catch (SQLException e) {
            notes.accept("unused indexes were not looked for: " + server + ": " + IndexCheck.refused(e));
            return false;
        }
    }

    private static long number(Statement statement, String sql, int column) throws SQLException {
        try (ResultSet row = statement.executeQuery(sql)) {
            if (!row.next()) throw new SQLException("no answer to: " + sql);
            return row.getLong(column);
        }
    }
}
