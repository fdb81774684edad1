package dev.tenfold.query.index;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An index as a catalog has it, and which of them another one makes needless. Every database is judged by these rules.
 *
 * @param id unlike that of any other index
 * @param table as advice names it
 * @param name without its schema
 * @param method such as {@code btree}, in lower case
 * @param keys a column or expression each, with all that orders it: operator class, collation, direction, length of prefix
 * @param included columns that it carries besides
 * @param predicate of a partial index; empty if it is none
 * @param uniqueness empty if it is not unique; else what tells apart kinds of uniqueness, such as being deferred
 * @param keep how much speaks for keeping it if another is equal; from {@link #BOUND} on it cannot be dropped as an index
 * @param ddl drops it
 */
record CatalogIndex(
        String id,
        String table,
        String name,
        String method,
        List<String> keys,
        Set<String> included,
        String predicate,
        String uniqueness,
        int keep,
        String ddl) {

    static final int UNIQUE = 1;
    /** A constraint has it, which can be dropped. */
    static final int CONSTRAINT = 2;

    static final int BOUND = 3;
    static final int PRIMARY = 4;

    /** Whether it does all that another index of its table does. */
    boolean covers(CatalogIndex other) {
        if (!method.equals(other.method) || !predicate.equals(other.predicate)) return false;
        boolean equal = keys.equals(other.keys);
        boolean prefix = method.equals("btree")
                && keys.size() > other.keys.size()
                && keys.subList(0, other.keys.size()).equals(other.keys);
        if (!other.uniqueness.isEmpty() && !(equal && uniqueness.equals(other.uniqueness))) return false;
        return (equal || prefix) && other.included.stream().allMatch(this::carries);
    }

    private boolean carries(String column) {
        return included.contains(column) || keys.stream().anyMatch(key -> key.startsWith(column + " "));
    }

    /**
     * Those that can go, each with one that stays.
     *
     * @param indexes finished ones
     */
    static Map<CatalogIndex, CatalogIndex> redundant(List<CatalogIndex> indexes) {
        Map<String, List<CatalogIndex>> byTable = new LinkedHashMap<>();
        for (CatalogIndex index : indexes) {
            byTable.computeIfAbsent(index.table, unused -> new ArrayList<>()).add(index);
        }
        Map<CatalogIndex, CatalogIndex> redundant = new LinkedHashMap<>();
        for (List<CatalogIndex> ofTable : byTable.values()) {
            // The shortest goes first. What covers it may go too, but only for one that covers both.
            List<CatalogIndex> left = new ArrayList<>(ofTable);
            left.sort(Comparator.comparingInt((CatalogIndex index) -> index.keys.size())
                    .thenComparingInt(index -> index.included.size())
                    .thenComparingInt(CatalogIndex::keep)
                    .thenComparing(CatalogIndex::name, Comparator.reverseOrder()));
            for (CatalogIndex index : List.copyOf(left)) {
                if (index.keep >= BOUND) continue;
                left.stream()
                        .filter(other -> other != index && other.covers(index))
                        .filter(other -> index.keep < CONSTRAINT || other.keep >= CONSTRAINT)
                        .findFirst()
                        .ifPresent(other -> {
                            redundant.put(index, other);
                            left.remove(index);
                        });
            }
        }
        return redundant;
    }

    /** What a report says of one that can go. */
    IndexAdvice duplicateOf(CatalogIndex other, String size) {
        String what = keys.equals(other.keys) ? " has the same columns" : " begins with its columns";
        return new IndexAdvice(
                IndexAdvice.Kind.DUPLICATE_INDEX,
                table,
                name,
                other.name + what + " and does all that it does" + size,
                ddl,
                null,
                false);
    }
}
