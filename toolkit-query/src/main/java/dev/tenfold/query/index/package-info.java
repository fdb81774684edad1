/**
 * Finds missing, doubled and unused indexes, in the catalog and in the plans of statements.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.query.index.IndexCheck}: looks at a database
 *   <li>{@link dev.tenfold.query.index.IndexReport}: what it found
 *   <li>{@link dev.tenfold.query.index.IndexAdvice}: one index to add or to drop
 * </ol>
 *
 * <p>Private: {@code PostgresIndexes}, {@code MariaDbIndexes} and {@code H2Indexes} read catalogs, {@code CatalogIndex} knows
 * when one index does all that another does; {@code PlanCheck} has statements explained, {@code ScanFilter} reads what a scan
 * filters by, {@code ScannedTable} chooses the columns of the index that it lacks.
 */
@NullMarked
package dev.tenfold.query.index;

import org.jspecify.annotations.NullMarked;
