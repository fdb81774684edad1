package dev.tenfold.query.index;

import dev.tenfold.query.index.IndexAdvice.Kind;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Reads PostgreSQL's catalog. Three queries, and two a server for the use of indexes; the rules are here and in
 * {@link CatalogIndex}, not in the SQL.
 *
 * <p>Whether an index supports a foreign key is what the planner asks when it plans the trigger's query {@code select 1 from
 * child where $1 = column …}: an operator of the constraint in the operator family of the index, under the collation of the
 * column (ri_triggers.c, indxpath.c).
 */
final class PostgresIndexes {
    /** Tables that are looked at: {@code t} with its schema {@code n}. Temporary ones and those of extensions are not. */
    private static final String WHERE_TABLE = """
            t.relpersistence <> 't'
              and (cardinality(?::text[]) = 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                   or n.nspname = any (?::text[]))
              and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = t.oid
                              and d.deptype = 'e')
            """;

    private static final String INDEXES = """
            select i.indexrelid::bigint as id, t.oid::regclass::text as "table", n.nspname as schema, x.relname as name,
                   i.indexrelid::regclass::text as qualified, m.amname as method, x.relkind = 'I' as partitioned,
                   x.relispartition as partition, i.indisunique, i.indisprimary, i.indisexclusion, i.indisreplident,
                   i.indisvalid and i.indisready and i.indislive as valid, i.indexprs is not null as expressions,
                   case when i.indisunique then 'unique ' || i.indimmediate || ' '
                        || coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') else '' end as uniqueness,
                   coalesce(pg_get_expr(i.indpred, i.indrelid), '') as predicate, i.indnkeyatts as keys,
                   array(select pg_get_indexdef(i.indexrelid, k, false)
                           || case when k <= i.indnkeyatts then concat(' ', i.indclass[k - 1], ' ', i.indcollation[k - 1],
                                ' ', i.indoption[k - 1], ' ', (select a.attoptions::text from pg_attribute a
                                where a.attrelid = i.indexrelid and a.attnum = k)) else '' end
                         from generate_series(1, i.indnatts) k order by k) as columns,
                   b."constraint", coalesce(b.referenced, false) as referenced,
                   x.relpages::bigint * current_setting('block_size')::bigint as bytes,
                   (case when t.reltuples > 0 then t.reltuples else pg_stat_get_live_tuples(t.oid) end)::bigint as rows, t.relkind = 'p' as split
            from pg_index i
              join pg_class x on x.oid = i.indexrelid
              join pg_am m on m.oid = x.relam
              join pg_class t on t.oid = i.indrelid
              join pg_namespace n on n.oid = t.relnamespace
              left join (
                select c.conindid, min(quote_ident(c.conname)) filter (where c.contype <> 'f') as "constraint",
                       bool_or(c.contype = 'f') as referenced
                from pg_constraint c where c.contype in ('p', 'u', 'x', 'f') group by 1) b on b.conindid = i.indexrelid
            where %s
            order by n.nspname, t.relname, x.relname
            """.formatted(WHERE_TABLE);

    /** Those of partitions too, which hang on their parent's. One that is not enforced runs no checks. */
    private static final String FOREIGN_KEYS = """
            select c.oid::bigint as id, c.conparentid::bigint as parent_id, c.conname as name, t.oid::bigint as child_id,
                   t.oid::regclass::text as child, t.relname as child_name, n.oid::bigint as schema_id,
                   c.confrelid::regclass::text as parent,
                   t.relkind = 'p' as partitioned, coalesce(to_jsonb(c) ->> 'conperiod', 'false')::boolean as period,
                   array(select quote_ident(a.attname) from unnest(c.conkey) with ordinality k(attnum, place)
                           join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum order by place) as columns,
                   array(select a.attname from unnest(c.conkey) with ordinality k(attnum, place)
                           join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum order by place) as names,
                   (select concat(quote_ident(a.attname), ' is ', format_type(a.atttypid, a.atttypmod), ' and is compared as ',
                                  format_type(o.oprright, null))
                      from unnest(c.conkey, c.conpfeqop) k(attnum, operator)
                        join pg_operator o on o.oid = k.operator
                        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
                        join pg_type y on y.oid = a.atttypid
                        join pg_cast s on s.castsource = coalesce(nullif(y.typbasetype, 0), y.oid)
                          and s.casttarget = o.oprright and s.castmethod = 'f' and s.castsource <> s.casttarget
                      limit 1) as converted,
                   f.rows, f.pages, (case when p.reltuples > 0 then p.reltuples else pg_stat_get_live_tuples(p.oid) end)::bigint as parent_rows,
                   pg_stat_get_tuples_deleted(p.oid) as deletes,
                   pg_stat_get_tuples_updated(p.oid) - pg_stat_get_tuples_hot_updated(p.oid) as changes
            from pg_constraint c
              join pg_class t on t.oid = c.conrelid
              join pg_namespace n on n.oid = t.relnamespace
              join pg_class p on p.oid = c.confrelid
              cross join lateral (
                select sum(case when l.reltuples > 0 then l.reltuples else pg_stat_get_live_tuples(l.oid) end)::bigint as rows,
                       sum(l.relpages)::bigint as pages
                from (select t.oid where t.relkind <> 'p' union all
                      select relid from pg_partition_tree(case when t.relkind = 'p' then t.oid end) where isleaf) part
                  join pg_class l on l.oid = part.oid) f
            where c.contype = 'f' and coalesce(to_jsonb(c) ->> 'conenforced', 'true')::boolean
              and not exists (select from pg_constraint o where o.oid = c.conparentid and o.conrelid = c.conrelid)
              and %s
            order by n.nspname, t.relname, c.conname
            """.formatted(WHERE_TABLE);

    /** For each index that has a column of a key: which column of the key each of its columns can look up, from 1; else 0. */
    private static final String MATCHES = """
            select c.oid::bigint as key_id, i.indexrelid::bigint as index_id,
                   array(select coalesce((
                       select min(j) from generate_subscripts(c.conkey, 1) j
                         join pg_operator o on o.oid = c.conpfeqop[j]
                         join pg_opclass oc on oc.oid = i.indclass[k - 1]
                         join pg_amop ao on ao.amopfamily = oc.opcfamily and ao.amopopr = o.oprcom and ao.amoppurpose = 's'
                         join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[j]
                         join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[j]
                         left join pg_collation bc on bc.oid = b.attcollation
                       where c.conkey[j] = i.indkey[k - 1]
                         and i.indcollation[k - 1] in (0, case when b.attcollation <> a.attcollation
                               and not bc.collisdeterministic then b.attcollation else a.attcollation end)), 0)
                     from generate_series(1, i.indnkeyatts) k order by k)::int[] as places
            from pg_constraint c
              join pg_class t on t.oid = c.conrelid
              join pg_namespace n on n.oid = t.relnamespace
              join pg_index i on i.indrelid = c.conrelid and i.indkey::int2[] && c.conkey
            where c.contype = 'f' and %s
            """.formatted(WHERE_TABLE);

    private static final String LEAVES = """
            select relid::regclass::text from pg_partition_tree(?::oid)
            where isleaf and relid <> parentrelid order by 1
            """;

    /** By index, those of partitions added up under the index they belong to. */
    private static final String USES = """
            select n.nspname, r.relname, bool_or(s.idx_scan > 0 and (wanted.secs = 0 or coalesce(
                     (to_jsonb(s) ->> 'last_idx_scan')::timestamptz > now() - make_interval(secs => wanted.secs), true))) as used
            from (select ?::float8 as secs) wanted cross join pg_stat_user_indexes s
              join pg_class x on x.oid = s.indexrelid
              join pg_class r on r.oid = case when x.relispartition then pg_partition_root(x.oid) else x.oid end
              join pg_namespace n on n.oid = r.relnamespace
            group by 1, 2
            """;

    /** A crash loses statistics; the reset of those that are kept once a server tells. */
    private static final String USES_SINCE = """
            select since, since > now() - make_interval(secs => ?) as young
            from (select coalesce(greatest(d.stats_reset, b.stats_reset), pg_postmaster_start_time()) as since
                  from pg_stat_database d, pg_stat_bgwriter b where d.datname = current_database()) s
            """;

    /** Costs as the planner has them by default: a page in order, a page out of order, a row that is compared. */
    private static final double PAGE = 1, RANDOM_PAGE = 4, ROW = 0.0125;

    private static final int NAME_BYTES = 63;
    private static final Pattern PLAIN = Pattern.compile("[a-z_][a-z0-9_]*");
    /** Not BRIN and bloom, whose look-ups read many pages. */
    private static final Set<String> METHODS = Set.of("btree", "hash", "gist", "spgist", "gin");

    private record Index(
            CatalogIndex shape,
            String schema,
            String qualified,
            boolean valid,
            boolean partitioned,
            boolean partition,
            boolean expressions,
            boolean plainUnique,
            long bytes,
            long rows) {}

    private record ForeignKey(
            long id,
            long parentId,
            String name,
            long childId,
            String child,
            String childName,
            long schemaId,
            String parent,
            boolean partitioned,
            boolean period,
            List<String> columns,
            List<String> names,
            @Nullable String converted,
            long rows,
            long pages,
            long parentRows,
            long deletes,
            long changes) {
        /** Rows that the checks of parents have read, or would read for one. */
        double weight() {
            return (double) rows * (1 + deletes + changes);
        }
    }

    private final IndexCheck check;
    private final Connection connection;
    private final Consumer<String> notes;
    /** By id; for each foreign key by id, what supports it. */
    private final Map<String, Index> indexes = new LinkedHashMap<>();

    private final Map<Long, Set<String>> support = new HashMap<>();
    private final List<ForeignKey> foreignKeys = new ArrayList<>();

    PostgresIndexes(IndexCheck check, Connection connection, Consumer<String> notes) {
        this.check = check;
        this.connection = connection;
        this.notes = notes;
    }

    void look(List<IndexAdvice> advice) throws SQLException {
        limit(connection);
        if (!check.schemas.isEmpty()) check.requireSchemas(schemas());
        readIndexes();
        readForeignKeys();
        List<ForeignKey> missing = missing();
        Map<ForeignKey, IndexAdvice> proposed = proposals(missing);
        missing.sort(IndexCheck.descending(ForeignKey::weight));
        Set<String> redundant = new HashSet<>();
        List<IndexAdvice> duplicates = duplicates(redundant);
        List<IndexAdvice> unused = unused(redundant);
        List<IndexAdvice> scans = scans();
        proposed.replaceAll((key, one) -> sharing(one, scans, true));
        scans.replaceAll(one -> sharing(one, proposed.values(), false));
        for (ForeignKey key : missing) if (key.rows >= check.minRows) advice.add(of(key, proposed));
        advice.addAll(scans);
        advice.addAll(invalid());
        advice.addAll(duplicates);
        advice.addAll(unused);
        for (ForeignKey key : missing) if (key.rows < check.minRows) advice.add(of(key, proposed));
    }

    /** In transactions of their own. */
    private List<IndexAdvice> scans() throws SQLException {
        if (check.statements.isEmpty()) return new ArrayList<>();
        connection.rollback();
        return new ArrayList<>(PlanCheck.look(connection, check.statements, check.minRows, notes));
    }

    /** With the index that is proposed for another one, if that begins with the same columns, or has just them. */
    private static IndexAdvice sharing(IndexAdvice one, Collection<IndexAdvice> others, boolean equal) {
        if (one.ddl() == null) return one;
        String columns = target(one.ddl());
        String begin = columns.substring(0, columns.length() - 1);
        for (IndexAdvice other : others) {
            String longer = other.ddl() == null ? "" : target(other.ddl());
            if (!(equal && longer.equals(columns)) && !longer.startsWith(begin + ", ")) continue;
            String what = other.kind() == Kind.SEQUENTIAL_SCAN ? "statement " : "foreign key ";
            String detail = one.detail() + "; the same index serves " + what + other.subject();
            return new IndexAdvice(one.kind(), one.table(), one.subject(), detail, other.ddl(), one.gain(), false);
        }
        return one;
    }

    /** The table and columns of the index that a statement makes, without its name. */
    private static String target(String ddl) {
        return ddl.substring(ddl.lastIndexOf(" on "));
    }

    /** Within the transaction that the connection is in, or begins with this. */
    private static void limit(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("set local statement_timeout = '" + IndexCheck.STATEMENT_SECONDS + "s'");
            statement.execute("set local lock_timeout = '1s'");
            // The planner thinks queries on the catalog dear enough to compile them, which takes far longer than they
            // do.
            statement.execute("set local jit = off");
        }
    }

    private Set<String> schemas() throws SQLException {
        Set<String> schemas = new TreeSet<>();
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select nspname from pg_namespace where nspname !~ '^pg_t'")) {
            while (row.next()) schemas.add(row.getString(1));
        }
        return schemas;
    }

    private boolean any(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next();
            }
        }
    }

    // ---- the catalog ------------------------------------------------------------------------------------------------

    /** Takes a row of a result. */
    private interface Row {
        void take(ResultSet row) throws SQLException;
    }

    /** Runs a query whose only parameters are the schemas. */
    private void each(String sql, Row row) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            Array schemas = connection.createArrayOf("text", check.schemas.toArray());
            statement.setArray(1, schemas);
            statement.setArray(2, schemas);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) row.take(rows);
            }
        }
    }

    private void readIndexes() throws SQLException {
        each(INDEXES, row -> {
            List<String> columns = strings(row.getArray("columns"));
            int keys = row.getInt("keys");
            boolean partitioned = row.getBoolean("partitioned");
            String constraint = row.getString("constraint");
            String qualified = row.getString("qualified");
            String table = row.getString("table");
            int keep = row.getBoolean("indisunique") ? CatalogIndex.UNIQUE : 0;
            if (constraint != null) keep = CatalogIndex.CONSTRAINT;
            if (row.getBoolean("referenced") || row.getBoolean("indisexclusion") || row.getBoolean("indisreplident")) {
                keep = CatalogIndex.BOUND;
            }
            if (row.getBoolean("indisprimary")) keep = CatalogIndex.PRIMARY;
            String ddl = "drop index " + (partitioned ? "" : "concurrently ") + qualified;
            if (constraint != null) ddl = "alter table " + table + " drop constraint " + constraint;
            CatalogIndex shape = new CatalogIndex(
                    row.getString("id"),
                    table,
                    row.getString("name"),
                    row.getString("method"),
                    List.copyOf(columns.subList(0, keys)),
                    Set.copyOf(columns.subList(keys, columns.size())),
                    row.getString("predicate"),
                    row.getString("uniqueness"),
                    keep,
                    ddl);
            indexes.put(
                    shape.id(),
                    new Index(
                            shape,
                            row.getString("schema"),
                            qualified,
                            row.getBoolean("valid"),
                            partitioned,
                            row.getBoolean("partition"),
                            row.getBoolean("expressions"),
                            row.getBoolean("indisunique"),
                            row.getLong("bytes"),
                            row.getLong("rows")));
        });
    }

    private void readForeignKeys() throws SQLException {
        Map<Long, ForeignKey> byId = new HashMap<>();
        each(FOREIGN_KEYS, row -> {
            ForeignKey key = new ForeignKey(
                    row.getLong("id"),
                    row.getLong("parent_id"),
                    row.getString("name"),
                    row.getLong("child_id"),
                    row.getString("child"),
                    row.getString("child_name"),
                    row.getLong("schema_id"),
                    row.getString("parent"),
                    row.getBoolean("partitioned"),
                    row.getBoolean("period"),
                    strings(row.getArray("columns")),
                    strings(row.getArray("names")),
                    row.getString("converted"),
                    row.getLong("rows"),
                    row.getLong("pages"),
                    row.getLong("parent_rows"),
                    row.getLong("deletes"),
                    row.getLong("changes"));
            foreignKeys.add(key);
            byId.put(key.id, key);
        });
        each(MATCHES, row -> {
            ForeignKey key = byId.get(row.getLong("key_id"));
            Index index = indexes.get(row.getString("index_id"));
            if (key == null || index == null) return;
            if (supports(index, key, places(row.getArray("places")))) {
                support.computeIfAbsent(key.id, unused -> new HashSet<>()).add(index.shape.id());
            }
        });
    }

    private static List<String> strings(Array array) throws SQLException {
        return Arrays.stream((Object[]) array.getArray()).map(String::valueOf).toList();
    }

    private static List<Integer> places(Array array) throws SQLException {
        return Arrays.stream((Object[]) array.getArray())
                .map(Integer.class::cast)
                .toList();
    }

    // ---- foreign keys -----------------------------------------------------------------------------------------------

    /**
     * Whether the check of a parent finds its children by an index.
     *
     * @param places for each column of the index, the column of the key that it can look up, from 1; else 0
     */
    private static boolean supports(Index index, ForeignKey key, List<Integer> places) {
        if (!index.valid || !METHODS.contains(index.shape.method())) return false;
        if (!leavesOutNullsOnly(index.shape.predicate(), key.columns)) return false;
        boolean oneRowAtMost = index.plainUnique && !places.contains(0);
        int all = key.columns.size();
        // A GIN index looks up each of its columns by itself; the others have to be looked up from the first on.
        List<Integer> usable =
                index.shape.method().equals("gin") ? places : places.subList(0, Math.min(all, places.size()));
        Set<Integer> found = new HashSet<>(usable);
        found.remove(0);
        return oneRowAtMost || found.size() == all;
    }

    /** Whether a predicate is only that columns of the key are not null: what is compared with {@code =} never is. */
    private static boolean leavesOutNullsOnly(String predicate, List<String> columns) {
        String rest = predicate;
        for (String column : columns) {
            rest = rest.replace("(" + column + " IS NOT NULL)", "").replace("(NOT (" + column + " IS NULL))", "");
        }
        return rest.replace(" AND ", "").replaceAll("[()]", "").isEmpty();
    }

    /** Keys of whole tables only: that of a partition is its parent's. */
    private List<ForeignKey> missing() {
        Map<Long, List<ForeignKey>> parts = new HashMap<>();
        for (ForeignKey key : foreignKeys) {
            if (key.parentId != 0)
                parts.computeIfAbsent(key.parentId, unused -> new ArrayList<>()).add(key);
        }
        List<ForeignKey> missing = new ArrayList<>();
        for (ForeignKey key : foreignKeys) if (key.parentId == 0 && !isSupported(key, parts)) missing.add(key);
        return missing;
    }

    private boolean isSupported(ForeignKey key, Map<Long, List<ForeignKey>> parts) {
        if (support.containsKey(key.id)) return true;
        List<ForeignKey> own = parts.getOrDefault(key.id, List.of());
        return key.partitioned && !own.isEmpty() && own.stream().allMatch(part -> isSupported(part, parts));
    }

    /** One for each. An index that is proposed for one may serve another, which then has the same. */
    private Map<ForeignKey, IndexAdvice> proposals(List<ForeignKey> missing) throws SQLException {
        Map<ForeignKey, IndexAdvice> proposals = new LinkedHashMap<>();
        Map<ForeignKey, String> statements = new LinkedHashMap<>();
        Set<String> taken = new HashSet<>();
        List<ForeignKey> longestFirst = new ArrayList<>(missing);
        longestFirst.sort(Comparator.comparingInt((ForeignKey key) -> -key.columns.size()));
        for (ForeignKey key : longestFirst) {
            ForeignKey other = statements.keySet().stream()
                    .filter(done -> done.childId == key.childId && serves(done, key))
                    .findFirst()
                    .orElse(null);
            String detail = seen(key);
            String ddl = null;
            if (key.converted != null) {
                detail += "; no index on the columns can help: " + key.converted
                        + "; give it the type of the parent's column";
            } else if (other != null) {
                detail += "; the same index serves foreign key " + other.name;
                ddl = of(other, statements);
            } else {
                String name = freeName(key.schemaId, key.childName, key.names, taken);
                ddl = key.partitioned ? recipe(key, name) : create("concurrently " + quoted(name), key.child, key);
                statements.put(key, ddl);
            }
            proposals.put(
                    key,
                    new IndexAdvice(
                            Kind.MISSING_FOREIGN_KEY_INDEX, key.child, key.name, detail, ddl, gain(key), false));
        }
        return proposals;
    }

    /** For what is certainly there. */
    private static <K, V> V of(K key, Map<K, V> map) {
        return Objects.requireNonNull(map.get(key));
    }

    private static boolean serves(ForeignKey proposed, ForeignKey key) {
        return proposed.period == key.period
                && proposed.columns.size() >= key.columns.size()
                && Set.copyOf(proposed.columns.subList(0, key.columns.size())).equals(Set.copyOf(key.columns));
    }

    private String seen(ForeignKey key) {
        String each = "each delete of a row of " + key.parent + ", or change of its key, reads all of " + key.child;
        if (key.rows == 0) return each + ", which has no rows yet, or was never analyzed";
        String past = key.deletes + key.changes == 0
                ? "; none was counted yet"
                : String.format(Locale.ROOT, "; counted so far: %,d deletes, %,d updates", key.deletes, key.changes);
        return each + String.format(Locale.ROOT, ", about %,d rows", key.rows) + past;
    }

    /** What the planner would reckon by its default costs, with a tree of three pages above the rows; none for small tables. */
    private @Nullable Double gain(ForeignKey key) {
        if (key.converted != null || key.rows < Math.max(check.minRows, 1) || key.parentRows == 0) return null;
        double whole = key.pages * PAGE + key.rows * ROW;
        double perParent = Math.max(1, (double) key.rows / key.parentRows);
        double gain = whole / (RANDOM_PAGE * (3 + perParent));
        return gain < 1 ? null : Double.valueOf(gain);
    }

    private static String create(String how, String table, ForeignKey key) {
        return "create index " + how + " on " + table + (key.period ? " using gist" : "") + " ("
                + String.join(", ", key.columns) + ")";
    }

    /**
     * A partitioned table's index cannot be made concurrently. Those of its partitions can; then that of the whole is made at
     * once, since it takes equal ones over.
     */
    private String recipe(ForeignKey key, String name) throws SQLException {
        StringBuilder steps = new StringBuilder(200);
        try (PreparedStatement statement = connection.prepareStatement(LEAVES)) {
            statement.setLong(1, key.childId);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    String table = rows.getString(1);
                    if (!hasEqual(table, key))
                        steps.append(create("concurrently", table, key)).append(";\n");
                }
            }
        }
        return steps.append(create(quoted(name), key.child, key)).toString();
    }

    /** Whether a partition has an index that its parent's can take over. */
    private boolean hasEqual(String table, ForeignKey key) {
        return indexes.values().stream()
                .anyMatch(index -> index.valid
                        && !index.plainUnique
                        && index.shape.table().equals(table)
                        && index.shape.method().equals(key.period ? "gist" : "btree")
                        && index.shape.predicate().isEmpty()
                        && index.shape.included().isEmpty()
                        && index.shape.keys().size() == key.columns.size()
                        && supportsInOrder(index, key.columns));
    }

    private static boolean supportsInOrder(Index index, List<String> columns) {
        for (int i = 0; i < columns.size(); i++) {
            if (!index.shape.keys().get(i).startsWith(columns.get(i) + " ")) return false;
        }
        return true;
    }

    /** PostgreSQL's own way: table_column_idx, cut to what a name may have, with a number if it is taken. */
    private String freeName(long schema, String table, List<String> columns, Set<String> taken) throws SQLException {
        String stem = table + "_" + String.join("_", columns);
        for (int number = 0; ; number++) {
            String end = "_idx" + (number == 0 ? "" : Integer.toString(number));
            String name = cut(stem, NAME_BYTES - end.length()) + end;
            if (taken.contains(schema + "." + name)) continue;
            if (any("select 1 from pg_class where relnamespace = ?::oid and relname = ?", schema, name)) continue;
            taken.add(schema + "." + name);
            return name;
        }
    }

    private static String cut(String text, int bytes) {
        String cut = text;
        while (cut.getBytes(StandardCharsets.UTF_8).length > bytes) {
            cut = cut.substring(0, cut.offsetByCodePoints(cut.length(), -1));
        }
        return cut;
    }

    /** No keyword ends like the names that are made here. */
    static String quoted(String name) {
        return PLAIN.matcher(name).matches() ? name : "\"" + name.replace("\"", "\"\"") + "\"";
    }

    // ---- indexes that can go ----------------------------------------------------------------------------------------

    private List<IndexAdvice> invalid() {
        List<IndexAdvice> advice = new ArrayList<>();
        for (Index index : indexes.values()) {
            if (index.valid || index.partition) continue;
            CatalogIndex shape = index.shape;
            boolean bound = shape.keep() >= CatalogIndex.CONSTRAINT;
            String detail =
                    "it was not finished, so no query uses it, yet writes keep it up; drop it, or finish it by reindex";
            String ddl = bound ? "reindex index concurrently " + index.qualified : shape.ddl();
            if (index.partitioned) {
                detail =
                        "not every partition has an index attached to it; make those that are missing, and attach them by"
                                + " alter index " + index.qualified + " attach partition";
                ddl = null;
            }
            advice.add(new IndexAdvice(Kind.INVALID_INDEX, shape.table(), shape.name(), detail, ddl, null, false));
        }
        return advice;
    }

    /** Indexes of whole tables: that of a partition goes with its parent's. */
    private List<IndexAdvice> duplicates(Set<String> ids) {
        List<CatalogIndex> finished = indexes.values().stream()
                .filter(index -> index.valid)
                .map(index -> index.partition ? bound(index.shape) : index.shape)
                .toList();
        Map<CatalogIndex, CatalogIndex> redundant = CatalogIndex.redundant(finished);
        redundant.keySet().forEach(index -> ids.add(index.id()));
        return redundant.entrySet().stream()
                .sorted(IndexCheck.descending(
                        entry -> (double) of(entry.getKey().id(), indexes).bytes))
                .map(entry -> entry.getKey()
                        .duplicateOf(entry.getValue(), size(of(entry.getKey().id(), indexes).bytes)))
                .toList();
    }

    private static CatalogIndex bound(CatalogIndex shape) {
        return new CatalogIndex(
                shape.id(),
                shape.table(),
                shape.name(),
                shape.method(),
                shape.keys(),
                shape.included(),
                shape.predicate(),
                shape.uniqueness(),
                CatalogIndex.BOUND,
                shape.ddl());
    }

    private static String size(long bytes) {
        double mebibytes = bytes / 1024.0 / 1024.0;
        return mebibytes < 1 ? "" : String.format(Locale.ROOT, "; it takes %,.1f MiB", mebibytes);
    }

    /** The name of an index, unlike that of any other in the database. */
    private record Name(String schema, String index) {}

    private List<IndexAdvice> unused(Collection<String> redundant) {
        Map<Name, Boolean> used = new HashMap<>();
        List<Optional<LocalDate>> begins = new ArrayList<>();
        begins.add(uses("this server", connection, used));
        for (int i = 0; i < check.replicas.size(); i++) {
            begins.add(usesOf("replica " + (i + 1), check.replicas.get(i), used));
        }
        if (begins.stream().anyMatch(Optional::isEmpty)) return List.of();
        LocalDate since = begins.stream()
                .flatMap(Optional::stream)
                .max(Comparator.naturalOrder())
                .orElseThrow();
        Set<String> needed = needed(redundant);
        List<IndexAdvice> advice = new ArrayList<>();
        for (Index index : indexes.values()) {
            CatalogIndex shape = index.shape;
            boolean kept = index.partition || index.expressions || shape.keep() > 0 || needed.contains(shape.id());
            boolean large = index.rows >= check.minRows;
            Boolean read = used.get(new Name(index.schema, shape.name()));
            if (!index.valid || kept || !large || redundant.contains(shape.id()) || read == null || read) continue;
            String detail = "no query has used it since " + since + (check.replicas.isEmpty() ? "" : " on any server")
                    + size(index.bytes) + "; one that was made since then looks the same";
            advice.add(
                    new IndexAdvice(Kind.UNUSED_INDEX, shape.table(), shape.name(), detail, shape.ddl(), null, false));
        }
        advice.sort(IndexCheck.descending(one -> bytesOf(one)));
        return advice;
    }

    private double bytesOf(IndexAdvice advice) {
        return indexes.values().stream()
                .filter(index -> index.shape.name().equals(advice.subject())
                        && index.shape.table().equals(advice.table()))
                .mapToLong(Index::bytes)
                .sum();
    }

    /** Those that serve a foreign key, unless one that is never dropped does so, too. */
    private Set<String> needed(Collection<String> redundant) {
        Set<String> needed = new LinkedHashSet<>();
        for (ForeignKey key : foreignKeys) {
            Set<String> serving = new HashSet<>(support.getOrDefault(key.id, Set.of()));
            serving.removeAll(redundant);
            boolean safe = serving.stream().anyMatch(id -> of(id, indexes).shape.keep() > 0);
            if (!safe) needed.addAll(serving);
        }
        return needed;
    }

    private Optional<LocalDate> usesOf(String server, DataSource replica, Map<Name, Boolean> used) {
        try {
            return IndexCheck.readOnly(replica, other -> {
                limit(other);
                return uses(server, other, used);
            });
        } catch (SQLException e) {
            notes.accept(
                    "unused indexes were not looked for: " + server + " " + replica + ": " + IndexCheck.refused(e));
            return Optional.empty();
        }
    }

    /**
     * Adds what one server knows.
     *
     * @return since when it counts; empty if that is too short a time, or it does not say
     */
    private Optional<LocalDate> uses(String server, Connection on, Map<Name, Boolean> used) {
        try (PreparedStatement age = on.prepareStatement(USES_SINCE);
                PreparedStatement uses = on.prepareStatement(USES)) {
            age.setDouble(1, (double) check.unusedFor.toSeconds());
            Timestamp since;
            try (ResultSet row = age.executeQuery()) {
                if (!row.next()) throw new SQLException("pg_stat_database has no row for this database");
                since = row.getTimestamp("since");
                if (row.getBoolean("young")) {
                    notes.accept("unused indexes were not looked for: " + server + " counts their use since "
                            + since.toInstant().truncatedTo(ChronoUnit.SECONDS) + ", which is less than "
                            + IndexCheck.words(check.unusedFor)
                            + "; look again later, or lower"
                            + " unusedFor");
                    return Optional.empty();
                }
            }
            uses.setDouble(1, (double) check.unusedFor.toSeconds());
            try (ResultSet row = uses.executeQuery()) {
                while (row.next()) {
                    used.merge(new Name(row.getString(1), row.getString(2)), row.getBoolean(3), Boolean::logicalOr);
                }
            }
            return Optional.of(since.toInstant().atZone(ZoneOffset.UTC).toLocalDate());
        } catch (SQLException e) {
            notes.accept("unused indexes were not looked for: " + server + ": " + IndexCheck.refused(e));
            return Optional.empty();
        }
    }
}
