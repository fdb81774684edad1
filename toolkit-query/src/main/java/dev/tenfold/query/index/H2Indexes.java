package dev.tenfold.query.index;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** Reads the catalog of H2 (2.0 or later). It makes the indexes of foreign keys by itself, and counts no use of any. */
final class H2Indexes {
    private static final String INDEXES = """
            select i.table_schema, i.table_name, i.index_schema, i.index_name, i.index_type_name, i.is_generated,
                   i.table_schema = current_schema as own,
                   (select array_agg(c.column_name || ' ' || c.ordering_specification || ' ' || coalesce(c.null_ordering, '')
                              order by c.ordinal_position)
                      from information_schema.index_columns c
                      where c.index_schema = i.index_schema and c.index_name = i.index_name) as keys,
                   exists (select 1 from information_schema.table_constraints t
                      where t.index_schema = i.index_schema and t.index_name = i.index_name) as bound
            from information_schema.indexes i
            where cardinality(cast(? as varchar array)) = 0 and i.table_schema <> 'INFORMATION_SCHEMA'
               or i.table_schema = any (cast(? as varchar array))
            order by i.table_schema, i.table_name, i.index_name
            """;

    private final IndexCheck check;
    private final Connection connection;
    private final Consumer<String> notes;

    H2Indexes(IndexCheck check, Connection connection, Consumer<String> notes) {
        this.check = check;
        this.connection = connection;
        this.notes = notes;
    }

    void look(List<IndexAdvice> advice) throws SQLException {
        if (!check.schemas.isEmpty()) check.requireSchemas(schemas());
        notes.accept(
                "foreign keys were not looked at: H2 indexes them by itself; nor unused indexes: it does not count");
        if (!check.statements.isEmpty())
            notes.accept("statements were not looked at: their plans are read on PostgreSQL");
        CatalogIndex.redundant(read()).forEach((index, other) -> advice.add(index.duplicateOf(other, "")));
    }

    private Set<String> schemas() throws SQLException {
        Set<String> schemas = new TreeSet<>();
        try (PreparedStatement statement =
                connection.prepareStatement("select schema_name from information_schema.schemata")) {
            statement.setQueryTimeout(IndexCheck.STATEMENT_SECONDS);
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) schemas.add(row.getString(1));
            }
        }
        return schemas;
    }

    private List<CatalogIndex> read() throws SQLException {
        List<CatalogIndex> indexes = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(INDEXES)) {
            statement.setQueryTimeout(IndexCheck.STATEMENT_SECONDS);
            statement.setObject(1, check.schemas.toArray());
            statement.setObject(2, check.schemas.toArray());
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) indexes.add(index(row));
            }
        }
        return indexes;
    }

    private static CatalogIndex index(ResultSet row) throws SQLException {
        String type = row.getString("index_type_name");
        boolean unique = type.startsWith("UNIQUE") || type.startsWith("PRIMARY");
        String name = row.getString("index_name");
        String qualified = quoted(row.getString("index_schema")) + "." + quoted(name);
        String table = row.getString("table_name");
        int keep = unique ? CatalogIndex.UNIQUE : 0;
        if (row.getBoolean("bound") || row.getBoolean("is_generated")) keep = CatalogIndex.BOUND;
        if (type.startsWith("PRIMARY")) keep = CatalogIndex.PRIMARY;
        return new CatalogIndex(
                qualified,
                row.getBoolean("own") ? table : row.getString("table_schema") + "." + table,
                name,
                // Only trees have a first column; hash and spatial indexes have their own types here.
                type.equals("INDEX") || unique ? "btree" : type,
                keys(row.getArray("keys")),
                Set.of(),
                "",
                unique ? "unique" : "",
                keep,
                "drop index " + qualified);
    }

    /** Nulls are ordered as the direction says, unless the index says otherwise; a primary key's has none. */
    private static List<String> keys(Array array) throws SQLException {
        return Arrays.stream((Object[]) array.getArray())
                .map(String::valueOf)
                .map(key -> key.endsWith(" ASC FIRST") || key.endsWith(" ASC ")
                        ? key.substring(0, key.lastIndexOf(" ASC ")) + " ASC"
                        : key)
                .toList();
    }

    private static String quoted(String name) {
        return "\"" + name.replace("\"", "\"\"") + "\"";
    }
}
